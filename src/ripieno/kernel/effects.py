"""Effects: an intent is on disk before the call, a result after it, and nothing in between is lost.

A call that may have happened without a result is uncertain. `retry` repeats it under the same key,
`verify` asks the other system, `ask` asks a person: exactly once where the tool allows it,
otherwise at most once plus a person.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

from ripieno.journal.records import CallChange, ClaimChange, Draft
from ripieno.kernel.branches import shielded
from ripieno.kernel.claims import Claim, Ending, idempotency_key
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.consent import UnsettledError, deny, read_denial, unanswered
from ripieno.kernel.covering import covered
from ripieno.kernel.effect_book import UNDO
from ripieno.kernel.exits import EXITS, call_by_itself, said
from ripieno.kernel.guarding import Around, guard_of, put_off, send
from ripieno.kernel.housed import put_here
from ripieno.kernel.ledger import Reservation, most
from ripieno.kernel.permits import Permit
from ripieno.kernel.preparing import unprepared
from ripieno.kernel.questions import wait_until
from ripieno.kernel.restored import Restored
from ripieno.kernel.runaway import check_call, rate_of, rated, trip
from ripieno.kernel.tracing import declared, told_label
from ripieno.kernel.turnstile import Branch
from ripieno.kernel.uncertain import Uncertain
from ripieno.kernel.undo_tools import remember
from ripieno.model.action import Call
from ripieno.model.errors import AuthenticationError, NotSentError, ToolError
from ripieno.model.event import Event
from ripieno.model.failure import Failure, failure_of, wait_of
from ripieno.model.participant import ToolLike
from ripieno.model.provenance import combined
from ripieno.model.spending import NOTHING, Spending
from ripieno.model.tool import act_of, told_by

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Effect"]

ANSWERED = frozenset[Failure]({"bad_request", "refused_content"})
"""Said of what cannot be done as it is asked for: also of what was done before, under the same key."""

LATE_ATTEMPTS = 3
"""So often may the deadline pass between claim and call: a machine was suspended, or its clock is wrong."""

LEASE_LOOK_SECONDS = 0.05
"""How often a claim that waits for the process to have its lease again looks."""

RESIDENT_WAIT_SECONDS = 2.0
"""Waits up to this long stay in memory; longer ones are timers, for which the run may park."""


class Effect:
    """One act upon the world, in as many attempts as its tool allows."""

    def __init__(self, scope: Scope, tool: ToolLike, path: str, permit: Permit) -> None:
        self.scope = scope
        self.execution = scope.execution
        self.tool = tool
        self.path = path
        self.arguments = permit.arguments
        self.permit = permit
        self._housed: bool = getattr(tool, "housed", False)
        """Whether its other side is the log's own store; asked of every call, so without a protocol."""
        remember(scope.execution.definition, tool)
        self._rate = None if path.endswith(UNDO) else rate_of(scope.execution, tool.name)
        self._followed = tool.effect == "read" and (followed(tool) or followed(scope.participant))
        self._maximum = most(tool, permit.arguments)
        self._reservation = Reservation(scope.ledger)
        self._branch = scope.branch
        self._withdrawn = False
        self._claimed = False
        """True from a claim to its result."""
        self._owed = False
        """True from a call in doubt that is to be repeated until it is known what became of it."""
        self._lost: Restored | None = None
        """Set while the next claim may have been made before, in what a backup knows nothing of."""
        self._spell: int | None = None
        """The store's, in which the attempt at hand was claimed."""
        self._late = 0
        """How many attempts were not sent as their deadline had passed."""
        self._since: int | None = None
        """Microseconds; when the first attempt was claimed."""
        self._doubted: tuple[Failure | None, float | None] = (None, None)
        """Of the call in doubt: the class of its error, and for how long it asked not to be called again."""

    async def result(self) -> Any:
        """Carry it out and give what the tool gave; raises `ToolError` when it definitely failed.

        The work goes on in a branch of its own, so that cancelling the participant never leaves a
        claimed call without its result.
        """
        ending = await shielded(self.execution.turnstile, self.scope.branch, self._work, self._withdraw)
        if ending.status != "done":
            msg = f"{self.tool.name}: {ending.reason()}"
            raise ToolError(msg, failure=ending.failure, retry_after=ending.retry_after)
        return None if ending.output is None else ending.output.decode()

    def _withdraw(self) -> None:
        """Begin nothing new; what is claimed is awaited, waits and pauses are given up."""
        self._withdrawn = True
        rest = self.execution.rest
        waiting = self._branch.blocked and rest is not None
        if rest == "lost" or waiting or not (self._claimed or self._owed):
            self.execution.turnstile.cancel(self._branch)

    async def _work(self, branch: Branch) -> Ending:
        self._branch = branch
        task = asyncio.current_task()
        assert task is not None, "work is done in a task"
        self.execution.under_way.add(task)
        task.add_done_callback(self.execution.under_way.discard)
        recorded = self.scope.take(self.path, frozenset({"intent", "result"}))
        intents = {event.body["attempt"]: event for event in recorded if event.kind == "intent"}
        results = {event.body["attempt"]: event for event in recorded if event.kind == "result"}
        restored = self.execution.restored
        if restored is not None and restored.doubts(self.tool, recorded, self.execution.clock):
            self._lost = restored
        claim: Claim | None = None
        ending: Ending | None = None
        attempt = 0
        while ending is None or attempt + 1 in intents or self._goes_on(ending, attempt):
            attempt += 1
            if attempt in intents:
                claim = await self._read(intents[attempt])
                ending = await self._past(claim, results.get(attempt))
            else:
                if ending is not None:
                    await self._pause(ending, attempt - 1)
                claim = await self._claim(attempt, claim, ending)
                if claim.restored is None:
                    ending = await self._send(claim)
                else:
                    ending = await self._find_out(claim, claim.deadline, None)
            self._since = self._since or claim.at
            self._owed = ending.status == "again" or (self._owed and not ending.known)
            self._late += ending.postponed
        return ending

    def _goes_on(self, ending: Ending, attempt: int) -> bool:
        if ending.status == "done" or self.execution.rest is not None:
            return False
        if self._owed:  # also when it is withdrawn: no run ends without knowing what it did
            return True
        if self._withdrawn or self._late >= LATE_ATTEMPTS:
            return False
        return ending.status != "failed" or (attempt < self.tool.attempts and not ending.final)

    # -- what was recorded ------------------------------------------------------------------------

    async def _read(self, intent: Event) -> Claim:
        claim = Claim.read(intent)
        imported = intent.seq in self.execution.recording.imported  # and then holds whatever the arguments
        if claim.tool != self.tool.name or (claim.arguments != self.arguments.ref and not imported):
            was = f"{claim.tool} with {'these' if claim.tool != self.tool.name else 'other'} arguments"
            await self.execution.halt(
                "blocked", f"{self.path}: event {intent.seq} claimed {was}, now {self.tool.name} is asked for"
            )
        self._reservation.take(NOTHING if imported else claim.reserved)
        return claim

    async def _past(self, claim: Claim, result: Event | None) -> Ending:
        self._claimed = True
        since, error = claim.deadline, None
        if result is not None:
            await self.execution.turnstile.recorded(self._branch, result.seq)
            ending = Ending.read(result, self.execution.stored)
            imported = result.seq in self.execution.recording.imported
            self._book(ending.costing(NOTHING) if imported else ending)
            if ending.status != "uncertain":
                self._claimed = False
                return ending
            since, error = result.at, ending.reason()
            self._doubted = ending.failure, ending.retry_after
        await self.execution.turnstile.live(self._branch)
        return await self._find_out(claim, since, error)

    async def _find_out(self, claim: Claim, since: int, error: str | None) -> Ending:
        """Settle a claim that is in doubt since a time, by an error or by a crash."""
        if act_of(self.tool) == "model.call":
            lost = self.execution.value("the process ended before it told what the model said")
            return self._record(claim, Ending("failed", "lost", error=lost, spent=claim.reserved))
        uncertain = Uncertain(
            self.scope, self._branch, self.tool, claim, arguments=self.arguments, error=error
        )
        not_before = since + int(self.tool.settle * MICROSECONDS)
        return self._record(claim, await uncertain.resolve(not_before))

    # -- what is new ------------------------------------------------------------------------------

    async def _claim(self, attempt: int, before: Claim | None, ending: Ending | None) -> Claim:
        """Write the intent, after folding in whatever came in before it.

        Where that was a cancellation, or one is on its way here, nothing is claimed.
        """
        execution = self.execution
        await self._count(attempt)
        while True:
            await execution.turnstile.live(self._branch)
            if execution.steering.heeded:
                await execution.steering.hold(self._branch, owed=True)
            store = execution.store
            if (store.stops.standing or store.spell is None) and await self._kept():
                continue
            if not self._due and self.scope.ledger.stands_against(self._maximum, self.path) is not None:
                await self.scope.ledger.room(self._maximum, self.path, execution.turnstile, self._branch)
                continue
            if execution.rest is not None or (self.scope.cancelled_above and not self._owed):
                raise asyncio.CancelledError
            if self._housed:
                await self.permit.sourced()
            if not self._due:
                await self._decided_again(attempt)
            now = execution.clock.now()
            if before is None or (ending is not None and ending.status == "failed"):
                key = idempotency_key(execution.lease, self.path, attempt)
                first_at = now if execution.restored is None else execution.restored.since
            else:
                key, first_at = before.key, before.first_at
            lost = self._lost
            deadline = lost.deadline(self.tool) if lost else now + int(self.tool.timeout * MICROSECONDS)
            self._reservation.take(self._maximum)
            self._spell = execution.store.spell  # before the commit, which shows whose the run is
            claim = Claim(
                self.path,
                attempt,
                self.tool.name,
                self.arguments.ref,
                key,
                deadline,
                first_at,
                self.permit.by,
                self._reservation.held or NOTHING,
                None if lost is None else lost.restore,
                at=now,
            )
            rate = self._rate if attempt == 1 else None
            payloads: list[tuple[bytes, bytes]] = []
            execution.keep(self.arguments, payloads)
            payloads.extend(self.permit.beside)
            told = {name: execution.keep(one, payloads) for name, one in told_by(self.tool).items()}
            draft = execution.append(
                "intent",
                self.path,
                {**claim.body(self.tool), **self.permit.noted, **rated(rate), **told},
                payloads=payloads,
                change=ClaimChange(attempt, self.tool.name, rate),
                if_seen=execution.seen,
                under=None if self._due else execution.proposals.under,
            )
            self._claimed = True
            self.scope.needs(draft)  # before it is durable: a segment may be written meanwhile
            await execution.durable(draft)
            if draft.state == "written":
                self._lost = None
                return claim
            await self._bounced(draft)

    async def _kept(self) -> bool:
        """Wait while somebody has stopped it, or may have taken over the run; tell whether to look anew."""
        execution = self.execution
        if execution.store.spell is None and execution.rest is None:
            await asyncio.sleep(LEASE_LOOK_SECONDS)
            return True
        return await execution.standstill.hold(self.path, self._branch, tool=self.tool.name)

    async def _count(self, attempt: int) -> None:
        """Count a call that is new; it goes no further where it was made too often."""
        if attempt == 1 and not self._due:
            call = (self.tool.name, self.tool.effect, self.arguments.ref)
            await check_call(self.scope, self.path, self._branch, call)

    async def _bounced(self, draft: Draft) -> None:
        """Take back what was reserved, and heed what stood against the claim."""
        self._claimed = False
        if not self._owed:
            self._reservation.settle(NOTHING)
            if self._withdrawn:  # while it was on its way: nobody would let it go on from a limit any more
                raise asyncio.CancelledError
        if draft.too_fast and self._rate is not None:
            await trip(self.scope, self.path, self._branch, self._rate.reason(self.path))
        if draft.short is not None:
            await self.execution.standstill.room(draft.short, self._branch)
        if draft.outdated:
            self.execution.store.refresh_rights()
        await self.execution.fold()

    async def _decided_again(self, attempt: int) -> None:
        """Have it decided by what stands right before the claim; raises where it may not be made as it is."""
        if (denial := await read_denial(self.scope, self.path, self._branch)) is not None:
            raise denial
        decision = self.permit.decided_again()
        if decision is None or decision.verdict == "allow":
            return
        if attempt == 1:
            raise UnsettledError
        raise await deny(self.scope, self.path, unanswered(decision), self.tool.name, branch=self._branch)

    @property
    def _due(self) -> bool:
        """True for what is made whatever the budget: what is owed, and what takes another effect back."""
        return self._owed or self.path.endswith(UNDO)

    async def _send(self, claim: Claim) -> Ending:
        execution = self.execution
        if execution.rest is not None or (self._withdrawn and not self._owed):
            return self._record(claim, Ending("unsent", "withdrawn"))
        call = claim.call(execution.lease.run, execution.row.tenant, owed=self._owed)
        call = put_here(self.scope, call, self.arguments, self.permit.sources) if self._housed else call
        unready = await unprepared(execution, self.tool, call, owed=self._owed)
        left = (claim.deadline - execution.clock.now()) / MICROSECONDS
        if unready is not None or left <= 0:
            return self._record(claim, unready or Ending("unsent", "deadline"))
        if execution.store.spell != self._spell:
            return self._record(claim, Ending("unsent", "lease"))
        around = Around(execution.store, execution.clock, execution.row.tenant, left, self._spell)
        try:
            output = await send(self.tool, self.arguments.decode(), call, around)
        except ToolError as error:
            if self._owed and error.failure in ANSWERED:
                return await self._in_doubt(claim, call, error)
            ending = self._refused(call, error)
        except (Exception, *EXITS) as error:  # whatever a tool raises has to be judged
            if isinstance(error, EXITS) and not call_by_itself(error, self._branch, self.scope.branch):
                raise
            if self.tool.effect == "read":  # nothing has changed, but what it has cost nobody knows
                text = covered(execution, said(error))
                ending = Ending("failed", "called", error=text, spent=call.told or claim.reserved)
                ending = classed(ending, error)
            else:
                return await self._in_doubt(claim, call, error)
        else:
            given = covered(execution, output)
            ending = Ending("done", "called", output=given, spent=call.told, noted=call.noted)
            ending = dataclasses.replace(ending, label=combined(call.sources)) if call.sources else ending
        return self._record(claim, ending)

    def _refused(self, call: Call, error: ToolError) -> Ending:
        """Give how an attempt ended that had no effect."""
        if isinstance(error, NotSentError) and self.execution.store.spell != self._spell:
            return Ending("unsent", "lease")
        text = covered(self.execution, error.message)
        ending = Ending("failed", "called", error=text, spent=call.told or NOTHING)
        if self._owed and says_nothing_of_before(error):
            ending = dataclasses.replace(ending, status="unsent", how="unready", spent=None)
        return classed(ending, error)

    async def _in_doubt(self, claim: Claim, call: Call, error: BaseException) -> Ending:
        """Record that nobody knows whether a call took effect, and find out as declared."""
        execution = self.execution
        since, text = execution.clock.now(), covered(execution, said(error))
        doubt = classed(Ending("uncertain", "called", error=text, spent=call.told), error)
        self._doubted = doubt.failure, doubt.retry_after
        self._append(claim, doubt)
        self._book(doubt)
        return await self._find_out(claim, since, doubt.reason())

    def _record(self, claim: Claim, ending: Ending) -> Ending:
        if ending.status in ("failed", "again") and ending.failure is None:
            (failure, retry_after), self._doubted = self._doubted, (None, None)
            ending = dataclasses.replace(ending, failure=failure, retry_after=retry_after)
        failed = ending.status == "failed" and claim.attempt < self.tool.attempts
        if failed or (ending.status == "again" and guard_of(self.tool) is not None):
            ending = self._put_off(claim, ending, claim.attempt)
        elif ending.postponed and (self._late > 0 or ending.retry_after is not None):
            ending = self._put_off(claim, ending, max(self._late, 1))  # else it is made again at once
        if ending.spent is None and ending.status in ("done", "failed", "unsent"):
            ending = ending.costing(self._cost(ending, claim))
        self._book(ending)
        self._append(claim, ending)
        self._claimed = False
        return ending

    def _put_off(self, claim: Claim, ending: Ending, times: int) -> Ending:
        since = claim.at if self._since is None else self._since
        return put_off(self.tool, claim, ending, times, since=since, now=self.execution.clock.now())

    def _cost(self, ending: Ending, claim: Claim) -> Spending:
        """Give what a call has cost that told nothing at its end: all, if it took effect at all."""
        told = self._reservation.told
        if told is not None:
            return told
        return claim.reserved if ending.status == "done" else NOTHING

    def _book(self, ending: Ending) -> None:
        """Settle what was reserved once it is known what became of it; a call in doubt keeps it."""
        if ending.status in ("uncertain", "again") or (self._owed and not ending.known):
            self._reservation.told = ending.spent or self._reservation.told
        else:
            self._reservation.settle(ending.spent or NOTHING)

    def _append(self, claim: Claim, ending: Ending) -> None:
        payloads: list[tuple[bytes, bytes]] = []
        body = {
            **ending.body(claim.attempt, lambda value: self.execution.keep(value, payloads)),
            **(declared(self.tool) if ending.label is None else told_label(self.tool, ending.label)),
        }
        change = call_change(claim, ending)
        draft = self.execution.append(
            "result", self.path, body, payloads=payloads, change=change, followed=self._followed
        )
        self.scope.needs(draft)

    async def _pause(self, ending: Ending, attempt: int) -> None:
        if ending.retry_at is None:
            return
        left = (ending.retry_at - self.execution.clock.now()) / MICROSECONDS
        if left > RESIDENT_WAIT_SECONDS:
            await wait_until(self.scope, f"{self.path}/backoff/{attempt}", left, self._branch)
        elif left > 0:
            await asyncio.sleep(left)


def followed(one: object) -> bool:
    """Tell whether whatever this acts for goes on at once when it has ended, and with an act of its own."""
    return getattr(one, "followed", False)


def says_nothing_of_before(error: ToolError) -> bool:
    """Tell whether a refusal is of this attempt alone: one before it may have taken effect."""
    return isinstance(error, NotSentError | AuthenticationError) or error.failure is not None


def classed(ending: Ending, error: BaseException) -> Ending:
    """Give an ending with the class of its error, and for how long the other side asked not to be called."""
    return dataclasses.replace(ending, failure=failure_of(error), retry_after=wait_of(error))


def call_change(claim: Claim, ending: Ending) -> CallChange | None:
    """Give by what a call is found later that failed or is in doubt, or that it is not any more."""
    if ending.status in ("failed", "uncertain"):
        return CallChange(claim.tool, ending.status)
    if ending.status == "done" and (claim.attempt > 1 or ending.how != "called"):
        return CallChange(claim.tool, None)
    return None
