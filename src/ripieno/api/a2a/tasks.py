"""A run as a task: its state, what it waits for, what it came to, and what was said so far."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, cast

from a2a.types import a2a_pb2 as pb
from google.protobuf.json_format import ParseDict

from ripieno.api.a2a.messages import Named, named
from ripieno.identity.reading import is_open
from ripieno.journal.records import RunRow
from ripieno.kernel.addressees import standings
from ripieno.kernel.commands import AskedFor, asked_for
from ripieno.kernel.host import Host
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.event import Event
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.model.value import decode

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["INTERRUPTED", "TERMINAL", "Tasks"]

TERMINAL: Final = frozenset(
    {pb.TASK_STATE_COMPLETED, pb.TASK_STATE_FAILED, pb.TASK_STATE_CANCELED, pb.TASK_STATE_REJECTED}
)
INTERRUPTED: Final = frozenset({pb.TASK_STATE_INPUT_REQUIRED, pb.TASK_STATE_AUTH_REQUIRED})
ENDS: Final[Mapping[str, Any]] = {
    "complete": pb.TASK_STATE_COMPLETED,
    "partial": pb.TASK_STATE_FAILED,
    "escalated": pb.TASK_STATE_FAILED,
    "failed": pb.TASK_STATE_FAILED,
    "cancelled": pb.TASK_STATE_CANCELED,
}
"""What is not complete is no success."""

BY_MESSAGE: Final = "A2A message "
"""What begins the reason of an answer that came as a message, before the message's id."""

TOGETHER_SECONDS: Final = 0.02
"""Commits within this time are looked at together."""

AT_LEAST_SECONDS: Final = 2.0
"""So often a task is looked at though nobody rang."""


