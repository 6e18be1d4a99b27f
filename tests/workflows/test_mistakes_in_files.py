"""One test per kind of mistake: the error names file, line, field, what was expected and the nearest name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from ripieno.model.errors import DefinitionError
from ripieno.workflows.load import load
from ripieno.workflows.problems import WorkflowFileError

HEAD = "workflow: orders\nparticipants:\n  read: {function: {import: 'workflow_parts:read', pure: true}}\n"
"""The three lines that most files here begin with; what is wrong comes after."""


class Mistake(NamedTuple):
    """A file with one mistake, and what the error says of it."""

    text: str
    line: int
    field: str | None
    says: str


def flow(text: str) -> str:
    return f"{HEAD}flow: {text}\n"


def agent(compact: str) -> str:
    return flow(f"{{single_agent: {{step: read, tools: [], compact: {compact}}}}}")


def declared(entry: str) -> str:
    return f"workflow: orders\nparticipants:\n  read: {entry}\nflow: read\n"


MISTAKES = {
    "not YAML": Mistake("workflow: [", 1, None, "not YAML"),
    "an empty file": Mistake("# nothing\n", 1, None, "empty"),
    "a list": Mistake("- workflow\n", 1, None, "expected a mapping, found a list"),
    "a key twice": Mistake(f"{HEAD}flow: read\nflow: read\n", 5, "flow", "given already on line 4"),
    "a tag that makes objects": Mistake(
        flow("!!python/object:os.system {}"), 4, "flow", "expected plain data"
    ),
    "no name": Mistake("flow: read\n", 1, None, "'workflow' is missing"),
    "no flow": Mistake("workflow: orders\n", 1, None, "'flow' is missing"),
    "a name that cannot be": Mistake(
        "workflow: Orders!\nflow: x\n", 1, "workflow", "'Orders!' does not match"
    ),
    "an unknown field": Mistake(f"ownr: a\n{flow('read')}", 1, "ownr", "did you mean 'owner'?"),
    "an unknown risk": Mistake(f"risk: hihg\n{flow('read')}", 1, "risk", "did you mean 'high'?"),
    "unknown data": Mistake(
        f"data: [phi, finance]\n{flow('read')}", 1, "data.1", "did you mean 'financial'?"
    ),
    "data that is no list": Mistake(f"data: phi\n{flow('read')}", 1, "data", "expected a list, found 'phi'"),
    "a number as text": Mistake(f"owner: 3\n{flow('read')}", 1, "owner", "expected text, found 3"),
    "an unknown limit": Mistake(
        f"limits: {{token: 2}}\n{flow('read')}", 1, "limits.token", "(did you mean 'tokens'?)"
    ),
    "a duration that is none": Mistake(
        f"limits: {{deadline: soon}}\n{flow('read')}", 1, "limits.deadline", "expected a duration"
    ),
    "negative minutes": Mistake(
        f"replaces: {{minutes: -1}}\n{flow('read')}",
        1,
        "replaces.minutes",
        "greater than or equal to 0, found -1",
    ),
    "an edge to nobody": Mistake(
        flow("{handoff: {steps: [read], edges: {read: [raed]}}}"),
        4,
        "flow.handoff",
        "handoff: 'raed' takes no part (did you mean 'read'?)",
    ),
    "a chat that nothing ends": Mistake(
        flow("{group_chat: {steps: [read], until: consensus}}"),
        4,
        "flow.group_chat",
        "nothing ends this chat for certain",
    ),
    "an end that is none": Mistake(
        flow("{group_chat: {steps: [read], until: [consensus]}}"),
        4,
        "flow.group_chat.until",
        "expected something like consensus or {rounds: 6}, found a list",
    ),
    "two ends in one": Mistake(
        flow("{group_chat: {steps: [read], until: {rounds: 3, stalled: 2}}}"),
        4,
        "flow.group_chat.until",
        "expected one of: rounds, text, verdict, stalled, time, tokens, cost, external, any, all",
    ),
    "a chat that ends for nothing": Mistake(
        flow("{group_chat: {steps: [read], until: {any: [{rounds: 3}, {cost: 0.0}]}}}"),
        4,
        "flow.group_chat.until.any.1",
        "cost must be more than nothing",
    ),
    "a field beside the wrong end": Mistake(
        flow("{group_chat: {steps: [read], until: {rounds: 3, by: read}}}"),
        4,
        "flow.group_chat.until",
        "'by' stands beside 'text' alone",
    ),
    "an unknown end": Mistake(
        flow("{group_chat: {steps: [read], until: {round: 3}}}"),
        4,
        "flow.group_chat.until.round",
        "unknown field 'round' (did you mean 'rounds'?)",
    ),
    "a chat managed by nobody": Mistake(
        flow("{group_chat: {steps: [read], until: {rounds: 3}, manager: {step: chair}}}"),
        4,
        "flow.group_chat.manager.step",
        "no participant is called 'chair'",
    ),
    "a manager that is no function": Mistake(
        flow("{group_chat: {steps: [read], until: {rounds: 3}, manager: {import: 'workflow_parts:NUMBER'}}}"),
        4,
        "flow.group_chat.manager",
        "expected a function at 'workflow_parts:NUMBER', found int",
    ),
    "an unknown kind of participant": Mistake(
        declared("{robot: {model: x}}"),
        3,
        "participants.read",
        "unknown kind of participant 'robot'; known: agent, function",
    ),
    "two kinds of participant": Mistake(
        declared("{function: {}, human: {}}"), 3, "participants.read", "of one kind, found function and human"
    ),
    "a participant that is no mapping": Mistake(
        declared("workflow_parts"),
        3,
        "participants.read",
        "expected a participant: a mapping with one of agent, function",
    ),
    "a participant's name that cannot be": Mistake(
        "workflow: orders\nparticipants:\n  1st: {import: 'a:b'}\nflow: x\n",
        3,
        "participants.1st",
        "does not match",
    ),
    "an unknown setting of a function": Mistake(
        declared("{function: {import: 'workflow_parts:read', pur: true}}"),
        3,
        "participants.read.function.pur",
        "did you mean 'pure'?",
    ),
    "a setting of another type": Mistake(
        declared("{function: {import: 'workflow_parts:read', pure: yes}}"),
        3,
        "participants.read.function.pure",
        "expected true or false, found 'yes'",
    ),
    "a reference that is none": Mistake(
        declared("{function: {import: workflow_parts.read}}"),
        3,
        "participants.read.function.import",
        "expected a Python object as 'module:attribute'",
    ),
    "no such module": Mistake(
        declared("{function: {import: 'no_such_module:read'}}"),
        3,
        "participants.read",
        "cannot import 'no_such_module'",
    ),
    "no such attribute": Mistake(
        declared("{function: {import: 'workflow_parts:raed'}}"),
        3,
        "participants.read",
        "did you mean 'read'?",
    ),
    "not a function": Mistake(
        declared("{function: {import: 'workflow_parts:NUMBER'}}"),
        3,
        "participants.read",
        "expected a function",
    ),
    "a tool as a function": Mistake(
        declared("{function: {import: 'workflow_parts:look_up'}}"),
        3,
        "participants.read",
        "is a tool, not a function",
    ),
    "a person as a function": Mistake(
        declared("{function: {import: 'workflow_parts:chief'}}"),
        3,
        "participants.read",
        "is a human participant",
    ),
    "contradicts Python on pure": Mistake(
        declared("{function: {import: 'workflow_parts:weigh', pure: false}}"),
        3,
        "participants.read",
        "pure is False here, and True where",
    ),
    "contradicts Python on version": Mistake(
        declared("{function: {import: 'workflow_parts:weigh', version: '3'}}"),
        3,
        "participants.read",
        "version is '3'",
    ),
    "contradicts Python on timeout": Mistake(
        declared("{function: {import: 'workflow_parts:weigh', timeout: 6s}}"),
        3,
        "participants.read",
        "timeout is 6.0",
    ),
    "imports what is no participant": Mistake(
        declared("{import: 'workflow_parts:read'}"), 3, "participants.read", "expected a participant"
    ),
    "imports under another name": Mistake(
        declared("{import: 'workflow_parts:chief'}"), 3, "participants.read", "is called 'chief', not 'read'"
    ),
    "a person without a role": Mistake(
        declared("{human: {}}"), 3, "participants.read.human", "expected either a role or a person"
    ),
    "a second role without a time": Mistake(
        declared("{human: {role: a, then: {role: b}}}"), 3, "participants.read", "`then` needs `due`"
    ),
    "a form that is no schema": Mistake(
        declared("{human: {role: a, form: {type: objekt}}}"), 3, "participants.read", "not a JSON Schema"
    ),
    "a form's file that is not there": Mistake(
        declared("{human: {role: a, form: {schema: nowhere.json}}}"),
        3,
        "participants.read",
        "cannot read the schema",
    ),
    "a form that refers elsewhere": Mistake(
        declared("{human: {role: a, form: {$ref: 'https://example.org/x.json'}}}"),
        3,
        "participants.read",
        "refers to 'https://example.org/x.json', which is not in it",
    ),
    "a form from what is none": Mistake(
        declared("{human: {role: a, form: {import: 'workflow_parts:NUMBER'}}}"),
        3,
        "participants.read",
        "expected a Pydantic model or a JSON Schema",
    ),
    "an input check that is none": Mistake(
        f"input: {{import: 'workflow_parts:NUMBER'}}\n{flow('read')}",
        1,
        None,
        "a JSON Schema, a Pydantic model",
    ),
    "an unknown stage": Mistake(
        flow("{sequental: [read]}"),
        4,
        "flow",
        "unknown kind of stage 'sequental' (did you mean 'sequential'?)",
    ),
    "a stage without a kind": Mistake(flow("{retry: {attempts: 3}}"), 4, "flow", "found none of them"),
    "two kinds of stage": Mistake(
        flow("{step: read, map: {}}"), 4, "flow", "a stage is of one kind, found step and map"
    ),
    "a stage that is a number": Mistake(flow("[read]"), 4, "flow", "expected a stage"),
    "an empty sequence": Mistake(flow("{sequential: []}"), 4, "flow.sequential", "at least 1 item"),
    "a step nobody declared": Mistake(
        flow("{sequential: [{step: raed}]}"),
        4,
        "flow.sequential.0.step",
        "no participant is called 'raed' (did you mean 'read'?); declared: read",
    ),
    "an unknown setting of a step": Mistake(
        flow("{step: read, retries: 3}"), 4, "flow.retries", "did you mean 'retry'?"
    ),
    "no attempts": Mistake(
        flow("{step: read, retry: {attempts: 0}}"),
        4,
        "flow.retry.attempts",
        "greater than or equal to 1, found 0",
    ),
    "a threshold over one": Mistake(
        flow("{step: read, escalate: {below: 1.5, to: read}}"),
        4,
        "flow.escalate.below",
        "less than or equal to 1",
    ),
    "an escalation to nobody": Mistake(
        flow("{step: read, escalate: {below: 0.5, to: chief}}"),
        4,
        "flow.escalate.to",
        "no participant is called 'chief'",
    ),
    "an unknown failure rule": Mistake(
        flow("{step: read, on_failure: contine}"), 4, "flow.on_failure", "did you mean 'continue'?"
    ),
    "a tool that is none": Mistake(
        flow("{single_agent: {step: read, tools: ['workflow_parts:NUMBER']}}"),
        4,
        "flow.single_agent.tools",
        "expected a tool at 'workflow_parts:NUMBER', found int",
    ),
    "a tool that is not there": Mistake(
        flow("{single_agent: {step: read, tools: ['workflow_parts:look_op']}}"),
        4,
        "flow.single_agent.tools",
        "did you mean 'look_up'?",
    ),
    "two tools of one name": Mistake(
        flow("{single_agent: {step: read, tools: ['workflow_parts:post', 'workflow_parts:post']}}"),
        4,
        "flow.single_agent",
        "two tools have the same name",
    ),
    "an agent without tools": Mistake(
        flow("{single_agent: {step: read}}"), 4, "flow.single_agent", "'tools' is missing"
    ),
    "an agent nobody declared": Mistake(
        flow("{single_agent: {step: raed, tools: []}}"), 4, "flow.single_agent.step", "did you mean 'read'?"
    ),
    "no rounds": Mistake(
        flow("{single_agent: {step: read, tools: [], rounds: 0}}"),
        4,
        "flow.single_agent.rounds",
        "greater than or equal to 1",
    ),
    "an unknown strategy": Mistake(
        agent("{tokens: 9, by: [windw]}"),
        4,
        "flow.single_agent.compact.by.0",
        "did you mean 'window'?",
    ),
    "a strategy of two kinds": Mistake(
        agent("{tokens: 9, by: [{collapse: {}, summary: {step: read}}]}"),
        4,
        "flow.single_agent.compact.by.0",
        "expected one strategy: collapse, summary",
    ),
    "a strategy named twice": Mistake(
        agent("{tokens: 9, by: [window, window]}"),
        4,
        "flow.single_agent.compact",
        "a strategy is named twice",
    ),
    "a summary by nobody": Mistake(
        agent("{tokens: 9, by: [{summary: {step: x}}]}"),
        4,
        "flow.single_agent.compact.by.0.summary.step",
        "no participant is called 'x'",
    ),
    "a counter that is none": Mistake(
        agent("{tokens: 9, count: 'workflow_parts:NUMBER'}"),
        4,
        "flow.single_agent.compact",
        "expected a function at 'workflow_parts:NUMBER'",
    ),
    "no rule that joins": Mistake(
        flow("{concurrent: {steps: [read]}}"), 4, "flow.concurrent", "'resolve' is missing"
    ),
    "an unknown rule": Mistake(
        flow("{concurrent: {steps: [read], resolve: merg}}"),
        4,
        "flow.concurrent.resolve",
        "did you mean 'merge'?",
    ),
    "an unknown rule with settings": Mistake(
        flow("{concurrent: {steps: [read], resolve: {quorom: {k: 1}}}}"),
        4,
        "flow.concurrent.resolve.quorom",
        "did you mean 'quorum'?",
    ),
    "two rules": Mistake(
        flow("{concurrent: {steps: [read], resolve: {merge: {}, median: {}}}}"),
        4,
        "flow.concurrent.resolve",
        "expected one rule",
    ),
    "a judge nobody declared": Mistake(
        flow("{concurrent: {steps: [read], resolve: {judge: {step: chief}}}}"),
        4,
        "flow.concurrent.resolve.judge.step",
        "no participant is called 'chief'",
    ),
    "the same branch twice": Mistake(
        flow("{concurrent: {steps: [read, read], resolve: merge}}"),
        4,
        "flow.concurrent",
        "two branches have the same name",
    ),
    "more branches required than there are": Mistake(
        flow("{concurrent: {steps: [read], resolve: merge, on_failure: 2}}"),
        4,
        "flow.concurrent",
        "a number from 1 to 1",
    ),
    "an expression that cannot be read": Mistake(
        flow("{branch: {cases: [{when: 'amount >', then: read}]}}"),
        4,
        "flow.branch.cases.0.when",
        "cannot read the expression",
    ),
    "a condition that is none": Mistake(
        flow("{branch: {cases: [{when: 3, then: read}]}}"),
        4,
        "flow.branch.cases.0.when",
        "expected an expression or",
    ),
    "a condition that is no function": Mistake(
        flow("{branch: {cases: [{when: {import: 'workflow_parts:NUMBER'}, then: read}]}}"),
        4,
        "flow.branch.cases.0.when",
        "expected a function",
    ),
    "no cases": Mistake(flow("{branch: {cases: []}}"), 4, "flow.branch.cases", "at least 1 item"),
    "a map over nothing readable": Mistake(
        flow("{map: {over: 'a b', step: read}}"), 4, "flow.map", "cannot read the expression"
    ),
    "no width": Mistake(
        flow("{map: {over: items, step: read, width: 0}}"), 4, "flow.map.width", "greater than or equal to 1"
    ),
    "a loop without an end": Mistake(
        flow("{loop: {step: read, until: done}}"), 4, "flow.loop", "'rounds' is missing"
    ),
    "two patterns of one name": Mistake(
        flow("{sequential: [{sequential: [read]}]}"),
        4,
        "flow.sequential.0",
        "two participants are called 'sequential'",
    ),
    "a function that asks for nobody": Mistake(
        f"{HEAD}  odd: {{function: {{import: 'workflow_parts:asks_for'}}}}\nflow: odd\n",
        4,
        "participants.odd",
        "odd takes 'nowhere', which no participant is called",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_place(mistake: Mistake, tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(mistake.text)
    with pytest.raises(WorkflowFileError) as raised:
        load(str(file))
    [problem] = raised.value.problems
    assert problem.place is not None
    assert (problem.place.file, problem.place.line, problem.place.field) == (
        str(file),
        mistake.line,
        mistake.field,
    )
    assert mistake.says in str(raised.value)


def test_every_problem_of_a_file_is_reported_on_its_line(tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(
        "workflow: orders\nrisk: none\nparticipants:\n  read: {robot: {}}\nflow: {loop: {step: read}}\n"
    )
    with pytest.raises(WorkflowFileError) as raised:
        load(str(file))
    assert [str(line).split(" ")[0] for line in str(raised.value).splitlines()] == [
        f"{file}:2",
        f"{file}:4",
        f"{file}:5",
        f"{file}:5",
    ]


def test_problems_of_meaning_are_collected_too(tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text(
        f"{HEAD}  x: {{function: {{import: 'nowhere:x'}}}}\nflow:\n  sequential:\n  - raed\n  - y\n"
    )
    with pytest.raises(WorkflowFileError) as raised:
        load(str(file))
    assert [problem.place and problem.place.line for problem in raised.value.problems] == [4, 7, 8]


def test_a_schema_file_that_is_not_json_is_named_with_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text('{\n "type": object }')
    (tmp_path / "orders.yaml").write_text(declared("{human: {role: a, form: {schema: form.json}}}"))
    with pytest.raises(DefinitionError, match=r"form.json:2: not JSON"):
        load(str(tmp_path / "orders.yaml"))
