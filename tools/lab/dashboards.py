"""`./lab dashboards`: writes Grafana's dashboards to where the role takes them from."""

from __future__ import annotations

import argparse

from dashboards.files import files
from lab.generated import rewrite
from lab.instance import Instance
from lab.paths import ROOT
from lab.verbs import Verbs

FOLDER = ROOT / "roles" / "grafana" / "files" / "dashboards"


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `dashboards`."""
    parser = verbs.add_parser(
        "dashboards",
        help="write Grafana's dashboards anew",
        description="Write the JSON of every dashboard of tools/dashboards to roles/grafana/files/dashboards.",
    )
    parser.set_defaults(run=run)


def run(_: Instance, __: argparse.Namespace) -> int:
    """Write them."""
    rewrite(FOLDER, files())
    return 0