class Tasks:
    """The runs that a principal began by A2A, as tasks."""

    def __init__(self, host: Host) -> None:
        self.host, self.store = host, host.store
        self._waiting: set[asyncio.Event] = set()
        self.store.on_change(self._ring)

    def _ring(self) -> None:
        for waiting in self._waiting:
            waiting.set()

    # -- how a task stands ------------------------------------------------------------------------

    async def task(self, row: RunRow, by: Principal, *, whole: bool = True) -> pb.Task:
        """Give a run as a task, as it stands for who began it; not `whole`, without what was said."""
        ids = named(row, by)
        assert ids is not None, "only who began it is shown it"
        found = pb.Task(id=row.id, context_id=ids.context)
        question = None if row.ended else await self.question(row, by)
        if row.ended:
            self._end(found, row, await self.host.outcome(row.id))
        elif question is not None:
            found.status.state = pb.TASK_STATE_INPUT_REQUIRED
            found.status.message.CopyFrom(
                self._asks(found, question, shown=await is_open(self.store, row, "task", by))
            )
        else:
            found.status.state = pb.TASK_STATE_WORKING
            if row.status not in ("running", "waiting"):
                text = f"{row.status}: an operator has to see to it"
                found.status.message.CopyFrom(message(found, f"{row.id}-{row.status}", [text]))
        found.status.timestamp.FromMicroseconds(row.ended_at or row.updated_at)
        if whole:
            found.history.extend(await self._said(found, row, ids))
        return found

    async def question(self, row: RunRow, by: Principal) -> AskedFor | None:
        """Give the first open question of a run that its principal may answer."""
        rows = [one for one in await self.store.questions(run=row.id) if one.state == "open"]
        nows = await standings(self.store, [one for one in rows if one.content], by, self.host.clock.now())
        for now in nows:
            asked = asked_for(self.store, now.row)
            if (now.entitled or now.holds) and by.id not in asked.barred:
                return asked
        return None

    def _end(self, task: pb.Task, row: RunRow, outcome: Outcome) -> None:
        task.status.state = ENDS[outcome.status]
        task.metadata.update({"status": outcome.status})
        if outcome.output is not None:
            artifact = task.artifacts.add(artifact_id=f"{row.id}-output", name="output")
            artifact.parts.append(part(clean(outcome.output)))
        if outcome.status != "complete":
            reason = outcome.reason or outcome.status
            task.status.message.CopyFrom(message(task, f"{row.id}-end", [clean(reason)]))

    def _asks(self, task: pb.Task, asked: AskedFor, *, shown: bool) -> pb.Message:
        if not shown:
            return message(task, asked.id, ["a task waits for you: ripieno inbox list"])
        about = {"task": asked.id, "form": dict(asked.form), "about": asked.about}
        return message(task, asked.id, [clean(asked.title), clean(about)])

    async def _said(self, task: pb.Task, row: RunRow, ids: Named) -> list[pb.Message]:
        """Give what was said: the first message, each question that was answered, and its answer."""
        events = await self.store.events(row.id)
        first = decode(self.store.payload(row.id, events[0].body["input"]))
        found = [message(task, ids.message, [clean(first)], role=pb.ROLE_USER)]
        for event in events:
            told = answer_in(event)
            said = None if told is None else decode(self.store.payload(row.id, told))
            id_ = said_by_message(said)
            if id_ is not None:
                found.append(
                    message(task, id_, [clean(cast("dict[str, Any]", said)["value"])], role=pb.ROLE_USER)
                )
        return found

    async def answered_by(self, row: RunRow, message_id: str) -> bool:
        """Tell whether a message has answered a question of a run already."""
        for event in await self.store.events(row.id):
            told = answer_in(event)
            if told is not None and said_by_message(decode(self.store.payload(row.id, told))) == message_id:
                return True
        return False

    # -- how it changes ---------------------------------------------------------------------------

    @contextmanager
    def _changes(self) -> Generator[asyncio.Event]:
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            yield changed
        finally:
            self._waiting.discard(changed)

    async def follow(self, run: str, by: Principal, *, whole: bool = False) -> AsyncGenerator[pb.Task]:
        """Give a task whenever its state or what it says has changed, until it is terminal."""
        with self._changes() as changed:
            before: tuple[Any, ...] | None = None
            while True:
                changed.clear()
                task = await self.task(await self.store.run(run), by, whole=whole)
                now = (task.status.state, task.status.message.message_id)
                if now != before:
                    before = now
                    yield task
                if task.status.state in TERMINAL:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(AT_LEAST_SECONDS):
                        await changed.wait()
                await asyncio.sleep(TOGETHER_SECONDS)

    async def settled(self, run: str, by: Principal, patience: float) -> pb.Task:
        """Give a task once it is terminal, or waits for who began it; as it stands when patience ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                async for task in self.follow(run, by):
                    if task.status.state in TERMINAL | INTERRUPTED:
                        break
        return await self.task(await self.store.run(run), by)


def answer_in(event: Event) -> str | None:
    """Give the commitment of an answer to a person's task, where an event holds one."""
    if event.kind != "answered" or event.body.get("what") != "answer":
        return None
    return event.body.get("content")


def said_by_message(said: Any) -> str | None:
    """Give the id of the message by which something was answered."""
    reason = cast("dict[str, Any]", said).get("reason") if isinstance(said, dict) else None
    if not isinstance(reason, str) or not reason.startswith(BY_MESSAGE):
        return None
    return reason.removeprefix(BY_MESSAGE)


def message(task: pb.Task, id_: str, said: Sequence[Any], *, role: pb.Role = pb.ROLE_AGENT) -> pb.Message:
    """Give a message within a task."""
    parts = [part(one) for one in said]
    return pb.Message(message_id=id_, context_id=task.context_id, task_id=task.id, role=role, parts=parts)


def part(value: Any) -> pb.Part:
    """Give a value as a part: text as text, anything else as data."""
    if isinstance(value, str):
        return pb.Part(text=value, media_type="text/plain")
    found = pb.Part(media_type="application/json")
    ParseDict(value, found.data)
    return found


def clean(value: Any) -> Any:
    """Give a value without what is confidential, as JSON can carry it."""
    return CONFIDENTIAL.without(json.loads(json.dumps(value, default=str)))
