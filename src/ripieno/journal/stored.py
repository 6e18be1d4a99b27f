"""What a store shows to a verification: everything as stored, in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ripieno.journal.keys import StreamKey
from ripieno.journal.records import RunRow
from ripieno.proof.notes import Verifier
from ripieno.proof.restores import Restore

__all__ = [
    "StoredCheckpoint",
    "StoredClaim",
    "StoredCounts",
    "StoredDecision",
    "StoredErasure",
    "StoredEvent",
    "StoredIntent",
    "StoredLeaf",
    "StoredMonth",
    "StoredRate",
    "StoredReplay",
    "StoredReservation",
    "StoredSink",
    "StoredStream",
    "Verifiable",
]


class StoredEvent(NamedTuple):
    """An event with the columns that stand beside its envelope."""

    position: int
    """Place in the whole log."""
    stream: str
    seq: int
    kind: str
    envelope: bytes


class StoredStream(NamedTuple):
    """The row of a run or tenant, as far as it speaks of its events."""

    id: str
    name: str
    """What it is called: `run 4c1e07`, `tenant default`."""
    head_seq: int
    head_hash: str
    row: RunRow | None
    """None for a tenant."""


class StoredCounts(NamedTuple):
    """How many rows the tables have for a run."""

    run: str
    claims: int
    questions: int
    folded: int
    """Messages that were taken into its chain."""
    failed: int
    """Calls that failed or are in doubt."""


class StoredClaim(NamedTuple):
    """The row of an attempt at a call."""

    epoch: int
    tool: str | None
    """None for one from before there was such a column."""


class StoredReplay(NamedTuple):
    """From where a run's row says that replay starts."""

    after: int
    needed: str
    """JSON: the events before it that are read as well."""


class StoredDecision(NamedTuple):
    """A row of what was decided outside runs."""

    table: str
    tenant: str
    key: tuple[str, ...]
    """What names the row within its tenant."""
    columns: dict[str, Any]
    """The rest of it, as far as events tell of it."""


class StoredMonth(NamedTuple):
    """What a tenant, or a team of it, has spent in a month, in millionths of a US dollar."""

    tenant: str
    team: str
    month: str
    cost: int
    alerted: int
    """The largest share of its budget that was told of, in per cent."""


class StoredIntent(NamedTuple):
    """A claim, as far as it counts by its rate."""

    tenant: str
    principal: str
    place: str
    envelope: bytes


class StoredRate(NamedTuple):
    """How fast a principal has called a tool."""

    tenant: str
    principal: str
    tool: str
    paid_at: int


class StoredReservation(NamedTuple):
    """What is reserved for a call."""

    run: str
    path: str
    cost: int
    tenant: str
    team: str


class StoredCheckpoint(NamedTuple):
    """What was signed of the log at one moment."""

    number: int
    size: int
    """How many leaves the log had."""
    at: int
    """Microseconds since 1970-01-01 UTC, by the clock of whoever signed."""
    note: str


class StoredLeaf(NamedTuple):
    """A leaf of the tree over the log, and the event that stands where it says."""

    leaf: int
    position: int
    stream: str
    seq: int
    hash: bytes
    """SHA-256 of the event."""
    event: StoredEvent | None


class StoredSink(NamedTuple):
    """What became of publishing checkpoints to a place outside the store."""

    sink: str
    number: int | None
    """The last checkpoint that it has; None where it has none yet."""
    at: int | None
    """When it got it."""
    failed_at: int | None
    """Since when it cannot be reached; None where it can."""
    problem: str | None


class StoredErasure(NamedTuple):
    """That the values of a stream were erased."""

    keyed: bool
    """True where its key is there all the same."""
    by: str
    """By whom, as its row says."""


