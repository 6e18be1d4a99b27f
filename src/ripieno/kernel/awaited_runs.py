"""Another run that a visit makes and waits for: its intent, its life, its end, once wherever a process dies.

What kind of run it is, and on which terms, is said by the kinds: `children.py`, `undo_runs.py`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ripieno.journal.records import Message, QuestionChange
from ripieno.kernel.branches import shielded
from ripieno.kernel.conclusion import conclude
from ripieno.kernel.consent import UnsettledError
from ripieno.kernel.last_words import outcome_told
from ripieno.kernel.questions import question_id
from ripieno.kernel.turnstile import Branch
from ripieno.model.allowance import rule_document
from ripieno.model.errors import NotFoundError, RefusedError
from ripieno.model.event import Event, Json
from ripieno.model.ids import new_id
from ripieno.model.outcome import Outcome
from ripieno.model.spending import NOTHING, Spending
from ripieno.model.value import Value, encode

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["AwaitedRun"]

NO_LONGER_NEEDED: Final = "the run that it is part of needs it no longer"


class AwaitedRun(ABC):
    """One other run, from its intent to its end; awaited also by a visit that is cancelled."""

    _workflow: str
    """The name of the workflow that is run; the kinds set it."""

    def __init__(self, scope: Scope, path: str, given: Value) -> None:
        self.scope = scope
        self.path = path
        self.was_cancelled = False
        """True once it has ended as cancelled, whoever did so."""
        self._given = given
        self._execution = scope.execution
        self._branch = scope.branch
        self._question = question_id(scope, path)
        self._waiter: asyncio.Future[Any] | None = None
        self._withdrawn = False
        self._begun = False
        """True once the intent is on its way to disk."""
        self._run = ""
        self._held = NOTHING

    # -- what the kinds say -----------------------------------------------------------------------

    @abstractmethod
    def _described(self) -> Mapping[str, Json]:
        """Give what the intent says of the run to be made."""

    @abstractmethod
    async def _bear(self) -> None:
        """Make the run under the id of the intent, unless it is there already."""

    def _check(self) -> None:
        """Raise what keeps the run from being made: here, a rule for effects that it could not be told."""
        rule_document(self.scope.effects)

    def _differs(self, body: Mapping[str, Any], *, imported: bool) -> str | None:
        """Say in what the recorded intent is for another run than the one asked for now."""
        del body, imported
        return None

    @property
    def _stands(self) -> bool:
        """Tell whether what lets it be made stands still."""
        return True

    @property
    def _under(self) -> tuple[str, int] | None:
        """Give what is known of the rights that let it be made; None where none are needed."""
        return None

    def _wanted(self) -> Spending:
        """Give what is reserved for it."""
        return NOTHING

    # -- what is the same for all -----------------------------------------------------------------

    async def outcome(self) -> Outcome:
        """Give what it ended in; cancelling the visit cancels it, and awaits its end."""
        return await shielded(self._execution.turnstile, self.scope.branch, self._work, self._withdraw)

    def _withdraw(self) -> None:
        self._withdrawn = True
        turnstile = self._execution.turnstile
        if self._execution.rest is not None or not self._begun:
            turnstile.cancel(self._branch)
        elif self._waiter is not None:
            turnstile.resume(self._branch, self._waiter)

    async def _work(self, branch: Branch) -> Outcome:
        self._branch = branch
        recorded = self.scope.take(self.path, frozenset({"asked"}))
        if recorded:
            await self._read(recorded[0])
        else:
            await self._intend()
        event = await self._end()
        self.scope.items.append(event.seq)
        told = self._execution.stored(event.body["content"]).decode()
        self.was_cancelled = told["status"] == "cancelled"
        outcome, spent = outcome_told(told, self.scope)
        imported = event.seq in self._execution.recording.imported
        self.scope.ledger.settle(self._held, NOTHING if imported else spent)
        if self._execution.steering.heeded:
            await self._execution.steering.hold(branch, owed=True, after=event.seq)
        return outcome

    # -- the intent -------------------------------------------------------------------------------

    async def _read(self, event: Event) -> None:
        body = event.body
        imported = event.seq in self._execution.recording.imported
        differs = self._differs(body, imported=imported)
        if differs is not None:
            await self._execution.halt("blocked", f"{self.path}: event {event.seq} {differs}")
        self._begun = True
        self._run = body["child"]
        if not imported:
            self._hold(Spending.read(body.get("reserved", {})))

    def _hold(self, amounts: Spending) -> None:
        self._held = amounts
        self.scope.ledger.hold(amounts)

    async def _intend(self) -> None:
        """Write the intent, with all that may be spent reserved, unless a cancellation came before."""
        execution, ledger = self._execution, self.scope.ledger
        turnstile = execution.turnstile
        self._check()
        while True:
            await turnstile.live(self._branch)
            if execution.steering.heeded:
                await execution.steering.hold(self._branch, owed=True)
            if execution.store.stops.standing and await execution.standstill.hold(
                self.path, self._branch, workflow=self._workflow
            ):
                continue
            wanted = self._wanted()
            if ledger.stands_against(wanted, self.path) is not None:
                await ledger.room(wanted, self.path, turnstile, self._branch)
                continue
            if execution.rest is not None or self.scope.cancelled_above:
                raise asyncio.CancelledError
            if not self._stands:
                raise UnsettledError
            self._hold(wanted)
            self._begun = True
            if await self._written(wanted):
                return
            self._begun = False
            ledger.settle(wanted, NOTHING)
            if self._withdrawn:  # while it was on its way: nobody would let it go on from a limit any more
                raise asyncio.CancelledError
            await execution.fold()

    async def _written(self, wanted: Spending) -> bool:
        execution = self._execution
        self._run = new_id()
        payloads: list[tuple[bytes, bytes]] = []
        body: dict[str, Json] = {
            "what": "child",
            "question": self._question,
            "child": self._run,
            **self._described(),
            "input": execution.keep(self._given, payloads),
        }
        if wanted:
            body["reserved"] = wanted.document()
        change = QuestionChange(self._question, "child", None, None, None)
        draft = execution.append(
            "asked",
            self.path,
            body,
            payloads=payloads,
            change=change,
            if_seen=execution.seen,
            under=self._under,
        )
        self.scope.needs(draft)
        await execution.durable(draft)
        if draft.state == "bounced":
            self.scope.items.remove(draft)
        if draft.outdated:
            execution.store.refresh_rights()
        return draft.state == "written"

    # -- its life ---------------------------------------------------------------------------------

    async def _end(self) -> Event:
        execution = self._execution
        event = execution.recording.answer(self._question)
        if event is not None:
            await execution.turnstile.recorded(self._branch, event.seq)
            return event
        await execution.turnstile.live(self._branch)
        await self._made()
        told = False
        while (event := execution.recording.answer(self._question)) is None:
            if self._withdrawn and not told:
                told = True
                await self._cancel()
            else:
                await self._wait()
        return event

    async def _wait(self) -> None:
        execution = self._execution
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiter = future
        execution.waits[self._question] = (self._branch, future)
        try:
            await execution.turnstile.wait(self._branch, future)
        finally:
            self._waiter = None
            del execution.waits[self._question]

    async def _made(self) -> None:
        """Make it, unless it is there; whatever forbids it is how the visit ends."""
        store = self._execution.store
        with suppress(NotFoundError):
            await store.run(self._run)
            return
        if self._execution.rest is not None or self.scope.cancelled_above:
            self._forgo()
            raise asyncio.CancelledError
        try:
            await self._bear()
        except RefusedError:
            self._forgo()
            raise

    def _forgo(self) -> None:
        """Let go of what was reserved for a run that is not made; its wait is closed with the visit."""
        self.scope.ledger.settle(self._held, NOTHING)
        self.scope.waits = True

    def _rule(self) -> Mapping[str, Any] | None:
        """Give the rule for write effects that it inherits."""
        rule = self.scope.effects
        return None if rule.free else rule_document(rule)

    async def _cancel(self) -> None:
        """Ask it to end as cancelled; one whose code is gone ends at once, as it would for people."""
        execution = self._execution
        store, undo = execution.store, execution.undoes_all
        payloads: list[tuple[bytes, bytes]] = []
        said: object = {"reason": NO_LONGER_NEEDED, "undo": True} if undo else NO_LONGER_NEEDED
        data = encode(said)
        commitment = store.key(self._run).commit(data)
        payloads.append((commitment, data))
        by, now = f"run:{execution.lease.run}", execution.clock.now()
        name = f"cancel:{self._run}" + (":undo" if undo else "")
        message = Message(name, self._run, "cancel", by, now, content=commitment.hex())
        with suppress(RefusedError):  # it has ended, and its last words are on their way
            await store.send(message, payloads)
            row = await store.run(self._run)
            if not undo and row.status in ("blocked", "needs_version"):
                await conclude(store, execution.clock, row, f"cancelled by {by}: {NO_LONGER_NEEDED}")
