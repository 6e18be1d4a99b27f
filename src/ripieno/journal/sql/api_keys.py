"""API keys, providers of tokens, and who came with which. Changes run in the group commit.

A key's secret is 256 random bits, so nobody can guess one from its verifier and a slow hash would only
slow down those who have the key. The verifier is an HMAC under the tenant's own key, which the master key
wraps: a stolen file of the database tells nothing, no row can be made up without the master key, and when
the tenant's key is destroyed none of its API keys is good any more.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ripieno.journal.identity import KeyRow, KeyScope, LoginRow, ProviderRow, RevokedKey
from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.sql import tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.database import Reader, put
from ripieno.journal.sql.directory import note
from ripieno.model.event import Json

__all__ = [
    "create_key",
    "distrust",
    "key_with",
    "keys_of",
    "logins_of",
    "note_login",
    "providers_of",
    "revoke_key",
    "trust",
]

COLUMNS: Final = "id, tenant, principal, verifier, scope, expires_at, created_at, by, state"

NOBODYS: Final = StreamKey(bytes(16), secrets.token_bytes(32))
"""What the secret of a key that is not there is held against."""


def create_key(batch: Batch, master: MasterKey, row: KeyRow, secret: str, reason: str | None) -> KeyRow:
    """Enter a key with the verifier of its secret, and an event that commits to all of it."""
    tenants.head(batch, master, row.tenant)  # the tenant's key is there from its first event on
    row = replace(
        row,
        verifier=verifier(tenant_key(batch.one, master.unwrap, row.tenant), row.id, secret),
    )
    scope = row.scope.document()
    batch.connection.execute(
        f"INSERT INTO api_keys ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own columns
        (
            row.id,
            row.tenant,
            row.principal,
            row.verifier,
            json.dumps(scope, sort_keys=True),
            row.expires_at,
            row.created_at,
            row.by,
            row.state,
        ),
    )
    body: dict[str, Json] = {
        "key": row.id,
        "principal": row.principal,
        "verifier": row.verifier,
        "scope": scope,
        "expires": row.expires_at,
        "created": row.created_at,
        "by": row.by,
        "state": row.state,
    }
    note(batch, master, row.tenant, ("key.created", body), reason)
    return row


def revoke_key(batch: Batch, master: MasterKey, tenant: str, revoked: RevokedKey) -> bool:
    """Let a key be good for nothing any more, with an event; False where there is none that is live."""
    changed = batch.connection.execute(
        "UPDATE api_keys SET state = 'revoked' WHERE id = ? AND tenant = ? AND state = 'live'",
        (revoked.key, tenant),
    ).rowcount
    if not changed:
        return False
    body: dict[str, Json] = {"key": revoked.key, "state": "revoked", "by": revoked.by}
    note(batch, master, tenant, ("key.revoked", body), revoked.reason)
    return True


def trust(batch: Batch, master: MasterKey, provider: ProviderRow, reason: str | None) -> bool:
    """Trust the tokens of an issuer, with an event; False when they are trusted so already."""
    settings = json.dumps(provider.settings, sort_keys=True)
    found = batch.connection.execute(
        "SELECT settings FROM providers WHERE tenant = ? AND issuer = ?", (provider.tenant, provider.issuer)
    ).fetchone()
    if found == (settings,):
        return False
    batch.connection.execute(
        put("providers", "tenant, issuer", "settings, by"),
        (provider.tenant, provider.issuer, settings, provider.by),
    )
    body: dict[str, Json] = {
        "issuer": provider.issuer,
        "settings": dict(provider.settings),
        "by": provider.by,
    }
    note(batch, master, provider.tenant, ("provider.trusted", body), reason)
    return True


def distrust(batch: Batch, master: MasterKey, what: tuple[str, str], by: str, reason: str | None) -> bool:
    """Trust the tokens of a tenant's issuer no more, with an event; False when they are not."""
    tenant, issuer = what
    if not batch.connection.execute("DELETE FROM providers WHERE tenant = ? AND issuer = ?", what).rowcount:
        return False
    note(batch, master, tenant, ("provider.distrusted", {"issuer": issuer, "by": by}), reason)
    return True


def note_login(
    batch: Batch, master: MasterKey, tenant: str, login: LoginRow, body: Mapping[str, Json]
) -> None:
    """Record that a principal came with a credential, unless it stands there for this hour."""
    row = (tenant, login.credential, login.principal, login.mark, login.at)
    changed = batch.connection.execute(
        "INSERT INTO logins (tenant, credential, principal, mark, at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (tenant, credential) DO UPDATE SET"
        " principal = excluded.principal, mark = excluded.mark, at = excluded.at"
        " WHERE logins.principal <> excluded.principal OR logins.mark <> excluded.mark"
        " OR logins.at <> excluded.at",
        row,
    ).rowcount
    if changed:
        said: dict[str, Json] = {
            **body,
            "credential": login.credential,
            "principal": login.principal,
            "mark": login.mark,
            "hour": login.at,
        }
        tenants.record(batch, master, tenant, ("login", "", said))


def keys_of(reader: Reader, tenant: str) -> Sequence[KeyRow]:
    """Give the keys of a tenant, oldest first."""
    rows = reader.all(
        f"SELECT {COLUMNS} FROM api_keys WHERE tenant = ? ORDER BY created_at, id",  # noqa: S608 - our own columns
        tenant,
    )
    return [key_row(row) for row in rows]


def key_with(reader: Reader, master: MasterKey, key: str, secret: str) -> tuple[KeyRow | None, bool]:
    """Give the key with this id and whether `secret` is its own, in the same time whatever is wrong."""
    found = reader.one(f"SELECT {COLUMNS} FROM api_keys WHERE id = ?", key)  # noqa: S608 - our own columns
    row = None if found is None else key_row(found)
    under = NOBODYS if row is None else tenant_key(reader.one, master.reach, row.tenant)
    given = verifier(under, key, secret)
    same = hmac.compare_digest(given, row.verifier if row is not None else "0" * len(given))
    return row, same and row is not None


def logins_of(reader: Reader, tenant: str) -> Sequence[LoginRow]:
    """Give when each credential of a tenant was last used, by credential."""
    rows = reader.all(
        "SELECT credential, principal, mark, at FROM logins WHERE tenant = ? ORDER BY credential", tenant
    )
    return [LoginRow(*row) for row in rows]


def providers_of(reader: Reader, tenant: str) -> Sequence[ProviderRow]:
    """Give the providers whose tokens a tenant trusts, by issuer."""
    rows = reader.all(
        "SELECT tenant, issuer, settings, by FROM providers WHERE tenant = ? ORDER BY issuer", tenant
    )
    return [ProviderRow(name, issuer, json.loads(settings), by) for name, issuer, settings, by in rows]


def key_row(row: Any) -> KeyRow:
    """Give a key with its scope read."""
    name, tenant, principal, said, scope, *rest = row
    parts = {part: None if names is None else tuple(names) for part, names in json.loads(scope).items()}
    return KeyRow(name, tenant, principal, said, KeyScope(**parts), *rest)


def verifier(key: StreamKey, name: str, secret: str) -> str:
    """Give what is kept of a secret: HMAC-SHA-256 over the key's id and the secret."""
    return key.derive(f"api key {name} {secret}").hex()


def tenant_key(
    one: Callable[..., Any], unwrap: Callable[[bytes, bytes], StreamKey], tenant: str
) -> StreamKey:
    """Give the key of a tenant's stream."""
    stream, wrapped = one("SELECT stream, wrapped FROM tenants WHERE name = ?", tenant)
    return unwrap(stream, wrapped)
