"""Which identity providers a tenant trusts, and how their tokens are read.

What a token says of groups becomes groups of the directory: only `map_group` turns one into a role.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ripieno.journal.identity import ProviderRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_identity
from ripieno.model.errors import InputError, NotFoundError, nearest
from ripieno.model.event import Json
from ripieno.model.principal import Principal

__all__ = ["ALGORITHMS", "Provider", "check_url", "distrust", "trust"]

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""Signatures by a private key that the provider alone has; no other kind is ever accepted."""

USUAL: Final = ("RS256", "PS256", "ES256", "Ed25519")
LONGEST_LEEWAY: Final = 300
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
CLAIM: Final = re.compile(r"[A-Za-z0-9_:/.-]{1,128}")
PREFIX: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._@+-]{0,31})?")


@dataclass(frozen=True, slots=True)
class Provider:
    """How the tokens of one issuer are read."""

    issuer: str
    """An `https` address, exactly as the tokens and the provider's own documents name it."""
    audience: tuple[str, ...]
    """A token has to be meant for one of these."""
    algorithms: tuple[str, ...] = USUAL
    leeway_seconds: int = 30
    """How far the provider's clock and ours may be apart; at most 300."""
    subject: str = "sub"
    """The claim that names the principal."""
    groups: tuple[str, ...] = ("groups",)
    """The claims whose values are groups; a dot leads into an object, as in `realm_access.roles`."""
    prefix: str = ""
    """Put before the names of its principals, so that two providers do not name the same one."""

    def __post_init__(self) -> None:
        check_url(self.issuer, "the issuer")
        for name, values, known in (
            ("audience", self.audience, None),
            ("algorithms", self.algorithms, ALGORITHMS),
        ):
            if not values or not all(values):
                msg = f"{self.issuer}: expected at least one value of {name}"
                raise InputError(msg)
            for value in values if known else ():
                if value not in ALGORITHMS:
                    msg = f"{self.issuer}: no algorithm {value!r} is accepted{nearest(value, ALGORITHMS)}"
                    raise InputError(msg, remedy=f"there are {', '.join(ALGORITHMS)}")
        if not 0 <= self.leeway_seconds <= LONGEST_LEEWAY:
            msg = f"{self.issuer}: a leeway is of 0 to {LONGEST_LEEWAY} s, got {self.leeway_seconds}"
            raise InputError(msg)
        for claim in (self.subject, *self.groups):
            if not CLAIM.fullmatch(claim):
                msg = f"{self.issuer}: {claim!r} is not the name of a claim"
                raise InputError(msg)
        if not PREFIX.fullmatch(self.prefix):
            msg = f"{self.issuer}: a prefix has up to 32 of A-Z a-z 0-9 . _ @ + -, got {self.prefix!r}"
            raise InputError(msg)

    def document(self) -> dict[str, Json]:
        """Give the settings as they are stored, besides the issuer."""
        return {
            "audience": list(self.audience),
            "algorithms": list(self.algorithms),
            "leeway_seconds": self.leeway_seconds,
            "subject": self.subject,
            "groups": list(self.groups),
            "prefix": self.prefix,
        }

    @classmethod
    def of(cls, row: ProviderRow) -> Provider:
        """Read a stored provider; raises `InputError` for one that cannot be used."""
        said: Mapping[str, Any] = row.settings
        return cls(
            row.issuer,
            audience=tuple(said["audience"]),
            algorithms=tuple(said["algorithms"]),
            leeway_seconds=said["leeway_seconds"],
            subject=said["subject"],
            groups=tuple(said["groups"]),
            prefix=said["prefix"],
        )


async def trust(store: Store, provider: Provider, *, by: Principal, reason: str | None = None) -> bool:
    """Trust the tokens of a provider, read so; False when they are already. Raises `InputError`.

    Two providers of a tenant never name the same principal: where there are several, each has a prefix,
    and none begins with another's.
    """
    by = await check_identity(
        store, provider.issuer, by, "trust", "trust a provider", given=provider.document(), reason=reason
    )
    for row in store.providers(by.tenant):
        other = Provider.of(row)
        alike = other.prefix.startswith(provider.prefix) or provider.prefix.startswith(other.prefix)
        if other.issuer != provider.issuer and alike:
            msg = f"{other.issuer} might name the same principals: its prefix is {other.prefix!r}"
            raise InputError(msg, remedy="of several providers each needs a prefix: --prefix")
    return await store.trust_provider(
        ProviderRow(by.tenant, provider.issuer, provider.document(), by.id), reason
    )


async def distrust(store: Store, issuer: str, *, by: Principal, reason: str | None = None) -> None:
    """Trust the tokens of a provider no more; raises `NotFoundError` where they are not."""
    by = await check_identity(
        store, issuer, by, "distrust", "trust a provider no more", given={}, reason=reason
    )
    if not await store.distrust_provider(by.tenant, issuer, by.id, reason):
        known = [row.issuer for row in store.providers(by.tenant)]
        msg = f"no provider {issuer!r} is trusted{nearest(issuer, known)}"
        raise NotFoundError(msg, remedy="ripieno providers list shows those that are")


def check_url(url: str, what: str) -> None:
    """Raise `InputError` for an address that is not `https`; on this machine itself `http` will do."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.username or parts.fragment:
        msg = f"expected {what} as an https address, got {url!r}"
        raise InputError(msg)
