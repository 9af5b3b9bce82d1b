"""Spark inside the tests' own process, for tests of parts of the job."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from integration.analytics.job import python_path, spark_environment

# The job's modules import PySpark, which comes with Spark.
sys.path[:0] = python_path()

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The job's session on two local cores."""
    from tradestream.analytics.config import AnalyticsConfig  # noqa: PLC0415 - after PySpark is on the path
    from tradestream.analytics.job import session  # noqa: PLC0415

    os.environ.update({name: value for name, value in spark_environment().items() if name != "PYTHONPATH"})
    spark = session(AnalyticsConfig(kafka_client_config=Path("/"), storage="file:///", checkpoint="file:///"))
    spark.sparkContext.setLogLevel("ERROR")
    yield spark
    spark.stop()
