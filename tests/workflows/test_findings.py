"""`check` says what will fail and what could be simpler: place, reason and fix, and nothing besides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from workflow_parts import check as check_order
from workflow_parts import chief, is_large, look_up, post, read, weigh

from ripieno import (
    WITHHELD,
    Bulkhead,
    Context,
    Cost,
    Function,
    HandOver,
    Hedge,
    Limits,
    Memory,
    RateLimit,
    Resilience,
    Workflow,
    agent,
    branch,
    concurrent,
    group_chat,
    handoff,
    human,
    loop,
    magentic,
    maker_checker,
    map_over,
    merge,
    role,
    rounds,
    sequential,
    single_agent,
    subworkflow,
    tool,
    when,
)
from ripieno.connectors.tool import Tool
from ripieno.participants.base import BaseParticipant
from ripieno.patterns import resolvers
from ripieno.workflows.check import check
from ripieno.workflows.findings.catalogue import CATALOGUE
from ripieno.workflows.load import load, load_text

DOCS = Path(__file__).parents[2] / "docs" / "findings"
CODES = [kind.code for kind in CATALOGUE]

pure_read = Function(read, pure=True)
pure_check = Function(check_order, pure=True)
pure_post = Function(post, pure=True)
again = Function(weigh.function, name="again", pure=True)
sealed = tool(look_up.function, secrets={"key": "secret://env/RIPIENO_NOT_SET_ANYWHERE"})
clerk = human("clerk", role="clerk", due="1h", then=role("chief"))
side = concurrent(pure_read, pure_post, resolve=merge(), name="side")


def workflow(flow: BaseParticipant, **settings: object) -> Workflow:
    """Give a workflow with nothing else to find in it."""
    said = {"owner": "sales", "purpose": "orders are filed", "limits": Limits(deadline="1d"), **settings}
    return Workflow("orders", flow, **said)  # pyright: ignore[reportArgumentType] - the settings of a workflow


def lasting(flow: BaseParticipant) -> Workflow:
    """Give one that lasts longer than anybody has to answer."""
    return workflow(flow, limits=Limits(deadline="52w"))


def local() -> Function:
    def within(input: object) -> object:  # noqa: A002 - the name by which it receives its input
        return input

    return Function(within, pure=True)


def open_ended(**settings: Any) -> BaseParticipant:
    return magentic(pure_read, pure_post, planner=pure_check, effects=WITHHELD, **settings)


@tool
def pay(amount: int) -> int:
    return amount


async def pays(input: int, context: Context) -> int:  # noqa: A002 - the name by which it receives its input
    return await context.use(pay, amount=input)


@tool(undo=pay)
def lend(amount: int) -> int:
    return amount


async def returns(input: int, context: Context) -> int:  # noqa: A002 - the name by which it receives its input
    return await context.use(lend, amount=input)


def told(name: str, about: str) -> Tool:
    def look(by: str) -> str:
        return by

    look.__name__, look.__qualname__, look.__doc__ = name, name, about
    return Tool(look, effect="read")


def find_customer(name: str) -> str:
    """Find a customer by name or address."""
    return name


@tool(effect="write")
def anything(customer: dict[str, Any]) -> None:
    """Change a customer as it is said."""


@tool(effect="write")
def whatever(**customer: Any) -> None:
    """Change a customer as it is said."""


def chooses(*tools: Tool) -> Workflow:
    return workflow(agent("clerk", model="openai:gpt-5", tools=tools))


def guarded_by(*declared: Resilience, **settings: Any) -> Workflow:
    function = look_up.function
    assert function is not None
    tools = [
        Tool(function, name=f"t{number}", resilience=one, **settings) for number, one in enumerate(declared)
    ]
    return workflow(single_agent(pure_read, tools=tools))


def edges(**named: list[str]) -> dict[str, list[str]]:
    return named


FOUND = {
    "cannot-hand-over": [workflow(handoff(clerk, pure_read, edges=edges(clerk=["read"])))],
    "handoff-limit-too-low": [
        workflow(
            handoff(
                pure_read,
                pure_post,
                pure_check,
                edges=edges(read=["post"], post=["check"]),
                limit=1,
                otherwise=clerk,
            )
        )
    ],
    "handoff-to-nobody": [workflow(handoff(pure_read, pure_post, edges=edges(read=["post"])))],
    "nothing-to-undo": [
        workflow(concurrent(Function(read), pure_post, resolve=resolvers.first(), losers="undo")),
        workflow(concurrent(single_agent(pure_read, tools=[pay]), pure_post, resolve=merge(), losers="undo")),
        workflow(
            concurrent(
                subworkflow(Workflow("inner", Function(pays, name="pays", pure=True))),
                pure_post,
                resolve=merge(),
                losers="undo",
            )
        ),
    ],
    "handoff-unreachable": [
        workflow(handoff(pure_read, pure_post, edges={})),
        workflow(handoff(pure_read, pure_post, edges=edges(post=["read"]), otherwise=clerk)),
    ],
    "handoff-without-way-out": [
        workflow(handoff(pure_read, pure_post, edges=edges(read=["post"], post=["read"])))
    ],
    "cut-short": [
        workflow(open_ended(), policy="strict"),
        workflow(open_ended(within="1d"), policy="strict"),
    ],
    "unreviewed-plan": [
        workflow(sequential(clerk, open_ended(within="1h"), name="s"), policy="strict", risk="high")
    ],
    "unheard-reminder": [
        lasting(human("ask", role="a", due="1d", remind=["2h before"], then=role("b", due="1h"))),
        lasting(human("ask", role="a", due="1d", remind=["every 1d"])),
    ],
    "crowded-chat": [workflow(group_chat(pure_read, pure_post, pure_check, again, until=rounds(2)))],
    "one-agent-would-do": [
        workflow(
            handoff(
                pure_read.about(domain="orders", boundary="ledger"),
                pure_post.about(domain="orders", boundary="ledger"),
                edges=edges(read=["post"]),
                otherwise=clerk,
            )
        ),
        workflow(
            group_chat(
                single_agent(pure_read, tools=[look_up], name="one"),
                single_agent(pure_post, tools=[look_up], name="other"),
                until=rounds(2),
            )
        ),
    ],
    "too-many-tools": [
        workflow(single_agent(pure_read, tools=[Tool(look_up.function, name=f"t{n}") for n in range(21)]))
    ],
    "undescribed-tool": [chooses(told("pay", ""))],
    "vague-tool": [chooses(told("look", "Look up."))],
    "undeclared-effect": [chooses(Tool(find_customer))],
    "overlapping-tools": [
        chooses(told("find", "Find a customer by name."), told("search", "Find the customer by name"))
    ],
    "ambiguous-tool-names": [
        chooses(
            told("get_user", "Give one user by its id."), told("getUsers", "List everybody in the company.")
        ),
        chooses(told("run", "Start the nightly report of sales.")),
    ],
    "loose-tool-schema": [chooses(anything), chooses(whatever)],
    "unknown-model": [workflow(agent("clerk", model="fast"))],
    "unpriced-model": [
        workflow(agent("clerk", model="openai:of-nobody"), limits=Limits(deadline="1d", cost_usd="1"))
    ],
    "agent-without-tools": [workflow(single_agent(pure_read, tools=[]))],
    "checks-itself": [
        workflow(group_chat(weigh, again, until=rounds(2), manager=maker_checker(weigh))),
        workflow(
            group_chat(
                clerk,
                human("other", role="clerk", due="1h", then=role("chief")),
                until=rounds(2),
                manager=maker_checker(clerk),
            )
        ),
    ],
    "unsettled-vote": [
        workflow(concurrent(pure_read, pure_post, resolve=resolvers.majority())),
        workflow(concurrent(pure_read, pure_post, resolve=resolvers.unanimous()).timeout("1h")),
    ],
    "endless-memory": [
        workflow(single_agent(pure_read, tools=Memory("notes", subject="key", data=["phi"]).tools))
    ],
    "shared-memory": [workflow(pure_read, data=["personal"], connectors=[Memory("notes", keep="1d")])],
    "unresolved-secret": [workflow(single_agent(pure_read, tools=[sealed]))],
    "retried-tools": [
        workflow(single_agent(pure_read, tools=[pay]).retry(2)),
        workflow(Function(pays, pure=True).retry(3)),
    ],
    "due-after-deadline": [workflow(clerk, limits=Limits(deadline="1h"))],
    "limit-above-workflow": [
        workflow(pure_read.limit(tokens=101), limits=Limits(deadline="1d", tokens=100)),
        workflow(pure_read.limit(cost_usd="0.02"), limits=Limits(deadline="1d", cost_usd="0.01")),
        workflow(pure_read.limit(active="2h"), limits=Limits(deadline="1d", active="1h")),
        workflow(pure_read.limit(deadline="2d")),
    ],
    "abandoned-effects": [
        workflow(concurrent(Function(read), pure_post, resolve=resolvers.first())),
        workflow(concurrent(Function(pays, pure=True), pure_post, resolve=merge(), on_failure="fail_fast")),
    ],
    "constant-condition": [
        workflow(loop(pure_read, until="done", rounds=3)),
        workflow(loop(side, until="len(items) > 3", rounds=3)),
    ],
    "escalation-to-itself": [workflow(clerk.escalate(below=0.5, to=clerk))],
    "role-missing": [workflow(human("clerk", role=" "))],
    "not-importable": [
        workflow(local()),
        workflow(loop(pure_read, until=lambda names: names["done"], rounds=2)),
        workflow(branch({when(lambda names: names["done"]): pure_read}, otherwise=pure_post)),
        workflow(
            group_chat(pure_read, pure_post, until=rounds(2), manager=lambda thread: thread.everyone[0])
        ),
    ],
    "repeated-effect": [
        workflow(Function(read).retry(3)),
        workflow(sequential(pure_read, Function(check_order)).retry(2)),
    ],
    "rule-cannot-settle": [
        workflow(concurrent(pure_read, pure_post, resolve=resolvers.quorum(3)).escalate(below=0.5, to=clerk)),
        workflow(concurrent(pure_read, pure_post, resolve=resolvers.first(3))),
        workflow(concurrent(pure_read, pure_post, resolve=resolvers.priority("raed"))),
        workflow(
            concurrent(pure_read, pure_post, resolve=resolvers.weighted({"raed": 1})).escalate(
                below=0.5, to=clerk
            )
        ),
    ],
    "hedged-write": [guarded_by(Resilience(hedge=Hedge()), effect="write")],
    "uncounted-tokens": [guarded_by(Resilience(limits=(RateLimit(tokens=9),)), effect="read")],
    "divided-system": [
        guarded_by(
            Resilience(system="ledger", bulkhead=Bulkhead(2)), Resilience(system="ledger"), effect="read"
        )
    ],
    "endless-wait": [workflow(chief, limits=Limits())],
    "high-risk-alone": [workflow(pure_read, risk="high")],
    "independent-stages": [
        workflow(sequential(pure_read, pure_post)),
        workflow(sequential(Function(read), pure_post)),
        workflow(sequential(weigh, side)),
    ],
    "no-deadline": [workflow(pure_read, limits=Limits())],
    "no-otherwise": [workflow(branch({when("amount > 3"): pure_read}))],
    "unknown-policy": [workflow(pure_read, policy="helthcare")],
    "no-owner": [workflow(pure_read, owner=None)],
    "no-purpose": [workflow(pure_read, purpose="")],
    "pattern-of-one": [
        workflow(sequential(pure_read)),
        workflow(concurrent(pure_read, resolve=merge())),
        workflow(handoff(pure_read, edges={})),
        workflow(group_chat(pure_read, until=rounds(2))),
    ],
    "same-function-twice": [workflow(concurrent(weigh, again, resolve=merge()))],
    "unheeded-failure-rule": [
        workflow(pure_read.on_failure("continue")),
        workflow(map_over("items", pure_read.on_failure("continue"))),
    ],
}
"""Workflows in Python in which one finding is made, by its code."""

SOUND = {
    "open-ended work in time": workflow(open_ended(within="1h"), policy="strict"),
    "open-ended work of high risk that is reviewed": workflow(
        open_ended(within="1h", review=clerk), policy="strict", risk="high"
    ),
    "a handoff with a way out": workflow(
        handoff(pure_read, pure_post, edges=edges(read=["post"], post=["read"]), otherwise=clerk)
    ),
    "a person who can hand over": workflow(
        handoff(
            human("desk", role="desk", form=HandOver, due="1h", then=role("chief")),
            pure_read,
            edges=edges(desk=["read"]),
        )
    ),
    "a chat of three": workflow(group_chat(pure_read, pure_post, again, until=rounds(2))),
    "a step": workflow(pure_read),
    "stages that read each other": workflow(sequential(pure_read, pure_check)),
    "an effect after what it does not read": workflow(sequential(pure_read, Function(post))),
    "a stage that is done twice": workflow(sequential(pure_read, pure_read)),
    "a stage after a person": workflow(sequential(clerk, pure_read)),
    "a loop that looks at its rounds": workflow(loop(pure_read, until="read.done", rounds=3)),
    "a loop that looks at the round before": workflow(loop(pure_read, until="previous.done", rounds=3)),
    "a loop with a function": workflow(loop(pure_read, until=is_large, rounds=3)),
    "a retry of what is pure": workflow(pure_read.retry(3)),
    "a stage that may fail": workflow(sequential(pure_read.on_failure("continue"), pure_check)),
    "a quorum that fits": workflow(
        concurrent(pure_read, pure_post, resolve=resolvers.quorum(2)).escalate(below=0.5, to=clerk)
    ),
    "agents of two domains": workflow(
        handoff(
            pure_read.about(domain="orders", boundary="ledger"),
            pure_post.about(domain="letters", boundary="ledger"),
            edges=edges(read=["post"]),
            otherwise=clerk,
        )
    ),
    "agents that do not see each other": workflow(
        handoff(
            pure_read.about(domain="orders", boundary="ledger"),
            pure_post.about(domain="orders", boundary="ledger"),
            edges=edges(read=["post"]),
            carry="last",
            otherwise=clerk,
        )
    ),
    "participants of whom half is said": workflow(
        group_chat(pure_read.about(boundary="ledger"), pure_post.about(boundary="ledger"), until=rounds(2))
    ),
    "an agent that is tried again and only reads": workflow(
        single_agent(pure_read, tools=[look_up]).retry(2)
    ),
    "effects that are taken back": workflow(
        concurrent(Function(returns, pure=True), pure_post, resolve=resolvers.first(), losers="undo")
    ),
    "a limit that carries a case to everybody": workflow(
        handoff(pure_read, pure_post, edges=edges(read=["post"]), limit=1, otherwise=clerk)
    ),
    "effects of branches that all end": workflow(concurrent(Function(read), pure_post, resolve=merge())),
    "another who checks": workflow(
        group_chat(weigh, pure_post, until=rounds(2), manager=maker_checker(weigh))
    ),
    "high risk with a person": workflow(pure_read.escalate(below=0.5, to=clerk), risk="high"),
    "limits within that of the workflow": workflow(
        pure_read.limit(tokens=100, rounds=3, active="1h"), limits=Limits(deadline="1d", tokens=100)
    ),
    "a person with a last resort": workflow(clerk),
    "reads that are hedged, tokens that are declared, a system of which all say the same": guarded_by(
        *[Resilience(system="ledger", hedge=Hedge(), limits=(RateLimit(tokens=9),))] * 2,
        Resilience(bulkhead=Bulkhead(2)),
        effect="read",
        cost=Cost(tokens=3),
    ),
}


@pytest.mark.parametrize(
    ("code", "found"), [(code, found) for code, every in FOUND.items() for found in every]
)
def test_a_finding_is_made_once_and_nothing_else_is(code: str, found: Workflow) -> None:
    codes = {finding.code for finding in check(found)}
    assert codes - {"no-deadline"} == {code} - {"no-deadline"}
    assert code in codes


@pytest.mark.parametrize("sound", SOUND.values(), ids=SOUND)
def test_nothing_is_found_in_a_sound_workflow(sound: Workflow) -> None:
    assert check(sound) == []


def test_participants_that_take_no_part_are_found_with_their_line() -> None:
    text = (
        "workflow: orders\nowner: a\npurpose: b\nlimits: {deadline: 1d}\nparticipants:\n"
        "  read: {function: {import: 'workflow_parts:read'}}\n"
        "  post: {function: {import: 'workflow_parts:post'}}\nflow: read\n"
    )
    loaded = load_text(text, folder=Path(__file__).parent, file="orders.yaml")
    [finding] = check(loaded.workflow, loaded.places)
    assert finding.code == "unused-participant"
    assert str(finding) == (
        "orders.yaml:7 (participants.post): warning: 'post' is declared, and takes no part in the flow"
        " [unused-participant]\n  use it in the flow, or leave it out"
    )


def test_a_finding_points_at_the_stage_in_the_file() -> None:
    text = (
        "workflow: orders\nparticipants:\n  read: {function: {import: 'workflow_parts:read'}}\n"
        "flow:\n  step: read\n  retry: {attempts: 3}\n"
    )
    loaded = load_text(text, folder=Path(__file__).parent, file="orders.yaml")
    first, *_ = check(loaded.workflow, loaded.places)
    assert (first.code, first.place.line) == ("repeated-effect", 4)


def test_a_finding_in_python_points_at_the_function() -> None:
    first, *_ = check(workflow(local()))
    assert first.place.file == __file__
    assert first.place.field == "within"


def test_errors_come_before_warnings() -> None:
    found = check(Workflow("orders", human("clerk", role="")))
    assert [finding.severity for finding in found] == sorted(finding.severity for finding in found)
    assert found[0].severity == "error"


def test_nothing_is_found_in_the_blueprints() -> None:
    loaded = load("hospital-discharge")
    assert check(loaded.workflow, loaded.places) == []


# -- the catalogue and its pages -----------------------------------------------------------------------


def test_every_kind_of_finding_is_shown_by_a_test() -> None:
    assert set(CODES) == {*FOUND, "unused-participant"}
    assert len(CODES) == len(set(CODES))


@pytest.mark.parametrize("kind", CATALOGUE, ids=CODES)
def test_every_kind_of_finding_has_a_page(kind: object) -> None:
    code, title = getattr(kind, "code", ""), getattr(kind, "title", "")
    page = (DOCS / f"{code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {code}\n")
    assert title in page
    assert f"({code}.md)" in (DOCS / "index.md").read_text(encoding="utf-8")


def test_every_page_belongs_to_a_kind_of_finding() -> None:
    assert {page.stem for page in DOCS.glob("*.md")} == {*CODES, "index"}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_the_examples_of_a_page_are_yaml(page: Path) -> None:
    for example in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        assert isinstance(yaml.safe_load(example), dict)
