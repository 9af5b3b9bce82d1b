"""By which rules, indicators and intervals: the job's, or others to try."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from tradestream import config
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.config import load as load_analytics
from tradestream.analytics.indicators import IndicatorConfig
from tradestream.analytics.rules import AnyRule
from tradestream.ask.storage import CONFIG
from tradestream.config import Section
from tradestream.errors import ConfigError


class RulesFile(Section, frozen=True, kw_only=True):
    """Rules to try, and what they look at: these keys of the job's configuration, in a file of their own.

    Attributes:
        rules: What makes a signal.
        intervals: Lengths of candles; None means those of the configuration.
        indicators: How many candles each indicator looks at; None means as the configuration has it.
    """

    rules: tuple[AnyRule, ...]
    intervals: tuple[str, ...] | None = None
    indicators: IndicatorConfig | None = None


def settings(file: Path | None, rules: Path | None, default: Path = CONFIG) -> AnalyticsConfig:
    """Returns the configuration that was named, or the job's on this host, or one with nothing but defaults.

    Args:
        file: The one that was named.
        rules: A file whose keys take the place of the configuration's.
        default: The job's.

    Raises:
        ConfigError: a file cannot be used.
    """
    if file is None and default.exists():
        if not os.access(default, os.R_OK):
            raise ConfigError(
                f"{default}: cannot be read: run it as root or in the group spark, or name another with --config"
            )
        file = default
    found = load_analytics(file) if file else _DEFAULTS
    if rules is None:
        return found
    try:
        named = msgspec.structs.asdict(config.load(rules, RulesFile)).items()
        return msgspec.structs.replace(found, **{name: value for name, value in named if value is not None})
    except ValueError as error:
        raise ConfigError(f"{rules}: {error}") from error


# Of what a backtest uses everything has a default; the rest names what it does not touch.
_DEFAULTS = AnalyticsConfig(kafka_client_config=Path("/dev/null"), storage="file:///", checkpoint="file:///")
