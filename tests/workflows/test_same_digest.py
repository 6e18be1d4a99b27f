"""A workflow in Python and the same in YAML are the same workflow: same document, digest and version."""

from __future__ import annotations

import json
import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drawn_limits import limited, runaways
from drawn_managers import directed
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from workflow_parts import (
    CALENDARS,
    FORM,
    Names,
    Order,
    Verdict,
    check,
    chief,
    count_tokens,
    file,
    find_it,
    intake,
    is_large,
    look_up,
    next_speaker,
    post,
    read,
    refuse_odd,
    weigh,
)

from ripieno import (
    Data,
    Function,
    Human,
    Limits,
    Replaces,
    Workflow,
    branch,
    collapse,
    compact,
    concurrent,
    direct,
    fallback,
    human,
    loop,
    magentic,
    map_over,
    merge,
    person,
    role,
    sequential,
    single_agent,
    summary,
    when,
    window,
)
from ripieno.model.durations import seconds
from ripieno.model.failure import FAILURES
from ripieno.model.mode import MODES, Mode
from ripieno.participants.base import BaseParticipant
from ripieno.patterns import resolvers
from ripieno.patterns.compacting import Compact
from ripieno.patterns.conditions import Condition, consensus, elapsed, rounds, stalled, verdict
from ripieno.patterns.conditions import text as says
from ripieno.patterns.group_chat import group_chat
from ripieno.patterns.handoff import handoff
from ripieno.patterns.magentic import Magentic
from ripieno.patterns.managers import maker_checker
from ripieno.patterns.outside import cost, external, tokens
from ripieno.workflows.load import load, load_text, load_workflow
from ripieno.workflows.schema import workflow_schema
from ripieno.workflows.text import dump, parse

HERE = Path(__file__).parent
EDITOR = Draft202012Validator(workflow_schema())

# -- workflows of every shape --------------------------------------------------------------------------

durations = st.one_of(
    st.sampled_from(["90s", "30m", "1h30m", "2d", "3w", "250ms"]),
    st.floats(min_value=0.001, max_value=1e9),
    st.integers(min_value=1, max_value=10**7),
)
text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))


def bounded(least: float, default: object) -> dict[str, Any]:
    return {"type": "number", "minimum": least, "default": default, "title": "1e3"}


forms: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([FORM, Verdict]),
    st.builds(bounded, numbers, st.one_of(numbers, text, st.booleans(), st.none())),
)


def leaves(draw: st.DrawFn, name: Names) -> BaseParticipant:
    if draw(st.booleans()):
        form, due = draw(forms), draw(durations)
        under = draw(st.sampled_from([None, *CALENDARS]))
        if under is not None:  # ten years of working time are the most
            due = min(seconds(due), under.weekly)
        chain = [role("chief", due=due), person("bob", due=due), role("head")]
        then = draw(st.sampled_from([None, role("chief"), role("chief", due=due), person("ada"), chain]))
        asked: dict[str, Any] = draw(st.sampled_from([{"role": "clerk"}, {"person": "ada"}]))
        remind = draw(st.sampled_from([[], ["every 1d"], ["0.0001s before", "every 2h"]]))
        title = draw(st.none() | text)
        return human(
            name("human"), **asked, form=form, title=title, due=due, then=then, calendar=under, remind=remind
        )
    target: Callable[..., Any] = draw(st.sampled_from([read, post]))
    version, timeout = draw(st.none() | text), draw(durations)
    return Function(target, name=name("function"), pure=draw(st.booleans()), version=version, timeout=timeout)


def moded(draw: st.DrawFn, name: Names, stage: BaseParticipant) -> BaseParticipant:
    people = any(isinstance(one, Human) for one in stage.everyone())
    mode: Mode = draw(st.sampled_from([mode for mode in MODES if mode != "shadow" or not people]))
    return stage.mode(mode, human(name("person"), role="clerk"), shadow_within=draw(durations))


