"""What is asked for from outside and policies ask about: a start, an answer, a look at labelled data."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.governed import ASK, BOB, EVE, NO, YES, gate_of, governed
from kernel.scenarios.house import (
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    parked,
    reply,
    resting,
    until,
)
from ripieno import Workflow, function, human, sequential, tool
from ripieno.identity.reading import read_run
from ripieno.journal.records import RunFilter
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel import commands, tasks
from ripieno.kernel.approving import WORKFLOW, bear
from ripieno.kernel.emergency import break_glass, emergencies, review
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.labels import classes_of
from ripieno.mediation.policy.past import acts_of
from ripieno.model.errors import AwaitingApprovalError, NotAllowedError
from ripieno.model.gate import Action, Actor, Subject
from ripieno.model.principal import Principal
from ripieno.model.value import decode
from ripieno.retention.erasing import erase

STARTS = """
@id("starts-are-asked-about")
@reason("Each costs money.")
@approval("2 of role:boss")
forbid (principal, action == Action::"run.start", resource);
"""
ANSWERS = """
@id("answers-are-asked-about")
@approval("role:boss")
forbid (principal, action == Action::"task.answer", resource) when { !(principal in Role::"medic") };
"""
READS = """
@id("looks-are-asked-about")
@approval("role:boss")
forbid (principal, action == Action::"data.read", resource) when { !(principal in Role::"boss") };
"""
CLERK = Principal("person", "kim", roles=frozenset({"clerk", "operator"}))
KIT = Principal("person", "kit", roles=frozenset({"clerk", "auditor"}))
MEDIC = Principal("person", "medic", roles=frozenset({"break-glass", "medic", "boss"}))
TEXT = "the-patient-is-called-dora"
SAID = {"proceed": True, "note": TEXT}


@asynccontextmanager
async def house(home: Path, own: str, *workflows: Workflow) -> AsyncGenerator[Host]:
    gate = gate_of(home.with_suffix(".policies"), own=own)
    async with governed(home, gate, *workflows) as host:
        yield host


def booking(system: Elsewhere) -> Workflow:
    return Workflow("bookings", sequential(uses(tool(system.book), what="visit")))


async def approvals(host: Host) -> list[str]:
    return [row.id for row in reversed(await host.store.runs(RunFilter(workflow=WORKFLOW)))]


async def approved(
    host: Host, error: pytest.ExceptionInfo[AwaitingApprovalError], by: Principal = BOB
) -> None:
    """Approve what an error says that it waits for, and wait until that can be used."""
    run = error.value.run
    await reply(host, await asked(host, run, "command"), YES, by=by)

    async def usable() -> bool | None:
        return any(one.path.endswith("/use/1") for one in await host.store.events(run)) or None

    await until(usable)


# -- starts ----------------------------------------------------------------------------------------------


async def test_a_start_that_policies_ask_about_begins_nothing_before_it_is_approved(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with house(tmp_path, STARTS, workflow) as host:
        run = await begin(host, workflow, {"for": "dora"}, by=BOB)
        await parked(host, run)
        question = await asked(host, run)
        about = commands.asked_for(host.store, question).about
        assert (about["input"], about["by"], about["policies"]) == (
            {"for": "dora"},
            BOB.id,
            ["starts-are-asked-about"],
        )
        assert "own.cedar:2" in about["why"]
        assert about["goes_on"] == ["role boss approves"]
        with pytest.raises(NotAllowedError, match="proposed it"):
            await reply(host, question, YES, by=BOB)
        await reply(host, question, YES, by=EVE)
        second = await asked(host, run, "approval/2")
        assert system.calls == []
        with pytest.raises(NotAllowedError, match="has approved it"):
            await reply(host, second, YES, by=EVE)
    async with house(tmp_path, STARTS, workflow) as host:  # it waits across restarts
        await reply(host, second, YES, by=MEDIC)
        assert (await ended(host, run)).status == "complete"
        assert len(system.calls) == 1
        [begun] = await events(host, run, "choice")
        assert "starts-are-asked-about" in begun.body["policies"]
        first = next(acts_of(await host.store.events(run), {}, lambda _: None))
        assert (first.action.kind, first.verdict) == ("run.start", "ask")


async def test_what_has_begun_goes_on_whatever_policies_say_of_starts_by_then(tmp_path: Path) -> None:
    waits = Workflow("waits", sequential(human("clerk", role="clerk")))
    async with house(tmp_path, STARTS, waits) as host:
        run = await begin(host, waits, by=BOB)
        await reply(host, await asked(host, run), YES, by=EVE)
        await reply(host, await asked(host, run, "approval/2"), YES, by=MEDIC)
        await asked(host, run, "clerk")
    async with house(tmp_path, STARTS.replace('@approval("2 of role:boss")\n', ""), waits) as host:
        await reply(host, await asked(host, run, "clerk"), YES, by=KIT)
        assert (await ended(host, run)).status == "complete"
        with pytest.raises(NotAllowedError) as error:
            await begin(host, waits, by=BOB)
        assert not isinstance(error.value, AwaitingApprovalError)


@pytest.mark.parametrize("how", ["rejected", "forbidden by then", "cancelled"])
async def test_a_start_that_is_not_approved_does_nothing(tmp_path: Path, how: str) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with house(tmp_path, STARTS, workflow) as host:
        run = await begin(host, workflow, by=BOB)
        question = await asked(host, run)
        await parked(host, run)
        if how == "rejected":
            await reply(host, question, NO, by=EVE)
        elif how == "cancelled":
            await cancel(host, run)
    if how == "forbidden by then":
        async with house(tmp_path, STARTS.replace('@approval("2 of role:boss")\n', ""), workflow) as host:
            await reply(host, question, YES, by=EVE)
            await resting(host, run)
    async with house(tmp_path, STARTS, workflow) as host:
        outcome = await ended(host, run)
        assert outcome.status == ("cancelled" if how == "cancelled" else "escalated")
        assert system.calls == []


async def test_a_fork_of_what_was_approved_is_asked_about_anew(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with house(tmp_path, STARTS, workflow) as host:
        run = await begin(host, workflow, by=BOB)
        await reply(host, await asked(host, run), YES, by=EVE)
        await reply(host, await asked(host, run, "approval/2"), YES, by=MEDIC)
        await ended(host, run)
        row = await host.store.run(run)
        for at in (1, None):
            with pytest.raises(AwaitingApprovalError) as error:
                await fork(host.store, host.clock, row, by=BOB, at=at)
            about = commands.asked_for(host.store, await asked(host, error.value.run)).about
            assert about["given"] == {"at": row.head_seq if at is None else at, "input": None}
            await reply(host, await asked(host, error.value.run), YES, by=EVE)
            await approved(host, error, MEDIC)
            other = await fork(host.store, host.clock, row, by=BOB, at=at)
            [first] = await events(host, other.id, "run.started")
            assert first.body["approval"] == error.value.run
            assert "awaits" not in first.body
            host.ring()
            assert (await ended(host, other.id)).status == "complete"
        assert len(system.calls) == 2  # of the one from the beginning, and not of the one that has it all


async def test_of_a_long_input_whoever_approves_is_told_the_length(tmp_path: Path) -> None:
    workflow = booking(Elsewhere())
    async with house(tmp_path, STARTS, workflow) as host:
        created = await host.start(workflow, "x" * 30_000, principal=BOB, key="case 7")
        about = commands.asked_for(host.store, await asked(host, created.row.id)).about
        assert (about["key"], about["input"]) == ("case 7", "30002 bytes; runs show has it")


# -- answers ---------------------------------------------------------------------------------------------


async def test_an_answer_that_policies_ask_about_counts_once_it_is_approved_and_given_again(
    tmp_path: Path,
) -> None:
    waits = Workflow("waits", sequential(human("clerk", role="clerk")))
    async with house(tmp_path, ANSWERS, waits) as host:
        run = await begin(host, waits)
        question = await asked(host, run)
        with pytest.raises(AwaitingApprovalError) as error:
            await reply(host, question, SAID, by=CLERK, reason="it was read out")
        about = commands.asked_for(host.store, await asked(host, error.value.run)).about
        assert (about["given"], about["reason"]) == ({"value": SAID}, "it was read out")
        await approved(host, error, MEDIC)
        with pytest.raises(AwaitingApprovalError):  # another answer needs another approval
            await reply(host, question, YES, by=CLERK)
        with pytest.raises(AwaitingApprovalError):  # and so does somebody else's
            await reply(host, question, SAID, by=KIT)
        await reply(host, question, SAID, by=CLERK)
        assert (await ended(host, run)).output == SAID


async def test_moving_a_task_that_policies_ask_about_is_approved_as_well(tmp_path: Path) -> None:
    waits = Workflow("waits", sequential(human("clerk", role="clerk")))
    async with house(tmp_path, ANSWERS, waits) as host:
        question = await asked(host, await begin(host, waits))
        with pytest.raises(AwaitingApprovalError) as error:
            await tasks.claim(host.store, host.clock, question, by=CLERK)
        await approved(host, error, MEDIC)
        moved = await tasks.claim(host.store, host.clock, question, by=CLERK)
        assert moved.claimed_by == CLERK.id


async def test_an_approval_is_not_approved_in_turn_and_the_denial_says_why(tmp_path: Path) -> None:
    waits = Workflow("waits", sequential(human("clerk", role="clerk")))
    async with house(tmp_path, ANSWERS.replace("medic", "nobody"), waits) as host:
        question = await asked(host, await begin(host, waits))
        with pytest.raises(AwaitingApprovalError) as error:
            await reply(host, question, SAID, by=CLERK)
        approval = await asked(host, error.value.run)
        with pytest.raises(NotAllowedError, match="may not answer") as denied:
            await reply(host, approval, YES, by=BOB)
        assert not isinstance(denied.value, AwaitingApprovalError)
        assert denied.value.remedy is not None
        assert "not approved in turn" in denied.value.remedy
        with pytest.raises(NotAllowedError, match="may not answer"):
            await break_glass(host.store, host.clock, approval, by=MEDIC, reason="now")


async def test_what_an_approval_was_told_of_an_erased_run_is_gone_with_it(tmp_path: Path) -> None:
    """The answer that is to be approved is of what the run holds: it is sealed by that run's key."""
    waits = Workflow("waits", sequential(human("clerk", role="clerk")), data=("phi",))
    async with house(tmp_path, ANSWERS, waits) as host:
        run = await begin(host, waits)
        question = await asked(host, run)
        with pytest.raises(AwaitingApprovalError) as error:
            await reply(host, question, SAID, by=CLERK)
        approval = await asked(host, error.value.run)
        row = await host.store.run(error.value.run)
        assert "phi" in await classes_of(host.store, row)
        await approved(host, error, MEDIC)
        await reply(host, question, SAID, by=CLERK)
        await ended(host, run)
        await ended(host, error.value.run)
        held = [host.store.payload(row.id, ref) for ref in refs(await host.store.events(row.id))]
        assert not any(TEXT.encode() in one for one in held)
        await erase(host.store, await host.store.run(run), by=OPERATOR, reason="asked for")
        assert commands.asked_for(host.store, approval).about["given"] == "erased"
        late = Action("run.command", "retry", Actor(OPERATOR), Subject("run", run), None, run)
        again = await bear(host.store, late, {"given": {}}, "of an erased run", host.clock)
        first = (await host.store.events(again.id, limit=1))[0]
        said: Any = decode(host.store.payload(again.id, first.body["input"]))
        assert said["given"] == {}  # nothing that it holds can be in it any more


