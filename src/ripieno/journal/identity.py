"""Who there is in a tenant, with which roles, groups and keys: rows, and what every store does with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
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
    """It belongs to these, sorted; what roles they give, `GroupRole` says."""
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
    def tenant_head(self, tenant: str) -> int:
        """Give the number of the last event of a tenant's stream; 0 while there is none."""

    @abstractmethod
    def principals(self, tenant: str) -> Sequence[PrincipalRow]:
        """Give the directory of a tenant, by id."""

    @abstractmethod
    def group_roles(self, tenant: str) -> Sequence[GroupRole]:
        """Give what the groups of a tenant mean, by group and role."""
