"""The Spark job: trades of topic ``streaming-events`` become candles, Parquet files and metrics.

Read in the order of the data: ``schema`` (message to row), ``rows`` (row to partial aggregate, in Spark) and ``batch``
(a batch's rows), ``candles`` and ``ids`` (partial aggregates to candles, in plain Python), ``answers`` (what a batch
changes, here and in a backtest), ``state`` (what a restart needs), ``position`` (how far the topic was read),
``checkpoint`` (Spark's log of batches), ``storage`` (Parquet), ``publish`` (topics ``candles`` and ``signals``),
``metrics``; ``pipeline`` joins them for one batch and ``job`` runs the query. ``fast_path`` is ahead of them with large
trades, ``listener`` tells of the query.

What becomes of closed candles: ``indicators``, then ``rules`` (what is asked), ``evidence`` (what a rule finds),
``pairs`` (which symbols are the same), ``signals`` (the engine), ``sent`` (what left before).

What goes wrong: ``rejected`` tells of messages that are no trades, ``landed`` and ``position`` of what the job cannot
go on from. ``repair`` is the command for that, of a job that does not run (``alone``), over the files of this host
(``local_directory``).
"""
