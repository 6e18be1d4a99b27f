"""What a run has recorded, by path, as replay asks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ripieno.model.event import Event, Kind

__all__ = ["ENDS", "MismatchError", "Recording", "origin", "scopes_around"]

ENDS: Final[frozenset[Kind]] = frozenset({"step", "scope"})
"""Kinds that end a participant's visit."""

UNREAD: Final[frozenset[Kind]] = frozenset(
    {"run.started", "run.forked", "run.migrated", "run.restored", "run.ended", "task"}
)
"""Kinds that no code asks for: of the run as a whole, and what people did with a task before its answer."""


def origin(imported: Event) -> Event:
    """Give what an imported event was in the run that it comes from, at its place in this one."""
    return dataclasses.replace(imported, kind=imported.body["kind"], body=imported.body["body"])


BEFORE: Final = frozenset({"approval", "denied", "limit"})
"""What may be recorded within a visit before it begins: whether it may, and how long that takes."""


class MismatchError(Exception):
    """The code asks for something else than what was recorded: the run is blocked, never failed."""


class Recording:
    """An index over recorded events. What is taken out once counts as reached."""

    __slots__ = (
        "_answers",
        "_begun",
        "_by_path",
        "_entered",
        "_reached",
        "_segments",
        "blank",
        "imported",
        "messages",
        "restored",
        "skipped",
        "started",
    )

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._by_path: dict[str, list[Event]] = {}
        self._answers: dict[str, Event] = {}
        self._begun: dict[str, int] = {}
        self._reached: set[str] = set()
        self._segments: dict[str, int] = {}
        """Where the last segment of a scope was written, by the scope's path."""
        self.imported: set[int] = set()
        """Sequence numbers of results that come from another run."""
        self.messages: list[Event] = []
        """Commands folded in, such as a cancellation."""
        self.skipped: dict[int, int] = {}
        """Where a visit has ended because it was to be skipped, by the place of the command."""
        self._entered: set[str] | None = None
        self.started: Event | None = None
        self.restored: Event | None = None
        """That the run was put back from a backup, the last time."""
        for event in events:
            self._enter(event)
        self.blank = not self._by_path
        """True where nothing was recorded when this process took the run up."""

    def _enter(self, event: Event) -> None:
        if event.kind == "imported":
            self.imported.add(event.seq)
            event = origin(event)
        if event.kind == "run.started":
            self.started = event
        elif event.kind == "run.restored":
            self.restored = event
        elif event.kind == "answered":
            self._answers[event.body["question"]] = event
        elif event.kind == "message":
            self.messages.append(event)
        elif event.kind not in UNREAD:
            if event.kind == "segment":
                self._segments[event.path.removesuffix("/segment")] = event.seq
            self._by_path.setdefault(event.path, []).append(event)
            self._note_beginning(event)
            if "skipped" in event.body and event.seq not in self.imported:
                self.skipped[event.body["skipped"]] = event.seq

    def _note_beginning(self, event: Event) -> None:
        at = event.body.get("started", event.at)
        end = event.path.rfind("/")
        while end > 0 and event.seq not in self.imported:
            above = event.path[:end]
            self._begun[above] = min(at, self._begun.get(above, at))
            end = event.path.rfind("/", 0, end)

    def entered(self, path: str) -> bool:
        """Tell whether anything is recorded within a visit, were it in another run."""
        if self._entered is None:
            self._entered = {above for path in self._by_path for above in scopes_around(path)}
        return path in self._entered

    def worked(self, path: str) -> bool:
        """Tell whether a visit has begun: anything of it is recorded that is not about whether it may."""
        within = f"{path}/"
        return any(
            at.startswith(within) and at[len(within) :].partition("/")[0] not in BEFORE
            for at in self._by_path
        )

    def begun(self, path: str) -> int | None:
        """Give the time of the first thing recorded within a visit, in microseconds, if there is any."""
        return self._begun.get(path)

    def active(self, path: str, place: int) -> int:
        """Give the active time that was last recorded within a visit, in microseconds.

        `place` is the number of visits around it whose active time is limited too.
        """
        within = f"{path}/"
        used = (
            event.body["active"][place]
            for place_of, events in self._by_path.items()
            if place_of.startswith(within)
            for event in events
            if event.seq not in self.imported and len(event.body.get("active", ())) > place
        )
        return max(used, default=0)

    def take(self, path: str, kinds: frozenset[Kind]) -> list[Event]:
        """Give what was recorded at `path`, oldest first, or nothing.

        Raises `MismatchError` when something of another kind stands there.
        """
        events = self._by_path.get(path)
        if not events:
            return []
        for event in events:
            if event.kind not in kinds:
                asked = " or ".join(sorted(kinds))
                msg = f"{path}: the code asks for {asked}, recorded is {event.kind} (event {event.seq})"
                raise MismatchError(msg)
        self._reached.add(path)
        return events

    def asked(self, path: str) -> Mapping[str, Any] | None:
        """Give what was asked at a path, without counting it as reached."""
        found = (event.body for event in self._by_path.get(path, ()) if event.kind in ("asked", "proposed"))
        return next(found, None)

    def has(self, path: str) -> bool:
        """Tell whether anything was recorded at `path`."""
        return path in self._by_path

    def learn(self, event: Event) -> None:
        """Add an answer that was folded in just now."""
        self._answers[event.body["question"]] = event

    def answer(self, question: str) -> Event | None:
        """Give the recorded answer to a question."""
        return self._answers.get(question)

    def abandon(self, path: str) -> None:
        """Count everything under `path` as reached: its scope was stopped before it got there."""
        self._reached.add(path)

    def abandon_undo(self, plan: str, undo: str) -> None:
        """Count a plan of undoing and all that it led to as reached."""
        for event in self._by_path.get(plan, ()):
            self._reached.add(plan)
            self._reached.update(f"{item['path']}{undo}" for item in event.body["effects"])

    def unreached(self) -> Event | None:
        """Give the first recorded event that the code went past without asking for it."""
        missed = [
            event
            for path, events in self._by_path.items()
            if path not in self._reached
            for event in events
            if not self._stood_for(event)
        ]
        return min(missed, key=lambda event: event.seq, default=None)

    def _stood_for(self, event: Event) -> bool:
        """Tell whether the end or a later segment of a scope around it stands for an event."""
        path = event.path
        end = path.rfind("/")
        while end > 0:
            above = path[:end]
            if above in self._reached or event.seq < self._segments.get(above, 0):
                return True
            end = path.rfind("/", 0, end)
        return False


def scopes_around(path: str) -> Iterator[str]:
    """Give the paths of the visits around one, the nearest first."""
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)
