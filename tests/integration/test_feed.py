"""Exchange to Kafka: the simulator, the producer and a real broker."""

from __future__ import annotations

import signal
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import msgspec
import pytest

from data.make_dump import write_dump
from integration.broker import free_port
from integration.programs import Producer, Simulator, wait_for
from tradestream import dump, topic
from tradestream.quote import Quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.broker import Broker


@pytest.fixture
def name(request: pytest.FixtureRequest, kafka: Broker) -> str:
    """A topic of the test's own, with its dead-letter topic."""
    topic = request.node.name.replace("[", "-").replace("]", "")
    kafka.create_topics([topic, f"{topic}-dlq"])
    return str(topic)


@pytest.fixture
def refusing() -> Iterator[str]:
    """An exchange that serves nobody from here: 451 to whatever is asked."""

    class Refusal(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_error(451)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_trade_of_ten_pairs_arrives(tmp_path: Path, kafka: Broker, name: str) -> None:
    """What the simulator logged from the first trade on is what Kafka has, id by id, and nothing else."""
    with Simulator(tmp_path, rate=500) as exchange:
        with Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name) as producer:
            wait_for("2,000 trades", lambda: producer.metric("events_produced_total") >= 2000)
            assert producer.metric("feed_connected", symbol="POLUSDT") == 1
            assert producer.metric("trades_missing_total") == 0
            produced = producer.metric("events_produced_total")
            assert producer.terminate() == 0
        trades = producer.trades()
    assert len(trades) >= produced
    by_symbol: dict[str, list[int]] = {}
    for trade in trades:
        by_symbol.setdefault(trade.symbol, []).append(trade.trade_id)
    assert len(by_symbol) == 10
    for symbol, ids in by_symbol.items():
        logged = exchange.ids(symbol)
        assert ids == logged[logged.index(ids[0]) : logged.index(ids[-1]) + 1]


def test_one_producer_reads_several_exchanges_and_one_that_refuses_harms_no_other(
    tmp_path: Path, kafka: Broker, name: str, refusing: str
) -> None:
    """The exchange that answers 451 is asked again and again; the others' trades arrive whole meanwhile."""
    pairs = {"binance": ["BTCUSDT", "ETHUSDT"], "coinbase": ["BTC-USD"]}
    with Simulator(tmp_path, rate=500, symbols=[pair for some in pairs.values() for pair in some]) as simulator:
        url = f"ws://127.0.0.1:{simulator.port}"
        feeds = [{"exchange": exchange, "url": url, "symbols": some} for exchange, some in pairs.items()]
        feeds.append({"exchange": "kraken", "url": refusing, "symbols": ["BTC/USD"]})
        with Producer(tmp_path, kafka, url, name, feeds=feeds) as producer:
            wait_for("refusals", lambda: producer.metric("feed_reconnects_total", reason="refused") >= 2)
            wait_for("Binance", lambda: producer.metric("events_produced_total", exchange="binance") > 300)
            wait_for("Coinbase", lambda: producer.metric("events_produced_total", exchange="coinbase") > 300)
            assert producer.metric("feed_connected", exchange="kraken") == 0
            assert producer.metric("feed_connected", exchange="binance", symbol="ETHUSDT") == 1
            assert producer.terminate() == 0
        assert "HTTP 451" in producer.log()
        trades = producer.trades()
        assert {trade.exchange for trade in trades} == set(pairs)
        for symbol in {trade.symbol for trade in trades}:
            ids = [trade.trade_id for trade in trades if trade.symbol == symbol]
            assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_the_best_bid_and_ask_go_to_a_topic_of_their_own(tmp_path: Path, kafka: Broker, name: str) -> None:
    """One for each change, in the order of the book, beside all trades."""
    quotes = f"{name}-quotes"
    kafka.create_topics([quotes])
    with Simulator(tmp_path, rate=500) as exchange:
        url = f"ws://127.0.0.1:{exchange.port}"
        with Producer(tmp_path, kafka, url, name, quotes_topic=quotes) as producer:
            wait_for("1,000 quotes", lambda: kafka.count(quotes) >= 1000)
            assert producer.terminate() == 0
        ids = {trade.trade_id for trade in producer.trades() if trade.symbol == "BTCUSDT"}
        logged = exchange.ids("BTCUSDT")
    assert ids == set(logged[logged.index(min(ids)) : logged.index(max(ids)) + 1])
    client = {"bootstrap.servers": kafka.bootstrap}
    books: dict[str, list[int]] = {}
    for message in topic.read(client, quotes, from_beginning=True, until_end=True):
        quote = msgspec.json.decode(message, type=Quote)
        assert Decimal(quote.bid_price) < Decimal(quote.ask_price)
        books.setdefault(quote.symbol, []).append(quote.update_id)
    assert len(books) == 10
    assert all(updates == sorted(set(updates)) for updates in books.values())


