"""Everyone who can act in a tenant's workflows: who answers for them, what they are, how they stand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from ripieno.journal.deployments import Acted, AgentState, AgentStatus, Deployment
from ripieno.journal.records import VersionRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_change
from ripieno.kernel.clock import moment
from ripieno.kernel.stopping import release, stop
from ripieno.model.errors import InputError, NotFoundError, nearest
from ripieno.model.principal import Principal

__all__ = ["Agent", "Standing", "agents", "find_agent", "reinstate", "retire", "suspend"]

Standing = Literal["draft", "active", "suspended", "retired"]
"""`draft`: in no version that was promoted, and has not acted yet. `suspended`: what it begins is held."""

LOOKED_AT: Final = 20_000
"""So many of the last acts are looked at for when somebody acted, and with which tools."""


@dataclass(slots=True)
class Agent:
    """One participant of a workflow, over all its versions: what is declared is what the newest declares."""

    workflow: str
    name: str
    kind: str = ""
    """`function`, `human`, `agent`; empty where it was registered before there was an inventory."""
    status: Standing = "draft"
    owner: str | None = None
    purpose: str | None = None
    risk: str | None = None
    data: Sequence[str] = ()
    model: str | None = None
    asks: Sequence[str] = ()
    """Roles or people, for one that asks them."""
    tools: list[str] = field(default_factory=list[str])
    """Declared, and after these those that it was seen to use."""
    versions: list[str] = field(default_factory=list[str])
    """Of the workflow, newest first."""
    code: list[str] = field(default_factory=list[str])
    """Its own versions: declared, or the beginning of the source's digest; newest first, each once."""
    runs_at: list[str] = field(default_factory=list[str])
    """The processes that are at a run of its workflow now."""
    last_acted: datetime | None = None
    """None where it has not acted, or so long ago that it was not looked at."""
    by: str | None = None
    """Who suspended or retired it."""
    reason: str | None = None

    @property
    def full_name(self) -> str:
        """`workflow/participant`, as commands and policies name it."""
        return f"{self.workflow}/{self.name}"


async def agents(store: Store, tenant: str) -> list[Agent]:
    """Give everyone who is registered in a tenant, by workflow and name."""
    found: dict[tuple[str, str], Agent] = {}
    for row in await store.versions(tenant):
        enter(found, row)
    take_acts(found, store.last_acts(tenant, LOOKED_AT))
    for workflow, process in store.processes(tenant):
        for agent in found.values():
            if agent.workflow == workflow:
                agent.runs_at.append(process)
    stand(found.values(), store, tenant)
    return [found[key] for key in sorted(found)]


def enter(found: dict[tuple[str, str], Agent], row: VersionRow) -> None:
    """Enter the participants of a version; they come newest first."""
    pins: dict[str, Any] = json.loads(row.pins)
    about: dict[str, Any] = json.loads(row.about)
    declared: dict[str, Any] = about.get("agents", {})
    for name, identity in pins.get("code", {}).items():
        if about and name not in declared:  # a pattern: it has code, and does not act itself
            continue
        new = (row.workflow, name) not in found
        agent = found.setdefault((row.workflow, name), Agent(row.workflow, name))
        agent.versions.append(row.version)
        code = identity.get("version") or str(identity.get("source") or "")[:12]
        if code and code not in agent.code:
            agent.code.append(code)
        if new:
            describe(agent, about, declared.get(name, {}))


def describe(agent: Agent, about: dict[str, Any], declared: dict[str, Any]) -> None:
    """Note what a version declares of a participant, and of the workflow that it is part of."""
    agent.owner, agent.purpose, agent.risk = about.get("owner"), about.get("purpose"), about.get("risk")
    agent.data = tuple(about.get("data", ()))
    agent.kind, agent.model = declared.get("kind", ""), declared.get("model")
    agent.asks, agent.tools = tuple(declared.get("asks", ())), list(declared.get("tools", ()))


