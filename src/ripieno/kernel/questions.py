"""Waits of unknown length: a person's answer, a time to come. They cost nothing while they last."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

from ripieno.journal.records import QuestionChange
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.turnstile import Branch
from ripieno.model.event import Event, Json
from ripieno.model.participant import Answer, Question

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["ask", "wait_until"]


Asked = tuple[Literal["task", "uncertain", "timer"], str | None, object]
"""Kind, role and content of a question."""


def question_id(scope: Scope, path: str) -> str:
    """Give the id of the question asked at a path."""
    return f"{scope.execution.lease.run}/{path}"


async def ask(scope: Scope, question: Question, path: str, branch: Branch | None = None) -> Answer:
    """Put a question to people and give what came back; asked once, however often the run is replayed."""
    content = {
        "title": question.title,
        "form": dict(question.form),
        "about": question.about,
        "evidence": [asdict(item) for item in question.evidence],
    }
    event = await _wait(
        scope, path, branch or scope.branch, (question.kind, question.role, content), question.due
    )
    if event.body["what"] == "timer":
        return Answer(expired=True)
    said = scope.execution.stored(event.body["content"]).decode()
    return Answer(expired=False, value=said["value"], by=event.body["by"], reason=said.get("reason"))


async def wait_until(scope: Scope, path: str, duration: float, branch: Branch | None = None) -> None:
    """Wait for `duration` seconds from the first time that this is reached."""
    await _wait(scope, path, branch or scope.branch, ("timer", None, None), duration)


async def _wait(
    scope: Scope,
    path: str,
    branch: Branch,
    asked: Asked,
    due: float | None,
) -> Event:
    execution = scope.execution
    question = question_id(scope, path)
    if not scope.take(path, frozenset({"asked"})):
        await _put(scope, path, branch, asked, due)
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


async def _put(
    scope: Scope,
    path: str,
    branch: Branch,
    asked: Asked,
    due: float | None,
) -> None:
    execution = scope.execution
    if execution.steering.heeded:
        await execution.steering.hold(branch, owed=branch is not scope.branch)
    kind, role, content = asked
    question = question_id(scope, path)
    now = execution.clock.now()
    due_at = None if due is None else now + int(due * MICROSECONDS)
    payloads: list[tuple[bytes, bytes]] = []
    ref = None if content is None else execution.keep(execution.value(content), payloads)
    body: dict[str, Json] = {"what": kind, "question": question}
    if role is not None:
        body["role"] = role
    if ref is not None:
        body["content"] = ref
    if due_at is not None:
        body["due"] = due_at
    change = QuestionChange(question, kind, role, ref, now, due_at)
    await scope.append("asked", path, body, payloads=payloads, change=change, branch=branch)