def test_a_connection_that_ends_is_replaced_and_what_it_missed_is_fetched(
    tmp_path: Path, kafka: Broker, name: str
) -> None:
    """After a close by the exchange trades flow again, and those of the time between are not missing."""
    with Simulator(tmp_path, rate=500) as exchange:
        with Producer(
            tmp_path,
            kafka,
            f"ws://127.0.0.1:{exchange.port}",
            name,
            reconnect={"min_seconds": 0.5, "max_seconds": 0.6},
        ) as producer:
            wait_for("trades", lambda: producer.metric("events_produced_total") > 100)
            assert exchange.control("close") == 1
            wait_for("a reconnect", lambda: producer.metric("feed_reconnects_total", reason="closed", symbol="BTCUSDT"))
            wait_for("a repair", lambda: producer.metric("trades_backfilled_total") >= 200)
            produced = producer.metric("events_produced_total")
            wait_for("more trades", lambda: producer.metric("events_produced_total") > produced + 500)
            assert producer.metric("trades_missing_total") == 0
            assert producer.terminate() == 0
        trades = producer.trades()
    for symbol in {trade.symbol for trade in trades}:
        ids = [trade.trade_id for trade in trades if trade.symbol == symbol]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_a_planned_shutdown_is_met_by_a_second_connection(tmp_path: Path, kafka: Broker, name: str) -> None:
    """It delivers before the first one ends, so that nothing has to be fetched; what came twice counts once."""
    with Simulator(tmp_path, rate=500) as exchange:
        with Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name) as producer:
            wait_for("trades", lambda: producer.metric("events_produced_total") > 50)
            exchange.control("server-shutdown?seconds=10")
            wait_for("another one", lambda: producer.metric("feed_reconnects_total", reason="server_shutdown"))
            produced = producer.metric("events_produced_total")
            wait_for("more trades", lambda: producer.metric("events_produced_total") > produced + 500)
            assert producer.metric("feed_connected", symbol="BTCUSDT") == 1
            assert producer.metric("trades_backfilled_total") == 0
            assert producer.metric("events_failed_total") == 0
            assert producer.terminate() == 0
        trades = producer.trades()
    assert len({trade.event_id for trade in trades}) == len(trades)


def test_a_connection_is_replaced_before_the_exchange_ends_it(tmp_path: Path, kafka: Broker, name: str) -> None:
    """A connection may live so long; a second one delivers before that."""
    with (
        Simulator(tmp_path, rate=500) as exchange,
        Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name, lifetime_seconds=1) as producer,
    ):
        wait_for("three more", lambda: producer.metric("feed_reconnects_total", reason="planned", symbol="BTCUSDT") > 2)
        assert producer.metric("trades_backfilled_total") == 0
        assert producer.metric("feed_reconnects_total", reason="closed") == 0
        assert producer.terminate() == 0


def test_a_silent_socket_is_replaced(tmp_path: Path, kafka: Broker, name: str) -> None:
    """A connection that stays open without a frame is given up after silence_timeout_seconds."""
    with (
        Simulator(tmp_path, rate=500) as exchange,
        Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name, silence_timeout_seconds=0.5) as producer,
    ):
        wait_for("trades", lambda: producer.metric("events_produced_total") > 100)
        exchange.control("stall")
        wait_for("the reconnect", lambda: producer.metric("feed_reconnects_total", reason="silent"))
        produced = producer.metric("events_produced_total")
        wait_for("more trades", lambda: producer.metric("events_produced_total") > produced + 100)
        assert producer.terminate() == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda signum: signum.name)
def test_a_stop_sends_what_was_read(tmp_path: Path, kafka: Broker, name: str, signum: signal.Signals) -> None:
    """In the midst of a replay at full speed a stop exits 0, and Kafka has the dump's first trades without a gap."""
    recorded = write_dump(tmp_path / "BTCUSDT-trades-2024-01-01.csv", count=1_000_000)
    with Simulator(tmp_path, replay={"file": str(recorded), "speed": "max"}) as exchange:
        with Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name) as producer:
            wait_for("trades", lambda: producer.metric("events_produced_total") > 5_000)
            assert producer.terminate(signum) == 0
            assert "event=drained unconfirmed=0" in producer.log()
        ids = sorted(trade.trade_id for trade in producer.trades())
    assert 5_000 < len(ids) < 1_000_000
    assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_what_cannot_be_read_goes_to_the_dead_letters(tmp_path: Path, kafka: Broker, name: str) -> None:
    """Each unreadable frame is counted by its reason and kept as it was; trades go on."""
    trade = '{"e":"trade","s":"BTCUSDT","t":1,"p":"1","q":"1","m":true'
    frames = {
        "malformed_json": '{"stream":"btcusdt@trade","data":{"e":"tra',
        "missing_field": f'{{"stream":"btcusdt@trade","data":{trade}}}}}',
        "wrong_type": f'{{"stream":"btcusdt@trade","data":{trade},"T":"now"}}}}',
        "unexpected_message": '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{}}}',
        "unexpected_symbol": f'{{"stream":"x@trade","data":{trade.replace("BTC", "LTC")},"T":1}}}}',
    }
    with (
        Simulator(tmp_path, rate=100) as exchange,
        Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name) as producer,
    ):
        wait_for("trades", lambda: producer.metric("events_produced_total") > 20)
        for frame in frames.values():
            exchange.control("send", frame.encode())
        wait_for("rejections", lambda: producer.metric("events_failed_total") == len(frames))
        for reason in frames:
            assert producer.metric("events_failed_total", reason=reason, exchange="binance") == 1
        produced = producer.metric("events_produced_total")
        wait_for("more trades", lambda: producer.metric("events_produced_total") > produced)
        assert producer.terminate() == 0
        letters = producer.rejected()
    assert {letter["reason"]: letter["raw"] for letter in letters} == frames
    assert {letter["exchange"] for letter in letters} == {"binance"}


