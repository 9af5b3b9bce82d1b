"""Tries to open ports on an address: try_ports.py ADDRESS PORT ...; says what is wrong and exits 1.

Ports that the running kafka.service holds are its own and not tried.
"""

import errno
import socket
import subprocess
import sys


def complaint(address: str, port: int) -> str:
    """Return what stands in the way of opening a port, with what to do; empty where nothing does."""
    family, kind, protocol, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(target)
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return f"{address} is not an address of this host. Set kafka_bind_address to one that is (or 0.0.0.0)."
            return (
                f"port {port} of {address} cannot be opened ({error.strerror}). "
                "See what holds it (ss -ltnp), or set another."
            )
    return ""


def main() -> int:
    """Try each port unless Kafka runs."""
    if subprocess.run(["systemctl", "is-active", "--quiet", "kafka"], check=False).returncode == 0:
        return 0
    address, *ports = sys.argv[1:]
    complaints = [text for port in ports if (text := complaint(address, int(port)))]
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
