"""The embedded runtime: starts runs, takes up those that can go on, fires timers, tells outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import structlog

from ripieno.journal.records import NewRun, RunRow, VersionRow
from ripieno.journal.store import Created, Store
from ripieno.kernel.allowed import admitted, begun
from ripieno.kernel.births import first_event
from ripieno.kernel.clock import MICROSECONDS, Clock, SystemClock
from ripieno.kernel.command_approval import COMMAND_APPROVAL
from ripieno.kernel.deployments import Chosen
from ripieno.kernel.execution import Execution
from ripieno.kernel.results import held, outcome_from
from ripieno.model.action import WITHIN_RUN
from ripieno.model.definition import Definition
from ripieno.model.errors import OutdatedError, RefusedError, StoreError
from ripieno.model.event import GENESIS, Event, canonical
from ripieno.model.ids import new_id
from ripieno.model.outcome import Outcome
from ripieno.model.principal import Principal
from ripieno.model.value import Value, encode

__all__ = ["Host"]

COALESCE_SECONDS: Final = 0.002
"""Rings of the doorbell within this time are answered together."""

OTHERS_SECONDS: Final = 0.5
"""How often a run that another process owns is looked at again."""

UNSERVED_SECONDS: Final = 1.0
"""How long a run may be ready without anyone taking it before it is said to need its version."""

ELSEWHERE_SECONDS: Final = 0.05
"""How often a run that is not resident here is looked at by those who wait for it."""

log = structlog.get_logger(__name__)


class Host:
    """Runs the registered workflows of one store in this process, as an async context manager."""

    def __init__(self, store: Store, *, clock: Clock | None = None, resident: int = 2000) -> None:
        self.store = store
        self.clock = clock or SystemClock()
        self._resident_limit = resident
        self._definitions: dict[str, Definition] = {COMMAND_APPROVAL.version: COMMAND_APPROVAL}
        self._entered: set[tuple[str, str]] = set()
        self._residents: dict[str, Execution] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._elsewhere: dict[str, float] = {}
        self._unserved: dict[str, float] = {}
        self._lost: set[str] = set()
        """Runs whose store failed under them here: to be taken up again once it works."""
        self._leaving_late: set[str] = set()
        """Runs that could go on before this process had done with them: to be looked at again when it has."""
        self._bell = asyncio.Event()
        self._resting: dict[str, list[asyncio.Future[Execution | None]]] = {}
        self._dispatcher: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False
        self.loading = False
        """True while versions are still being loaded here: runs of those not served yet are left alone."""

    async def __aenter__(self) -> Self:
        self.store.on_change(self._bell.set, own=False)
        self._bell.set()
        self._dispatcher = asyncio.create_task(self._dispatch(), name="ripieno dispatcher")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Await effects under way, record them, and leave every run resumable."""
        assert self._dispatcher is not None, "entered before it is left"
        self._dispatcher.cancel()
        if self._timer is not None:
            self._timer.cancel()
        await asyncio.sleep(0)  # a task that is cancelled before it began would keep its run from everybody
        serving = dict(self._serving)
        for run, task in serving.items():
            if run in self._residents:
                self._residents[run].stop("closed")
            else:
                task.cancel()
        await asyncio.gather(self._dispatcher, *serving.values(), return_exceptions=True)

    async def drain(self, within: float | None = None) -> bool:
        """Take up no run any more and let acts under way finish; False when some go on after `within` s.

        Visits and calls at work come to their ends and are recorded, and nothing follows them here: the
        runs go on in another process, or when this host is opened again. Without `within` it waits for
        as long as they take. Starting a run is refused from now on, unless it is detached.
        """
        self._draining = True
        for execution in list(self._residents.values()):
            execution.leave()
        try:
            async with asyncio.timeout(within):
                while self._serving:
                    await asyncio.wait(list(self._serving.values()))
        except TimeoutError:
            return False
        return True

    # -- workflows --------------------------------------------------------------------------------

    def register(self, definition: Definition) -> None:
        """Let this process serve runs of a workflow version, and the child runs that they start."""
        self._definitions[definition.version] = definition
        for part in definition.workflows:
            self.register(part)
        self._bell.set()

    @property
    def definitions(self) -> Mapping[str, Definition]:
        """The versions served here, what asks for approvals of commands among them."""
        return self._definitions

    async def enter(self, definition: Definition, principal: Principal) -> None:
        """Register a version here and in the tenant's log."""
        if (principal.tenant, definition.version) in self._entered:
            return
        for part in definition.workflows:
            await self.enter(part, principal)
        self.register(definition)
        pins = canonical(definition.pins).decode()
        row = VersionRow(
            definition.version,
            principal.tenant,
            definition.name,
            definition.source,
            pins,
            self.clock.now(),
            canonical(definition.about).decode(),
        )
        await self.store.register(row, principal.id)
        self._entered.add((principal.tenant, definition.version))

    # -- runs -------------------------------------------------------------------------------------

    async def start(
        self,
        definition: Definition,
        value: object,
        *,
        principal: Principal,
        key: str | None = None,
        requested_at: int | None = None,
        detach: bool = False,
        chosen: Chosen | None = None,
    ) -> Created:
        """Start a run, or give the one that has this business key; durable when it returns.

        With `detach` it is left to whichever process serves the workflow; so it is where whoever starts it is
        called off before this returns, once that is on its way to disk. `chosen` is how its version was
        found by the workflow's name: raises `ChangedError` when another one was deployed meanwhile.
        """
        if self._draining and not detach:
            msg = "this process takes up no run any more: it is being drained"
            raise RefusedError(msg, remedy="start it detached, or in another process")
        principal.check_scope("run.start", definition.name)
        definition.check_input(value)
        while True:
            try:
                return await self._start(
                    definition,
                    value,
                    principal=principal,
                    key=key,
                    requested_at=requested_at,
                    chosen=chosen,
                    own=not detach,
                )
            except OutdatedError:
                self.store.rights.fresh(principal.tenant)

    async def _start(
        self,
        definition: Definition,
        value: object,
        *,
        principal: Principal,
        key: str | None,
        requested_at: int | None,
        chosen: Chosen | None,
        own: bool,
    ) -> Created:
        """Start a run by the rights that are known here; raises `OutdatedError` where these have changed."""
        under = (principal.tenant, self.store.rights.of(principal.tenant).head)
        run = new_id() if chosen is None else chosen.run
        by = await admitted(self.store, definition, principal, key or run)
        await self.enter(definition, by)
        keys = self.store.new_key(bytes.fromhex(run))
        data = encode(value)
        commitment = keys[1].commit(data)
        at = self.clock.now() if requested_at is None else requested_at
        stage = None if chosen is None else chosen.deployment.stage
        new = NewRun(
            run,
            principal.tenant,
            definition.name,
            definition.version,
            principal.id,
            key,
            at,
            stage=stage,
            under=under,
        )
        body = await first_event(self.store, definition, new, commitment.hex(), begun(by))
        if chosen is not None:
            body["deployed"] = chosen.document()
        created = await self.store.create(
            new, keys, [("run.started", "", body)], [(commitment, data)], own=own
        )
        if created.lease is not None:
            first = Event(run, 1, GENESIS, at, created.lease.epoch, "run.started", "", body)
            given = Value(commitment.hex(), data)
            execution = Execution(
                self.store, self.clock, definition, created.lease, created.row, events=[first], fresh=given
            )
            self._serve(run, execution)
        return created

    def _serve(self, run: str, execution: Execution | None) -> None:
        self._serving[run] = asyncio.create_task(self._residency(run, execution))

    async def _residency(self, run: str, execution: Execution | None) -> None:
        try:
            execution = execution or await self._take(run)
            if execution is not None:
                await self._run(execution)
        except StoreError as error:
            self._lose(run)
            log.error("run stopped", run=run, error=str(error))  # noqa: TRY400 - the message says it all
        finally:
            if run in self._leaving_late or len(self._serving) >= self._resident_limit:
                self._leaving_late.discard(run)
                self._bell.set()
            self._residents.pop(run, None)
            self._serving.pop(run, None)
            for waiter in self._resting.pop(run, ()):
                if not waiter.done():
                    waiter.set_result(execution)

    async def _take(self, run: str) -> Execution | None:
        definition = await self._definition(await self.store.run(run))
        if definition is None and not self._overdue(run):
            return None
        taken = await self.store.acquire(run)
        self._lost.discard(run)
        if taken is None:
            self._look_again(run)
            return None
        if definition is None:
            detail = f"no process serves version {taken.row.version[:12]} of {taken.row.workflow}"
            await self.store.release(taken.lease, "needs_version", detail)
            return None
        return Execution(self.store, self.clock, definition, taken.lease, taken.row, events=taken.events)

    def _overdue(self, run: str) -> bool:
        """Tell whether a run that this process cannot serve was left to others for long enough."""
        now = asyncio.get_running_loop().time()
        since = self._unserved.setdefault(run, now)
        if self.loading or now - since < UNSERVED_SECONDS:
            self._look_again(run)
            return False
        del self._unserved[run]
        return True

    async def _definition(self, row: RunRow) -> Definition | None:
        if row.version in self._definitions:
            return self._definitions[row.version]
        for version in await self.store.compatible(row.tenant, row.version):
            if version in self._definitions:
                return self._definitions[version]
        return None

    async def _run(self, execution: Execution) -> None:
        lease = execution.lease
        if self._draining:
            await self.store.release(lease, "running")
            return
        self._residents[lease.run] = execution
        self._lost.discard(lease.run)
        WITHIN_RUN.set(True)  # of this task, and of whatever it starts
        try:
            rest = await execution.advance()
        except Exception as error:  # a defect of ours stops this run and no other
            log.exception("run blocked by a defect", run=lease.run)
            rest, execution.detail = "blocked", f"{type(error).__name__}: {error}"
        if rest == "blocked":
            log.warning("run blocked", run=lease.run, detail=execution.detail)
            await self.store.release(lease, "blocked", execution.detail)
        elif rest == "closed":
            await self.store.release(lease, "running")
        elif rest == "lost":
            self._lose(lease.run)
            if lease.failure is not None:
                log.error("run stopped", run=lease.run, error=str(lease.failure))

    def _lose(self, run: str) -> None:
        self._lost.add(run)
        self._look_again(run)

    def _look_again(self, run: str) -> None:
        """Have a run looked at again in a while, even if nothing is committed until then."""
        self._elsewhere[run] = asyncio.get_running_loop().time()
        self._bell.set()  # the dispatcher may be waiting for a ring alone

    async def outcome(self, run: str) -> Outcome:
        """Wait until a run has ended and give its outcome."""
        while run in self._serving:
            execution = await self._departure(run)
            if execution is not None and execution.outcome is not None:
                return held(execution.outcome)
        row = await self.rest(run, ended=True)
        last = (await self.store.events(run, after=row.head_seq - 1))[-1]

        def stored(ref: str) -> Value:  # loaded at once, as above
            return Value(ref, self.store.payload(run, ref))

        return outcome_from(last.body["outcome"], last.seq, stored)

    async def rest(self, run: str, *, ended: bool = False) -> RunRow:
        """Wait until a run has ended or, unless `ended`, waits, is paused, blocked or needs a version."""
        while True:
            if run in self._serving:
                await self._departure(run)
            row = await self.store.run(run)
            if row.ended or (not ended and not row.going):
                return row
            await asyncio.sleep(0 if run in self._serving else ELSEWHERE_SECONDS)

    async def _departure(self, run: str) -> Execution | None:
        waiter: asyncio.Future[Execution | None] = asyncio.get_running_loop().create_future()
        self._resting.setdefault(run, []).append(waiter)
        return await waiter

    # -- dispatch ---------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        failed = False
        while True:
            again = failed or self._elsewhere or self._lost
            try:
                async with asyncio.timeout(OTHERS_SECONDS if again else None):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()
            failed = False
            try:
                await self._look()
            except StoreError as error:
                failed = True
                log.error("cannot look for work", error=str(error))  # noqa: TRY400 - the message says it all
            await asyncio.sleep(COALESCE_SECONDS)

    async def _look(self) -> None:
        now = self.clock.now()
        self._arm(now, await self.store.fire_timers(now))
        for run in await self.store.unfolded():
            execution = self._residents.get(run)
            if execution is not None:
                await execution.fold()
        recent = asyncio.get_running_loop().time() - OTHERS_SECONDS
        self._elsewhere = {run: at for run, at in self._elsewhere.items() if at > recent}
        free = self._resident_limit - len(self._serving)
        if free <= 0 or self._draining:
            return
        ready = await self.store.ready(tuple(self._definitions), free + len(self._elsewhere))
        for run in (*self._lost, *ready):
            if run in self._serving:
                self._leaving_late.add(run)
            elif run not in self._elsewhere:
                self._serve(run, None)

    def _arm(self, now: int, due: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            wait = max(0.0, (due - now) / MICROSECONDS)
            self._timer = asyncio.get_running_loop().call_later(wait, self._bell.set)

    def ring(self) -> None:
        """Look for work now; for whoever turned the clock."""
        self._bell.set()

    def statistics(self) -> Mapping[str, Any]:
        """Give how much is resident here."""
        return {"resident": len(self._residents), "versions": len(self._definitions)}
