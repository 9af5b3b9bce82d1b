"""The dashboards as files."""

from __future__ import annotations

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import hosts, kafka, market, pipeline, spark

BOARDS = (market, pipeline, kafka, spark, hosts)
"""In the order in which a person would look at them."""


def files() -> dict[str, str]:
    """The text of each dashboard's file, by the file's name."""
    boards = [module.board() for module in BOARDS]
    return {
        f"{board.name}.json": json.dumps(board.build(), cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"
        for board in boards
    }
