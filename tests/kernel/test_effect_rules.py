"""Effects that people approve, edit or reject before they are claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    cancel,
    contents,
    counted,
    ended,
    events,
    parked,
    reply,
    resting,
    serving,
    turned,
    until,
)
from kernel.support.ruled import Under, under
from ripieno import Context, Host, Outcome, ToolError, Workflow, function, sequential, tool
from ripieno.journal.records import QuestionRow
from ripieno.kernel.commands import asked_for
from ripieno.kernel.forks import fork
from ripieno.model.effect_rule import AUTO, WITHHELD, EffectRule, approved
from ripieno.model.errors import InputError, NotAllowedError

CLERK = approved("clerk")
YES = {"proceed": True}


async def blocked(host: Host, run: str) -> bool | None:
    return (await host.store.run(run)).status == "blocked" or None


def about(host: Host, question: QuestionRow) -> Any:
    return asked_for(host.store, question).about


# -- approved --------------------------------------------------------------------------------------------


async def test_nothing_is_claimed_until_it_is_approved_and_the_claim_names_who_did(host: Host) -> None:
    system = Elsewhere()
    run = await begin(
        host, under(approved("clerk", because="new here"), uses(tool(system.book), what="visit"))
    )
    question = await asked(host, run)
    await parked(host, run)
    assert (await counted(host, run))["intent"] == 0
    assert about(host, question) == {
        "tool": "book",
        "arguments": {"what": "visit"},
        "path": "under@1/desk@1/tool/1",
        "because": "new here",
    }
    with pytest.raises(NotAllowedError):
        await reply(host, question, YES, by=ADA)
    await reply(host, question, YES)
    outcome = await ended(host, run)
    [intent] = await events(host, run, "intent")
    assert (outcome.output["gave"], len(system.calls)) == ("visit #1", 1)
    assert intent.body["approved"] == [OPERATOR.id]
    assert contents(host, intent, "arguments") == {"what": "visit"}


async def test_edited_arguments_are_what_is_called(host: Host) -> None:
    system = Elsewhere()
    run = await begin(host, under(CLERK, uses(tool(system.book), what="visit")))
    await reply(host, await asked(host, run), {"proceed": True, "arguments": {"what": "bed"}})
    outcome = await ended(host, run)
    [intent] = await events(host, run, "intent")
    [proposed] = await events(host, run, "proposed")
    assert outcome.output["gave"] == "bed #1"
    assert contents(host, intent, "arguments") == {"what": "bed"}
    assert contents(host, proposed, "arguments") == {"what": "visit"}


@pytest.mark.parametrize(
    "arguments",
    [{"where": "bed"}, {}, {"what": 1}, {"what": "bed", "more": 1}],
    ids=["another name", "one missing", "another type", "one more"],
)
async def test_an_edit_that_the_tool_could_not_take_is_refused_and_the_question_stays_open(
    host: Host, arguments: dict[str, object]
) -> None:
    system = Elsewhere()
    run = await begin(host, under(CLERK, uses(tool(system.book), what="visit")))
    question = await asked(host, run)
    with pytest.raises(InputError):
        await reply(host, question, {"proceed": True, "arguments": arguments})
    await reply(host, question, YES)
    assert (await ended(host, run)).output["gave"] == "visit #1"


@pytest.mark.parametrize(
    ("said", "reason", "told"),
    [
        ({"proceed": False}, "too early", "book: rejected by person:op: too early"),
        ({"proceed": False, "note": "too late"}, None, "book: rejected by person:op: too late"),
        ({"proceed": False}, None, "book: rejected by person:op"),
    ],
    ids=["with a reason", "with a note", "without"],
)
async def test_a_rejected_effect_is_a_tool_error_with_the_reason(
    host: Host, said: dict[str, object], reason: str | None, told: str
) -> None:
    system = Elsewhere()
    run = await begin(host, under(CLERK, uses(tool(system.book), what="visit")))
    await reply(host, await asked(host, run), said, reason=reason)
    outcome = await ended(host, run)
    assert (outcome.status, outcome.reason) == ("escalated", told)
    assert system.calls == []


async def test_an_effect_that_nobody_approves_in_time_is_rejected(tmp_path: Path) -> None:
    system, clock = Elsewhere(), HandClock()
    workflow = under(approved("clerk", due="1h"), uses(tool(system.book), what="visit"))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await turned(host, clock, run, 3600)
        outcome = await ended(host, run)
    assert outcome.reason == "book: clerk did not answer in time, so it was not approved"
    assert system.calls == []


async def test_a_rule_within_a_rule_needs_both_the_inner_first(host: Host) -> None:
    system = Elsewhere()
    inner = Under(uses(tool(system.book), what="visit"), CLERK, name="inner")
    run = await begin(host, under(approved("chief"), inner))
    first = await asked(host, run, "/approval/1")
    assert first.role == "clerk"
    await reply(host, first, YES)
    second = await asked(host, run, "/approval/2")
    assert second.role == "chief"
    await reply(host, second, YES)
    assert (await ended(host, run)).status == "complete"
    assert len(system.calls) == 1


async def test_whoever_edits_has_the_others_approve_anew(host: Host) -> None:
    system = Elsewhere()
    inner = Under(uses(tool(system.book), what="visit"), CLERK, name="inner")
    run = await begin(host, under(approved("chief"), inner))
    await reply(host, await asked(host, run, "/approval/1"), YES)
    edited = {"proceed": True, "arguments": {"what": "bed"}}
    await reply(host, await asked(host, run, "/approval/2"), edited)
    third = await asked(host, run, "/approval/3")
    assert third.role == "clerk"
    assert about(host, third)["edited_by"] == OPERATOR.id
    assert about(host, third)["arguments"] == {"what": "bed"}
    await reply(host, third, YES)
    assert (await ended(host, run)).output["gave"]["gave"] == "bed #1"
    assert len(system.calls) == 1


async def test_a_person_sees_what_a_function_would_be_called_with_and_cannot_edit_it(host: Host) -> None:
    @function(name="posts")
    def post(letter: str) -> str:
        return f"posted {letter}"

    workflow = Workflow("ruled", sequential(Under(post, CLERK)))
    run = await begin(host, workflow, "hello")
    question = await asked(host, run)
    assert about(host, question)["arguments"] == {"letter": "hello"}
    with pytest.raises(InputError):
        await reply(host, question, {"proceed": True, "arguments": {"letter": "bye"}})
    await reply(host, question, YES)
    assert (await ended(host, run)).output["gave"] == "posted hello"


# -- attempts, restarts, cancellations -----------------------------------------------------------------


async def test_another_attempt_at_the_same_effect_does_not_ask_again(host: Host) -> None:
    calls: list[int] = []

    @tool(attempts=3)
    def shaky() -> str:
        calls.append(1)
        if len(calls) < 2:
            msg = "busy"
            raise ToolError(msg)
        return "done"

    run = await begin(host, under(CLERK, uses(shaky)))
    await reply(host, await asked(host, run), YES)
    outcome = await ended(host, run)
    assert (outcome.output["gave"], len(calls)) == ("done", 2)
    assert (await counted(host, run))["asked"] == 1
    assert [intent.body["approved"] for intent in await events(host, run, "intent")] == [[OPERATOR.id]] * 2


async def test_an_approved_call_in_doubt_is_settled_without_asking_for_approval_again(tmp_path: Path) -> None:
    system = Elsewhere()
    system.after.append(cut)
    book = tool(system.book, name="book", on_uncertain="ask")
    workflow = under(CLERK, uses(book, what="visit"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), YES)
        await asked(host, run, "/uncertain/")
        await parked(host, run)
    async with serving(tmp_path, workflow) as host:
        doubt = await asked(host, run, "/uncertain/")
        await reply(host, doubt, {"happened": True, "result": "visit #1"})
        assert (await ended(host, run)).output["gave"] == "visit #1"
        assert len(system.calls) == 1
        assert (await counted(host, run))["asked"] == 2


async def test_an_approval_given_while_no_process_ran_lets_the_effect_be_made_once(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = under(CLERK, uses(tool(system.book), what="visit"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
    async with serving(tmp_path) as elsewhere:  # a process that cannot run it
        await reply(elsewhere, question, {"proceed": True, "arguments": {"what": "bed"}})
    for _ in range(2):
        async with serving(tmp_path, workflow) as host:
            assert (await ended(host, run)).output["gave"] == "bed #1"
    assert len(system.calls) == 1


async def test_a_cancellation_while_an_approval_is_waited_for_claims_nothing(host: Host) -> None:
    system = Elsewhere()
    run = await begin(host, under(CLERK, uses(tool(system.book), what="visit")))
    question = await asked(host, run)
    await cancel(host, run)
    assert (await ended(host, run)).status == "cancelled"
    assert (await host.store.question(question.number)).state == "closed"
    assert (await counted(host, run))["intent"] == 0
    assert system.calls == []


@pytest.mark.parametrize("change", [{"what": "bed"}, {"tool": "reserve"}], ids=["arguments", "tool"])
@pytest.mark.parametrize("rule", [CLERK, WITHHELD], ids=["approved", "withheld"])
async def test_code_that_proposes_something_else_than_was_recorded_blocks_the_run(
    tmp_path: Path, rule: EffectRule, change: dict[str, str]
) -> None:
    system, clock = Elsewhere(), HandClock()
    said = {"what": "visit", "tool": "book"}

    @function(pure=True, version="1")
    async def desk(context: Context) -> str:
        try:
            return await context.use(tool(system.book, name=said["tool"]), what=said["what"])
        except ToolError as error:
            await context.sleep(3600)
            return str(error)

    workflow = under(rule, desk)
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        said.update(change)
        if rule == CLERK:
            await reply(host, await asked(host, run), YES)
            await until(lambda: blocked(host, run))
        else:
            await turned(host, clock, run, 3600)
        row = await resting(host, run)
    assert row.status == "blocked"
    assert "proposed book" in str(row.detail)
    assert system.calls == []


# -- forks and older journals ---------------------------------------------------------------------------


async def test_a_fork_is_asked_anew_about_what_was_approved_and_not_done(host: Host) -> None:
    system = Elsewhere()
    book = tool(system.book)

    @function(pure=True)
    async def desk(context: Context) -> list[str]:
        return [await context.use(book, what="visit"), await context.use(book, what="bed")]

    workflow = under(CLERK, desk)
    run = await begin(host, workflow)
    edited = {"proceed": True, "arguments": {"what": "walk"}}
    await reply(host, await asked(host, run, "/tool/1/"), edited)
    await reply(host, await asked(host, run, "/tool/2/"), YES)
    await ended(host, run)
    answered = (await events(host, run, "answered"))[-1]
    copy = await fork(host.store, host.clock, await host.store.run(run), by=OPERATOR, at=answered.seq)
    question = await asked(host, copy.id)
    assert "/tool/2/" in question.path
    await reply(host, question, YES)
    assert (await ended(host, copy.id)).output["gave"] == ["walk #1", "bed #3"]


async def test_an_effect_claimed_before_there_was_a_rule_is_not_asked_about(tmp_path: Path) -> None:
    system = Elsewhere()
    book = tool(system.book)
    rules = [AUTO]

    class Changing(Under):
        async def act(self, task: Any, context: Context) -> Outcome:
            self.rule = rules[-1]
            return await super().act(task, context)

    @function(pure=True, version="1")
    async def desk(context: Context) -> list[str]:
        first = await context.use(book, what="visit")
        await context.sleep(3600)
        return [first, await context.use(book, what="bed")]

    clock = HandClock()
    workflow = Workflow("ruled", Changing(desk, AUTO))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        await parked(host, run)
        rules.append(CLERK)
        await turned(host, clock, run, 3600)
        question = await asked(host, run)
        assert "/tool/2/" in question.path
        await reply(host, question, YES)
        assert (await ended(host, run)).output["gave"] == ["visit #1", "bed #2"]
