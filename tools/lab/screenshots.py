"""`./lab screenshots`: pictures of what a running lab shows, and the page of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Error, Page

from lab import browser, status, watch_picture
from lab.errors import LabError
from lab.instance import Instance
from lab.paths import ROOT
from lab.verbs import Verbs

PAGE = ROOT / "docs" / "screens.md"
FOLDER = ROOT / "docs" / "images"

_PATIENCE_MS = 30_000
_WATCH = "watch.svg"


class Picture(NamedTuple):
    """A page to be taken.

    Attributes:
        name: of its file.
        what: what it is for, a line.
        where: whose page it is, as `./lab status` calls it.
        path: below its address.
        shows: a text without which it would show nothing.
    """

    name: str
    what: str
    where: str
    path: str
    shows: str


_TRADES = "/topics/streaming-events"
PICTURES = (
    Picture("kafka-ui.png", "Kafka UI: brokers, the controller, and what is in trouble", "Kafka UI", "/", "Overview"),
    Picture("kafka-ui-topics.png", "Kafka UI: topics, and what each holds", "Kafka UI", "/topics", "streaming-events"),
    Picture("kafka-ui-messages.png", "Kafka UI: messages, searched", "Kafka UI", f"{_TRADES}/messages", "trade_id"),
    Picture("kafka-ui-tail.png", "Kafka UI: messages as they come", "Kafka UI", f"{_TRADES}/tail", "trade_id"),
    Picture("kafka-ui-readers.png", "Kafka UI: who reads, and how far", "Kafka UI", "/readers", "streaming-events"),
    Picture("targets.png", "Prometheus: what it reads, and how", "Prometheus", "/classic/targets", "up)"),
    Picture("alerts.png", "Prometheus: alerts; only Watchdog may fire", "Prometheus", "/classic/alerts", "FeedSilent"),
    Picture("spark-master.png", "Spark: the cluster, and what runs on it", "Spark master", "/", "trade-analytics"),
    Picture("spark-job.png", "Spark: the job's batches", "Spark job", "/StreamingQuery/", "trade-analytics"),
)


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `screenshots`."""
    parser = verbs.add_parser(
        "screenshots",
        help="take the documentation's pictures anew",
        description="Photograph what this lab shows, in headless Chromium, and `tradestream watch`, and write "
        "docs/images and docs/screens.md. Of what the lab has left out the old picture stays. Give a lab a quarter of "
        "an hour first: then there are candles to see.",
    )
    parser.set_defaults(run=run)


def run(instance: Instance, _: argparse.Namespace) -> int:
    """Take them."""
    addresses = {name: address for _, name, address in status.addresses(instance, status.read(instance))}
    FOLDER.mkdir(exist_ok=True)
    watch_picture.take(addresses["Kafka"], FOLDER / _WATCH)
    take(addresses, FOLDER)
    PAGE.write_text(page(FOLDER), encoding="utf-8")
    return 0


def take(addresses: Mapping[str, str], folder: Path) -> None:
    """Take the pictures of pages, those of what has an address.

    Raises:
        LabError: a page does not show what it should; there is no Chromium.
    """
    with browser.opened() as (tab, _):
        for picture in PICTURES:
            if picture.where not in addresses:
                print(f"lab: {picture.name} is left out: this lab has no {picture.where}", file=sys.stderr)
                continue
            url = addresses[picture.where] + picture.path
            _show(tab, url, picture.shows)
            tab.screenshot(path=folder / picture.name)
            print(f"{picture.name:24} {url}")


def _show(tab: Page, url: str, text: str) -> None:
    try:
        tab.goto(url)
        tab.get_by_text(text).first.wait_for(timeout=_PATIENCE_MS)
    except Error as error:
        raise LabError(f"{url} does not show {text!r}: {error.message.splitlines()[0]}") from error


def page(folder: Path) -> str:
    """The page of those pictures that are there."""
    return "\n".join(_lines(folder))


def _lines(folder: Path) -> Iterator[str]:
    yield "<!-- Made by `./lab screenshots`: change what it is made of, and run that again. -->\n"
    yield "# What there is to see\n"
    yield "`./lab status` prints the address of each page; [operating.md](operating.md) says what each is for in need."
    yield "`./lab screenshots` takes these pictures of a running lab.\n"
    for name, what in [(_WATCH, "`./lab watch`: the market in the terminal"), *((p.name, p.what) for p in PICTURES)]:
        if (folder / name).exists():
            yield f"## {what}\n"
            yield f"![{what.replace('`', '')}](images/{name})\n"
    yield "Grafana's dashboards are described in [dashboards.md](dashboards.md)."
    yield ""
