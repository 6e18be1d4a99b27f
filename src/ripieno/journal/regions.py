"""In which region a tenant is kept and served: what a store does about it, and what a process knows of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ripieno.model.errors import StoreError

__all__ = ["Found", "Pin", "RegionStore", "Regions"]


@dataclass(frozen=True, slots=True)
class Pin:
    """That a tenant is in one region alone."""

    tenant: str
    region: str
    by: str
    """The principal's id."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to know of regions at one moment."""

    pins: Mapping[str, Pin]
    """By tenant."""
    storage: str | None
    """In which region the store is, by what it says itself; None where it does not say."""


class Regions:
    """Which tenants are pinned, kept in memory and read again whenever the store may have changed."""

    __slots__ = ("_changed", "_found", "_read", "standing")

    def __init__(self, read: Callable[[], Found], changed: Callable[[], None]) -> None:
        """Call `changed` whenever decisions may be others than before."""
        self._read = read
        self._changed = changed
        self._found: Found = Found({}, None)
        self.standing = False
        """True while any tenant is pinned: the one thing that is looked at before each decision."""

    @property
    def storage(self) -> str | None:
        """In which region the store is, by what it says itself."""
        return self._found.storage

    def of(self, tenant: str) -> Pin | None:
        """Tell where a tenant is pinned; None for one that is not."""
        return self._found.pins.get(tenant)

    def refresh(self) -> None:
        """Look again; raises `StoreError`."""
        found: Found = self._read()
        if found != self._found:
            self._found = found
            self.standing = bool(found.pins)
            self._changed()

    def look(self) -> None:
        """Look again if that is possible; where it is not, nothing can be claimed either."""
        with suppress(StoreError):
            self.refresh()


class RegionStore(ABC):
    """The part of a store that knows in which region tenants are."""

    @property
    @abstractmethod
    def regions(self) -> Regions:
        """Where tenants are pinned, as this process knows it."""

    @abstractmethod
    async def pin(self, tenant: str, region: str, *, by: str, reason: str) -> bool:
        """Keep and serve a tenant in one region alone, with an event; False when it was so.

        Raises `RefusedError` where this store does not say that it is there.
        """

    @abstractmethod
    async def unpin(self, tenant: str, *, by: str, reason: str) -> bool:
        """Let it be in any region, with an event; False when it was so."""