def qualified(draw: st.DrawFn, name: Names, stage: BaseParticipant, depth: int) -> BaseParticipant:
    if not isinstance(stage, Human) and draw(st.booleans()):
        stage = moded(draw, name, stage)
    if draw(st.booleans()):
        below = draw(st.floats(min_value=0, max_value=1, exclude_min=True))
        stage = stage.escalate(below=below, to=stages(draw, name, depth - 2))
    if draw(st.booleans()):
        stage = stage.retry(draw(st.integers(1, 9)), backoff=draw(durations))
    if draw(st.booleans()):
        stage = stage.timeout(draw(durations))
    if draw(st.booleans()):
        instead = stages(draw, name, depth - 2)
        stage = limited(draw, stage, instead)
    if draw(st.booleans()):
        stage = stage.about(domain=draw(st.none() | text), boundary=draw(text))
    return stage.on_failure("continue") if draw(st.booleans()) else stage


def rules(draw: st.DrawFn, name: Names, branches: list[str], depth: int) -> resolvers.Resolver:
    share = draw(st.floats(min_value=0, max_value=1))
    on = draw(st.none() | text)
    return draw(
        st.sampled_from(
            [
                merge(),
                resolvers.unanimous(on),
                resolvers.majority(on),
                resolvers.quorum(2, on),
                resolvers.weighted(dict.fromkeys(branches, share + 0.1), on, above=share),
                resolvers.priority(*branches),
                resolvers.highest_confidence(),
                resolvers.median(on),
                resolvers.first(2, within=draw(st.none() | durations)),
                resolvers.judge(stages(draw, name, depth - 2), on=on, always=share > 0.5),
            ]
        )
    )


def patterns(draw: st.DrawFn, name: Names, depth: int) -> BaseParticipant:  # noqa: PLR0911 - one for each kind
    inner = [stages(draw, name, depth - 1) for _ in range(draw(st.integers(1, 3)))]
    condition: Any = draw(st.sampled_from(["amount > 10_000", "previous.ok == True", is_large]))
    kind = draw(
        st.sampled_from(
            [
                *("direct", "single_agent", "sequential", "fallback", "concurrent"),
                *("handoff", "group_chat", "magentic", "branch", "map", "loop"),
            ]
        )
    )
    named = name(kind)
    if kind == "direct":
        return direct(inner[0], name=named)
    if kind == "single_agent":
        return agent(draw, name, inner[0], depth, named)
    if kind in ("sequential", "fallback"):
        return in_order(draw, kind, inner, named)
    if kind == "concurrent":
        rule = rules(draw, name, [stage.name for stage in inner], depth)
        failure: Any = draw(st.sampled_from(["collect", "fail_fast", 1]))
        losers: Any = draw(st.sampled_from(["list", "undo"]))
        return concurrent(*inner, resolve=rule, name=named, on_failure=failure, losers=losers)
    if kind == "handoff":
        return handing(draw, name, inner, depth, named)
    if kind == "magentic":
        managers = [Function(read, name=name("manager"), pure=True), stages(draw, name, depth - 2)]
        sees = draw(st.sampled_from(["own", "all", [inner[0].name]]))
        reviewer = human(name("reviewer"), role="chief")
        return magentic(*inner, **directed(draw, managers, reviewer), sees=sees, name=named)
    if kind == "group_chat":
        return chat(draw, name, inner, depth, named)
    if kind == "branch":
        otherwise = draw(st.sampled_from([None, stages(draw, name, depth - 2)]))
        return branch({when(condition): stage for stage in inner}, otherwise=otherwise, name=named)
    if kind == "map":
        return map_over("items", inner[0], width=draw(st.integers(1, 50)), name=named)
    return loop(inner[0], until=condition, rounds=draw(st.integers(1, 50)), name=named)


def in_order(draw: st.DrawFn, kind: str, inner: list[BaseParticipant], named: str) -> BaseParticipant:
    if kind == "sequential":
        return sequential(*inner, name=named)
    on = draw(st.lists(st.sampled_from(sorted(FAILURES)), min_size=1))
    return fallback(*inner, on=on, losers=draw(st.sampled_from(["list", "undo"])), name=named)


