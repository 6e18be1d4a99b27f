"""What a file says of calls on their way out is what Python says; what cannot work is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.connectors.tool import Tool, tool
from ripieno.model.errors import DefinitionError
from ripieno.model.failure import FAILURES
from ripieno.participants.function import Function
from ripieno.resilience.policy import Breaker, Bulkhead, Hedge, RateLimit, Resilience, Retry, Timeouts
from ripieno.workflows.fields import Document
from ripieno.workflows.load import load_text
from ripieno.workflows.resilience import ResilienceDocument, resilience
from ripieno.workflows.schema import workflow_schema

durations = st.one_of(st.sampled_from(["250ms", "90s", "1h30m"]), st.floats(0.001, 1e6))
shares = st.floats(0, 1)
counts = st.integers(1, 10**6)
failures: st.SearchStrategy[Any] = st.lists(st.sampled_from(sorted(FAILURES)), min_size=1).map(tuple)
times = st.none() | durations

declarations = st.builds(
    Resilience,
    system=st.none() | st.just("clinic"),
    target=st.none() | st.just("clinic:visits"),
    retry=st.none()
    | st.builds(
        Retry,
        attempts=counts,
        backoff=durations,
        longest=durations,
        jitter=shares,
        within=times,
        patience=times,
        on=failures,
    ),
    breaker=st.none()
    | st.builds(
        Breaker,
        failures=counts,
        within=durations,
        share=shares,
        cooldown=durations,
        longest=durations,
        lasting=durations,
        on=failures,
        at_once=failures,
    ),
    hedge=st.none() | st.builds(Hedge, after=durations, percentile=st.none() | st.integers(1, 99)),
    limits=st.lists(
        st.builds(
            RateLimit,
            requests=counts,
            tokens=st.none() | counts,
            per=durations,
            each_tenant=st.booleans(),
            of=st.sampled_from(["system", "target"]),
        ),
        max_size=2,
    ),
    bulkhead=st.none() | st.builds(Bulkhead, at_once=counts, queue=st.integers(0, 99)),
    timeouts=st.none() | st.builds(Timeouts, connect=times, first_byte=times, total=durations),
)


@given(declarations)
def test_both_forms_say_the_same(declared: Resilience) -> None:
    document = declared.document()
    again = resilience(ResilienceDocument.model_validate(document))
    assert again.document() == document


def hold(patient: str) -> str:
    """Hold a bed for a patient."""
    return patient


def ask() -> dict[str, str]:
    """Ask for nothing."""
    return {}


held: Tool = tool(hold, effect="read")


def file(settings: str) -> str:
    return (
        f'workflow: beds\nparticipants:\n  ask: {{function: {{import: "{__name__}:ask", pure: true}}}}\n'
        f'flow:\n  single_agent:\n    step: ask\n    tools:\n      - {{import: "{__name__}:held",'
        f" resilience: {settings}}}\n"
    )


def test_a_file_declares_it_for_a_tool_and_its_digest_holds_it() -> None:
    text = file("{system: clinic, retry: {attempts: 5, on: [timeout]}, breaker: {}, hedge: {after: 1s}}")
    workflow = load_text(text, folder=Path()).workflow
    declared: Any = next(iter(one for one in workflow.everyone() if one.kind == "single_agent"))
    found: Tool = declared.tools[0]
    assert found.resilience == Resilience(
        system="clinic",
        retry=Retry(attempts=5, on=("timeout",)),
        breaker=Breaker(),
        hedge=Hedge(after="1s"),
    )
    assert (found.attempts, held.attempts, held.resilience) == (5, 3, None)
    assert workflow.version != load_text(file("{system: clinic}"), folder=Path()).workflow.version


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{retry: {attempts: 0}}", "attempts"),
        ("{retry: {on: [late]}}", "late"),
        ("{breaker: {share: 2}}", "share"),
        ("{limits: [{per: 1m}]}", "a rate limit says nothing"),
        ("{bulkhead: {queue: 3}}", "at_once"),
        ("{timeouts: {}}", "timeouts say nothing"),
        ("{system: Übung}", "names in ASCII"),
        ("{retries: 3}", "retries"),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(settings: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said) as refused:
        load_text(file(settings), folder=Path())
    assert refused.value.place is not None
    assert refused.value.place.line is not None


def test_python_and_a_file_may_not_say_two_things() -> None:
    declared = tool(hold, resilience=Resilience(breaker=Breaker()))
    assert declared.declared_with(secrets={}, resilience=Resilience(breaker=Breaker())).resilience is not None
    with pytest.raises(DefinitionError, match="another resilience where it is declared in Python"):
        declared.declared_with(secrets={}, resilience=Resilience(hedge=Hedge()))


def test_the_schema_for_editors_knows_what_files_may_say() -> None:
    known = json.dumps(workflow_schema())
    documents = [one for one in Document.__subclasses__() if one.__module__ == "ripieno.workflows.resilience"]
    assert len(documents) == 7
    assert [name for one in documents for name in one.model_fields if f'"{name}"' not in known] == []


def test_a_function_and_a_remote_agent_declare_it_as_well() -> None:
    card = f"sha256:{'0' * 64}"
    text = (
        "workflow: beds\nparticipants:\n"
        f'  hold: {{function: {{import: "{__name__}:hold", resilience: {{breaker: {{}}}}}}}}\n'
        f"  far: {{remote: {{url: 'http://127.0.0.1:1', card: '{card}', "
        "resilience: {retry: {attempts: 5}}}}\n"
        "flow: {sequential: [hold, far]}\n"
    )
    found = {one.name: one for one in load_text(text, folder=Path()).workflow.everyone()}
    said: Any = found["hold"].describe()["function"]
    assert said["resilience"] == {"breaker": {}}
    far: Any = found["far"]
    assert [one.attempts for one in far.calls.all] == [5, 5, 5]
    assert far.describe()["remote"]["resilience"] == {"retry": {"attempts": 5}}
    with pytest.raises(DefinitionError, match="is pure: it calls nobody"):
        Function(hold, pure=True, resilience=Resilience(breaker=Breaker()))
    twice = text.replace("test_resilience_in_files:hold", "test_resilience_in_files:declared_hold")
    with pytest.raises(DefinitionError, match="resilience is"):
        load_text(twice.replace("breaker: {}", "hedge: {}"), folder=Path())
    load_text(twice.replace("  hold:", "  other:").replace("[hold", "[other"), folder=Path())


declared_hold = Function(hold, resilience=Resilience(breaker=Breaker()))
