"""`./lab status`: which hosts and units run, and where each thing is."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor

from lab import ssh
from lab.instance import Instance
from lab.inventory import topology
from lab.topology import Host
from lab.verbs import Verbs

_LEFT_OUT = "left out"

_UNITS = {
    "kafka_broker": ["kafka"],
    "spark_master": ["spark-master", "spark-history"],
    "spark_worker": ["spark-worker"],
    "analytics": ["trade-analytics"],
    "monitoring": ["prometheus", "prometheus-alertmanager", "grafana-server", "kafka-ui"],
    "producer": ["trade-producer"],
    "exchange_simulator": ["exchange-simulator"],
}

_ADDRESSES = [
    ("monitoring", "grafana-server", "Grafana", "http://{}:3000"),
    ("monitoring", "prometheus", "Prometheus", "http://{}:9090"),
    ("monitoring", "kafka-ui", "Kafka UI", "http://{}:8080"),
    ("spark_master", "spark-master", "Spark master", "http://{}:8081"),
    ("spark_worker", "spark-worker", "Spark worker", "http://{}:8082"),
    ("analytics", "trade-analytics", "Spark job", "http://{}:4040"),
    ("spark_master", "spark-history", "Spark history", "http://{}:18080"),
    ("producer", "trade-producer", "producer metrics", "http://{}:8000/metrics"),
    ("analytics", "trade-analytics", "analytics metrics", "http://{}:8001/metrics"),
    ("kafka_broker", "kafka", "Kafka", "{}:9092"),
]

States = dict[str, dict[str, str]]


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `status`."""
    parser = verbs.add_parser(
        "status",
        help="show hosts, units and addresses",
        description="Show which hosts and units run, and the address of each thing. "
        "Exit status 0 only if every unit runs.",
    )
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.set_defaults(run=run)


def run(instance: Instance, options: argparse.Namespace) -> int:
    """Print the state; say by the exit status whether all is well."""
    states = read(instance)
    if options.json:
        listed = [
            {"host": host, "name": name, "address": address} for host, name, address in addresses(instance, states)
        ]
        print(json.dumps({"instance": instance.name, "hosts": states, "addresses": listed}, indent=2))
    else:
        for host, units in states.items():
            print(f"{host:10} " + "  ".join(f"{unit}: {state}" for unit, state in units.items()))
        print()
        print_addresses(instance, states)
    return 0 if all(_is_well(state) for units in states.values() for state in units.values()) else 1


def read(instance: Instance) -> States:
    """State of each unit by host.

    Raises:
        LabError: the instance is not up.
    """
    instance.require_up()
    hosts = topology(instance)
    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        states = pool.map(lambda host: unit_states(instance, host), hosts)
        return dict(zip([host.name for host in hosts], states, strict=True))


def units_of(host: Host) -> list[str]:
    """The units that belong on a host."""
    return [unit for group in host.groups for unit in _UNITS.get(group, [])] + ["prometheus-node-exporter"]


def unit_states(instance: Instance, host: Host) -> dict[str, str]:
    """What systemd says of each unit that belongs on a host; `unreachable` where it cannot be asked."""
    units = units_of(host)
    done = ssh.run(instance, host.name, "systemctl", "show", "--property=Id,LoadState,ActiveState", *units)
    if done.returncode != 0:
        return dict.fromkeys(units, "unreachable")
    states = {}
    for block in done.stdout.strip().split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines())
        absent = fields["LoadState"] == "not-found"
        states[fields["Id"].removesuffix(".service")] = _LEFT_OUT if absent else fields["ActiveState"]
    return states


def print_addresses(instance: Instance, states: States) -> None:
    """Print where each thing is that was not left out."""
    for host, name, address in addresses(instance, states):
        print(f"{name:18} {address:34} {host}")
    password = instance.directory / "state" / "grafana_admin_password"
    if password.exists():
        print(f"{'Grafana login':18} admin, password in {password}")


def addresses(instance: Instance, states: States) -> list[tuple[str, str, str]]:
    """Host, name and address of each thing that was not left out."""
    return [
        (host.name, name, pattern.format(instance.address(host.number)))
        for group, unit, name, pattern in _ADDRESSES
        for host in topology(instance)
        if group in host.groups and states[host.name][unit] != _LEFT_OUT
    ]


def _is_well(state: str) -> bool:
    return state in {"active", _LEFT_OUT}
