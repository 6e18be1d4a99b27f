"""One resident run: its journal, what it has recorded, and how it comes to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal, cast

from ripieno.journal.budgets import BILLED, bill_of
from ripieno.journal.records import (
    OF_A_TASK,
    Change,
    Draft,
    EndChange,
    Lease,
    Message,
    RunRow,
    RunStatus,
    Told,
)
from ripieno.journal.store import Store
from ripieno.journal.vouched import ForgedError
from ripieno.kernel.answering import noted
from ripieno.kernel.beginning import outcome_of
from ripieno.kernel.clock import Clock
from ripieno.kernel.effect_book import NOTED, UNDO, EffectBook
from ripieno.kernel.inheritance import top_of
from ripieno.kernel.last_words import last_words
from ripieno.kernel.limited import Limited
from ripieno.kernel.proposals import Proposals
from ripieno.kernel.recording import Recording
from ripieno.kernel.restored import Restored
from ripieno.kernel.results import outcome_body, recorded
from ripieno.kernel.rolled_back import WHOLE
from ripieno.kernel.runaway import Repeats, ended_after
from ripieno.kernel.scope import Scope
from ripieno.kernel.standstill import Standstill
from ripieno.kernel.steering import Steering
from ripieno.kernel.turnstile import Branch, Turnstile
from ripieno.kernel.undo import LEFT, told, undo_all, undo_left
from ripieno.kernel.visits import name_of
from ripieno.model.definition import Definition
from ripieno.model.errors import StoreError
from ripieno.model.event import GENESIS, Event, Json, Kind
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Task
from ripieno.model.provenance import Tracer
from ripieno.model.value import Value, encode

__all__ = ["Execution", "Rest"]

Rest = Literal["ended", "parked", "blocked", "lost", "closed"]
"""How a residency came to its end. `lost`: another owner took over, or the store failed."""


class Execution:
    """Runs one workflow run in this process until it ends, parks, or is taken away."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        definition: Definition,
        lease: Lease,
        row: RunRow,
        *,
        events: Sequence[Event],
        fresh: Value | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.definition = definition
        self.lease = lease
        self.row = row
        self.recording = Recording(events)
        self.restored = Restored.of(self.recording)
        """What may have been done that the log has lost; None unless the run was put back from a backup."""
        self.effects = EffectBook(events)
        self.repeats = Repeats(events)
        self._last: Draft | None = None
        """The last event handed to the store."""
        self.turnstile = Turnstile(
            replaying=fresh is None, on_live=self._check_reached, on_quiet=self._on_quiet
        )
        self.waits: dict[str, tuple[Branch, asyncio.Future[Event]]] = {}
        """Branches that wait for an answer, by question id."""
        self.open_scopes: set[Scope] = set()
        self.limited: dict[str, Limited] = {}
        """Visits within limits that are open, by path."""
        self._limits_set: dict[tuple[str, str], tuple[int, int]] = {}
        """Limits that an operator has set, by path and name."""
        self.committed = lease.head_seq
        """A sequence number up to which everything is on disk."""
        self._input = fresh
        self.secrets_known = fresh is not None
        """False while what a run has learnt in another process is perhaps not looked for in this one."""
        self.seen = row.seen
        """How many messages had come in at the last fold."""
        self.under_way: set[asyncio.Task[Any]] = set()
        """Effects between claim and result."""
        self.rest: Rest | None = None
        self.detail: str | None = None
        """Why it is blocked."""
        self.outcome: Outcome | None = None
        self._root: Branch | None = None
        self.folding = asyncio.Lock()
        """Held while messages are folded, so that they keep their order, while parking and while marking."""
        self.steering = Steering(self)
        self.stops, self.roll, self.participants = store.stops, store.roll, definition.participants
        """What is looked at before each visit: what stands stopped, who was retired, who there is."""
        self.standstill = Standstill(self)
        self._settling: set[asyncio.Task[None]] = set()
        self._cancelled: str | None = None
        """By whom and why the run was cancelled."""
        self._undo_all = False
        """True when all that it has done is to be taken back before it ends."""
        self._ending = False
        """True once nothing is left to cancel."""

    @cached_property
    def proposals(self) -> Proposals:
        """What puts its acts to the gate."""
        return Proposals(self)

    @cached_property
    def tracer(self) -> Tracer:
        """What finds where the values of its acts come from; made where a policy reads that."""
        return self.store.gate.tracer(self.store, self.lease.run)

    # -- values -----------------------------------------------------------------------------------

    def value(self, value: object) -> Value:
        """Encode and commit to a value without writing it yet."""
        data = encode(value)
        return Value(self.lease.key.commit(data).hex(), data)

    def stored(self, ref: str) -> Value:
        """Give a recorded value by its reference."""
        return Value(ref, None, self._load)

    def _load(self, ref: str) -> bytes:
        self.lease.stored.add(ref)
        return self.lease.key.open(bytes.fromhex(ref), self.store.sealed(self.lease.run, ref))

    def keep(self, value: Value, payloads: list[tuple[bytes, bytes]]) -> str:
        """Give a value's reference, adding its bytes to `payloads` unless they are stored already."""
        ref = value.ref
        if ref not in self.lease.stored and value.held:
            self.lease.stored.add(ref)
            payloads.append((bytes.fromhex(ref), value.data))
        return ref

    # -- the journal ------------------------------------------------------------------------------

    def append(
        self,
        kind: Kind,
        path: str,
        body: Mapping[str, Json],
        *,
        payloads: Sequence[tuple[bytes, bytes]] = (),
        change: Change | None = None,
        if_seen: int | None = None,
        under: tuple[str, int] | None = None,
        followed: bool = False,
    ) -> Draft:
        """Hand an event to the store; the caller has waited for the run to be live."""
        if self.turnstile.meters:  # from which a run that is taken up again knows the active time so far
            body = {**body, **self.turnstile.used(path)}
        draft = Draft(self.lease, self.clock.now(), kind, path, body, tuple(payloads), change, if_seen)
        if under is not None:
            draft.under = under
        if followed:
            draft.followed = True
        if kind in BILLED:
            checked = if_seen is not None and not path.endswith(UNDO)
            draft.bill = bill_of(kind, body, self._team, checked=checked)
        self.store.append(draft)
        self._last = draft
        if kind in NOTED:
            self.effects.note(kind, path, body)
        return draft

    def _team(self) -> str:
        """Give whose monthly budget it spends, beside the tenant's: its workflow's owner."""
        return str(self.definition.about.get("owner") or "")

    async def all_durable(self) -> None:
        """Wait until everything recorded so far is on disk."""
        if self._last is not None:
            await self.durable(self._last)

    async def durable(self, draft: Draft) -> None:
        """Wait until an event is on disk or bounced; a run that lost its lease stops here."""
        await self.store.durable(draft)
        if draft.state == "lost":
            await self.halt("lost")
        if draft.state == "bounced":
            self.store.stops.refresh()  # which it may have come up against
        self.committed = max(self.committed, draft.seq)

    def needed(self, after: int) -> tuple[int, ...]:
        """Give the events up to `after` that replay would read now.

        Those are the ones of scopes still open, answers that their branches have yet to hear of, and
        a cancellation that has yet to take effect.
        """
        seqs = {1} if self.restored is None else {1, self.restored.seq}
        for scope in self.open_scopes:
            seqs.update(item if isinstance(item, int) else item.seq for item in scope.items)
        answers = (self.recording.answer(question) for question in self.waits)
        seqs.update(event.seq for event in (*answers, *self.recording.messages) if event is not None)
        return tuple(sorted(seq for seq in seqs if 0 < seq <= after))

    async def halt(self, rest: Rest, detail: str | None = None) -> None:
        """Stop the run where it stands; does not return to a branch of the run."""
        self.stop(rest, detail)
        await asyncio.get_running_loop().create_future()

    def stop(self, rest: Rest, detail: str | None = None) -> None:
        """Let every branch unwind without a trace; effects under way are still awaited and recorded."""
        if self.rest is None or rest == "lost":
            self.rest, self.detail = rest, detail
        assert self._root is not None, "a run is stopped while it is advanced"
        assert self._root.task is not None, "which is work done in a task"
        self._root.task.cancel()

    def leave(self) -> None:
        """Finish what is at work and begin nothing new, so that another process can go on."""
        self.steering.leave()

    # -- the residency ----------------------------------------------------------------------------

    async def advance(self) -> Rest:
        """Run in the task at hand until the run ends, parks, is blocked, lost or closed; tell which.

        What stops the run cancels that task, which goes on from here as if it had not been.
        """
        task = asyncio.current_task()
        assert task is not None, "coroutines are awaited in tasks"
        self._root = self.turnstile.begin()
        self._root.task = task
        defect: Exception | None = None
        try:
            await self._run(self._root)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - raised below
            defect = error
        for work in self._settling:
            work.cancel()
        if task.cancelling():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)  # a run that was stopped by its own act has not heard of it yet
            for _ in range(task.cancelling()):
                task.uncancel()
        if self.rest is None and defect is not None:  # one of the kernel itself must not pass in silence
            raise defect
        return self.rest or "closed"

    async def _run(self, branch: Branch) -> None:
        started = self.recording.started
        self.recording.abandon_undo(LEFT, UNDO)  # read when the run ends
        for message in list(self.recording.messages):
            self._command(message)
        if started is None:
            msg = f"run {self.lease.run[-6:]} has no first event"
            raise StoreError(msg, remedy="ripieno audit verify names what is missing")
        task = Task(self._input or self.stored(started.body["input"]))
        top = top_of(self.definition, started, self.stored)
        root = Scope(self, "", branch, None, top.effects)
        self.open_scopes.add(root)
        try:
            if self.row.wanted != self.row.seen:  # in here, for what comes in may be a cancellation
                await self.fold()
            outcome = await outcome_of(root, started, top, task)
        except asyncio.CancelledError:
            if self._cancelled is None or self.rest is not None:
                raise
            asyncio.current_task().uncancel()  # pyright: ignore[reportOptionalMemberAccess] - we are in a task
            outcome = Outcome("cancelled")
        self._ending = True
        await self._end(root, outcome, f"{top.participant.name}@1")

    async def _end(self, root: Scope, outcome: Outcome, top: str) -> None:
        """Record the end; with a cancellation folded before it, that is `cancelled`, after a crash too."""
        await self.turnstile.live(root.branch, urgent=True)
        if self.under_way:  # a participant ended without awaiting what it had begun
            await asyncio.wait(self.under_way)
        while True:
            payloads: list[tuple[bytes, bytes]] = []
            if self._cancelled is not None or self.effects.begins:
                await self._take_back(root.branch, top)
            if self._cancelled is not None:
                outcome = Outcome("cancelled", reason=self._cancelled)
            elif root.ran_away is not None:
                outcome = ended_after(root.ran_away, outcome)
            outcome = recorded(self, outcome)
            body = outcome_body(self, outcome, payloads)
            draft = self.append(
                "run.ended",
                "",
                {"outcome": body, **noted(root, outcome, payloads)},
                payloads=payloads,
                change=EndChange(outcome.status, self._told(outcome, root)),
                if_seen=self.seen,
            )
            while draft.state == "pending":
                with suppress(asyncio.CancelledError):  # what is on its way to disk cannot be called back
                    await self.store.durable(draft)
            if draft.state != "bounced":
                break
            if self.rest is not None:
                raise asyncio.CancelledError
            await self.fold()
        if draft.state == "lost":
            self.rest = "lost"
            return
        self.outcome, self.rest = outcome, "ended"

    async def _take_back(self, branch: Branch, top: str) -> None:
        """Undo all that it has done, where its cancellation asks for it, or what goes on elsewhere still."""
        branch.cancelled = False  # what was begun has ended; from here on it is only taken back
        scope = Scope(self, "", branch, None)
        found = await undo_all(scope, WHOLE, top) if self._undo_all else []
        self._undo_all = False
        found += await undo_left(scope, LEFT, top)
        if self._cancelled is not None:
            self._cancelled = "; ".join(part for part in (self._cancelled, told(found)) if part)

    def _told(self, outcome: Outcome, root: Scope) -> Told | None:
        assert self.recording.started is not None, "it was run"
        return last_words(self.store, self.recording.started, outcome, root.ledger.spent, self.clock.now())

    @property
    def _undoes(self) -> bool:
        """True for a run that takes back what another did: what it does is not taken back in turn."""
        return self.recording.started is not None and "undoes" in self.recording.started.body

    @property
    def undoes_all(self) -> bool:
        """True when all that it has done is to be taken back before it ends."""
        return self._undo_all

    # -- the inbox --------------------------------------------------------------------------------

    async def fold(self) -> None:
        """Take the inbox into the chain and let what was waited for go on."""
        async with self.folding:
            if self.rest is not None:
                return
            try:
                messages, seen = await self.store.fold(self.lease)
            except ForgedError as error:
                self.stop("blocked", error.message)
                return
            if seen < 0:
                self.stop("lost")
                return
            self.seen = seen
            for message in messages:
                self._apply(message)

    async def told(self) -> None:
        """Wait while messages are folded: what is written after a command in the chain heeds it."""
        while self.folding.locked():
            async with self.folding:
                pass

    def _apply(self, message: Message) -> None:
        if message.kind in OF_A_TASK:
            return
        kind: Kind = "message" if message.question is None else "answered"
        said: dict[str, Json] = {"what": message.kind, "by": message.by, "question": message.question}
        said |= {"content": message.content, "for": message.target}
        at = (message.seq, GENESIS, message.at, self.lease.epoch)
        event = Event(self.lease.run, *at, kind, message.path, said)
        if message.question is None:
            self.recording.messages.append(event)
            self._command(event)
            return
        if message.kind == "child":
            self.effects.note(event.kind, event.path, event.body)
        self.recording.learn(event)
        waiting = self.waits.get(message.question)
        if waiting is not None:
            self.turnstile.resume(*waiting, event)

    def _command(self, event: Event) -> None:
        if self._cancelled is not None:
            return
        if event.body["what"] != "cancel":
            self.steering.take(event)
            return
        said: Any = self.stored(event.body["content"]).decode() if event.body.get("content") else None
        asked = cast("dict[str, Any]", said) if isinstance(said, dict) else {"reason": said}
        reason = asked.get("reason")
        self._undo_all = asked.get("undo") is True and not self._undoes
        if self._undo_all:  # read when the run ends, in whatever state that finds it
            self.recording.abandon_undo(WHOLE, UNDO)
        self._cancelled = f"cancelled by {event.body['by']}" + (f": {reason}" if reason else "")
        self.steering.cancelled()
        self.when_live(self._cancel)

    def when_live(self, act: Callable[[], None]) -> None:
        """Do something at once, or as soon as everything recorded was let out."""
        if self._all_let_out():
            self.turnstile.go_live()
        if self.turnstile.replaying:
            self._spawn(self._once_live(act))
        else:
            act()

    def _all_let_out(self) -> bool:
        """Tell whether nothing recorded is left, though a visit that is at work still looks like a replay."""
        return not self.turnstile.holding and self.recording.unreached() is None and self._root is not None

    async def _once_live(self, act: Callable[[], None]) -> None:
        branch = self.turnstile.begin()
        await self.turnstile.live(branch, urgent=True)
        act()
        self.turnstile.end(branch)

    def _cancel(self) -> None:
        assert self._root is not None, "messages are folded while the run is advanced"
        if not self._ending:
            self.turnstile.cancel(self._root)

    def set_limit(self, path: str, name: str, value: int, at: int) -> None:
        """Set a limit of a visit that is open or yet to come; the empty path means the whole run.

        `name` is one of `active` and `deadline` (microseconds), `cost` (millionths of a dollar),
        `model_calls`, `tokens`, `handoffs`, `rounds`; `at` is its place in the log. One not declared is none.
        """
        self._limits_set[path, name] = value, at
        for limited in list(self.limited.values()):
            if self._means(path, limited.scope.path):
                limited.set(name, value, at)

    def set_again(self, limited: Limited) -> None:
        """Tell a visit that begins which of its limits were set."""
        for (path, name), (value, at) in self._limits_set.items():
            if self._means(path, limited.scope.path):
                limited.set(name, value, at)

    def _means(self, path: str, visit: str) -> bool:
        """Tell whether the limits of a visit are those at a path: of the whole run, or of a step.

        A step that stands alone has its participant below it, under the same name; a child run with an
        allowance has its own limits below that.
        """
        if path:
            around, _, last = visit.rpartition("/")
            return path in (visit, around) and last.partition("@")[0] == name_of(path)
        started = self.recording.started
        if started is not None and "allowance" in started.body:
            visit = visit.removeprefix("allowance@1/")
        return "/" not in visit

    # -- coming to rest ---------------------------------------------------------------------------

    def _check_reached(self) -> bool:
        """Tell whether the run may go on, now that everything recorded was let out."""
        missed = self.recording.unreached()
        if missed is not None:
            self.stop(
                "blocked", f"{missed.path}: recorded as event {missed.seq}, but the code no longer reaches it"
            )
        return self.rest is None

    def _on_quiet(self) -> None:
        if self.rest is None:
            self._spawn(self._settle())

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self) -> None:
        """Park, unless a message came in meanwhile; then go round again."""
        while self.turnstile.active == 0 and self.rest is None:
            await self.fold()
            async with self.folding:  # nothing may be folded once nobody owns the run
                if self.turnstile.active or self.rest is not None:
                    continue
                if self.steering.leaving:
                    self.stop("closed")
                    return
                status: RunStatus = "paused" if self.steering.paused else "waiting"
                held = () if self.steering.paused else self.standstill.stops
                if await self.store.park(self.lease, self.seen, status, held=held):
                    self.stop("parked")
