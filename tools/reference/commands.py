"""Every command of `tradestream` and every verb of `./lab`, as its own help tells it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from typing import cast

import lab.cli
import tradestream.cli

_COLUMNS = 100


def page() -> str:
    """The page of the command lines."""
    help_texts = [text for parser in (tradestream.cli.command_line(), lab.cli.command_line()) for text in _all(parser)]
    return "\n".join(["# Commands\n", "What each says with `--help`.\n", *help_texts])


def _all(parser: argparse.ArgumentParser, depth: int = 2) -> Iterator[str]:
    """The section of a command, then those of the commands below it."""
    # not the width of the terminal in which this happens to run
    parser.formatter_class = partial(cast("type[argparse.HelpFormatter]", parser.formatter_class), width=_COLUMNS)
    yield f"{'#' * depth} {parser.prog}\n\n```text\n{parser.format_help()}```\n"
    for below in _below(parser):
        yield from _all(below, depth + 1)


def _below(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    actions = parser._actions  # noqa: SLF001 - argparse has no public way to ask for what was added
    return [
        below
        for action in actions
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 - as above
        for below in action.choices.values()
    ]
