"""The program: ``python -m tradestream.analytics --config FILE``.

Python is the main process and starts Spark's JVM as its child, so that a signal and the exit code are Python's.
PySpark itself comes from SPARK_HOME: ``PYTHONPATH=$SPARK_HOME/python:$SPARK_HOME/python/lib/py4j-VERSION-src.zip``.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from tradestream.analytics.config import AnalyticsConfig, load
from tradestream.errors import ConfigError, RepairNeededError, TradestreamError
from tradestream.logs import failed, line, setup

log = logging.getLogger("tradestream.analytics")


def main() -> int:
    """Run the job.

    Returns:
        0 after SIGTERM, 1 when it failed, 2 when its configuration cannot be used, 3 when it would fail again and again
        until a person has decided what to do.
    """
    parser = argparse.ArgumentParser(prog="tradestream analytics", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="YAML file")
    parser.add_argument("--check-config", action="store_true", help="only read the file and say what is wrong")
    arguments = parser.parse_args()
    try:
        config = load(arguments.config)
        if not arguments.check_config:
            _run(config)
    except ConfigError as error:
        failed("tradestream analytics", error)
        return 2
    except RepairNeededError as error:
        log.critical(line("repair_needed", cause=error))
        return 3
    except TradestreamError as error:
        log.critical(line("failed", cause=error))
        return 1
    return 0


def _run(config: AnalyticsConfig) -> None:
    setup(config.log_level)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    from tradestream.analytics.job import run  # noqa: PLC0415 - --check-config works without Spark

    run(config)


if __name__ == "__main__":
    sys.exit(main())
