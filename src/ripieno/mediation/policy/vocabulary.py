"""What policies can speak of: kinds of acts, who acts, what is acted upon, and what is known of both.

One table; the Cedar schema, the requests and the documentation are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ripieno.model.gate import ActionKind

__all__ = [
    "ACTS",
    "ALWAYS",
    "CONTEXT",
    "PRINCIPAL",
    "PRINCIPALS",
    "REQUIRED",
    "RESOURCES",
    "WORKFLOW",
    "ValueKind",
    "entity_type",
]

ValueKind = Literal["text", "whole", "decimal", "flag", "texts", "wholes", "record"]
"""What a value is to Cedar: String, Long, decimal, Bool, Set<String>, Set<Long>, or a record of these."""

PRINCIPALS: Final = {"person": "Person", "agent": "Agent", "service": "Service", "system": "System"}

PRINCIPAL: Final[Mapping[str, ValueKind]] = {"id": "text", "name": "text", "tenant": "text"}
"""Known of every principal; its roles are what it is in: `principal in Role::"clinician"`."""

COMMON: Final[Mapping[str, ValueKind]] = {
    "name": "text",
    "owner": "text",
    "risk": "text",
    "data": "texts",
    "status": "text",
    "version": "text",
    "workflow": "text",
}

RESOURCES: Final[Mapping[str, Mapping[str, ValueKind]]] = {
    "Tool": {
        **COMMON,
        "effect": "text",
        "declared": "flag",
        "trusted": "flag",
        "outside": "flag",
        "on_uncertain": "text",
        "undo": "flag",
        "system": "text",
        "region": "text",
    },
    "Participant": {**COMMON, "kind": "text", "mode": "text", "model": "text"},
    "Workflow": {**COMMON, "policy": "text", "purpose": "text", "stage": "text"},
    "Run": {**COMMON, "principal": "text", "policy": "text"},
    "Task": {**COMMON, "role": "text", "person": "text", "run": "text", "kind": "text", "approval": "flag"},
    "Model": {**COMMON, "provider": "text", "approved_for_phi": "flag", "region": "text"},
    "Policy": {**COMMON, "stage": "text"},
    "Identity": {**COMMON, "kind": "text", "roles": "texts"},
    "Data": {**COMMON, "labels": "texts", "run": "text"},
}
"""What may be known of each kind of subject. All but `REQUIRED` has to be asked for with `has`."""

REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "Tool": frozenset({"name", "effect"}),
    "Model": frozenset({"name", "approved_for_phi"}),
}
"""What is known of every subject of a kind, beside its name: an act without it is denied where it is read."""

WORKFLOW: Final[Mapping[str, ValueKind]] = {
    "name": "text",
    "owner": "text",
    "risk": "text",
    "data": "texts",
    "policy": "text",
    "purpose": "text",
    "version": "text",
    "stage": "text",
    "input": "text",
}

CONTEXT: Final[Mapping[str, ValueKind | Mapping[str, ValueKind]]] = {
    "verb": "text",
    "labels": "texts",
    "approvals": "texts",
    "sources": "texts",
    "steering": "texts",
    "shown": "texts",
    "passes": "texts",
    "run": "text",
    "path": "text",
    "workflow": WORKFLOW,
}
"""What every act is proposed with; `verb`, `labels` and `approvals` always, the rest where there is any."""

ALWAYS: Final = frozenset({"verb", "labels", "approvals"})

ACTS: Final[Mapping[ActionKind, tuple[str, ...]]] = {
    "participant.work": ("Participant",),
    "tool.call": ("Tool",),
    "tool.undo": ("Tool",),
    "model.call": ("Model",),
    "handoff": ("Participant",),
    "chat.speak": ("Participant",),
    "plan": ("Participant",),
    "answer": ("Workflow",),
    "run.start": ("Workflow",),
    "run.command": ("Run",),
    "task.answer": ("Task",),
    "workflow.change": ("Workflow",),
    "policy.change": ("Policy",),
    "identity.change": ("Identity",),
    "data.read": ("Data", "Run", "Task"),
}
"""What each kind of act is done to."""


def entity_type(kind: str) -> str:
    """Give the Cedar type of a kind of subject, such as `Tool` of `tool`."""
    return kind.capitalize()
