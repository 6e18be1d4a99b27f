"""`ripieno keys`: API keys, with which services, agents and people come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened, opened_or_new
from ripieno.cli.settings import API_KEY, Settings
from ripieno.identity import api_keys
from ripieno.identity.administration import ADMINISTRATOR
from ripieno.journal.identity import KeyRow, KeyScope
from ripieno.kernel.clock import MICROSECONDS, SystemClock, moment
from ripieno.model.durations import seconds
from ripieno.model.principal import Principal

__all__ = ["create_key", "list_keys", "revoke_key"]


def create_key(
    principal: str,
    /,
    *,
    role: Sequence[str] = (),
    workflow: Sequence[str] = (),
    act: Sequence[str] = (),
    expires: str = "90d",
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Make an API key; it is shown this once, and only its verifier is kept.

    Parameters
    ----------
    principal
        Who one is with it, such as service:billing.
    role
        Only these of its principal's roles; all of them unless given.
    workflow
        Good for these workflows only.
    act
        Good for these kinds of actions only, such as run.start or data.read.
    expires
        After how long, such as 12h or 90d; never for none at all.
    reason
        Why, for the log.

    """
    settings = options.settle()
    scope = KeyScope(tuple(role) or None, tuple(workflow) or None, tuple(act) or None)
    life = None if expires == "never" else round(seconds(expires) * MICROSECONDS)
    return asyncio.run(_create(settings, principal, scope, life, reason))


async def _create(
    settings: Settings, principal: str, scope: KeyScope, life: int | None, reason: str | None
) -> int:
    clock = SystemClock()
    async with opened_or_new(settings) as store:
        made = await api_keys.create_key(
            store,
            clock,
            principal,
            by=settings.principal,
            scope=scope,
            expires_at=None if life is None else clock.now() + life,
            reason=reason,
        )
    shown = listing("", "")
    shown.add_row(clean(made.row.principal, style="bold"), made.text)
    write(settings.output, {**document(made.row, None), "api_key": made.text}, shown)
    note(f"it is shown this once; whoever has it in {API_KEY} comes as {made.row.principal}")
    return Exit.OK


def list_keys(*, all: bool = False, options: Options = DEFAULTS) -> int:  # noqa: A002 - the flag's name
    """List API keys: your own, and those of others for an administrator.

    Parameters
    ----------
    all
        Those that were revoked or have expired, too.

    """
    return asyncio.run(_list(options.settle(), everything=all))


async def _list(settings: Settings, *, everything: bool) -> int:
    now = SystemClock().now()
    async with opened(settings) as store:
        by = settings.principal
        rows = [
            row
            for row in store.keys(by.tenant)
            if sees(by, row) and (everything or state_of(row, now) == "live")
        ]
        used = {login.credential: login.at for login in store.logins(by.tenant)}
    documents = [document(row, used.get(f"key:{row.id}"), now) for row in rows]
    shown = listing("key", "principal", "state", "expires", "last used", "good for")
    for one in documents:
        scope = "; ".join(
            f"{name} {', '.join(one[name])}" for name in ("roles", "workflows", "acts") if one[name]
        )
        shown.add_row(
            clean(one["key"], style="bold"),
            clean(one["principal"]),
            clean(one["state"], style="" if one["state"] == "live" else "red"),
            clean((one["expires"] or "never")[:16]),
            clean((one["last_used"] or "")[:13]),
            clean(scope or "whatever its principal may do"),
        )
    write(settings.output, documents, shown if rows else None)
    if not rows:
        note("no API key")
    return Exit.OK


def revoke_key(key: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Let an API key be good for nothing any more, from this moment on.

    Parameters
    ----------
    key
        Its id, as ripieno keys list shows it: not the key itself.
    reason
        Why, for the log.

    """
    return asyncio.run(_revoke(options.settle(), key, reason))


async def _revoke(settings: Settings, key: str, reason: str | None) -> int:
    async with opened(settings) as store:
        changed = await api_keys.revoke_key(store, key, by=settings.principal, reason=reason)
    shown = listing("", "")
    shown.add_row(clean(key, style="bold"), "revoked")
    write(settings.output, {"key": key, "state": "revoked", "changed": changed}, shown)
    if not changed:
        note("it was so already")
    return Exit.OK


def sees(by: Principal, row: KeyRow) -> bool:
    """Tell whether somebody sees that there is a key."""
    return row.principal == by.id or by.holds(ADMINISTRATOR)


def state_of(row: KeyRow, now: int) -> str:
    """Give whether a key is live, revoked or expired."""
    if row.state == "live" and row.expires_at is not None and row.expires_at <= now:
        return "expired"
    return row.state


def document(row: KeyRow, used: int | None, now: int = 0) -> dict[str, Any]:
    """Give a key as programs read it, without its verifier."""
    return {
        "key": row.id,
        "principal": row.principal,
        "state": state_of(row, now),
        **row.scope.document(),
        "expires": None if row.expires_at is None else moment(row.expires_at).isoformat(),
        "created": moment(row.created_at).isoformat(),
        "created_by": row.by,
        "last_used": None if used is None else moment(used).isoformat(),
    }
