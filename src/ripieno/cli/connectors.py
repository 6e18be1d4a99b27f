"""`ripieno connectors`: what a server offers beside what was approved, approving it, and signing in to it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.connector_interfaces import (
    approve_document,
    compare_interfaces,
    find_connector,
    openapi_at,
    told,
    versions_with,
)
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, note, write
from ripieno.cli.session import opened_or_new
from ripieno.model.errors import DefinitionError, InputError, NotFoundError, nearest

if TYPE_CHECKING:
    from ripieno.cli.settings import Settings
    from ripieno.connectors.comparison import Change
    from ripieno.connectors.mcp.connector import McpConnector, Offered
    from ripieno.journal.store import Store

__all__ = ["approve", "diff", "sign_in", "sign_out"]


def diff(reference: str, other: str | None = None, /, *, options: Options = DEFAULTS) -> int:
    """Show what is offered now beside what was approved. Exit code 1 where that is another, or breaks.

    Of a service it is told what breaks those who call and what fits, and which workflows are pinned to it.

    Parameters
    ----------
    reference
        Where the connector is: workflow.yaml:name, file.py:name or module:name; or an OpenAPI document.
    other
        An OpenAPI document to compare with; what the service shows now when left out.

    """
    settings = options.settle()
    found = None if other is not None or Path(reference).is_file() else find_connector(reference)
    if found is None or found.kind != "mcp":
        return compare_interfaces(reference, other, settings)
    connector = connector_at(reference)
    offered = asyncio.run(asked(connector))
    breaking = [f"{one.tool} {one.what}" for one in compared(offered) if one.breaking]
    affected = asyncio.run(versions_with(settings, connector.name)) if offered.changed or offered.gone else []
    if settings.output == "table":
        show(connector, offered)
        for why in breaking:
            note(f"breaks callers: {why}")
        if affected:
            note(f"pinned by {', '.join(told(one) for one in affected)}")
    else:
        write(settings.output, {**document(offered), "breaks": breaking, "affects": affected}, None)
    return Exit.FAILED if offered.changed or offered.added or offered.gone else Exit.OK


def approve(
    reference: str,
    /,
    *tools: str,
    yes: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Approve what a server offers now, after showing it: each definition, and what in it looks like a trap.

    What is approved is written into a file of the project, whole; it is what agents are told, and what calls
    are checked against. Look at the file as at any other change.

    Parameters
    ----------
    reference
        Where the connector is: workflow.yaml:name, file.py:name or module:name.
    tools
        Only these tools; the others stay as they were approved. None given: all, as they are now.
    yes
        Do not ask.

    """
    settings = options.settle()
    if find_connector(reference).kind == "openapi":
        return approve_document(openapi_at(reference), settings, yes=yes)
    connector = connector_at(reference)
    offered = asyncio.run(asked(connector))
    for name in tools:
        if name not in offered.now and name not in offered.gone:
            msg = (
                f"connector {connector.name}: its server offers no tool {name!r}{nearest(name, offered.now)}"
            )
            raise NotFoundError(msg)
    chosen = dict(offered.now)
    if tools:
        chosen = {name: one for name, one in connector.definitions.items() if name not in tools}
        chosen |= {name: offered.now[name] for name in tools if name in offered.now}
    show(connector, offered, whole=True, only=tools)
    if not yes and not confirmed(connector, len(chosen)):
        note("nothing was approved")
        return Exit.CANCELLED
    connector.approve(chosen)
    note(f"{connector.approved}: {len(chosen)} tools of {connector.name} may be called as they are now")
    if settings.output != "table":
        write(settings.output, {"file": str(connector.approved), "tools": sorted(chosen)}, None)
    return Exit.OK


def sign_in(reference: str, /, *, options: Options = DEFAULTS) -> int:
    """Sign in to a server with a browser; calls of your tenant's runs are then made with that.

    What the server gives for it is kept in the data folder, encrypted by its keys.

    Parameters
    ----------
    reference
        Where the connector is: file.py:name or module:name.

    """
    from ripieno.connectors.mcp import sign_in as signing  # noqa: PLC0415 - most commands do without it

    settings = options.settle()
    connector = connector_at(reference)

    async def page(address: str) -> None:
        note(f"open this page, and sign in there:\n  {address}")

    async def act() -> int:
        async with opened_or_new(settings) as store:
            tenant = await may(store, settings, "sign in to system", connector)
            return len(await signing.sign_in(connector.server, page, tenant=tenant))

    note(f"signed in to {connector.name}, which offers {asyncio.run(act())} tools")
    return Exit.OK


