"""The Spark job: trades of topic ``streaming-events`` become candles, Parquet files and metrics.

Read in the order of the data: ``landing`` (messages to files), ``batch`` (what landed) and its sums, ``candles``,
``intervals`` and ``ids`` (partial aggregates to candles, in plain Python), ``answers`` (what a batch changes, here and
in a backtest),
``state`` (what a restart needs), ``position`` (how far the topic was read), ``checkpoint`` (Spark's log of batches),
``storage`` (Parquet), ``publish`` (topics ``candles`` and ``signals``), ``metrics``; ``pipeline`` joins them for one
batch and ``job`` runs the query. ``fast_path`` is ahead of them with large trades (``large_trades``), ``progress``
tells of the query, and ``shown`` what Prometheus is shown of candles.

Where the driver's host sees the storage, DuckDB reads a batch's messages (``produced``), sums it (``table_batch``) and
writes finished files (``local_staging``). What it leaves alone, and any other storage, Spark does: ``schema``,
``rows``, ``staging``. Both go by ``layout`` (tables and columns) and by ``files`` (what a directory can:
``local_directory``, ``hadoop_directory``).

What becomes of closed candles: ``indicators``, then ``rules`` (what is asked), ``evidence`` (what a rule finds),
``pairs`` (which symbols are the same), ``signals`` (the engine), ``sent`` (what left before).

What goes wrong: ``rejected`` tells of messages that are no trades, ``landed`` and ``position`` of what the job cannot
go on from. ``repair`` is the command for that, of a job that does not run (``alone``), over the files of this host.
"""
