"""A participant's visit: its path, its place in the tree of scopes, and what it may do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

from ripieno.journal.records import Change, Draft
from ripieno.kernel.acts import choose, may_work, now, start, use
from ripieno.kernel.answering import Answered, sources_of
from ripieno.kernel.asked_by_tools import settled_with
from ripieno.kernel.branches import Group
from ripieno.kernel.checking import Subject, judged
from ripieno.kernel.closing import close, read_end, settled
from ripieno.kernel.exits import EXITS, by_itself
from ripieno.kernel.expenses import counted, spend
from ripieno.kernel.foresight import look_ahead
from ripieno.kernel.ledger import Ledger
from ripieno.kernel.limited import Limited
from ripieno.kernel.modes import mode_change
from ripieno.kernel.observations import observe
from ripieno.kernel.questions import ask, wait_until
from ripieno.kernel.reasons import explain
from ripieno.kernel.recording import ENDS, MismatchError
from ripieno.kernel.registered import barred
from ripieno.kernel.results import outcome_body, outcome_from, recorded
from ripieno.kernel.runaway import RanAway, TrippedError
from ripieno.kernel.segments import due, mark, resumption
from ripieno.kernel.terms import AS_ABOVE, Terms
from ripieno.kernel.turnstile import Branch
from ripieno.kernel.undo import undo
from ripieno.model.action import Undone, UndoRule
from ripieno.model.checks import CheckLike, Judged, Of
from ripieno.model.definition import Definition
from ripieno.model.effect_rule import AUTO, EffectRule, Withheld
from ripieno.model.errors import DefinitionError, RejectedError, StoreError, WithheldError
from ripieno.model.event import Event, Json, Kind
from ripieno.model.failure import failure_of
from ripieno.model.gate import Decision
from ripieno.model.limits import Limits
from ripieno.model.mode import ModeChange
from ripieno.model.outcome import Outcome
from ripieno.model.participant import (
    Ahead,
    Answer,
    Observed,
    Participant,
    Question,
    Resumption,
    Task,
    ToolLike,
)
from ripieno.model.principal import Principal
from ripieno.model.spending import NOTHING, Money, Spending, micros
from ripieno.model.tool import act_of
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["Scope"]


class Scope:
    """The context that a participant works in; every act is read on replay and recorded otherwise."""

    best: Callable[[], Outcome] | None = None
    """Gives the best result so far, for when a limit ends this visit."""
    told_best = False
    """True when the participant has said itself how to give it."""
    waits = False
    """True when waits may stand open within it at its end."""
    since = 0
    """Events since its last segment, those of ended visits within included."""
    started = 0
    """When it was begun, in microseconds."""
    looked: tuple[int, int | None] = (0, None)
    """When it has looked ahead last, and the active time used until then; microseconds."""
    ran_away: RanAway | None = None
    """What ran away first in it, or in a visit within it."""
    task: Task | None = None
    """What it works on."""
    answered: Answered | None = None
    """What the run may give out, and how policies decided so."""
    participant: Participant | None = None
    """Whose visit it is."""
    kind = ""
    """Of the participant whose visit it is, such as `function`."""
    decision: Decision | None = None
    """By what it may work; None for a visit that had begun before this process took the run up."""
    undecided: Participant | None = None
    """Whoever may not work before the policies, and those they ask, have said so."""
    withheld: Sequence[Withheld] = ()
    """What was proposed within this visit and not made, oldest first; the first hundred."""
    interrupted = False
    """True from the moment at which it was told that it is to be skipped."""
    over = False
    """True once its participant has ended, or was stopped: who holds on to it acts by it no more."""

    def __init__(
        self,
        execution: Execution,
        path: str,
        branch: Branch,
        parent: Scope | None,
        effects: EffectRule | None = None,
    ) -> None:
        self.execution = execution
        self.path = path
        self.branch = branch
        self.parent = parent
        above = AUTO if parent is None else parent.effects
        self.effects = above if effects is None else effects.within(above)
        """The rule for write effects of this visit and of everything below it."""
        self.items: list[Draft | int] = []
        """Events directly in this scope that replay needs while it is open."""
        self.ledger = Ledger(None if parent is None else parent.ledger)
        self.woken = execution.turnstile.replaying
        """True when the run was woken since its last segment."""

    # -- what most visits never need ----------------------------------------------------------------

    @cached_property
    def unread(self) -> dict[str, Draft | int]:
        """Ends of branches that the participant has not been told of yet, by path."""
        return {}

    @cached_property
    def unread_spent(self) -> dict[str, Spending]:
        """What those branches have spent."""
        return {}

    @cached_property
    def stopped(self) -> dict[str, Scope]:
        """Visits within that were stopped and are not recorded as such yet, by path."""
        return {}

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many acts and visits of each kind and name there were."""
        return {}

    # -- what participants see --------------------------------------------------------------------

    @property
    def run(self) -> str:
        """The run's id."""
        return self.execution.lease.run

    @property
    def principal(self) -> Principal:
        """For whom the run acts."""
        kind, _, name = self.execution.row.principal.partition(":")
        return Principal(kind, name, self.execution.row.tenant)  # pyright: ignore[reportArgumentType] - was checked when it was written

    def value(self, value: object) -> Value:
        """Commit to a value, so that it can be passed on by reference."""
        return self.execution.value(value)

    def random(self) -> Random:
        """Give a random generator that is the same on every replay."""
        return Random(self.execution.lease.key.derive(self.next("random")))  # noqa: S311 - not for secrets

    @property
    def name(self) -> str:
        """The name of the participant whose visit it is."""
        return self.path.rpartition("/")[2].partition("@")[0]

    @property
    def cancelled_above(self) -> bool:
        """True when this visit or one around it is cancelled or skipped, though it may not have heard yet."""
        scope: Scope | None = self
        while scope is not None:
            if scope.branch.cancelled or self.execution.steering.skips(scope.path):
                return True
            scope = scope.parent
        return False

    # -- paths ------------------------------------------------------------------------------------

    def next(self, kind: str) -> str:
        """Give the path of the next act of a kind, counted from 1."""
        count = self.counts.get(kind, 0) + 1
        self.counts[kind] = count
        return f"{self.path}/{kind}/{count}"

    def child(self, name: str, key: str | int | None) -> str:
        """Give the path of a participant's next visit, or of the dynamic child with this key."""
        if key is None:
            visits = f"{name}@"
            key = self.counts[visits] = self.counts.get(visits, 0) + 1
        return f"{self.path}/{name}@{key}" if self.path else f"{name}@{key}"

    def _one_act_at_a_time(self) -> None:
        if self.execution.rest is not None:  # and who acts has not let itself be cancelled
            raise asyncio.CancelledError
        if self.over:
            msg = f"{self.path}: this visit is over, and nobody acts in its name any more"
            raise DefinitionError(msg, remedy="act by the context that was given with the task at hand")
        if self.branch.blocked:
            msg = f"{self.path}: a context takes one act at a time; another one is under way"
            raise DefinitionError(msg, remedy="for acts side by side use `async with context.branches()`")

    # -- recording --------------------------------------------------------------------------------

    def take(self, path: str, kinds: frozenset[Kind]) -> list[Event]:
        """Give what is recorded at a path and count it as needed while this scope is open.

        Where something of another kind is recorded there, the run is blocked.
        """
        try:
            events = self.execution.recording.take(path, kinds)
        except MismatchError as mismatch:
            self.execution.stop("blocked", str(mismatch))
            raise asyncio.CancelledError from mismatch
        if events:
            self.items.extend(event.seq for event in events)
            self.since += len(events)
        return events

    async def append(
        self,
        kind: Kind,
        path: str,
        body: Mapping[str, Json],
        *,
        payloads: Sequence[tuple[bytes, bytes]] = (),
        change: Change | None = None,
        if_seen: int | None = None,
        branch: Branch | None = None,
    ) -> Draft:
        """Record something new, once everything recorded has been let out."""
        turnstile = self.execution.turnstile
        if turnstile.replaying:
            await turnstile.live(branch or self.branch)
        draft = self.execution.append(kind, path, body, payloads=payloads, change=change, if_seen=if_seen)
        self.needs(draft)
        return draft

    def needs(self, event: Draft | int) -> None:
        """Count an event as needed while this scope is open, and by when the next segment is due."""
        self.items.append(event)
        self.since += 1

    # -- acts -------------------------------------------------------------------------------------

    async def call(
        self,
        participant: Participant,
        task: Task,
        *,
        key: str | None = None,
        effects: EffectRule | None = None,
        limits: Limits | None = None,
        gives_way: bool = False,
        kept_for: bool = False,
    ) -> Outcome:
        """Let a participant work within this scope."""
        self._one_act_at_a_time()
        path = self.child(participant.name, key)
        plain = effects is None and limits is None and not gives_way and not kept_for
        terms = AS_ABOVE if plain else Terms(effects, limits, gives_way=gives_way, kept_for=kept_for)
        outcome = await self.visit(participant, task, path, self.branch, terms)
        self.note(outcome)
        return outcome

    async def visit(
        self, participant: Participant, task: Task, path: str, branch: Branch, terms: Terms = AS_ABOVE
    ) -> Outcome:
        """Give the recorded outcome of the visit at `path`, or let it happen."""
        execution = self.execution
        if execution.recording.has(path):
            return await read_end(self, participant, task, self.take(path, ENDS)[0], branch)
        if execution.folding.locked():
            await execution.told()
        if execution.stops.standing:
            await execution.standstill.begin(path, branch)
        left_out = execution.steering.heeded and await execution.steering.before(
            path, participant.name, branch
        )
        scope = Scope(execution, path, branch, self, terms.effects)
        scope.started = execution.recording.begun(path) or execution.clock.now()
        scope.kind, scope.participant, scope.task = participant.kind, participant, task
        ending = Outcome("complete") if left_out else barred(execution, participant, path)
        if ending is not None:
            await settled(scope, ending)
            return close(self, scope, participant, task, ending)
        execution.proposals.admit(scope, participant)
        execution.open_scopes.add(scope)
        try:
            if terms is AS_ABOVE:
                outcome = await scope.work(participant, task)
            else:
                outcome = await scope.within(terms, participant, task)
        except asyncio.CancelledError:
            if not execution.steering.absorb(scope):
                self.stopped[path] = scope
                self.ran_away = self.ran_away or scope.ran_away
                raise
            outcome = Outcome("complete")
        finally:
            execution.open_scopes.discard(scope)
            scope.ledger.keep(NOTHING)
            scope.over = True
        if execution.turnstile.replaying or execution.folding.locked():
            await settled(scope, outcome)
        return close(self, scope, participant, task, outcome)

    async def within(self, terms: Terms, participant: Participant, task: Task) -> Outcome:
        """Let a participant act in this scope on these terms."""
        limits = terms.limits
        if terms.kept_for:
            self.ledger.have()
        if limits is None and terms.gives_way and self.ledger.limited:
            limits = Limits()
        if limits is None:
            return await self.work(participant, task)
        self.ledger.gives_way = terms.gives_way
        return await Limited(self, limits, participant, task).work()

    async def work(self, participant: Participant, task: Task) -> Outcome:
        """Let a participant act in this scope; whatever it raises is its outcome."""
        try:
            if self.undecided is not None:
                self.decision = await may_work(self, self.undecided)
            return await participant.act(task, self)
        except EXITS as error:
            return self._left(error)
        except StoreError as error:
            self.execution.stop("blocked", str(error))
            raise asyncio.CancelledError from error
        except TrippedError as trip:
            self.ran_away = trip.found
            return trip.outcome
        except (RejectedError, WithheldError) as error:
            status = "partial" if isinstance(error, WithheldError) else "escalated"
            return Outcome(status, reason=explain(error))
        except Exception as error:  # noqa: BLE001 - whatever a participant raises is its outcome
            return Outcome("failed", reason=explain(error), failure=failure_of(error))

    def _left(self, error: BaseException) -> Outcome:
        """Give what it ends in, where it was skipped or has left by itself; whoever is stopped unwinds."""
        if isinstance(error, asyncio.CancelledError):
            if self.execution.steering.absorb(self):
                return Outcome("complete")
            if self.execution.rest is not None or self.cancelled_above:
                raise error
        if not by_itself(error, self.branch):
            raise error
        return Outcome("failed", reason=explain(error))

    async def cancelled(self, participant: Participant, task: Task, path: str, branch: Branch) -> Outcome:
        """Record that the visit at `path` was stopped, so that no replay enters it again."""
        execution = self.execution
        execution.recording.abandon(path)
        scope = Scope(execution, path, branch, self)
        before = self.stopped.pop(path, None)
        if before is not None:
            scope.ledger.spent, scope.ran_away = before.ledger.spent, before.ran_away
        scope.started = execution.clock.now()
        outcome = Outcome("cancelled", reason="stopped: no longer needed")
        await settled(scope, outcome)
        return close(self, scope, participant, task, outcome)

    def note(self, outcome: Outcome) -> None:
        """Keep in mind what somebody has completed, in case a limit ends this visit."""
        if outcome.status == "complete" and not self.told_best and outcome.parts[0] is not None:
            self.best = outcome.itself

    def so_far(self, best: Callable[[], Outcome]) -> None:
        """Say how to give the best result so far."""
        self.best, self.told_best = best, True

    def beside(self, name: str) -> Scope:
        """Give a scope of the kernel's own within this visit, whose acts stand beside the participant's."""
        return Scope(self.execution, f"{self.path}/{name}", self.branch, self.parent)

    def branches(self) -> Group:
        """Open a group of branches."""
        return Group(self)

    async def use(self, tool: ToolLike, /, **arguments: Any) -> Any:
        """Call a tool: claimed before, recorded after."""
        self._one_act_at_a_time()
        path = self.next("tool" if act_of(tool) == "tool.call" else "model")
        output = await use(self, path, tool, arguments)
        asking = getattr(tool, "elicits", None)  # of every call, so without a protocol
        return output if asking is None else await settled_with(self, tool, asking, arguments, output)

    async def undo(self, under: Sequence[str], *, why: str, rule: UndoRule = "undo") -> Sequence[Undone]:
        """Take back what was done under these paths, or list it."""
        self._one_act_at_a_time()
        return await undo(self, self.next("undo"), under, why=why, rule=rule)

    async def judge(
        self, name: str, of: Of, checks: Sequence[CheckLike], value: Value, evidence: Sequence[Any] = ()
    ) -> Judged:
        """Judge what a participant was given or gave; recorded."""
        self._one_act_at_a_time()
        return await judged(self, self.next("checked"), Subject(name, of, value, evidence), checks)

    async def ask(self, question: Question) -> Answer:
        """Ask a person and wait."""
        self._one_act_at_a_time()
        path = self.next("ask")
        told = None if self.execution.recording.has(path) else await sources_of(self, question)
        return await ask(self, question, path, sources=told)

    async def run_workflow(
        self, workflow: Definition, given: Value, *, allowance: Limits | None = None
    ) -> Outcome:
        """Run another workflow as a child run, and give what it ended in."""
        self._one_act_at_a_time()
        if workflow.version not in {part.version for part in self.execution.definition.workflows}:
            msg = f"{self.path}: workflow {workflow.name!r} is not part of {self.execution.definition.name!r}"
            raise DefinitionError(msg, remedy="take it in as a participant: subworkflow(...)")
        path = self.next("child")
        return await start(self, path, workflow, given, allowance)

    async def sleep(self, duration: float) -> None:
        """Wait for `duration` seconds, across restarts."""
        self._one_act_at_a_time()
        await wait_until(self, self.next("sleep"), duration)

    async def observe(self, signals: Sequence[str] = ()) -> Observed:
        """Give what was spent so far, and which of these signals were given; recorded."""
        self._one_act_at_a_time()
        return await observe(self, self.next("observed"), signals)

    async def look_ahead(self) -> Ahead | None:
        """Give what limits leave, and what was needed since the last look; recorded."""
        self._one_act_at_a_time()
        return await look_ahead(self, self.next("ahead"))

    async def spend(
        self,
        *,
        model_calls: int = 0,
        tokens: int = 0,
        cost_usd: Money = 0,
        handoffs: int = 0,
        rounds: int = 0,
    ) -> None:
        """Count what is about to be spent; does not return where it would pass a limit that ends the work."""
        self._one_act_at_a_time()
        amounts = counted(Spending(model_calls, tokens, micros(cost_usd), handoffs, rounds), self.ledger)
        if amounts:
            await spend(self, self.next("spent"), amounts)

    def keep_back(self, amounts: Mapping[str, int]) -> None:
        """Keep amounts back for whoever is called last, `kept_for`; in place of what was kept before."""
        self.ledger.keep(Spending(**amounts))

    async def choose(
        self, what: str, chosen: str, *, offered: Sequence[str], because: Mapping[str, Any]
    ) -> str:
        """Record a choice; on replay the recorded one is given back."""
        self._one_act_at_a_time()
        return await choose(self, self.next("choice"), what, chosen, offered=offered, because=because)

    def mode_change(self, participant: str) -> ModeChange | None:
        """Give what was said last about a participant's mode."""
        return mode_change(self.execution, participant)

    async def now(self) -> datetime:
        """Give the time in UTC; recorded."""
        self._one_act_at_a_time()
        return await now(self, self.next("moment"))

    # -- bounded replay ---------------------------------------------------------------------------

    def resumption(self) -> Resumption | None:
        """Give the last segment of this scope, or None at its first round."""
        return resumption(self)

    @property
    def segment_due(self) -> bool:
        """True once enough has happened since the last segment."""
        return due(self)

    async def segment(self, round_: int, state: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> None:
        """Mark a round boundary, once enough has happened since the last."""
        if due(self):
            async with self.execution.folding:  # whatever was folded so far is known to `needed`
                await mark(self, round_, state, outcomes)

    def pack(self, outcomes: Mapping[str, Outcome]) -> Outcome:
        """Give one outcome that stands for many recorded ones, by reference."""
        kept: list[tuple[bytes, bytes]] = []  # all of it is stored already
        bodies = {name: outcome_body(self.execution, outcome, kept) for name, outcome in outcomes.items()}
        return recorded(self.execution, Outcome("complete", bodies))

    def unpack(self, packed: Outcome) -> Mapping[str, Outcome]:
        """Give the outcomes that `pack` put together."""
        stored = self.execution.stored
        return {name: outcome_from(body, 0, stored) for name, body in packed.output.items()}
