"""Compares the rows of questions, messages and claims with the events that they are derived from.

An event is compared with its row as it is read; that there is no row beyond those is told by counting.
Nothing is kept in memory but the counts of one run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ripieno.journal.stored import StoredCounts, Verifiable
from ripieno.model.event import Event

__all__ = ["Derived"]

QUESTION: Final = {"what": "kind", "content": "content", "due": "due_at"}
"""Fields of an `asked` event, and the columns of the question's row that repeat them."""

FOLDED: Final = frozenset({"message", "answered", "task"})
"""Kinds of events that were messages."""

MESSAGE: Final = {"what": "kind", "by": "by", "sent": "at", "question": "question", "content": "content"}
"""Fields of a folded message, and the columns of its row that repeat them."""

LARGEST: Final = 2**53 - 1
"""The largest integer of an envelope."""

TABLES: Final = {"claims": "claims", "questions": "questions", "folded": "messages taken in"}


class Derived:
    """Follows the events of one run, and what the tables have of them."""

    def __init__(self, store: Verifiable, run: str, found: Callable[[str, str], None]) -> None:
        self._store = store
        self._run = run
        self._found = found
        self._said = {"claims": 0, "questions": 0, "folded": 0}
        self._roles: dict[str, tuple[str, str | None]] = {}
        """Where and for which role a question is, of those that were moved or say otherwise than asked."""

    def follow(self, event: Event, place: str) -> None:
        """Compare what goes with an event."""
        if event.kind == "intent":
            self._said["claims"] += 1
            self._claim(event, place)
        elif event.kind == "asked":
            self._said["questions"] += 1
            question = str(event.body.get("question"))
            row = self._store.question(question)
            says = {"run": self._run, "path": event.path, **fields(event, QUESTION)}
            self._compare(place, "question", row, says)
            if row is not None and row["role"] != event.body.get("role"):
                self._roles[question] = place, event.body.get("role")
        elif event.kind in FOLDED:
            self._said["folded"] += 1
            row = self._store.message(str(event.body.get("id")))
            says = {"run": self._run, "folded": event.seq, **fields(event, MESSAGE)}
            self._compare(place, "message", row, says)
            if event.kind == "answered":
                self._answered(event, place)
            elif event.body.get("what") == "reassign":
                kind, _, name = str(event.body.get("to")).partition(":")
                self._roles[str(event.body.get("question"))] = place, name if kind == "role" else None

    def end(self, counts: StoredCounts | None, place: str) -> None:
        """Compare whose the questions are, and how many rows there are with how many events made one."""
        for question, (where, role) in self._roles.items():
            self._compare(where, "question", self._store.question(question), {"role": role})
        for table, said in self._said.items():
            there = 0 if counts is None else int(getattr(counts, table))
            if there > said:
                self._found(
                    place, f"has {there - said} more in the table of {TABLES[table]} than its events made"
                )

    def _claim(self, event: Event, place: str) -> None:
        attempt = event.body.get("attempt")
        epoch = None
        if isinstance(attempt, int) and attempt <= LARGEST:
            epoch = self._store.claim(self._run, event.path, attempt)
        if epoch is None:
            self._found(place, "its claim is not in the table: a second one would not be refused")
        elif epoch != event.epoch:
            self._found(place, f"was claimed under epoch {event.epoch}, its row says {epoch}")

    def _answered(self, event: Event, place: str) -> None:
        row = self._store.question(str(event.body.get("question")))
        if row is None:
            return  # was found at the event that asked it
        timer = event.body.get("what") == "timer"
        state = "expired" if timer else "answered"
        if (row["state"], row["answered_by"]) != (state, event.body.get("by")):
            whom = f" by {row['answered_by']}" if row["answered_by"] else ""
            self._found(place, f"the row of its question says {row['state']}{whom}")

    def _compare(self, place: str, what: str, row: dict[str, Any] | None, says: dict[str, Any]) -> None:
        if row is None:
            self._found(place, f"its {what} is not in the table")
            return
        for column, said in says.items():
            if row[column] != said:
                self._found(place, f"the row of its {what} says {column} {row[column]!r}, it says {said!r}")


def fields(event: Event, columns: dict[str, str]) -> dict[str, Any]:
    """Give what an event says, by the column that repeats it."""
    return {column: event.body.get(field) for field, column in columns.items()}
