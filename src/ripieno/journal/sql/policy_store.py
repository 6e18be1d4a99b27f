"""The part of a store that knows which policies are in force, and keeps their texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from ripieno.journal.deployments import Move
from ripieno.journal.keys import MasterKey
from ripieno.journal.policies import PolicyBook, PolicySet, PolicyStage, PolicyStore, Standing
from ripieno.journal.sql import policies
from ripieno.journal.sql.database import Reader
from ripieno.journal.sql.writer import Writer

__all__ = ["SqlPolicies"]

STAGES = "SELECT tenant, stage, version, share, by, event FROM policy_stages"


class SqlPolicies(PolicyStore):
    """Sets of policies and their stages in the tables of a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey
    _policy_book: PolicyBook | None = None

    @property
    def policy_book(self) -> PolicyBook:
        """What stands in the stages, as this process knows it."""
        if self._policy_book is None:
            self._policy_book = PolicyBook(self._policy_stages)
        return self._policy_book

    def _policy_stages(self) -> list[tuple[str, PolicyStage]]:
        return [(tenant, PolicyStage(*row)) for tenant, *row in self._reader.all(STAGES)]

    def note_policies(self, tenant: str, version: str, text: bytes) -> None:
        """Keep the text of a set under which it is being decided, unless it is kept; with an event."""
        self._writer.queue(lambda batch: policies.note(batch, self._master, tenant, version, text))

    async def register_policies(
        self, tenant: str, version: str, text: bytes, *, by: str, reason: str | None
    ) -> bool:
        """Enter a set as a draft, with an event; False when it was there."""
        return await self._writer.perform(
            lambda batch: policies.register(batch, self._master, tenant, (version, text), (by, reason))
        )

    def policy_sets(self, tenant: str) -> Sequence[PolicySet]:
        """Give all sets of a tenant that are kept, the latest first."""
        rows = self._reader.all(
            "SELECT version, content, state, by, event FROM policy_sets WHERE tenant = ? ORDER BY event DESC",
            tenant,
        )
        return [PolicySet(*row) for row in rows]

    def policy_text(self, tenant: str, kept: PolicySet) -> bytes:
        """Give what a set said; raises `StoreError` when it is gone."""
        (stream,) = self._reader.one("SELECT stream FROM tenants WHERE name = ?", tenant)
        return self.payload(stream.hex(), kept.content)

    def policy_stages(self, tenant: str) -> Standing:
        """Give what the stages hold, as it is committed now."""
        self.policy_book.refresh()
        return self.policy_book.of(tenant)

    async def deploy_policies(
        self, tenant: str, change: PolicyStage, move: Move, before: PolicyStage | None, *, reason: str
    ) -> PolicyStage:
        """Set what a stage holds, with an event, and give it as it stands."""
        put = await self._writer.perform(
            lambda batch: policies.deploy(batch, self._master, tenant, (change, before, move), reason)
        )
        self.policy_book.look()
        return put

    async def withdraw_policies(self, tenant: str, before: PolicyStage, by: str, reason: str) -> None:
        """Empty a stage, with an event."""
        await self._writer.perform(
            lambda batch: policies.withdraw(batch, self._master, tenant, before, (by, reason))
        )
        self.policy_book.look()

    # -- of the rest of the store -----------------------------------------------------------------

    @abstractmethod
    def payload(self, run: str, commitment: str) -> bytes:
        """Give an encoded value."""