def sign_out(reference: str, /, *, options: Options = DEFAULTS) -> int:
    """Forget who has signed in to a server for your tenant, and have the issuer forget it where it can.

    The next call finds nobody signed in, also in processes that are at work.

    Parameters
    ----------
    reference
        Where the connector is: file.py:name or module:name.

    """
    from ripieno.connectors.mcp import sign_in as signing  # noqa: PLC0415 - most commands do without it

    settings = options.settle()
    connector = connector_at(reference)

    async def act() -> bool:
        async with opened_or_new(settings) as store:
            tenant = await may(store, settings, "sign out of system", connector)
            return await signing.sign_out(connector.server, tenant=tenant)

    there = asyncio.run(act())
    note(f"signed out of {connector.name}" if there else f"nobody was signed in to {connector.name}")
    return Exit.OK


async def may(store: Store, settings: Settings, verb: str, connector: McpConnector) -> str:
    """Give the tenant for which one may say who is signed in to a server; raises `NotAllowedError`."""
    from ripieno.kernel.allowed import check_command  # noqa: PLC0415 - most commands do without it

    given = {"connector": connector.name, "server": connector.server.at}
    by = await check_command(store, None, settings.principal, verb, given=given, reason=None)
    return by.tenant


def connector_at(reference: str) -> McpConnector:
    """Give the connector that people mean; raises `DefinitionError` for what is none of a server."""
    from ripieno.connectors.mcp.connector import McpConnector  # noqa: PLC0415 - most commands do without it

    found = find_connector(reference)
    if not isinstance(found, McpConnector):
        msg = f"expected an McpConnector at {reference!r}, found {type(found).__name__}"
        raise DefinitionError(msg)
    return found


def compared(offered: Offered) -> list[Change]:
    """Give what is different for callers; whatever the effect, a server does not say it."""
    from ripieno.connectors.comparison import Interface, compare  # noqa: PLC0415 - most commands do without it

    before, now = (
        {
            name: Interface(one.input_schema, one.output_schema, one.description, "")
            for name, one in of.items()
        }
        for of in (offered.approved, offered.now)
    )
    return compare(before, now)


async def asked(connector: McpConnector) -> Offered:
    """Ask the server what it offers."""
    from ripieno.connectors.mcp.connection import close_connections  # noqa: PLC0415 - as above

    try:
        return await connector.offered()
    finally:
        await close_connections()


def document(offered: Offered) -> dict[str, Any]:
    """Give it as programs read it."""
    return {
        "changed": {name: list(said) for name, said in offered.changed.items()},
        "added": list(offered.added),
        "gone": list(offered.gone),
        "unusable": dict(offered.unusable),
        "suspicions": {name: list(said) for name, said in offered.suspicions.items()},
    }


def show(
    connector: McpConnector, offered: Offered, *, whole: bool = False, only: tuple[str, ...] = ()
) -> None:
    """Show each tool that is new, another or gone; `whole` with what it says of itself."""
    out = console(sys.stdout)
    said = 0
    for name in sorted({*offered.now, *offered.gone, *offered.unusable}):
        states = state_of(name, offered)
        if not states or (only and name not in only):
            continue
        said += 1
        out.print(
            clean(f"{connector.name}.{name}", style="bold"),
            Text("  "),
            *[clean(one) for one in states],
            sep="",
        )
        if whole and name in offered.now:
            out.print(Text("  "), clean(offered.now[name].description or "(says nothing of itself)"), sep="")
        for why in offered.suspicions.get(name, ()):
            out.print(Text("  ! ", style="bold red"), clean(why), sep="")
    if not said:
        note(f"{connector.name}: all {len(offered.now)} tools are as they were approved")


def state_of(name: str, offered: Offered) -> list[str]:
    """Say what is to be said of a tool; nothing of one that is as it was approved."""
    if name in offered.unusable:
        return [f"cannot be called: {offered.unusable[name]}"]
    if name in offered.gone:
        return ["is gone"]
    if name in offered.added:
        hint = ", says that it only reads" if offered.now[name].says_reads else ""
        return [f"is new{hint}"]
    changed = offered.changed.get(name)
    return [f"is another: {'; '.join(changed)}"] if changed else []


def confirmed(connector: McpConnector, number: int) -> bool:
    """Ask whether these tools may be called; raises `InputError` where nobody can be asked."""
    if not sys.stdin.isatty():
        msg = f"nobody can be asked whether {number} tools of {connector.name} may be called"
        raise InputError(msg, remedy="look at them, then --yes")
    sys.stderr.write(f"may these be called, {number} tools in all? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
