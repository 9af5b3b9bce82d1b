"""Answers as pages for people, or as JSON for scripts that add `format=json`."""

from __future__ import annotations

import msgspec
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from tradestream.kafka_ui.facts import lag_by_topic
from tradestream.kafka_ui.shown import clock

_NONE = "\N{EN DASH}"
_KIBI = 1024
_SOME = 10


def render(request: web.Request, template: str, *, status: int = 200, **data: object) -> web.Response:
    """Returns an answer.

    Args:
        request: what was asked; `format=json` in its query asks for the data alone.
        template: the page.
        status: HTTP's.
        data: what the page shows.
    """
    if request.query.get("format") == "json":
        return web.Response(body=msgspec.json.encode(data), status=status, content_type="application/json")
    page = _environment.get_template(template).render(request=request, status=status, **data)
    return web.Response(text=page, status=status, content_type="text/html")


def _count(number: int | None) -> str:
    """Returns a number with narrow spaces between thousands, a dash for None."""
    return _NONE if number is None else f"{number:,}".replace(",", "\u202f")


def _size(number: float | None) -> str:
    """Returns bytes in the unit that fits, a dash for None."""
    if number is None:
        return _NONE
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < _KIBI:
            return f"{number:.0f} {unit}" if unit == "B" or number >= _SOME else f"{number:.1f} {unit}"
        number /= _KIBI
    return f"{number:.1f} TiB"


_environment = Environment(
    loader=PackageLoader("tradestream.kafka_ui"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(count=_count, size=_size, clock=clock, lag_by_topic=lag_by_topic)
