"""Who one is for a data folder: by the machine, by an API key, or by a provider's token.

Whoever comes with a key or token is that principal and nobody else; each that comes, and each that is
turned away, is in the tenant's log. Where that cannot be recorded nobody is let in.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from ripieno.identity.api_keys import SKEW, check_key, scope_of
from ripieno.identity.credential import Credential
from ripieno.identity.directory import Directory
from ripieno.identity.kept_keys import KeptKeys
from ripieno.identity.key_sets import KeySets
from ripieno.identity.providers import Provider
from ripieno.identity.tokens import Claimed, issuer_of, verify
from ripieno.journal.identity import LoginRow, PrincipalChange, PrincipalRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS, Clock, moment
from ripieno.model.errors import NotAllowedError, NotFoundError, SignInError
from ripieno.model.event import Json
from ripieno.model.principal import Principal

__all__ = ["set_back", "sign_in"]

HOUR: Final = 3600 * MICROSECONDS

LATEST: Final = 200
"""With so many of the latest events of a tenant's log the clock is compared."""


async def sign_in(
    store: Store,
    clock: Clock,
    claimed: Principal,
    credential: Credential | None = None,
    *,
    tenant: str | None = None,
    key_sets: KeySets | None = None,
    home: Path | None = None,
) -> Principal:
    """Give the principal that acts, with the roles that it holds now.

    Without a credential it is whoever the machine vouches for, as the directory has it. `tenant` is the
    one that was asked for by name: a credential of another is turned away. The keys of providers come
    from `key_sets`, else from what is kept in the data folder `home`, or are fetched. Raises
    `SignInError`, and `NotAllowedError` for a principal that is suspended.
    """
    if credential is None:
        return Directory(store).settled(claimed)
    if credential.kind == "key":
        return await by_key(store, clock, credential.text, tenant)
    of = claimed.tenant
    if key_sets is None and home is not None and store.providers(of):
        key_sets = KeySets(clock, KeptKeys(home, store.key(await store.tenant_stream(of))))
    return await by_token(store, clock, credential.text, of, key_sets or KeySets(clock))


async def by_key(store: Store, clock: Clock, text: str, tenant: str | None) -> Principal:
    """Give whose API key it is."""
    row, refusal = check_key(store, clock, text)
    if refusal is None and tenant is not None and tenant != row.tenant:
        refusal = f"key {row.id} is not of tenant {tenant!r}"
    refusal = refusal or await set_back(store, clock, row.tenant)
    if refusal is not None:
        await refused(store, row.tenant, f"key:{row.id}", refusal, row.principal)
        raise SignInError(refusal, remedy="an administrator makes another: ripieno keys create")
    try:
        principal = Directory(store).principal(row.tenant, row.principal)
    except NotAllowedError as error:
        await refused(store, row.tenant, f"key:{row.id}", error.message, row.principal)
        raise
    if row.scope.roles is not None:
        principal = replace(principal, roles=principal.roles.intersection(row.scope.roles))
    await noted(store, clock, principal, LoginRow(f"key:{row.id}", principal.id, "", 0), {"means": "key"})
    return replace(principal, scope=scope_of(row.scope), credential=row.id)


async def by_token(store: Store, clock: Clock, token: str, tenant: str, key_sets: KeySets) -> Principal:
    """Give whose token it is, known to the directory from now on with the groups that it names."""
    issuer = issuer_of(token)
    row = next((row for row in store.providers(tenant) if row.issuer == issuer), None)
    if row is None:  # whoever it claims to be from: nothing of it was verified, and nothing is recorded
        msg = f"the token is of an issuer that tenant {tenant!r} does not trust"
        raise SignInError(msg, remedy="an administrator trusts one: ripieno providers trust")
    if (why := await set_back(store, clock, tenant)) is not None:
        await refused(store, tenant, f"token:{issuer}", why)
        raise SignInError(why, remedy="set the machine's clock right")
    try:
        said = await verify(token, Provider.of(row), key_sets, clock)
    except SignInError as error:
        await refused(store, tenant, f"token:{issuer}", error.message)
        raise
    who = f"{said.kind}:{said.name}"
    try:
        principal = await known(store, tenant, who, said)
    except NotAllowedError as error:
        await refused(store, tenant, f"token:{issuer}", error.message, who)
        raise
    body: dict[str, Json] = {"means": "token", "issuer": issuer, "groups": list(said.groups)}
    if said.client is not None:
        body["client"] = said.client
    await noted(store, clock, principal, LoginRow(f"token:{issuer} {who}", who, said.mark, 0), body)
    return principal


async def known(store: Store, tenant: str, who: str, said: Claimed) -> Principal:
    """Give a principal that the directory knows, or that one of its groups means something for."""
    entry = Directory(store).entry(tenant, who)
    mapped = {mapping.group for mapping in store.group_roles(tenant)}
    if entry is None and not mapped.intersection(said.groups):
        msg = f"{who} is not known here, and none of its groups gives a role"
        raise SignInError(
            msg, remedy=f"an administrator enters it: ripieno principals add {who}, or maps a group"
        )

    def provided(row: PrincipalRow) -> PrincipalRow:
        return replace(row, provided=said.groups)

    if entry is None or entry.provided != said.groups:
        await store.change_principal(tenant, PrincipalChange(who, "signed in", provided, who))
    return Directory(store).principal(tenant, who)


async def noted(
    store: Store, clock: Clock, principal: Principal, login: LoginRow, body: dict[str, Json]
) -> None:
    """Record that somebody came, once an hour for each credential, and once for each token."""
    now = clock.now()
    login = replace(login, at=now - now % HOUR)
    if login not in store.logins(principal.tenant):
        await store.note_login(principal.tenant, login, body)


async def refused(store: Store, tenant: str, credential: str, why: str, principal: str | None = None) -> None:
    """Record that somebody was turned away."""
    body: dict[str, Json] = {"credential": credential, "principal": principal}
    await store.record(tenant, "login.refused", body, reason=why)


async def set_back(store: Store, clock: Clock, tenant: str) -> str | None:
    """Say why nobody can tell what has expired: the clock stands before what the tenant's log holds already.

    What was recorded of those turned away does not count: they could move it.
    """
    try:
        stream = await store.tenant_stream(tenant)
    except NotFoundError:
        return None
    events = await store.events(stream, after=max(0, store.tenant_head(tenant) - LATEST), limit=LATEST)
    latest = max((event.at for event in events if event.kind != "login.refused"), default=0)
    if clock.now() >= latest - SKEW:
        return None
    return (
        f"the clock stands at {moment(clock.now()):%Y-%m-%d %H:%M} UTC, before the log's latest entry of "
        f"{moment(latest):%Y-%m-%d %H:%M} UTC: what has expired cannot be told"
    )
