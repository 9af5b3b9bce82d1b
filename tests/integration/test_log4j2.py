"""What Kafka and Spark say to the journal, by the files that the roles install: a line an event, with its priority."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from integration.analytics.job import spark_home
from integration.broker import libraries

_ROLES = Path(__file__).parents[2] / "roles"
_END_SECONDS = 30


def test_kafka_ends_with_one_line_that_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "server.properties"
    broken.write_text("process.roles=broker\nnode.id=1\n")
    log4j2 = _ROLES / "kafka" / "files" / "log4j2.properties"
    done = subprocess.run(
        ["java", "-Xmx64m", f"-Dlog4j2.configurationFile={log4j2}", "-cp", f"{libraries()}/*", "kafka.Kafka", broken],
        capture_output=True,
        text=True,
        check=False,
        timeout=_END_SECONDS,
    )
    (line,) = done.stdout.splitlines()
    assert line.startswith("<3>ERROR Kafka$: Exiting Kafka due to fatal exception | ")
    assert 'Missing required configuration "controller.listener.names"' in line
    assert "ConfigDef.parseValue" in line, "the trace"


def _spark(folder: Path, daemon: str, *arguments: str) -> subprocess.Popen[str]:
    shutil.copy(_ROLES / "spark" / "files" / "log4j2.properties", folder)
    return subprocess.Popen(
        [
            *(str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{daemon}"),
            *("--host", "127.0.0.1", "--port", "0", "--webui-port", "0", *arguments),
        ],
        env={**os.environ, "SPARK_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def test_a_master_that_starts_and_is_stopped_says_nothing_above_info(tmp_path: Path) -> None:
    with _spark(tmp_path, "master.Master") as master:
        assert master.stderr is not None
        lines = [master.stderr.readline()]
        while "I have been elected leader" not in lines[-1]:
            assert lines[-1], "it has ended"
            lines.append(master.stderr.readline())
        master.terminate()
        lines += master.communicate(timeout=_END_SECONDS)[1].splitlines()
    own = [line for line in lines if not line.startswith("WARNING: Using incubator modules")]
    assert len(own) >= 5
    assert all(re.match(r"<6>INFO \w+: ", line) for line in own), own


def test_a_worker_that_fails_says_why_on_lines_that_are_errors(tmp_path: Path) -> None:
    with _spark(tmp_path, "worker.Worker", "--work-dir", "/proc/nowhere", "spark://127.0.0.1:1") as worker:
        _, said = worker.communicate(timeout=_END_SECONDS)
    own = [line for line in said.splitlines() if not line.startswith("WARNING: Using incubator modules")]
    assert all(re.match(r"<[346]>(ERROR|WARN|INFO) \S+: ", line) for line in own), own
    assert any(line.startswith("<3>ERROR") and "/proc/nowhere" in line and " | " in line for line in own)
