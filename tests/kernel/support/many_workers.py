"""A worker on a database, told on its input what to begin; it serves whatever there is until its input ends.

    python -m kernel.support.many_workers HOME URL

A line such as `first 50` begins fifty runs whose keys begin with that word.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

from gates import shipped_gate
from kernel.support.ledger import Ledger
from ripieno import Call, Context, Workflow, function, sequential, tool
from ripieno.journal.postgres import PostgresStore
from ripieno.kernel.host import Host
from ripieno.model.errors import StoreError
from ripieno.model.principal import Principal

__all__ = ["LEASE_SECONDS", "WORKFLOW", "serve"]

LEASE_SECONDS = 1.5
AGAIN_SECONDS = 0.1
OPERATOR = Principal("person", "op", every_role=True)
HOME = Path(sys.argv[1]) if __name__ == "__main__" else Path()
LEDGER = Ledger(HOME / "ledger.jsonl")


@tool(on_uncertain="retry", timeout="1s", settle="0.5s", version="1")
def pay(what: str, call: Call) -> str:
    """Pay once per key, however often it is asked."""
    LEDGER.enter(f"pay {what}", call.key)
    return "paid"


def find_booking(what: str, call: Call) -> str | None:
    del what
    return "booked" if LEDGER.find(call.key) else None


@tool(on_uncertain=find_booking, timeout="1s", settle="0.5s", version="1")
def book(what: str, call: Call) -> str:
    """Books twice when asked twice."""
    LEDGER.enter(f"book {what}", call.key)
    return "booked"


@function(pure=True, version="1")
async def errands(input: dict[str, Any], context: Context) -> str:  # noqa: A002 - bound by this name
    await context.use(pay, what=input["case"])
    await context.sleep(0.5)  # so that all of a batch are under way
    await context.use(book, what=input["case"])
    return "done"


WORKFLOW = Workflow("errands", sequential(errands))


async def begun(host: Host, key: str) -> None:
    """Begin a run, also while the database is away: by its key it is the same one."""
    while True:
        with contextlib.suppress(StoreError):
            await host.start(WORKFLOW, {"case": key}, principal=OPERATOR, key=key)
            return
        await asyncio.sleep(AGAIN_SECONDS)


async def serve(home: Path, url: str) -> None:
    store = PostgresStore(home, url, shipped_gate(), lease_seconds=LEASE_SECONDS)
    await store.open()
    try:
        async with Host(store) as host:
            host.register(WORKFLOW)
            print("serves", flush=True)  # noqa: T201 - whoever started it waits for that
            while line := await asyncio.to_thread(sys.stdin.readline):
                batch, runs = line.split()
                await asyncio.gather(*(begun(host, f"{batch}.{number}") for number in range(int(runs))))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(serve(HOME, sys.argv[2]))
