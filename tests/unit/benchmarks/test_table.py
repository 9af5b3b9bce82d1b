"""What the benchmark of the producer prints."""

from __future__ import annotations

from benchmarks.producer import Measured, table
from benchmarks.rows import Row
from benchmarks.run import Result, Sample


def measured(name: str, *seconds: float, missing: int = 0) -> Measured:
    """A row that took so many seconds of a CPU for 1,000 trades in each run, and twice that by the clock."""
    results = [
        Result(1000, missing, [Sample(5.0, 10, 1.0, 20.0, 25.0), Sample(5.0 + 2 * each, 1010, 1.0 + each, 30.0, 40.0)])
        for each in seconds
    ]
    return Measured(Row(name, name.upper(), lambda _: ()), results)


def test_a_row_tells_the_median_of_its_runs_beside_the_floor() -> None:
    ours = measured("ours", 0.004, 0.009, 0.003, missing=2)
    ours.latencies = [[float(number + late) for number in range(1, 1000)] for late in (0, 5, 9)]
    assert table([measured("floor", 0.002), ours])[2:] == [
        "| FLOOR | 1 x 1,000 | 0 | 250,000 | 2.0 | 1.00 | 40 |  |  |",
        "| OURS | 3 x 1,000 | 6 | 125,000 | 4.0 | 2.00 | 40 | 505.0 | 995.0 |",
    ]


def test_a_program_that_does_not_run_says_why_instead_of_figures() -> None:
    one = measured("other")
    one.failure = "pip failed:\nmuch more\nno compiler"
    assert table([one])[2:] == ["| OTHER | does not run: pip failed: no compiler |"]


def test_a_long_run_tells_memory_at_its_beginning_and_its_end() -> None:
    million = 1_000_000
    samples = [
        Sample(0.0, 0, 0.0, 50.0, 50.0),
        Sample(1.0, million, 1.0, 60.0, 60.0),
        Sample(2.0, 2 * million, 2.0, 90.0, 95.0),
        Sample(4.0, 4 * million, 4.0, 70.0, 95.0),
    ]
    one = Measured(Row("ours", "OURS", lambda _: ()), [Result(4 * million, 0, samples)])
    assert table([one])[2].endswith("| 95 |  |  | 60 | 70 |")
