"""What people do with a task before it is answered: who may, who was first; and nobody is woken by it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    OPERATOR,
    asked,
    begin,
    cancel,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
)
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel import tasks
from ripieno.kernel.addressees import address
from ripieno.kernel.host import Host
from ripieno.kernel.tasks import TaskFilter, history
from ripieno.model.errors import (
    InputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    RipienoError,
)
from ripieno.model.principal import Principal
from ripieno.participants.human import human, person, role
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.workflows.workflow import Workflow

YES = {"proceed": True}
BOB = Principal("person", "bob", roles=frozenset({"clinician"}))
CY = Principal("person", "cy", roles=frozenset({"nurse"}))
EVE = Principal("person", "eve", roles=frozenset({"clerk"}))
BOSS = Principal("person", "boss", roles=frozenset({"operator"}))
THEIRS = Principal("person", "mallory", "other", every_role=True)

FOR_A_ROLE = Workflow("for-a-role", human("decides", role="clinician"))
FOR_ADA = Workflow("for-ada", human("decides", person="ada"))
SEVERAL = Workflow(
    "several",
    concurrent(
        *(human(name, role="clinician") for name in ("one", "two", "three")), resolve=merge(), name="all"
    ),
)

Act = Callable[..., Awaitable[Any]]


async def waiting(host: Host, workflow: Workflow) -> QuestionRow:
    """Start a run, and give its question once nobody runs it any more."""
    run = await begin(host, workflow)
    question = await asked(host, run)
    await parked(host, run)
    return question


async def does(host: Host, act: Act, row: QuestionRow, by: Principal, **settings: Any) -> QuestionRow:
    return await act(host.store, host.clock, row, by=by, **settings)


async def refused(
    because: tuple[type[RipienoError], str],
    host: Host,
    act: Act,
    row: QuestionRow,
    by: Principal,
    **settings: Any,
) -> None:
    kind, says = because
    with pytest.raises(kind) as raised:
        await does(host, act, row, by, **settings)
    assert says in str(raised.value)


async def test_who_claims_a_task_has_it_and_others_are_told_who(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        held = await does(host, tasks.claim, row, ADA)
        assert (held.claimed_by, held.role, held.state) == ("person:ada", "clinician", "open")
        await refused((RefusedError, "t-1 is yours already"), host, tasks.claim, row, ADA)
        await refused((RefusedError, "t-1 was claimed by person:ada, 20"), host, tasks.claim, row, BOB)
        await refused((NotAllowedError, "was claimed by person:ada"), host, tasks.release, row, EVE)
        with pytest.raises(NotAllowedError, match="claimed by person:ada") as raised:
            await reply(host, row, YES, by=BOB)
        assert "ripieno inbox claim t-1 --take-over" in str(raised.value)
        await reply(host, row, YES, by=ADA)
        outcome = await ended(host, row.run)
    assert outcome.confidence is not None
    assert outcome.confidence.method == "decided by person:ada"


async def test_who_lost_a_claim_is_refused_and_the_new_holder_answers(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await does(host, tasks.claim, row, ADA)
        await does(host, tasks.claim, row, BOB, take_over=True, reason="ada is in surgery")
        with pytest.raises(NotAllowedError, match="t-1 was claimed by person:bob"):
            await reply(host, row, YES, by=ADA)
        await reply(host, row, YES, by=BOB)
        await ended(host, row.run)
        notes = await history(host.store, row)
    assert [(note.what, note.by, note.to, note.said) for note in notes] == [
        ("claim", "person:ada", None, None),
        ("claim", "person:bob", "person:ada", "ada is in surgery"),
    ]


async def test_of_two_claims_at_once_one_wins_and_the_other_hears_who(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        said = await asyncio.gather(
            does(host, tasks.claim, row, ADA), does(host, tasks.claim, row, BOB), return_exceptions=True
        )
        claims = [note for note in await history(host.store, row) if note.what == "claim"]
    assert len(claims) == 1
    assert isinstance(said[0], QuestionRow)
    assert isinstance(said[1], RefusedError)
    assert "was claimed by person:ada" in str(said[1])


async def test_an_answer_that_races_a_take_over_counts_only_for_whoever_holds_the_task(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await does(host, tasks.claim, row, ADA)
        said = await asyncio.gather(
            does(host, tasks.claim, row, BOB, take_over=True),
            reply(host, row, YES, by=ADA),
            return_exceptions=True,
        )
        now = await host.store.question(row.number)
        assert (now.state, now.claimed_by) == ("open", "person:bob")
        await reply(host, row, YES, by=BOB)
    assert isinstance(said[1], NotAllowedError)


async def test_a_task_goes_back_to_its_role_when_it_is_released(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await refused((RefusedError, "t-1 was claimed by nobody"), host, tasks.release, row, ADA)
        await does(host, tasks.claim, row, ADA)
        await refused((NotAllowedError, "claimed by person:ada"), host, tasks.release, row, BOB)
        freed = await does(host, tasks.release, row, BOSS, reason="ada has left")
        assert freed.claimed_by is None
        await reply(host, row, YES, by=BOB)
        assert (await ended(host, row.run)).status == "complete"


async def test_a_delegated_task_is_answered_for_whoever_delegated_it(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await refused((RefusedError, "held by nobody yet"), host, tasks.delegate, row, ADA, to="cy")
        await does(host, tasks.claim, row, ADA)
        await refused(
            (InputError, "to another person, not to role:nurse"),
            host,
            tasks.delegate,
            row,
            ADA,
            to="role:nurse",
        )
        await refused((InputError, "not to person:ada"), host, tasks.delegate, row, ADA, to="ada")
        await refused((NotAllowedError, "claimed by person:ada"), host, tasks.delegate, row, BOB, to="cy")
        held = await does(host, tasks.delegate, row, ADA, to="cy", reason="knows the case")
        assert (held.person, held.delegated_by, held.claimed_by) == ("person:cy", "person:ada", None)
        with pytest.raises(NotAllowedError, match="t-1 is for person:cy; you are person:bob"):
            await reply(host, row, YES, by=BOB)
        await does(host, tasks.claim, row, CY)
        await reply(host, row, YES, by=CY)
        outcome = await ended(host, row.run)
        (answered,) = await events(host, row.run, "answered")
        with pytest.raises(RefusedError, match="already answered by person:cy for person:ada, 20"):
            await reply(host, row, YES, by=ADA)
    assert (answered.body["by"], answered.body["for"]) == ("person:cy", "person:ada")
    assert outcome.confidence is not None
    assert outcome.confidence.method == "decided by person:cy for person:ada"


async def test_a_delegated_task_goes_back_to_whoever_delegated_it(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE, FOR_ADA) as host:
        row, own = await waiting(host, FOR_A_ROLE), await waiting(host, FOR_ADA)
        await does(host, tasks.claim, row, ADA)
        await does(host, tasks.delegate, row, ADA, to="cy")
        back = await does(host, tasks.release, row, CY)
        assert (back.person, back.claimed_by, back.delegated_by) == (None, "person:ada", None)
        await does(host, tasks.delegate, own, ADA, to="cy")
        back = await does(host, tasks.release, own, ADA, reason="I have time now")
        assert (back.person, back.claimed_by, back.delegated_by) == ("person:ada", None, None)
        await reply(host, row, YES, by=ADA)
        await reply(host, own, YES, by=ADA)


async def test_a_task_for_one_person_is_nobody_else_s(tmp_path: Path) -> None:
    everyone = Principal("person", "root", every_role=True)
    async with serving(tmp_path, FOR_ADA) as host:
        row = await waiting(host, FOR_ADA)
        assert (row.role, row.person) == (None, "person:ada")
        with pytest.raises(NotAllowedError, match="t-1 is for person:ada; you are person:root") as raised:
            await reply(host, row, YES, by=everyone)
        assert "ripieno inbox reassign t-1 root" in str(raised.value)
        await refused((NotAllowedError, "is for person:ada"), host, tasks.claim, row, BOB)
        await reply(host, row, YES, by=Principal("person", "ada"))
        assert (await ended(host, row.run)).status == "complete"


async def test_a_reassigned_task_is_answered_by_whom_it_was_given_to(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        why = {"reason": "not ours"}
        await refused((NotAllowedError, "is neither"), host, tasks.reassign, row, ADA, to="role:nurse", **why)
        await refused((InputError, "says why"), host, tasks.reassign, row, BOSS, to="role:nurse", reason=" ")
        await refused((InputError, "got 'team:x'"), host, tasks.reassign, row, BOSS, to="team:x", **why)
        await refused(
            (RefusedError, "is for role:clinician already"),
            host,
            tasks.reassign,
            row,
            BOSS,
            to="role:clinician",
            **why,
        )
        await does(host, tasks.claim, row, ADA)
        moved = await does(host, tasks.reassign, row, ADA, to="role:nurse", **why)
        assert (moved.role, moved.claimed_by) == ("nurse", None)
        with pytest.raises(NotAllowedError, match="is for role 'nurse'; person:ada does not hold it"):
            await reply(host, row, YES, by=ADA)
        moved = await does(host, tasks.reassign, row, BOSS, to="bob", **why)
        assert (moved.role, moved.person) == (None, "person:bob")
        await reply(host, row, YES, by=BOB)
        outcome = await ended(host, row.run)
        notes = await history(host.store, row)
    assert outcome.status == "complete"
    assert [(note.what, note.by, note.to, note.said) for note in notes[1:]] == [
        ("reassign", "person:ada", "role:nurse", "not ours"),
        ("reassign", "person:boss", "person:bob", "not ours"),
    ]


async def test_comments_stand_in_the_log_by_those_whom_the_task_concerns(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await does(host, tasks.comment, row, ADA, text="INR is 2.5")
        await does(host, tasks.comment, row, BOSS, text="please today")
        await refused(
            (NotAllowedError, "has no part in it"), host, tasks.comment, row, EVE, text="what is it?"
        )
        await refused((InputError, "a comment says something"), host, tasks.comment, row, ADA, text="  ")
        notes = await history(host.store, row)
        assert (await host.store.question(row.number)).revision == row.revision
        logged = await events(host, row.run, "task")
        await cancel(host, row.run)
        await ended(host, row.run)
    assert [(note.by, note.said) for note in notes] == [
        ("person:ada", "INR is 2.5"),
        ("person:boss", "please today"),
    ]
    assert all("2.5" not in str(event.body) for event in logged)


async def test_nobody_is_woken_by_what_is_done_with_a_task_and_the_log_stays_sound(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
    store = host.store
    async with serving(tmp_path) as host:  # nobody here has its code
        await does(host, tasks.claim, row, ADA)
        await does(host, tasks.comment, row, ADA, text="looking")
        await does(host, tasks.release, row, ADA)
        run = await host.store.run(row.run)
        assert (run.status, run.wanted, run.detail) == ("waiting", run.seen, None)
        logged = [event.body["what"] for event in await events(host, row.run, "task")]
    assert logged == ["claim", "comment", "release"]
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound
    assert store is not host.store
    async with serving(tmp_path, FOR_A_ROLE) as host:
        await reply(host, row, YES, by=ADA)
        assert (await ended(host, row.run)).status == "complete"


async def test_a_claim_and_a_comment_in_one_commit_are_both_in_the_chain(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await asyncio.gather(
            does(host, tasks.claim, row, ADA),
            *(does(host, tasks.comment, row, ADA, text=str(n)) for n in range(5)),
        )
        notes = await history(host.store, row)
    assert len(notes) == 6
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound


async def test_what_is_closed_or_of_another_tenant_is_not_moved(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await refused((NotFoundError, "no task t-1"), host, tasks.claim, row, THEIRS)
        await reply(host, row, YES, by=ADA)
        await ended(host, row.run)
        await refused((RefusedError, "already answered by person:ada"), host, tasks.claim, row, BOB)
        await refused((NotAllowedError, "is for role 'clinician'"), host, tasks.claim, row, EVE)


async def test_a_task_that_was_closed_between_look_and_act_is_refused_by_the_store(tmp_path: Path) -> None:
    """Claims and answers race in one commit: the answer comes first, so the claim comes too late."""
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        said = await asyncio.gather(
            reply(host, row, YES, by=ADA), does(host, tasks.claim, row, BOB), return_exceptions=True
        )
    assert said[0] is None
    assert isinstance(said[1], RefusedError)
    assert "already answered by person:ada" in str(said[1])


async def test_tasks_are_reassigned_in_bulk_by_what_they_are(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, SEVERAL, FOR_ADA, clock=clock) as host:
        await waiting(host, FOR_ADA)
        clock.turn(3600)
        run = await begin(host, SEVERAL)
        one = await asked(host, run, "one")
        await parked(host, run)
        await does(host, tasks.claim, one, ADA)
        found = {
            "role": TaskFilter(role="clinician"),
            "person": TaskFilter(person="person:ada"),
            "workflow": TaskFilter(workflow="for-ada"),
            "old": TaskFilter(asked_before=clock.now() - 1),
        }
        numbers = {
            name: [row.number for row in await tasks.selected(host.store, "default", wanted)]
            for name, wanted in found.items()
        }
        assert numbers == {"role": [2, 3, 4], "person": [1, 2], "workflow": [1], "old": [1]}
        wanted = TaskFilter(role="clinician")
        moved = await tasks.reassign_all(host.store, clock, wanted, by=ADA, to="role:nurse", reason="busy")
        assert [(item.row.role, item.error is None) for item in moved] == [
            ("nurse", True),
            ("clinician", False),
            ("clinician", False),
        ]
        moved = await tasks.reassign_all(host.store, clock, TaskFilter(), by=BOSS, to="cy", reason="flu")
        assert {item.row.person for item in moved} == {"person:cy"}
        assert len(moved) == 4


async def test_three_people_answer_in_any_order_across_a_restart_each_at_their_own_question(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, SEVERAL) as host:
        run = await begin(host, SEVERAL)
        rows = {name: await asked(host, run, name) for name in ("one", "two", "three")}
        await parked(host, run)
        await does(host, tasks.claim, rows["one"], ADA)
        await does(host, tasks.reassign, rows["two"], BOSS, to="cy", reason="knows it")
    async with serving(tmp_path, SEVERAL) as host:
        await reply(host, rows["three"], {"proceed": True, "note": "three"}, by=BOB)
        await parked(host, run)
    async with serving(tmp_path, SEVERAL) as host:
        with pytest.raises(NotAllowedError, match="claimed by person:ada"):
            await reply(host, rows["one"], YES, by=BOB)
        await reply(host, rows["two"], {"proceed": True, "note": "two"}, by=CY)
        await parked(host, run)
        await reply(host, rows["one"], {"proceed": True, "note": "one"}, by=ADA)
        outcome = await ended(host, run)
        answered = await events(host, run, "answered")
    assert {name: said["note"] for name, said in outcome.output.items()} == {
        "one": "one",
        "two": "two",
        "three": "three",
    }
    assert [event.path.split("/")[-3].partition("@")[0] for event in answered] == ["three", "two", "one"]


async def test_a_claim_while_the_run_is_at_work_is_folded_by_its_owner(tmp_path: Path) -> None:
    async with serving(tmp_path, SEVERAL) as host:
        run = await begin(host, SEVERAL)
        row = await asked(host, run, "one")
        await asyncio.gather(*(does(host, tasks.comment, row, ADA, text=str(n)) for n in range(3)))
        await parked(host, run)
        notes = await history(host.store, row)
        again = await host.store.run(run)
    assert [note.said for note in notes] == ["0", "1", "2"]
    assert (again.status, again.wanted) == ("waiting", again.seen)


async def test_when_nobody_answers_the_chain_goes_on_to_the_last(tmp_path: Path) -> None:
    clock = HandClock()
    chain = [role("nurse", due="1h"), person("ada", due="2h"), role("chief")]
    workflow = Workflow("chain", human("decides", role="clinician", due="30m", then=chain))
    async with serving(tmp_path, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        for seconds_, whom in ((1800, "clinician"), (3600, "nurse"), (7200, "person:ada")):
            row = await asked(host, run)
            assert whom in (row.role, row.person)
            await parked(host, run)
            clock.turn(seconds_)
            host.ring()
            with pytest.raises(RefusedError, match=f"t-{row.number} has expired: its time was over 20"):
                await late(host, row, ADA if row.role != "nurse" else CY)
        last = await asked(host, run)
        assert (last.role, last.due_at) == ("chief", None)
        await reply(host, last, YES, by=OPERATOR)
        outcome = await ended(host, run)
    assert outcome.status == "complete"


async def late(host: Host, row: QuestionRow, by: Principal) -> None:
    await host.store.fire_timers(host.clock.now())
    await reply(host, row, YES, by=by)


class Contested(SqliteStore):
    """Somebody else is always first."""

    async def question(self, number: int) -> QuestionRow:
        row = await super().question(number)
        return dataclasses.replace(row, revision=row.revision - 1)


async def test_who_is_never_first_is_told_so_in_the_end(tmp_path: Path) -> None:
    async with opened(tmp_path, Contested) as store, serving(tmp_path, FOR_A_ROLE, store=store) as host:
        row = await waiting(host, FOR_A_ROLE)
        await refused((RefusedError, "t-1 changes hands too often"), host, tasks.claim, row, ADA)
        with pytest.raises(RefusedError, match="t-1 changes hands too often to be answered"):
            await reply(host, row, YES, by=ADA)
        assert await history(store, row) == []


async def test_a_comment_on_a_run_that_is_about_to_go_on_is_folded_when_it_does(tmp_path: Path) -> None:
    async with serving(tmp_path, SEVERAL) as host:
        run = await begin(host, SEVERAL)
        one, two = await asked(host, run, "one"), await asked(host, run, "two")
        await parked(host, run)
    async with serving(tmp_path) as host:
        await reply(host, one, YES, by=ADA)
        await does(host, tasks.comment, two, ADA, text="one is done")
        assert await history(host.store, two) == []
    async with serving(tmp_path, SEVERAL) as host:
        await parked(host, run)
        assert [note.said for note in await history(host.store, two)] == ["one is done"]


def test_whom_a_task_can_be_given_to() -> None:
    assert [address(text) for text in ("bob", "person:bob", "role:on call")] == [
        "person:bob",
        "person:bob",
        "role:on call",
    ]
    for text in ("", "role:", "person:", "agent:x", "two words"):
        with pytest.raises(InputError, match="expected a person or a role"):
            address(text)
