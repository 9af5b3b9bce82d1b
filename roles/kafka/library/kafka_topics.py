"""Ansible module: makes the topics of a Kafka cluster as they are declared, with Kafka's own tools."""

from __future__ import annotations

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: kafka_topics
short_description: Makes the topics of a Kafka cluster as they are declared
description:
  - Creates what is missing, adds partitions, alters configuration. Never removes a topic or a partition, and never
    makes a topic anew. Configuration that is not declared is left as it is.
options:
  topics:
    description: Topics with C(name), C(partitions) and optionally C(replication_factor) and C(config).
    type: list
    elements: dict
    required: true
  replication_factor:
    description: Copies of each partition of a topic that does not say.
    type: int
    required: true
  config:
    description: Configuration of every topic that does not say otherwise.
    type: dict
    required: true
"""

TOOLS = Path("/usr/local/bin")
JVMS_AT_ONCE = 2
SUMMARY = re.compile(
    r"^Topic: (?P<name>\S+)\s.*?PartitionCount: (?P<partitions>\d+)\s+ReplicationFactor: (?P<copies>\d+)"
    r"\s+Configs: (?P<configs>\S*)",
    re.MULTILINE,
)
BETWEEN_CONFIGS = re.compile(r",(?=[a-z][a-z0-9.]*=)")  # a value may hold commas: cleanup.policy=compact,delete


@dataclass(frozen=True)
class Topic:
    """A topic as it is, or as it is declared to be."""

    name: str
    partitions: int
    replication_factor: int
    config: dict[str, str]


@dataclass(frozen=True)
class Step:
    """One call of a tool, and what it does in words."""

    text: str
    command: list[str]


class TopicsError(Exception):
    """What is declared cannot be done; the message says why, and what to do."""


def declared_topics(parameters: dict[str, Any]) -> list[Topic]:
    """Return the topics of the module's parameters, defaults filled in."""
    return [
        Topic(
            topic["name"],
            int(topic["partitions"]),
            int(topic.get("replication_factor", parameters["replication_factor"])),
            {name: _text(value) for name, value in {**parameters["config"], **topic.get("config", {})}.items()},
        )
        for topic in parameters["topics"]
    ]


def parse_described(output: str) -> dict[str, Topic]:
    """Return the topics that ``kafka-topics --describe`` prints, by name."""
    topics = {}
    for match in SUMMARY.finditer(output):
        pairs = (pair.partition("=") for pair in BETWEEN_CONFIGS.split(match["configs"]) if pair)
        config = {name: value for name, _, value in pairs}
        topics[match["name"]] = Topic(match["name"], int(match["partitions"]), int(match["copies"]), config)
    return topics


def steps_towards(declared: Topic, present: Topic | None) -> list[Step]:
    """Return what leads from the topic as it is to the topic as declared.

    Raises:
        TopicsError: fewer partitions, or another number of copies, than there are.
    """
    name, count = declared.name, declared.partitions
    if present is None:
        layout = ["--partitions", str(count), "--replication-factor", str(declared.replication_factor)]
        config = [item for pair in sorted(declared.config.items()) for item in ("--config", "=".join(pair))]
        return [Step(f"create {name}", ["kafka-topics", "--create", "--topic", name, *layout, *config])]
    if count < present.partitions:
        raise TopicsError(
            f"Topic {name} has {present.partitions} partitions, {count} are declared. Kafka cannot take "
            f"partitions away without losing their records. Declare {present.partitions}, or make a new topic "
            "and move the records."
        )
    if declared.replication_factor != present.replication_factor:
        raise TopicsError(
            f"Topic {name} has {present.replication_factor} copies of each partition, {declared.replication_factor} "
            f"are declared. Move it with kafka-reassign-partitions first, or declare replication_factor: "
            f"{present.replication_factor} for it."
        )
    steps = []
    if count > present.partitions:
        command = ["kafka-topics", "--alter", "--topic", name, "--partitions", str(count)]
        steps.append(Step(f"{name}: {present.partitions} -> {count} partitions", command))
    altered = {key: value for key, value in sorted(declared.config.items()) if present.config.get(key) != value}
    if altered:
        pairs = ",".join(f"{key}=[{value}]" if "," in value else f"{key}={value}" for key, value in altered.items())
        command = ["kafka-configs", "--alter", "--entity-type", "topics", "--entity-name", name, "--add-config", pairs]
        steps.append(Step(f"{name}: {pairs}", command))
    return steps


def main() -> None:
    """Compare, refuse or alter, and say what was done."""
    module = AnsibleModule(
        argument_spec={
            "topics": {"type": "list", "elements": "dict", "required": True},
            "replication_factor": {"type": "int", "required": True},
            "config": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    declared = declared_topics(module.params)
    if module.check_mode and not TOOLS.joinpath("kafka-topics").exists():  # nothing is installed yet
        module.exit_json(changed=True, steps=[f"create {topic.name}" for topic in declared])
    try:
        present = parse_described(run_tool(["kafka-topics", "--describe"]))
        steps = [step for topic in declared for step in steps_towards(topic, present.get(topic.name))]
        if not module.check_mode:
            with ThreadPoolExecutor(JVMS_AT_ONCE) as pool:
                list(pool.map(lambda step: run_tool(step.command), steps))
    except TopicsError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(steps), steps=[step.text for step in steps])


def run_tool(command: list[str]) -> str:
    """Run one of Kafka's tools, which finds the cluster by the clients' properties, and return what it prints.

    Raises:
        TopicsError: the tool fails.
    """
    tool, *arguments = command
    done = subprocess.run([TOOLS / tool, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TopicsError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    main()
