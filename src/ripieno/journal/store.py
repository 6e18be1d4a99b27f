"""What every store does: one append path, ownership, the inbox, and reads of what is committed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ripieno.journal.budgets import BudgetStore, Short
from ripieno.journal.deployments import DeploymentStore
from ripieno.journal.documents import DocumentStore
from ripieno.journal.identity import IdentityStore
from ripieno.journal.keys import StreamKey
from ripieno.journal.masters import MasterStore
from ripieno.journal.memory import MemoryStore
from ripieno.journal.policies import PolicyStore
from ripieno.journal.records import (
    Draft,
    DrainRow,
    Lease,
    Message,
    ModeRow,
    NewRun,
    QuestionRow,
    QuestionState,
    RunFilter,
    RunRow,
    RunStatus,
    VersionRow,
)
from ripieno.journal.regions import RegionStore
from ripieno.journal.retention import RetentionStore
from ripieno.journal.rights import RightsStore
from ripieno.journal.stops import StopStore
from ripieno.journal.tasks import Absence, Holding
from ripieno.model.event import Event, Json, Kind
from ripieno.model.gate import Gate
from ripieno.model.mode import Mode
from ripieno.model.stop import Stop

__all__ = ["Created", "Payloads", "Replayable", "Store"]

Payloads = Sequence[tuple[bytes, bytes]]
"""Pairs of commitment and encoded value."""


@dataclass(frozen=True, slots=True)
class Created:
    """What became of a request for a run."""

    row: RunRow
    lease: Lease | None
    """None when the run is someone else's, or when it existed already under the same business key."""
    existed: bool


@dataclass(frozen=True, slots=True)
class Replayable:
    """What a new owner needs: the lease, the row as it was, and the events that replay reads."""

    lease: Lease
    row: RunRow
    events: Sequence[Event]
    folded_epoch: int
    """The epoch before this one: intents up to it without a result are uncertain."""


