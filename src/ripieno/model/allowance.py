"""What a child run may spend, out of what is left above it; and what stands between it and its effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno.model.effect_rule import AUTO, Approver, EffectRule
from ripieno.model.errors import DefinitionError, RefusedError
from ripieno.model.limits import Limits
from ripieno.model.spending import dollars

__all__ = ["allowed", "check_allowance", "read_rule", "rule_document"]


def check_allowance(limits: Limits | None, name: str) -> None:
    """Raise `DefinitionError` for limits that say nothing, or that somebody could be asked to raise."""
    if limits is not None and not limits.bounded:
        msg = f"{name}: the allowance says nothing"
        raise DefinitionError(msg, remedy="set tokens, cost_usd, model_calls, active, deadline or another")
    if limits is not None and not isinstance(limits.on_exhausted, str | None):
        msg = f"{name}: an allowance is set aside once: on_exhausted must be 'stop' or 'escalate'"
        raise DefinitionError(
            msg, remedy="ask or degrade within the workflow, or where the limits above trip"
        )


def allowed(document: Mapping[str, Any]) -> Limits:
    """Read the limits of a child run from its first event: amounts as counted, times as text."""
    amounts = {name: value for name, value in document.items() if name != "cost"}
    cost = dollars(document["cost"]) if "cost" in document else None
    set_aside = any(isinstance(value, int) for value in document.values())
    return Limits(**amounts, cost_usd=cost, allowance=set_aside)


def rule_document(rule: EffectRule) -> dict[str, Any]:
    """Give a rule for effects as another run can read it.

    Raises `RefusedError` where people are asked under a calendar or with reminders: it cannot be
    passed on.
    """
    return {"withheld": rule.withheld, "approvers": [approver_document(one) for one in rule.approvers]}


def approver_document(approver: Approver) -> dict[str, Any]:
    if approver.calendar is not None or approver.remind:
        msg = f"{approver.name} approves effects under a calendar or with reminders, which no child run can"
        raise RefusedError(msg, remedy="let them approve without, or in the workflow that is run")
    return {
        "role": approver.role,
        "person": approver.person,
        "due": approver.due,
        "because": approver.because,
        "then": [approver_document(one) for one in approver.then],
    }


def read_rule(document: Mapping[str, Any] | None) -> EffectRule:
    """Read a rule for effects; without one they are made as they come."""
    if document is None:
        return AUTO
    return EffectRule(document["withheld"], tuple(read_approver(one) for one in document["approvers"]))


def read_approver(document: Mapping[str, Any]) -> Approver:
    then = tuple(read_approver(one) for one in document["then"])
    asked = {name: value for name, value in document.items() if name != "then"}
    return Approver(**asked, then=then)
