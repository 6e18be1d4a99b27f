"""`ripieno providers`: whose tokens are trusted, and how they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import opened, opened_or_new
from ripieno.cli.settings import Settings
from ripieno.identity import providers
from ripieno.identity.providers import Provider

__all__ = ["distrust_provider", "list_providers", "trust_provider"]


def list_providers(*, options: Options = DEFAULTS) -> int:
    """List the identity providers whose tokens are trusted."""
    return asyncio.run(_list(options.settle()))


async def _list(settings: Settings) -> int:
    async with opened(settings) as store:
        rows = store.providers(settings.principal.tenant)
    shown = listing("issuer", "audience", "groups from", "prefix", "trusted by")
    found = [(row, Provider.of(row)) for row in rows]
    for row, provider in found:
        shown.add_row(
            clean(row.issuer, style="bold"),
            clean(", ".join(provider.audience)),
            clean(", ".join(provider.groups)),
            clean(provider.prefix),
            clean(row.by, style="dim"),
        )
    documents = [{"issuer": row.issuer, **provider.document(), "by": row.by} for row, provider in found]
    write(settings.output, documents, shown if rows else None)
    if not rows:
        note("no provider's tokens are trusted")
    return Exit.OK


def trust_provider(
    issuer: str,
    /,
    *,
    audience: Sequence[str],
    algorithm: Sequence[str] = (),
    subject: str = "sub",
    groups: Sequence[str] = ("groups",),
    prefix: str = "",
    leeway: int = 30,
    reason: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Trust the tokens of an OpenID provider, or change how they are read.

    Parameters
    ----------
    issuer
        Its https address, exactly as its tokens name it.
    audience
        For whom a token has to be meant; any of several.
    algorithm
        How tokens may be signed; RS256, PS256, ES256 and Ed25519 unless given.
    subject
        The claim that names the principal.
    groups
        The claim whose values are groups, such as groups or realm_access.roles; any of several.
    prefix
        Put before the names of its principals; of several providers each needs one.
    leeway
        Seconds by which its clock may differ.
    reason
        Why, for the log.

    """
    more = {"algorithms": tuple(algorithm)} if algorithm else {}
    provider = Provider(
        issuer,
        tuple(audience),
        leeway_seconds=leeway,
        subject=subject,
        groups=tuple(groups),
        prefix=prefix,
        **more,
    )
    return asyncio.run(_trust(options.settle(), provider, reason))


async def _trust(settings: Settings, provider: Provider, reason: str | None) -> int:
    async with opened_or_new(settings) as store:
        changed = await providers.trust(store, provider, by=settings.principal, reason=reason)
    shown = listing("", "")
    shown.add_row(clean(provider.issuer, style="bold"), "trusted")
    write(settings.output, {"issuer": provider.issuer, **provider.document(), "changed": changed}, shown)
    note("its groups give no role until ripieno groups map says which" if changed else "it was so already")
    return Exit.OK


def distrust_provider(issuer: str, /, *, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Trust the tokens of a provider no more.

    Parameters
    ----------
    issuer
        Its address, as ripieno providers list shows it.
    reason
        Why, for the log.

    """
    return asyncio.run(_distrust(options.settle(), issuer, reason))


async def _distrust(settings: Settings, issuer: str, reason: str | None) -> int:
    async with opened(settings) as store:
        await providers.distrust(store, issuer, by=settings.principal, reason=reason)
    shown = listing("", "")
    shown.add_row(clean(issuer, style="bold"), "trusted no more")
    write(settings.output, {"issuer": issuer, "state": "trusted no more"}, shown)
    return Exit.OK
