"""*Spark*: the cluster, its executors and the streaming job."""

from __future__ import annotations

from dashboards.board import Board, Row, address, page, variable
from dashboards.panels import Query, Says, graph, number, steps

_HOST = '{instance=~"$host"}'
_NO_MASTER = "No figures of a master: is spark-master up?"
_NO_WORKER = "No figures of these workers: is spark-worker up?"
_NO_JOB = "No figures of the Spark job: is trade-analytics up?"
_AT_LEAST_ONE = steps("red", (1, "green"))
_MEBIBYTES = "mbytes"


def _cluster() -> Row:
    return Row(
        "Cluster",
        [
            number(
                Says("Workers alive", "As the master knows them.", _NO_MASTER),
                "none",
                Query("max(metrics_master_aliveWorkers_Value)", "workers"),
            ).thresholds(_AT_LEAST_ONE),
            number(
                Says("Applications", "The streaming job is one.", _NO_MASTER),
                "none",
                Query("max(metrics_master_apps_Value)", "applications"),
            ).thresholds(_AT_LEAST_ONE),
            number(
                Says("Waiting", "Applications without cores.", _NO_MASTER),
                "none",
                Query("max(metrics_master_waitingApps_Value)", "waiting"),
            ).thresholds(steps("green", (1, "red"))),
            number(
                Says("Cores free", "Of these workers.", _NO_WORKER),
                "none",
                Query(f"sum(metrics_worker_coresFree_Value{_HOST})", "cores"),
            ),
            number(
                Says("Memory free", "Of what these workers may give to executors.", _NO_WORKER),
                _MEBIBYTES,
                Query(f"sum(metrics_worker_memFree_MB_Value{_HOST})", "memory"),
            ),
            number(
                Says("Executors", "On these workers.", _NO_WORKER),
                "none",
                Query(f"sum(metrics_worker_executors_Value{_HOST})", "executors"),
            ).thresholds(_AT_LEAST_ONE),
            graph(
                Says("Cores in use", "By worker.", _NO_WORKER),
                "none",
                Query(f"sum by (instance) (metrics_worker_coresUsed_Value{_HOST})", "{{instance}}"),
            ),
            graph(
                Says("Memory in use", "What executors were given, by worker.", _NO_WORKER),
                _MEBIBYTES,
                Query(f"sum by (instance) (metrics_worker_memUsed_MB_Value{_HOST})", "{{instance}}"),
            ),
        ],
    )


def _executors() -> Row:
    duration = "rate(metrics_executor_totalDuration_seconds_total[2m])"
    return Row(
        "Executors",
        [
            graph(
                Says("Active tasks", "By executor.", _NO_JOB),
                "none",
                Query("sum by (executor_id) (metrics_executor_activeTasks)", "{{executor_id}}"),
            ).span(8),
            graph(
                Says("Tasks done", "A second, by executor; and those that failed.", _NO_JOB),
                "cps",
                Query("sum by (executor_id) (rate(metrics_executor_completedTasks_total[2m]))", "{{executor_id}}"),
                Query("sum by (executor_id) (rate(metrics_executor_failedTasks_total[2m]))", "{{executor_id}} failed"),
            ).span(8),
            graph(
                Says("Busy and collecting", "Cores kept busy by tasks, and by the garbage collector.", _NO_JOB),
                "none",
                Query(f"sum({duration})", "tasks"),
                Query("sum(rate(metrics_executor_totalGCTime_seconds_total[2m]))", "garbage collector"),
            ).span(8),
        ],
    )


def _job() -> Row:
    return Row(
        "Streaming job",
        [
            graph(
                Says("Batch by stage", "How long the newest batch took.", _NO_JOB),
                "s",
                Query("max by (stage) (stream_batch_duration_seconds)", "{{stage}}"),
            ),
            graph(
                Says("Rows", "A second, as Spark counts them; processed is what it could do while it worked.", _NO_JOB),
                "cps",
                Query("max(stream_input_rows_per_second)", "arrived"),
                Query("max(stream_processed_rows_per_second)", "processed"),
            ),
            graph(
                Says("Batch size", "Messages in a batch, on average.", "No batch in the last two minutes."),
                "short",
                Query("sum(rate(batch_size_events_sum[2m])) / sum(rate(batch_size_events_count[2m]))", "messages"),
            ).span(8),
            graph(
                Says("Record of state", "Size of the newest.", _NO_JOB),
                "bytes",
                Query("max(state_record_bytes)", "bytes"),
            ).span(8),
            graph(
                Says(
                    "Not in files yet",
                    "Trades that no reader of Parquet sees yet; once a minute they go over.",
                    _NO_JOB,
                ),
                "short",
                Query("max(storage_landed_trades)", "trades"),
            ).span(8),
        ],
    )


def board() -> Board:
    """The dashboard."""
    return Board(
        name="spark",
        title="Spark",
        about="The cluster, its executors and the streaming job.",
        refresh="10s",
        variables=[
            variable("host", "Worker", 'label_values(up{job="spark_worker"}, instance)'),
            address("spark_master"),
            address("spark_history"),
        ],
        rows=[_cluster(), _executors(), _job()],
        links=[page("Spark master", "spark_master"), page("History server", "spark_history")],
    )
