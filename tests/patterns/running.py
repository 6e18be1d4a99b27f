"""Workflows of one pattern, run through the public runtime, and what people and time do to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ripieno import Confidence, Function, Outcome, Principal, Workflow
from ripieno.journal.records import QuestionRow
from ripieno.kernel.commands import AskedFor, answer, asked_for
from ripieno.kernel.host import Host
from ripieno.model.event import Event
from ripieno.model.outcome import Status
from ripieno.model.value import decode
from ripieno.participants.base import BaseParticipant

__all__ = ["OPERATOR", "Choice", "Running", "gives", "outcome", "pure"]

OPERATOR = Principal("person", "op", every_role=True)
PATIENCE_SECONDS = 120.0


class Turned(Protocol):
    """A clock that a test turns."""

    def turn(self, seconds: float) -> None:
        """Let time go by."""
        ...


def pure(function: Callable[..., Any], name: str | None = None) -> Function:
    """Give a function as a participant that changes nothing."""
    return Function(function, name=name, pure=True)


def gives(name: str, value: object) -> Function:
    """Give a participant that ends with a value, or raises it when it is an error."""

    def act() -> object:
        if isinstance(value, Exception):
            raise value
        return value

    return pure(act, name)


def outcome(
    status: Status, output: object = None, *, sure: float | None = None, reason: str | None = None
) -> Outcome:
    """Give an outcome in short."""
    confidence = None if sure is None else Confidence(sure, "by test")
    return Outcome(status, output, confidence=confidence, reason=reason)


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice as it is recorded."""

    chosen: str
    offered: list[str]
    because: Any


@dataclass(frozen=True, slots=True)
class Running:
    """A host, its clock, and what a test does with them."""

    host: Host
    clock: Turned

    async def run(self, flow: BaseParticipant | Workflow, value: object = None) -> Outcome:
        """Run a workflow, or a flow as one of its own, and wait for its end."""
        return await self.ended(await self.begin(flow, value))

    async def begin(self, flow: BaseParticipant | Workflow, value: object = None) -> str:
        """Start a workflow, or a flow as one of its own."""
        workflow = flow if isinstance(flow, Workflow) else Workflow("tested", flow)
        created = await self.host.start(workflow, value, principal=OPERATOR)
        return created.row.id

    async def ended(self, run: str) -> Outcome:
        """Wait for a run's end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.host.outcome(run)

    async def rests(self, run: str) -> str:
        """Wait until a run does nothing by itself, and give its status."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.host.rest(run)).status

    async def questions(self, run: str) -> list[AskedFor]:
        """Give what people are asked, once the run waits."""
        assert await self.rests(run) == "waiting"
        return [asked_for(self.host.store, row) for row in await self.host.store.questions(run=run)]

    async def reply(self, row: QuestionRow, value: object, *, reason: str | None = None) -> None:
        """Answer a question."""
        await answer(self.host.store, self.host.clock, row, by=OPERATOR, value=value, reason=reason)

    async def later(self, run: str, seconds: float) -> None:
        """Let time go by while a run waits, and wait until it was woken and rests again."""
        assert await self.rests(run) == "waiting"
        before = await self.host.store.run(run)
        self.clock.turn(seconds)
        self.host.ring()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.host.store.run(run)).epoch == before.epoch:  # noqa: ASYNC110 - the row is on disk
                await asyncio.sleep(0.003)
        await self.rests(run)

    async def events(self, run: str, kind: str) -> list[Event]:
        """Give a run's events of a kind."""
        return [event for event in await self.host.store.events(run) if event.kind == kind]

    async def choices(self, run: str, what: str) -> list[Choice]:
        """Give what was chosen in a run under this heading, and why."""
        bodies = [event.body for event in await self.events(run, "choice")]
        return [
            Choice(
                body["chosen"], body["offered"], decode(self.host.store.payload(run, str(body["because"])))
            )
            for body in bodies
            if body["what"] == what
        ]