def take_acts(found: dict[tuple[str, str], Agent], acts: Iterable[Acted]) -> None:
    """Note when each acted last, and which tools each was seen to use; acts come newest first."""
    for act in acts:
        event = act.event
        parts = [part.partition("@")[0] for part in event.path.split("/") if "@" in part]
        for name in set(parts):
            agent = found.get((act.workflow, name))
            if agent is not None and agent.last_acted is None:
                agent.last_acted = moment(event.at)
        agent = found.get((act.workflow, parts[-1])) if parts and event.kind == "intent" else None
        if agent is not None and event.body["tool"] not in agent.tools:
            agent.tools.append(event.body["tool"])


def stand(found: Iterable[Agent], store: Store, tenant: str) -> None:
    """Note how each stands: retired, suspended, promoted or in use; else a draft."""
    promoted = {(one.workflow, one.version) for one in promotions(store, tenant)}
    states = {(state.workflow, state.agent): state for state in store.agent_states(tenant)}
    for agent in found:
        state = states.get((agent.workflow, agent.name))
        if state is not None and state.status == "retired":
            agent.status, agent.by, agent.reason = "retired", state.by, state.reason
            continue
        held = [row for row in store.stops.rows if row.tenant == tenant and row.what == "participant"]
        for row in held:
            if row.name in (agent.name, agent.full_name):
                agent.status, agent.by, agent.reason = "suspended", row.by, store.why(row)
        used = agent.last_acted is not None or any((agent.workflow, v) in promoted for v in agent.versions)
        if agent.status == "draft" and used:
            agent.status = "active"


def promotions(store: Store, tenant: str) -> Sequence[Deployment]:
    """Give what was promoted and stands."""
    return store.deployments(tenant)


async def find_agent(store: Store, tenant: str, text: str) -> Agent:
    """Give the participant that people call `workflow/name`, or `name` where only one is called so.

    Raises `NotFoundError`, or `InputError` where several are.
    """
    known = await agents(store, tenant)
    found = [agent for agent in known if text in (agent.full_name, agent.name)]
    if len(found) == 1:
        return found[0]
    if found:
        msg = f"{text!r} is the name of {len(found)} participants"
        raise InputError(msg, remedy=f"say which: {', '.join(agent.full_name for agent in found)}")
    names = [name for agent in known for name in (agent.name, agent.full_name)]
    msg = f"no participant {text!r} is registered{nearest(text, names)}"
    raise NotFoundError(msg, remedy="ripieno agents list shows those there are")


# -- changes --------------------------------------------------------------------------------------------


async def suspend(store: Store, agent: Agent, *, by: Principal, reason: str) -> bool:
    """Hold whatever a participant would begin, until it is reinstated; False when it was so already.

    It is a stop of that participant: what it has claimed is awaited and recorded, and runs that come to
    it wait at no cost.
    """
    return await stop(store, "participant", agent.full_name, by=by, reason=reason)


async def retire(store: Store, agent: Agent, *, by: Principal, reason: str) -> bool:
    """Let a participant act no more: its visits end as `escalated`. False when it was so already.

    One that has begun does nothing more: its next act is denied. One that was suspended is not held any more.
    """
    changed = await change(store, agent, "retired", by=by, reason=reason)
    await release(store, "participant", agent.full_name, by=by, reason=reason)
    return changed


async def reinstate(store: Store, agent: Agent, *, by: Principal, reason: str) -> bool:
    """Let a participant act again that was suspended or retired; False when it was neither."""
    changed = await change(store, agent, "active", by=by, reason=reason)
    return await release(store, "participant", agent.full_name, by=by, reason=reason) or changed


async def change(store: Store, agent: Agent, status: AgentStatus, *, by: Principal, reason: str) -> bool:
    by = await check_change(
        store, agent.workflow, by, "agent", given={"agent": agent.full_name, "status": status}, reason=reason
    )
    if not reason.strip():
        msg = f"what becomes of {agent.full_name} needs a reason"
        raise InputError(msg)
    return await store.set_agent_state(
        by.tenant, AgentState(agent.workflow, agent.name, status, by.id, reason)
    )
