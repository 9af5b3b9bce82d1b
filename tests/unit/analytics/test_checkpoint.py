from __future__ import annotations

import pytest

from tradestream.analytics.checkpoint import end_offsets

LOG = b"""v1
{"batchWatermarkMs":0,"batchTimestampMs":1610064000000,"conf":{"spark.sql.shuffle.partitions":"2"}}
{"streaming-events":{"2":17,"1":0,"0":9}}"""


def test_the_offsets_of_each_partition_are_read() -> None:
    assert end_offsets(LOG) == {0: 9, 1: 0, 2: 17}


@pytest.mark.parametrize(
    "log",
    [b"", bytes(len(LOG)), LOG[: len(LOG) // 2], LOG.replace(b"v1", b"v2"), LOG + b"\n{}", LOG[:-1], b"\xff\n\n"],
    ids=["empty", "zeros", "half", "version", "longer", "cut", "binary"],
)
def test_what_is_no_such_log_is_refused(log: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        end_offsets(log)
