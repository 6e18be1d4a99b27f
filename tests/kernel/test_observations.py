"""Looks at what was spent and signalled: each is recorded, and none misses what came in before it."""

from __future__ import annotations

from pathlib import Path

from kernel.scenarios.house import OPERATOR, begin, contents, ended, events, opened, serving, snapshot
from kernel.scenarios.watched_store import WatchedStore
from ripieno import Function, Workflow, external, group_chat, rounds
from ripieno.kernel import operators


def chat(spoken: list[str]) -> Workflow:
    def speak() -> str:
        spoken.append("a word")
        return "a word"

    speaker = Function(speak, name="speaker", pure=True)
    return Workflow("chat", group_chat(speaker, until=external("recall") | rounds(3)))


async def test_a_signal_that_comes_right_before_a_look_is_seen_by_it(tmp_path: Path) -> None:
    spoken: list[str] = []
    workflow = chat(spoken)
    async with opened(tmp_path, WatchedStore) as store, serving(tmp_path, workflow, store=store) as host:

        async def recalled() -> None:
            await operators.signal(store, host.clock, await store.run(run), "recall", by=OPERATOR)

        created = await host.start(workflow, None, principal=OPERATOR, detach=True)
        run = created.row.id
        store.written_after["moment"] = recalled
        host.ring()
        outcome = await ended(host, run)
        [look] = await events(host, run, "moment")
        [message] = await events(host, run, "message")
        assert contents(host, message, "content")["signal"] == "recall"
    assert outcome.reason is not None
    assert "external recall" in outcome.reason
    assert (message.seq < look.seq, len(spoken)) == (True, 1)


async def test_a_look_that_a_crash_prevented_is_made_by_whoever_goes_on(tmp_path: Path) -> None:
    spoken: list[str] = []
    workflow = chat(spoken)
    async with opened(tmp_path / "before", WatchedStore) as store:

        async def power_cut() -> None:
            snapshot(tmp_path / "before", tmp_path / "after")

        store.written_after["moment"] = power_cut
        async with serving(tmp_path / "before", workflow, store=store) as host:
            run = await begin(host, workflow)
            undisturbed = await ended(host, run)
    async with serving(tmp_path / "after", workflow) as host:
        assert not await events(host, run, "moment")
        assert await ended(host, run) == undisturbed
        looks = [event.path for event in await events(host, run, "moment")]
    assert looks == [f"group_chat@1/observed/{number}" for number in (1, 2, 3)]
    assert len(spoken) == 3 + 2
