"""A visit within limits: watched while it works, and ended, handed down or asked about when a limit trips.

Each trip is a recorded choice. On replay it is read in its turn; nothing is measured again.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.exhaustion import Decision, asked_for_more, granted
from ripieno.kernel.ledger import Refusal
from ripieno.kernel.meter import Meter
from ripieno.kernel.questions import ask, question_id, wait_for_time
from ripieno.kernel.results import recorded
from ripieno.kernel.turnstile import Branch
from ripieno.model.durations import seconds
from ripieno.model.limits import Ask, Degrade, Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Participant, Task
from ripieno.model.spending import Spending

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Limited", "TimeLeft"]

TIMES = ("active", "deadline")

NEGLIGIBLE = 10_000
"""Microseconds: what is left of a deadline by the rounding of times is not waited for again."""


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """What is left of a time, and how its end ends the work."""

    left: int
    """Microseconds."""
    rule: str
    used: int | None
    """Microseconds so far, of active time."""


class Limited:
    """Lets a participant work in a branch of its own, so that it can be stopped wherever it stands."""

    def __init__(self, scope: Scope, limits: Limits, participant: Participant, task: Task) -> None:
        self.scope = scope
        self._execution = scope.execution
        self._turnstile = scope.execution.turnstile
        self._limits = limits
        self._participant = participant
        self._task = task
        self._outer = scope.branch
        self._inner: Branch | None = None
        self._running: list[Branch] = []
        self._waiter: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._trip: Refusal | None = None
        self._final = False
        """True when nobody is to be asked about the trip any more."""
        self._said_no = False
        """True once nothing more was granted."""
        self._asking: Refusal | None = None
        self._deadlines = 0
        self._awaited: list[int] = []
        """When the timers are over that are waited for."""
        self._watching = False
        """True while the deadline is watched."""
        self._set_at: dict[str, int] = {}
        """Where in the log an operator last set a limit."""
        self._desk = scope.beside("limit")
        """Where its own acts are recorded; a segment of the visit does not stand for them."""
        scope.ledger.limits.update(limits.amounts)
        scope.ledger.on_refused = self._tripped
        rule = limits.on_exhausted
        self._ends = not isinstance(rule, Ask | Degrade)
        scope.ledger.ends = (rule if isinstance(rule, str) else "stop") if self._ends else None
        self._began = scope.execution.recording.begun(scope.path) or scope.execution.clock.now()
        self._longer = 0 if limits.deadline is None else int(seconds(limits.deadline) * MICROSECONDS)
        """Microseconds of the deadline, with all by which it was moved."""
        self._due = self._began + self._longer
        """When it is."""
        self._meter: Meter | None = None

    # -- the visit --------------------------------------------------------------------------------

    async def work(self) -> Outcome:
        """Give what the participant ends in, or what a limit makes of it."""
        self._execution.open_scopes.add(self._desk)
        self._execution.limited[self.scope.path] = self
        self._meter = self._measured()
        try:
            self._execution.set_again(self)
            await self._set_aside()
            decision = await self._supervised()
            self._look_at_failure()
            if decision is None:
                assert self._inner is not None, "it was started"
                assert self._inner.task is not None, "it was started"
                return self._inner.task.result()
            return await self._end(decision)
        finally:
            self.scope.waits = bool(self._deadlines) or bool(self._desk.items)
            self.scope.ledger.give_back()
            if self._meter is not None:
                self._turnstile.meters.remove(self._meter)
            del self._execution.limited[self.scope.path]
            self._execution.open_scopes.discard(self._desk)

    async def _supervised(self) -> Decision | None:
        meters = () if self._meter is None else (self._meter,)
        self._inner = self._start(lambda _: self.scope.work(self._participant, self._task), *meters)
        self.scope.branch = self._inner
        if self._limits.deadline is not None:
            self._begin_to_watch()
        try:
            return await self._last_decision()
        finally:
            try:
                await self._unwind()
            finally:
                self.scope.branch = self._outer
                if self._meter is not None:
                    self._meter.stop()

    async def _last_decision(self) -> Decision | None:
        """Give the decision that ends the work; None when it has ended by itself."""
        while True:
            decision = await self._next()
            if decision is None:
                return None
            refusal = decision.refusal
            self.scope.ledger.shut = not decision.asks or refusal.limit in TIMES
            if not decision.asks:
                return decision
            self._asking = refusal
            self._start(functools.partial(self._ask, refusal, self._desk.next("ask")))

    async def _next(self) -> Decision | None:
        path = self._desk.next("choice")
        for event in self._desk.take(path, frozenset({"choice"})):
            await self._turnstile.recorded(self._outer, event.seq)
            self._look_at_failure()
            self._trip = None
            return Decision.read(event, self._execution.stored)
        while self._trip is None or self._done or self._turnstile.replaying:
            if self._done:
                return None
            if self._trip is None:
                await self._change()
            else:
                await self._turnstile.live(self._outer)
            self._look_at_failure()
        decision = self._decide(self._trip)
        self._trip = None
        payloads: list[tuple[bytes, bytes]] = []
        body = decision.body(self._execution, self._limits, payloads)
        self._desk.items.append(self._execution.append("choice", path, body, payloads=payloads))
        return decision

    def _decide(self, refusal: Refusal) -> Decision:
        rule = self._limits.on_exhausted
        chosen = "escalate" if refusal.limit == "deadline" else "stop"
        if isinstance(rule, str):
            chosen = rule
        elif isinstance(rule, Degrade):
            chosen = f"degrade to {rule.to.name}"
        elif isinstance(rule, Ask) and not self._final and not self._said_no:
            chosen = f"ask {rule.role}"
        best = self._best()
        return Decision(refusal, chosen, None if best is None else recorded(self._execution, best))

    def _best(self) -> Outcome | None:
        """Give the best result so far: what the outermost participant within says that it has, if anything.

        Else it is what the visit itself has, or what was last completed in it.
        """
        scope, prefix = self.scope, f"{self.scope.path}/"
        own = None if scope.best is None else scope.best()
        if scope.told_best:
            return own
        within = (one for one in self._execution.open_scopes if one.path.startswith(prefix))
        told = [one for one in within if one.told_best]
        outermost = min(told, key=lambda one: (len(one.path), one.path), default=scope)
        found = None if outermost.best is None else outermost.best()
        return found if found is not None and holds(found.output) else own

    async def _end(self, decision: Decision) -> Outcome:
        rule = self._limits.on_exhausted
        if not isinstance(rule, Degrade):
            return decision.outcome()
        self.scope.ledger.shut, self.scope.ledger.lifted = False, True
        task, best = self._task, decision.best
        if best is not None:
            task = Task(task.input, {**task.state, self._participant.name: best}, task.previous, task.turn)
        path = self.scope.child(rule.to.name, None)
        return await self.scope.visit(rule.to, task, path, self._outer)

    # -- branches ---------------------------------------------------------------------------------

    def _start(self, work: Callable[[Branch], Coroutine[Any, Any, Any]], *meters: Meter) -> Branch:
        branch = self._turnstile.begin(self._outer, *meters)
        self._running.append(branch)
        branch.task = asyncio.create_task(work(branch))
        branch.task.add_done_callback(lambda task: self._ended(branch, task))
        return branch

    def _ended(self, branch: Branch, task: asyncio.Task[Any]) -> None:
        self._running.remove(branch)
        if not task.cancelled() and self._failure is None:
            self._failure = task.exception()  # a defect of the kernel surfaces in the visit
        self._signal()
        self._turnstile.end(branch)

    def _signal(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            self._turnstile.resume(self._outer, waiter)

    async def _change(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        await self._turnstile.wait(self._outer, self._waiter)

    def _look_at_failure(self) -> None:
        """Raise what a branch has failed of, were it while this one waited for something else."""
        if self._failure is not None:
            raise self._failure

    @property
    def _done(self) -> bool:
        return self._inner not in self._running

    async def _unwind(self) -> None:
        """Stop what is still at work; claimed effects are awaited and recorded first."""
        cancelled = self._watching = False
        self._cancel()
        while self._running:
            try:
                await self._change()
            except asyncio.CancelledError:
                cancelled = True
                self._cancel()  # once more: a branch that had reason to stay may have none left
        if cancelled:
            raise asyncio.CancelledError

    def _cancel(self) -> None:
        for branch in list(self._running):
            self._turnstile.cancel(branch)

    # -- limits -----------------------------------------------------------------------------------

    def _tripped(self, refusal: Refusal, *, final: bool = False) -> None:
        """Take note of a limit that stands in the way, unless a decision is on its way already."""
        if self._asking is not None and (refusal.limit not in TIMES or refusal.limit == self._asking.limit):
            return
        if refusal.limit in TIMES:
            self.scope.ledger.shut = True
        final = final or self._asking is not None
        if self._trip is None or (final and not self._final):
            self._trip, self._final = refusal, final
            self._signal()

    async def _set_aside(self) -> None:
        """Reserve an allowance above, waiting there for room where that is what the limits above declare."""
        above = self.scope.ledger.above
        if not self._limits.allowance or above is None:
            return
        path, amounts = f"{self._desk.path}/allowance", Spending(**self._limits.amounts)
        past = self._desk.take(path, frozenset({"spent"}))
        if past:
            await self._turnstile.recorded(self._outer, past[0].seq)
        else:
            await self._turnstile.live(self._outer)
            await above.room(amounts, path, self._turnstile, self._outer)
            body = {"allowance": amounts.document()}
            self._desk.items.append(self._execution.append("spent", path, body))
        self.scope.ledger.set_aside(amounts)

    def _measured(self) -> Meter | None:
        if self._limits.active is None:
            return None
        path, turnstile = self.scope.path, self._turnstile
        outer = sum(path.startswith(f"{meter.path}/") for meter in turnstile.meters)
        used = self._execution.recording.active(path, outer)
        limit = int(seconds(self._limits.active) * MICROSECONDS)
        meter = Meter(path, self._execution.clock, limit, used, self._over)
        turnstile.meters.append(meter)
        if not turnstile.replaying:
            meter.start()
        return meter

    def times(self) -> Mapping[str, TimeLeft]:
        """Give what is left of the times whose end ends the work, by name, and how it then ends."""
        found: dict[str, TimeLeft] = {}
        declared = self._limits.on_exhausted
        rule = declared if isinstance(declared, str) else None
        if self._ends and self._limits.deadline is not None:
            found["deadline"] = TimeLeft(self._due - self._execution.clock.now(), rule or "escalate", None)
        if self._ends and self._meter is not None:
            used = self._meter.used
            found["active"] = TimeLeft(self._meter.limit - used, rule or "stop", used)
        return found

    def _over(self) -> None:
        assert self._meter is not None, "it tells of itself"
        self._tripped(Refusal("active", self._meter.limit))

    def _begin_to_watch(self) -> None:
        """Wait for each timer on record, and for the deadline where that comes first."""
        self._watching = True
        dues: list[int] = []
        while (asked := self._execution.recording.asked(self._timer(len(dues) + 1))) is not None:
            dues.append(asked["due"])
        for _ in dues:
            self._start(self._watch)
        if not self._awaits_in(dues):
            self._start(self._watch)

    def _timer(self, number: int) -> str:
        return f"{self._desk.path}/deadline/{number}"

    def _awaits_in(self, dues: list[int]) -> bool:
        """Tell whether one of some times comes no later than the deadline."""
        return any(due <= self._due + NEGLIGIBLE for due in dues)

    async def _watch(self, branch: Branch) -> None:
        """Wait for the deadline, and on where it was moved meanwhile, unless that is waited for already."""
        execution, due = self._execution, 0
        while due < self._due - NEGLIGIBLE:
            asked = execution.recording.asked(self._timer(self._deadlines + 1))
            if asked is None:
                await self._turnstile.live(branch, urgent=True)
                await execution.steering.hold(branch, owed=True)
                if self._due - execution.clock.now() <= NEGLIGIBLE:
                    break
                if self._awaits_in(self._awaited):
                    return
            due = self._due if asked is None else asked["due"]
            self._deadlines += 1
            self._awaited.append(due)
            try:
                await wait_for_time(self._desk, self._timer(self._deadlines), due, branch)
            finally:
                self._awaited.remove(due)
        self._tripped(Refusal("deadline", self._longer))

    async def _ask(self, refusal: Refusal, path: str, branch: Branch) -> None:
        """Ask for more; granted, the work goes on where it stands."""
        rule = self._limits.on_exhausted
        assert isinstance(rule, Ask), "nobody else is asked"
        question = asked_for_more(rule, refusal, self._limits, self._participant.name)
        answer = await ask(self._desk, question, path, branch)
        self._asking = None
        more = None if answer.expired else granted(answer.value, refusal)
        if more is None:
            self._refused(refusal)
            return
        answered = self._execution.recording.answer(question_id(self._desk, path))
        assert answered is not None, "that is the answer"
        for name, amount in more.items():
            if answered.seq > self._set_at.get(name, 0):  # else what was set since stands for it
                self._raise(name, amount, answered.at)
        self.scope.ledger.shut = False
        self.scope.ledger.wake(self._turnstile)

    def _refused(self, refusal: Refusal) -> None:
        """End the work, as nothing more was granted; of amounts, once somebody asks for them again.

        That may be whoever is to give way: then the work around goes on with what was kept back.
        """
        if refusal.limit in TIMES:
            self._tripped(refusal, final=True)
            return
        ledger = self.scope.ledger
        self._said_no, ledger.ends, ledger.shut = True, "stop", False
        ledger.wake(self._turnstile)

    def _raise(self, name: str, amount: int, at: int) -> None:
        ledger = self.scope.ledger
        if name == "deadline":
            self._longer += amount
            self._due = max(self._due, at) + amount
            self._start(self._watch)
        elif name == "active":
            assert self._meter is not None, "only what is limited is granted"
            self._meter.limit += amount
        else:
            ledger.limits[name] += amount

    def set(self, name: str, value: int, at: int) -> None:
        """Take a limit that an operator set at a place of the log; one not declared stays unlimited."""
        ledger = self.scope.ledger
        self._set_at[name] = at
        if name == "active" and self._meter is not None:
            self._meter.limit = value
            self._meter.look()
        elif name == "deadline" and self._limits.deadline is not None:
            self._set_deadline(value)
        elif name in ledger.limits:
            ledger.limits[name] = min(value, self._limits.amounts[name]) if self._limits.allowance else value
            ledger.wake(self._turnstile)

    def _set_deadline(self, value: int) -> None:
        sooner = self._began + value < self._due
        self._longer, self._due = value, self._began + value
        if not (sooner and self._watching):
            return
        if self._due <= self._execution.clock.now() and self._goes_on:
            self._tripped(Refusal("deadline", value))  # before anybody claims anything more
        else:
            self._start(self._watch)

    @property
    def _goes_on(self) -> bool:
        return not self._turnstile.replaying and not self._execution.steering.paused


def holds(output: object) -> bool:
    """Tell whether there is anything in a result so far; items not done yet are nothing."""
    return any(item is not None for item in output) if isinstance(output, list) else bool(output)  # pyright: ignore[reportUnknownVariableType] - any JSON
