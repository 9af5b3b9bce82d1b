"""The command `tradestream`."""

from __future__ import annotations

import argparse
import math
import re
import signal
import sys
import textwrap
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tradestream import __version__, config, logs, topic, topics
from tradestream.analytics.intervals import interval_ms
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
    args = command_line().parse_args(arguments)
    command: Command = args.command
    try:
        return command(args)
    except TradestreamError as error:
        logs.failed("tradestream", error)
        return _USAGE if isinstance(error, ConfigError) else _FAILED


def command_line() -> argparse.ArgumentParser:
    """The whole command line, with its subcommands."""
    parser = argparse.ArgumentParser(
        prog="tradestream", description="Trades from an exchange to candles.", epilog=_EXIT
    )
    parser.add_argument("--version", action="version", version=f"tradestream {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_producer(commands)
    _add_simulator(commands)
    _add_analytics(commands)
    _add_topic(commands)
    _add_watch(commands)
    _add_replay(commands)
    _add_candles(commands)
    _add_sql(commands)
    _add_check(commands)
    _add_compact(commands)
    _add_kafka_ui(commands)
    _add_backtest(commands)
    _add_repair(commands)
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
    _add_client_config(parser)


def _add_watch(commands: _Commands) -> None:
    more = """\
It reads Kafka alone, so it runs wherever Kafka's client properties are. `lag` is how far the newest trade is behind
this machine's clock, `change` is since the first of the candles that `trend` shows, and a gap is a closed candle that
misses trades. It reads at most 4,000 messages a second: of more it shows a sample, and says so; rates count all.

On a terminal it fills the screen; q or Ctrl-C ends it. Elsewhere, with --max and where TERM is dumb it prints a line
for each event: prices at most once a second for each pair, closed candles, signals, and every ten seconds the
pipeline's figures. NO_COLOR is heeded.

examples:
  tradestream watch
  tradestream watch --symbols BTCUSDT,ETHUSDT --interval 5m
  tradestream watch | grep ' signal '

After SIGINT it ends with 130, after SIGTERM with 143, and with 141 where nobody reads on.
"""
    parser = _add(commands, "watch", _watch, "show prices, candles, signals and the pipeline's pace, live", more)
    parser.add_argument("--symbols", type=_names, default=(), metavar="A,B", help="only these: BTCUSDT or BTC-USDT")
    parser.add_argument(
        "--interval", type=_interval, default="1m", metavar="LENGTH", help="which candles: 5m, 1h, ... (%(default)s)"
    )
    parser.add_argument("--max", type=_count, metavar="N", help="print lines, and end after N of them")
    parser.add_argument("--topic", default=topics.TRADES, help="where trades are (%(default)s)")
    for what, name in (("candles", topics.CANDLES), ("signals", topics.SIGNALS)):
        parser.add_argument(f"--{what}-topic", metavar="TOPIC", default=name, help=f"where {what} are (%(default)s)")
    _add_client_config(parser)


def _interval(text: str) -> str:
    try:
        interval_ms(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no length such as 1m, 5m, 1h or 1d that divides a day") from None
    return text


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _add_client_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--client-config",
        type=Path,
        metavar="FILE",
        default=CLIENT_PROPERTIES,
        help="Kafka's client properties (%(default)s)",
    )


def _add_replay(commands: _Commands) -> None:
    more = """\
Trades are sent as the producer sends them: same JSON, same event_id, keyed by symbol, a symbol's by rising id; only
`timestamp` is the time of the replay. A .CHECKSUM beside a dump is verified before anything is sent.

A replay that ended early, by whatever cause, goes on where it stopped when the same command is run again; after
kill -9 the trades of about the last second are sent twice, with the same event_id. What Kafka has is noted in
$XDG_STATE_HOME/tradestream/replay, by default ~/.local/state.

Do not replay pairs into a topic to which a producer sends them too: trades that are older than those already there come
too late for their candles, and the producer would take the ids between for missing. Use a topic (--topic), or an
instance of the pipeline, of its own.

examples:
  tradestream replay BTCUSDT-trades-2021-01-08.zip
  tradestream replay dumps/ --symbols BTCUSDT,ETH-USDT --topic replay-2021
  tradestream replay BTCUSDT-trades-2021-01-08.csv --speed 60

After SIGINT it ends with 130, after SIGTERM with 143, where something is left to do; what was sent is noted first.
"""
    parser = _add(commands, "replay", _replay, "send Binance's public dumps of trades to Kafka", more)
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="FILE|DIR",
        help="SYMBOL-trades-....zip or .csv, or a directory of such (not those below it)",
    )
    parser.add_argument("--symbols", type=_names, default=(), metavar="A,B", help="only these: BTCUSDT or BTC-USDT")
    parser.add_argument(
        "--speed",
        type=_speed,
        metavar="N|max",
        help="N times as fast as recorded, pairs beside each other; max is as fast as Kafka takes them (default: max)",
    )
    parser.add_argument("--topic", default=topics.TRADES, help="where to (%(default)s); it has to exist")
    parser.add_argument("--restart", action="store_true", help="begin again, whatever was sent before")
    parser.add_argument("--json", action="store_true", help="print what was done as one line of JSON")
    _add_client_config(parser)