def refs(found: Any) -> set[str]:
    return {
        value
        for event in found
        for name, value in event.body.items()
        if name in ("input", "content", "because", "reason") and isinstance(value, str)
    }


async def test_why_the_glass_was_broken_is_gone_with_the_run_that_it_is_about(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with house(tmp_path, ASK, workflow) as host:
        runs = [await begin(host, workflow) for _ in range(2)]
        for run in runs:
            await break_glass(host.store, host.clock, await asked(host, run), by=MEDIC, reason=TEXT)
            await ended(host, run)
        first, second = await emergencies(host.store, "default")
        assert (first.reason, second.reason) == (TEXT, TEXT)
        await review(host.store, first.task, by=CLERK, said=f"{TEXT}, as it was said")
        assert (await emergencies(host.store, "default"))[0].review == f"{TEXT}, as it was said"
        for run in runs:
            await erase(host.store, await host.store.run(run), by=OPERATOR, reason="asked for")
        await review(host.store, second.task, by=CLERK, said="what is left of it is in order")
        told = await emergencies(host.store, "default")
        assert [(one.by, one.reason, one.review) for one in told] == [
            (MEDIC.id, "erased", "erased"),
            (MEDIC.id, "erased", "what is left of it is in order"),
        ]
        stream = await host.store.tenant_stream("default")
        kept = [host.store.payload(stream, ref) for ref in refs(await host.store.events(stream))]
        assert not any(TEXT.encode() in one for one in kept)
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound


# -- looks -----------------------------------------------------------------------------------------------


async def test_a_look_that_policies_ask_about_is_had_once_for_each_approval(tmp_path: Path) -> None:
    @function(pure=True)
    def told() -> str:
        return TEXT

    holds = Workflow("holds", sequential(told), data=("phi",))
    async with house(tmp_path, READS, holds) as host:
        run = await begin(host, holds)
        await ended(host, run)
        row = await host.store.run(run)
        with pytest.raises(AwaitingApprovalError) as error:
            await read_run(host.store, row, "runs show", by=KIT, reason="a complaint")
        about = commands.asked_for(host.store, await asked(host, error.value.run)).about
        assert (about["command"], about["run"]) == ("runs show", run)
        await approved(host, error)
        with pytest.raises(AwaitingApprovalError):
            await read_run(host.store, row, "runs why", by=KIT)
        await read_run(host.store, row, "runs show", by=KIT)
        stream = await host.store.tenant_stream("default")
        [read] = [one for one in await host.store.events(stream) if one.kind == "data.read"]
        assert read.body["by"] == KIT.id
        with pytest.raises(AwaitingApprovalError):
            await read_run(host.store, row, "runs show", by=KIT)


async def test_a_look_at_several_runs_uses_no_approval_before_there_are_all(tmp_path: Path) -> None:
    @function(pure=True)
    def told() -> str:
        return TEXT

    holds = Workflow("holds", sequential(told), data=("phi",))
    async with house(tmp_path, READS, holds) as host:
        run = await begin(host, holds)
        await ended(host, run)
        other = await fork(host.store, host.clock, await host.store.run(run), by=BOB)
        row = await host.store.run(other.id)
        seen: set[str] = set()
        for _ in range(2):
            with pytest.raises(AwaitingApprovalError) as error:
                await read_run(host.store, row, "runs show", by=KIT)
            assert error.value.run not in seen
            seen.add(error.value.run)
            await approved(host, error)
        await read_run(host.store, row, "runs show", by=KIT)
        assert len(await approvals(host)) == 2
