"""Which hosts a lab has, what each is for, and what of each outlives its container."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Host:
    """One host: its number within the network, its inventory groups, variables and volumes.

    Volumes map a path on the host to the name of a volume; two hosts that name the same volume share it.
    """

    name: str
    number: int
    groups: tuple[str, ...]
    volumes: dict[str, str] = field(default_factory=dict)
    variables: dict[str, object] = field(default_factory=dict)


def _kafka(index: int) -> Host:
    name = f"kafka{index}"
    return Host(
        name,
        10 + index,
        ("kafka_controller", "kafka_broker"),
        {"/var/lib/kafka": f"{name}-data"},
        {"kafka_node_id": index},
    )


def _spark(index: int) -> Host:
    name = f"spark{index}"
    first = ("spark_master", "analytics") if index == 1 else ()
    volumes = {"/var/lib/spark": f"{name}-state", "/srv/tradestream": "storage"}
    return Host(name, 20 + index, ("spark_worker", *first), volumes)


_MONITOR = Host(
    "monitor1",
    31,
    ("monitoring",),
    {"/var/lib/prometheus": "monitor1-prometheus", "/var/lib/grafana": "monitor1-grafana"},
)
_APP = Host("app1", 41, ("producer", "exchange_simulator"), {"/var/lib/tradestream": "app1-state"})

TOPOLOGIES: dict[str, tuple[Host, ...]] = {
    "small": (_kafka(1), _spark(1), _MONITOR, _APP),
    "cluster": (_kafka(1), _kafka(2), _kafka(3), _spark(1), _spark(2), _MONITOR, _APP),
}

# groups made of groups, as in inventory/single and inventory/cluster
GROUP_CHILDREN = {"kafka": ("kafka_controller", "kafka_broker"), "spark": ("spark_master", "spark_worker")}
