"""What is remembered beyond a run: rows that point into the logs of the runs that wrote it, and their store.

A row holds no value. What was remembered stands in the run that wrote it, under that run's key, with where it
came from: it is gone with the run, and never more trusted than it was there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["MemoryChange", "MemoryRow", "MemoryState", "MemoryStore", "Space"]

MemoryState = Literal["kept", "replaced", "forgotten", "expired", "erased"]
"""`replaced`: by another one. `erased`: with the run that wrote it. Only what is kept is ever recalled."""


@dataclass(frozen=True, slots=True)
class Space:
    """Whose memory: what is remembered in one is recalled in no other."""

    memory: str
    """The name that it is declared under."""
    subject: str = ""
    """Whom or what it is about, such as a patient; empty where it is about nobody in particular."""
    participant: str = ""
    """Workflow and participant that it belongs to: `triage/nurse`; empty where it is everybody's."""


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One thing that was remembered."""

    tenant: str
    id: str
    """16 hexadecimal digits, the same for every attempt at one call."""
    space: str
    """Stands for memory, subject and participant: nobody without the tenant's key can tell for which."""
    memory: str
    participant: str
    about: str
    """Where its run says the subject: a path in its input, or `key`; empty where there is none."""
    run: str
    """The run that wrote it, which holds what it says."""
    path: str
    """Of the call."""
    value: str
    """Commitment of the call's arguments in that run."""
    sources: str
    """Commitment of where they came from, in that run."""
    at: int
    """Microseconds; when it was claimed."""
    expires: int | None
    """Microseconds; from then on it is not recalled. None for what has no end of its own."""
    replaces: str | None
    """The id of what it took the place of."""
    by: str
    """For whom the run acted."""
    state: MemoryState = "kept"
    call: str = ""
    """The call, or the principal, that brought it into this state."""


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """What becomes of something that was remembered, and who says so."""

    id: str
    state: MemoryState
    by: str
    call: str
    """The idempotency key of the call that does; the principal where it is no call."""
    reason: str | None = None


class MemoryStore(ABC):
    """The part of a store that knows what is remembered, and where that stands."""

    @abstractmethod
    async def remember(self, row: MemoryRow, space: Space) -> MemoryRow:
        """Enter something in a space, with an event; give it as it stands where it was entered before.

        What it replaces is replaced in the same commit: raises `NotFoundError` where that is not kept in the
        same space.
        """

    @abstractmethod
    def memory(self, tenant: str, id: str) -> MemoryRow | None:  # noqa: A002 - what it is
        """Give what was remembered under an id, whatever became of it; None where nothing was."""

    @abstractmethod
    def memories(
        self, tenant: str, space: Space | None, now: int, limit: int, *, memory: str | None = None
    ) -> Sequence[MemoryRow]:
        """Give what is kept and has not expired, in one space or of the whole tenant, the latest first."""

    @abstractmethod
    async def change_memories(
        self, tenant: str, changes: Sequence[MemoryChange], space: Space | None = None
    ) -> Sequence[MemoryRow]:
        """Bring things that are remembered into other states, with an event each; give those that changed.

        What is erased stays so. With a space, what is in another one is not found. Raises `NotFoundError` for
        an id that is not there; all are changed, or none.
        """

    @abstractmethod
    def memories_over(self, tenant: str, now: int, limit: int) -> Sequence[MemoryRow]:
        """Give what is kept although its time is over, the longest first."""
