"""The candles of an instance, as its topic has them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

from lab import ssh
from lab.errors import LabError
from lab.instance import Instance
from lab.inventory import topology

Candle = dict[str, object]


def follow(instance: Instance, *flags: str) -> Iterator[Candle]:
    """Yield candles as they change.

    Args:
        instance: whose.
        flags: more arguments of `tradestream topic`, such as `--from-beginning`.

    Raises:
        LabError: the stream ended.
    """
    host = next(host.name for host in topology(instance) if "producer" in host.groups)
    reader = ssh.as_root(instance, host, ["tradestream", "topic", "candles", *flags])
    with subprocess.Popen(reader, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                yield json.loads(line)
        finally:
            process.terminate()
    raise LabError(f"{host} ended the stream of candles: is the topic there? ./lab status tells")
