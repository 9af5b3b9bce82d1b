"""Estimates pi from a million points of a grid, in plain SQL on the cluster's executors."""

from __future__ import annotations

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("pi").getOrCreate()
inside = spark.sql(
    "select count_if(pow(id % 1000 + 0.5, 2) + pow(id div 1000 + 0.5, 2) < 1000000) as n from range(0, 1000000, 1, 4)"
).first()
assert inside is not None
print(f"pi is about {4 * inside.n / 1_000_000:.2f}, by {spark.sparkContext.master}")
spark.stop()
