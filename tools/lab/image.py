"""The image that lab and molecule hosts start from: bare Debian with systemd, sshd and Python, like a cloud VM."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from lab.errors import LabError
from lab.podman import podman, succeeds

RELEASE = "bookworm"
ADMIN = "admin"  # the user Debian's cloud images have: no password, sudo without one

_PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-apt,sudo,ca-certificates,iproute2,openssh-server"

_CUSTOMIZE = f"""
set -eu
useradd --root "$1" --create-home --shell /bin/bash {ADMIN}
echo '{ADMIN} ALL=(ALL) NOPASSWD: ALL' > "$1/etc/sudoers.d/{ADMIN}"
chmod 0440 "$1/etc/sudoers.d/{ADMIN}"
# each host makes host keys of its own at its first start
rm -f "$1"/etc/ssh/ssh_host_*
mkdir -p "$1/etc/systemd/system/ssh.service.d"
printf '[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\nExecStartPre=/usr/sbin/sshd -t\\n' \\
  > "$1/etc/systemd/system/ssh.service.d/host-keys.conf"
: > "$1/etc/machine-id"
rm -rf "$1"/var/lib/apt/lists/*
"""


def tag() -> str:
    """Name of the image; it changes with what goes into it."""
    digest = hashlib.sha256((RELEASE + _PACKAGES + _CUSTOMIZE).encode()).hexdigest()[:12]
    return f"localhost/tradestream-host:{RELEASE}-{digest}"


def ensure() -> str:
    """Build the image unless it is there; return its name.

    Raises:
        LabError: the base system could not be built; the message ends with what mmdebstrap said last.
    """
    if succeeds("image", "exists", tag()):
        return tag()
    print(
        f"lab: building the host image {tag()} (Debian {RELEASE}, about half a minute)",
        file=sys.stderr,
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="tradestream-image-") as scratch:
        archive = Path(scratch, "rootfs.tar")
        _bootstrap(archive)
        podman("import", "--change", 'CMD ["/sbin/init"]', "--change", "STOPSIGNAL SIGRTMIN+3", archive, tag())
    return tag()


def _bootstrap(archive: Path) -> None:
    command = [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={_PACKAGES}",
        f"--customize-hook={_CUSTOMIZE}",  # as text: a user other than root runs it as one that reads no file of theirs
        RELEASE,
        str(archive),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(
            f"the host image could not be built: mmdebstrap ended with {done.returncode}:\n{done.stderr[-1000:]}\n"
            "Check that this machine's apt works (apt-get update) and that the disk has 2 GB free."
        )
