"""Whoever acts for others never has more rights than each of them."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.identity.delegation import effective, effective_of
from ripieno.model.errors import NotAllowedError
from ripieno.model.gate import Actor
from ripieno.model.principal import Principal

ROLES = ("clerk", "nurse", "treasurer", "operator")
PRINCIPALS = st.builds(
    Principal,
    st.sampled_from(("person", "agent", "service")),
    st.sampled_from(("ada", "bob", "triage")),
    roles=st.frozensets(st.sampled_from(ROLES)),
    every_role=st.booleans(),
)


@settings(max_examples=100)
@given(st.lists(PRINCIPALS, min_size=1, max_size=5))
def test_a_chain_holds_a_role_exactly_where_every_one_of_it_does(chain: list[Principal]) -> None:
    acting = effective(*chain)
    assert acting.id == chain[0].id
    for role in (*ROLES, "of nobody"):
        assert acting.holds(role) == all(one.holds(role) for one in chain)


@settings(max_examples=50)
@given(st.lists(PRINCIPALS, min_size=1, max_size=4), PRINCIPALS)
def test_one_more_in_a_chain_never_adds_a_right(chain: list[Principal], further: Principal) -> None:
    longer, shorter = effective(*chain, further), effective(*chain)
    assert not [role for role in ROLES if longer.holds(role) and not shorter.holds(role)]


@settings(max_examples=30)
@given(st.lists(PRINCIPALS, min_size=3, max_size=3))
def test_the_order_of_a_chain_makes_no_difference_to_its_rights(chain: list[Principal]) -> None:
    rights = {tuple(effective(*order).holds(role) for role in ROLES) for order in permutations(chain)}
    assert len(rights) == 1


def test_a_chain_into_another_tenant_has_no_rights_at_all() -> None:
    with pytest.raises(NotAllowedError, match="of another"):
        effective(Principal("agent", "triage"), Principal("person", "ada", "elsewhere", every_role=True))


def test_an_actor_counts_with_the_one_it_acts_for() -> None:
    agent = Principal("agent", "triage", roles=frozenset({"clerk", "nurse"}))
    ada = Principal("person", "ada", roles=frozenset({"nurse"}))
    assert effective_of(Actor(agent)).roles == {"clerk", "nurse"}
    assert effective_of(Actor(agent, ada)).roles == {"nurse"}
