"""What is told of a run, whatever tells it: work that ended, in the terms of the log."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar

from ripieno.journal.feeding import Fed
from ripieno.journal.projecting import Projecting
from ripieno.model.event import Event

__all__ = ["Moment", "Moments", "Run", "Work"]

MOST: Final = 10_000
"""So many beginnings and runs are kept in mind; the others are looked up in the log again."""

K = TypeVar("K")
V = TypeVar("V")
WorkKind = Literal["run", "visit", "tool", "model", "wait"]


@dataclass(frozen=True, slots=True)
class Run:
    """A run, as every span of it tells."""

    id: str
    trace: str
    """Id of the run that it is part of, at the top: they are one trace."""
    above: str | None
    """The span by which it was begun in the run above."""
    workflow: str
    version: str
    tenant: str
    policy: str
    library: str
    requested: int


@dataclass(frozen=True, slots=True)
class Work:
    """Something that has ended, from when to when."""

    kind: WorkKind
    name: str
    span: str
    above: str | None
    begun: int
    ended: int
    status: str
    failed: str | None = None
    """The class of what it failed for."""
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What the log has of it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One event, with the run that it is of and with the work whose end it is, if it is one."""

    fed: Fed
    event: Event
    run: Run | None
    work: Work | None
    within: str | None
    """The span that it belongs to."""


class Moments:
    """Reads events in the log's order, and finds how each piece of work began."""

    def __init__(self, log: Projecting) -> None:
        self._log = log
        self._begun: OrderedDict[tuple[str, str, str, Any], Event] = OrderedDict()
        self._runs: OrderedDict[str, Run | None] = OrderedDict()
        self._codes: OrderedDict[tuple[str, str], Mapping[str, Any]] = OrderedDict()

    def read(self, events: Sequence[Fed]) -> list[Moment]:
        """Give what they tell; an event that cannot be read tells nothing. Raises `StoreError`."""
        found: list[Moment] = []
        for fed in events:
            try:
                event = Event.read(fed.envelope)
            except ValueError:
                continue
            found.append(self._moment(fed, event))
        return found

    def _moment(self, fed: Fed, event: Event) -> Moment:
        if not fed.run:
            return Moment(fed, event, None, None, None)
        run = self._run(event, fed.position)
        if run is None:
            return Moment(fed, event, None, None, None)
        work = self._work(fed, event, run)
        return Moment(fed, event, run, work, work.span if work else around(run, event.path))

    # -- what ended -----------------------------------------------------------------------------------

    def _work(self, fed: Fed, event: Event, run: Run) -> Work | None:
        body = event.body
        match event.kind:
            case "intent":
                kept(self._begun, (event.stream, "intent", event.path, body["attempt"]), event)
            case "asked" if body["what"] == "task":
                kept(self._begun, (event.stream, "asked", event.path, None), event)
            case "step" | "scope":
                return self._visit(event, run)
            case "result":
                return self._call(fed, event, run)
            case "answered" if body["what"] not in ("timer", "child"):
                return self._wait(fed, event, run)
            case "run.ended":
                outcome = body["outcome"]
                failed = "failed" if outcome["status"] == "failed" else None
                span = span_of(run.id, "")
                return Work(
                    "run",
                    run.workflow,
                    span,
                    run.above,
                    run.requested,
                    event.at,
                    outcome["status"],
                    failed,
                    body,
                )
            case _:
                pass
        return None

    def _visit(self, event: Event, run: Run) -> Work:
        body, name = event.body, event.path.rpartition("/")[2].partition("@")[0]
        code = self._code(run).get(name, {})
        status = body["outcome"]["status"]
        return Work(
            "visit",
            name,
            span_of(run.id, event.path),
            around(run, event.path),
            body.get("started", event.at),
            event.at,
            status,
            "failed" if status == "failed" else None,
            {**body, "code": code},
        )

    def _call(self, fed: Fed, event: Event, run: Run) -> Work | None:
        body = event.body
        intent = self._beginning(fed, event, "intent", body["attempt"])
        if intent is None:
            return None
        status = body["status"]
        failed = None if status == "done" else body.get("failure") or status
        kind = "model" if intent.body.get("act") == "model.call" else "tool"
        span = span_of(run.id, f"{event.path}#{event.seq}")
        said = {**intent.body, **body}
        return Work(
            kind, said["tool"], span, around(run, event.path), intent.at, event.at, status, failed, said
        )

    def _wait(self, fed: Fed, event: Event, run: Run) -> Work | None:
        asked = self._beginning(fed, event, "asked", None)
        if asked is None:
            return None
        role = asked.body.get("role") or "a person"
        span = span_of(run.id, f"{event.path}#{event.seq}")
        said = {**asked.body, "answer": event.body["what"]}
        return Work(
            "wait", role, span, around(run, event.path), asked.at, event.at, event.body["what"], said=said
        )

    def _beginning(
        self, fed: Fed, event: Event, kind: Literal["intent", "asked"], attempt: int | None
    ) -> Event | None:
        found = self._begun.pop((event.stream, kind, event.path, attempt), None)
        said = {"path": event.path} | ({} if attempt is None else {"attempt": attempt})
        return found or self._log.last(event.stream, kind, fed.position, **said)

    # -- the run --------------------------------------------------------------------------------------

    def _run(self, event: Event, position: int) -> Run | None:
        if event.stream not in self._runs:
            kept(self._runs, event.stream, self._found(event.stream, position + 1))
        run = self._runs[event.stream]
        if run is not None and event.kind == "run.migrated":
            run = replace(run, version=event.body["to"])
            kept(self._runs, event.stream, run)
        return run

    def _found(self, run: str, before: int) -> Run | None:
        started = self._log.last(run, "run.started", before)
        if started is None:
            return None
        body = started.body
        migrated = self._log.last(run, "run.migrated", before)
        above, trace = body.get("parent"), run
        if above is not None:
            parent = (
                self._runs[above["run"]] if above["run"] in self._runs else self._found(above["run"], before)
            )
            trace = above["run"] if parent is None else parent.trace
        return Run(
            run,
            trace,
            None if above is None else span_of(above["run"], visit_of(above["path"])),
            body["workflow"],
            started.body["version"] if migrated is None else migrated.body["to"],
            body["tenant"],
            body.get("policy", ""),
            body.get("library", ""),
            body["requested"],
        )

    def _code(self, run: Run) -> Mapping[str, Any]:
        key = run.tenant, run.version
        if key not in self._codes:
            kept(self._codes, key, self._log.codes(*key))
        return self._codes[key]


def kept(among: OrderedDict[K, V], key: K, value: V) -> None:
    """Keep a value in mind, and forget the oldest where there are too many."""
    among[key] = value
    if len(among) > MOST:
        among.popitem(last=False)


def span_of(run: str, what: str) -> str:
    """Give the id of a span: the same whenever it is asked for."""
    return hashlib.sha256(f"{run}/{what}".encode()).hexdigest()[:16]


def visit_of(path: str) -> str:
    """Give the innermost visit that a path is in, or is."""
    parts = path.split("/")
    while parts and "@" not in parts[-1]:
        parts.pop()
    return "/".join(parts)


def around(run: Run, path: str) -> str:
    """Give the span of the innermost visit around what stands at a path; that of the run outside of all."""
    return span_of(run.id, visit_of(path.rpartition("/")[0]))
