"""One set of hosts on this machine: its directory, network, SSH key and settings.

Several may live side by side: `lab` is the user's, `e2e` the end-to-end test's, `molecule-ROLE` a scenario's; and so
may those of several checkouts, as each checkout's have names of their own.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.paths import ROOT, STATE

_CHECKOUT = hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]


@dataclass(frozen=True)
class Settings:
    """What was chosen for an instance: its topology, its feed and why, and inventory variables that follow from it."""

    topology: str = "small"
    feed: str = "simulator"
    feed_reason: str = "nothing else was asked for"
    variables: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Instance:
    """A named set of hosts. The name appears in the names of its containers, network and volumes."""

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,40}", self.name):
            raise LabError(
                f"instance name {self.name!r}: use lower-case letters, digits, - and _, starting with a letter"
            )

    @property
    def directory(self) -> Path:
        """Key, known hosts, settings and generated secrets of this instance."""
        return STATE / "instances" / self.name

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the instance while it is changed.

        Raises:
            LabError: another command is changing it.
        """
        locks = STATE / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / self.name).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LabError(
                    f"another ./lab command is changing instance {self.name!r}: wait until it has ended"
                ) from error
            yield

    @property
    def prefix(self) -> str:
        """What the names of everything of this instance begin with."""
        return f"tradestream-{_CHECKOUT}-{self.name}"

    @property
    def subnet(self) -> str:
        """The first three octets of the instance's own /24, which podman chose when the network was made.

        Raises:
            LabError: the instance has no network, because it is not up.
        """
        path = self.directory / "subnet"
        if not path.exists():
            raise self._not_up()
        return path.read_text().strip()

    def save_subnet(self, subnet: str) -> None:
        """Remember where the instance's network is, for its inventory."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "subnet").write_text(f"{subnet}\n")

    def address(self, number: int) -> str:
        """Address of the host with this number."""
        return f"{self.subnet}.{number}"

    def mac_address(self, number: int) -> str:
        """Hardware address of the host with this number: locally administered, and always the same."""
        return ":".join(["02", "00", *(f"{int(octet):02x}" for octet in self.address(number).split("."))])

    def container(self, host: str) -> str:
        """Name of a host's container."""
        return f"{self.prefix}-{host}"

    @property
    def key(self) -> Path:
        """The private key that opens this instance's hosts."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The hosts' public keys, read from the containers themselves."""
        return self.directory / "ssh" / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        """How ssh reaches the hosts by name: `ssh -F FILE kafka1`."""
        return self.directory / "ssh" / "config"

    @property
    def ssh_sockets(self) -> Path:
        """Where shared connections are kept; a socket's path may have 107 bytes, so it is neither long nor in here."""
        return Path(tempfile.gettempdir()) / f"tradestream-ssh-{hashlib.sha256(self.prefix.encode()).hexdigest()[:12]}"

    def require_up(self) -> None:
        """Hold the instance against having been brought up once.

        Raises:
            LabError: it was not, or it was removed.
        """
        if not self.ssh_config.exists():
            raise self._not_up()

    def _not_up(self) -> LabError:
        return LabError(f"instance {self.name!r} is not up: run ./lab up")

    def ensure_key(self) -> None:
        """Make the SSH key at the first use."""
        if self.key.exists():
            return
        self.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.prefix, "-f", str(self.key)],
            check=True,
        )

    @property
    def settings(self) -> Settings | None:
        """What the last `./lab up` chose; None before the first."""
        path = self.directory / "settings.json"
        return Settings(**json.loads(path.read_text())) if path.exists() else None

    def save_settings(self, settings: Settings) -> None:
        """Remember a choice for the next run and for the inventory."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "settings.json").write_text(json.dumps(asdict(settings), indent=2) + "\n")
