"""Tables that fit: a column that matters less goes before a figure is cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rich.table import Table
from rich.text import Text

_GAP = 2


class Column(NamedTuple):
    """A column.

    Attributes:
        name: its title.
        cells: one for each row.
        rank: the columns with the highest rank go first where there is no room; 0 stays.
        align: numbers go to the right.
    """

    name: str
    cells: Sequence[Text]
    rank: int = 0
    align: Literal["left", "right"] = "right"

    @property
    def width(self) -> int:
        """How wide it has to be."""
        return max([len(self.name), *(cell.cell_len for cell in self.cells)])


def fitted(columns: Sequence[Column], width: int) -> Table:
    """Returns a table of those columns for which a line of so many letters has room."""
    shown = list(columns)
    while sum(column.width for column in shown) + _GAP * (len(shown) - 1) > width:
        rank = max(column.rank for column in shown)
        if rank == 0:
            break
        shown = [column for column in shown if column.rank < rank]
    table = Table(box=None, pad_edge=False, padding=(0, _GAP // 2), header_style="dim")
    for column in shown:
        table.add_column(column.name, justify=column.align, no_wrap=True)
    for row in zip(*(column.cells for column in shown), strict=True):
        table.add_row(*row)
    return table
