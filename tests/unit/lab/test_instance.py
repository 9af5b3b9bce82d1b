"""Instances: names, networks and what they may collide with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.instance import Instance


@pytest.mark.parametrize("name", ["", "Lab", "1lab", "a/b", "a b", "x" * 60, "../up"])
def test_a_name_that_podman_or_a_path_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="instance name"):
        Instance(name)


def test_an_instance_has_a_place_among_networks_only_while_it_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.instance.STATE", tmp_path)
    instance = Instance("lab")
    with pytest.raises(LabError, match=r"'lab' is not up: run \./lab up"):
        instance.address(11)
    instance.save_subnet("10.89.3")
    assert instance.address(11) == "10.89.3.11"
    assert instance.mac_address(11) == "02:00:0a:59:03:0b"


def test_another_checkout_has_names_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = Instance("lab"), Instance("e2e")
    names = {mine.prefix, other.prefix, mine.container("kafka1"), str(mine.ssh_sockets), str(other.ssh_sockets)}
    monkeypatch.setattr("lab.instance._CHECKOUT", "0a1b2c")
    assert names.isdisjoint({mine.prefix, other.prefix, mine.container("kafka1"), str(mine.ssh_sockets)})


def test_a_socket_of_the_longest_name_has_a_path_that_the_kernel_takes() -> None:
    connection = "0" * 40 + "." + "x" * 16  # OpenSSH's %C, and the suffix while the socket is made
    assert len(str(Instance("molecule-" + "x" * 32).ssh_sockets / connection)) <= 107


def test_an_instance_is_changed_by_one_command_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.instance.STATE", tmp_path)
    with (
        Instance("lab").alone(),
        Instance("e2e").alone(),
        pytest.raises(LabError, match=r"another \./lab command is changing instance 'lab'"),
        Instance("lab").alone(),
    ):
        pass
    with Instance("lab").alone():
        pass
