"""A governed orchestration platform for AI agents, people and plain automation.

Everything a workflow needs is importable from here; each name is loaded when it is first used, so
that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ripieno.connectors.documents.documents import Documents
    from ripieno.connectors.documents.own import Passage, retrieval
    from ripieno.connectors.memory.memory import Memory
    from ripieno.connectors.tool import Tool, tool
    from ripieno.kernel.host import Host
    from ripieno.mediation.secrets.secret import Secret
    from ripieno.mediation.validation.check import escalate, on_arguments, on_input, on_result, repair
    from ripieno.model.action import Call
    from ripieno.model.effect_rule import WITHHELD, EffectRule, approved
    from ripieno.model.errors import (
        AuthenticationError,
        InputError,
        InvalidError,
        InvalidResultError,
        RejectedError,
        RipienoError,
        SecretError,
        ToolError,
        WithheldError,
    )
    from ripieno.model.limits import Limits
    from ripieno.model.outcome import Confidence, Evidence, Outcome
    from ripieno.model.participant import Context, Task
    from ripieno.model.principal import Principal
    from ripieno.model.quotation import Quoted, quoted
    from ripieno.model.runaway import Rate, Runaway
    from ripieno.model.spending import Cost
    from ripieno.model.working_time import Calendar
    from ripieno.participants.function import Function, function
    from ripieno.participants.human import Decision, Human, human, person, role
    from ripieno.participants.limiting import ask, degrade
    from ripieno.participants.llm.agent import Agent, agent
    from ripieno.participants.llm.brought import BroughtAgent
    from ripieno.participants.llm.confidence import judged_by, samples
    from ripieno.participants.remote.agent import RemoteAgent, remote_agent
    from ripieno.participants.tool_calls import use_tool
    from ripieno.participants.workflow import Subworkflow, subworkflow
    from ripieno.patterns.branch import branch, when
    from ripieno.patterns.compacting import collapse, compact, summary, window
    from ripieno.patterns.concurrent import concurrent
    from ripieno.patterns.conditions import consensus, elapsed, rounds, stalled, text, verdict
    from ripieno.patterns.direct import direct
    from ripieno.patterns.fallback import fallback
    from ripieno.patterns.group_chat import group_chat
    from ripieno.patterns.handoff import HandOver, hand_over, handoff
    from ripieno.patterns.loop import loop
    from ripieno.patterns.magentic import PlanReview, magentic
    from ripieno.patterns.managers import maker_checker, round_robin
    from ripieno.patterns.map import map_over
    from ripieno.patterns.outside import cost, external, tokens
    from ripieno.patterns.resolvers import (
        highest_confidence,
        judge,
        majority,
        merge,
        priority,
        quorum,
        unanimous,
        weighted,
    )
    from ripieno.patterns.sequential import sequential
    from ripieno.patterns.single_agent import single_agent
    from ripieno.resilience.policy import (
        Breaker,
        Bulkhead,
        Hedge,
        RateLimit,
        Resilience,
        Retry,
        Timeouts,
    )
    from ripieno.workflows.embedded import Handle, open_host
    from ripieno.workflows.workflow import Data, Replaces, Workflow

__all__ = [
    "WITHHELD",
    "Agent",
    "AuthenticationError",
    "Breaker",
    "BroughtAgent",
    "Bulkhead",
    "Calendar",
    "Call",
    "Confidence",
    "Context",
    "Cost",
    "Data",
    "Decision",
    "Documents",
    "EffectRule",
    "Evidence",
    "Function",
    "HandOver",
    "Handle",
    "Hedge",
    "Host",
    "Human",
    "InputError",
    "InvalidError",
    "InvalidResultError",
    "Limits",
    "Memory",
    "Outcome",
    "Passage",
    "PlanReview",
    "Principal",
    "Quoted",
    "Rate",
    "RateLimit",
    "RejectedError",
    "RemoteAgent",
    "Replaces",
    "Resilience",
    "Retry",
    "RipienoError",
    "Runaway",
    "Secret",
    "SecretError",
    "Subworkflow",
    "Task",
    "Timeouts",
    "Tool",
    "ToolError",
    "WithheldError",
    "Workflow",
    "agent",
    "approved",
    "ask",
    "branch",
    "collapse",
    "compact",
    "concurrent",
    "consensus",
    "cost",
    "degrade",
    "direct",
    "elapsed",
    "escalate",
    "external",
    "fallback",
    "function",
    "group_chat",
    "hand_over",
    "handoff",
    "highest_confidence",
    "human",
    "judge",
    "judged_by",
    "loop",
    "magentic",
    "majority",
    "maker_checker",
    "map_over",
    "merge",
    "on_arguments",
    "on_input",
    "on_result",
    "open_host",
    "person",
    "priority",
    "quorum",
    "quoted",
    "remote_agent",
    "repair",
    "retrieval",
    "role",
    "round_robin",
    "rounds",
    "samples",
    "sequential",
    "single_agent",
    "stalled",
    "subworkflow",
    "summary",
    "text",
    "tokens",
    "tool",
    "unanimous",
    "use_tool",
    "verdict",
    "weighted",
    "when",
    "window",
]

HOMES = {
    "ripieno.connectors.documents.documents": ("Documents",),
    "ripieno.connectors.documents.own": ("Passage", "retrieval"),
    "ripieno.connectors.memory.memory": ("Memory",),
    "ripieno.connectors.tool": ("Tool", "tool"),
    "ripieno.kernel.host": ("Host",),
    "ripieno.model.action": ("Call",),
    "ripieno.model.effect_rule": ("WITHHELD", "EffectRule", "approved"),
    "ripieno.mediation.secrets.secret": ("Secret",),
    "ripieno.mediation.validation.check": ("escalate", "on_arguments", "on_input", "on_result", "repair"),
    "ripieno.model.errors": (
        "AuthenticationError",
        "InputError",
        "InvalidError",
        "InvalidResultError",
        "RejectedError",
        "RipienoError",
        "SecretError",
        "ToolError",
        "WithheldError",
    ),
    "ripieno.model.limits": ("Limits",),
    "ripieno.model.runaway": ("Rate", "Runaway"),
    "ripieno.model.outcome": ("Confidence", "Evidence", "Outcome"),
    "ripieno.model.participant": ("Context", "Task"),
    "ripieno.model.principal": ("Principal",),
    "ripieno.model.quotation": ("Quoted", "quoted"),
    "ripieno.model.working_time": ("Calendar",),
    "ripieno.participants.function": ("Function", "function"),
    "ripieno.model.spending": ("Cost",),
    "ripieno.participants.human": ("Decision", "Human", "human", "person", "role"),
    "ripieno.participants.limiting": ("ask", "degrade"),
    "ripieno.participants.remote.agent": ("RemoteAgent", "remote_agent"),
    "ripieno.participants.llm.agent": ("Agent", "agent"),
    "ripieno.participants.llm.brought": ("BroughtAgent",),
    "ripieno.participants.llm.confidence": ("judged_by", "samples"),
    "ripieno.participants.workflow": ("Subworkflow", "subworkflow"),
    "ripieno.patterns.branch": ("branch", "when"),
    "ripieno.patterns.compacting": ("collapse", "compact", "summary", "window"),
    "ripieno.patterns.concurrent": ("concurrent",),
    "ripieno.patterns.conditions": ("consensus", "elapsed", "rounds", "stalled", "text", "verdict"),
    "ripieno.patterns.direct": ("direct",),
    "ripieno.patterns.fallback": ("fallback",),
    "ripieno.patterns.group_chat": ("group_chat",),
    "ripieno.patterns.handoff": ("HandOver", "hand_over", "handoff"),
    "ripieno.patterns.loop": ("loop",),
    "ripieno.patterns.magentic": ("PlanReview", "magentic"),
    "ripieno.patterns.managers": ("maker_checker", "round_robin"),
    "ripieno.patterns.map": ("map_over",),
    "ripieno.patterns.outside": ("cost", "external", "tokens"),
    "ripieno.patterns.resolvers": (
        "highest_confidence",
        "judge",
        "majority",
        "merge",
        "priority",
        "quorum",
        "unanimous",
        "weighted",
    ),
    "ripieno.patterns.sequential": ("sequential",),
    "ripieno.patterns.single_agent": ("single_agent",),
    "ripieno.resilience.policy": (
        "Breaker",
        "Bulkhead",
        "Hedge",
        "RateLimit",
        "Resilience",
        "Retry",
        "Timeouts",
    ),
    "ripieno.participants.tool_calls": ("use_tool",),
    "ripieno.workflows.embedded": ("Handle", "open_host"),
    "ripieno.workflows.workflow": ("Data", "Replaces", "Workflow"),
}
"""Where each public name lives."""

MODULE_OF = {name: module for module, names in HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used."""
    if name not in MODULE_OF:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    found: object = getattr(importlib.import_module(MODULE_OF[name]), name)
    globals()[name] = found
    return found
