"""Compares the rows of a run's questions with its events: whom each is with, and what became of it.

Only what is still asked is kept in memory.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from ripieno.journal.records import QuestionState
from ripieno.journal.stored import Verifiable
from ripieno.journal.tasks import Holding
from ripieno.model.event import Event

__all__ = ["Waits", "compared"]

ASKED: Final = {"what": "kind", "content": "content", "due": "due_at"}
"""Fields of an `asked` event, and the columns of the question's row that repeat them."""

STATES: Final = frozenset(get_args(QuestionState))
MOVES: Final = frozenset({"claim", "release", "reassign", "delegate"})
"""Kinds of messages that say whom a task is with."""

UNANSWERED: Final = ("open", "closed")
ANSWERED: Final = ("answered_by", "answered_for", "answered_at")

CLOSING: Final = frozenset({"answer", "timer", "child"})
"""Kinds of messages that close a question."""

Found = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as events have left it so far."""

    path: str
    place: str
    """Of the event that said last whom it is with."""
    holding: Holding
    claimed_at: int | None = None
    reminders: tuple[int, ...] = ()
    """When people will be reminded still."""
    reminded: int = 0

    def after(self, message: Mapping[str, Any], place: str) -> Asked:
        """Give it as a message leaves it: `kind`, `by`, `for` and `at`."""
        what, at = message["kind"], message["at"]
        holding = moved(self.holding, what, message["by"], message["for"])
        asked = dataclasses.replace(self, place=place, holding=holding)
        if what == "reminded":
            left = tuple(time for time in self.reminders if time > at)
            return dataclasses.replace(asked, reminders=left, reminded=self.reminded + 1)
        if what in MOVES:
            return dataclasses.replace(asked, claimed_at=None if holding.claimed_by is None else at)
        return asked

    def columns(self) -> dict[str, Any]:
        """Give what its row says."""
        return {
            **dataclasses.asdict(self.holding),
            "claimed_at": self.claimed_at,
            "reminders": json.dumps(self.reminders),
            "remind_at": self.reminders[0] if self.reminders else None,
            "reminded": self.reminded,
        }


class Waits:
    """Follows the questions of one run."""

    def __init__(self, store: Verifiable, run: str, found: Found) -> None:
        self._store = store
        self._run = run
        self._found = found
        self._open: dict[str, Asked] = {}

    def asked(self, event: Event, place: str) -> None:
        """Take a question."""
        question = str(event.body.get("question"))
        row = self._store.question(question)
        said = {column: event.body.get(field) for field, column in ASKED.items()}
        if row is not None and "asked_at" in row:
            said["asked_at"] = event.at
        compared(self._found, place, "question", row, {"run": self._run, "path": event.path, **said})
        if row is not None:
            holding = Holding(event.body.get("role"), event.body.get("person"))
            reminders = tuple(event.body.get("reminders", ()))
            self._open[question] = Asked(event.path, place, holding, reminders=reminders)

    def moved(self, event: Event, place: str) -> None:
        """Take what people did with a question short of its answer."""
        question, body = str(event.body.get("question")), event.body
        asked = self._open.get(question)
        if asked is not None:
            self._open[question] = asked.after(told(body, "to"), place)

    def answered(self, event: Event, place: str) -> None:
        """Take the answer to a question, or the end of its time."""
        question, body = str(event.body.get("question")), event.body
        asked, row = self._open.pop(question, None), self._store.question(question)
        if row is None:
            return  # was found at the event that asked it
        if asked is not None:
            self._with(question, asked, row)
        self._closed(place, row, told(body, "for"))

    def left(self, path: str) -> None:
        """Take the end of a visit: nobody is asked any more what was asked within it."""
        within = [
            question
            for question, asked in self._open.items()
            if asked.path == path or asked.path.startswith(f"{path}/")
        ]
        for question in within:
            asked = self._open.pop(question)
            row = self._known(question, asked)
            if row["state"] == "open":
                self._found(asked.place, "the row of its question says open, but what asked it has ended")

    def ended(self) -> None:
        """Take the end of all that was asked; a row that says otherwise is found by its run's."""
        for question, asked in self._open.items():
            self._known(question, asked)
        self._open.clear()

    def end(self) -> None:
        """Look at what is asked still."""
        for question, asked in self._open.items():
            row = self._known(question, asked)
            if row["state"] == "closed":
                self._found(asked.place, "the row of its question says closed, but what asked it goes on")

    def _known(self, question: str, asked: Asked) -> Mapping[str, Any]:
        """Compare what nobody has answered yet, as far as messages say that were not taken in yet."""
        row = self._store.question(question)
        assert row is not None, "it was there when it was asked; this is one snapshot"
        self._with(question, asked, row)
        if row["state"] not in STATES:
            self._found(asked.place, f"the row of its question says state {row['state']!r}")
        for message in self._store.coming(question):
            if message["kind"] in CLOSING and row["state"] != "closed":
                self._closed(asked.place, row, message)
        if row["state"] in UNANSWERED and any(row.get(column) is not None for column in ANSWERED):
            self._found(
                asked.place, f"the row of its question says {row['state']}, and by whom it was answered"
            )
        return row

    def _closed(self, place: str, row: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        state = "expired" if message["kind"] == "timer" else "answered"
        if (row["state"], row["answered_by"]) != (state, message["by"]):
            whom = f" by {row['answered_by']}" if row["answered_by"] else ""
            self._found(place, f"the row of its question says {row['state']}{whom}")
            return
        behalf = message["for"]
        if row.get("answered_for", behalf) != behalf:
            said = row["answered_for"]
            self._found(place, f"the row of its question says answered_for {said!r}, it says {behalf!r}")
        at = message["at"]
        if row.get("answered_at", at) != at:
            said = row["answered_at"]
            self._found(place, f"the row of its question says answered_at {said!r}, it says {at!r}")

    def _with(self, question: str, asked: Asked, row: Mapping[str, Any]) -> None:
        """Compare whom it is with; tables of an earlier format do not say that of all."""
        for message in self._store.coming(question):
            asked = asked.after(message, asked.place)
        for column, said in asked.columns().items():
            if row.get(column, said) != said:
                self._found(
                    asked.place, f"the row of its question says {column} {row[column]!r}, it says {said!r}"
                )


def told(body: Mapping[str, Any], target: str) -> dict[str, Any]:
    """Give a message that was taken in as one that is still to be."""
    return {"kind": body.get("what"), "by": body.get("by"), "for": body.get(target), "at": body.get("sent")}


def moved(holding: Holding, what: Any, by: Any, to: Any) -> Holding:
    """Give whom a task is with once something was done with it."""
    if what == "claim":
        return dataclasses.replace(holding, claimed_by=by)
    if what == "delegate":
        return Holding(holding.role, to, None, holding.claimed_by or holding.person)
    if what == "reassign":
        kind, _, name = str(to).partition(":")
        return Holding(name) if kind == "role" else Holding(None, to)
    if what != "release":
        return holding
    back = holding.delegated_by
    if back is None:
        return dataclasses.replace(holding, claimed_by=None)
    return Holding(None, back) if holding.role is None else Holding(holding.role, claimed_by=back)


def compared(
    found: Found, place: str, what: str, row: Mapping[str, Any] | None, says: Mapping[str, Any]
) -> None:
    """Name every column in which a row says otherwise than its event, or that there is no row."""
    if row is None:
        found(place, f"its {what} is not in the table")
        return
    for column, said in says.items():
        if row[column] != said:
            found(place, f"the row of its {what} says {column} {row[column]!r}, it says {said!r}")
