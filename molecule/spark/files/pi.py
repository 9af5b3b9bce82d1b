"""Estimates pi from a million points of a grid, in plain SQL on the cluster's executors."""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("pi").getOrCreate()
((inside,),) = spark.sql(
    "select count_if(pow(id % 1000 + 0.5, 2) + pow(id div 1000 + 0.5, 2) < 1000000) from range(0, 1000000, 1, 4)"
).collect()
sys.stdout.write(f"pi is about {4 * inside / 1_000_000:.2f}, by {spark.sparkContext.master}\n")
spark.stop()
