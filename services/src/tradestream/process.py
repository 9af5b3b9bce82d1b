"""What a service tells Prometheus of its own process."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector


class OwnProcess(ProcessCollector):
    """Memory, processor time, files and the start of this process.

    The library's own has none of these where it cannot read in /proc/stat when the machine booted, and in a unit's
    sandbox nobody can (ProcSubset=pid).
    """

    def _boot_time(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def registry() -> CollectorRegistry:
    """Returns a registry that has the process's own figures."""
    registry = CollectorRegistry()
    OwnProcess(registry=registry)
    PlatformCollector(registry=registry)
    return registry
