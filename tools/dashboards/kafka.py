"""*Kafka*: whether the brokers are well, what goes through them and how full they are."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat

from dashboards.board import Board, Row, address, page, variable
from dashboards.panels import Query, Says, graph, number, steps, timeline

_HOST = 'instance=~"$host"'
_NOTHING = "No figures of these hosts: is kafka up there?"
_CONTROLLER = "kafka_controller_kafkacontroller"
_REPLICAS = "kafka_server_replicamanager"
_TOPICS = "kafka_server_brokertopicmetrics"
_REQUESTS = "kafka_network_requestmetrics"


def _none_is_well(title: str, about: str, expr: str) -> stat.Panel:
    return number(Says(title, about, _NOTHING), "none", Query(expr, title.lower())).thresholds(
        steps("green", (1, "red"))
    )


def _health() -> Row:
    return Row(
        "Health",
        [
            number(
                Says("Active controllers", "Exactly one is well.", _NOTHING),
                "none",
                Query(f"sum({_CONTROLLER}_activecontrollercount)", "controllers"),
            ).thresholds(steps("red", (1, "green"), (2, "red"))),
            _none_is_well("Offline partitions", "They have no leader.", f"max({_CONTROLLER}_offlinepartitionscount)"),
            _none_is_well("Under min. ISR", "They refuse writes.", f"sum({_REPLICAS}_underminisrpartitioncount)"),
            _none_is_well("Under-replicated", "They miss a copy.", f"sum({_REPLICAS}_underreplicatedpartitions)"),
            _none_is_well("Offline copies", "Of a disk that failed.", f"sum({_REPLICAS}_offlinereplicacount)"),
            number(
                Says("Partitions", "Copies on these brokers.", _NOTHING),
                "none",
                Query(f"sum({_REPLICAS}_partitioncount{{{_HOST}}})", "partitions"),
            ),
            timeline(
                Says("Up", "Whether Prometheus gets an answer.", _NOTHING),
                Query(f'max by (instance) (up{{job="kafka", {_HOST}}})', "{{instance}}"),
            ).height(4),
        ],
    )


def _traffic() -> Row:
    return Row(
        "Traffic",
        [
            graph(
                Says("Messages in", "A second, by topic.", _NOTHING),
                "cps",
                Query(f"sum by (topic) (rate({_TOPICS}_messagesin_total{{{_HOST}}}[$__rate_interval]))", "{{topic}}"),
            ),
            graph(
                Says("Bytes in and out", "Of producers and consumers, by broker.", _NOTHING),
                "Bps",
                Query(
                    f"sum by (instance) (rate({_TOPICS}_all_bytesin_total{{{_HOST}}}[$__rate_interval]))",
                    "{{instance}} in",
                ),
                Query(
                    f"-sum by (instance) (rate({_TOPICS}_all_bytesout_total{{{_HOST}}}[$__rate_interval]))",
                    "{{instance}} out",
                ),
            ),
            graph(
                Says(
                    "Request time",
                    "99th percentile, by kind of request, of the slowest broker.",
                    "No such request yet.",
                ),
                "ms",
                Query(f'max by (request) ({_REQUESTS}_totaltimems{{quantile="0.99", {_HOST}}})', "{{request}}"),
            ),
            graph(
                Says("Requests", "A second, the five most frequent kinds.", _NOTHING),
                "reqps",
                Query(
                    f"topk(5, sum by (request) (rate({_REQUESTS}_requests_total{{{_HOST}}}[$__rate_interval])))",
                    "{{request}}",
                ),
            ),
        ],
    )


def _room() -> Row:
    return Row(
        "Room",
        [
            graph(
                Says("Size on disk", "Of every copy together, by topic.", _NOTHING),
                "bytes",
                Query(f"sum by (topic) (kafka_log_log_size_bytes{{{_HOST}}})", "{{topic}}"),
            ),
            graph(
                Says("Messages held", "By topic; retention takes the oldest.", _NOTHING),
                "short",
                Query(
                    "sum by (topic) (max by (topic, partition) (kafka_log_log_end_offset) "
                    "- max by (topic, partition) (kafka_log_log_start_offset))",
                    "{{topic}}",
                ),
            ),
            graph(
                Says(
                    "Idle",
                    "Share of time that the threads of requests and of the network have nothing to do.",
                    _NOTHING,
                ),
                "percentunit",
                Query(
                    f"min by (instance) (kafka_server_requesthandler_idle_ratio{{{_HOST}}})", "{{instance}} requests"
                ),
                Query(
                    f"min by (instance) (kafka_network_networkprocessor_idle_ratio{{{_HOST}}})", "{{instance}} network"
                ),
            )
            .min(0)
            .max(1),
            graph(
                Says("Heap", "Of the broker's JVM.", _NOTHING),
                "bytes",
                Query(
                    f'sum by (instance) (jvm_memory_used_bytes{{job="kafka", area="heap", {_HOST}}})', "{{instance}}"
                ),
            ),
        ],
    )


def board() -> Board:
    """The dashboard."""
    return Board(
        name="kafka",
        title="Kafka",
        about="Whether the brokers are well, what goes through them and how full they are.",
        refresh="10s",
        variables=[
            variable("host", "Host", 'label_values(up{job="kafka"}, instance)'),
            address("kafka_ui"),
        ],
        rows=[_health(), _traffic(), _room()],
        links=[page("Kafka UI", "kafka_ui")],
    )
