"""The part of a store that knows who there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ripieno.journal.identity import (
    GroupRole,
    IdentityStore,
    KeyRow,
    LoginRow,
    PrincipalChange,
    PrincipalRow,
    ProviderRow,
    RevokedKey,
)
from ripieno.journal.keys import MasterKey
from ripieno.journal.rights import Directed, Rights, RightsStore
from ripieno.journal.sql import api_keys, directory
from ripieno.journal.sql.authority import changed_since
from ripieno.journal.sql.database import Reader
from ripieno.journal.sql.writer import Writer
from ripieno.model.event import Json

__all__ = ["SqlIdentities"]


class SqlIdentities(IdentityStore, RightsStore):
    """Principals, groups and keys in the tables of a store."""

    _reader: Reader
    _writer: Writer
    _master: MasterKey
    _rights: Rights

    async def change_principal(self, tenant: str, change: PrincipalChange) -> PrincipalRow | None:
        """Change an entry, making it where there is none; None when it was so already."""
        done = await self._writer.perform(
            lambda batch: directory.change_principal(batch, self._master, tenant, change)
        )
        self._rights.look()
        return done

    async def map_group(self, tenant: str, group: str, role: str, by: str, reason: str | None) -> bool:
        """Let everybody of a group hold a role; False when they do already."""
        mapping = GroupRole(group, role, by)
        done = await self._writer.perform(
            lambda batch: directory.change_group(batch, self._master, tenant, mapping, reason, stands=True)
        )
        self._rights.look()
        return done

    async def unmap_group(self, tenant: str, group: str, role: str, by: str, reason: str | None) -> bool:
        """Let a group give a role no more; False when it does not."""
        mapping = GroupRole(group, role, by)
        done = await self._writer.perform(
            lambda batch: directory.change_group(batch, self._master, tenant, mapping, reason, stands=False)
        )
        self._rights.look()
        return done

    async def trust_provider(self, provider: ProviderRow, reason: str | None) -> bool:
        """Trust the tokens of an issuer, read by these settings; False when they are trusted so already."""
        return await self._writer.perform(lambda batch: api_keys.trust(batch, self._master, provider, reason))

    async def distrust_provider(self, tenant: str, issuer: str, by: str, reason: str | None) -> bool:
        """Trust the tokens of an issuer no more; False when they are not."""
        return await self._writer.perform(
            lambda batch: api_keys.distrust(batch, self._master, (tenant, issuer), by, reason)
        )

    def providers(self, tenant: str) -> Sequence[ProviderRow]:
        """Give the providers whose tokens a tenant trusts, by issuer."""
        return api_keys.providers_of(self._reader, tenant)

    async def create_key(self, row: KeyRow, secret: str, reason: str | None) -> KeyRow:
        """Enter a key, with the verifier of its secret in place of the row's."""
        return await self._writer.perform(
            lambda batch: api_keys.create_key(batch, self._master, row, secret, reason)
        )

    async def revoke_key(self, tenant: str, revoked: RevokedKey) -> bool:
        """Let a key be good for nothing any more; False when it was revoked before, or is not there."""
        done = await self._writer.perform(
            lambda batch: api_keys.revoke_key(batch, self._master, tenant, revoked)
        )
        self._rights.look()
        return done

    def keys(self, tenant: str) -> Sequence[KeyRow]:
        """Give the keys of a tenant, those revoked among them, oldest first."""
        return api_keys.keys_of(self._reader, tenant)

    def key_with(self, key: str, secret: str) -> tuple[KeyRow | None, bool]:
        """Give the key with this id, of whatever tenant, and whether `secret` is its own."""
        return api_keys.key_with(self._reader, self._master, key, secret)

    async def note_login(self, tenant: str, login: LoginRow, body: Mapping[str, Json]) -> None:
        """Record that a principal came with a credential, unless the same mark was noted in this hour."""
        await self._writer.perform(
            lambda batch: api_keys.note_login(batch, self._master, tenant, login, body)
        )

    def logins(self, tenant: str) -> Sequence[LoginRow]:
        """Give when each credential of a tenant was last used, by credential."""
        return api_keys.logins_of(self._reader, tenant)

    @property
    def rights(self) -> Rights:
        """Who holds which roles, as this process knows it."""
        return self._rights

    def _directed(self, tenant: str, before: Directed | None) -> Directed:
        head = self.tenant_head(tenant)
        if before is not None:
            if before.head == head:
                return before
            if not changed_since(self._reader.one, tenant, before.head):
                return replace(before, head=head)
        # what is committed after `head` was read may be in it already, and is then read once more
        mapped: dict[str, frozenset[str]] = {}
        for mapping in self.group_roles(tenant):
            mapped[mapping.group] = mapped.get(mapping.group, frozenset()) | {mapping.role}
        entries = {row.id: row for row in self.principals(tenant)}
        revoked = self._reader.all("SELECT id FROM api_keys WHERE tenant = ? AND state = 'revoked'", tenant)
        return Directed(head, entries, mapped, frozenset(key for (key,) in revoked))

    def tenant_head(self, tenant: str) -> int:
        """Give the number of the last event of a tenant's stream; 0 while there is none."""
        row = self._reader.one("SELECT head_seq FROM tenants WHERE name = ?", tenant)
        return 0 if row is None else row[0]

    def tenants(self) -> Sequence[str]:
        """Give every tenant that anything is recorded of, runs or decisions, by name."""
        rows = self._reader.all("SELECT name FROM tenants UNION SELECT tenant FROM runs ORDER BY 1")
        return [name for (name,) in rows]

    def principals(self, tenant: str) -> Sequence[PrincipalRow]:
        """Give the directory of a tenant, by id."""
        return directory.principals_of(self._reader, tenant)

    def group_roles(self, tenant: str) -> Sequence[GroupRole]:
        """Give what the groups of a tenant mean, by group and role."""
        return directory.group_roles_of(self._reader, tenant)