_STORED = """\
It reads the Parquet files that the Spark job writes about once a minute, in the directory that
/etc/tradestream/analytics.yml names: run it on that job's host, as root or in the group spark. It changes nothing.
"""


def _add_stored(parser: argparse.ArgumentParser, formats: str) -> None:
    parser.add_argument("--storage", metavar="DIR", help="read this directory instead of the job's")
    choices = formats.split()
    parser.add_argument("--format", choices=choices, default=choices[0], help="how to print it (%(default)s)")


def _add_candles(commands: _Commands) -> None:
    more = f"""\
{_STORED}
Only closed candles are stored; the topic `candles` has those that still change. Times are UTC. When there are none of
that time it prints none (CSV: the names of the columns, JSON: []) and exits 1.

examples:
  tradestream candles BTCUSDT --interval 5m --since 2h
  tradestream candles BTC-USDT --since 2021-01-08 --until 2021-01-08T06:00 --format csv
  tradestream candles BTCUSDT --interval 1h --since 2d --format chart
"""
    parser = _add(commands, "candles", _candles, "show stored candles of a pair", more)
    parser.add_argument("symbol", metavar="SYMBOL", help="BTCUSDT, BTC-USDT or BTC/USDT")
    parser.add_argument("--exchange", help="needed where more than one exchange has the pair")
    parser.add_argument(
        "--interval", default="1m", metavar="LENGTH", help="5m, 1h, ...: one that is stored (%(default)s)"
    )
    parser.add_argument(
        "--since", metavar="WHEN", help="2h (before now), 2021-01-08 or 2021-01-08T12:30; without it the newest 50"
    )
    parser.add_argument("--until", metavar="WHEN", help="the same; a candle that opens then is not shown")
    _add_stored(parser, "table csv json chart")


def _add_sql(commands: _Commands) -> None:
    more = """\
The views are trades, candles and signals; `DESCRIBE trades` names the columns. Each has `time`, a timestamp in UTC, and
`date`, by which files are chosen: a condition on it, on exchange and on symbol (trades) or interval makes it quick. It
is DuckDB's SQL, read-only: one query, no other files. Decimals keep every digit; in JSON they are strings. A table
ends after 200 rows, CSV and JSON have all.

examples:
  tradestream sql "SELECT symbol, count(*), sum(quantity) FROM trades WHERE date = '2021-01-08' GROUP BY ALL"
  tradestream sql "FROM candles WHERE symbol = 'BTCUSDT' AND interval = '5m' ORDER BY time DESC LIMIT 10"
  tradestream sql --format csv "SELECT trade_id, price, quantity FROM trades" > trades.csv
"""
    parser = _add(commands, "sql", _sql, "ask the stored trades, candles and signals in SQL", f"{_STORED}\n{more}")
    parser.add_argument("query", metavar="QUERY")
    _add_stored(parser, "table csv json")


def _add_check(commands: _Commands) -> None:
    more = f"""\
{_STORED}
Exchanges number a symbol's trades. So the stored ids prove, for each exchange and symbol, that
  - no trade is missing between the first and the last, none is there twice, and each lies in the partition of its day;
  - each trade's event_id is that of this exchange, symbol and id;
and the trades prove of the closed candles that
  - each is what its trades say, to the last digit. A trade that came after its candle was closed is in none: where a
    candle has fewer trades than are stored, it has to be the sum of exactly those that came first (by Kafka's offset);
  - none misses fewer trades than the ids between its first and its last one say;
  - no minute that is closed lacks its candle.
It looks at the pairs of which trades are stored. It cannot tell of trades before the first and after the last id, nor
whether a missing one was lost or never issued (the producer's journal does), nor of what the job has not yet brought to
its files; it compares neither vwap nor percent.
Of days that are older than the first stored trades candles are not compared, nor the other way round, as where old days
are removed; it says from when on it has compared.
After the topic was made anew offsets do not tell the order of older trades, and a lacking candle may go unseen.

examples:
  tradestream check
  tradestream check --symbol BTCUSDT --since 1d --format json

It exits 1 also when something is wrong, which is then named.
"""
    parser = _add(commands, "check", _check, "prove from ids that the stored data is whole", more)
    parser.add_argument("--exchange", help="check this one only")
    parser.add_argument("--symbol", help="check this pair only: BTCUSDT, BTC-USDT or BTC/USDT")
    parser.add_argument(
        "--since", metavar="WHEN", help="check from then on: 2h (before now), 2021-01-08 or 2021-01-08T12:30"
    )
    _add_stored(parser, "text json")


