"""The streaming query and the process around it: checks at the start, ticks and the watchdog, a clean end."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, nullcontext
from types import FrameType

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from prometheus_client import start_http_server
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from tradestream import systemd
from tradestream.analytics.alone import alone
from tradestream.analytics.checkpoint import Checkpoint
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.fast_path import FastPath
from tradestream.analytics.hadoop_directory import directory
from tradestream.analytics.layout import UNIQUE
from tradestream.analytics.local_directory import local_path
from tradestream.analytics.metrics import Metrics
from tradestream.analytics.pipeline import Outputs, Pipeline
from tradestream.analytics.position import held
from tradestream.analytics.progress import Progress
from tradestream.analytics.publish import Topics
from tradestream.analytics.sent import Sent, sent_signals
from tradestream.analytics.state import StateStore
from tradestream.analytics.storage import Storage
from tradestream.errors import ConfigError, FatalError, KafkaUnavailableError, TradestreamError, cause
from tradestream.kafka import client_config, read_properties
from tradestream.logs import line

log = logging.getLogger(__name__)

_KAFKA_TIMEOUT = 15
_TICK_SECONDS = 1.0
# A suspended machine or a long batch must not pass for time in which the feed was idle.
_LONGEST_TICK = 5.0
# What Spark's status says while it asks Kafka what there is, which takes minutes where no broker answers.
_ASKS = "Getting offsets"

# A full batch is read in so many shares or a few more: a topic's partitions are as uneven as the symbols in them, and a
# core that was given the small one would wait for the other.
_SHARES = 20

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # A number that does not fit stops the query; without this it would become NULL.
    "spark.sql.ansi.enabled": "true",
    # Small batches: planning again between stages costs more than it saves.
    "spark.sql.adaptive.enabled": "false",
    # A directory's name is text: 2021-01-08 no date, symbol=1000 no number.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    # The driver lists the directories of a move itself: a job of Spark that does takes longer to begin.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
    # Readers and this job know their files; empty markers beside them would only be noise.
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    # Spark's own default for timestamps in Parquet is the deprecated INT96.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Differences of neighbours instead of values, which makes ids, times and offsets short: a third of the bytes, and
    # less to compress. No dictionary is tried for what is different in each row.
    "spark.hadoop.parquet.writer.version": "v2",
    **{f"spark.hadoop.parquet.enable.dictionary#{name}": "false" for name in UNIQUE},
    # Hadoop's own class for local files starts the program chmod several times for each where its native library is
    # missing, as it is in Spark's distribution. This one makes a call, and is otherwise the same.
    "spark.hadoop.fs.file.impl": "com.globalmentor.apache.hadoop.fs.BareLocalFileSystem",
    # Of its own log of the query, which no restart needs: by default Spark starts twenty programs for each file of it.
    "spark.sql.streaming.checkpointFileManagerClass": "org.apache.spark.sql.execution.streaming.checkpointing"
    ".FileSystemBasedCheckpointFileManager",
    "spark.ui.showConsoleProgress": "false",
    # A plan may hold all ids that came before: its description in the event log need not.
    "spark.sql.maxPlanStringLength": "20000",
    # Enough groups of one batch (symbols times minutes) before an aggregation falls back to sorting.
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "100000",
}


class QueryFailedError(FatalError):
    """The streaming query ended by itself."""


def session(config: AnalyticsConfig) -> SparkSession:
    """A session with what the job needs to be right; where it runs and how big is up to spark-defaults.conf."""
    builder = SparkSession.builder.appName("trade-analytics")
    for key, value in _SETTINGS.items():
        builder = builder.config(key, value)
    return builder.config("spark.sql.shuffle.partitions", config.shuffle_partitions).getOrCreate()


def run(config: AnalyticsConfig) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        BusyError: Another job uses the same state, or it is being repaired.
        ConfigError: The configuration or what it names cannot be used.
        KafkaUnavailableError: No broker answered.
        QueryFailedError: The query ended by itself.
        FastPathError: So did the fast path.
        RepairNeededError: The job cannot go on from where it stood.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    client = client_config(config.kafka_client_config)
    require_topics(client, [config.topic, config.dead_letter_topic, config.candles_topic, config.signals_topic])
    state = local_path(f"{config.checkpoint}/state")
    with alone(state) if state else nullcontext():
        _run(config, client, stop)


def _run(config: AnalyticsConfig, client: Mapping[str, str], stop: threading.Event) -> None:
    metrics = Metrics()
    server, _ = start_http_server(config.metrics.port, config.metrics.address, metrics.registry)
    log.info(line("metrics_listening", address=config.metrics.address, port=server.server_port))
    spark = session(config)
    try:
        job = Job(spark, config, client, metrics)
        job.start()
        systemd.notify("READY=1\nSTATUS=reading " + config.topic)
        job.watch(stop)
        systemd.notify("STOPPING=1")
        job.stop()
    finally:
        spark.stop()
        server.shutdown()


class Job:
    """A running query with its pipeline.

    Args:
        spark: The session.
        config: The job's configuration.
        client: librdkafka's configuration of the cluster.
        metrics: What Prometheus sees.
    """

    def __init__(
        self, spark: SparkSession, config: AnalyticsConfig, client: Mapping[str, str], metrics: Metrics
    ) -> None:
        self._spark = spark
        self._config = config
        self._client = client
        self._progress = Progress(metrics)
        properties = read_properties(config.kafka_client_config)
        self._kafka = {f"kafka.{key}": value for key, value in properties.items()}
        state = directory(spark, f"{config.checkpoint}/state")
        storage = Storage(spark, config.storage)
        state.require_writable()
        storage.require_writable()
        sent = Sent(sent_signals(client, config.signals_topic))
        outputs = Outputs(
            StateStore(state),
            storage,
            Topics(client, config.candles_topic, config.signals_topic),
            sent,
            {**self._kafka, "topic": config.dead_letter_topic},
            metrics,
        )
        self._pipeline = Pipeline(config, outputs)
        self._fast_path = FastPath(config, client, sent, self._pipeline.has_taken, metrics)
        self._query: StreamingQuery | None = None
        self._end = ExitStack()

    def start(self) -> None:
        """Load the state and start the query, and the fast path beside it.

        Raises:
            KafkaUnavailableError: No broker answered.
            RepairNeededError: The job cannot go on from where it stood.
        """
        position = self._pipeline.start(held(self._client, self._config.topic))
        checkpoint = Checkpoint()
        self._end.callback(checkpoint.remove)

        def process(messages: DataFrame, batch_id: int) -> None:
            self._pipeline.process(messages, checkpoint.offsets(batch_id))

        source = (
            self._spark.readStream.format("kafka")
            .options(**self._kafka)
            .option("subscribe", self._config.topic)
            .option("startingOffsets", json.dumps({self._config.topic: position.offsets}))
            .option("failOnDataLoss", "true")
            .option("maxOffsetsPerTrigger", self._config.max_offsets_per_trigger)
            .option("maxRecordsPerPartition", self._config.max_offsets_per_trigger // _SHARES)
        )
        self._query = (
            source.load()
            # Here and not for each batch, of which it would be planned and named anew.
            .select("value", "timestamp", "partition", "offset")
            .writeStream.queryName("trades")
            .option("checkpointLocation", checkpoint.uri)
            .trigger(processingTime=f"{self._config.trigger_seconds} seconds")
            .foreachBatch(process)
            .start()
        )
        self._fast_path.start()
        log.info(line("started", topic=self._config.topic, storage=self._config.storage))

    def watch(self, stop: threading.Event) -> None:
        """Tick until ``stop`` is set.

        A tick waits for the batch under way, so WatchdogSec is how long one may take.

        Raises:
            TradestreamError: A batch failed.
            QueryFailedError: The query ended by itself.
            FastPathError: So did the fast path.
        """
        before = time.monotonic()
        while not stop.wait(_TICK_SECONDS):
            self._fast_path.check()  # first, as the query ends by its failure too
            query = self._running()
            systemd.notify("WATCHDOG=1")
            # In this order: of a batch that came and went in between, its progress tells.
            waits = _waits(query)
            found_nothing = self._progress.look(query)
            now = time.monotonic()
            # No batch tells that the topic was read to its end where nothing came since the start.
            live = waits and (found_nothing or self._pipeline.caught_up)
            self._pipeline.tick(min(now - before, _LONGEST_TICK) if live else 0.0)
            before = now

    def stop(self) -> None:
        """Let the batch under way finish, stop the query and move what landed into Parquet."""
        query = self._running()
        self._fast_path.stop()
        # A batch that begins after this wait is cut short and taken again at the next start.
        with self._pipeline.lock:
            pass
        query.stop()
        self._end.close()
        self._pipeline.flush()
        log.info(line("stopped"))

    def _running(self) -> StreamingQuery:
        query = self._query
        if query is None or not query.isActive:
            error = self._pipeline.failure or (query.exception() if query else None)
            if isinstance(error, TradestreamError):
                raise error  # which says what to do
            raise QueryFailedError(f"the query ended: {cause(error)}") from error
        return query


def _waits(query: StreamingQuery) -> bool:
    """Whether no batch is under way, nor Kafka asked for one."""
    status = query.status
    if status["message"].startswith(_ASKS):
        return False
    return not (status["isTriggerActive"] and status["isDataAvailable"])


def require_topics(client: Mapping[str, str], topics: list[str]) -> None:
    """Hold the cluster against what the job needs.

    Raises:
        KafkaUnavailableError: No broker answered.
        ConfigError: A topic does not exist.
    """
    where = client["bootstrap.servers"]
    try:
        found = AdminClient(dict(client)).list_topics(timeout=_KAFKA_TIMEOUT).topics
    except KafkaException as error:
        raise KafkaUnavailableError(
            f"Kafka at {where}: {error.args[0].str()}; check that the brokers run and that "
            "the client properties fit them"
        ) from error
    missing = [topic for topic in topics if topic not in found]
    if missing:
        raise ConfigError(
            f"Kafka at {where}: no topic {', '.join(missing)}; create it, or correct the name in the configuration"
        )
