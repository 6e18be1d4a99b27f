"""What policies say of one who acts, and the decision that follows from it and from what was approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ripieno.mediation.policy.policies import Policy, digest_of
from ripieno.model.effect_rule import Approver
from ripieno.model.gate import Action, Decision, Verdict, Vouching

__all__ = ["Ruling", "decision", "denied", "permitted"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the policies say, before anybody has approved anything."""

    verdict: Verdict
    policies: tuple[Policy, ...] = ()
    """Those that permit it; where it is denied, those that forbid it for good."""
    asking: tuple[Policy, ...] = ()
    """Those that forbid it until somebody has approved."""
    reason: str = ""
    decided: Decision | None = None
    """The decision where one acts for nobody else, and nothing has to be approved: made once."""


def denied(policies: tuple[Policy, ...], reason: str) -> Ruling:
    """Give a denial."""
    return Ruling("deny", policies, reason=reason)


def permitted(policies: tuple[Policy, ...], version: str, *, general: bool) -> Ruling:
    """Give a ruling that asks for nothing; it is `general` where nothing was read of one act."""
    ids = tuple(policy.id for policy in policies)
    return Ruling("allow", policies, decided=Decision("allow", ids, version, general=general))


def decision(action: Action, rulings: Sequence[Ruling], version: str) -> Decision:
    """Decide from what the policies say of everyone who acts: one denial is enough."""
    same = rulings[0].decided
    if same is not None and all(ruling.decided == same for ruling in rulings):
        return same
    for ruling in rulings:
        if ruling.verdict == "deny":
            return denial(action, ruling, version)
    asking = {policy.id: policy for ruling in rulings for policy in ruling.asking}
    permitting = {policy.id for ruling in rulings for policy in ruling.policies}
    waiting = [asking[name] for name in sorted(asking) if is_missing(asking[name], action)]
    if not waiting:
        under = digest_of(list(asking.values())) if asking else ""
        return Decision("allow", tuple(sorted(permitting | asking.keys())), version, asked_by=under)
    approvers: dict[str, Approver] = {}
    for policy in waiting:
        assert policy.demand is not None, "only policies with a demand ask"
        approvers.setdefault(policy.demand.approver.name, policy.demand.approver)
    return Decision(
        "ask",
        tuple(policy.id for policy in waiting),
        version,
        tuple(approvers.values()),
        digest_of(list(asking.values())),
        "; ".join(needs(policy, action) for policy in waiting),
        vouch=vouching(waiting) if len(approvers) == 1 else frozenset(),
    )


def vouching(waiting: Sequence[Policy]) -> frozenset[Vouching]:
    """Give what may be vouched for by one who approves for all of these: what each of them lets."""
    demands = [policy.demand for policy in waiting if policy.demand is not None]
    return frozenset[Vouching](demands[0].vouch).intersection(*(one.vouch for one in demands))


def denial(action: Action, ruling: Ruling, version: str) -> Decision:
    """Give the decision that denies an act, with the reason."""
    reason = ruling.reason
    if not reason and ruling.policies:
        reason = "forbidden by " + ", ".join(
            f"{policy}: {policy.reason}" if policy.reason else str(policy) for policy in ruling.policies
        )
    if not reason:
        reason = f"no policy permits {action.kind} of {action.subject.kind} {action.subject.name}"
    return Decision("deny", tuple(policy.id for policy in ruling.policies), version, reason=reason)


def is_missing(policy: Policy, action: Action) -> bool:
    """Tell whether somebody still has to approve for this policy."""
    assert policy.demand is not None, "only policies with a demand ask"
    return policy.demand.missing(action.approvals, action.actor) > 0


def needs(policy: Policy, action: Action) -> str:
    """Say what a policy still asks for."""
    assert policy.demand is not None, "only policies with a demand ask"
    demand = policy.demand
    count = demand.missing(action.approvals, action.actor)
    who = f"role {demand.approver.role}" if demand.approver.role else demand.approver.name
    often = f"{count} approvals" if count > 1 else "the approval"
    return f"{policy} needs {often} of {who}" + (f": {policy.reason}" if policy.reason else "")
