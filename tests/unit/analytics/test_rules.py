from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tradestream.analytics.config import AnalyticsConfig, load
from tradestream.analytics.rules import Spread
from tradestream.errors import ConfigError

MINIMAL = {"kafka_client_config": "/k", "storage": "file:///s", "checkpoint": "file:///c"}
ROLE = Path(__file__).parents[3] / "roles/analytics/defaults/main.yml"
TYPES = "bollinger, cross_exchange_spread, large_trade, moving_average_cross, price_move, rsi, volume_anomaly"


def read(folder: Path, rules: object, **others: object) -> AnalyticsConfig:
    path = folder / "analytics.yml"
    path.write_text(yaml.safe_dump({**MINIMAL, "rules": rules, **others}))
    return load(path)


def test_a_type_alone_is_a_rule(tmp_path: Path) -> None:
    rules = read(tmp_path, [{"type": name} for name in TYPES.split(", ")]).rules
    assert ", ".join(rule.called for rule in rules) == TYPES


def test_the_roles_default_rules_are_all_types(tmp_path: Path) -> None:
    rules = read(tmp_path, yaml.safe_load(ROLE.read_text())["analytics_rules"]).rules
    assert {rule.type for rule in rules} == set(TYPES.split(", "))


def test_a_fee_that_is_not_named_is_the_other(tmp_path: Path) -> None:
    [rule] = read(tmp_path, [{"type": "cross_exchange_spread", "fees": {"kraken": 1}, "other_fee": 0.3}]).rules
    assert isinstance(rule, Spread)
    assert (rule.fee("kraken"), rule.fee("binance")) == (1, 0.3)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"type": "moon"}, f"rules[1] (moon).type: Invalid value 'moon'; allowed here: {TYPES}"),
        ({"percent": 2}, f"rules[1]: Object missing required field `type`; allowed here: {TYPES}"),
        ("price_move", "rules[1]: Expected `object`, got `str`"),
        (
            {"type": "price_move", "percnt": 3},
            "unknown key `percnt`; allowed here: exchanges, interval, name, percent, symbols, type",
        ),
        ({"type": "price_move", "percent": 0}, "rules[1] (price_move).percent: Expected `float` > 0.0, got 0"),
        (
            {"type": "price_move", "name": "up", "percent": "2 %"},
            "rules[1] (up).percent: Expected `float`, got `str`",
        ),
        ({"type": "price_move", "name": "Up"}, "rules[1] (Up).name: Expected `str` matching regex"),
        (
            {"type": "rsi", "interval": "2m"},
            "rules[1] (rsi): interval: there are no candles of '2m'; allowed here: 1m, 5m",
        ),
        ({"type": "rsi", "above": 100}, "rules[1] (rsi).above: Expected `float` < 100.0, got 100"),
        ({"type": "rsi", "above": 20}, "rules[1] (rsi): below is 30 and above 20; below must be less than above"),
        (
            {"type": "moving_average_cross", "average": "wma"},
            "rules[1] (moving_average_cross).average: Invalid enum value 'wma'; allowed here: sma, ema",
        ),
        (
            {"type": "moving_average_cross", "fast": 30},
            "rules[1] (moving_average_cross): fast is 30 and slow 26; fast must be less than slow",
        ),
        ({"type": "moving_average_cross", "slow": 5000}, ".slow: Expected `int` <= 1000, got 5000"),
        (
            {"type": "volume_anomaly", "zscore": 5},
            "zscore: 5 can never be passed with 20 candles (indicators.zscore); allowed is less than 4.359",
        ),
        ({"type": "cross_exchange_spread", "fees": {"binance": -1}}, "fees[...]: Expected `float` >= 0.0"),
        ({"type": "cross_exchange_spread", "pairs": {"XBTUSD": "BTCUSD"}}, "pairs[...]: Expected `str` matching"),
        ({"type": "large_trade", "amount": float("inf")}, ".amount: Expected `float` <= 1000000000000.0, got inf"),
        ({"type": "large_trade", "amount": float("nan")}, ".amount: Expected `float`"),
        ({"type": "large_trade", "symbols": "BTCUSDT"}, ".symbols: Expected `array`, got `str`"),
        ({"type": "large_trade"}, "rules[0] (large_trade): name: 2 rules are called so; give each a name of its own"),
    ],
)
def test_a_bad_rule_is_refused_with_what_is_allowed(tmp_path: Path, rule: object, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, [{"type": "large_trade"}, rule])
    assert complaint in str(error.value)


def test_bands_that_no_close_can_leave_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"indicators.bollinger_width: 2 can never be passed with 5 candles"):
        read(tmp_path, [{"type": "bollinger"}], indicators={"bollinger": 5})


def test_periods_of_indicators_are_bounded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"indicators.sma: Expected `int` >= 2, got 1"):
        read(tmp_path, [], indicators={"sma": 1})
