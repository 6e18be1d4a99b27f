"""Whoever is away has a substitute from one date to another: for tasks that wait already as for new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, asked, begin, ended, events, parked, reply, serving
from ripieno.journal.records import QuestionRow
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.tasks import Absence, standing_in
from ripieno.journal.verify import verify
from ripieno.kernel import tasks
from ripieno.kernel.absences import clear_absences, set_absence
from ripieno.kernel.addressees import standings
from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.host import Host
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.principal import Principal
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.workflows.workflow import Workflow

DAY = 86_400
YES = {"proceed": True}
BOB = Principal("person", "bob")
CY = Principal("person", "cy", roles=frozenset({"clinician"}))
BOSS = Principal("person", "boss", roles=frozenset({"operator"}))
FOR_ADA = Workflow("for-ada", human("decides", person="ada"))
FOR_A_ROLE = Workflow("for-a-role", human("decides", role="clinician"))


async def waiting(host: Host, workflow: Workflow = FOR_ADA) -> QuestionRow:
    run = await begin(host, workflow)
    question = await asked(host, run)
    await parked(host, run)
    return question


async def away(
    host: Host, person: str, substitute: str, *, days: tuple[float, float] = (0, 7), by: Principal = BOSS
) -> Absence:
    first, last = (host.clock.now() + int(day * DAY * MICROSECONDS) for day in days)
    return await set_absence(
        host.store, host.clock, by=by, person=person, substitute=substitute, from_at=first, until_at=last
    )


async def test_a_task_that_waits_already_goes_to_the_substitute_and_is_answered_for_who_is_away(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    async with serving(tmp_path, FOR_ADA, clock=clock) as host:
        row = await waiting(host)
        await away(host, "ada", "bob", days=(1, 3), by=ADA)
        with pytest.raises(NotAllowedError, match="t-1 is for person:ada; you are person:bob"):
            await reply(host, row, YES, by=BOB)
        clock.turn(DAY)
        with pytest.raises(
            NotAllowedError, match="is for person:ada; you are person:cy; person:bob stands in"
        ):
            await reply(host, row, YES, by=CY)
        await reply(host, row, YES, by=BOB)
        outcome = await ended(host, row.run)
        (answered,) = await events(host, row.run, "answered")
    assert (answered.body["by"], answered.body["for"]) == ("person:bob", "person:ada")
    assert outcome.confidence is not None
    assert outcome.confidence.method == "decided by person:bob for person:ada"


async def test_when_they_are_back_the_substitute_has_nothing_to_say_any_more(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, FOR_ADA, clock=clock) as host:
        row = await waiting(host)
        await away(host, "ada", "bob", days=(0, 2))
        clock.turn(2 * DAY)
        with pytest.raises(NotAllowedError, match="is for person:ada"):
            await reply(host, row, YES, by=BOB)
        assert await host.store.absences("default", after=clock.now()) == []
        await reply(host, row, YES, by=ADA)


async def test_what_somebody_away_had_claimed_can_be_taken_without_taking_over(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_A_ROLE) as host:
        row = await waiting(host, FOR_A_ROLE)
        await tasks.claim(host.store, host.clock, row, by=ADA)
        await away(host, "ada", "role:clinician")
        held = await tasks.claim(host.store, host.clock, row, by=CY)
        assert held.claimed_by == "person:cy"
        await reply(host, row, YES, by=CY)
        assert (await ended(host, row.run)).status == "complete"


async def test_a_substitute_who_has_claimed_it_answers_for_who_was_away(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, FOR_ADA, clock=clock) as host:
        row = await waiting(host)
        await away(host, "ada", "bob", days=(0, 1))
        await tasks.claim(host.store, clock, row, by=BOB)
        clock.turn(2 * DAY)
        await reply(host, row, YES, by=BOB)
        await ended(host, row.run)
        (answered,) = await events(host, row.run, "answered")
    assert answered.body["for"] == "person:ada"


async def test_who_is_away_can_answer_and_take_back_all_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_ADA) as host:
        row = await waiting(host)
        await away(host, "ada", "bob")
        await tasks.claim(host.store, host.clock, row, by=BOB)
        with pytest.raises(RefusedError, match="claimed by person:bob"):
            await tasks.claim(host.store, host.clock, row, by=ADA)
        await tasks.claim(host.store, host.clock, row, by=ADA, take_over=True)
        await reply(host, row, YES, by=ADA)
        assert (await ended(host, row.run)).status == "complete"


async def test_absences_stand_in_the_tenant_s_log_and_can_be_cleared_once(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_ADA) as host:
        row = await waiting(host)
        absence = await away(host, "ada", "bob", by=ADA)
        with pytest.raises(NotAllowedError, match="person:ada says when they are away"):
            await clear_absences(host.store, host.clock, by=BOB, person="ada")
        assert await clear_absences(host.store, host.clock, by=ADA, person="ada") == [absence]
        with pytest.raises(NotFoundError, match="person:ada is not away"):
            await clear_absences(host.store, host.clock, by=ADA, person="ada")
        with pytest.raises(NotFoundError, match="was cleared already"):
            await host.store.clear_absence(absence, "person:ada")
        with pytest.raises(NotAllowedError):
            await reply(host, row, YES, by=BOB)
        stream = await host.store.tenant_stream("default")
        logged = {event.kind: event.body for event in await host.store.events(stream)}
    assert (logged["absence.set"]["person"], logged["absence.set"]["substitute"]) == (
        "person:ada",
        "person:bob",
    )
    assert logged["absence.cleared"]["by"] == "person:ada"
    with SqliteAudit(tmp_path) as audit:
        assert verify(audit).sound


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"substitute": "ada"}, InputError, "cannot stand in for person:ada"),
        ({"person": "role:clinician"}, InputError, "a person is away"),
        ({"days": (2, 1)}, InputError, "an absence ends after it begins"),
        ({"days": (-2, -1)}, InputError, "an absence ends after it begins, and after now"),
        ({"days": (0, 100_000)}, InputError, "an absence ends before 2255"),
        ({"by": BOB}, NotAllowedError, "person:ada says when they are away, or an operator"),
        ({"substitute": "two words"}, InputError, "expected a person or a role"),
    ],
    ids=["for oneself", "a role", "backwards", "over", "for ever", "somebody else's", "nobody"],
)
async def test_an_absence_that_cannot_be_is_refused(
    tmp_path: Path, settings: dict[str, Any], error: type[Exception], says: str
) -> None:
    async with serving(tmp_path) as host:
        given: dict[str, Any] = {"person": "ada", "substitute": "bob", **settings}
        with pytest.raises(error, match=says):
            await away(host, **given)
        assert await host.store.absences("default", after=0) == []


async def test_a_chain_of_substitutes_is_followed_and_a_circle_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_ADA) as host:
        row = await waiting(host)
        await away(host, "ada", "bob")
        await away(host, "bob", "cy", days=(0, 3))
        with pytest.raises(InputError, match="person:cy would stand in for themselves"):
            await away(host, "cy", "ada", days=(2, 4))
        await away(host, "cy", "ada", days=(3, 4))
        with pytest.raises(NotAllowedError, match="person:cy stands in"):
            await reply(host, row, YES, by=BOB)
        await reply(host, row, YES, by=CY)
        assert (await ended(host, row.run)).status == "complete"


async def test_of_several_tasks_of_one_run_each_is_told_for_itself(tmp_path: Path) -> None:
    people = (human("ada", person="ada"), human("bob", person="bob"))
    workflow = Workflow("both", concurrent(*people, resolve=merge()))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        rows = [await asked(host, run, f"{one.name}@") for one in people]
        found = await standings(host.store, rows, ADA, host.clock.now())
        assert [(one.row.path == row.path, one.run.id) for one, row in zip(found, rows, strict=True)] == [
            (True, run)
        ] * 2
        assert [one.holds for one in found] == [True, False]


async def test_of_many_tasks_one_is_told_which_are_one_s_own(tmp_path: Path) -> None:
    async with serving(tmp_path, FOR_ADA, FOR_A_ROLE) as host:
        rows = [await waiting(host, FOR_ADA), await waiting(host, FOR_A_ROLE), await waiting(host, FOR_ADA)]
        await away(host, "ada", "cy")
        now = host.clock.now()
        found = {
            by.name: [(one.may_see, one.holds) for one in await standings(host.store, rows, by, now)]
            for by in (ADA, BOB, CY)
        }
    assert found == {
        "ada": [(True, True), (True, False), (True, True)],
        "bob": [(False, False)] * 3,
        "cy": [(True, True), (True, False), (True, True)],
    }


def absence(person: str, substitute: str, *, set_at: int = 0, until: int = 10) -> Absence:
    return Absence(
        f"{person}{set_at}", "default", f"person:{person}", substitute, 0, until, "person:x", set_at
    )


def test_in_a_circle_nobody_stands_in_and_of_two_absences_the_later_counts() -> None:
    circle = [absence("a", "person:b"), absence("b", "person:c"), absence("c", "person:b")]
    assert standing_in(circle, "person:a", 5) == "person:a"
    assert standing_in(circle, "person:a", 10) == "person:a"
    assert standing_in(circle, "role:x", 5) == "role:x"
    twice = [absence("a", "person:c", set_at=2), absence("a", "role:x", set_at=1)]
    assert standing_in(twice, "person:a", 5) == "person:c"
