"""Why an act is or would be decided so, and what would let it go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ripieno.mediation.policy.gate import PolicyGate
from ripieno.mediation.policy.policies import Policy
from ripieno.mediation.policy.reads import Node
from ripieno.mediation.policy.rules import OF_SOURCES, Rules
from ripieno.model.errors import RipienoError
from ripieno.model.gate import Action, Decision
from ripieno.model.principal import Principal

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with its policies, and what would change it."""

    decision: Decision
    policies: tuple[Policy, ...]
    """Those that determined it, as they stand in their files."""
    goes_on: tuple[str, ...]
    """What would let it go on, in sentences; empty where it does, or where only other policies would."""


def explain(gate: PolicyGate, action: Action) -> Explanation:
    """Decide about an act, and find what would let it go on."""
    decision = gate.decide(action)
    try:
        rules = gate.rules(action)
    except RipienoError:
        return Explanation(decision, (), ())
    policies = tuple(one for one in rules.policies if one.id in decision.policies)
    ways = () if decision.verdict == "allow" else tuple(goes_on(gate, rules, action, decision))
    return Explanation(decision, policies, ways)


def goes_on(gate: PolicyGate, rules: Rules, action: Action, decision: Decision) -> Iterator[str]:
    """Give what would let an act go on that does not."""
    for approver in decision.approvers:
        yield f"{approver.in_words} approves"
    wanted = rules.shard(action).wanted
    yield from by_sources(gate, wanted.reads.context, action)
    for role in sorted(wanted.reads.roles):
        actor = action.actor
        behalf = None if actor.on_behalf_of is None else with_role(actor.on_behalf_of, role)
        more = replace(
            action,
            actor=replace(
                actor,
                principal=with_role(actor.principal, role),
                on_behalf_of=behalf,
                further=tuple(with_role(one, role) for one in actor.further),
            ),
        )
        if more != action and gate.decide(more).verdict == "allow":
            yield (
                f"everyone who acts holds role {role}"
                if behalf
                else f"{actor.principal.id} holds role {role}"
            )


def with_role(principal: Principal, role: str) -> Principal:
    """Give a principal with one more role."""
    return replace(principal, roles=principal.roles | {role})


def by_sources(gate: PolicyGate, context: Node, action: Action) -> Iterator[str]:
    """Tell whether it would go on if what it carries came from elsewhere."""
    if context.parts.keys().isdisjoint(OF_SOURCES):
        return
    read = context.parts.get("provenance", Node())
    given: Mapping[str, Any] = {} if action.given is None else action.given()
    trusted = replace(
        action,
        provenance={**dict.fromkeys(given, "trusted"), **all_trusted(read)},
        sources=("trusted",),
        steering=("trusted",),
        shown=action.shown or ("trusted",),
    )
    if gate.decide(trusted).verdict == "allow":
        what = sorted(read.parts) or [
            name for name, word in (action.provenance or {}).items() if word not in ("trusted", "vouched")
        ]
        yield f"{', '.join(what) or 'what it is given'} would come from a trusted source"


def all_trusted(node: Node) -> dict[str, Any]:
    """Give what would be said of everything that is read if it were trusted."""
    return {name: all_trusted(part) if part.parts else "trusted" for name, part in node.parts.items()}
