"""That the search of `test_no_way_round.py` can fail: weakened on purpose, the house lets something pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.mediation.support.machine import Approvals, Sequences, searched
from tests.mediation.support.policed import PassedError

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel import addressees, allowed, commands
from ripieno.kernel.consent import Panel
from ripieno.mediation.policy import PolicyGate
from ripieno.model.gate import Action, Actor, Approval, Decision, Subject
from ripieno.model.principal import Principal

SEARCHES = 25
EXAMPLES = 8
STEPS = 40


class Open(PolicyGate):
    """Lets everything happen where policies cannot be used."""

    def decide(self, action: Action) -> Decision:
        found = super().decide(action)
        broken = found.verdict == "deny" and found.reason.startswith("the policies cannot be used")
        return Decision("allow", version=found.version) if broken else found


class Undigested(PolicyGate):
    """Does not say which policies ask, so that an approval outlives them."""

    def decide(self, action: Action) -> Decision:
        return replace(super().decide(action), asked_by="")


PINNED: dict[tuple[str, str], PolicyGate] = {}
"""By which gate a call was decided first, by run and path."""


class Pinned(PolicyGate):
    """Decides about a call as at its first decision: nothing is decided anew before the claim."""

    def decide(self, action: Action) -> Decision:
        if action.run is None or action.path is None or action.kind != "tool.call":
            return super().decide(action)
        first = PINNED.setdefault((action.run, action.path), self)
        return PolicyGate(first.library).decide(action)


def nothing(*given: Any, **named: Any) -> None:
    """Check nothing."""
    del given, named


def barred_by_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commands, "check_barred", nothing)


def other_policies_void_nothing(patch: pytest.MonkeyPatch) -> None:
    def standing(panel: Panel, decide: Callable[[Sequence[Approval]], Decision]) -> Decision:
        return decide(panel.approvals)

    patch.setattr(Panel, "standing", standing)


def anybody_approves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commands, "check_approver", nothing)
    patch.setattr(addressees.Standing, "check_may_act", nothing)


def edits_keep_approvals(patch: pytest.MonkeyPatch) -> None:
    def edited(panel: Panel, *by: str) -> None:
        panel._barred += by  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - weakened on purpose

    patch.setattr(Panel, "edited", edited)


def nobody_decides_for_editors(patch: pytest.MonkeyPatch) -> None:
    def joined_by(actor: Actor, others: Iterable[Principal]) -> Actor:
        del others
        return actor

    patch.setattr(Actor, "joined_by", joined_by)


def commands_under_the_standard_pack(patch: pytest.MonkeyPatch) -> None:
    async def undeclared(store: Store, run: RunRow) -> Subject:
        del store
        return Subject("workflow", run.workflow)

    patch.setattr(allowed, "workflow_of", undeclared)


GATES: dict[str, type[PolicyGate]] = {
    "what cannot be used is open": Open,
    "who asks is not told": Undigested,
    "decided once": Pinned,
}
PATCHES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "nobody is barred": barred_by_nobody,
    "anybody approves": anybody_approves,
    "edits keep approvals": edits_keep_approvals,
    "nobody decides for editors": nobody_decides_for_editors,
    "other policies void nothing": other_policies_void_nothing,
    "commands under the standard pack": commands_under_the_standard_pack,
}


OF_ANYTHING = {"what cannot be used is open", "commands under the standard pack"}
"""Defects that show where files break and commands are given, not only approvals."""


@pytest.mark.parametrize("defect", [*GATES, *PATCHES])
def test_a_defect_is_found(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PINNED.clear()

    def gate(whole: PolicyGate) -> PolicyGate:
        return GATES.get(defect, PolicyGate)(whole.library)

    of = Sequences if defect in OF_ANYTHING else Approvals
    monkeypatch.setattr(of, "gate", staticmethod(gate))
    if defect in PATCHES:
        PATCHES[defect](monkeypatch)
    with pytest.raises(PassedError):
        search(of)


def search(machine: type[Sequences]) -> None:
    """Begin anew many times: what a long search comes to resembles what it had."""
    for begin in range(SEARCHES):
        searched(machine, examples=EXAMPLES, steps=STEPS, begin=begin)
