"""A participant in its modes: done by a person, in the shadow of one, suggesting to one, or acting."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from running import OPERATOR, Running, gives, outcome, pure

from ripieno import Context, Function, Principal, Workflow, human, role, sequential, tool
from ripieno.journal.records import Message
from ripieno.kernel.agreement import Agreement, agreement
from ripieno.kernel.modes import set_mode, set_mode_of_version
from ripieno.model.errors import DefinitionError, InputError, NotFoundError, RefusedError
from ripieno.model.ids import new_id
from ripieno.model.mode import Mode
from ripieno.participants.base import BaseParticipant

CLERK = human("clerk", role="clerk")
MINUTE = 60
WRONG: Any = "automatic"


class Findings(BaseModel):
    interactions: list[str]
    safe: bool


def reconcile(case: Any) -> Findings:
    return Findings(interactions=case["drugs"], safe=len(case["drugs"]) < 2)


def after(reconcile: Any) -> Any:
    return {"seen": reconcile}


def flow(mode: Mode, part: BaseParticipant | None = None, **how: Any) -> BaseParticipant:
    part = part or pure(reconcile)
    return sequential(part.mode(mode, CLERK, **how), pure(after))


CASE = {"drugs": ["warfarin", "naproxen"]}
SAME = {"interactions": ["warfarin", "naproxen"], "safe": False}
OTHER = {"interactions": ["warfarin"], "safe": False}


async def compared(running: Running, run: str) -> tuple[str, Any]:
    [choice] = await running.choices(run, "shadow")
    return choice.chosen, choice.because


# -- manual ----------------------------------------------------------------------------------------------


async def test_in_manual_mode_the_person_does_it_and_the_participant_is_not_run(running: Running) -> None:
    run = await running.begin(flow("manual", gives("reconcile", RuntimeError("must not run"))), CASE)
    [question] = await running.questions(run)
    assert question.about == {"input": CASE, "before": {}}
    assert question.title == "the work of reconcile"
    await running.reply(question.row, {"output": SAME}, reason="by hand")
    ended = await running.ended(run)
    assert ended.output == {"seen": SAME}
    [choice] = await running.choices(run, "mode")
    assert (choice.chosen, choice.because) == ("manual", {"why": "declared"})


async def test_the_person_answers_by_the_participant_s_own_form(running: Running) -> None:
    run = await running.begin(flow("manual"), CASE)
    [question] = await running.questions(run)
    with pytest.raises(InputError, match="safe"):
        await running.reply(question.row, {"output": {"interactions": []}})
    with pytest.raises(InputError):
        await running.reply(question.row, {})
    await running.reply(question.row, {"output": OTHER})
    assert (await running.ended(run)).output == {"seen": OTHER}


async def test_without_a_form_of_the_participant_that_of_the_person_counts(running: Running) -> None:
    person = human("chief", role="chief", form=Findings)
    run = await running.begin(sequential(gives("reconcile", 1).mode("manual", person)))
    [question] = await running.questions(run)
    with pytest.raises(InputError):
        await running.reply(question.row, {"output": 3})
    await running.reply(question.row, {"output": SAME})
    ended = await running.ended(run)
    assert ended.output == SAME
    assert ended.confidence is not None
    assert ended.confidence.method == "done by person:op"


async def test_the_person_sees_what_others_found_before(running: Running) -> None:
    run = await running.begin(sequential(gives("first", 7), gives("second", 1).mode("manual", CLERK)))
    [question] = await running.questions(run)
    assert question.about["before"] == {"first": {"status": "complete", "says": 7}}


async def test_a_person_who_declines_escalates_it_with_their_reason(running: Running) -> None:
    run = await running.begin(flow("manual"), CASE)
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": False}, reason="no record")
    ended = await running.ended(run)
    assert (ended.status, ended.output, ended.reason) == ("escalated", None, "no record")


# -- shadow ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said", "fields"),
    [
        (SAME, "agrees", None),
        (OTHER, "differs", ["interactions"]),
        ({**OTHER, "safe": True}, "differs", ["interactions", "safe"]),
    ],
    ids=["the same", "one field", "two fields"],
)
async def test_a_shadow_is_compared_and_never_used(
    running: Running, answer: Any, said: str, fields: list[str] | None
) -> None:
    run = await running.begin(flow("shadow"), CASE)
    [question] = await running.questions(run)
    await running.reply(question.row, {"output": answer})
    assert (await running.ended(run)).output == {"seen": answer}
    verdict, because = await compared(running, run)
    assert (verdict, because.get("differing")) == (said, fields)
    paths = [event.path for event in await running.events(run, "step")]
    assert "sequential@1/reconcile@1/reconcile@shadow" in paths


async def test_a_shadow_changes_nothing_and_what_it_would_have_done_is_compared_too(running: Running) -> None:
    done: list[str] = []

    @tool
    def book(what: str) -> str:
        done.append(what)
        return "booked"

    async def desk(case: Any, context: Context) -> Any:
        try:
            await context.use(book, what=case["what"])
        except Exception as error:  # noqa: BLE001 - it finishes its answer all the same
            return str(error)

    run = await running.begin(sequential(pure(desk).mode("shadow", CLERK)), {"what": "visit"})
    [question] = await running.questions(run)
    await running.reply(question.row, {"output": "booked"})
    assert (await running.ended(run)).output == "booked"
    verdict, because = await compared(running, run)
    assert (done, verdict) == ([], "differs")
    assert because["would have done"] == [["book", {"what": "visit"}]]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (gives("reconcile", RuntimeError("broken")), "incomplete"),
        (gives("reconcile", outcome("escalated", reason="unsure")), "incomplete"),
        (Function(lambda: None, name="reconcile"), "incomplete"),
    ],
    ids=["it fails", "it would escalate", "it is an effect as a whole"],
)
async def test_a_shadow_that_does_not_finish_harms_nothing(
    running: Running, part: BaseParticipant, said: str
) -> None:
    run = await running.begin(flow("shadow", part), CASE)
    [question] = await running.questions(run)
    await running.reply(question.row, {"output": 1})
    assert (await running.ended(run)).output == {"seen": 1}
    assert (await compared(running, run))[0] == said


async def test_a_slow_shadow_is_stopped_once_its_time_is_over(running: Running) -> None:
    async def waits(case: Any, context: Context) -> None:
        del case
        await context.sleep(3600)

    run = await running.begin(sequential(pure(waits).mode("shadow", CLERK, shadow_within="1m")))
    [question] = await running.questions(run)
    await running.reply(question.row, {"output": 1})
    await running.later(run, MINUTE)
    assert (await running.ended(run)).output == 1
    assert await compared(running, run) == ("stopped", {"person": "complete"})


async def test_a_shadow_may_end_after_the_person_and_is_still_compared(running: Running) -> None:
    async def waits(case: Any, context: Context) -> int:
        del case
        await context.sleep(30)
        return 1

    run = await running.begin(sequential(pure(waits).mode("shadow", CLERK)))
    [question] = await running.questions(run)
    await running.reply(question.row, {"output": 1})
    await running.later(run, 30)
    assert (await running.ended(run)).status == "complete"
    assert (await compared(running, run))[0] == "agrees"


async def test_a_person_who_declines_agrees_with_a_shadow_that_would_have_escalated(running: Running) -> None:
    part = gives("reconcile", outcome("escalated", reason="unsure"))
    run = await running.begin(flow("shadow", part), CASE)
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": False})
    assert (await running.ended(run)).status == "escalated"
    assert (await compared(running, run))[0] == "agrees"


async def test_when_nobody_answers_there_is_nothing_to_compare(running: Running) -> None:
    person = human("chief", role="chief", due="1h")
    run = await running.begin(sequential(gives("a", 1).mode("shadow", person)))
    await running.later(run, 3600)
    assert (await running.ended(run)).status == "escalated"
    assert (await compared(running, run))[0] == "unanswered"


# -- suggest ---------------------------------------------------------------------------------------------


async def test_a_suggestion_that_is_approved_counts_and_says_who_approved(running: Running) -> None:
    part = gives("reconcile", outcome("complete", SAME, sure=0.6))
    run = await running.begin(sequential(part.mode("suggest", CLERK)))
    [question] = await running.questions(run)
    assert (question.about, question.title) == (SAME, "what reconcile suggests at 0.60")
    await running.reply(question.row, {"proceed": True})
    ended = await running.ended(run)
    assert (ended.status, ended.output) == ("complete", SAME)
    assert ended.confidence is not None
    assert (ended.confidence.value, ended.confidence.method) == (1.0, "approved by person:op")


async def test_a_suggestion_that_is_edited_counts_as_edited(running: Running) -> None:
    run = await running.begin(flow("suggest"), CASE)
    [question] = await running.questions(run)
    with pytest.raises(InputError):
        await running.reply(question.row, {"proceed": True, "output": {"safe": "perhaps"}})
    await running.reply(question.row, {"proceed": True, "output": OTHER})
    assert (await running.ended(run)).output == {"seen": OTHER}
    methods = [event.body["outcome"].get("method") for event in await running.events(run, "scope")]
    assert "edited by person:op" in methods


async def test_a_suggestion_that_is_rejected_is_escalated_with_the_reason(running: Running) -> None:
    run = await running.begin(flow("suggest"), CASE)
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": False}, reason="check the dose")
    ended = await running.ended(run)
    assert (ended.status, ended.output, ended.reason) == ("escalated", SAME, "check the dose")


async def test_a_participant_that_fails_suggests_nothing_and_nobody_is_asked(running: Running) -> None:
    ended = await running.run(flow("suggest", gives("reconcile", outcome("failed", reason="busy"))), CASE)
    assert (ended.status, ended.reason) == ("failed", "busy")


async def test_the_effects_of_a_suggestion_wait_for_the_same_person(running: Running) -> None:
    done: list[str] = []

    @tool
    def book(what: str) -> str:
        done.append(what)
        return f"booked {what}"

    async def desk(case: Any, context: Context) -> Any:
        return await context.use(book, what=case["what"])

    run = await running.begin(sequential(pure(desk).mode("suggest", CLERK)), {"what": "visit"})
    [question] = await running.questions(run)
    assert (question.row.role, question.about["arguments"]) == ("clerk", {"what": "visit"})
    assert done == []
    await running.reply(question.row, {"proceed": True, "arguments": {"what": "bed"}})
    [question] = await running.questions(run)
    assert question.about == "booked bed"
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).output == "booked bed"
    assert done == ["bed"]


async def test_effects_of_a_suggestion_escalate_as_the_person_does(running: Running) -> None:
    @tool
    def book() -> str:
        return "booked"

    async def desk(case: Any, context: Context) -> str:
        del case
        return await context.use(book)

    chain = human("ada", person="ada", due="1h", then=role("chief"))
    run = await running.begin(sequential(pure(desk).mode("suggest", chain)))
    [question] = await running.questions(run)
    assert (question.row.role, question.row.person) == (None, "person:ada")
    await running.later(run, 3600)
    [question] = await running.questions(run)
    assert question.row.role == "chief"
    await running.reply(question.row, {"proceed": True})
    [question] = await running.questions(run)
    assert question.about == "booked"


async def test_a_rejected_effect_of_a_suggestion_escalates_it_and_is_not_tried_again(
    running: Running,
) -> None:
    @tool
    def book() -> None:
        raise AssertionError

    async def desk(case: Any, context: Context) -> None:
        del case
        await context.use(book)

    run = await running.begin(sequential(pure(desk).mode("suggest", CLERK).retry(3)))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": False}, reason="not today")
    ended = await running.ended(run)
    assert (ended.status, ended.reason) == ("escalated", "book: rejected by person:op: not today")


# -- auto, and changes -----------------------------------------------------------------------------------


async def test_in_auto_mode_it_acts_and_nobody_is_asked(running: Running) -> None:
    ended = await running.run(flow("auto"), CASE)
    assert ended.output == {"seen": SAME}


async def test_a_step_keeps_what_else_was_said_of_it(running: Running) -> None:
    sure = gives("a", outcome("complete", 1, sure=0.2)).mode("auto", CLERK).escalate(below=0.5, to=CLERK)
    run = await running.begin(sequential(sure))
    [question] = await running.questions(run)
    await running.reply(question.row, {"proceed": True})
    assert (await running.ended(run)).output == 1


async def change(running: Running, run: str, participant: str, mode: Mode, reason: str | None = None) -> None:
    row = await running.host.store.run(run)
    await set_mode(running.host.store, running.host.clock, row, participant, mode, by=OPERATOR, reason=reason)


async def test_a_change_holds_for_later_visits_and_a_visit_under_way_keeps_its_mode(running: Running) -> None:
    first = gives("a", 1).mode("manual", CLERK)
    later = gives("b", 2).mode("manual", CLERK)
    run = await running.begin(sequential(first, later, gives("c", 2).mode("auto", CLERK)))
    [question] = await running.questions(run)
    await change(running, run, "b", "manual")
    await change(running, run, "a", "auto")
    await change(running, run, "b", "suggest")
    await change(running, run, "b", "auto", "it was right a hundred times")
    await change(running, run, "c", "manual")
    await running.host.store.send(Message(new_id(), run, "resume", OPERATOR.id, running.host.clock.now()))
    await running.rests(run)
    await running.reply(question.row, {"output": 5})
    [question] = await running.questions(run)
    await running.reply(question.row, {"output": 3})
    assert (await running.ended(run)).output == 3
    modes = [(choice.chosen, choice.because) for choice in await running.choices(run, "mode")][:2]
    assert modes == [
        ("manual", {"why": "declared"}),
        ("auto", {"why": "set for the run", "by": "person:op", "reason": "it was right a hundred times"}),
    ]


@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [
        ("a", "shadow", "cannot have mode 'shadow'"),
        ("plain", "manual", "no person declared"),
        ("plaid", "manual", "did you mean 'plain'"),
    ],
    ids=["it asks people itself", "no person beside it", "not there"],
)
async def test_a_change_that_cannot_be_is_refused(running: Running, name: str, mode: Mode, said: str) -> None:
    boss = human("boss", role="boss")
    asks = sequential(gives("c", 1), boss, name="a").mode("manual", CLERK)
    run = await running.begin(sequential(asks, gives("plain", 1)))
    await running.questions(run)
    with pytest.raises(InputError, match=said):
        await change(running, run, name, mode)


async def test_a_run_that_has_ended_takes_no_change(running: Running) -> None:
    run = await running.begin(flow("auto"), CASE)
    await running.ended(run)
    with pytest.raises(RefusedError, match="has ended"):
        await change(running, run, "reconcile", "manual")


async def test_a_change_of_another_tenant_s_run_or_of_a_version_that_is_not_there_is_refused(
    running: Running,
) -> None:
    store, clock = running.host.store, running.host.clock
    run = await running.begin(flow("manual"), CASE)
    await running.questions(run)
    row = await store.run(run)
    stranger = Principal("person", "eve", "elsewhere", every_role=True)
    with pytest.raises(NotFoundError, match="no run"):
        await set_mode(store, clock, row, "reconcile", "auto", by=stranger)
    gone = dataclasses.replace(row, version="0" * 64)
    with pytest.raises(NotFoundError, match="no version"):
        await set_mode(store, clock, gone, "reconcile", "auto", by=OPERATOR)


async def test_a_mode_set_for_a_version_holds_for_runs_that_start_after_it(running: Running) -> None:
    workflow = Workflow("tested", flow("suggest"))
    store = running.host.store
    early = (await running.host.start(workflow, CASE, principal=OPERATOR)).row.id
    await running.questions(early)
    [version] = await store.versions("default", "tested")
    await set_mode_of_version(store, version, "reconcile", "manual", by=OPERATOR, reason="an incident")
    await set_mode_of_version(store, version, "reconcile", "auto", by=OPERATOR, reason="it is over")
    late = (await running.host.start(workflow, CASE, principal=OPERATOR)).row.id
    assert (await running.ended(late)).output == {"seen": SAME}
    assert await running.rests(early) == "waiting"
    [choice] = await running.choices(late, "mode")
    assert (choice.chosen, choice.because) == ("auto", {"why": "set for the version", "by": "person:op"})
    [started] = await running.events(late, "run.started")
    tenant = await store.tenant_stream("default")
    named = started.body["modes"]["reconcile"]["event"]
    [event] = [event for event in await store.events(tenant) if event.seq == named]
    assert (event.kind, event.body["mode"]) == ("workflow.mode", "auto")
    assert store.payload(tenant, event.body["reason"]) == b'"it is over"'


async def test_how_often_a_shadow_agreed_is_counted_over_the_runs_of_a_workflow(running: Running) -> None:
    person = human("chief", role="chief", due="1h")
    workflow = Workflow("tested", sequential(pure(reconcile).mode("shadow", person)))
    for answer in (SAME, OTHER, SAME, None):
        run = await running.begin(workflow, CASE)
        [question] = await running.questions(run)
        if answer is None:
            await running.later(run, 3600)
        else:
            await running.reply(question.row, {"output": answer})
        await running.ended(run)
    found = await agreement(running.host.store, "default", "tested")
    one = found["reconcile"]
    assert one.verdicts == {"agrees": 2, "differs": 1, "unanswered": 1}
    assert (one.compared, one.rate, len(one.runs)) == (3, 2 / 3, 4)
    assert Agreement("nobody").rate is None
    assert await agreement(running.host.store, "default", "another") == {}


# -- refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gives("a", 1).mode("manual"), "needs a person"),
        (lambda: gives("a", 1).mode(WRONG, CLERK), "must be one of"),
        (lambda: gives("a", 1).mode("manual", WRONG), "must be a human"),
        (lambda: gives("a", 1).mode("auto", shadow_within="3s"), "shadow_within"),
        (lambda: human("boss", role="boss").mode("suggest", CLERK), "a person has no mode"),
        (lambda: sequential(human("boss", role="boss")).mode("shadow", CLERK), "a shadow asks nobody"),
        (lambda: gives("a", 1).mode("shadow", CLERK, shadow_within="soon"), "soon"),
    ],
    ids=["no person", "no such mode", "not a human", "without a shadow", "a human", "asks people", "no time"],
)
def test_a_mode_that_cannot_work_is_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        make()
