"""`ripieno runs watch` shows what a model says within a run of another process while it says it."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from contextlib import suppress
from pathlib import Path

from asking import asking

from providers.replies import Asked, Calls, Dawdles, Held, Says
from ripieno import Workflow, agent, tool
from ripieno.cli.following import Followed
from ripieno.connectors.progress import PROGRESS
from ripieno.connectors.watching import FOLDER, pipes_of
from ripieno.identity.local import local_operator
from ripieno.workflows.embedded import open_host


@tool(effect="read")
def price(of: str) -> int:
    """Look up what something costs, in dollars."""
    return len(of)


async def test_a_terminal_that_watches_shows_it_and_the_log_has_nothing_of_it(
    tmp_path: Path,
) -> None:
    shown, held = asyncio.Event(), Held(asyncio.Event(), Calls([("price", {"of": "tea"})]))
    home = tmp_path / "home"

    def script(one: Asked) -> Held | Dawdles:
        if one.turn == 0:
            return held
        return Dawdles(shown, Says("unmistakably three dollars"))

    workflow = Workflow("buying", agent("buyer", model="chat", tools=[price]))
    async with asking(script) as provider, open_host(home) as host:
        host.register(workflow)
        row = (await host.start(workflow, "what?", principal=local_operator())).row
        await held.begun.wait()
        ours, theirs = pty.openpty()
        watch = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ripieno.cli", "runs", "watch", row.id, "--home", str(home)),
            stdin=asyncio.subprocess.DEVNULL, stdout=theirs, stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "150"},
        )  # fmt: skip
        os.close(theirs)
        said = bytearray()

        def read() -> None:
            with suppress(OSError):  # it has ended
                said.extend(os.read(ours, 65536))
                if b"unmistakably" in said:
                    shown.set()

        asyncio.get_running_loop().add_reader(ours, read)
        try:
            async with asyncio.timeout(60):
                while not pipes_of(home, row.id):  # noqa: ASYNC110 - another process makes it
                    await asyncio.sleep(0.02)
                held.until.set()
                await watch.wait()
        finally:
            held.until.set()
            shown.set()
            asyncio.get_running_loop().remove_reader(ours)
            os.close(ours)
        events = await host.store.events(row.id)
    assert watch.returncode == 0, said.decode()
    assert [one.streamed for one in provider.asked] == [False, True]
    assert not any("saying" in str(one.kind) for one in events)
    assert not (home / FOLDER).exists()


async def test_what_is_said_stays_when_what_came_before_it_is_read_late(tmp_path: Path) -> None:
    spoken, more = asyncio.Event(), asyncio.Event()

    def script(one: Asked) -> Calls | Dawdles:
        return Dawdles(more, Says("three dollars")) if one.turn else Calls([("price", {"of": "tea"})])

    workflow = Workflow("buying", agent("buyer", model="chat", tools=[price]))
    async with asking(script), open_host(tmp_path / "home") as host:
        host.register(workflow)
        case = Followed("buying")

        def hear(run: str, path: str, text: str) -> None:
            del run
            case.hear(path, text)
            if "three" in text:
                spoken.set()

        with PROGRESS.listen(hear):
            case.row = (await host.start(workflow, "what?", principal=local_operator())).row
            await spoken.wait()
            await case.refresh(host.store)
            late = case.saying
            more.set()
            await host.outcome(case.row.id)
        await case.refresh(host.store)
    assert late.startswith("three")
    assert not case.saying
