"""Hosts for a molecule scenario: `python -m lab.scenario create|destroy SCENARIO [HOST ...]`, answering in JSON."""

from __future__ import annotations

import json
import sys

from lab import hosts
from lab.errors import LabError
from lab.image import ADMIN
from lab.instance import Instance
from lab.topology import Host

_FIRST_NUMBER = 11


def create(instance: Instance, names: list[str]) -> dict[str, object]:
    """Bring the hosts up; say which were made and how molecule reaches each."""
    scenario_hosts = [Host(name, _FIRST_NUMBER + index, ()) for index, name in enumerate(names)]
    made = hosts.ensure(instance, scenario_hosts)
    instances = [
        {"instance": host.name, "address": instance.address(host.number), "user": ADMIN, "port": 22}
        for host in scenario_hosts
    ]
    return {"made": made, "instances": instances}


def main() -> int:
    """Do what the command line says; exit 1 with one line where that cannot be done."""
    verb, scenario, *names = sys.argv[1:]
    instance = Instance(f"molecule-{scenario}")
    try:
        answer = create(instance, names) if verb == "create" else {"removed": hosts.remove(instance)}
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
