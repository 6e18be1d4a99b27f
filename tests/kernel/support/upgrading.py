"""A worker of whichever release of the library it is started with, until its input ends.

    python -m kernel.support.upgrading HOME URL BATCH RUNS

It starts so many runs, says what it is on its output, and serves whatever there is.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import ripieno
from gates import shipped_gate
from kernel.support.ledger import Ledger
from ripieno import Call, Context, Workflow, function, sequential, tool
from ripieno.journal.postgres import PostgresStore
from ripieno.journal.postgres.schema import FORMAT
from ripieno.kernel.host import Host
from ripieno.model.principal import Principal

__all__ = ["ROUNDS", "WORKFLOW", "serve"]

LEASE_SECONDS = 2.0
ROUNDS = 3
HOME = Path(sys.argv[1]) if __name__ == "__main__" else Path()
LEDGER = Ledger(HOME / "ledger.jsonl")


@tool(on_uncertain="retry", timeout="2s", version="1")
def pay(what: str, call: Call) -> str:
    """Pay once per key, however often it is asked."""
    LEDGER.enter(f"pay {what}", call.key)
    return "paid"


def find_booking(what: str, call: Call) -> str | None:
    del what
    return "booked" if LEDGER.find(call.key) else None


@tool(on_uncertain=find_booking, timeout="2s", version="1")
def book(what: str, call: Call) -> str:
    """Books twice when asked twice."""
    LEDGER.enter(f"book {what}", call.key)
    return "booked"


@function(pure=True, version="1")
async def errands(input: dict[str, Any], context: Context) -> int:  # noqa: A002 - bound by this name
    for number in range(ROUNDS):
        await context.use(pay, what=f"{input['case']}.{number}")
        await context.sleep(0.3)
        await context.use(book, what=f"{input['case']}.{number}")
        await context.sleep(0.3)
    return ROUNDS


WORKFLOW = Workflow("errands", sequential(errands))


async def serve(home: Path, url: str, batch: str, runs: int) -> None:
    store = PostgresStore(home, url, shipped_gate(), lease_seconds=LEASE_SECONDS)
    await store.open()
    try:
        async with Host(store) as host:
            host.register(WORKFLOW)
            for case in (f"{batch}{number}" for number in range(runs)):
                await host.start(
                    WORKFLOW,
                    {"case": case},
                    principal=Principal("person", "op", every_role=True),
                    key=case,
                )
            sys.stdout.write(f"format {FORMAT} from {ripieno.__file__}\n")
            sys.stdout.flush()
            await asyncio.to_thread(sys.stdin.readline)
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(serve(HOME, sys.argv[2], sys.argv[3], int(sys.argv[4])))
