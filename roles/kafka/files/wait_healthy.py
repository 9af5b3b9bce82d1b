"""Waits until this node finds its cluster whole: wait_healthy.py URL ROLES BROKERS CONTROLLERS SECONDS.

It asks the metrics of the node's own JVM. Prints `active` where the node is the active controller; exits 1 and
prints what is still amiss where the time is over.
"""

import re
import sys
import time
import urllib.request

RUNNING = 3.0  # org.apache.kafka.metadata.BrokerState.RUNNING
PAUSE_SECONDS = 0.5


def read_metrics(url: str) -> dict[str, float]:
    """Return the metrics without labels, by name; none where nothing answers yet."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - the role's own URL
            text = response.read().decode()
    except OSError:
        return {}
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}


def amiss(metrics: dict[str, float], roles: str, brokers: int, controllers: int) -> list[str]:
    """Return what is not as it has to be."""
    if not metrics:
        return ["its metrics do not answer"]
    wanted = {}
    if "broker" in roles:
        wanted |= {"kafka_server_brokerstate": RUNNING, "kafka_server_replicamanager_underreplicatedpartitions": 0}
    if "controller" in roles:
        wanted |= {
            "kafka_controller_kafkacontroller_activebrokercount": brokers,
            "kafka_controller_kafkacontroller_offlinepartitionscount": 0,
            "kafka_server_raft_number_of_voters": controllers,
        }
    return [
        f"{name} is {metrics.get(name, 'absent')}, not {value}"
        for name, value in wanted.items()
        if metrics.get(name) != value
    ]


def main() -> int:
    """Look until all is well or the time is over."""
    url, roles, brokers, controllers, seconds = sys.argv[1:]
    deadline = time.monotonic() + float(seconds)
    while True:
        metrics = read_metrics(url)
        complaints = amiss(metrics, roles, int(brokers), int(controllers))
        if not complaints:
            print("active" if metrics.get("kafka_controller_kafkacontroller_activecontrollercount") else "ready")
            return 0
        if time.monotonic() > deadline:
            print("; ".join(complaints))
            return 1
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
