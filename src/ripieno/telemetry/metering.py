"""Counts and times of what the log tells, added up by OpenTelemetry's own instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ripieno.telemetry import names
from ripieno.telemetry.signals import about_model

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from ripieno.telemetry.moments import Moment, Run, Work

__all__ = ["Metering"]

SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 604_800)
"""Bounds of times that may be those of people."""
CALL_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS: Final = (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304)
"""As the conventions advise, both."""


IDENTIFYING: Final = (names.OPERATION, names.PROVIDER, names.REQUEST_MODEL, names.RESPONSE_MODEL)
"""What tells requests to models apart."""


class Metering:
    """Counts what was told; each moment once."""

    def __init__(self, meter: Meter) -> None:
        def times(name: str, about: str, bounds: tuple[float, ...] = SECONDS) -> Any:
            return meter.create_histogram(name, "s", about, explicit_bucket_boundaries_advisory=bounds)

        self._events = meter.create_counter("ripieno.events", "{event}", "Events of the log, by kind")
        self._cost = meter.create_counter("ripieno.cost", "USD", "What was spent, by workflow and tool")
        self._times = {
            "run": times("ripieno.run.duration", "From the request for a run to its end"),
            "visit": times("ripieno.visit.duration", "Work of a participant, waits included"),
            "tool": times("ripieno.call.duration", "From the claim of a call to its result"),
            "wait": times("ripieno.wait.duration", "From a question to a person to its answer"),
        }
        self._asking = times(names.OPERATION_DURATION, "Requests to models", CALL_SECONDS)
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE,
            "{token}",
            "Tokens that went in and came out",
            explicit_bucket_boundaries_advisory=TOKENS,
        )

    def count(self, moment: Moment) -> None:
        """Count one event, and the work whose end it is."""
        tenant = moment.fed.tenant or ""
        self._events.add(1, {"ripieno.kind": moment.event.kind, "ripieno.tenant": tenant})
        if moment.run is not None and moment.work is not None:
            self._work(moment.run, moment.work)

    def _work(self, run: Run, work: Work) -> None:
        about: dict[str, Any] = {
            names.WORKFLOW: run.workflow,
            "ripieno.tenant": run.tenant,
            "ripieno.status": work.status,
        }
        seconds = max(0, work.ended - work.begun) / 1e6
        if work.kind == "model":
            self._request(work, about, seconds)
        else:
            self._times[work.kind].record(
                seconds, about if work.kind == "run" else about | {"ripieno.name": work.name}
            )
        if work.kind in ("model", "tool") and (cost := work.said.get("spent", {}).get("cost")):
            self._cost.add(cost / 1e6, about | {"ripieno.name": work.name})

    def _request(self, work: Work, about: dict[str, Any], seconds: float) -> None:
        said, noted = about_model(work), work.said.get("noted", {})
        about = about | {name: said[name] for name in IDENTIFYING if name in said}
        failed = {} if work.failed is None else {names.ERROR_TYPE: work.failed}
        self._asking.record(noted["took"] / 1e6 if "took" in noted else seconds, about | failed)
        for kind in ("input", "output"):
            if kind in noted:
                self._tokens.record(noted[kind], about | {names.TOKEN_TYPE: kind})
