"""Waits of unknown length: a person's answer, a time to come. They cost nothing while they last."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from ripieno.journal.records import QuestionChange
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.covering import covered
from ripieno.kernel.turnstile import Branch
from ripieno.model.event import Event, Json
from ripieno.model.participant import Answer, Question
from ripieno.model.reminder import reminder_times

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["ask", "question_id", "wait_for_time", "wait_for_word", "wait_until"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is waited for: an answer of people, or a time."""

    kind: Literal["task", "uncertain", "timer"]
    content: object = None
    question: Question | None = None
    due: float | None = None
    """Seconds of a timer."""
    until: int | None = None
    """When a timer is over that does not count from when it is set, in microseconds."""

    def due_at(self, now: int) -> int | None:
        """Give when it is over, in microseconds; working time where the question has a calendar."""
        if self.until is not None:
            return self.until
        due = self.due if self.question is None else self.question.due
        if due is None:
            return None
        length = int(due * MICROSECONDS)
        calendar = None if self.question is None else self.question.calendar
        return now + length if calendar is None else calendar.after(now, length)

    def reminders(self, now: int, due: int | None) -> tuple[int, ...]:
        """Give when people are reminded."""
        if self.question is None or not self.question.remind:
            return ()
        return reminder_times(self.question.remind, now, due, self.question.calendar)


def question_id(scope: Scope, path: str) -> str:
    """Give the id of the question asked at a path."""
    return f"{scope.execution.lease.run}/{path}"


async def ask(
    scope: Scope,
    question: Question,
    path: str,
    branch: Branch | None = None,
    *,
    sources: Mapping[str, str] | None = None,
) -> Answer:
    """Put a question to people and give what came back; asked once, however often the run is replayed.

    `sources` says where what they are shown comes from.
    """
    content = {
        "title": question.title,
        "form": dict(question.form),
        "about": question.about,
        "evidence": [asdict(item) for item in question.evidence],
        **({"sources": dict(sources)} if sources else {}),
        **({"barred": list(question.barred), "asks": whose(question)} if question.barred else {}),
    }
    event = await _wait(scope, path, branch or scope.branch, Asked(question.kind, content, question))
    if event.body["what"] == "timer":
        return Answer(expired=True)
    said = scope.execution.stored(event.body["content"]).decode()
    return Answer(
        expired=False,
        value=said["value"],
        by=event.body["by"],
        reason=said.get("reason"),
        on_behalf_of=event.body.get("for"),
        emergency=said.get("emergency", False),
        behind=tuple(said.get("behind", ())),
        rights=said.get("rights"),
    )


def whose(question: Question) -> str:
    """Give whose approval it is that a policy asks for, whoever has the task later."""
    return question.person or f"role:{question.role}"


async def wait_until(scope: Scope, path: str, duration: float, branch: Branch | None = None) -> None:
    """Wait for `duration` seconds from the first time that this is reached."""
    await _wait(scope, path, branch or scope.branch, Asked("timer", due=duration))


async def wait_for_time(scope: Scope, path: str, until: int, branch: Branch) -> None:
    """Wait until a time, in microseconds."""
    await _wait(scope, path, branch, Asked("timer", until=until))


async def wait_for_word(scope: Scope, path: str, duration: float) -> str | None:
    """Wait for so many seconds, or until somebody says a word before; give who, None where nobody has."""
    event = await _wait(scope, path, scope.branch, Asked("timer", due=duration))
    return None if event.body["what"] == "timer" else str(event.body["by"])


async def _wait(scope: Scope, path: str, branch: Branch, asked: Asked) -> Event:
    execution = scope.execution
    question = question_id(scope, path)
    if not scope.take(path, frozenset({"asked"})):
        await _put(scope, path, branch, asked)
    event = execution.recording.answer(question)
    if event is not None:
        await execution.turnstile.recorded(branch, event.seq)
    else:
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        execution.waits[question] = (branch, future)
        try:
            event = await execution.turnstile.wait(branch, future)
        finally:
            del execution.waits[question]
    scope.items.append(event.seq)
    if execution.steering.heeded:
        await execution.steering.hold(branch, owed=branch is not scope.branch, after=event.seq)
    return event


async def _put(scope: Scope, path: str, branch: Branch, asked: Asked) -> None:
    """Ask; due time and reminders are reckoned once and recorded, whatever becomes of the calendar."""
    execution = scope.execution
    if execution.folding.locked():
        await execution.told()
    if execution.steering.heeded:
        await execution.steering.hold(branch, owed=branch is not scope.branch)
    if asked.kind == "task" and execution.store.stops.standing:
        await execution.standstill.hold(path, branch)
    question = question_id(scope, path)
    now = execution.clock.now()
    due = asked.due_at(now)
    payloads: list[tuple[bytes, bytes]] = []
    ref = None if asked.content is None else execution.keep(covered(execution, asked.content), payloads)
    body: dict[str, Json] = {"what": asked.kind, "question": question}
    to = asked.question
    role, person, reminders = (
        (None, None, ()) if to is None else (to.role, to.person, asked.reminders(now, due))
    )
    optional: dict[str, Json] = {
        "role": role,
        "person": person,
        "content": ref,
        "due": due,
        "reminders": list(reminders) or None,
        "policies": None if to is None else to.policies or None,
        "calendar": None if to is None or to.calendar is None else to.calendar.name,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    change = QuestionChange(question, asked.kind, role, ref, due, person, reminders)
    await scope.append("asked", path, body, payloads=payloads, change=change, branch=branch)
