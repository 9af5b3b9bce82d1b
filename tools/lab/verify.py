"""`./lab verify`: do trades reach every end of the line?"""

from __future__ import annotations

import argparse

from lab import ansible
from lab.instance import Instance
from lab.verbs import Verbs


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `verify`."""
    parser = verbs.add_parser(
        "verify",
        help="prove that trades reach every end of the line",
        description="Run playbooks/verify.yml: trades arrive in Kafka, candles come out of Spark, "
        "Parquet files appear, Prometheus sees every target. Exit status 0 only if all of that holds.",
    )
    parser.set_defaults(run=run)


def run(instance: Instance, _options: argparse.Namespace) -> int:
    """Run the checks; they change nothing."""
    instance.require_up()
    ansible.playbook(instance, "playbooks/verify.yml")
    print(f"lab: trades reach every end of the line in instance {instance.name!r}")
    return 0
