"""What the Spark job would have said to trades of the past, without Spark and as fast as this machine can.

Read in the order of the data: ``dumps`` and ``stored`` (where trades come from), ``batch`` (their sums, in DuckDB),
`tradestream.analytics.answers` (candles and signals, as the job makes them), ``output`` (the messages), ``hits`` (what
became of the signals), ``report`` and ``plot``; ``settings`` says by which rules and ``service`` joins them.
"""
