"""Past decisions against another set of policies: which acts would be decided otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ripieno.mediation.policy.gate import PolicyGate
from ripieno.mediation.policy.past import PastAct
from ripieno.model.gate import Decision

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One act that would be decided otherwise."""

    act: PastAct
    now: Decision
    """What would be decided about it, with all that was approved of it then."""


def differences(acts: Iterable[PastAct], gate: PolicyGate) -> Iterator[Difference]:
    """Decide about past acts by other policies, and give those whose verdict is another one."""
    for act in acts:
        now = gate.decide(act.action)
        if now.verdict != act.verdict:
            yield Difference(act, now)
