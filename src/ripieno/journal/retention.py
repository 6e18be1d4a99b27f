"""What is kept, for how long, and what is not any more: rows and what a store does about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from ripieno.journal.records import RunRow

__all__ = ["HOLDABLE", "Doomed", "Erasure", "HoldRow", "Holdable", "RetentionRow", "RetentionStore"]

Holdable = Literal["run", "key", "workflow", "tenant"]
HOLDABLE: Final[tuple[str, ...]] = get_args(Holdable)


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """For how long a class of data is kept once its run has ended, in microseconds."""

    data: str
    """A class of data, or `*` for runs of which no class has a time of its own."""
    keep: int | None
    """After this the run is erased; None where nothing says so."""
    at_least: int | None
    """Before this it is not, whatever shorter time another class has; None where nothing says so."""
    by: str


@dataclass(frozen=True, slots=True)
class Doomed:
    """A run whose values are to be erased, and what cannot be undone any more after that."""

    run: str
    lost: Sequence[tuple[str, str]] = ()
    """Path and tool of each effect that stands and could have been undone."""
    part_of: str | None = None
    """The run that is erased, where this one is erased with it."""
    rule: RetentionRow | None = None
    """By which its time is over, where it is erased for that: it is looked at again in the same commit."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """That the values of a run were erased: by whom, when and why."""

    run: str
    tenant: str
    by: str
    at: int
    reason: str
    """Commitment of the reason, in the tenant's stream."""


@dataclass(frozen=True, slots=True)
class HoldRow:
    """What may not be erased, by whose word, since when and why."""

    tenant: str
    what: Holdable
    name: str
    """A run's id, a business key, a workflow's or tenant's name."""
    by: str
    at: int
    reason: str
    """Commitment of the reason, in the tenant's stream."""


class RetentionStore(ABC):
    """What a store does about what is kept, and what is not any more."""

    @abstractmethod
    async def erase(self, tenant: str, doomed: Sequence[Doomed], *, by: str, reason: str) -> int:
        """Destroy the values and the keys of runs that have ended, with an event each; give how many values.

        All of them, or none. Raises `RefusedError` where one has not ended, is erased already, is being
        undone, or is under a hold.
        """

    @abstractmethod
    async def scrub(self) -> bool:
        """Take what was erased out of every free byte of the store's files.

        False while somebody else reads what was committed before: to be tried again.
        """

    @abstractmethod
    def erasure(self, run: str) -> Erasure | None:
        """Give when and why the values of a run were erased; None where they were not."""

    @abstractmethod
    def erased_since(self, at: int) -> Sequence[Erasure]:
        """Give what was erased at or after a time, in all tenants, oldest first.

        Whoever puts an older copy of the store in its place has to erase that anew.
        """

    @abstractmethod
    def reason_of(self, tenant: str, commitment: str) -> str:
        """Give a reason that is kept in a tenant's stream; raises `StoreError` when it is gone."""

    @abstractmethod
    async def hold(self, tenant: str, what: Holdable, name: str, *, by: str, reason: str) -> bool:
        """Let nothing of what is named be erased, with an event; False when it was held already."""

    @abstractmethod
    async def unhold(self, tenant: str, what: Holdable, name: str, *, by: str, reason: str) -> bool:
        """Let it be erased again, with an event; False when it was not held."""

    @abstractmethod
    def holds(self, tenant: str) -> Sequence[HoldRow]:
        """Give what is held, oldest first."""

    @abstractmethod
    def held(self, run: str) -> Sequence[HoldRow]:
        """Give the holds that keep a run from being erased, oldest first."""

    @abstractmethod
    async def set_retention(self, tenant: str, row: RetentionRow, reason: str) -> bool:
        """Say for how long a class of data is kept, with an event; False when it was so already."""

    @abstractmethod
    async def clear_retention(self, tenant: str, data: str, *, by: str, reason: str) -> bool:
        """Say it no more, with an event; False when nothing was said."""

    @abstractmethod
    def retention(self, tenant: str) -> Sequence[RetentionRow]:
        """Give for how long each class of data is kept, by class."""

    @abstractmethod
    def over(
        self, tenant: str, version: str, before: int, limit: int, after: tuple[int, str] = (0, "")
    ) -> Sequence[RunRow]:
        """Give runs of a version that ended before a time and are not erased, the oldest first.

        `after`: end and id of the last one that was given before.
        """

    @abstractmethod
    def unerased(self, tenant: str, limit: int) -> Sequence[str]:
        """Give runs of a tenant whose values are there."""

    @abstractmethod
    async def delete_tenant(self, tenant: str, *, by: str, reason: str) -> int:
        """Destroy what a tenant's own stream holds, and let nothing be done in it any more; count the values.

        With an event as its last, and one in the system's stream. Raises `NotFoundError`, and `RefusedError`
        where anything of it is held, a run of it is not erased, or it is deleted already.
        """

    @abstractmethod
    def descended(self, run: str) -> Sequence[RunRow]:
        """Give the runs that began from another: its child runs, what it was forked or retried to."""
