"""Who there is in a tenant, with which roles, groups and keys: rows, and what every store does with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ripieno.model.event import Json

__all__ = [
    "GroupRole",
    "IdentityStore",
    "KeyRow",
    "KeyScope",
    "LoginRow",
    "PrincipalChange",
    "PrincipalRow",
    "ProviderRow",
    "RevokedKey",
]


@dataclass(frozen=True, slots=True)
class PrincipalRow:
    """The entry of a principal in the directory of its tenant."""

    tenant: str
    id: str
    """Such as `person:ada`."""
    status: Literal["active", "suspended"] = "active"
    """A suspended principal holds no role, and nothing is done as it."""
    roles: tuple[str, ...] = ()
    """Granted to it by name, sorted."""
    groups: tuple[str, ...] = ()
    """It was made to belong to these, sorted; what roles they give, `GroupRole` says."""
    provided: tuple[str, ...] = ()
    """It belongs to these as well, as its identity provider said when it last came with a token; sorted."""
    by: str = ""
    """Who changed it last."""
    event: int = 0
    """Number of that change in the tenant's stream; 0 for an entry that is not there yet."""


@dataclass(frozen=True, slots=True)
class PrincipalChange:
    """One change of an entry: granted, revoked, joined, left, suspended, resumed."""

    principal: str
    act: Literal["entered", "granted", "revoked", "joined", "left", "suspended", "resumed", "signed in"]
    change: Callable[[PrincipalRow], PrincipalRow]
    """Gives the entry as it shall be; called in the transaction, with the entry as it stands then."""
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class GroupRole:
    """A role that everybody of a group holds."""

    group: str
    role: str
    by: str


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """An identity provider whose tokens a tenant trusts."""

    tenant: str
    issuer: str
    """Exactly as its tokens name it."""
    settings: Mapping[str, Json]
    """How its tokens are read; `identity/providers.py` knows what there is."""
    by: str


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a key is good for; None is whatever its principal may do."""

    roles: tuple[str, ...] | None = None
    workflows: tuple[str, ...] | None = None
    acts: tuple[str, ...] | None = None
    """Kinds of actions, such as `run.start`."""

    def document(self) -> dict[str, Json]:
        """Give it as an event holds it."""
        parts = (("roles", self.roles), ("workflows", self.workflows), ("acts", self.acts))
        return {name: None if part is None else list(part) for name, part in parts}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key, without the secret, which nobody keeps."""

    id: str
    tenant: str
    principal: str
    verifier: str
    """HMAC of the secret, in hexadecimal."""
    scope: KeyScope
    expires_at: int | None
    """Microseconds since 1970; None never expires."""
    created_at: int
    by: str
    state: Literal["live", "revoked"] = "live"


@dataclass(frozen=True, slots=True)
class LoginRow:
    """When a principal last came with a credential, to the hour."""

    credential: str
    """`key:` and the key's id, or `token:` and who issued it to whom."""
    principal: str
    mark: str
    """What tells one token from the next of the same principal; empty for a key."""
    at: int
    """Microseconds since 1970, of the hour's beginning."""


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """Whose key was revoked, by whom."""

    key: str
    by: str
    reason: str | None = None


class IdentityStore(ABC):
    """What a store does with identities; each change is an event of the tenant's stream in one commit."""

    @abstractmethod
    async def change_principal(self, tenant: str, change: PrincipalChange) -> PrincipalRow | None:
        """Change an entry, making it where there is none; None when it was so already, without an event."""

    @abstractmethod
    async def map_group(self, tenant: str, group: str, role: str, by: str, reason: str | None) -> bool:
        """Let everybody of a group hold a role; False when they do already."""

    @abstractmethod
    async def unmap_group(self, tenant: str, group: str, role: str, by: str, reason: str | None) -> bool:
        """Let a group give a role no more; False when it does not."""

    @abstractmethod
    async def trust_provider(self, provider: ProviderRow, reason: str | None) -> bool:
        """Trust the tokens of an issuer, read by these settings; False when they are trusted so already."""

    @abstractmethod
    async def distrust_provider(self, tenant: str, issuer: str, by: str, reason: str | None) -> bool:
        """Trust the tokens of an issuer no more; False when they are not."""

    @abstractmethod
    def providers(self, tenant: str) -> Sequence[ProviderRow]:
        """Give the providers whose tokens a tenant trusts, by issuer."""

    @abstractmethod
    async def create_key(self, row: KeyRow, secret: str, reason: str | None) -> KeyRow:
        """Enter a key, with the verifier of its secret in place of the row's; the secret is not kept."""

    @abstractmethod
    async def revoke_key(self, tenant: str, revoked: RevokedKey) -> bool:
        """Let a key be good for nothing any more; False when it was revoked before, or is not there."""

    @abstractmethod
    def keys(self, tenant: str) -> Sequence[KeyRow]:
        """Give the keys of a tenant, those revoked among them, oldest first."""

    @abstractmethod
    def key_with(self, key: str, secret: str) -> tuple[KeyRow | None, bool]:
        """Give the key with this id, of whatever tenant, and whether `secret` is its own.

        It takes as long for a wrong secret as for the right one, and for a key that is not there.
        """

    @abstractmethod
    async def note_login(self, tenant: str, login: LoginRow, body: Mapping[str, Json]) -> None:
        """Record that a principal came with a credential, unless the same mark was noted in this hour."""

    @abstractmethod
    def logins(self, tenant: str) -> Sequence[LoginRow]:
        """Give when each credential of a tenant was last used, by credential."""

    @abstractmethod
    def tenant_head(self, tenant: str) -> int:
        """Give the number of the last event of a tenant's stream; 0 while there is none."""

    @abstractmethod
    def tenants(self) -> Sequence[str]:
        """Give every tenant that anything is recorded of, runs or decisions, by name."""

    @abstractmethod
    def principals(self, tenant: str) -> Sequence[PrincipalRow]:
        """Give the directory of a tenant, by id."""

    @abstractmethod
    def group_roles(self, tenant: str) -> Sequence[GroupRole]:
        """Give what the groups of a tenant mean, by group and role."""
