"""The pages as a program."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path

from integration.broker import Broker
from integration.programs import Program


def test_sigterm_ends_it_at_once_though_somebody_looks_on(kafka: Broker, tmp_path: Path) -> None:
    kafka.create_topics(["ui-ends"], partitions=1)
    settings = {"listen": {"address": "127.0.0.1", "port": 0}, "kafka_client_config": str(kafka.properties)}
    with Program(tmp_path, "kafka-ui", settings) as program:
        port = program.logged(r"event=kafka_ui_ready .*port=(\d+)")[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/topics/ui-ends/events", timeout=10) as looking:
            assert looking.readline().startswith(b"data: ")
            began = time.monotonic()
            assert program.terminate() == 0
            assert time.monotonic() - began < 10
        assert "Traceback" not in program.log()