def test_a_broker_that_is_away_slows_reading_and_loses_nothing(tmp_path: Path, kafka: Broker, name: str) -> None:
    """A replay in haste meets a stopped broker and a short queue: once it is back all trades arrive, once."""
    recorded = write_dump(tmp_path / "BTCUSDT-trades-2024-01-01.csv", count=20_000)
    with (
        Simulator(tmp_path, replay={"file": str(recorded), "speed": 40}) as exchange,
        Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name, queue_messages=500) as producer,
    ):
        wait_for("trades", lambda: producer.metric("events_produced_total") > 100)
        kafka.stop()
        try:
            producer.logged("event=queue_full")
            assert producer.metric("feed_connected", symbol="BTCUSDT") == 1
        finally:
            kafka.start()
        producer.logged("event=queue_has_room")
        wait_for("all trades", lambda: producer.metric("events_produced_total") == 20_000)
        assert producer.metric("trades_missing_total") == 0
        assert producer.metric("feed_reconnects_total") == 0
        assert producer.terminate() == 0
        ids = [trade.trade_id for trade in producer.trades()]
    assert sorted(ids) == list(range(1, 20_001))


def test_a_dump_arrives_digit_by_digit(tmp_path: Path, kafka: Broker, name: str) -> None:
    """A replayed dump gives the trades of its rows, at the exchange's times and with its digits."""
    path = Path(__file__).parents[1] / "data" / "BTCUSDT-trades-2024-12-31.csv"
    rows = list(dump.read(path))
    with (
        Simulator(tmp_path, replay={"file": str(path), "speed": "max"}) as exchange,
        Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name) as producer,
    ):
        wait_for("all trades", lambda: producer.metric("events_produced_total") == len(rows))
        assert producer.terminate() == 0
        trades = producer.trades()
    assert [(t.trade_id, t.price, t.quantity, t.trade_time, t.buyer_is_maker) for t in trades] == [
        (row.trade_id, row.price, row.quantity, row.time, row.buyer_is_maker) for row in rows
    ]


def test_a_symbol_that_the_exchange_does_not_trade_stops_the_start(tmp_path: Path, kafka: Broker, name: str) -> None:
    """The producer exits with 2 and names it, before it is ready."""
    with (
        Simulator(tmp_path, symbols=["BTCUSDT"]) as exchange,
        Producer(
            tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name, symbols=["BTCUSDT", "NOSUCHPAIR"]
        ) as producer,
    ):
        assert producer.wait() == 2
        assert "does not trade NOSUCHPAIR" in producer.log()


def test_a_producer_waits_for_its_topic(tmp_path: Path, kafka: Broker, name: str) -> None:
    """A topic that is not there yet is waited for, said in the log, and then used."""
    with Simulator(tmp_path) as exchange:
        producer = Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", f"{name}-later")
        with producer:
            producer.logged("event=waiting_for_kafka .*does not exist")
            kafka.create_topics([producer.topic, producer.dead_letters])
            wait_for("trades", lambda: producer.metric("events_produced_total") > 0)
            assert producer.terminate() == 0


def test_ids_go_on_after_the_exchange_was_killed(tmp_path: Path, kafka: Broker, name: str) -> None:
    """The simulator's log has no id twice and none left out over a sudden restart, and neither has the feed."""
    port = free_port()
    exchange = Simulator(tmp_path, rate=500, port=port, symbols=["BTCUSDT"])
    with exchange, Producer(tmp_path, kafka, f"ws://127.0.0.1:{port}", name, symbols=["BTCUSDT"]) as producer:
        wait_for("trades", lambda: producer.metric("events_produced_total") > 100)
        exchange.kill()
        with exchange:
            produced = producer.metric("events_produced_total")
            wait_for("more trades", lambda: producer.metric("events_produced_total") > produced + 100)
            assert producer.metric("trades_duplicate_total") == 0
            assert producer.terminate() == 0
    logged = exchange.ids("BTCUSDT")
    assert logged == list(range(1, len(logged) + 1))
    ids = [trade.trade_id for trade in producer.trades()]
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(logged)
