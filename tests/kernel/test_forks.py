"""A new run that begins with what another has found: nothing done twice, open things asked anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.house import asked, begin, contents, ended, events, parked, reply, serving
from ripieno.connectors.tool import tool
from ripieno.journal.records import RunFilter, RunRow
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.model.errors import InputError
from ripieno.model.principal import Principal
from ripieno.participants.function import Function, function
from ripieno.participants.human import human
from ripieno.patterns.branch import branch, when
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

EVE = Principal("person", "eve", every_role=True)


def note(text: str) -> dict[str, object]:
    return {"proceed": True, "note": text}


def same(given: object) -> object:
    return given


class Letters:
    """Writes a letter, posts it, has it signed, files it; counts what it did."""

    def __init__(self) -> None:
        self.system = Elsewhere()
        self.written: list[object] = []
        self.filed: list[object] = []

        @function(pure=True)
        async def write(given: object) -> object:
            self.written.append(given)
            return {"letter": given}

        @function
        async def file(signs: object) -> object:
            self.filed.append(signs)
            return signs

        post = uses(tool(self.system.book), name="post", what="stamp")
        self.workflow = Workflow(
            "letter", sequential(write, post, human("signs", role="clerk"), file, human("last", role="clerk"))
        )


async def forked(host: Host, run: str, **settings: Any) -> RunRow:
    row = await host.store.run(run)
    return await fork(host.store, host.clock, row, by=EVE, **settings)


async def to_the_last(host: Host, letters: Letters, *, text: str = "first") -> str:
    run = await begin(host, letters.workflow, "dear reader")
    await reply(host, await asked(host, run, "signs"), note(text))
    await asked(host, run, "last")
    await parked(host, run)
    return run


async def test_a_fork_has_found_what_its_original_had_and_repeats_none_of_it(tmp_path: Path) -> None:
    letters = Letters()
    async with serving(tmp_path, letters.workflow) as host:
        run = await to_the_last(host, letters)
        row = await forked(host, run)
        assert (row.parent, row.principal, row.version) == (run, EVE.id, letters.workflow.version)
        question = await asked(host, row.id, "last")
        original = await asked(host, run, "last")
        assert question.number != original.number
        await reply(host, question, note("of the fork"))
        outcome = await ended(host, row.id)
        assert outcome.output["note"] == "of the fork"
        assert (await host.store.run(run)).status == "waiting"
        imported = await events(host, row.id, "imported")
        by_seq = {event.seq: event for event in await events(host, run)}
        for event in imported:
            origin = by_seq[event.body["event"]]
            assert event.body["from"] == run
            assert (origin.kind, origin.path) == (event.body["kind"], event.path)
        assert not await events(host, row.id, "intent", "result")
        await reply(host, original, note("of the original"))
        assert (await ended(host, run)).output["note"] == "of the original"
    assert (len(letters.written), len(letters.system.calls), len(letters.filed)) == (1, 1, 1)


async def test_a_fork_names_where_it_comes_from_and_has_its_own_copy_of_every_value(tmp_path: Path) -> None:
    letters = Letters()
    async with serving(tmp_path, letters.workflow) as host:
        run = await to_the_last(host, letters)
        row = await forked(host, run)
        started, origin = await events(host, row.id, "run.started", "run.forked")
        assert contents(host, started, "input") == "dear reader"
        assert origin.body == {"from": run, "at": (await host.store.run(run)).head_seq}
        (first, *_) = await events(host, run, "run.started")
        assert started.body["input"] != first.body["input"], "committed under the fork's own key"


async def test_a_fork_from_any_event_ends_as_the_original_would_with_nothing_done_twice(
    tmp_path: Path,
) -> None:
    letters = Letters()
    async with serving(tmp_path, letters.workflow) as host:
        run = await to_the_last(host, letters)
        found = await events(host, run)
        done = {event.seq for event in found if event.kind == "result"}
        for at in range(len(found) + 1):
            calls, filed = len(letters.system.calls), len(letters.filed)
            row = await forked(host, run, at=at)
            before = [event for event in found if event.seq <= at]
            if not any(event.kind == "answered" for event in before):
                await reply(host, await asked(host, row.id, "signs"), note("again"))
            await reply(host, await asked(host, row.id, "last"), note("end"))
            outcome = await ended(host, row.id)
            assert (outcome.status, outcome.output["note"]) == ("complete", "end"), at
            new = (len(letters.system.calls) - calls) + (len(letters.filed) - filed)
            assert new == 2 - len([seq for seq in done if seq <= at]), at


async def test_a_fork_with_another_input_starts_over_unless_told_what_still_holds(tmp_path: Path) -> None:
    letters = Letters()
    async with serving(tmp_path, letters.workflow) as host:
        run = await to_the_last(host, letters)
        over = await forked(host, run, value="dear critic")
        await asked(host, over.id, "signs")
        assert letters.written == ["dear reader", "dear critic"]
        assert len(letters.system.calls) == 2

        (posted,) = [event for event in await events(host, run) if event.path.endswith("post@1")]
        held = await forked(host, run, value="dear critic", at=posted.seq)
        await asked(host, held.id, "signs")
        assert letters.written == ["dear reader", "dear critic"], "what was written still holds"
        assert len(letters.system.calls) == 2
        (started,) = await events(host, held.id, "run.started")
        assert contents(host, started, "input") == "dear critic"


async def test_an_effect_that_still_holds_is_not_repeated_for_another_input(tmp_path: Path) -> None:
    sent: list[object] = []

    @function
    async def send(given: object) -> object:
        sent.append(given)
        return given

    workflow = Workflow("send", sequential(send, human("last", role="clerk")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "one")
        await parked(host, run)
        (result,) = await events(host, run, "result")
        row = await forked(host, run, value="two", at=result.seq)
        await reply(host, await asked(host, row.id, "last"), note("end"))
        assert (await ended(host, row.id)).status == "complete"
    assert sent == ["one"]


async def test_a_fork_of_a_fork_names_the_first_origin(tmp_path: Path) -> None:
    letters = Letters()
    async with serving(tmp_path, letters.workflow) as host:
        run = await to_the_last(host, letters)
        once = await forked(host, run)
        await parked(host, once.id)
        twice = await forked(host, once.id)
        await reply(host, await asked(host, twice.id, "last"), note("grandchild"))
        outcome = await ended(host, twice.id)
        imported = await events(host, twice.id, "imported")
    assert outcome.output["note"] == "grandchild"
    assert twice.parent == once.id
    assert {event.body["from"] for event in imported} == {run}
    assert (len(letters.written), len(letters.system.calls), len(letters.filed)) == (1, 1, 1)


async def test_a_fork_of_a_fork_from_any_event_leaves_nothing_half_imported(tmp_path: Path) -> None:
    letters = Letters()
    async with serving(tmp_path, letters.workflow) as host:
        run = await to_the_last(host, letters)
        once = await forked(host, run)
        await parked(host, once.id)
        for at in range(3, (await host.store.run(once.id)).head_seq + 1):
            twice = await forked(host, once.id, at=at)
            row = await host.rest(twice.id)
            assert row.status == "waiting", (at, row.detail)
            kinds = [event.body["kind"] for event in await events(host, twice.id, "imported")]
            assert kinds.count("intent") == kinds.count("result"), at
            assert kinds.count("asked") == kinds.count("answered"), at


async def test_what_was_chosen_is_not_chosen_again(tmp_path: Path) -> None:
    small, large = Function(same, name="small", pure=True), Function(same, name="large", pure=True)
    route = branch({when("amount > 10"): large}, otherwise=small, name="route")
    workflow = Workflow("route", sequential(route, human("last", role="clerk")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, {"amount": 5})
        await parked(host, run)
        (choice,) = await events(host, run, "choice")
        row = await forked(host, run, value={"amount": 50}, at=choice.seq)
        await parked(host, row.id)
        paths = [event.path for event in await events(host, row.id)]
    assert "sequential@1/route@1/small@1" in paths
    assert "sequential@1/route@1/large@1" not in paths


@pytest.mark.parametrize("at", [-1, 1000])
async def test_a_fork_from_an_event_there_is_not_is_refused(tmp_path: Path, at: int) -> None:
    letters = Letters()
    async with serving(tmp_path, letters.workflow) as host:
        run = await to_the_last(host, letters)
        with pytest.raises(InputError, match=f"has events 1 to [0-9]+, not {at}"):
            await forked(host, run, at=at)
        assert len(await host.store.runs(RunFilter())) == 1
