"""`./lab reference`: writes the reference of roles and commands to docs/reference."""

from __future__ import annotations

import argparse

from lab.generated import rewrite
from lab.instance import Instance
from lab.paths import ROOT
from lab.verbs import Verbs

FOLDER = ROOT / "docs" / "reference"


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `reference`."""
    parser = verbs.add_parser(
        "reference",
        help="write the reference of roles and commands anew",
        description="Write docs/reference: the variables of every role, from its argument_specs, and the help of every "
        "command.",
    )
    parser.set_defaults(run=run)


def run(_: Instance, __: argparse.Namespace) -> int:
    """Write it."""
    from reference.files import files  # noqa: PLC0415 - it reads the command line of which this is a verb

    rewrite(FOLDER, files())
    return 0