class Verifiable(Protocol):
    """A snapshot of a store. Any method may raise `StoreError` where the store cannot be read."""

    def damage(self) -> Iterator[str]:
        """Give what the database itself finds wrong with its file."""
        ...

    def gaps(self) -> Iterator[range]:
        """Give the positions at which an event once stood and none does now."""
        ...

    def streams(self) -> Iterator[StoredStream]:
        """Give every run and tenant, by id of their streams."""
        ...

    def events(self, stream: str | None = None) -> Iterator[StoredEvent]:
        """Give the events of one stream or of all, by stream and seq."""
        ...

    def values(self, stream: str) -> Iterator[tuple[str, bytes]]:
        """Give commitment and sealed bytes of every value of a stream."""
        ...

    def wrapped_by_another(self, stream: str) -> str | None:
        """Say by which master key a stream's key is wrapped, where another took its place."""
        ...

    @property
    def keeps_books(self) -> bool:
        """Tell whether there are books of monthly budgets."""
        ...

    def owners(self) -> Mapping[tuple[str, str], str]:
        """Give which team has which version, by tenant and version; those without are left out."""
        ...

    keeps_rates: bool
    """True where calls say under which rate they were made."""

    def rates(self) -> Iterator[StoredRate]:
        """Give how fast principals have called tools."""
        ...

    def intents(self) -> Iterator[StoredIntent]:
        """Give all claims in the order in which they were made."""
        ...

    def months(self) -> Iterator[StoredMonth]:
        """Give the books of monthly budgets."""
        ...

    def reservations(self) -> Iterator[StoredReservation]:
        """Give what is reserved in them."""
        ...

    def strays(self) -> Iterator[str]:
        """Give the streams that have values but neither run nor tenant."""
        ...

    def holds(self, stream: str, commitment: str) -> bool:
        """Tell whether a value is there."""
        ...

    def key(self, stream: str) -> StreamKey:
        """Give the key of a stream; raises `StoreError` when it is gone or was changed."""
        ...

    def erased(self, stream: str) -> StoredErasure | None:
        """Tell whether the values of a stream were erased, as the tables have it."""
        ...

    def counts(self) -> Iterator[StoredCounts]:
        """Give how many rows there are for each run that has any, by id of the run."""
        ...

    def claim(self, run: str, path: str, attempt: int) -> StoredClaim | None:
        """Give the row of an attempt at a call; None where it has none."""
        ...

    def failed_call(self, run: str, path: str) -> dict[str, Any] | None:
        """Give the row of a call that failed or is in doubt, by column."""
        ...

    def replay(self, run: str) -> StoredReplay:
        """Give from where the row of a run says that replay starts."""
        ...

    def question(self, question: str) -> dict[str, Any] | None:
        """Give the row of a question by column, as far as events tell of it."""
        ...

    def message(self, message: str) -> dict[str, Any] | None:
        """Give the row of a message by column, as far as events tell of it."""
        ...

    def coming(self, question: str) -> Iterator[dict[str, Any]]:
        """Give the messages about a question not taken in yet, in order: `kind`, `by`, `for` and `at`."""
        ...

    def unvouched(self, run: str, key: StreamKey) -> Iterator[str]:
        """Name the messages not taken in yet that nobody who holds the run's key has written so."""
        ...

    def unfounded(self) -> Iterator[tuple[str, str]]:
        """Give the questions whose rows speak against themselves or each other: run, and problem.

        No message closed them, a run still asks them that has ended, or their numbers do not follow
        each other as they were asked.
        """
        ...

    def decisions(self) -> Iterator[StoredDecision]:
        """Give the rows of what was decided outside runs, of all tenants."""
        ...

    # -- the tree over the log, and what was signed of it ----------------------------------------------

    def leaves(self) -> Iterator[StoredLeaf]:
        """Give the leaves in their order, each with the event at its place."""
        ...

    def unsequenced(self, first: int, last: int) -> Iterator[str]:
        """Name the events that stand from one place of the log to another."""
        ...

    def named(self, stream: str, seq: int) -> str:
        """Give what an event is called: `run 4c1e07, event 12`."""
        ...

    def tree_nodes(self) -> Iterator[tuple[int, list[bytes]]]:
        """Give the hashes of whole subtrees that are kept, by level."""
        ...

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """Give what was signed, in order."""
        ...

    def sinks(self) -> Iterator[StoredSink]:
        """Give what is known of where checkpoints were published."""
        ...

    def public_key(self) -> Verifier | None:
        """Give the key by which checkpoints of this folder are checked; raises `NoteError` for none."""
        ...

    def successions(self) -> Sequence[str]:
        """Give what the log says of keys that took the place of others, as notes."""
        ...

    def restores(self, key: Verifier) -> Sequence[Restore]:
        """Give what the log says of having been put back from a backup, signed by its key."""
        ...

    def latest(self) -> Iterator[str]:
        """Give the newest checkpoint as it stands beside the store, if it does."""
        ...
