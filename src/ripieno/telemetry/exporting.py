"""Tells a collector over OTLP of what is committed, in order, each event at least once."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Final

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.util.types import AttributeValue

from ripieno.journal.feeding import Cursor
from ripieno.journal.projecting import Projecting
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.telemetry.metering import Metering
from ripieno.telemetry.moments import Moment, Moments
from ripieno.telemetry.names import VERSION
from ripieno.telemetry.settings import Signal, Telemetry
from ripieno.telemetry.signals import SCOPE, log_record, span

__all__ = ["Exporting"]

BATCH: Final = 200
TURN_SECONDS: Final = 10.0
"""After so long no new batch is begun in a turn."""
LONGEST_REASON: Final = 200
SECONDS: Final = 5.0
"""For one request with all its attempts, unless the environment says otherwise."""


class Exporting:
    """Tells the collector that the settings name, as long as nobody else does.

    Takes the threads that call it, one at a time.
    """

    def __init__(self, home: Path, settings: Telemetry, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._log = Projecting(home)
        self._moments: Moments | None = None
        self._heard = Heard()
        self._resource = Resource.create(described())
        seconds = None if "OTEL_EXPORTER_OTLP_TIMEOUT" in os.environ else SECONDS
        signals = settings.signals
        self._spans = OTLPSpanExporter(timeout=seconds) if "traces" in signals else None
        self._records = OTLPLogExporter(timeout=seconds) if "logs" in signals else None
        self._meters = self._metering = None
        if "metrics" in signals:
            reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=seconds))
            self._meters = MeterProvider([reader], self._resource, shutdown_on_exit=False)
            self._metering = Metering(self._meters.get_meter(SCOPE.name, SCOPE.version, SCOPE.schema_url))

    def begin(self) -> None:
        """Let a collector that is new be told of what comes from now on. Raises `StoreError`."""
        with self._log as log:
            if log.elect():
                self._cursor(log)

    def turn(self) -> str | None:
        """Tell what was not told yet; give what went wrong, if anything did. Raises `StoreError`."""
        deadline = time.monotonic() + TURN_SECONDS
        with self._log as log:
            if not log.elect():
                self._moments = None  # what another has told of was not read here
                return None
            moments = self._moments = self._moments or Moments(log)
            cursor = self._cursor(log)
            while time.monotonic() < deadline and (events := log.after(cursor.position, BATCH)):
                problem = self._tell(moments.read(events))
                if problem is not None:
                    since = cursor.failed_at or self._clock.now()
                    log.keep(cursor._replace(failed_at=since, problem=problem))
                    return problem
                cursor = Cursor(cursor.feed, events[-1].position, None, None)
                log.keep(cursor)
        return None

    def _cursor(self, log: Projecting) -> Cursor:
        """Give how far the collector was told; one that is new, as far as the log goes now."""
        found = log.cursors().get(self._settings.name)
        if found is None:
            found = Cursor(self._settings.name, log.newest(), None, None)
            log.keep(found)
        return found

    def _tell(self, moments: list[Moment]) -> str | None:
        spans = [span(one.run, one.work, self._resource) for one in moments if one.run and one.work]
        if self._spans is not None and spans and self._spans.export(spans) is not SpanExportResult.SUCCESS:
            return self._problem("traces")
        records = [log_record(one, self._resource) for one in moments]
        if records and self._records is not None:
            taken = self._records.export(records)
            if taken is not LogRecordExportResult.SUCCESS:
                return self._problem("logs")
        if self._metering is not None:
            for one in moments:
                self._metering.count(one)
        return None

    def _problem(self, what: Signal) -> str:
        return f"{self._settings.name} did not take the {what}{self._heard.reason()}"

    def close(self) -> None:
        """Tell the measurements that were not told yet, and close the connections."""
        if self._meters is not None:
            self._meters.shutdown(timeout_millis=SECONDS * 1_000)
        for exporter in (self._spans, self._records):
            if exporter is not None:
                exporter.shutdown()
        self._heard.leave()


class Heard(logging.Handler):
    """Hears what the exporters say of themselves, and keeps the reason; else they say it on the terminal."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: list[str] = []
        logging.getLogger("opentelemetry").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is said."""
        self._said.append(record.getMessage())

    def reason(self) -> str:
        """Give what was said first since it was asked for last."""
        said, self._said = self._said, []
        return f": {said[0][:LONGEST_REASON]}" if said else ""

    def leave(self) -> None:
        """Hear no more."""
        logging.getLogger("opentelemetry").removeHandler(self)


def described() -> dict[str, AttributeValue]:
    """Give what tells, where the environment does not say it."""
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in attributes
    found: dict[str, AttributeValue] = {SERVICE_VERSION: VERSION}
    return found if named else found | {SERVICE_NAME: "ripieno"}
