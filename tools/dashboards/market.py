"""*Market*: every pair in a table, and one of them with its candles, indicators and signals."""

from __future__ import annotations

from grafana_foundation_sdk.builders import candlestick
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.candlestick import ColorStrategy, VizDisplayMode

from dashboards.board import Board, Row, variable
from dashboards.panels import (
    PRICE,
    PROMETHEUS,
    Column,
    Query,
    Says,
    bars,
    dressed,
    graph,
    legend,
    listing,
    marked,
    number,
    or_none,
    steps,
    tally,
)

_PAIR = 'exchange="$exchange", symbol="$symbol"'
_CANDLE = f'{_PAIR}, interval="$interval"'
# What can be chosen: with a producer alone there are prices, with replayed trades candles.
_TRADED = '__name__=~"trade_last_price|candle_close"'
_NO_TRADE = "No trade of this pair yet. Pipeline shows where they stop."
_NO_CANDLE = "No candle of this pair and interval yet. Pipeline shows where trades stop."
_NO_INDICATOR = "Too few closed candles yet: indicators need up to 21, or what analytics_indicators says."
_SIGNED = steps("red", (0, "green"))

# Indicators are of closed candles, and a candle closes a second or two after its end.
_WHEN_CLOSED = "offset -${interval}10s"
_TWO_DAYS_OF_MINUTES = 2880


class _Signals(models.AnnotationQuery):
    """Signals of the pair, each in the minute it was counted; the SDK lacks the words that name Prometheus' ones."""

    def __init__(self) -> None:
        counted = f"signals_total{{{_PAIR}}}"
        # A rule's counter begins with its first signal, at 1: increase() would not see that one.
        new = f"({counted} - {counted} offset 1m > 0) or ({counted} unless {counted} offset 1m)"
        super().__init__(name="Signals", datasource=PROMETHEUS, icon_color="purple", expr=f"sum by (rule) ({new})")

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "step": "60s", "titleFormat": "{{rule}}", "tagKeys": "rule"}


def _of_candle(name: str, when: str = "") -> str:
    return f"max(candle_{name}{{{_CANDLE}}} {when})".replace(" )", ")")


def _at_beginning(name: str) -> str:
    """Of a candle at its beginning, what is known of it at its end, or now if it has none yet."""
    # Without a range Prometheus looks back for five minutes only, and would not see a candle of an hour before its end.
    return f"max(last_over_time(candle_{name}{{{_CANDLE}}}[$interval] offset -$interval))"


def _by_pair(series: str) -> str:
    return f"max by (exchange, symbol) ({series})"


def _price(largest: str, of_pair: str = "") -> str:
    """The last price; of two producers that one's whose feed is connected, as what the other saw last may be old."""
    last = f"trade_last_price{of_pair}"
    return f"{largest} ({last} and feed_connected{of_pair} == 1) or {largest} ({last})"


def _every_pair() -> Row:
    of_candle = '{interval="$interval"}'
    table = listing(
        Says("Every pair", "The newest of each; a click on a symbol shows it below.", _NO_TRADE),
        {"exchange": "Exchange", "symbol": "Symbol"},
        Column("Price", PRICE, _price("max by (exchange, symbol)")),
        Column("Change", "percent", _by_pair(f"candle_price_change_percent{of_candle}")),
        Column("Volume", "short", _by_pair(f"candle_volume{of_candle}")),
        Column("Trades", "short", _by_pair(f"candle_trade_count{of_candle}")),
        Column("VWAP", PRICE, _by_pair(f"candle_vwap{of_candle}")),
        Column("RSI", "none", _by_pair(f"candle_rsi{of_candle}")),
        Column("Pressure", "percentunit", _by_pair(f"candle_pressure{of_candle}")),
    )
    url = "/d/tradestream-market?var-exchange=${__data.fields.exchange}&var-symbol=${__data.fields.symbol}"
    show = {"title": "Show this pair", "url": f"{url}&${{interval:queryparam}}"}
    return Row("Every pair", [table.override_by_name("Symbol", [models.DynamicConfigValue("links", [show])])])


