"""The life of a process that runs one run: until the run ends, or until the process is made to die.

    python -m kernel.support.child SOCKET

It has everything loaded but scenarios, and forks a process for each scenario that it is sent, with a
socket for its orders; that one forks a child for each order. In place of a scenario it may be a function,
which each child calls with the arguments of its order. No thread and no event loop exists in
either. Orders and replies are lines of JSON; see `crash.Children`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import fork_server
from gates import shipped_gate
from kernel.support.boundaries import Boundaries
from kernel.support.scenario import Scenario, load
from kernel.support.watched_commits import watch_calls, watch_commits
from loading import load_the_package
from ripieno.identity.local import local_operator
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.commands import answer, asked_for, cancel
from ripieno.kernel.host import Host
from ripieno.model.errors import RefusedError
from ripieno.model.outcome import Outcome

HOUR = 3_600_000_000
OPERATOR = local_operator({"RIPIENO_PRINCIPAL": "ada"})


class LaterClock:
    """The machine's clock, some hours later: what a process that is started again finds."""

    def __init__(self, hours: int) -> None:
        self._shift = hours * HOUR

    def now(self) -> int:
        """Give microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000 + self._shift


async def answer_everything(store: SqliteStore, clock: LaterClock, scenario: Scenario, home: Path) -> None:
    """Be the people: answer each question as soon as it is asked."""
    rung = asyncio.Event()
    store.on_change(rung.set)
    while True:
        rows = await store.questions()
        if scenario.operate is not None:  # who gives commands has seen whatever is answered after it
            await scenario.operate(store, clock)
        for row in rows:
            asked = asked_for(store, row)
            with suppress(RefusedError):
                if scenario.cancels(asked):
                    await cancel(store, clock, await store.run(row.run), by=OPERATOR, undo=True)
                    continue
                await answer(store, clock, row, by=OPERATOR, value=scenario.answer(asked, home))
        await rung.wait()
        rung.clear()


async def live(scenario: Scenario, order: Mapping[str, Any]) -> list[Outcome]:
    """Start or go on with the runs of these keys, and give their outcomes."""
    home = Path(order["home"])
    clock = LaterClock(order["hours"])
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        async with Host(store, clock=clock) as host, asyncio.TaskGroup() as group:
            people = None
            if order["people"]:
                people = group.create_task(answer_everything(store, clock, scenario, home))
            given = scenario.given()
            created = [
                await host.start(scenario.workflow, given, principal=OPERATOR, key=key)
                for key in order["keys"]
            ]
            outcomes = [await host.outcome(one.row.id) for one in created]
            if people is not None:
                people.cancel()
        return outcomes
    finally:
        await store.close()


def serve(scenario: Scenario, order: Mapping[str, Any]) -> None:
    """Carry out one order in this process, and leave a report of it."""
    boundaries = Boundaries(order["fatal"], order["signal"])
    home = Path(order["home"])
    scenario.settle(home)
    watch_calls(boundaries)
    watch_commits(boundaries, grouped=order["grouped"])
    outcomes = asyncio.run(live(scenario, order))
    report = {"outcomes": [outcome.document() for outcome in outcomes], "passed": boundaries.passed}
    (home / order["report"]).write_text(json.dumps(report), encoding="utf-8")


Served = Scenario | Callable[..., object]
"""What children do."""


def forked(served: Served, order: Mapping[str, Any]) -> int:
    """Carry out an order in a child and give its process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        if isinstance(served, Scenario):
            serve(served, order)
        else:
            served(*order["arguments"])
        status = 0
    except BaseException:  # noqa: BLE001 - the child must not go on as its parent
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(status)


def obey(served: Served, orders: TextIO) -> None:
    """Carry out orders until there are no more; what is still alive then has nobody who waits for it."""
    alive: set[int] = set()
    try:
        for line in orders:
            reply = carried_out(served, json.loads(line), alive)
            orders.write(json.dumps(reply) + "\n")
            orders.flush()
    finally:
        for child in alive:
            os.kill(child, signal.SIGKILL)


def carried_out(served: Served, order: Mapping[str, Any], alive: set[int]) -> Mapping[str, Any]:
    """Start a child or wait for one."""
    if order["do"] == "start":
        child = forked(served, order)
        alive.add(child)
        return {"child": child}
    _, status = os.waitpid(order["child"], os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        alive.discard(order["child"])
    return {"signal": death(status), "stopped": os.WIFSTOPPED(status), "status": status}


def attend(connection: socket.socket) -> None:
    """Load the scenario that is named first, and serve it as a process that was started for it would."""
    with connection, connection.makefile("rw", encoding="utf-8") as orders:
        wanted = json.loads(orders.readline())
        os.environ.clear()
        os.environ.update(wanted["environment"])
        sys.path[:0] = wanted["searched"]
        served: Served = load(wanted["reference"])
        if isinstance(served, Scenario):
            assert served.workflow.version, "reading it here spares every child the work"
            assert served.workflow.about, "so does this"
        gc.freeze()  # what is there already is shared with every child
        obey(served, orders)


def prepare() -> None:
    """Load what most scenarios need, and read all policies."""
    load_the_package()
    library = shipped_gate().library
    for pack in library.packs:
        library.rules(pack)
    gc.freeze()


def main() -> None:
    """Have a process for each scenario that is wanted."""
    prepare()
    fork_server.serve(sys.argv[1], attend)


def death(status: int) -> int:
    """Give the signal that ended or stopped a child; 0 when it ended by itself."""
    if os.WIFSTOPPED(status):
        return os.WSTOPSIG(status)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


if __name__ == "__main__":
    main()
