"""Compares the rows of questions, messages, claims and failed calls with the events that they come from.

An event is compared with its row as it is read; that there is no row beyond those is told by counting.
Nothing is kept in memory but the counts of one run, what it asks still, and which of its calls failed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ripieno.journal.records import needed_digest
from ripieno.journal.stored import StoredClaim, StoredCounts, StoredReplay, Verifiable
from ripieno.journal.waits import Waits, compared
from ripieno.model.event import Event

__all__ = ["Derived"]

MESSAGE: Final = {"what": "kind", "by": "by", "sent": "at", "question": "question", "content": "content"}
"""Fields of a folded message, and the columns of its row that repeat them."""

LARGEST: Final = 2**53 - 1
"""The largest integer of an envelope."""

TABLES: Final = {
    "claims": "claims",
    "questions": "questions",
    "folded": "messages taken in",
    "failed": "failed calls",
}


@dataclass(frozen=True, slots=True)
class Failed:
    """A call that failed, or is in doubt, as far as events say."""

    place: str
    tool: str | None
    """None where it was claimed before there was a table of failed calls."""
    status: str
    at: int


class Derived:
    """Follows the events of one run, and what the tables have of them."""

    def __init__(self, store: Verifiable, run: str, found: Callable[[str, str], None]) -> None:
        self._store = store
        self._run = run
        self._found = found
        self._said = {"claims": 0, "questions": 0, "folded": 0}
        self._waits = Waits(store, run, found)
        self._failed: dict[str, Failed] = {}
        """By path, the calls that are to be found as failed or in doubt."""
        self._segment: Event | None = None

    def follow(self, event: Event, place: str) -> None:
        """Compare what goes with an event."""
        match event.kind:
            case "intent":
                self._said["claims"] += 1
                self._claim(event, place)
            case "result":
                self._result(event, place)
            case "asked":
                self._said["questions"] += 1
                self._waits.asked(event, place)
            case "segment":
                self._segment = event
            case "step" | "scope":
                self._waits.left(event.path)
            case "run.ended":
                self._waits.ended()
            case "undo" if event.body.get("under") == [""]:
                self._waits.ended()
            case "message" | "answered" | "task":
                self._folded(event, place)
            case _:
                pass

    def end(self, counts: StoredCounts | None, place: str, replay: StoredReplay | None = None) -> None:
        """Compare what is open at the end, and how many rows there are with how many events made one."""
        self._waits.end()
        for path, failed in self._failed.items():
            self._failure(path, failed)
        for table, said in {**self._said, "failed": len(self._failed)}.items():
            there = 0 if counts is None else int(getattr(counts, table))
            if there > said:
                self._found(
                    place, f"has {there - said} more in the table of {TABLES[table]} than its events made"
                )
        if replay is not None and not replays(replay, self._segment):
            last = "" if self._segment is None else f"its last segment, event {self._segment.seq}, "
            says = f"{last}does not say so" if last else "no segment says so"
            self._found(place, f"its row says that replay starts after event {replay.after}; {says}")

    # -- messages and calls -----------------------------------------------------------------------

    def _folded(self, event: Event, place: str) -> None:
        self._said["folded"] += 1
        row = self._store.message(str(event.body.get("id")))
        said = {column: event.body.get(field) for field, column in MESSAGE.items()}
        if row is not None and "target" in row:
            said["target"] = event.body.get("for" if event.body.get("what") == "answer" else "to")
        said |= {"run": self._run, "path": event.path, "folded": event.seq}
        compared(self._found, place, "message", row, said)
        if event.kind == "answered":
            self._waits.answered(event, place)
        elif event.kind == "task":
            self._waits.moved(event, place)

    def _claim(self, event: Event, place: str) -> None:
        claim, tool = self._row(event), event.body.get("tool")
        if claim is None:
            self._found(place, "its claim is not in the table: a second one would not be refused")
        elif claim.epoch != event.epoch:
            self._found(place, f"was claimed under epoch {event.epoch}, its row says {claim.epoch}")
        elif claim.tool not in (None, tool):
            self._found(place, f"was claimed for tool {tool!r}, its row says {claim.tool!r}")

    def _row(self, event: Event) -> StoredClaim | None:
        attempt = event.body.get("attempt")
        if isinstance(attempt, int) and attempt <= LARGEST:
            return self._store.claim(self._run, event.path, attempt)
        return None

    def _result(self, event: Event, place: str) -> None:
        """Note a call that failed or is in doubt, until it is known to have taken effect after all."""
        status = event.body.get("status")
        if status == "done":
            self._failed.pop(event.path, None)
        elif status in ("failed", "uncertain"):
            claim = self._row(event)
            tool = None if claim is None else claim.tool
            self._failed[event.path] = Failed(place, tool, status, event.at)

    def _failure(self, path: str, failed: Failed) -> None:
        row = self._store.failed_call(self._run, path)
        if row is not None:
            said: dict[str, Any] = {"tool": failed.tool, "status": failed.status, "at": failed.at}
            compared(self._found, failed.place, "failed call", row, said)
        elif failed.tool is not None:
            self._found(failed.place, "its failed call is not in the table: no filter would find it")


def replays(replay: StoredReplay, segment: Event | None) -> bool:
    """Tell whether a run's row says from where replay starts as its last segment does."""
    if segment is None:
        return replay == (0, "[]")
    told = segment.body.get("replay")
    if told is None:  # as segments were before they said so themselves
        return replay.after < segment.seq and numbers(replay.needed, replay.after)
    return told == {"after": replay.after, "needed": needed_digest(replay.needed)}


def numbers(needed: str, after: int) -> bool:
    """Tell whether something is a list of events up to one."""
    try:
        found = json.loads(needed)
    except ValueError:
        return False
    return isinstance(found, list) and all(isinstance(one, int) and 0 < one <= after for one in found)  # pyright: ignore[reportUnknownVariableType] - it is JSON, and looked at here
