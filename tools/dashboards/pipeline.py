"""*Pipeline*: a row for each stage in the order of the data, from the exchange to the candle."""

from __future__ import annotations

from dashboards.board import Board, Row, variable
from dashboards.panels import Query, Says, graph, marked, number, or_none, steps, tally, timeline

_PAIR = '{exchange=~"$exchange", symbol=~"$symbol"}'
_OF_EXCHANGE = '{exchange=~"$exchange"}'
_NO_PRODUCER = "No figures of a producer: is trade-producer up?"
_NO_TRADE = "No trade in the last two minutes."
_NO_JOB = "No figures of the Spark job: is trade-analytics up?"
_NO_KAFKA = "No figures of a broker: is kafka up?"
_NO_OBJECTIVE = "No trade in this window, so nothing to judge."
_ALL_IS_WELL_AT_NONE = steps("green", (1, "red"))

# Of the budget of 30 days, burnt evenly: 14.4 would take 2 % of it in an hour.
_BURN_RATES = (1.0, 14.4)


def _rate(counter: str, by: str) -> str:
    return f"sum by ({by}) (rate({counter}[$__rate_interval]))"


def _within(counter: str) -> str:
    return f"sum(increase({counter}[$__range]))"


def _quantiles(series: str) -> list[Query]:
    return [Query(f"exchange:{series}:{p}{_OF_EXCHANGE}", f"{{{{exchange}}}} {p}") for p in ("p50", "p95", "p99")]


def _levels() -> Row:
    panels = []
    for name, about in {
        "freshness": "Pairs of a batch whose candles were out in time.",
        "completeness": "Trades that arrived, of all that the exchange numbered.",
    }.items():
        budget = f"(1 - scalar(slo:{name}:objective))"
        panels += [
            tally(
                Says(f"{name.capitalize()}, 6 h", about, _NO_OBJECTIVE),
                "percentunit",
                Query(f"1 - max(slo:{name}:error_ratio_rate6h)", "good"),
                Query(f"max(slo:{name}:objective)", "objective"),
            )
            .decimals(3)
            .span(4),
            marked(
                graph(
                    Says(
                        f"{name.capitalize()}: burn rate",
                        "How fast the error budget goes: 1 uses it up in exactly the objective's period.",
                        _NO_OBJECTIVE,
                    ),
                    "none",
                    *(
                        Query(f"max(slo:{name}:error_ratio_rate{window}) / {budget}", window)
                        for window in ("5m", "30m", "1h", "6h")
                    ),
                ),
                _BURN_RATES,
            ).span(8),
        ]
    return Row("Service levels", panels)


def _exchange() -> Row:
    return Row(
        "1 · Exchange",
        [
            graph(
                Says(
                    "Exchange lag",
                    "From the exchange's trade time until its receipt. With a replay it is as old as the recording.",
                    _NO_TRADE,
                ),
                "s",
                *_quantiles("trade_exchange_lag_seconds"),
            ),
            tally(
                Says(
                    "Reconnects",
                    "Connections that had to be replaced in the time range shown, by reason.",
                    _NO_PRODUCER,
                ),
                "none",
                Query(
                    # An exchange's symbols share its connections, and each counts them.
                    "sum by (reason) (max by (exchange, reason) "
                    f"(increase(feed_reconnects_total{_OF_EXCHANGE}[$__range])))",
                    "{{reason}}",
                ),
            ),
            timeline(
                Says("Feed connected", "By exchange and producer; symbols share their connections.", _NO_PRODUCER),
                Query(f"max by (exchange, instance) (feed_connected{_OF_EXCHANGE})", "{{exchange}} {{instance}}"),
            ).height(4),
        ],
    )


def _producer() -> Row:
    return Row(
        "2 · Producer",
        [
            graph(
                Says("Produced", "Trades that Kafka confirmed, a second.", _NO_PRODUCER),
                "cps",
                Query(_rate(f"events_produced_total{_PAIR}", "exchange, symbol"), "{{exchange}} {{symbol}}"),
            ),
            graph(
                Says(
                    "Production latency", "From hand-over to Kafka's client until the broker confirmed it.", _NO_TRADE
                ),
                "s",
                *_quantiles("event_production_latency_seconds"),
            ),
            tally(
                Says(
                    "Missed and repaired",
                    "Ids missed in the time range shown: those nobody could give, and those fetched later.",
                    _NO_PRODUCER,
                ),
                "none",
                Query(_within(f"trades_missing_total{_PAIR}"), "missing"),
                Query(_within(f"trades_backfilled_total{_PAIR}"), "repaired"),
            ).span(6),
            graph(
                Says(
                    "Repairs and duplicates", "Ids a second: lost, fetched to fill a gap, and come twice.", _NO_PRODUCER
                ),
                "cps",
                Query(_rate(f"trades_missing_total{_PAIR}", "exchange"), "{{exchange}} missing"),
                Query(_rate(f"trades_backfilled_total{_PAIR}", "exchange"), "{{exchange}} repaired"),
                Query(_rate(f"trades_duplicate_total{_PAIR}", "exchange"), "{{exchange}} duplicate"),
            ).span(9),
            graph(
                Says("Failed", "Frames that could not be read and trades that Kafka refused, a second.", _NO_PRODUCER),
                "cps",
                Query(_rate(f"events_failed_total{_OF_EXCHANGE}", "exchange, reason"), "{{exchange}} {{reason}}"),
            ).span(9),
        ],
    )


