"""Acts to decide about, and gates over policies written in a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.gate import Action, ActionKind, Actor, Approval, Subject
from ripieno.model.principal import Principal

ADA = Principal("person", "ada", roles=frozenset({"operator"}))
BEN = Principal("person", "ben", roles=frozenset({"treasurer"}))
BOT = Principal("agent", "bot")
WRITES: Mapping[str, Any] = {"effect": "write"}
READS: Mapping[str, Any] = {"effect": "read"}


def work(pack: str = "", principal: Principal = ADA) -> Action:
    """Give the visit of a participant."""
    subject = Subject("participant", "discharge/summarise")
    return Action("participant.work", "participant.work", Actor(principal), subject, workflow(pack))


def workflow(pack: str, **facts: Any) -> Subject:
    """Give a workflow that declares a pack."""
    return Subject("workflow", "discharge", {"policy": pack, **facts})


def call(
    tool: str = "payments.transfer",
    arguments: Mapping[str, Any] | None = None,
    *,
    pack: str = "",
    actor: Actor | None = None,
    facts: Mapping[str, Any] = WRITES,
    labels: tuple[str, ...] = (),
    approvals: tuple[Approval, ...] = (),
    provenance: Mapping[str, str] | None = None,
    data: tuple[str, ...] | None = None,
    kind: ActionKind = "tool.call",
) -> Action:
    """Give a call of a tool."""
    return Action(
        kind,
        kind,
        actor or Actor(ADA),
        Subject("tool", tool, facts),
        workflow(pack) if data is None else workflow(pack, data=data),
        given=None if arguments is None else lambda: arguments,
        labels=labels,
        approvals=approvals,
        provenance=provenance,
    )


def command(verb: str, by: Principal, **facts: Any) -> Action:
    """Give a command upon a run."""
    return Action("run.command", verb, Actor(by), Subject("run", "r-1", facts), workflow(""))


def pack(folder: Path, text: str, name: str = "own") -> PolicyGate:
    """Give a gate whose default pack is of these policies alone."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "rules.cedar").write_text(text, encoding="utf-8")
    return PolicyGate(load_library(folder), default_pack=name)


def under(text: str, folder: Path) -> PolicyGate:
    """Give a gate over the shipped packs with these policies on top of each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.cedar").write_text(text, encoding="utf-8")
    return PolicyGate(load_library(folder))
