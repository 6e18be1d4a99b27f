"""What a store shows to a verification: everything as stored, in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from ripieno.journal.keys import StreamKey
from ripieno.journal.records import RunRow

__all__ = [
    "StoredClaim",
    "StoredCounts",
    "StoredDecision",
    "StoredEvent",
    "StoredMonth",
    "StoredReplay",
    "StoredReservation",
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


class StoredReservation(NamedTuple):
    """What is reserved for a call."""

    run: str
    path: str
    cost: int


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

    @property
    def keeps_books(self) -> bool:
        """Tell whether there are books of monthly budgets."""
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
        """Give the messages about a question that were not taken in yet: `kind`, `by` and `for`, in order."""
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
