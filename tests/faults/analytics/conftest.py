"""What is killed, and how often."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from faults.analytics.moments import plan
from faults.analytics.scene import Scene
from integration.broker import Broker
from integration.conftest import kafka

__all__ = ["kafka"]

_SEED = 1
_SHOWN = 12_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=6, help="how many (%(default)s)")
    parser.addoption("--seed", type=int, default=_SEED, help="of the plan and the trades (%(default)s)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each kill of the plan."""
    if "victim" in metafunc.fixturenames:
        made = plan(metafunc.config.getoption("--kills"), metafunc.config.getoption("--seed"))
        names = [f"{number}. {victim}, {moment}" for number, (victim, moment) in enumerate(made, 1)]
        metafunc.parametrize(("victim", "moment"), made, ids=names)


@pytest.fixture(scope="session")
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, kafka: Broker) -> Iterator[Scene]:
    """A job that runs, and trades that flow."""
    with Scene(tmp_path_factory.mktemp("scene"), kafka, request.config.getoption("--seed")) as scene:
        scene.goes_on()
        yield scene


@pytest.fixture(autouse=True)
def _log(scene: Scene) -> Iterator[None]:
    """The job's log beside a test that fails."""
    yield
    sys.stdout.write(f"--- log of the job:\n{(scene.job.earlier + scene.job.log())[-_SHOWN:]}\n")
