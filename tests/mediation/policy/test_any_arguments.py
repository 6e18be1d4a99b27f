"""Whatever is proposed as an argument: it is read for what it is, or the act is denied."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.mediation.support.acts import call
from tests.mediation.support.random_policies import written

from ripieno.mediation.policy import PolicyGate

PERMIT: Final = '@id("calls") permit (principal, action == Action::"tool.call", resource is Tool);'
HEAD: Final = 'forbid (principal, action == Action::"tool.call", resource is Tool)'


def gate(condition: str) -> PolicyGate:
    """Give a gate that forbids calls under a condition, and permits all others."""
    return PolicyGate(written([PERMIT, f'@id("limit") {HEAD} when {{ {condition} }};']))


WHOLE: Final = gate("context has arguments.a && context.arguments.a > 5")
TEXT: Final = gate('context has arguments.a && context.arguments.a == "x"')
AMOUNT: Final = gate('context has amount && context.amount.greaterThan(decimal("5.0"))')

VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-10, 10)
    | st.floats()
    | st.decimals(places=4, allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["x", "5.0000", "5.0001", "1e3", "٣", " 3", "1_0", "-0", "__extn"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "__extn", "__entity", "fn", "arg", "type"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


def passes(found: PolicyGate, name: str, value: Any) -> bool:
    """Tell whether a call with an argument may be made at once."""
    return found.decide(call(arguments={name: value})).verdict == "allow"


@settings(max_examples=150, deadline=None)
@given(VALUES)
@example(value=2**63)
@example(value=True)
def test_a_whole_number_is_compared_and_nothing_else_passes_for_one(value: Any) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    assert passes(WHOLE, "a", value) == (value is None or (whole and -(2**63) <= value <= 5))


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_a_text_is_compared_and_nothing_else_passes_for_one(value: Any) -> None:
    assert passes(TEXT, "a", value) == (value is None or (isinstance(value, str) and value != "x"))


@settings(max_examples=300, deadline=None)
@given(VALUES)
@example(value="5.00001")
@example(value=math.inf)
def test_an_amount_passes_only_if_it_is_exactly_at_most_as_much(value: Any) -> None:
    if value is None:
        assert passes(AMOUNT, "amount", value)
        return
    if passes(AMOUNT, "amount", value):
        assert not isinstance(value, str) or not set(value) - set("-.0123456789")
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        assert number <= 5
        assert number == number.quantize(Decimal("0.0001"))
