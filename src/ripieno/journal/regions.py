"""In which region a tenant is kept and served: what a store does about it, and what a process knows of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ripieno.model.errors import StoreError

__all__ = ["Pin", "RegionStore", "Regions"]


@dataclass(frozen=True, slots=True)
class Pin:
    """That a tenant is in one region alone."""

    tenant: str
    region: str
    by: str
    """The principal's id."""


class Regions:
    """Which tenants are pinned, kept in memory and read again whenever the store may have changed."""

    __slots__ = ("_changed", "_pins", "_read", "standing", "storage")

    def __init__(
        self, read: Callable[[], Mapping[str, Pin]], storage: str | None, changed: Callable[[], None]
    ) -> None:
        """Call `changed` whenever decisions may be others than before; `read` gives the pins by tenant."""
        self._read = read
        self._changed = changed
        self._pins: Mapping[str, Pin] = {}
        self.storage = storage
        """In which region the store is, by what it says itself; None where it does not say."""
        self.standing = False
        """True while any tenant is pinned: the one thing that is looked at before each decision."""

    def of(self, tenant: str) -> Pin | None:
        """Tell where a tenant is pinned; None for one that is not."""
        return self._pins.get(tenant)

    def refresh(self) -> None:
        """Look again; raises `StoreError`."""
        pins = self._read()
        if pins != self._pins:
            self._pins = pins
            self.standing = bool(pins)
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
