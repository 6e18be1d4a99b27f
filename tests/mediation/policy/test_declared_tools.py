"""Policies against what tools declare of their arguments."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from ripieno.connectors.arguments import Arguments
from ripieno.mediation.policy.library import Library
from ripieno.mediation.policy.packs import Pack, Source
from ripieno.mediation.policy.tools import argument_kinds_of, check_tool


class Payee(BaseModel):
    name: str
    country: Literal["DE", "FR"]


class Branching(BaseModel):
    below: Branching | None = None
    label: str


def transfer(  # noqa: PLR0917 - one of each kind
    amount: Decimal,
    cents: int,
    rate: float,
    payee: Payee,
    urgent: bool,  # noqa: FBT001 - an argument of a tool
    tags: list[str],
    codes: list[int],
    note: str | None = None,
    parts: list[Payee] | None = None,
    either: str | int = 1,
) -> None:
    """Take arguments of every kind."""


def tree(root: Branching) -> None:
    """Take a record within which there may be another one."""


def found(text: str, function: Any = transfer) -> list[str]:
    """Give what is wrong with policies that read the arguments of a tool `pay`."""
    library = Library([Pack("own", Path(), "own", (Source("own/rules.cedar", text),))])
    return [
        str(one) for one in check_tool(library.rules("own").policies, "pay", Arguments(function).schema())
    ]


def about(condition: str, resource: str = '== Tool::"pay"') -> str:
    """Write a policy about an argument."""
    head = f'forbid (principal, action == Action::"tool.call", resource {resource})'
    return f'@id("a") {head} when {{ {condition} }};'


def test_each_argument_is_what_cedar_can_hold_of_it() -> None:
    assert argument_kinds_of(Arguments(transfer).schema()) == {
        ("amount",): "decimal",
        ("cents",): "whole",
        ("rate",): "decimal",
        ("payee", "name"): "text",
        ("payee", "country"): "text",
        ("urgent",): "flag",
        ("tags",): "texts",
        ("codes",): "wholes",
        ("note",): "text",
    }


def test_a_record_that_may_hold_itself_is_followed_to_an_end() -> None:
    kinds = argument_kinds_of(Arguments(tree).schema())
    assert kinds["root", "below", "label"] == "text"
    assert max(map(len, kinds)) < 12


@pytest.mark.parametrize(
    "condition",
    [
        'context has arguments.amount && context.arguments.amount.lessThan(decimal("1.0"))',
        "context has arguments.cents && context.arguments.cents > 3",
        'context has arguments.payee.country && context.arguments.payee.country == "DE"',
        'context has arguments.tags && context.arguments.tags.contains("x")',
        "context has arguments.urgent && context.arguments.urgent",
    ],
)
def test_policies_that_take_an_argument_for_what_it_is_fit(condition: str) -> None:
    assert found(about(condition)) == []
    assert found(about(condition, "is Tool")) == []


def test_an_argument_that_is_something_else_is_told_with_the_tool() -> None:
    (problem,) = found(about("context has arguments.amount && context.arguments.amount > 3"))
    assert problem.startswith("own/rules.cedar:1: a: as tool 'pay' declares it: ")
    assert "decimal" in problem


def test_an_argument_that_the_tool_does_not_take_is_told_with_the_nearest() -> None:
    condition = "context has arguments.amuont && context.arguments.amuont > 3"
    (problem,) = found(about(condition))
    assert "a: tool 'pay' takes no 'amuont' (did you mean 'amount'?)" in problem
    assert found(about(condition, "is Tool")) == []
    assert found(about(condition, '== Tool::"other"')) == []


def test_an_argument_that_may_be_several_things_is_none_that_a_policy_can_read() -> None:
    (problem,) = found(about('context has arguments.either && context.arguments.either == "x"'))
    assert "tool 'pay' declares 'either' as what policies cannot read, or as several things" in problem
