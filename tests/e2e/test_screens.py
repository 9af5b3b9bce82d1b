"""What a person sees of the running pipeline, page by page in a browser; test_pipeline.py has deployed it before."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from e2e.pipeline import Pipeline
from lab.browser import opened
from lab.instance import Instance
from lab.paths import ROOT

pytestmark = pytest.mark.timeout(300)
_PATIENCE_MS = 60_000
_OF_THE_DATA = ("kafka", "spark_master", "spark_worker", "producer", "analytics")
_JOBS = (*_OF_THE_DATA, "prometheus", "alertmanager", "kafka_ui", "node")
_DASHBOARDS = ROOT / "roles" / "grafana" / "files" / "dashboards"


def test_the_kafka_ui_shows_topics_and_trades(live: Pipeline) -> None:
    with opened() as (page, complaints):
        page.goto(live.address("Kafka UI"))
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.get_by_role("link", name="Topics", exact=True).click()
        for topic in ("streaming-events-dlq", "candles", "signals"):
            expect(page.get_by_role("link", name=topic, exact=True)).to_be_visible()
        page.get_by_role("link", name="streaming-events", exact=True).click()
        page.get_by_role("link", name="Messages").click()
        expect(page.get_by_text("BTCUSDT").first).to_be_visible()
        assert complaints == []


def test_the_kafka_ui_shows_how_far_the_job_has_read(live: Pipeline) -> None:
    with opened() as (page, _):
        page.goto(f"{live.address('Kafka UI')}/readers")
        job = page.locator("section", has=page.get_by_role("heading", name="Spark job"))
        expect(job.get_by_text("unread").first).to_be_visible()
        expect(job.get_by_role("cell", name="streaming-events").first).to_be_visible()


@pytest.mark.parametrize("job", _JOBS)
def test_prometheus_shows_each_target_up(live: Pipeline, job: str) -> None:
    targets = len(live.units()) if job == "node" else 1
    with opened() as (page, _):
        page.goto(f"{live.address('Prometheus')}/classic/targets")
        expect(page.get_by_text(f"{job} ({targets}/{targets} up)", exact=True)).to_be_visible(timeout=_PATIENCE_MS)


def test_prometheus_shows_the_alerts(live: Pipeline) -> None:
    with opened() as (page, _):
        page.goto(f"{live.address('Prometheus')}/classic/alerts")
        for alert in ("FeedSilent", "KafkaPartitionsOffline", "AnalyticsDown", "TargetMissing", "FreshnessBudgetBurns"):
            expect(page.get_by_text(alert).first).to_be_visible()


def test_spark_shows_its_worker_and_the_job(live: Pipeline) -> None:
    with opened() as (page, _):
        page.goto(live.address("Spark master"))
        expect(page.get_by_text("trade-analytics").first).to_be_visible()
        expect(page.get_by_text("ALIVE").first).to_be_visible()
        page.goto(live.address("Spark worker"))
        expect(page.get_by_text("trade-analytics").first).to_be_visible()


def test_the_master_leads_to_the_query_that_runs(live: Pipeline) -> None:
    with opened() as (page, _):
        page.goto(live.address("Spark master"))
        page.get_by_role("link", name="trade-analytics").first.click()
        page.get_by_role("link", name="Structured Streaming").click()
        expect(page.get_by_text("Active Streaming Queries (1)")).to_be_visible(timeout=_PATIENCE_MS)
        expect(page.get_by_role("cell", name="RUNNING").first).to_be_visible()
        assert page.url.startswith(live.address("Spark job"))


def test_the_history_server_has_a_run_that_has_ended(live: Pipeline) -> None:
    with opened() as (page, _):
        page.goto(live.address("Spark history"))
        expect(page.get_by_role("cell", name="trade-analytics").first).to_be_visible(timeout=_PATIENCE_MS)


@pytest.mark.parametrize("file", sorted(_DASHBOARDS.glob("*.json")), ids=lambda file: file.stem)
def test_grafana_shows_each_dashboard(live: Pipeline, file: Path) -> None:
    address = live.addresses().get("Grafana")
    if address is None:
        pytest.skip("this lab has no Grafana: its package could not be had")
    dashboard = json.loads(file.read_text())
    first = next(panel["title"] for panel in dashboard["panels"] if panel["type"] != "row")
    password = Instance(live.instance).directory.joinpath("state", "grafana_admin_password").read_text().strip()
    with opened() as (page, _):
        login = base64.b64encode(f"admin:{password}".encode()).decode()
        page.set_extra_http_headers({"Authorization": f"Basic {login}"})
        page.goto(f"{address}/d/{dashboard['uid']}")
        expect(page.get_by_text(first, exact=True).first).to_be_visible(timeout=_PATIENCE_MS)
