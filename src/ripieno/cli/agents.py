"""`ripieno agents`: everyone who can act, who answers for them, and whether they may."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any, Final, Protocol

from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, show, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.identity.reading import within_reach
from ripieno.journal.store import Store
from ripieno.kernel.inventory import Agent, agents, find_agent, reinstate, retire, suspend
from ripieno.model.errors import NotFoundError
from ripieno.model.principal import Principal

__all__ = ["list_agents", "resume_agent", "retire_agent", "show_agent", "suspend_agent"]

LENGTH: Final = 12
"""Digits of a version that people see."""

COLORS: Final = {"active": "green", "draft": "dim", "suspended": "yellow", "retired": "red"}


def list_agents(*, workflow: str | None = None, options: Options = DEFAULTS) -> int:
    """List every participant that is registered: status, owner, risk, data, tools, when it acted last.

    Parameters
    ----------
    workflow
        Only those of this workflow.

    """
    return asyncio.run(_list(options.settle(), workflow))


async def _list(settings: Settings, workflow: str | None) -> int:
    try:
        async with opened(settings) as store:
            found = within_reach(await agents(store, settings.principal.tenant), settings.principal)
    except NotFoundError:
        found = []
    found = [agent for agent in found if workflow in (None, agent.workflow)]
    table = listing("agent", "kind", "status", "owner", "risk", "data", "tools", "last acted")
    for agent in found:
        acted = "" if agent.last_acted is None else f"{agent.last_acted.astimezone():%m-%d %H:%M}"
        table.add_row(
            clean(agent.full_name, style="bold"),
            agent.kind,
            Text(agent.status, style=COLORS[agent.status]),
            clean(agent.owner or ""),
            agent.risk or "",
            ", ".join(agent.data),
            clean(", ".join(agent.tools)),
            acted,
        )
    write(settings.output, [document(agent) for agent in found], table if found else None)
    if not found:
        note("nobody is registered: ripieno run or ripieno workflows register enters a workflow")
    return Exit.OK


def document(agent: Agent) -> dict[str, Any]:
    """Give a participant as programs read it."""
    return {
        "agent": agent.full_name,
        "workflow": agent.workflow,
        "name": agent.name,
        "kind": agent.kind,
        "status": agent.status,
        "by": agent.by,
        "reason": agent.reason,
        "owner": agent.owner,
        "purpose": agent.purpose,
        "risk": agent.risk,
        "data": list(agent.data),
        "model": agent.model,
        "asks": list(agent.asks),
        "tools": agent.tools,
        "versions": agent.versions,
        "code": agent.code,
        "runs_at": agent.runs_at,
        "last_acted": None if agent.last_acted is None else agent.last_acted.isoformat(),
    }


def show_agent(agent: str, /, *, options: Options = DEFAULTS) -> int:
    """Show one participant with its versions, where its workflow is at work, and why it may not act.

    Parameters
    ----------
    agent
        Its name, or workflow/name where several are called so.

    """
    return asyncio.run(_show(options.settle(), agent))


async def _show(settings: Settings, text: str) -> int:
    async with opened(settings) as store:
        agent = await find_agent(store, settings.principal.tenant, text)
        settings.principal.check_scope("data.read", agent.workflow)
    if settings.output != "table":
        write(settings.output, document(agent), None)
        return Exit.OK
    screen = console(sys.stdout)
    screen.print(Text.assemble((agent.full_name, "bold"), "  ", (agent.status, COLORS[agent.status])))
    if agent.by is not None:
        screen.print(clean(f"{agent.status} by {agent.by}: {agent.reason}"), soft_wrap=True)
    acted = "" if agent.last_acted is None else f"{agent.last_acted.astimezone():%Y-%m-%d %H:%M:%S}"
    facts = {
        "kind": agent.kind,
        "owner": agent.owner,
        "purpose": agent.purpose,
        "risk": agent.risk,
        "data": ", ".join(agent.data),
        "model": agent.model or "none",
        "asks": ", ".join(agent.asks),
        "tools": ", ".join(agent.tools),
        "code": ", ".join(agent.code),
        "versions": ", ".join(version[:LENGTH] for version in agent.versions),
        "runs at": "; ".join(agent.runs_at) or "nowhere now",
        "last acted": acted,
    }
    table = listing("", "")
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, style="dim"), clean(value))
    show(screen, table)
    return Exit.OK


def suspend_agent(agent: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Hold whatever a participant would begin; runs that come to it wait at no cost.

    Parameters
    ----------
    agent
        Its name, or workflow/name where several are called so.
    reason
        Why, for the log.

    """
    return asyncio.run(_change(options.settle(), agent, suspend, reason))


def resume_agent(agent: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let a participant act again that was suspended or retired; what waited for it goes on.

    Parameters
    ----------
    agent
        Its name, or workflow/name where several are called so.
    reason
        Why, for the log.

    """
    return asyncio.run(_change(options.settle(), agent, reinstate, reason))


def retire_agent(agent: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let a participant act no more: its visits end as escalated from now on.

    Parameters
    ----------
    agent
        Its name, or workflow/name where several are called so.
    reason
        Why, for the log.

    """
    return asyncio.run(_change(options.settle(), agent, retire, reason))


class Act(Protocol):
    """What is done with a participant; gives False when it was so already."""

    def __call__(self, store: Store, agent: Agent, /, *, by: Principal, reason: str) -> Awaitable[bool]:
        """Do it."""
        ...


async def _change(settings: Settings, text: str, act: Act, reason: str) -> int:
    async with opened(settings) as store:
        agent = await find_agent(store, settings.principal.tenant, text)
        new = await act(store, agent, by=settings.principal, reason=reason)
        agent = await find_agent(store, settings.principal.tenant, agent.full_name)
    table = listing("", "")
    table.add_row(clean(agent.full_name, style="bold"), Text(agent.status, style=COLORS[agent.status]))
    write(settings.output, {**document(agent), "changed": new}, table)
    if not new:
        note("it was so already")
    return Exit.OK
