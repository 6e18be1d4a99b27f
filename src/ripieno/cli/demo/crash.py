"""A worker that is about to die: it books a visit, says so, and stands still before it can record it.

Started by the demonstration as a process of its own, which then kills it. Only the demonstration's
scheduling system is made to stand still; the kernel knows nothing of it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ripieno.blueprints.hospital_discharge import workflow
from ripieno.blueprints.hospital_discharge.sample_patients import recent_sample
from ripieno.blueprints.hospital_discharge.systems.scheduling import LocalScheduling
from ripieno.cli.session import quiet
from ripieno.identity.local import local_operator
from ripieno.workflows.embedded import open_host

__all__ = ["PATIENT", "command"]

PATIENT: Final = "clean"


def command(home: Path) -> list[str]:
    """Give the command that starts this worker."""
    return [sys.executable, "-m", "ripieno.cli.demo.crash", str(home)]


def say(word: str, value: str) -> None:
    """Tell the demonstration how far it is."""
    sys.stdout.write(f"{word} {value}\n")
    sys.stdout.flush()


def standing_still(book: Callable[..., Any]) -> Callable[..., Any]:
    """Give a scheduling system that books, and whose answer never arrives."""

    def booked_without_an_answer(self: LocalScheduling, *args: Any, **kwargs: Any) -> Any:
        made = book(self, *args, **kwargs)
        say("booked", made.visit)
        threading.Event().wait()

    return booked_without_an_answer


async def work(home: Path) -> None:
    """Start the run of one patient and serve it, as far as it gets."""
    async with open_host(home) as host:
        created = await host.start(workflow, recent_sample(PATIENT), principal=local_operator())
        say("run", created.row.id)
        await host.outcome(created.row.id)


if __name__ == "__main__":
    quiet()
    LocalScheduling.book = standing_still(LocalScheduling.book)
    asyncio.run(work(Path(sys.argv[1])))
