"""An instance's hosts as Ansible sees them."""

from __future__ import annotations

from collections.abc import Sequence

from lab.image import ADMIN
from lab.instance import Instance, Settings
from lab.topology import GROUP_CHILDREN, TOPOLOGIES, Host


def topology(instance: Instance) -> tuple[Host, ...]:
    """The hosts of the topology that the instance was last brought up with."""
    return TOPOLOGIES[(instance.settings or Settings()).topology]


def document(instance: Instance, hosts: Sequence[Host]) -> dict[str, object]:
    """The inventory in the form that Ansible takes from a program (`--list`)."""
    groups: dict[str, dict[str, list[str]]] = {}
    for host in hosts:
        for group in host.groups:
            groups.setdefault(group, {"hosts": []})["hosts"].append(host.name)
    for parent, children in GROUP_CHILDREN.items():
        present = [child for child in children if child in groups]
        if present:
            groups[parent] = {"children": present}
    return {
        "_meta": {"hostvars": {host.name: host_variables(instance, host) for host in hosts}},
        "all": {"children": [*groups, "ungrouped"], "vars": _shared_variables(instance)},
        **groups,
    }


def host_variables(instance: Instance, host: Host) -> dict[str, object]:
    """How to reach one host, and what is its own."""
    return {"ansible_host": instance.address(host.number), **host.variables}


def connection_variables(instance: Instance) -> dict[str, object]:
    """How to reach all of them."""
    return {"ansible_user": ADMIN, "ansible_ssh_args": f"-F {instance.ssh_config}"}


def _shared_variables(instance: Instance) -> dict[str, object]:
    return {
        **connection_variables(instance),
        "pipeline_state_dir": str(instance.directory / "state"),
        **(instance.settings or Settings()).variables,
    }