class Store(
    MasterStore,
    IdentityStore,
    RightsStore,
    DeploymentStore,
    StopStore,
    BudgetStore,
    PolicyStore,
    RetentionStore,
    MemoryStore,
    DocumentStore,
    RegionStore,
    ABC,
):
    """The one log and the tables derived from it.

    Appends are handed over without waiting and become durable together, in order. Reads see only
    what is committed. Every method may raise `StoreError`.
    """

    gate: Gate
    """What decides about every act that goes to this log; whoever has the log has the gate."""

    # -- life -------------------------------------------------------------------------------------

    @abstractmethod
    async def open(self) -> None:
        """Open or create the store; raises `StoreError` when its format is not ours."""

    @abstractmethod
    async def close(self) -> None:
        """Write what is pending and give up every resource."""

    @abstractmethod
    def on_change(self, ring: Callable[[], None], *, own: bool = True) -> None:
        """Call `ring` on the event loop whenever someone, in any process, may have committed something.

        Without `own` a commit may pass unheard that did no more than begin, carry on and end runs of this
        process: it holds nothing that anybody waits for or has to take up.
        """

    @property
    @abstractmethod
    def spell(self) -> int | None:
        """Number the time since which nobody else can have taken over what this process owns.

        What was claimed in one is not to be sent in another. None while somebody may be doing so: its
        lease is over, and has not been renewed yet.
        """

    # -- appending --------------------------------------------------------------------------------

    @abstractmethod
    def append(self, draft: Draft) -> None:
        """Hand over an event; it is written after all that were handed over before it."""

    @abstractmethod
    async def durable(self, draft: Draft) -> None:
        """Wait until `draft` is on disk, bounced or lost; its `state` tells which."""

    @abstractmethod
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

    # -- runs and their owners --------------------------------------------------------------------

    @abstractmethod
    def new_key(self, stream: bytes) -> tuple[bytes, StreamKey]:
        """Give a new key for a run, wrapped and ready for use."""

    @abstractmethod
    async def create(
        self,
        new: NewRun,
        keys: tuple[bytes, StreamKey],
        started: Sequence[tuple[Kind, str, Mapping[str, Json]]],
        payloads: Payloads,
        *,
        own: bool,
    ) -> Created:
        """Create a run with its first events, or give the one that has its business key.

        With `own` this process becomes its first owner in the same commit. Whoever is called off meanwhile
        has it made all the same, and left to whoever looks for work.
        """

    @abstractmethod
    async def acquire(self, run: str, *, idle: bool = False) -> Replayable | None:
        """Become the owner of a run that has none alive; None when it has one or has ended.

        A process may take over from itself, unless `idle`: after its store failed, what it owned is read
        anew. A run whose events cannot be read is left `blocked`, and `StoreError` says what is wrong.
        Whoever is called off meanwhile leaves the run to whoever looks for work.
        """

    @abstractmethod
    async def fold(self, lease: Lease) -> tuple[Sequence[Message], int]:
        """Take the inbox into the chain, in order; give the messages and the count now seen."""

    @abstractmethod
    async def park(
        self, lease: Lease, seen: int, status: RunStatus = "waiting", *, held: Sequence[Stop | Short] = ()
    ) -> bool:
        """Give up a run that waits or is paused, unless the inbox holds more than `seen`; tell whether so.

        One that is `held` is `stopped`, unless one of these stops was released meanwhile.

        Once it was done the lease is lost, and nothing more is appended under it.
        """

    @abstractmethod
    async def release(self, lease: Lease, status: RunStatus, detail: str | None = None) -> None:
        """Give up a run that is not waiting: to be taken up again, blocked, or for want of its version."""

    @abstractmethod
    async def repin(self, run: str, version: str, by: str) -> None:
        """Record that a run goes on under another version of its workflow."""

    # -- the inbox --------------------------------------------------------------------------------

    @abstractmethod
    async def send(
        self,
        message: Message,
        payloads: Payloads = (),
        *,
        closes: QuestionState | None = None,
        revision: int | None = None,
    ) -> None:
        """Put a message into a run's inbox, closing its question in the same commit.

        Raises `RefusedError` when the run has ended or the question is no longer open, and `ChangedError`
        when the question is not any more with whom it was at this `revision`.
        """

    @abstractmethod
    async def move(
        self, message: Message, payloads: Payloads = (), *, change: tuple[int, Holding] | None = None
    ) -> None:
        """Record what was done with a task short of answering it, without waking its run.

        `change` is the revision that the sender saw, and whom the task is with from now on: raises
        `ChangedError` when somebody was first, and `RefusedError` when the task is not open.
        """

    @abstractmethod
    async def set_absence(self, absence: Absence) -> None:
        """Record that somebody is away, in the tenant's stream."""

    @abstractmethod
    async def clear_absence(self, absence: Absence, by: str) -> None:
        """Record that an absence does not count any more; raises `NotFoundError` when it is gone."""

    @abstractmethod
    async def absences(self, tenant: str, *, after: int) -> Sequence[Absence]:
        """Give the absences that are not over at `after`, by when they begin."""

    @abstractmethod
    async def fire_timers(self, now: int) -> int | None:
        """Send the messages of all timers and reminders that are due; give the time of the next, if any."""

    # -- reading ----------------------------------------------------------------------------------

    @abstractmethod
    async def ready(self, versions: Sequence[str], limit: int) -> Sequence[str]:
        """Give runs that could go on and have no live owner here: oldest first."""

    @abstractmethod
    async def run(self, run: str) -> RunRow:
        """Give a run; raises `NotFoundError`."""

    @abstractmethod
    async def find(self, tenant: str, text: str) -> RunRow:
        """Give the run with this id, business key, or end of id of at least four digits.

        Raises `NotFoundError`, or `InputError` when several fit and none has this very id.
        """

    @abstractmethod
    async def runs(self, wanted: RunFilter) -> Sequence[RunRow]:
        """List runs, newest first."""

    @abstractmethod
    def keyed(self, run: str, prefix: str) -> Sequence[RunRow]:
        """Give the runs of a run's workflow whose business key begins with `prefix` and its id, by key."""

    @abstractmethod
    def restored(self, runs: Sequence[str]) -> frozenset[str]:
        """Give which of these runs were put back from a backup, as their logs say."""

    @abstractmethod
    async def tenant_stream(self, tenant: str) -> str:
        """Give the id of a tenant's own stream; raises `NotFoundError` while nothing is recorded in it."""

    @abstractmethod
    async def events(self, run: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Give committed events of a run or tenant stream, in order."""

    @abstractmethod
    async def changes(self, tenant: str, *kinds: Kind) -> Sequence[Event]:
        """Give the events of a tenant's log by which what is served, or what decides, was changed.

        `kinds` are some of `workflow.registered`, `workflow.deployed`, `policy.kept`, `policy.deployed`
        and `policy.withdrawn`; it costs as much as there are of these, however long the log is.
        """

    @abstractmethod
    async def replayable(self, run: str) -> Sequence[Event]:
        """Give the events that a replay of the run would read, without taking it over."""

    @abstractmethod
    def sealed(self, run: str, commitment: str) -> bytes:
        """Give a value as stored, encrypted; raises `StoreError` when it is gone."""

    @abstractmethod
    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value; raises `StoreError` when it is gone or damaged."""

    @abstractmethod
    def key(self, run: str) -> StreamKey:
        """Give the key of a run, for committing to what is sent to it."""

    @abstractmethod
    async def unfolded(self) -> Sequence[str]:
        """Give the runs of this process whose inbox holds messages not yet folded."""

    @abstractmethod
    async def question(self, number: int) -> QuestionRow:
        """Give a question by its number; raises `NotFoundError`."""

    @abstractmethod
    async def questions(
        self, *, run: str | None = None, state: QuestionState | None = "open", tenant: str = "default"
    ) -> Sequence[QuestionRow]:
        """List questions to people, due first."""

    # -- drained workflows ------------------------------------------------------------------------

    @abstractmethod
    async def drain(self, tenant: str, workflow: str, by: str, reason: str) -> bool:
        """Let no new run of a workflow start; False when it was so already."""

    @abstractmethod
    async def undrain(self, tenant: str, workflow: str, by: str, reason: str | None) -> bool:
        """Let new runs of a workflow start again; False when nothing kept them."""

    @abstractmethod
    async def drained(self, tenant: str) -> Sequence[DrainRow]:
        """List the workflows of which no new run starts."""

    # -- versions ---------------------------------------------------------------------------------

    @abstractmethod
    async def register(self, version: VersionRow, by: str) -> bool:
        """Enter a version of a workflow; False when it was there already."""

    @abstractmethod
    async def versions(self, tenant: str, workflow: str | None = None) -> Sequence[VersionRow]:
        """List registered versions, newest first."""

    @abstractmethod
    async def set_mode(
        self, version: VersionRow, participant: str, mode: Mode, *, by: str, reason: str | None = None
    ) -> None:
        """Set the mode in which later runs of a version begin with a participant, with an event."""

    @abstractmethod
    async def modes(self, tenant: str, version: str) -> Sequence[ModeRow]:
        """Give the modes that are set for a version, by participant."""

    @abstractmethod
    async def declare_compatible(self, tenant: str, old: str, new: str, by: str) -> None:
        """Let runs of version `old` go on with the code of version `new`."""

    @abstractmethod
    async def compatible(self, tenant: str, old: str) -> Sequence[str]:
        """Give the versions declared able to serve runs of `old`."""
