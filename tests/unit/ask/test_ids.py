from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st

from tradestream.ask.ids import MOST_RANGES, Ids, ids


@pytest.fixture(scope="module")
def connection() -> Iterator[DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def plainly(numbers: list[int]) -> Ids:
    """What the ids tell, number by number."""
    there = set(numbers)
    missing = [number for number in range(min(there), max(there) + 1) if number not in there]
    ranges: list[tuple[int, int]] = []
    for number in missing:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return Ids(len(numbers), len(there), min(there), max(there), len(missing), ranges[:MOST_RANGES], len(ranges))


@given(numbers=st.lists(st.integers(0, 150), min_size=1, max_size=120))
def test_missing_ranges_and_duplicates_are_those_found_one_by_one(
    connection: DuckDBPyConnection, numbers: list[int]
) -> None:
    rows = ", ".join(f"({number})" for number in numbers)
    assert ids(connection, f"(VALUES {rows}) t(trade_id)") == plainly(numbers)


def test_the_ends_of_64_bits_do_not_overflow(connection: DuckDBPyConnection) -> None:
    found = ids(connection, f"(VALUES (0), ({2**63 - 1})) t(trade_id)")
    assert found == Ids(2, 2, 0, 2**63 - 1, 2**63 - 2, [(1, 2**63 - 2)], 1)


def test_no_trades_are_none(connection: DuckDBPyConnection) -> None:
    assert ids(connection, "(SELECT 1::BIGINT AS trade_id WHERE false)") is None
