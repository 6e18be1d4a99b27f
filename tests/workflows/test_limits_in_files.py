"""Limits in workflow files: what Python says can be said there, and what cannot be kept is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from workflow_parts import file as put_away
from workflow_parts import read as take_in

from ripieno import Function, Limits, Workflow, ask, degrade, sequential
from ripieno.model.errors import DefinitionError
from ripieno.workflows.load import load_text
from ripieno.workflows.problems import WorkflowFileError

HERE = Path(__file__).parent
read, file = Function(take_in), Function(put_away)
HEAD = """\
workflow: orders
participants:
  read: {function: {import: "workflow_parts:read"}}
  file: {function: {import: "workflow_parts:file"}}
"""


def test_a_file_says_what_python_says() -> None:
    written = load_text(
        f"""{HEAD}
limits: {{active: 30m, deadline: 2d, cost_usd: 2, on_exhausted: {{ask: {{role: treasurer, due: 4h}}}}}}
flow:
  sequential:
    - {{step: read, limit: {{tokens: 4000, cost_usd: "0.050", on_exhausted: {{degrade: file}}}}}}
    - {{step: file, limit: {{model_calls: 3, rounds: 2, handoffs: 1, allowance: true}}, timeout: 1h}}
""",
        folder=HERE,
    ).workflow
    limits = Limits(active="30m", deadline="2d", cost_usd=2, on_exhausted=ask("treasurer", due="4h"))
    flow = sequential(
        read.limit(tokens=4000, cost_usd=0.05, on_exhausted=degrade(file)),
        file.limit(model_calls=3, rounds=2, handoffs=1, allowance=True).timeout("1h"),
    )
    assert written.digest == Workflow("orders", flow, limits=limits).digest
    assert load_text(str(written.document()), folder=HERE).workflow.digest == written.digest


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("limits: {cost_usd: 0}\nflow: read", "limits", "must be US dollars such as '0.05', got '0'"),
        ("limits: {cost_usd: lots}\nflow: read", "limits.cost_usd", "expected US dollars such as '0.02'"),
        ("limits: {cost_usd: [2]}\nflow: read", "limits.cost_usd", "expected US dollars such as '0.05'"),
        ("limits: {on_exhausted: stop}\nflow: read", "limits", "says what a limit does, and there is none"),
        ("limits: {tokens: 0}\nflow: read", "limits.tokens", "greater than or equal to 1"),
        (
            "flow: {step: read, limit: {tokens: 5, on_exhausted: {degrade: nobody}}}",
            "flow.limit.on_exhausted.degrade",
            "no participant is called 'nobody'",
        ),
        ("flow: {step: read, limit: {}}", "flow", "read: limit says nothing"),
        ("flow: {step: read, limit: {active: 1m, allowance: true}}", "flow.limit", "none is limited"),
        (
            "flow: {step: read, limit: {tokens: 1, allowance: true, on_exhausted: {ask: {role: boss}}}}",
            "flow.limit",
            "nobody can be asked for more of it",
        ),
    ],
)
def test_a_limit_that_cannot_be_kept_is_refused_at_its_place(text: str, field: str, says: str) -> None:
    with pytest.raises(WorkflowFileError) as raised:
        load_text(f"{HEAD}{text}\n", folder=HERE)
    [problem] = raised.value.problems
    assert problem.place is not None
    assert problem.place.field == field
    assert says in str(problem)


@pytest.mark.parametrize(
    "limits",
    [
        {"tokens": 0},
        {"tokens": True},
        {"rounds": 1.5},
        {"cost_usd": "-1"},
        {"cost_usd": "a lot"},
        {"tokens": 1, "on_exhausted": "explode"},
    ],
)
def test_python_refuses_the_same(limits: dict[str, object]) -> None:
    with pytest.raises(DefinitionError):
        Limits(**limits)  # pyright: ignore[reportArgumentType] - that is the test


def test_a_run_has_no_allowance() -> None:
    with pytest.raises(DefinitionError, match="nothing above it"):
        Workflow("orders", read, limits=Limits(tokens=1, allowance=True))