def agent(draw: st.DrawFn, name: Names, inner: BaseParticipant, depth: int, named: str) -> BaseParticipant:
    return single_agent(
        inner,
        tools=draw(st.lists(st.sampled_from([look_up, find_it, post]), unique=True)),
        rounds=draw(st.integers(1, 99)),
        repeats=draw(st.integers(1, 9)),
        mistakes=draw(st.integers(0, 9)),
        sees=draw(st.integers(1, 99)),
        otherwise=draw(st.sampled_from([None, stages(draw, name, depth - 2)])),
        compact=short(draw, name, depth),
        name=named,
    )


def short(draw: st.DrawFn, name: Names, depth: int) -> Compact | None:
    share = draw(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
    told = summary(stages(draw, name, depth - 2), share=share)
    by = draw(st.sampled_from([[], [window()], [collapse(3), told, window()], [collapse()]]))
    made = compact(draw(st.integers(1, 9999)), by=by, count=draw(st.sampled_from([None, count_tokens])))
    return draw(st.sampled_from([None, made]))


def handing(
    draw: st.DrawFn, name: Names, inner: list[BaseParticipant], depth: int, named: str
) -> BaseParticipant:
    names = [stage.name for stage in inner]
    edges = {
        source: draw(st.lists(st.sampled_from([one for one in names if one != source]), unique=True))
        for source in names[1:]
    }
    otherwise: Any = draw(st.sampled_from([None, names[-1], stages(draw, name, depth - 2)]))
    carry: Any = draw(st.sampled_from(["all", "last", "summary", names[:2]]))
    summarise = stages(draw, name, depth - 2) if carry == "summary" else None
    limit, within = draw(st.integers(1, 99)), draw(st.none() | durations)
    return handoff(
        *inner,
        edges=edges,
        otherwise=otherwise,
        limit=limit,
        within=within,
        carry=carry,
        summarise=summarise,
        compact=None if carry == "summary" else short(draw, name, depth),
        name=named,
    )


OUTSIDE = [tokens(9000), cost("0.5"), cost(2), cost("0.000001"), external("recall")]


def ends(draw: st.DrawFn, names: list[str], depth: int = 2) -> Condition:  # noqa: PLR0911 - one for each kind
    kinds = [
        "rounds",
        "text",
        "verdict",
        "consensus",
        "stalled",
        "time",
        "outside",
        *(["any", "all"] * (depth > 0)),
    ]
    match draw(st.sampled_from(kinds)):
        case "rounds":
            return rounds(draw(st.integers(1, 99)))
        case "text":
            return says(draw(text), by=draw(st.sampled_from([None, *names])))
        case "verdict":
            return verdict(draw(text), field=draw(st.sampled_from(["verdict", "passed"])))
        case "consensus":
            return consensus()
        case "stalled":
            return stalled(draw(st.integers(1, 99)))
        case "time":
            return elapsed(draw(durations))
        case "outside":
            return draw(st.sampled_from(OUTSIDE))
        case "any":
            return ends(draw, names, depth - 1) | ends(draw, names, depth - 1)
        case _:
            return ends(draw, names, depth - 1) & ends(draw, names, depth - 1)


def chat(
    draw: st.DrawFn, name: Names, inner: list[BaseParticipant], depth: int, named: str
) -> BaseParticipant:
    names = [stage.name for stage in inner]
    makers = [maker_checker(names[-1])] * (len(names) > 1)
    manager: Any = draw(st.sampled_from([None, next_speaker, stages(draw, name, depth - 2), *makers]))
    return group_chat(
        *inner,
        until=ends(draw, names) | rounds(3),
        manager=manager,
        otherwise=draw(st.sampled_from([None, stages(draw, name, depth - 2)])),
        sees=draw(st.integers(1, 99)),
        compact=short(draw, name, depth),
        name=named,
    )


def stages(draw: st.DrawFn, name: Names, depth: int) -> BaseParticipant:
    made = patterns(draw, name, depth) if depth > 0 and draw(st.booleans()) else leaves(draw, name)
    return qualified(draw, name, made, depth) if depth > 0 and draw(st.booleans()) else made


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    top = stages(draw, Names(), 3)
    free = not any(isinstance(one, Magentic) for one in top.everyone())
    return Workflow(
        "generated",
        top,
        owner=draw(st.none() | text),
        purpose=draw(st.none() | text),
        risk=draw(st.sampled_from(["low", "medium", "high"])),
        data=draw(st.lists(st.sampled_from(list(Data)), unique=True)),
        policy=draw(st.none() | text) if free else draw(text.filter(str.strip)),
        limits=Limits(
            deadline=draw(st.none() | durations if free else durations), runaway=draw(st.none() | runaways)
        ),
        replaces=Replaces(
            draw(st.none() | st.floats(min_value=0, max_value=1e6)),
            draw(st.none() | st.integers(0, 99)),
            draw(st.none() | text),
        ),
        check_input=draw(st.sampled_from([None, Order, refuse_odd, FORM])),
    )


@given(workflows())
@settings(deadline=None, max_examples=150)
def test_a_workflow_s_document_printed_as_yaml_loads_as_the_same_workflow(workflow: Workflow) -> None:
    again = load_text(dump(workflow.document()), folder=HERE).workflow
    assert again.document() == workflow.document()
    assert (again.digest, again.version) == (workflow.digest, workflow.version)


@given(workflows())
@settings(deadline=None, max_examples=50)
def test_editors_accept_every_workflow_s_document(workflow: Workflow) -> None:
    assert [error.message for error in EDITOR.iter_errors(workflow.document())] == []  # pyright: ignore[reportUnknownMemberType] - untyped arguments of jsonschema


@given(workflows())
@settings(deadline=None, max_examples=50)
def test_a_workflow_s_document_is_yaml_in_json_too(workflow: Workflow) -> None:
    assert load_text(json.dumps(workflow.document()), folder=HERE).workflow.version == workflow.version


def test_a_qualification_that_says_nothing_more_than_the_default_does_not_make_another_workflow() -> None:
    plain, qualified = (
        Workflow("orders", weigh.escalate(below=0.5, to=to)) for to in (chief, chief.retry(1))
    )
    assert qualified.digest == plain.digest
    assert load_text(dump(qualified.document()), folder=HERE).workflow.digest == plain.digest


# -- as people write them --------------------------------------------------------------------------------

WRITTEN = """
# yaml-language-server: $schema=ripieno.schema.json
workflow: orders
owner: sales
purpose: orders are checked and filed
risk: high
data: [personal, financial]
policy: sales
limits: {deadline: 2w}
replaces: {minutes: 12.5, touchpoints: 3, value: 35 USD}
input: {import: "workflow_parts:Order"}
participants:
  read: {function: {import: "workflow_parts:read", pure: true}}
  check: {function: {import: "workflow_parts:check", pure: true, timeout: 2m}}
  weigh: {function: {import: "workflow_parts:weigh", pure: true, version: "2"}}
  weigh-again: {function: {import: "workflow_parts:weigh"}}
  file: {function: {import: "workflow_parts:file"}}
  chief: {import: "workflow_parts:chief"}
  clerk:
    human:
      role: clerk
      form: {schema: form.json}
      title: Is it right?
      due: 90m
      then: {role: chief, due: 1d}
flow:
  sequential:
    - read
    - step: check
      escalate: {below: 0.85, to: clerk}
      retry: {attempts: 3}
      timeout: 1h
    - concurrent:
        steps: [weigh, {step: weigh-again, on_failure: continue}]
        resolve: {quorum: {k: 2, on: total.net}}
        on_failure: 1
    - branch:
        cases:
          - {when: amount > 10_000, then: chief}
          - {when: {import: "workflow_parts:is_large"}, then: {step: clerk, timeout: 2d}}
        otherwise: {loop: {step: file, until: previous.done, rounds: 3}}
"""


def written_in_python() -> Workflow:
    clerk = human(
        "clerk", role="clerk", form=FORM, title="Is it right?", due="90m", then=role("chief", due="1d")
    )
    checked = Function(check, pure=True, timeout="2m")
    again = Function(weigh.function, name="weigh-again", pure=True, version="2", timeout="5s")
    both = resolvers.quorum(2, on="total.net")
    return Workflow(
        "orders",
        sequential(
            Function(read, pure=True),
            checked.escalate(below=0.85, to=clerk).retry(3).timeout("1h"),
            concurrent(weigh, again.on_failure("continue"), resolve=both, on_failure=1),
            branch(
                {when("amount > 10_000"): chief, when(is_large): clerk.timeout("2d")},
                otherwise=loop(file, until="previous.done", rounds=3),
            ),
        ),
        owner="sales",
        purpose="orders are checked and filed",
        risk="high",
        data=[Data.FINANCIAL, Data.PERSONAL],
        policy="sales",
        limits=Limits(deadline="14d"),
        replaces=Replaces(minutes=12.5, touchpoints=3, value="35 USD"),
        check_input=Order,
    )


def test_a_file_as_people_write_it_is_the_same_workflow_as_in_python(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text(json.dumps(FORM))
    (tmp_path / "orders.yaml").write_text(WRITTEN)
    loaded = load(str(tmp_path / "orders.yaml")).workflow
    in_python = written_in_python()
    assert loaded.document() == in_python.document()
    assert loaded.version == in_python.version


def test_editors_accept_a_file_as_people_write_it() -> None:
    assert [error.message for error in EDITOR.iter_errors(parse(WRITTEN, "orders.yaml").data)] == []  # pyright: ignore[reportUnknownMemberType] - untyped arguments of jsonschema


def test_a_pattern_declared_in_python_can_be_a_participant_of_a_file() -> None:
    text = "workflow: orders\nparticipants: {intake: {import: 'workflow_parts:intake'}}\nflow: intake\n"
    assert load_text(text, folder=HERE).workflow.digest == Workflow("orders", intake).digest


def test_anchors_and_merge_keys_stand_for_what_they_name() -> None:
    text = (
        "workflow: orders\nparticipants:\n"
        "  a: {function: &plain {import: 'workflow_parts:read', pure: true}}\n"
        "  b: {function: {<<: *plain, pure: false}}\n"
        "flow: {sequential: [a, b]}\n"
    )
    stages = [Function(read, name="a", pure=True), Function(read, name="b")]
    assert load_text(text, folder=HERE).workflow.digest == Workflow("orders", sequential(*stages)).digest


def test_settings_that_differ_give_another_digest() -> None:
    some = [Function(read, name="a", timeout=f"{seconds}s") for seconds in (1_000_000, 1_000_001)]
    some_steps = [Function(read, name="a").escalate(below=below, to=chief) for below in (0.8500001, 0.85)]
    digests = {Workflow("orders", stage).digest for stage in (*some, *some_steps)}
    assert len(digests) == 4


def test_another_source_of_a_condition_is_another_version_of_the_same_definition(tmp_path: Path) -> None:
    file = tmp_path / "looping.yaml"
    file.write_text(
        "workflow: looping\nparticipants: {chief: {human: {role: chief}}}\n"
        "flow: {loop: {step: chief, until: {import: 'changing_condition:done'}, rounds: 3}}\n"
    )
    found: list[Workflow] = []
    for answer in ("True", "False"):
        (tmp_path / "changing_condition.py").write_text(f"def done(names): return  {answer}\n")
        sys.modules.pop("changing_condition", None)
        linecache.clearcache()
        found.append(load_workflow(str(file)))
    before, after = found
    assert before.digest == after.digest
    assert before.version != after.version
