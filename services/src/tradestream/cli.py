"""The command `tradestream`."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tradestream import __version__, config, logs, topic
from tradestream.errors import ConfigError, TradestreamError
from tradestream.kafka import CLIENT_PROPERTIES, client_config
from tradestream.producer import service as producer
from tradestream.producer.config import ProducerConfig
from tradestream.simulator import control
from tradestream.simulator import service as simulator
from tradestream.simulator.config import SimulatorConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    Command: TypeAlias = Callable[[argparse.Namespace], int]
    _Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

_OK, _FAILED, _USAGE = 0, 1, 2
_EXIT = "exit status: 0 done, 1 failed, 2 wrong usage or configuration"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one subcommand; returns the exit status."""
    args = _parser().parse_args(arguments)
    command: Command = args.command
    try:
        return command(args)
    except TradestreamError as error:
        sys.stderr.write(f"tradestream: {error}\n")
        return _USAGE if isinstance(error, ConfigError) else _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tradestream", description="Trades from an exchange to candles.", epilog=_EXIT
    )
    parser.add_argument("--version", action="version", version=f"tradestream {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_producer(commands)
    _add_simulator(commands)
    _add_analytics(commands)
    _add_topic(commands)
    return parser


def _add(commands: _Commands, name: str, command: Command, what: str, more: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=what,
        description=what,
        epilog=f"{more}\n{_EXIT}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=command)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, metavar="FILE", help="run with this configuration")
    what.add_argument("--check-config", type=Path, metavar="FILE", help="only say whether it can be used")


def _add_producer(commands: _Commands) -> None:
    examples = """\
examples:
  tradestream producer --config /etc/tradestream/producer.yml
  tradestream producer --check-config producer.yml && echo good
"""
    _add_config(_add(commands, "producer", _producer, "send an exchange's trades to Kafka", examples))


def _add_simulator(commands: _Commands) -> None:
    examples = f"""\
examples:
  tradestream simulator --config /etc/tradestream/simulator.yml
  curl -X POST 'http://127.0.0.1:9443/control/server-shutdown?seconds=5'

on demand, on the address it listens on:
{textwrap.indent(control.HELP, "  ")}
"""
    _add_config(
        _add(
            commands, "simulator", _simulator, "be an exchange that speaks as Binance, Coinbase and Kraken do", examples
        )
    )


def _add_analytics(commands: _Commands) -> None:
    more = """\
The job itself is submitted to Spark: spark-submit .../tradestream/analytics/__main__.py

example:
  tradestream analytics --check-config /etc/tradestream/analytics.yml
"""
    parser = _add(commands, "analytics", _analytics, "check the configuration of the Spark job", more)
    parser.add_argument("--check-config", type=Path, metavar="FILE", required=True, help="say whether it can be used")


def _add_topic(commands: _Commands) -> None:
    examples = """\
With --max it fails when fewer messages came.

examples:
  tradestream topic streaming-events
  tradestream topic candles --from-beginning --until-end
  tradestream topic streaming-events --max 10 --timeout 30
"""
    parser = _add(commands, "topic", _topic, "print a topic's messages, a line each", examples)
    parser.add_argument("topic", metavar="TOPIC")
    parser.add_argument("--from-beginning", action="store_true", help="begin at the oldest message")
    parser.add_argument("--until-end", action="store_true", help="end where the topic ends now")
    parser.add_argument("--max", type=int, metavar="N", help="end after N messages")
    parser.add_argument("--timeout", type=float, metavar="S", help="end after S seconds without a message")
    parser.add_argument(
        "--client-config",
        type=Path,
        metavar="FILE",
        default=CLIENT_PROPERTIES,
        help="Kafka's client properties (%(default)s)",
    )


def _producer(args: argparse.Namespace) -> int:
    if args.check_config:
        config.load(args.check_config, ProducerConfig)
        return _OK
    settings = config.load(args.config, ProducerConfig)
    _log_to_journal(settings.log_level)
    producer.run(settings)
    return _OK


def _simulator(args: argparse.Namespace) -> int:
    settings = config.load(args.check_config or args.config, SimulatorConfig)
    if args.check_config:
        simulator.check(settings)
        return _OK
    _log_to_journal(settings.log_level)
    simulator.run(settings)
    return _OK


def _analytics(args: argparse.Namespace) -> int:
    from tradestream.analytics import config as analytics  # noqa: PLC0415 - the other commands do not need it

    analytics.load(args.check_config)
    return _OK


def _topic(args: argparse.Namespace) -> int:
    messages = topic.read(
        client_config(args.client_config),
        args.topic,
        from_beginning=args.from_beginning,
        until_end=args.until_end,
        timeout=args.timeout,
    )
    count = 0
    try:
        for message in islice(messages, args.max):
            sys.stdout.write(message.decode(errors="replace") + "\n")
            sys.stdout.flush()
            count += 1
    except KeyboardInterrupt:
        return _OK
    finally:
        messages.close()
    return _FAILED if args.max is not None and count < args.max else _OK


def _log_to_journal(level: str) -> None:
    logs.setup(level, journal="JOURNAL_STREAM" in os.environ)
