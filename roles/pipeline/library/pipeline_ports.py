"""Ansible module: asks a host whether ports can be opened, and says who stands in the way. Changes nothing."""

from __future__ import annotations

import errno
import re
import socket
import subprocess

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

PORTS = 65536
NAME = re.compile(r'\("([^"]+)",pid=')
UNIT = re.compile(r"\bcgroup:\S*/([^/\s]+\.(?:service|scope))(?=[/\s]|$)")


def parse_unit(line: str) -> str:
    """Return the innermost unit in a line of ``ss --cgroup``, empty where there is none."""
    match = UNIT.search(line)
    return match[1] if match else ""


def describe(line: str) -> str:
    """Say which program a line of ``ss --processes --cgroup`` tells of; in a container it may have no name."""
    return " of ".join(filter(None, (", ".join(sorted(set(NAME.findall(line)))), parse_unit(line))))


def double_claims(ports: list[dict[str, str]], claimed: dict[str, str]) -> list[str]:
    """Return a complaint for each port that another variable has asked for already."""
    return [
        f"{port['variable']} and {claimed[port['port']]} are both {port['port']}: give each a port of its own."
        for port in ports
        if claimed.get(port["port"], port["variable"]) != port["variable"]
    ]


def complaint(address: str, address_variable: str, port: dict[str, str], host: str) -> str:
    """Return what stands in the way of opening a port, with what to do; empty where nothing does."""
    if not 0 < int(port["port"]) < PORTS:
        return f"{port['variable']} is {port['port']} on {host}: set it to a port from 1 to {PORTS - 1}."
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
    command = [
        "ss",
        "--no-header",
        "--listening",
        "--tcp",
        "--numeric",
        "--processes",
        "--cgroup",
        f"sport = :{port['port']}",
    ]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    if f"{port['unit']}.service" in map(parse_unit, lines):
        return ""
    programs = " and ".join(filter(None, map(describe, lines))) or "a program that the host does not show"
    return (
        f"Port {port['port']} on {host} is taken by {programs}, and {port['unit']} needs it: "
        f"stop that program, or set {port['variable']} to a free port."
    )


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