def _add_compact(commands: _Commands) -> None:
    more = """\
The job writes a file per partition and minute. Of each day that is over, by the clock and the watermark, this makes
one file per partition, or a few of 512 MiB; what they hold is compared with the old ones first. Days beyond `keep_days`
are removed. The job and readers may be at work: what lies in a partition changes at one moment. A question that has
listed the old files and then finds one gone gets an error that says so, and is to be asked again. Whatever ends it, the
same command does the rest. It takes about 700 MB and sorts beyond that in _compact/ beside the tables, where what was
replaced is kept for a minute or until the next time.

It is for file:/// alone, and file systems that can let two directories change places (ext4, XFS, Btrfs; not NFS).

examples:
  tradestream compact --config /etc/tradestream/compact.yml --dry-run
  systemctl start trade-compact; journalctl -u trade-compact -n 20

It exits 1 also when another one is at work.
"""
    parser = _add(commands, "compact", _compact, "merge the stored files of closed days, remove old days", more)
    _add_config(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would be merged and removed")


def _add_kafka_ui(commands: _Commands) -> None:
    more = """\
Brokers, topics, readers and messages, as pages that change nothing. An address with format=json gives the data alone.

examples:
  tradestream kafka-ui --config /etc/tradestream/kafka-ui.yml
  curl -s 'http://127.0.0.1:8080/topics/candles/messages?key=BTCUSDT&time=10m&format=json'
"""
    _add_config(_add(commands, "kafka-ui", _kafka_ui, "show in a browser what Kafka holds", more))


def _add_backtest(commands: _Commands) -> None:
    more = """\
It puts trades of the past through the same rules as the Spark job does, without Spark and Kafka: the closed candles
and the signals are those of the live run, byte for byte. Trades are Binance's public dumps (a .CHECKSUM beside a dump
is verified first), or without any what the job has stored. At their end all candles close, as the job closes them by
the clock once nothing more comes.

A signal hits when the price N minutes after it has moved in the direction that it names: up, above, bought; down,
below, sold. Signals without a direction are counted only.

--since and --until are widened to whole candles of the longest interval; indicators begin there with nothing.

examples:
  tradestream backtest BTCUSDT-trades-2021-01-08.zip --rules rules.yml --after 5,15,60
  tradestream backtest dumps/ --symbols BTCUSDT,ETH-USDT --output result/ --json
  tradestream backtest --since 7d --exchange kraken --chart
"""
    parser = _add(commands, "backtest", _backtest, "say what the job would signal for trades of the past", more)
    parser.add_argument("paths", type=Path, nargs="*", metavar="FILE|DIR", help="dumps, or directories of dumps")
    parser.add_argument(
        "--storage", metavar="DIR", help="the job's stored trades here, instead of where it stores them"
    )
    parser.add_argument("--symbols", type=_names, default=(), metavar="A,B", help="only these: BTCUSDT or BTC-USDT")
    parser.add_argument("--exchange", help="only this one's stored trades")
    parser.add_argument("--since", metavar="WHEN", help="from then on: 2h (before now), 2021-01-08 or 2021-01-08T12:30")
    parser.add_argument("--until", metavar="WHEN", help="the same; to then")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="as the job reads it (/etc/tradestream/analytics.yml, else defaults)",
    )
    parser.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="YAML with `rules`, and `intervals` and `indicators` if need be, instead of the configuration's",
    )
    parser.add_argument(
        "--after", type=_minutes, default=(5,), metavar="N,M", help="judge signals after so many minutes (5)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="keep candles.jsonl and signals.jsonl there")
    parser.add_argument("--chart", action="store_true", help="draw each pair, with its signals")
    parser.add_argument("--json", action="store_true", help="print the report as one line of JSON")


def _minutes(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9][0-9]{0,5}(,[1-9][0-9]{0,5})*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of minutes, as 5,15,60 is")
    return tuple(map(int, text.split(",")))


def _add_repair(commands: _Commands) -> None:
    more = """\
On the host of the analytics job, as root or as the job's user, while the job is stopped. It looks at the job's state
and at what Kafka holds, says what is wrong and what it would do, and asks. Damaged files are moved away, never deleted.
  - Where state is damaged, the job makes it anew from the stored trades and reads again what is not stored yet. What
    was read before counts once, as ids are known; closed candles may come to their topic again, the same.
  - Where Kafka has deleted messages before they were read, or the topic was made anew, they are lost. It says which
    and how many, and skips them only with --accept-loss.

examples:
  tradestream repair --dry-run
  systemctl stop trade-analytics && tradestream repair && systemctl start trade-analytics
  tradestream repair --accept-loss --yes
"""
    parser = _add(commands, "repair", _repair, "restore the job's damaged state, or accept what Kafka has lost", more)
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=Path("/etc/tradestream/analytics.yml"),
        help="the job's (%(default)s)",
    )
    parser.add_argument("--accept-loss", action="store_true", help="go on without messages that Kafka no longer holds")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.replace(" ", "").split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of symbols, as BTCUSDT,ETHUSDT is")
    return names


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor max")
    return speed


