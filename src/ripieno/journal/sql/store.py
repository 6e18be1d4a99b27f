"""What the stores of both databases have in common: one writer, one reader, and all operations."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from ripieno.journal.budgets import Short
from ripieno.journal.deployments import Roll
from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.records import (
    Draft,
    Lease,
    Message,
    NewRun,
    QuestionState,
    RunStatus,
    VersionRow,
)
from ripieno.journal.regions import Regions
from ripieno.journal.rights import Rights
from ripieno.journal.sql import deployments, drains, inbox, modes, ownership, tasks, tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.books import wake_due
from ripieno.journal.sql.budgets import SqlBudgets
from ripieno.journal.sql.database import Owners, Reader
from ripieno.journal.sql.deployed import SqlDeployments
from ripieno.journal.sql.document_store import SqlDocuments
from ripieno.journal.sql.identities import SqlIdentities
from ripieno.journal.sql.master_store import SqlMasters
from ripieno.journal.sql.memory_store import SqlMemories
from ripieno.journal.sql.ownership import Taken
from ripieno.journal.sql.policy_store import SqlPolicies
from ripieno.journal.sql.reads import SqlReads
from ripieno.journal.sql.regions import SqlRegions
from ripieno.journal.sql.rekeying import newly_wrapped
from ripieno.journal.sql.retention_store import SqlRetention
from ripieno.journal.sql.stops import SqlStops
from ripieno.journal.sql.writer import Writer
from ripieno.journal.stops import Stops
from ripieno.journal.store import Created, Payloads, Replayable
from ripieno.journal.tasks import Absence, Holding
from ripieno.model.errors import StoreError
from ripieno.model.event import Json, Kind
from ripieno.model.gate import Gate
from ripieno.model.mode import Mode
from ripieno.model.stop import Stop
from ripieno.model.value import encode

__all__ = ["SqlStore"]


class SqlStore(
    SqlIdentities,
    SqlDeployments,
    SqlStops,
    SqlBudgets,
    SqlRetention,
    SqlMemories,
    SqlMasters,
    SqlReads,
    SqlPolicies,
    SqlDocuments,
    SqlRegions,
):
    """A store whose tables are in a database; who opens it says in which.

    All writes go through the one thread of its writer.
    """

    home: Path
    """The data folder: the keys are in it, and policies."""
    gate: Gate
    _master: MasterKey
    _owners: Owners
    _reader: Reader
    _writer: Writer
    _stops: Stops
    _rights: Rights
    _roll: Roll

    def _follow(self) -> None:
        """Know from here on what decisions depend on beside policies."""
        self._stops = Stops(self._standing)
        self._rights = Rights(self._directed)
        self._roll = Roll(self._retired, self._rights.touch)
        self._regions = Regions(self._pins, self._storage_region(), self._rights.touch)
        self._roll.refresh()
        self._regions.refresh()
        self._stops.refresh()
        self.policy_book.refresh()

    @abstractmethod
    def described(self) -> str:
        """Say for people in which format it is, and how large, or where."""

    def refresh_rights(self) -> None:
        """Look at once at what decisions depend on beside policies; raises `StoreError`."""
        self._roll.refresh()
        self._regions.refresh()
        self._rights.refresh()

    def _look(self) -> None:
        self._stops.look()
        self._roll.look()
        self._regions.look()
        self._rights.look()

    @property
    def spell(self) -> int | None:
        """Number the time since which nobody else can have taken over what this process owns."""
        return self._owners.spell

    # -- appending --------------------------------------------------------------------------------

    def append(self, draft: Draft) -> None:
        """Queue an event for the next commit."""
        self._writer.append(draft)

    async def durable(self, draft: Draft) -> None:
        """Wait until `draft` is on disk, bounced or lost."""
        await self._writer.durable(draft)

    async def record(
        self,
        tenant: str,
        kind: Kind,
        body: Mapping[str, Json],
        *,
        path: str = "",
        reason: str | Mapping[str, object] | None = None,
    ) -> None:
        """Append an event to the tenant's own stream, a reason beside it."""

        def write(batch: Batch) -> None:
            why = {} if reason is None else {"reason": self._kept(batch, tenant, reason)}
            tenants.record(batch, self._master, tenant, (kind, path, {**body, **why}))

        await self._writer.perform(write)

    def _kept(self, batch: Batch, tenant: str, value: object) -> str:
        return tenants.keep(batch, self._master, tenant, encode(value))

    async def drain(self, tenant: str, workflow: str, by: str, reason: str) -> bool:
        """Let no new run of a workflow start; False when it was so already."""
        return await self._writer.perform(
            lambda batch: drains.drain(batch, self._master, (tenant, workflow), by, reason)
        )

    async def undrain(self, tenant: str, workflow: str, by: str, reason: str | None) -> bool:
        """Let new runs of a workflow start again; False when nothing kept them."""
        return await self._writer.perform(
            lambda batch: drains.undrain(batch, self._master, (tenant, workflow), by, reason)
        )

    # -- runs and their owners --------------------------------------------------------------------

    def new_key(self, stream: bytes) -> tuple[bytes, StreamKey]:
        """Give a new key for a run, wrapped and ready for use."""
        return self._master.new(stream)

    async def create(
        self,
        new: NewRun,
        keys: tuple[bytes, StreamKey],
        started: Sequence[tuple[Kind, str, Mapping[str, Json]]],
        payloads: Payloads,
        *,
        own: bool,
    ) -> Created:
        """Create a run with its first events, or give the one that has its business key."""
        owner = self._owners.token if own else None

        def admit(batch: Batch) -> None:
            drains.admit(batch, self._master, new)
            deployments.admit(batch, new)

        return await self._writer.perform(
            lambda batch: ownership.create(
                batch,
                new,
                keys,
                started,
                tuple(payloads),
                owner=owner,
                wrap=lambda keys: newly_wrapped(batch, self._master, keys),
                admit=lambda: admit(batch),
            ),
            fresh=True,
            unheard=ownership.give_back,
        )

    async def acquire(self, run: str, *, idle: bool = False) -> Replayable | None:
        """Become the owner of a run that has none alive; None when it has one or has ended."""
        taken: Taken | None = await self._writer.perform(
            lambda batch: ownership.acquire(batch, run, self._owners, self._master, idle=idle),
            unheard=ownership.give_back,
        )
        if taken is None:
            return None
        try:
            events = self._replayed(run, taken.after, taken.needed)
        except StoreError as error:  # nobody would run it, and nobody else could take it over
            await self.release(taken.lease, "blocked", error.message)
            raise
        return Replayable(taken.lease, taken.row, events, taken.row.epoch)

    async def fold(self, lease: Lease) -> tuple[Sequence[Message], int]:
        """Take the inbox into the chain, in order."""
        return await self._writer.perform(lambda batch: inbox.fold(batch, lease))

    async def park(
        self, lease: Lease, seen: int, status: RunStatus = "waiting", *, held: Sequence[Stop | Short] = ()
    ) -> bool:
        """Give up a run that waits, is paused or held, unless the inbox holds more than `seen`."""
        parked = await self._writer.perform(lambda batch: ownership.park(batch, lease, seen, status, held))
        if held and not parked:
            self._stops.refresh()
        return parked

    async def release(self, lease: Lease, status: RunStatus, detail: str | None = None) -> None:
        """Give up a run that is not waiting."""
        await self._writer.perform(lambda batch: ownership.release(batch, lease, status, detail))

    async def repin(self, run: str, version: str, by: str) -> None:
        """Record that a run goes on under another version of its workflow."""
        await self._writer.perform(
            lambda batch: ownership.repin(
                batch, run, version, by=by, owners=self._owners, master=self._master
            )
        )

    # -- the inbox --------------------------------------------------------------------------------

    async def send(
        self,
        message: Message,
        payloads: Payloads = (),
        *,
        closes: QuestionState | None = None,
        revision: int | None = None,
    ) -> None:
        """Put a message into a run's inbox, closing its question in the same commit."""
        await self._writer.perform(
            lambda batch: inbox.send(
                batch, self._master, message, tuple(payloads), closes=closes, revision=revision
            )
        )

    async def fire_timers(self, now: int) -> int | None:
        """Send the messages of all timers and reminders that are due; give the time of the next, if any."""
        due = self.next_timer()
        if due is not None and due <= now:
            await self._writer.perform(lambda batch: self._fire(batch, now))
        return self.next_timer()

    def _fire(self, batch: Batch, now: int) -> None:
        inbox.fire(batch, self._master, now)
        wake_due(batch.connection, now)
        tasks.remind(batch, self._master, now)  # of what has just expired nobody is reminded

    # -- tasks ------------------------------------------------------------------------------------

    async def move(
        self, message: Message, payloads: Payloads = (), *, change: tuple[int, Holding] | None = None
    ) -> None:
        """Record what was done with a task short of answering it, without waking its run."""
        await self._writer.perform(
            lambda batch: tasks.move(batch, self._master, message, tuple(payloads), change)
        )

    async def set_absence(self, absence: Absence) -> None:
        """Record that somebody is away, in the tenant's stream."""
        await self._writer.perform(lambda batch: tasks.set_absence(batch, self._master, absence))

    async def clear_absence(self, absence: Absence, by: str) -> None:
        """Record that an absence does not count any more."""
        await self._writer.perform(lambda batch: tasks.clear_absence(batch, self._master, absence, by))

    # -- versions ---------------------------------------------------------------------------------

    async def register(self, version: VersionRow, by: str) -> bool:
        """Enter a version of a workflow; False when it was there already."""
        return await self._writer.perform(lambda batch: tenants.register(batch, self._master, version, by))

    async def set_mode(
        self, version: VersionRow, participant: str, mode: Mode, *, by: str, reason: str | None = None
    ) -> None:
        """Set the mode in which later runs of a version begin with a participant, with an event."""
        await self._writer.perform(
            lambda batch: modes.set_mode(batch, self._master, version, (participant, mode), (by, reason))
        )

    async def declare_compatible(self, tenant: str, old: str, new: str, by: str) -> None:
        """Let runs of version `old` go on with the code of version `new`."""
        await self._writer.perform(
            lambda batch: tenants.declare_compatible(batch, self._master, tenant, (old, new), by)
        )
