"""The part of the embedded store that knows who there is."""

from __future__ import annotations

from collections.abc import Sequence

from ripieno.journal.identity import GroupRole, IdentityStore, PrincipalChange, PrincipalRow
from ripieno.journal.keys import MasterKey
from ripieno.journal.sqlite import directory
from ripieno.journal.sqlite.reader import Reader
from ripieno.journal.sqlite.writer import Writer

__all__ = ["SqliteIdentities"]


class SqliteIdentities(IdentityStore):
    """Principals, groups and keys in the tables of the embedded store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey

    async def change_principal(self, tenant: str, change: PrincipalChange) -> PrincipalRow | None:
        """Change an entry, making it where there is none; None when it was so already."""
        return await self._writer.perform(
            lambda batch: directory.change_principal(batch, self._master, tenant, change)
        )

    async def map_group(self, tenant: str, group: str, role: str, by: str, reason: str | None) -> bool:
        """Let everybody of a group hold a role; False when they do already."""
        mapping = GroupRole(group, role, by)
        return await self._writer.perform(
            lambda batch: directory.change_group(batch, self._master, tenant, mapping, reason, stands=True)
        )

    async def unmap_group(self, tenant: str, group: str, role: str, by: str, reason: str | None) -> bool:
        """Let a group give a role no more; False when it does not."""
        mapping = GroupRole(group, role, by)
        return await self._writer.perform(
            lambda batch: directory.change_group(batch, self._master, tenant, mapping, reason, stands=False)
        )

    def tenant_head(self, tenant: str) -> int:
        """Give the number of the last event of a tenant's stream; 0 while there is none."""
        row = self._reader.one("SELECT head_seq FROM tenants WHERE name = ?", tenant)
        return 0 if row is None else row[0]

    def principals(self, tenant: str) -> Sequence[PrincipalRow]:
        """Give the directory of a tenant, by id."""
        return directory.principals_of(self._reader, tenant)

    def group_roles(self, tenant: str) -> Sequence[GroupRole]:
        """Give what the groups of a tenant mean, by group and role."""
        return directory.group_roles_of(self._reader, tenant)
