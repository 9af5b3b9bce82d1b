"""Spark's master and worker on loopback, as the roles `spark` and `analytics` start them on a host."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from jinja2 import Environment, StrictUndefined

from integration.analytics.job import kill_group, spark_environment, spark_home
from integration.broker import free_port
from integration.programs import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_ROLES = Path(__file__).parents[2] / "roles"
_CORES = 2
_WORKER_MEBIBYTES = 4096
_START_SECONDS = 120.0
_render = Environment(undefined=StrictUndefined, autoescape=False).from_string  # noqa: S701 - no HTML


def defaults(role: str) -> dict[str, Any]:
    """What a role's variables are where the inventory sets none, before templates in them are rendered."""
    return _yaml(role, "defaults")


class Daemon:
    """One of Spark's daemons, with what it starts.

    Args:
        name: Of its log.
        command: What starts it.
        environment: Its environment.
        folder: Where its log goes.
    """

    def __init__(self, name: str, command: str, environment: Mapping[str, str], folder: Path) -> None:
        self._command = [str(spark_home() / "bin" / "spark-class"), *shlex.split(command)]
        self._environment = environment
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def log(self) -> str:
        """Return all that it has logged."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self._environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it and what it started without a chance to tidy up."""
        if self._process is not None:
            kill_group(self._process)


class Cluster:
    """One master and one worker; what they remember outlives both.

    Args:
        folder: Where their files go.

    Attributes:
        master: The master.
        worker: The worker, whose children the executors are.
    """

    def __init__(self, folder: Path) -> None:
        state, conf = folder / "state", folder / "conf"
        for each in (conf, state / "events", state / "local", state / "recovery"):
            each.mkdir(parents=True)
        port, self._page = free_port(), free_port()
        variables = defaults("spark") | {
            "pipeline_address": "127.0.0.1",
            "pipeline_spark_master_url": f"spark://127.0.0.1:{port}",
            "pipeline_spark_master_port": port,
            "pipeline_spark_master_ui_port": self._page,
            "pipeline_spark_worker_ui_port": free_port(),
            "pipeline_spark_history_port": free_port(),
            "spark_worker_cores": _CORES,
            "spark_worker_memory_mb": _WORKER_MEBIBYTES,
            "_spark_state": state,
            "_spark_connectors": spark_home() / "connectors",
        }
        role = _yaml("spark", "vars")
        lines = [f"{name} {_render(value).render(variables)}" for name, value in role["_spark_defaults"].items()]
        (conf / "spark-defaults.conf").write_text("\n".join(lines) + "\n")
        self._environment = {
            "SPARK_HOME": str(spark_home()),
            "SPARK_CONF_DIR": str(conf),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(state / "local"),
            "SPARK_DAEMON_MEMORY": variables["spark_daemon_memory"],
            "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Dspark.port.maxRetries=0",
        }
        commands = {unit["name"]: _render(unit["command"]).render(variables) for unit in role["_spark_units"]}
        self.master, self.worker = (
            Daemon(name, commands[name], self._environment, folder) for name in ("spark-master", "spark-worker")
        )

    def __enter__(self) -> Self:
        self.master.start()
        self.worker.start()
        try:
            self.wait()
        except BaseException:
            self._kill()
            for each in (self.master, self.worker):
                sys.stdout.write(f"{each.log()}\n")
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()

    def _kill(self) -> None:
        self.worker.kill()
        self.master.kill()

    def wait(self) -> None:
        """Wait until the master knows its worker."""
        wait_for("a worker of the Spark master", lambda: self._workers() == 1, _START_SECONDS)

    def _workers(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._page}/json/", timeout=5) as response:
                alive: int = json.load(response)["aliveworkers"]
                return alive
        except (OSError, ValueError):  # a page that is not served yet may be there, and empty
            return 0

    def driver_environment(self) -> dict[str, str]:
        """The environment of a driver that runs on this cluster, as the unit trade-analytics has it."""
        variables = {**defaults("analytics"), "pipeline_spark_driver_ui_port": free_port()}
        arguments = _render(_yaml("analytics", "vars")["_analytics_submit_arguments"]).render(variables)
        return {**spark_environment(), **self._environment, "PYSPARK_SUBMIT_ARGS": arguments}


def _yaml(role: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((_ROLES / role / kind / "main.yml").read_text())
    return found
