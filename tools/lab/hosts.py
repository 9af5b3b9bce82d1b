"""Hosts as containers: made, healed, told apart from what others run, and removed."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import image
from lab.errors import LabError
from lab.instance import Instance
from lab.podman import podman, succeeds, ulimits
from lab.topology import Host

_LABEL = "tradestream.instance"
_BOOT_SECONDS = 90

_SSH_OPTIONS = """Host *
  User {user}
  IdentityFile {instance.key}
  IdentitiesOnly yes
  UserKnownHostsFile {instance.known_hosts}
  StrictHostKeyChecking yes
  ControlMaster auto
  ControlPersist 120s
  ControlPath {instance.ssh_sockets}/%C
  ConnectTimeout 10
  ServerAliveInterval 10
  LogLevel ERROR
"""


def ensure(instance: Instance, hosts: Sequence[Host]) -> list[str]:
    """Bring every host up; return the names of those that had to be made, again or for the first time.

    A container whose processes were ended from outside (the machine was stopped) cannot be started again: it is
    replaced. What has to outlive that lies in volumes.

    Raises:
        LabError: a container does not start, or does not boot within a minute and a half.
    """
    base = image.ensure()
    instance.ensure_key()
    _ensure_network(instance)
    made = [host.name for host in hosts if not _runs(instance, host)]
    for host in hosts:
        if host.name in made:
            _create(instance, host, hosts, base)
    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        list(pool.map(lambda host: _admit(instance, host), hosts))
    _write_ssh_files(instance, hosts)
    return made


def remove(instance: Instance) -> list[str]:
    """Remove the instance's containers, volumes, network and directory, and nothing else; return what went."""
    _close_connections(instance)
    label = f"label={_LABEL}={instance.prefix}"
    containers = podman("ps", "--all", "--filter", label, "--format", "{{.Names}}").split()
    volumes = podman("volume", "ls", "--filter", label, "--format", "{{.Name}}").split()
    if containers:
        # podman may find a container ended that it was about to kill, and leave it: the second time it is gone
        podman("rm", "--force", "--time", "0", *containers, check=False)
        podman("rm", "--force", "--time", "0", "--ignore", *containers)
    if volumes:
        podman("volume", "rm", "--force", *volumes)
    networks = [instance.prefix] if succeeds("network", "exists", instance.prefix) else []
    if networks:
        podman("network", "rm", "--force", *networks)
    for directory in (instance.directory, instance.ssh_sockets):
        if directory.exists():
            shutil.rmtree(directory)
    return [*containers, *volumes, *networks]


def _ensure_network(instance: Instance) -> None:
    if not succeeds("network", "exists", instance.prefix):
        # names are resolved by /etc/hosts: a resolver of podman's would be one more process that can be killed
        podman("network", "create", "--disable-dns", "--label", f"{_LABEL}={instance.prefix}", instance.prefix)
    subnet = podman("network", "inspect", "--format", "{{(index .Subnets 0).Subnet}}", instance.prefix)
    instance.save_subnet(subnet.removesuffix(".0/24"))


def _runs(instance: Instance, host: Host) -> bool:
    # podman's own record still says "Up" when the processes are gone, so it is asked to do something
    return succeeds("exec", instance.container(host.name), "true")


def _create(instance: Instance, host: Host, hosts: Sequence[Host], base: str) -> None:
    podman("rm", "--force", "--time", "0", "--ignore", instance.container(host.name))
    flags = ["--detach", "--systemd=always", "--cap-add=SYS_ADMIN,NET_ADMIN", "--pull=never", *ulimits()]
    flags += [
        "--name",
        instance.container(host.name),
        "--hostname",
        host.name,
        "--label",
        f"{_LABEL}={instance.prefix}",
    ]
    # a new container at an old address is found at once only if its neighbours' ARP caches stay true
    flags += ["--mac-address", instance.mac_address(host.number)]
    flags += ["--network", instance.prefix, "--ip", instance.address(host.number)]
    flags += [f"--add-host={other.name}:{instance.address(other.number)}" for other in hosts if other is not host]
    for path, name in host.volumes.items():
        volume = f"{instance.prefix}-{name}"
        if not succeeds("volume", "exists", volume):
            podman("volume", "create", "--label", f"{_LABEL}={instance.prefix}", volume)
        flags.append(f"--volume={volume}:{path}")
    podman("run", *flags, base, "/sbin/init")


def _admit(instance: Instance, host: Host) -> None:
    container = instance.container(host.name)
    _wait_for_boot(container)
    home = f"/home/{image.ADMIN}/.ssh"
    keys = f"{home}/authorized_keys"
    script = f"install -d -m 0700 -o {image.ADMIN} {home} && cat > {keys} && chown {image.ADMIN} {keys}"
    public = instance.key.with_suffix(".pub").read_bytes()
    podman("exec", "--interactive", container, "sh", "-c", script, stdin=public)


def _wait_for_boot(container: str) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    state = "unknown"
    while time.monotonic() < deadline:
        state = podman("exec", container, "systemctl", "is-system-running", "--wait", check=False)
        if state in {"running", "degraded"}:
            return
        time.sleep(0.5)
    journal = podman("exec", container, "journalctl", "--no-pager", "-n", "30", check=False)
    raise LabError(
        f"{container} did not boot within {_BOOT_SECONDS} s (systemd says {state!r}). Its journal ends with:\n{journal}"
    )


def _write_ssh_files(instance: Instance, hosts: Sequence[Host]) -> None:
    keys, entries = [], []
    for host in hosts:
        address = instance.address(host.number)
        key = podman("exec", instance.container(host.name), "cat", "/etc/ssh/ssh_host_ed25519_key.pub")
        keys.append(f"{address} {' '.join(key.split()[:2])}\n")
        entries.append(f"Host {host.name}\n  HostName {address}\n")
    known = "".join(keys)
    if not instance.known_hosts.exists() or instance.known_hosts.read_text() != known:
        _close_connections(instance)  # they lead to hosts that are no more
        instance.known_hosts.write_text(known)
    instance.ssh_sockets.mkdir(mode=0o700, exist_ok=True)
    if instance.ssh_sockets.is_symlink() or instance.ssh_sockets.stat().st_uid != os.getuid():
        raise LabError(f"{instance.ssh_sockets} belongs to another user: remove it, or choose another --instance")
    instance.ssh_config.write_text("".join(entries) + _SSH_OPTIONS.format(instance=instance, user=image.ADMIN))


def _close_connections(instance: Instance) -> None:
    if not instance.ssh_sockets.exists():
        return
    for socket in instance.ssh_sockets.iterdir():
        subprocess.run(["ssh", "-O", "exit", "-S", str(socket), "host"], capture_output=True, check=False)
        socket.unlink(missing_ok=True)
