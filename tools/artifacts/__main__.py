"""Command line: ``prepare`` for the role `artifacts`, ``lock`` for whoever changes a version in a pom."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from artifacts.cache import exclusive
from artifacts.distributions import lock_maven, prepare
from artifacts.errors import ArtifactError


def main() -> None:
    """Run one verb; progress goes to standard error, the answer of ``prepare`` to standard output."""
    parser = argparse.ArgumentParser(prog="python -m artifacts", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("prepare", help="prepare the bundles described by the JSON on standard input")
    lock = verbs.add_parser("lock", help="write SHA256SUMS beside a pom")
    lock.add_argument("directory", type=Path, help="the directory of the pom.xml")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "lock":
            lock_maven(arguments.directory, _say)
        else:
            json.dump(_prepare_all(json.load(sys.stdin)), sys.stdout)
    except ArtifactError as error:
        json.dump({"failed": True, "msg": str(error)}, sys.stdout)
        sys.exit(1)


def _prepare_all(request: dict[str, object]) -> dict[str, object]:
    cache, bundles, made = Path(str(request["cache"])), {}, []
    specs = request["distributions"]
    assert isinstance(specs, dict)  # noqa: S101 - the role's argument_specs has seen it
    with exclusive(cache):
        for name, spec in specs.items():
            bundles[name], changed = prepare(name, spec, cache, _say)
            made += [name] if changed else []
    return {"bundles": bundles, "made": made, "changed": bool(made)}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
