"""Ansible module: asks a host whether ports can be opened, and says who stands in the way. Changes nothing."""

from __future__ import annotations

import errno
import re
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: pipeline_ports
short_description: Asks a host whether ports can be opened
description:
  - A port that its own unit holds is as good as a free one.
  - Returns the fact C(pipeline_ports_claimed), which the next call takes as C(claimed), so that no two variables ask
    for one port of a host.
options:
  host:
    description: Name of the host, for the message.
    type: str
    required: true
  address:
    description: Address that the ports are to be opened on.
    type: str
    required: true
  address_variable:
    description: Variable that the address comes from.
    type: str
    required: true
  ports:
    description: C(port), C(variable) that it comes from, C(unit) that it is for.
    type: list
    elements: dict
    required: true
  claimed:
    description: Variable by port, of the calls before.
    type: dict
    required: true
"""

PROCESS = re.compile(r'\("(?P<name>[^"]+)",pid=(?P<pid>\d+)')
UNIT = re.compile(r"/([^/\n]+\.(?:service|scope))(?:/|$)", re.MULTILINE)


@dataclass(frozen=True)
class Holder:
    """A program that listens, and the unit of systemd that it runs in, if any."""

    name: str
    pid: int
    unit: str

    def __str__(self) -> str:
        """Describe it as an operator finds it again."""
        return f"{self.name} (process {self.pid}{', ' if self.unit else ''}{self.unit})"


def parse_holders(listing: str) -> list[tuple[str, int]]:
    """Return name and process of each program in what ``ss --processes`` prints."""
    return [(match["name"], int(match["pid"])) for match in PROCESS.finditer(listing)]


def parse_unit(cgroup: str) -> str:
    """Return the innermost unit in what /proc/PID/cgroup says, empty where there is none."""
    units = UNIT.findall(cgroup)
    return str(units[-1]) if units else ""


def double_claims(ports: list[dict[str, str]], claimed: dict[str, str]) -> list[str]:
    """Return a complaint for each port that another variable has asked for already."""
    return [
        f"{port['variable']} and {claimed[port['port']]} are both {port['port']}: give each a port of its own."
        for port in ports
        if claimed.get(port["port"], port["variable"]) != port["variable"]
    ]


def complaint(address: str, address_variable: str, port: dict[str, str], host: str) -> str:
    """Return what stands in the way of opening a port, with what to do; empty where nothing does."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(address, int(port["port"]), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _taken(port, host)
        return (
            f"{port['unit']} cannot listen on port {port['port']} of {address} on {host} ({error.strerror}): "
            f"set {address_variable} to an address of this host (or 0.0.0.0)."
        )
    return ""


def _taken(port: dict[str, str], host: str) -> str:
    found = holders(port["port"])
    if any(holder.unit == f"{port['unit']}.service" for holder in found):
        return ""
    names = " and ".join(map(str, found)) or "a program that the host does not show"
    return (
        f"Port {port['port']} on {host} is taken by {names}, and {port['unit']} needs it: "
        f"stop that program, or set {port['variable']} to a free port."
    )


def holders(port: str) -> list[Holder]:
    """Return the programs that listen on a port of any address."""
    command = ["ss", "--no-header", "--listening", "--tcp", "--numeric", "--processes", f"sport = :{port}"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [Holder(name, pid, _unit_of(pid)) for name, pid in parse_holders(listing)]


def _unit_of(pid: int) -> str:
    try:
        return parse_unit(Path(f"/proc/{pid}/cgroup").read_text())
    except OSError:  # it has just ended
        return ""


def main() -> None:
    """Try each port; fail with all complaints at once."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "address_variable": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "dict", "required": True},
            "claimed": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    ports = [{name: str(value) for name, value in port.items()} for port in wanted["ports"]]
    complaints = double_claims(ports, wanted["claimed"])
    complaints += [
        text
        for port in ports
        if (text := complaint(wanted["address"], wanted["address_variable"], port, wanted["host"]))
    ]
    if complaints:
        module.fail_json(msg=" ".join(complaints))
    claimed = {**wanted["claimed"], **{port["port"]: port["variable"] for port in ports}}
    module.exit_json(changed=False, ansible_facts={"pipeline_ports_claimed": claimed})


if __name__ == "__main__":
    main()
