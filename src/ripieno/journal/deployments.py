"""Which version of a workflow serves new runs, and who of its participants may act: rows and their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from ripieno.model.errors import StoreError
from ripieno.model.event import Event
from ripieno.model.stop import Place

__all__ = [
    "EVERY",
    "Acted",
    "AgentState",
    "AgentStatus",
    "Deployment",
    "DeploymentStore",
    "Move",
    "ProtectedRow",
    "Roll",
    "Stage",
]

Stage = Literal["staging", "production"]
"""Where a version stands that is no mere draft any more."""

Move = Literal["promote", "share", "roll back"]
"""What was done: a version got a stage, a share of new runs, or gave way to the one before it."""

AgentStatus = Literal["active", "retired"]
"""`retired`: its next visits end as escalated. One that is suspended is held by a stop."""

EVERY: Final = "*"
"""Stands for every workflow of a tenant."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The version that a stage of a workflow holds, and how many new runs it gets."""

    workflow: str
    stage: Stage
    version: str
    share: int
    """Per cent of new runs; in production those that staging does not get."""
    by: str = ""
    """The principal's id."""
    event: int = 0
    """Where the tenant's stream says so, with the reason."""


@dataclass(frozen=True, slots=True)
class ProtectedRow:
    """A workflow, or `EVERY`, of which only versions start that were promoted."""

    workflow: str
    by: str
    event: int


@dataclass(frozen=True, slots=True)
class AgentState:
    """What was decided about a participant of a workflow; one without a row is active."""

    workflow: str
    agent: str
    status: AgentStatus
    by: str
    reason: str
    """Why; a commitment in the tenant's stream while it is a row."""
    event: int = 0


@dataclass(frozen=True, slots=True)
class Acted:
    """One act within a run."""

    workflow: str
    event: Event


class Roll:
    """Who was retired, kept in memory and read again whenever the store may have changed."""

    __slots__ = ("_changed", "_read", "_retired", "standing")

    def __init__(
        self,
        read: Callable[[], Mapping[tuple[str, str, str], AgentState]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._read = read
        self._changed = changed
        self._retired: Mapping[tuple[str, str, str], AgentState] = {}
        self.standing = False
        """True while anybody at all is retired: the one thing that is looked at before each visit."""

    def refresh(self) -> None:
        """Read it again; raises `StoreError`."""
        found = self._read()
        if found != self._retired:
            self._retired = found
            self.standing = bool(found)
            self._changed()

    def look(self) -> None:
        """Read it again if that is possible; where it is not, nothing can be recorded either."""
        with suppress(StoreError):
            self.refresh()

    def retired(self, tenant: str, workflow: str, agent: str) -> AgentState | None:
        """Give who retired a participant and why; None for one that may act."""
        return self._retired.get((tenant, workflow, agent))

    def above(self, tenant: str, line: Sequence[Place]) -> AgentState | None:
        """Give one of those within whose visits an act lies, at its place and those above, who is retired."""
        for (of, workflow, agent), state in self._retired.items():
            if of == tenant and any(place.within(f"{workflow}/{agent}") for place in line):
                return state
        return None


class DeploymentStore(ABC):
    """The part of a store that knows which versions are deployed and who is suspended."""

    @abstractmethod
    async def deploy(
        self, tenant: str, change: Deployment, move: Move, before: Deployment | None, *, reason: str | None
    ) -> Deployment:
        """Set what a stage holds, with an event, and give it as it stands.

        `before` is what the sender saw there: raises `ChangedError` when something else stands there.
        """

    @abstractmethod
    def deployments(self, tenant: str, workflow: str | None = None) -> Sequence[Deployment]:
        """Give what the stages hold, by workflow and stage."""

    @abstractmethod
    def runs_by_version(self, tenant: str, workflow: str, *, besides: str) -> Sequence[tuple[str, str, int]]:
        """Give how many runs of a workflow there are: version, status, number.

        Left out are those whose business key begins with `besides`.
        """

    @abstractmethod
    async def protect(self, tenant: str, workflow: str, by: str, reason: str) -> bool:
        """Let only promoted versions of a workflow, or of `EVERY`, start; False when it was so."""

    @abstractmethod
    async def unprotect(self, tenant: str, workflow: str, by: str, reason: str) -> bool:
        """Let any version start again; False when it was so."""

    @abstractmethod
    def protected(self, tenant: str) -> Sequence[ProtectedRow]:
        """Give the workflows of which only promoted versions start."""

    @abstractmethod
    async def set_agent_state(self, tenant: str, state: AgentState) -> bool:
        """Say whether a participant may act, with an event; False when it was so."""

    @abstractmethod
    def agent_states(self, tenant: str) -> Sequence[AgentState]:
        """Give what was decided about participants, also of those that are active again."""

    @property
    @abstractmethod
    def roll(self) -> Roll:
        """Who was retired, as this process knows it."""

    @abstractmethod
    def last_acts(self, tenant: str, limit: int) -> Sequence[Acted]:
        """Give what participants did last, newest first: as many acts as `limit`, of all workflows."""

    @abstractmethod
    def processes(self, tenant: str) -> Sequence[tuple[str, str]]:
        """Give where runs are at work: workflow and process, such as `ward-3, process 4117`."""
