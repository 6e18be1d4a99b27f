"""What holds for every set of policies: drawn at random, compared with what they say in plain words."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mediation.support.random_policies import Rule, acts, expected, library, rules, written

from ripieno.mediation.policy import PolicyGate
from ripieno.model.gate import Action

RANK: Final = {"deny": 0, "ask": 1, "allow": 2}
MANY: Final = st.lists(rules(), max_size=5)


@settings(max_examples=60, deadline=None)
@given(MANY, st.lists(acts(), min_size=1, max_size=6))
def test_forbid_wins_what_nothing_permits_is_denied_and_only_asking_forbids_ask(
    found: list[Rule], proposed: list[Action]
) -> None:
    gate = PolicyGate(library(found))
    assert [gate.decide(act).verdict for act in proposed] == [expected(found, act) for act in proposed]


@settings(max_examples=30, deadline=None)
@given(MANY, st.lists(acts(), min_size=2, max_size=8))
def test_what_is_remembered_is_what_would_be_decided_anew(found: list[Rule], proposed: list[Action]) -> None:
    gate = PolicyGate(library(found))
    for act in [*proposed, *proposed]:
        assert gate.decide(act) == PolicyGate(library(found)).decide(act)


@settings(max_examples=30, deadline=None)
@given(MANY, rules(), st.lists(acts(), min_size=1, max_size=6))
def test_one_more_forbid_never_lets_more_pass(found: list[Rule], more: Rule, proposed: list[Action]) -> None:
    if more.effect == "permit":
        return
    before, after = PolicyGate(library(found)), PolicyGate(library([*found, more]))
    for act in proposed:
        assert RANK[after.decide(act).verdict] <= RANK[before.decide(act).verdict]


@settings(max_examples=30, deadline=None)
@given(MANY, st.randoms(use_true_random=False), acts())
def test_the_order_of_policies_changes_no_decision(found: list[Rule], random: Random, act: Action) -> None:
    texts = [rule.text(number) for number, rule in enumerate(found)]
    shuffled = [*texts]
    random.shuffle(shuffled)
    first, other = PolicyGate(written(texts)), PolicyGate(written(shuffled))
    assert replace(first.decide(act), reason="") == replace(
        other.decide(act), reason=""
    )  # reasons name lines


@settings(max_examples=15, deadline=None)
@given(st.lists(rules(), min_size=12, max_size=30), st.lists(acts(), min_size=1, max_size=6))
def test_many_policies_that_are_asked_together_decide_as_each_by_itself(
    found: list[Rule], proposed: list[Action]
) -> None:
    gate = PolicyGate(library(found))
    for act in proposed:
        assert gate.decide(act).verdict == expected(found, act)