def _now() -> Row:
    return Row(
        "$exchange $symbol",
        [
            number(
                Says("Price", "Price of the last trade, live.", _NO_TRADE),
                PRICE,
                Query(_price("max", f"{{{_PAIR}}}"), "price"),
            ),
            number(
                Says("Change", "Close less open of the newest candle, in percent of its open.", _NO_CANDLE),
                "percent",
                Query(_of_candle("price_change_percent"), "change"),
            ).thresholds(_SIGNED),
            number(
                Says(
                    "Against VWAP", "How far the close is from its candle's volume-weighted average price.", _NO_CANDLE
                ),
                "percent",
                Query(f"({_of_candle('close')} / {_of_candle('vwap')} - 1) * 100", "distance"),
            ).thresholds(_SIGNED),
            number(
                Says("Volume", "Quantity traded in the newest candle.", _NO_CANDLE),
                "short",
                Query(_of_candle("volume"), "volume"),
            ),
            number(
                Says("RSI", "Of the newest closed candle; absent while the price never changed.", _NO_INDICATOR),
                "none",
                Query(_of_candle("rsi"), "RSI"),
            ).thresholds(steps("red", (30, "text"), (70, "green"))),
            number(
                Says("Pressure", "Bought less sold, in parts of the volume of the last candles.", _NO_INDICATOR),
                "percentunit",
                Query(_of_candle("pressure"), "pressure"),
            ).thresholds(_SIGNED),
        ],
    )


def _candles() -> candlestick.Panel:
    says = Says(
        "Candles",
        "The newest as trades change it; volume below, and VWAP and Bollinger bands of the last candles. Prometheus "
        "looks every few seconds, so the end of a candle may be missing here: topic candles and Parquet have it "
        "exactly. For more than two days choose a longer interval, else some are left out.",
        _NO_CANDLE,
    )
    queries = [
        *(Query(_at_beginning(name), name) for name in ("open", "high", "low", "close", "volume")),
        *(
            Query(_of_candle(name, _WHEN_CLOSED), legend)
            for name, legend in {
                "rolling_vwap": "VWAP",
                "bollinger_upper": "upper band",
                "bollinger_lower": "lower band",
            }.items()
        ),
    ]
    colors = candlestick.CandlestickColors().up("green").down("red").flat("gray")
    return (
        dressed(candlestick.Panel(), says, PRICE, queries)
        .interval("$interval")
        .max_data_points(_TWO_DAYS_OF_MINUTES)
        .span(24)
        .height(14)
        .mode(VizDisplayMode.CANDLES_VOLUME)
        .color_strategy(ColorStrategy.OPEN_CLOSE)
        .colors(colors)
        .legend(legend())
        .include_all_fields(include_all_fields=True)
    )


def _over_time() -> Row:
    strength = graph(
        Says("RSI", "Of closed candles. Above 70 it rose much, below 30 it fell much.", _NO_INDICATOR),
        "none",
        Query(_of_candle("rsi"), "RSI"),
    )
    return Row(
        "Over time",
        [
            _candles(),
            graph(
                Says("Price", "Price of the last trade, and the VWAP of its candle.", _NO_TRADE),
                PRICE,
                Query(_price("max", f"{{{_PAIR}}}"), "price"),
                Query(_of_candle("vwap"), "VWAP"),
            ),
            graph(
                Says("Price change", "Close less open of the newest candle, in percent of its open.", _NO_CANDLE),
                "percent",
                Query(_of_candle("price_change_percent"), "change"),
            ),
            marked(strength.min(0).max(100), (30, 70)),
            bars(
                Says("Bought and sold", "Volume of each candle by who took it: bought up, sold down.", _NO_CANDLE),
                "short",
                Query(_at_beginning("buy_volume"), "bought"),
                Query(f"-{_at_beginning('sell_volume')}", "sold"),
            ).interval("$interval"),
            graph(
                Says("Pressure", "Bought less sold in parts of the volume: 1 all bought, -1 all sold.", _NO_INDICATOR),
                "percentunit",
                Query(_of_candle("pressure"), "pressure"),
            )
            .min(-1)
            .max(1),
            graph(
                Says("Unusual", "z-scores: standard deviations from the mean of the last candles.", _NO_INDICATOR),
                "none",
                Query(_of_candle("price_zscore"), "price"),
                Query(_of_candle("volume_zscore"), "volume"),
            ),
            tally(
                Says(
                    "Signals",
                    "By rule, since the job started. Purple marks in the graphs are signals.",
                    "The job counts none.",
                ),
                "none",
                Query(
                    f"sum by (rule) (signals_total{{{_PAIR}}}) {or_none('rule', 'none yet')}",
                    "{{rule}}",
                ),
            )
            .span(24)
            .height(4),
        ],
    )


def board() -> Board:
    """The dashboard."""
    return Board(
        name="market",
        title="Market",
        about="What the market does: prices, candles, indicators, signals.",
        refresh="5s",
        variables=[
            variable("exchange", "Exchange", f"label_values({{{_TRADED}}}, exchange)", several=False, first="binance"),
            variable(
                "symbol",
                "Symbol",
                f'label_values({{{_TRADED}, exchange="$exchange"}}, symbol)',
                several=False,
                first="BTCUSDT",
            ),
            variable("interval", "Candle", "label_values(candle_close, interval)", several=False, first="1m"),
        ],
        rows=[_now(), _over_time(), _every_pair()],
        annotations=[_Signals()],
    )
