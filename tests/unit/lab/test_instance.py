"""Instances: names, networks and what they may collide with."""

from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.instance import Instance


@pytest.mark.parametrize("name", ["", "Lab", "1lab", "a/b", "a b", "x" * 60, "../up"])
def test_a_name_that_podman_or_a_path_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="instance name"):
        Instance(name)


def test_instances_have_networks_of_their_own() -> None:
    names = [
        "lab",
        "e2e",
        "bench",
        "replay",
        "molecule-kafka",
        "molecule-spark",
        "molecule-host",
        "molecule-grafana",
    ]
    assert len({Instance(name).subnet for name in names}) == len(names)
