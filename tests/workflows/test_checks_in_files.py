"""Checks in a file and in Python are the same, to the digest; mistakes are refused with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workflow_parts import is_large, look_up, post, read

from ripieno import (
    Function,
    Workflow,
    escalate,
    human,
    on_arguments,
    on_input,
    on_result,
    repair,
    single_agent,
)
from ripieno.connectors.tool import Tool
from ripieno.mediation.validation import Check
from ripieno.model.checks import Otherwise
from ripieno.participants.base import BaseParticipant
from ripieno.workflows.load import load_text
from ripieno.workflows.problems import WorkflowFileError
from ripieno.workflows.text import dump

clerk = human("clerk", role="clerk")
PARTICIPANTS = """
workflow: orders
participants:
  read: {function: {import: "workflow_parts:read", pure: true}}
  clerk: {human: {role: clerk}}
"""


def loaded(text: str) -> Workflow:
    return load_text(text, folder=Path(__file__).parent).workflow


def reading() -> Function:
    return Function(read, pure=True)


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
numbers = st.floats(-1e6, 1e6, allow_nan=False) | st.integers(-(10**6), 10**6)
ranges = st.dictionaries(
    texts,
    st.one_of(
        st.tuples(numbers, st.none()),
        st.tuples(st.none(), numbers),
        st.lists(numbers, min_size=2, max_size=2).map(sorted),
    ),
    min_size=1,
    max_size=2,
)
plain: list[st.SearchStrategy[dict[str, Any]]] = [
    st.sampled_from(["amount > 3", "len(value) < 9", is_large, {"type": "object", "maximum": 0.5}]).map(
        lambda rule: {"rule": rule}
    ),
    ranges.map(lambda given: {"ranges": given}),
    st.lists(st.sampled_from(["a+", "^x$", r"\\d{16}"]), min_size=1).map(lambda given: {"forbids": given}),
    st.integers(1, 10**9).map(lambda given: {"max_bytes": given}),
]
REJECT: list[Otherwise] = ["reject"]
otherwise: st.SearchStrategy[Otherwise] = st.one_of(
    st.sampled_from(REJECT),
    st.builds(escalate, texts.filter(str.strip), due=st.none() | st.sampled_from(["90s", "4h"])),
)
repairing = otherwise | st.builds(repair, st.integers(1, 9))


@st.composite
def checks(draw: st.DrawFn, make: Any, *more: st.SearchStrategy[dict[str, Any]]) -> Check:
    said = draw(st.one_of(*plain, *more))
    rule = said.pop("rule", None)
    rules = otherwise if make is on_input else repairing
    return make(rule, **said, says=draw(st.none() | texts), otherwise=draw(rules))


cites = st.integers(1, 9).map(lambda given: {"cites": given})
review = st.just({"reviewer": clerk})


@settings(max_examples=40)
@given(
    st.lists(checks(on_input, review) | checks(on_result, cites, review), min_size=1, max_size=3),
    st.lists(checks(on_arguments) | checks(on_result), max_size=2),
)
def test_a_workflow_with_checks_is_the_same_read_back(stage: list[Check], tool: list[Check]) -> None:
    tools = [Tool(look_up.function, effect="read", check=tool), Tool(post)]
    agent = single_agent(reading(), tools=tools, name="agent")
    made = Workflow("orders", agent.check(*stage))
    again = loaded(dump(made.document()))
    assert again.document() == made.document()
    assert again.version == made.version


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ('{result: "n < 3"}', on_result("n < 3")),
        ('{input: {import: "workflow_parts:is_large"}, says: "no"}', on_input(is_large, says="no")),
        (
            "{result: {schema: {type: object}}, otherwise: {repair: 3}}",
            on_result({"type": "object"}, otherwise=repair(3)),
        ),
        ("{result: {ranges: {n: [-1, null]}}, otherwise: reject}", on_result(ranges={"n": (-1, None)})),
        ('{result: {forbids: ["x"]}}', on_result(forbids=["x"])),
        ("{result: {max_bytes: 7}}", on_result(max_bytes=7)),
        ("{result: {cites: 1}}", on_result(cites=1)),
        (
            "{result: {review: clerk}, otherwise: {escalate: {role: chief, due: 4h}}}",
            on_result(reviewer=clerk, otherwise=escalate("chief", due="4h")),
        ),
    ],
)  # fmt: skip
def test_what_a_file_says_is_what_python_says(written: str, made: Check) -> None:
    stage: BaseParticipant = reading().check(made)
    text = f"{PARTICIPANTS}flow: {{step: read, check: [{written}]}}\n"
    assert loaded(text).digest == Workflow("orders", stage).digest


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ("{step: read, check: [{result: {}}]}", "expected one rule: schema, import, ranges"),
        ("{step: read, check: [{result: {cites: 1, max_bytes: 3}}]}", "expected one rule"),
        ("{step: read, check: [{result: 7}]}", "expected an expression, or a mapping with one rule, found 7"),
        ('{step: read, check: [{result: "n >"}]}', "cannot read the expression"),
        ("{step: read, check: [{}]}", "a check is of one thing: expected input or result"),
        ('{step: read, check: [{result: "n", input: "n"}]}', "a check is of one thing"),
        ('{step: read, check: [{arguments: "n"}]}', "unknown field 'arguments'"),
        ('{step: read, check: [{input: "n", otherwise: {repair: 1}}]}', "an input cannot be repaired"),
        ('{step: read, check: [{result: "n", otherwise: {}}]}', "expected reject, {repair: times}"),
        ('{step: read, check: [{result: "n", otherwise: stop}]}', "expected"),
        ("{step: read, check: [{result: {review: clrk}}]}", "did you mean 'clerk'"),
        ("{step: read, check: [{result: {import: 'workflow_parts:FORM'}}]}", "expected a function"),
        ("{step: read, check: [{result: {forbids: ['(']}}]}", "not a regular expression"),
        ("{step: read, check: [{result: {ranges: {n: [3, 1]}}}]}", "nothing is at least 3 and at most 1"),
        ("{step: read, check: [{result: {ranges: {n: [1]}}}]}", "at least 2 item"),
        (
            '{single_agent: {step: read, tools: [{import: "workflow_parts:look_up", check: [{}]}]}}',
            "a check is of one thing: expected arguments or result",
        ),
        (
            "{single_agent: {step: read, tools: [{import: 'workflow_parts:post', check: [result: {cites: 1}]}]}}",  # noqa: E501 - one line of a file
            "what a call gives cites nothing",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_place(flow: str, said: str) -> None:
    with pytest.raises(WorkflowFileError) as refused:
        loaded(f"{PARTICIPANTS}flow: {flow}\n")
    problem = refused.value.problems[0]
    assert said in problem.message, problem.message
    assert problem.place is not None
    assert problem.place.line == 6


def test_other_checks_than_those_in_python_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import workflow_parts  # noqa: PLC0415

    monkeypatch.setattr(workflow_parts, "look_up", Tool(look_up.function, check=[on_result("value == 1")]))
    entry = '{import: "workflow_parts:look_up", check: [{result: "value == 2"}]}'
    with pytest.raises(WorkflowFileError, match="other checks where it is declared in Python"):
        loaded(f"{PARTICIPANTS}flow: {{single_agent: {{step: read, tools: [{entry}]}}}}\n")
