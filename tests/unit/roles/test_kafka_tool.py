"""The runner of Kafka's tools, with a program in place of Java that prints what it is called with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment, StrictUndefined

KAFKA = Path(__file__).parents[3] / "roles" / "kafka"
TOOLS: list[dict[str, Any]] = yaml.safe_load((KAFKA / "vars" / "main.yml").read_text())["_kafka_tools"]
CONNECTING = [tool["name"] for tool in TOOLS if not tool.get("offline")]


class Tools:
    """The tools as the role installs them, and the clients' properties they read."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.properties = directory / "client.properties"
        self.properties.write_text("bootstrap.servers=broker1:9092,broker2:9092\nsecurity.protocol=SASL_SSL\n")
        java = directory / "java"
        java.write_text('#!/bin/sh\nwhile [ "$1" != -cp ]; do shift; done\nshift 2\necho "$@"\n')
        java.chmod(0o755)
        template = Environment(undefined=StrictUndefined, trim_blocks=True).from_string(  # noqa: S701 - a shell script
            (KAFKA / "templates" / "kafka-tool.j2").read_text()
        )
        script = directory / "kafka-tool"
        script.write_text(
            template.render(
                ansible_managed="managed", _kafka_tools=TOOLS, pipeline_kafka_client_file=str(self.properties)
            )
        )
        script.chmod(0o755)

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of them by its link."""
        link = self.directory / name
        if not link.is_symlink():
            link.symlink_to("kafka-tool")
        path = {"PATH": f"{self.directory}:{os.environ['PATH']}"}
        return subprocess.run([link, *arguments], capture_output=True, text=True, check=False, env=path)

    def options(self, name: str, *arguments: str) -> list[str]:
        """What the tool's class is called with."""
        return self.run(name, *arguments).stdout.split()[1:]


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path)


def _connection(tools: Tools) -> list[str]:
    return ["--bootstrap-server", "broker1:9092,broker2:9092", "--command-config", str(tools.properties)]


@pytest.mark.parametrize("name", CONNECTING)
def test_a_tool_finds_the_cluster_of_the_clients(tools: Tools, name: str) -> None:
    wanted = ["word", *_connection(tools)] if name == "kafka-cluster" else [*_connection(tools), "word"]
    assert tools.options(name, "word") == wanted


def test_a_named_cluster_is_spoken_with_as_the_clients_do(tools: Tools) -> None:
    named = ["--bootstrap-server", "other:9092", "--list"]
    assert tools.options("kafka-topics", *named) == ["--command-config", str(tools.properties), *named]


@pytest.mark.parametrize("option", ["--command-config", "--consumer.config"])
def test_named_properties_are_the_only_ones(tools: Tools, option: str) -> None:
    named = [option, "own.properties"]
    assert tools.options("kafka-console-consumer", *named) == [*_connection(tools)[:2], *named]


def test_a_tool_without_words_finds_the_cluster_too(tools: Tools) -> None:
    assert tools.options("kafka-broker-api-versions") == _connection(tools)


def test_an_offline_tool_is_called_as_it_is(tools: Tools) -> None:
    assert tools.options("kafka-storage", "random-uuid") == ["random-uuid"]


def test_without_readable_properties_the_command_line_alone_counts_and_that_is_said(tools: Tools) -> None:
    tools.properties.unlink()
    done = tools.run("kafka-topics", "--list")
    assert done.stdout.split()[1:] == ["--list"]
    assert f"{tools.properties} cannot be read" in done.stderr


def test_another_name_is_refused(tools: Tools) -> None:
    assert tools.run("kafka-nothing").returncode == 2
