"""API keys: made once, shown once, good for what they say until they expire or are revoked."""

from __future__ import annotations

import re
import secrets
from typing import Final, NamedTuple, get_args

from ripieno.identity.administration import check_role, named
from ripieno.identity.directory import Directory
from ripieno.journal.identity import IdentityStore, KeyRow, KeyScope, RevokedKey
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_identity
from ripieno.kernel.clock import MICROSECONDS, Clock, moment
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, SignInError, nearest
from ripieno.model.gate import ActionKind
from ripieno.model.principal import Principal, Scope

__all__ = ["NewKey", "check_key", "create_key", "revoke_key"]

PREFIX: Final = "ripieno"
KEY: Final = re.compile(r"ripieno_([a-z2-7]{10})_([A-Za-z0-9_-]{43})")
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
ID_LENGTH: Final = 10
SECRET_BYTES: Final = 32
SKEW: Final = 300 * MICROSECONDS
"""So far may the clocks of machines be apart that share a data folder."""
ACTS: Final = frozenset(get_args(ActionKind))

MINUTE: Final = 60_000_000
"""Microseconds."""


class NewKey(NamedTuple):
    """A key that was just made."""

    row: KeyRow
    text: str
    """What its holder has to send. It is not kept: nobody can be shown it again."""

    def __repr__(self) -> str:
        return f"NewKey({self.row.id})"


async def create_key(
    store: Store,
    clock: Clock,
    who: str,
    *,
    by: Principal,
    scope: KeyScope | None = None,
    expires_at: int | None = None,
    reason: str | None = None,
) -> NewKey:
    """Make a key with which one comes as `who`; its rights are its principal's, within `scope`.

    A person's key is made by that person, since whoever has it acts as them; the keys of agents and
    services are made by an administrator. `expires_at` is in microseconds since 1970; None never expires.
    Raises `NotAllowedError`, and `InputError` for a scope that names no action.
    """
    principal = named(who)
    by.check_scope("identity.change")
    if principal.startswith("person:") and principal != by.id and not by.every_role:
        msg = f"whoever has a key of {principal} acts as them: they make it themselves"
        raise NotAllowedError(msg)
    now = clock.now()
    life = None if expires_at is None else -(-(expires_at - now) // MINUTE)
    asked = {"good for": (scope or KeyScope()).document(), "minutes": life}
    by = await check_identity(
        store, principal, by, "create key", "make a key for another", given=asked, reason=reason
    )
    wanted = scope or KeyScope()
    if principal == by.id:
        wanted = within(wanted, by.scope)
    check_parts(wanted)
    Directory(store).principal(by.tenant, principal)  # refused for a suspended one
    if expires_at is not None and expires_at <= now:
        msg = "the key would be expired from the beginning"
        raise InputError(msg)
    name = "".join(secrets.choice(LETTERS) for _ in range(ID_LENGTH))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = KeyRow(name, by.tenant, principal, "", wanted, expires_at, now, by.id)
    return NewKey(await store.create_key(row, secret, reason), f"{PREFIX}_{name}_{secret}")


async def revoke_key(store: Store, key: str, *, by: Principal, reason: str | None = None) -> bool:
    """Let a key be good for nothing any more, one's own or as an administrator; False when it is so already.

    Raises `NotFoundError` for a key that is not there.
    """
    rows = {row.id: row for row in store.keys(by.tenant)}
    if key not in rows:
        msg = f"no key {key!r}{nearest(key, rows)}"
        raise NotFoundError(msg, remedy="ripieno keys list shows those there are")
    whose = rows[key].principal
    by = await check_identity(
        store, whose, by, "revoke key", "revoke another's key", given={"key": key}, reason=reason
    )
    return await store.revoke_key(by.tenant, RevokedKey(key, by.id, reason))


def check_key(store: IdentityStore, clock: Clock, text: str) -> tuple[KeyRow, str | None]:
    """Give the key that a text is, and why it is good for nothing, where it is; nothing is recorded.

    Raises `SignInError` for what is no key of this store, in the same words whatever is wrong with it.
    """
    found = KEY.fullmatch(text)
    row, own = store.key_with(found[1], found[2]) if found else (None, False)
    if row is None or not own:
        msg = "the API key is not known here"
        raise SignInError(msg, remedy="an administrator makes one: ripieno keys create")
    if row.state != "live":
        return row, f"key {row.id} was revoked"
    if clock.now() < row.created_at - SKEW:  # and how long it has been good for cannot be told
        return row, f"key {row.id} is not made yet by this machine's clock, which is wrong"
    if row.expires_at is not None and clock.now() >= row.expires_at:
        return row, f"key {row.id} expired at {moment(row.expires_at):%Y-%m-%d %H:%M} UTC"
    return row, None


def scope_of(scope: KeyScope) -> Scope:
    """Give what a key is good for, without its roles, which narrow those of its principal."""
    return Scope(
        None if scope.workflows is None else frozenset(scope.workflows),
        None if scope.acts is None else frozenset(scope.acts),
    )


def within(wanted: KeyScope, own: Scope) -> KeyScope:
    """Give a scope no wider than that of the key with which its maker came."""
    return KeyScope(wanted.roles, narrowed(wanted.workflows, own.workflows), narrowed(wanted.acts, own.acts))


def narrowed(wanted: tuple[str, ...] | None, own: frozenset[str] | None) -> tuple[str, ...] | None:
    """Give what both allow."""
    if own is None:
        return wanted
    return tuple(sorted(own if wanted is None else own.intersection(wanted)))


def check_parts(scope: KeyScope) -> None:
    """Raise `InputError` for roles and acts that there cannot be."""
    for role in scope.roles or ():
        check_role(role)
    for act in scope.acts or ():
        if act not in ACTS:
            msg = f"no action is called {act!r}{nearest(act, ACTS)}"
            raise InputError(msg, remedy=f"there are {', '.join(sorted(ACTS))}")
