"""What a key is good for holds at every command of the kernel: a run, a task, a workflow, a start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kernel.scenarios.house import OPERATOR, serving
from ripieno.journal.records import QuestionRow, RunRow
from ripieno.kernel import tasks
from ripieno.kernel.budgeting import clear_budget
from ripieno.kernel.commands import cancel
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.operators import drain, pause
from ripieno.kernel.retries import retry
from ripieno.model.errors import NotAllowedError, NotFoundError
from ripieno.model.principal import Principal, Scope
from ripieno.participants.human import human
from ripieno.workflows.workflow import Workflow

FLOW = Workflow("visit", human("clerk", role="operator"))
DEAF = replace(OPERATOR, scope=Scope(acts=frozenset({"data.read"})))
ELSEWHERE = replace(OPERATOR, scope=Scope(workflows=frozenset({"other"})))


@dataclass(frozen=True)
class Given:
    """Somebody with a key, and what there is."""

    host: Host
    run: RunRow
    task: QuestionRow
    by: Principal


COMMANDS: dict[str, Callable[[Given], Awaitable[object]]] = {
    "pause": lambda it: pause(it.host.store, it.host.clock, it.run, by=it.by),
    "cancel": lambda it: cancel(it.host.store, it.host.clock, it.run, by=it.by),
    "retry": lambda it: retry(it.host.store, it.host.clock, it.run, by=it.by),
    "fork": lambda it: fork(it.host.store, it.host.clock, it.run, by=it.by),
    "claim": lambda it: tasks.claim(it.host.store, it.host.clock, it.task, by=it.by),
    "comment": lambda it: tasks.comment(it.host.store, it.host.clock, it.task, by=it.by, text="x"),
    "drain": lambda it: drain(it.host.store, "visit", by=it.by, reason="x"),
    "budget": lambda it: clear_budget(it.host.store, by=it.by),
    "start": lambda it: it.host.start(FLOW, 1, principal=it.by),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("by", [DEAF, ELSEWHERE], ids=["for another act", "for another workflow"])
async def test_what_a_key_is_not_good_for_is_refused_before_anything(
    tmp_path: Path, name: str, by: Principal
) -> None:
    async with serving(tmp_path, FLOW) as host:
        run = (await host.start(FLOW, 1, principal=OPERATOR)).row
        await host.rest(run.id)
        (task,) = await host.store.questions()
        events = await host.store.events(run.id)
        with pytest.raises((NotAllowedError, NotFoundError)):
            await COMMANDS[name](Given(host, await host.store.run(run.id), task, by))
        assert await host.store.events(run.id) == events
        assert len(await host.store.questions()) == 1
