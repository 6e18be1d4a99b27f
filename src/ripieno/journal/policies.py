"""Which set of policies is in force for a tenant, and what each ever in force said: rows and their store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from ripieno.journal.deployments import Move, Stage
from ripieno.model.errors import StoreError

__all__ = ["PolicyBook", "PolicySet", "PolicyStage", "PolicyStore", "Standing"]


@dataclass(frozen=True, slots=True)
class PolicySet:
    """A set of policies as the log keeps it: whoever asks what a decision was made by can read it."""

    version: str
    """Digest of all that decides."""
    content: str
    """Commitment of its text in the tenant's stream."""
    state: Literal["seen", "registered"]
    """`seen`: decisions were made under it while it was files, and nobody has registered it."""
    by: str
    """Who registered it, by principal id; empty for one that was only seen."""
    event: int
    """Where the tenant's stream says so."""


@dataclass(frozen=True, slots=True)
class PolicyStage:
    """The set of policies that a stage holds, and for how many new runs it decides."""

    stage: Stage
    version: str
    share: int
    """Per cent of new runs; in production those that staging does not get."""
    by: str = ""
    """The principal's id."""
    event: int = 0
    """Where the tenant's stream says so, with the reason."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the stages of a tenant's policies hold."""

    production: PolicyStage | None = None
    staging: PolicyStage | None = None

    @property
    def candidate(self) -> PolicyStage | None:
        """What is in staging and decides for a share of the new runs."""
        return self.staging if self.staging is not None and self.staging.share > 0 else None


NOTHING = Standing()


@dataclass(slots=True)
class PolicyBook:
    """What stands in the stages of all tenants, kept in memory and read again when it may have changed."""

    read: Callable[[], Sequence[tuple[str, PolicyStage]]]
    known: Mapping[str, Standing] = field(default_factory=dict[str, Standing])
    """By tenant; one of which nothing was ever promoted, or all was withdrawn, is not among them."""

    def refresh(self) -> None:
        """Read it again; raises `StoreError`. What has not changed stays the same object."""
        found: dict[str, Standing] = {}
        for tenant, held in self.read():
            before = found.get(tenant, NOTHING)
            if held.stage == "production":
                found[tenant] = replace(before, production=held)
            else:
                found[tenant] = replace(before, staging=held)
        if found != self.known:
            self.known = found

    def look(self) -> None:
        """Read it again if that is possible; where it is not, nothing can be recorded either."""
        with suppress(StoreError):
            self.refresh()

    def of(self, tenant: str) -> Standing:
        """Give what the stages of a tenant hold."""
        return self.known.get(tenant, NOTHING)


class PolicyStore(ABC):
    """The part of a store that knows which policies are in force, and keeps their texts."""

    @property
    @abstractmethod
    def policy_book(self) -> PolicyBook:
        """What stands in the stages, as this process knows it."""

    @abstractmethod
    def note_policies(self, tenant: str, version: str, text: bytes) -> None:
        """Keep the text of a set under which it is being decided, unless it is kept; with an event.

        Nobody waits for it: it is on disk before, or with, whatever is handed over after it.
        """

    @abstractmethod
    async def register_policies(
        self, tenant: str, version: str, text: bytes, *, by: str, reason: str | None
    ) -> bool:
        """Enter a set as a draft, with an event; False when it was there."""

    @abstractmethod
    def policy_sets(self, tenant: str) -> Sequence[PolicySet]:
        """Give all sets of a tenant that are kept, the latest first."""

    @abstractmethod
    def policy_text(self, tenant: str, kept: PolicySet) -> bytes:
        """Give what a set said; raises `StoreError` when it is gone."""

    @abstractmethod
    def policy_stages(self, tenant: str) -> Standing:
        """Give what the stages hold, as it is committed now."""

    @abstractmethod
    async def deploy_policies(
        self, tenant: str, change: PolicyStage, move: Move, before: PolicyStage | None, *, reason: str
    ) -> PolicyStage:
        """Set what a stage holds, with an event, and give it as it stands.

        `before` is what the sender saw there: raises `ChangedError` when something else stands there.
        """

    @abstractmethod
    async def withdraw_policies(self, tenant: str, before: PolicyStage, by: str, reason: str) -> None:
        """Empty a stage, with an event; raises `ChangedError` as `deploy_policies` does."""
