"""`./lab up` and `./lab down`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from lab import ansible, feed, hosts, status
from lab.errors import UsageError
from lab.instance import Instance, Settings
from lab.topology import TOPOLOGIES
from lab.verbs import Verbs

_REPLAY_FILE = "exchange_simulator_replay_file"
_REPLAY_SPEED = "exchange_simulator_replay_speed"
_REPLAY_SYMBOL = "exchange_simulator_replay_symbol"


def add_parsers(verbs: Verbs) -> None:
    """Add the verbs `up` and `down`."""
    up = verbs.add_parser(
        "up",
        help="build the pipeline, or repair what differs",
        description="Start the hosts, deploy everything with playbooks/site.yml and prove that trades flow. "
        "Run again it repairs what differs, and changes nothing where nothing does. What was chosen before stays "
        "chosen: topology, feed, replay and rate need to be said once.",
    )
    up.add_argument(
        "--topology",
        choices=sorted(TOPOLOGIES),
        help="small: 4 hosts (default); cluster: 3 brokers, 2 Spark workers",
    )
    up.add_argument(
        "--feed",
        choices=["auto", "binance", "simulator"],
        help="where trades come from (default: binance if it answers)",
    )
    up.add_argument(
        "--replay", type=Path, metavar="FILE", help="play a Binance public dump (CSV or zip) on the simulator"
    )
    up.add_argument(
        "--speed", type=_speed, metavar="N|max", help="how many times recorded speed to replay (default: 1)"
    )
    up.add_argument(
        "--rate", type=positive_int, metavar="N", help="trades a second that the simulator generates (default: 500)"
    )
    up.set_defaults(run=run_up)

    down = verbs.add_parser(
        "down",
        help="remove the lab",
        description="Remove the lab's containers, volumes and network: its trades and candles too. "
        "The cache of artifacts and the Python environment stay, and so does everything else on this machine.",
    )
    down.set_defaults(run=run_down)


def run_up(instance: Instance, options: argparse.Namespace) -> int:
    """Bring hosts and services to what was asked for."""
    started = time.monotonic()
    settings = _settings(instance, options)
    topology = TOPOLOGIES[settings.topology]
    print(f"lab: feed is {settings.feed}: {settings.feed_reason}", flush=True)
    with instance.alone():
        made = hosts.ensure(instance, topology)
        instance.save_settings(settings)
        new = f" (new: {', '.join(made)})" if made else ""
        print(f"lab: hosts up: {', '.join(host.name for host in topology)}{new}", flush=True)
        recap = ansible.playbook(instance, "playbooks/site.yml")
    print(f"\nlab: up after {time.monotonic() - started:.0f} s, changed={recap.total_changed}\n")
    status.print_addresses(instance, status.read(instance))
    print("\nnext: ./lab watch    ./lab status    ./lab logs trade-producer -f    ./lab down")
    return 0


def run_down(instance: Instance, _options: argparse.Namespace) -> int:
    """Remove everything that belongs to the instance."""
    with instance.alone():
        removed = hosts.remove(instance)
    print(f"lab: removed {', '.join(removed)}" if removed else f"lab: nothing of instance {instance.name!r} is here")
    return 0


def _settings(instance: Instance, options: argparse.Namespace) -> Settings:
    before = instance.settings
    _refuse_impossible_changes(instance, before, options)
    topology = options.topology or (before.topology if before else "small")
    variables = dict(before.variables) if before else {}
    if options.replay:
        feed.check_replay(options.replay)
        chosen, reason = "simulator", f"it replays {options.replay.name}"
        variables |= {_REPLAY_FILE: str(options.replay.resolve()), _REPLAY_SPEED: options.speed or 1}
        variables[_REPLAY_SYMBOL] = feed.symbol_of(options.replay)
    elif options.feed or before is None:
        chosen, reason = feed.choose(options.feed or "auto")
        if before and chosen != before.feed:
            raise UsageError(
                f"instance {instance.name!r} holds trades of {before.feed}, and those of {chosen} would mix with them: "
                "run ./lab down first (it deletes them), or take another --instance"
            )
        for name in (_REPLAY_FILE, _REPLAY_SPEED, _REPLAY_SYMBOL):
            variables.pop(name, None)
    else:
        chosen, reason = before.feed, "as before; --feed changes it"
    if options.rate:
        variables["exchange_simulator_rate"] = options.rate
    return Settings(topology, chosen, reason, {**variables, "pipeline_feed": chosen})


def _refuse_impossible_changes(instance: Instance, before: Settings | None, options: argparse.Namespace) -> None:
    if options.speed and not options.replay:
        raise UsageError("--speed goes with --replay FILE")
    if options.replay and options.feed == "binance":
        raise UsageError("--replay plays on the simulator: leave --feed out")
    if before is None:
        return
    if options.topology not in {None, before.topology}:
        raise UsageError(
            f"instance {instance.name!r} is up as {before.topology!r}: "
            "run ./lab down first (it deletes its data), or take another --instance"
        )
    if options.replay and before.variables.get(_REPLAY_FILE) != str(options.replay.resolve()):
        raise UsageError(
            f"instance {instance.name!r} already holds trades of another feed, and a dump's older trades would all "
            "count as late. Run ./lab down first (it deletes them), or replay beside it: "
            "./lab --instance replay up --replay FILE"
        )


def _speed(text: str) -> float | str:
    if text == "max":
        return text
    return _positive(text, float)


def positive_int(text: str) -> int:
    """Read a whole number above 0 from the command line."""
    return int(_positive(text, int))


def _positive(text: str, number: type[float]) -> float:
    try:
        value = number(text)
    except ValueError:
        value = number(0)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value
