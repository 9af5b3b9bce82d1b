"""The lab's inventory: groups, addresses, and what it shares with the example inventories."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.instance import Instance
from lab.inventory import document
from lab.topology import TOPOLOGIES

ROOT = Path(__file__).parents[3]
STATE = yaml.safe_load((ROOT / "roles" / "pipeline" / "defaults" / "main.yml").read_text())["pipeline_state_dir"]


@pytest.fixture(autouse=True)
def _network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.instance.STATE", tmp_path)
    Instance("lab").save_subnet("10.89.7")


@pytest.mark.parametrize("topology", sorted(TOPOLOGIES))
def test_every_host_has_an_address_of_its_own_in_the_network_of_the_instance(topology: str) -> None:
    hosts = TOPOLOGIES[topology]
    inventory = document(Instance("lab"), hosts)
    variables = inventory["_meta"]["hostvars"]  # type: ignore[index]
    addresses = [each["ansible_host"] for each in variables.values()]
    assert len(set(addresses)) == len(hosts)
    assert all(address.startswith("10.89.7.") for address in addresses)


@pytest.mark.parametrize("topology", sorted(TOPOLOGIES))
def test_an_analytics_host_is_a_spark_host_and_shares_its_storage(topology: str) -> None:
    spark = [host for host in TOPOLOGIES[topology] if "spark_worker" in host.groups or "spark_master" in host.groups]
    assert {host.name for host in TOPOLOGIES[topology] if "analytics" in host.groups} <= {host.name for host in spark}
    assert {host.volumes["/srv/tradestream"] for host in spark} == {"storage"}


def test_the_cluster_is_what_the_cluster_topology_promises() -> None:
    groups = document(Instance("lab"), TOPOLOGIES["cluster"])
    assert groups["kafka_broker"] == {"hosts": ["kafka1", "kafka2", "kafka3"]}
    assert groups["spark_worker"] == {"hosts": ["spark1", "spark2"]}
    assert groups["spark_master"] == {"hosts": ["spark1"]}


@pytest.mark.parametrize("example", ["single", "cluster"])
def test_the_example_inventories_use_the_same_groups(example: str) -> None:
    lab = set(document(Instance("lab"), TOPOLOGIES["cluster"])) - {"_meta", "all", "exchange_simulator"}
    text = yaml.safe_load((ROOT / "inventory" / example / "hosts.yml").read_text())
    assert _groups(text["all"]["children"]) == lab


def _groups(children: dict[str, dict[str, object] | None]) -> set[str]:
    names = set(children)
    for child in children.values():
        below = (child or {}).get("children", {})
        assert isinstance(below, dict)
        names |= _groups(below)
    return names


def test_what_a_play_keeps_beside_an_inventory_is_not_taken_for_hosts(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "inventory" / "single", tmp_path / "mine")
    state = tmp_path / "mine" / Path(STATE).name
    state.mkdir()
    (state / "grafana_admin_password").write_text("s3cret\n")
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(tmp_path / "mine"), "--list"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert list(json.loads(said)["_meta"]["hostvars"]) == ["market1"]
