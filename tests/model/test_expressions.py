"""What an expression can reach: fields of values and a few functions, nothing that could change or run."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.expressions import Formula

GIVEN: dict[str, Any] = {
    "order": {"amount": 250, "items": [1, 2], "keys": "k", "copy": {"of": "it"}, "lines": [{"sku": "a"}]},
    "text": "abc",
    "numbers": [3, 1],
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("order.amount > 100 and text == 'abc'", True),
        ("order.items", [1, 2]),
        ("order.keys", "k"),
        ("order.copy.of", "it"),
        ("order['lines'][0].sku", "a"),
        ("len(order.items) + max(numbers) - min(numbers)", 4),
        ("[one * 2 for one in numbers]", [6, 2]),
        ("'yes' if order.amount else 'no'", "yes"),
    ],
)
def test_fields_are_read_by_name_whatever_they_are_called(text: str, value: object) -> None:
    assert Formula(text).of(GIVEN) == value


@pytest.mark.parametrize(
    "text",
    [
        "order.clear()",
        "order.pop('amount')",
        "order.setdefault('more', 1)",
        "numbers.append(3)",
        "text.upper()",
        "'{0.__class__}'.format(order)",
        "order.items()",
        "(lambda: 1)()",
        "open('/etc/passwd')",
        "__import__('os')",
        "range(10)",
        "[len][0](text)",
    ],
)
def test_only_the_known_functions_are_called_and_the_rest_is_refused_when_declared(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"cannot be called|cannot read"):
        Formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "text.upper",
        "text.__class__",
        "order.__class__",
        "order.clear",
        "len.__globals__",
        "(1).real",
        "f'{text.__class__}'",
        "numbers.append",
        "order.amount.imag",
    ],
)
def test_attributes_of_python_objects_are_no_fields(text: str) -> None:
    with pytest.raises(InputError):
        Formula(text).of(GIVEN)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "'x' * 10**9",
        "[[0] * 10**6] * 10**6",
        "[one for one in 'x' * 99999 for two in 'x' * 99999]",
    ],
)
def test_what_would_not_end_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Formula(text).of(GIVEN)


def test_nothing_that_is_given_changes() -> None:
    before = copy.deepcopy(GIVEN)
    for text in ("order.amount", "[one for one in numbers]", "numbers[0]", "sum(numbers)"):
        Formula(text).of(GIVEN)
    assert before == GIVEN


def test_a_field_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no field 'amuont'.*amount"):
        Formula("order.amuont > 1").of(GIVEN)


def test_it_may_be_broken_over_lines_and_have_room_around_it() -> None:
    assert Formula("""\n  (order.amount >\n    100)\n""").of(GIVEN) is True


def test_the_names_that_it_reads_are_known() -> None:
    assert Formula("order.amount > limit and len(text) > 0").reads >= {"order", "limit", "text"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1" * 1001, "may have 1000 characters, this one has 1001"),
        ("amount >", "cannot read .*: invalid syntax at its end"),
        ("amount = 3", "cannot read .*: invalid syntax at character 8"),
        ("amount += 3", "cannot read"),
        ("amount > 1; region", "cannot read"),
        ("amount\nregion", "cannot read"),
        ("", "cannot read"),
        ("amount \0", "cannot read"),
        ("(amount := 3)", "is nothing that the expression"),
        ("lambda: amount", "lambda: amount is nothing that"),
    ],
    ids=["too long", "unfinished", "set", "added", "two", "lines", "empty", "null", "named", "function"],
)
def test_what_cannot_be_an_expression_is_refused_when_it_is_declared(text: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        Formula(text)
