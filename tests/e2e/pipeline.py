"""A deployed pipeline as its user sees it: the lab's commands, topics, Parquet files and Prometheus."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import dataset as parquet_dataset

ROOT = Path(__file__).parents[2]
Found = TypeVar("Found")


class CommandError(AssertionError):
    """A command of the lab failed; the message holds the end of what it said."""


@dataclass(frozen=True)
class Pipeline:
    """An instance of the lab by its name."""

    instance: str

    def lab(self, *arguments: str) -> str:
        """Run `./lab`; return what it printed."""
        done = self._run(*arguments)
        said = done.stdout.decode(errors="replace")
        print(said[-20_000:])
        if done.returncode != 0:
            errors = done.stderr.decode(errors="replace")
            raise CommandError(f"./lab {' '.join(arguments)}: status {done.returncode}\n{said[-8000:]}{errors}")
        return said

    def exec(self, host: str, *command: str) -> str:
        """Run a command on a host as root."""
        return self.lab("exec", host, *command)

    def units(self) -> dict[str, dict[str, str]]:
        """State of each unit, by host."""
        said = self._run("status", "--json").stdout
        units: dict[str, dict[str, str]] = json.loads(said)["hosts"] if said else {}
        return units

    def addresses(self) -> dict[str, str]:
        """Address of each thing that `./lab status` lists, which is what the lab has not left out."""
        listed = json.loads(self._run("status", "--json").stdout)["addresses"]
        return {entry["name"]: entry["address"] for entry in listed}

    def address(self, name: str) -> str:
        """Address of a thing that `./lab status` lists."""
        return self.addresses()[name]

    def messages(self, topic: str) -> list[dict[str, Any]]:
        """Every message that a topic has now."""
        reader = ["tradestream", "topic", topic, "--from-beginning", "--until-end"]
        said = self._run("exec", "app1", *reader).stdout
        return [json.loads(line) for line in said.splitlines()]

    def parquet(self, dataset: str) -> pa.Table:
        """All rows of a dataset in storage, read as any Parquet reader would read its directory."""
        archive = self._run("exec", "spark1", "tar", "-C", "/srv/tradestream", "-c", dataset).stdout
        with _extracted(archive) as directory:
            return parquet_dataset.dataset(directory / dataset, partitioning="hive", format="parquet").to_table()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(ROOT / "lab"), "--instance", self.instance, *arguments]
        return subprocess.run(command, capture_output=True, check=False)

    def ask_prometheus(self, query: str, at: float | None = None) -> list[dict[str, Any]]:
        """Result of an instant query, of now unless a time in seconds is given."""
        asked = {"query": query} if at is None else {"query": query, "time": str(at)}
        url = f"{self.address('Prometheus')}/api/v1/query?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - the address is the lab's own
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result


def eventually(look: Callable[[], Found], *, seconds: float, what: str) -> Found:
    """Look until something is found.

    Raises:
        AssertionError: nothing was, in that time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(1)
    raise AssertionError(f"not within {seconds} s: {what}")


def distinct_trades(table: pa.Table) -> set[tuple[str, str, int]]:
    """Identities of the trades in a table."""
    columns: Mapping[str, list[Any]] = table.select(["exchange", "symbol", "trade_id"]).to_pydict()
    return set(zip(columns["exchange"], columns["symbol"], columns["trade_id"], strict=True))


@contextmanager
def _extracted(archive: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["tar", "-x", "-C", directory], input=archive, check=True)
        yield Path(directory)
