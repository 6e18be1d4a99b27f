"""A call that may have happened: found out as its tool declares, and by a person where that fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere, cut, uses
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, contents, ended, events, parked, reply, serving, snapshot
from ripieno.connectors.tool import tool
from ripieno.kernel.clock import moment
from ripieno.kernel.host import Host
from ripieno.participants.function import function
from ripieno.workflows.workflow import Workflow

HAPPENED, NOT_HAPPENED = {"happened": True, "result": "visit by hand"}, {"happened": False}
IN_DOUBT = pytest.mark.parametrize("happened", [True, False], ids=["happened", "did not happen"])


def booking(system: Elsewhere, on_uncertain: Any, **settings: Any) -> Workflow:
    book = tool(system.book, on_uncertain=on_uncertain, **settings)
    return Workflow("booking", uses(book, what="visit"))


class Crash:
    """A machine that lost its power in the middle of a call."""

    def __init__(self, tmp_path: Path, *, happened: bool) -> None:
        self.clock = HandClock()
        self.system = Elsewhere()
        self._before, self.home = tmp_path / "before", tmp_path / "after"
        (self.system.after if happened else self.system.before).append(self._cut)

    async def _cut(self) -> None:
        snapshot(self._before, self.home)
        self._kept = (list(self.system.calls), dict(self.system.booked))

    async def run(self, workflow: Workflow) -> str:
        """Run up to the crash and give the run; the world stands as it stood at that moment."""
        async with serving(self._before, workflow, clock=self.clock) as host:
            run = await begin(host, workflow)
            await ended(host, run)
        self.system.calls, self.system.booked = self._kept
        return run

    async def settle(self, host: Host, run: str) -> None:
        """Let the deadline of the call pass."""
        await parked(host, run)
        self.clock.turn(31)
        host.ring()


@IN_DOUBT
async def test_after_a_crash_retry_calls_again_under_the_same_key(tmp_path: Path, *, happened: bool) -> None:
    crash = Crash(tmp_path, happened=happened)
    workflow = booking(crash.system, "retry")
    run = await crash.run(workflow)
    async with serving(crash.home, workflow, clock=crash.clock) as host:
        await parked(host, run)
        assert len(crash.system.calls) == 1, "not before the deadline of the first call"
        await crash.settle(host, run)
        outcome = await ended(host, run)
        results = await events(host, run, "result")
    assert outcome.output == "visit #1"
    assert [call.attempt for call in crash.system.calls] == [1, 2]
    assert len(set(crash.system.keys)) == 1
    assert [event.body["status"] for event in results] == ["again", "done"]


@IN_DOUBT
async def test_after_a_crash_verify_asks_the_system_first(tmp_path: Path, *, happened: bool) -> None:
    crash = Crash(tmp_path, happened=happened)
    workflow = booking(crash.system, crash.system.find)
    run = await crash.run(workflow)
    async with serving(crash.home, workflow, clock=crash.clock) as host:
        await crash.settle(host, run)
        outcome = await ended(host, run)
        (first, *_) = await events(host, run, "result")
    assert outcome.output == "visit #1"
    assert [call.attempt for call in crash.system.asked] == [1]
    assert len(crash.system.calls) == (1 if happened else 2)
    assert len(set(crash.system.keys)) == 1
    assert (first.body["status"], first.body["how"]) == ("done" if happened else "unsent", "verified")


@pytest.mark.parametrize("said", [HAPPENED, NOT_HAPPENED], ids=["happened", "did not happen"])
@pytest.mark.parametrize("restarted", [False, True], ids=["resident", "restarted"])
async def test_after_a_crash_ask_goes_by_what_a_person_says(
    tmp_path: Path, said: dict[str, Any], *, restarted: bool
) -> None:
    crash = Crash(tmp_path, happened=False)
    workflow = booking(crash.system, "ask")
    run = await crash.run(workflow)
    async with serving(crash.home, workflow, clock=crash.clock) as host:
        await crash.settle(host, run)
        question = await asked(host, run, "uncertain")
        assert (question.kind, question.role) == ("uncertain", "operator")
        assert contents(host, (await events(host, run, "asked"))[-1], "content")["about"] == {
            "tool": "book",
            "arguments": {"what": "visit"},
            "claimed": moment((await events(host, run, "intent"))[0].at).isoformat(timespec="seconds"),
            "error": "the process ended before it told what became of the call",
        }
        if not restarted:
            await reply(host, question, said)
            outcome = await ended(host, run)
    if restarted:
        async with serving(crash.home, workflow, clock=crash.clock) as host:
            await reply(host, question, said)
            outcome = await ended(host, run)
    assert outcome.output == ("visit by hand" if said is HAPPENED else "visit #1")  # pyright: ignore[reportPossiblyUnboundVariable]
    assert len(crash.system.calls) == (1 if said is HAPPENED else 2)
    assert len(set(crash.system.keys)) == 1


async def test_an_undeclared_function_in_doubt_ends_with_what_a_person_says_it_gave(tmp_path: Path) -> None:
    clock, copy = HandClock(), tmp_path / "after"

    @function
    async def send_letter(given: object) -> object:
        snapshot(tmp_path / "before", copy)
        return given

    workflow = Workflow("letter", send_letter)
    async with serving(tmp_path / "before", workflow, clock=clock) as host:
        run = await begin(host, workflow, "dear reader")
        assert (await ended(host, run)).output == "dear reader"
    for said in ({"happened": True, "result": "sent at noon"}, {"happened": True}):
        again = snapshot(copy, tmp_path / f"copy-{len(said)}")
        async with serving(again, workflow, clock=clock) as host:
            await parked(host, run)
            clock.turn(61)
            host.ring()
            await reply(host, await asked(host, run), said)
            outcome = await ended(host, run)
        assert (outcome.status, outcome.output) == ("complete", said.get("result"))


async def test_a_verify_that_itself_fails_goes_to_a_person(tmp_path: Path) -> None:
    crash = Crash(tmp_path, happened=True)
    crash.system.when_asked = [cut, cut, cut]
    workflow = booking(crash.system, crash.system.find)
    run = await crash.run(workflow)
    async with serving(crash.home, workflow, clock=crash.clock) as host:
        await crash.settle(host, run)
        await reply(host, await asked(host, run, "uncertain"), HAPPENED)
        outcome = await ended(host, run)
    assert len(crash.system.asked) == 3
    assert outcome.output == "visit by hand"


async def test_a_verify_that_fails_once_is_asked_again(tmp_path: Path) -> None:
    crash = Crash(tmp_path, happened=True)
    crash.system.when_asked = [cut]
    workflow = booking(crash.system, crash.system.find)
    run = await crash.run(workflow)
    async with serving(crash.home, workflow, clock=crash.clock) as host:
        await crash.settle(host, run)
        outcome = await ended(host, run)
    assert outcome.output == "visit #1"


async def test_a_key_that_the_system_has_forgotten_is_not_used_again(tmp_path: Path) -> None:
    crash = Crash(tmp_path, happened=True)
    workflow = booking(crash.system, "retry", key_lifetime="1h")
    run = await crash.run(workflow)
    crash.clock.turn(2 * 3600)
    async with serving(crash.home, workflow, clock=crash.clock) as host:
        await reply(host, await asked(host, run, "uncertain"), HAPPENED)
        outcome = await ended(host, run)
    assert outcome.output == "visit by hand"
    assert len(crash.system.calls) == 1


async def test_what_happened_in_doubt_is_settled_before_the_next_step_whoever_is_asked_twice(
    tmp_path: Path,
) -> None:
    crash = Crash(tmp_path, happened=False)
    workflow = booking(crash.system, "ask")
    run = await crash.run(workflow)
    async with serving(crash.home, workflow, clock=crash.clock) as host:
        await crash.settle(host, run)
        question = await asked(host, run, "uncertain")
        await parked(host, run)
        second = snapshot(crash.home, tmp_path / "second-crash")
    async with serving(second, workflow, clock=crash.clock) as host:
        await parked(host, run)
        assert [row.id for row in await host.store.questions(run=run)] == [question.id], "asked once"