def _kafka() -> Row:
    held = "max by (topic, partition) (kafka_log_log_end_offset)"
    begins = "max by (topic, partition) (kafka_log_log_start_offset)"
    read = "max by (topic, partition) (stream_position_offset)"
    return Row(
        "3 · Kafka",
        [
            graph(
                Says("Messages in", "A second, by topic.", _NO_KAFKA),
                "cps",
                Query(_rate("kafka_server_brokertopicmetrics_messagesin_total", "topic"), "{{topic}}"),
            ).span(8),
            graph(
                Says("Behind Kafka", "Messages not yet read, most of any partition.", _NO_JOB),
                "short",
                Query("max(stream_offsets_behind_latest)", "messages"),
            ).span(8),
            graph(
                Says(
                    "Unread of what Kafka holds",
                    "By partition; at 100 % retention begins to delete what was not read.",
                    "Nothing in Kafka, or no figures of it or of the Spark job.",
                ),
                "percentunit",
                Query(
                    f"({held} - on (topic, partition) {read}) / on (topic, partition) ({held} - {begins})",
                    "{{topic}} {{partition}}",
                ),
            )
            .span(8)
            .min(0),
        ],
    )


def _analytics() -> Row:
    return Row(
        "4 · Analytics",
        [
            graph(
                Says(
                    "Produced and consumed",
                    "Trades a second, duplicates too; where they part, the job is behind.",
                    _NO_PRODUCER,
                ),
                "cps",
                Query(f"sum(rate(events_produced_total{_PAIR}[$__rate_interval]))", "produced"),
                Query(
                    f"sum(rate(events_processed_total{_PAIR}[$__rate_interval])) "
                    f"+ sum(rate(events_duplicate_total{_PAIR}[$__rate_interval]))",
                    "consumed",
                ),
            ),
            graph(
                Says(
                    "Late and duplicate", "A second: trades whose candle was closed, and trades read before.", _NO_JOB
                ),
                "cps",
                Query(f"sum(rate(events_late_total{_PAIR}[$__rate_interval]))", "late"),
                Query(f"sum(rate(events_duplicate_total{_PAIR}[$__rate_interval]))", "duplicate"),
            ),
            graph(
                Says("Processing delay", "From a batch's oldest message in Kafka until its candles are out.", _NO_JOB),
                "s",
                *(
                    Query(f"histogram_quantile({q}, sum by (le) (rate(stream_processing_delay_seconds_bucket[2m])))", p)
                    for q, p in ((0.5, "p50"), (0.99, "p99"))
                ),
            ).span(8),
            graph(
                Says("Batch by stage", "How long the newest batch took.", _NO_JOB),
                "s",
                Query("max by (stage) (stream_batch_duration_seconds)", "{{stage}}"),
            ).span(8),
            graph(
                Says("Dead letters", "Messages a second that are no trades, the five most frequent reasons.", _NO_JOB),
                "cps",
                Query(
                    "topk(5, sum by (reason) (rate(events_rejected_total[$__rate_interval]))) "
                    f"{or_none('reason', 'none')}",
                    "{{reason}}",
                ),
            ).span(8),
        ],
    )


def _candles() -> Row:
    newest = f"max by (exchange, symbol) (stream_newest_trade_timestamp_seconds{_PAIR})"
    watermark = f"max by (exchange, symbol) (stream_watermark_timestamp_seconds{_PAIR})"
    return Row(
        "5 · Candles",
        [
            graph(
                Says(
                    "Trade to candle",
                    "From the receipt of a symbol's first trade of a batch until its candles are out.",
                    _NO_TRADE,
                ),
                "s",
                *_quantiles("trade_to_candle_latency_seconds"),
            ),
            graph(
                Says("Closed", "Candles a minute.", _NO_JOB),
                "cpm",
                Query(f"sum by (interval) (rate(candles_closed_total{_PAIR}[5m])) * 60", "{{interval}}"),
            ),
            graph(
                Says(
                    "Watermark behind the newest trade",
                    "Event time. While a pair is idle its watermark goes on with the clock.",
                    _NO_JOB,
                ),
                "s",
                Query(f"{newest} - {watermark}", "{{exchange}} {{symbol}}"),
            ).span(8),
            graph(
                Says("Open candles and gaps", "A pair's ids are one interval; each one more is a gap.", _NO_JOB),
                "short",
                Query("max(state_open_candles)", "open candles"),
                Query(f"sum(trade_id_intervals{_PAIR}) - count(trade_id_intervals{_PAIR})", "gaps"),
            ).span(8),
            number(
                Says("Gaps now", "Holes among the ids that the job has seen.", _NO_JOB),
                "none",
                Query(f"sum(trade_id_intervals{_PAIR}) - count(trade_id_intervals{_PAIR})", "gaps"),
            )
            .thresholds(_ALL_IS_WELL_AT_NONE)
            .span(8)
            .height(8),
        ],
    )


def board() -> Board:
    """The dashboard."""
    return Board(
        name="pipeline",
        title="Pipeline",
        about="Where trades are on their way from the exchange to the candle, and what was lost on it.",
        refresh="10s",
        variables=[
            variable("exchange", "Exchange", "label_values(feed_connected, exchange)"),
            variable("symbol", "Symbol", 'label_values(feed_connected{exchange=~"$exchange"}, symbol)'),
        ],
        rows=[_levels(), _exchange(), _producer(), _kafka(), _analytics(), _candles()],
    )
