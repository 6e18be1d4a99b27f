"""The dashboard and the alerts ask for nothing that is not told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, InMemoryMetricReader

from ripieno.journal.feeding import Fed
from ripieno.model.event import GENESIS, KINDS, Event
from ripieno.telemetry.metering import Metering
from ripieno.telemetry.moments import Moment, Run, Work, WorkKind

FOLDER = Path(__file__).parents[2] / "examples" / "telemetry"
RUN = Run("01", "01", None, "visit", "v", "default", "p", "0", 0)
NOTED = {"model": "m-1", "input": 1, "output": 2, "took": 5}


def moment(kind: WorkKind) -> Moment:
    said: dict[str, Any] = {"spent": {"cost": 1}, "noted": NOTED}
    work = Work(kind, "openai:m", "00", None, 0, 1, "failed", "timeout", said)
    event = Event("01", 1, GENESIS, 1, 1, "result", "a@1", {})
    return Moment(Fed(1, "01", b"", "default", run=True), event, RUN, work, None)


@pytest.fixture(scope="module")
def told() -> dict[str, set[str]]:
    """Give the labels of each metric that there is, as Prometheus names them."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metering = Metering(provider.get_meter("test"))
    for kind in ("run", "visit", "tool", "model", "wait"):
        metering.count(moment(kind))
    found: dict[str, set[str]] = {}
    data: Any = reader.get_metrics_data()
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        labels = {plain(key) for point in metric.data.data_points for key in point.attributes}
        unit = {"s": "_seconds", "USD": "_USD"}.get(metric.unit, "")
        name = plain(metric.name) + unit
        if isinstance(metric.data, Histogram):
            found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            found[f"{name}_total"] = labels
    provider.shutdown()
    return found


def plain(name: str) -> str:
    return name.replace(".", "_")


def expressions() -> Iterator[tuple[str, str]]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$tenant", ".*")
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def selectors(node: Any, by: frozenset[str] = frozenset()) -> Iterator[tuple[Any, frozenset[str]]]:
    """Give each metric that is asked for, with the labels by which it is added up."""
    match type(node).__name__:
        case "VectorSelector":
            yield node, by
        case "MatrixSelector":
            yield node.vector_selector, by
        case "AggregateExpr":
            yield from selectors(node.expr, by | frozenset(node.modifier.labels if node.modifier else ()))
        case "BinaryExpr":
            yield from selectors(node.lhs, by)
            yield from selectors(node.rhs, by)
        case "ParenExpr":
            yield from selectors(node.expr, by)
        case "Call":
            for one in node.args:
                yield from selectors(one, by)
        case other:
            assert other == "NumberLiteral"


@pytest.mark.parametrize(("title", "expression"), [*expressions()], ids=lambda value: value[:40])
def test_what_is_asked_for_is_told(told: dict[str, set[str]], title: str, expression: str) -> None:
    asked = [*selectors(promql_parser.parse(expression))]
    assert asked, title
    for selector, by in asked:
        matchers = {one.name: one.value for one in selector.matchers.matchers}
        assert {*matchers, *by} <= told[selector.name]
        if "ripieno_kind" in matchers:
            assert {*matchers["ripieno_kind"].split("|")} <= KINDS


def test_each_alert_says_what_to_do() -> None:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert "ripieno " in rule["annotations"]["do"]