def _producer(args: argparse.Namespace) -> int:
    if args.check_config:
        config.load(args.check_config, ProducerConfig)
        return _OK
    settings = config.load(args.config, ProducerConfig)
    logs.setup(settings.log_level)
    producer.run(settings)
    return _OK


def _simulator(args: argparse.Namespace) -> int:
    settings = config.load(args.check_config or args.config, SimulatorConfig)
    if args.check_config:
        simulator.check(settings)
        return _OK
    logs.setup(settings.log_level)
    simulator.run(settings)
    return _OK


def _analytics(args: argparse.Namespace) -> int:
    from tradestream.analytics import config as analytics  # noqa: PLC0415 - the other commands do not need it

    analytics.load(args.check_config)
    return _OK


def _raise_on_ctrl_c() -> None:
    """For what has something to undo; see `__main__`."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _topic(args: argparse.Namespace) -> int:
    _raise_on_ctrl_c()
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


def _watch(args: argparse.Namespace) -> int:
    from tradestream.watch import service as watch  # noqa: PLC0415 - the other commands need no screen

    named = {topics.TRADES: args.topic, topics.CANDLES: args.candles_topic, topics.SIGNALS: args.signals_topic}
    return watch.run(watch.Options(args.symbols, args.interval, args.max, named, args.client_config))


def _replay(args: argparse.Namespace) -> int:
    from tradestream.replay import service as replay  # noqa: PLC0415 - the other commands need no progress bar

    options = replay.Options(
        args.paths, args.symbols, args.topic, args.client_config, speed=args.speed, restart=args.restart
    )
    _raise_on_ctrl_c()
    try:
        summary = replay.run(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    sys.stdout.write(f"{summary.as_json() if args.json else summary}\n")
    return summary.exit_status


def _candles(args: argparse.Namespace) -> int:
    from tradestream.ask import candles, service  # noqa: PLC0415 - the other commands need no database

    question = candles.Question(args.symbol, args.exchange, args.interval, args.since, args.until, args.format)
    return service.answer(args.storage, lambda storage, scratch: candles.run(storage, scratch, question))


def _sql(args: argparse.Namespace) -> int:
    from tradestream.ask import service, sql  # noqa: PLC0415 - the other commands need no database

    return service.answer(args.storage, lambda storage, scratch: sql.run(storage, scratch, args.query, args.format))


def _check(args: argparse.Namespace) -> int:
    from tradestream.ask import check, service  # noqa: PLC0415 - the other commands need no database

    question = check.Question(args.symbol, args.exchange, args.since, args.format)
    return service.answer(args.storage, lambda storage, scratch: check.run(storage, scratch, question))


def _compact(args: argparse.Namespace) -> int:
    from tradestream.compact import config as compact  # noqa: PLC0415 - the other commands need no database
    from tradestream.compact import service  # noqa: PLC0415

    settings = config.load(args.check_config or args.config, compact.CompactConfig)
    if args.check_config:
        return _OK
    logs.setup(settings.log_level)
    return service.run(settings, time.time(), dry_run=args.dry_run)


def _kafka_ui(args: argparse.Namespace) -> int:
    from tradestream.kafka_ui import config as kafka_ui  # noqa: PLC0415 - the other commands need no pages
    from tradestream.kafka_ui import service  # noqa: PLC0415

    settings = config.load(args.check_config or args.config, kafka_ui.KafkaUiConfig)
    if args.check_config:
        return _OK
    logs.setup(settings.log_level)
    service.run(settings)
    return _OK


def _backtest(args: argparse.Namespace) -> int:
    from tradestream.ask.service import ended  # noqa: PLC0415 - the other commands need no database
    from tradestream.backtest import service as backtest  # noqa: PLC0415

    options = backtest.Options(
        **{name: value for name, value in vars(args).items() if name in backtest.Options.__dataclass_fields__}
    )
    return ended(lambda scratch: backtest.run(options, scratch))


def _repair(args: argparse.Namespace) -> int:
    from tradestream.analytics import config as analytics  # noqa: PLC0415 - the other commands do not need it
    from tradestream.analytics import repair  # noqa: PLC0415

    repair.run(analytics.load(args.config), accept_loss=args.accept_loss, sure=args.yes, dry_run=args.dry_run)
    return _OK
