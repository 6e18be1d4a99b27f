"""By which master keys the keys of runs and tenants are wrapped: rows and what a store does about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ripieno.model.event import Json

__all__ = ["MasterRow", "MasterState", "MasterStore", "Rewrapped"]

MasterState = Literal["rewrapping", "settled"]


@dataclass(frozen=True, slots=True)
class MasterRow:
    """A master key that has taken the place of another; of the first one there is no row."""

    id: str
    generation: int
    """2 for the first that took another's place."""
    before: str
    """The id of the one whose place it takes."""
    state: MasterState
    """`rewrapping` while anything may be wrapped by the one before."""
    by: str


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What one portion came to."""

    looked: int
    """How many were looked at; 0 when there are no more."""
    last: str
    """The last one: a run's id or a tenant's name."""
    earlier: bool
    """True where what had wrapped any of them was not named in it, as earlier versions wrote."""
    broken: Sequence[str] = ()
    """Those that cannot be unwrapped, and why."""


class MasterStore(ABC):
    """What a store does to have another master key."""

    @abstractmethod
    def masters(self) -> Sequence[MasterRow]:
        """Give the master keys that took another's place, in their order."""

    @abstractmethod
    async def renew_master(self) -> str:
        """Read the file of the master key again, and give the id of the one that wraps, in hexadecimal."""

    @abstractmethod
    async def begin_rotation(self, row: MasterRow, body: Mapping[str, Json], reason: str) -> None:
        """Wrap every new key by another master key from now on, with an event.

        The file holds both. Raises `RefusedError` where another rotation has begun.
        """

    @abstractmethod
    async def rewrap_runs(self, after: str, limit: int) -> Rewrapped:
        """Wrap the keys of up to `limit` runs behind one by the newest master key, in one commit."""

    @abstractmethod
    async def rewrap_tenants(
        self, after: str, limit: int, body: Mapping[str, Json], reason: str
    ) -> Rewrapped:
        """Do the same for tenants, with an event in each one's log."""

    @abstractmethod
    def ended_behind(self, after: str, limit: int) -> Sequence[str]:
        """Give runs that have ended and are not erased, behind one, in their order."""

    @abstractmethod
    async def encrypt_anew(self, run: str, number: int) -> tuple[int, Sequence[bytes]] | None:
        """Encrypt all values of a run that has ended by another secret, in one commit.

        None where that was done in the round with this number, or it holds nothing. Gives how many values
        there were, and pieces of what stood there before. Raises `StoreError` for one that was changed.
        """

    @abstractmethod
    async def scrub_values(self, before: Sequence[bytes] | None) -> bool:
        """Take what values were before they were encrypted anew out of every free byte of the store's files.

        None where that is not known any more. False while somebody else reads what was committed before.
        """

    @abstractmethod
    def wrapped_by_others(self) -> Mapping[str, int]:
        """Give how many keys of `runs` and `tenants` another than the newest master key has wrapped."""

    @abstractmethod
    def wrapped(self) -> Mapping[str, int]:
        """Give how many keys of `runs` and `tenants` there are."""

    @abstractmethod
    async def scrub_rewrapped(self, before: str | None) -> bool:
        """Take what the master key with this id has wrapped out of every free byte of the store's files.

        None where that cannot be known by its id. False while somebody else reads what was committed before.
        """

    @abstractmethod
    async def end_rotation(self, row: MasterRow, body: Mapping[str, Json]) -> None:
        """Record that nothing is wrapped by the one before any more, and that it was destroyed."""
