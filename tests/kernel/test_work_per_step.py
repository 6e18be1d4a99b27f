"""What a durable, governed, pure step costs is counted, not timed: calls, events and rows."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import closing, contextmanager
from math import floor
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

import ripieno
from kernel.scenarios.house import begin, counted, ended, serving
from ripieno import Function, Workflow, sequential
from ripieno.journal.sql import writer
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.principal import Principal

CALLS: Final = 124
"""How many calls of functions of ours a step takes that is a commit of its own."""

TOLERANCE: Final = 5
ROWS: Final = 2
"""The step's event, and what it gave."""

ANOTHER: Final = Principal("person", "another", every_role=True)
"""For whom the gate has decided nothing yet."""

PACKAGE: Final = str(Path(ripieno.__file__).parent)
SHORT, LONG = 10, 110


class Calls:
    """Counts calls of our own functions while it is told to, in every thread that begins within the block."""

    def __init__(self) -> None:
        self.counts: Counter[str] | None = None

    @contextmanager
    def watching(self) -> Generator[None]:
        before, in_threads = sys.getprofile(), threading.getprofile()
        threading.setprofile(self._look)
        sys.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(before)
            threading.setprofile(in_threads)

    def _look(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or self.counts is None or not code.co_filename.startswith(PACKAGE):
            return
        if not code.co_name.startswith("<"):  # what is no function of its own in every Python
            self.counts[f"{code.co_filename[len(PACKAGE) + 1 :]} {code.co_qualname}"] += 1


def plus(previous: Any) -> int:
    return previous + 1


def chain(steps: int) -> Workflow:
    names = [f"step-{number}" for number in range(steps)]
    return Workflow(
        f"chain-{steps}", sequential(*(Function(plus, name=name, pure=True, version="1") for name in names))
    )


def rows(home: Path) -> int:
    """Count all rows of all tables."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = [connection.execute(f'SELECT count(*) FROM "{table}"') for table in tables]  # noqa: S608 - ours
        return sum(count.fetchone()[0] for count in counts)


async def cost(home: Path, steps: int) -> tuple[Counter[str], Counter[str], int]:
    """Give the calls, events and rows of a run of so many steps; the workflow has run before."""
    workflow, calls = chain(steps), Calls()
    with calls.watching():
        async with serving(home, workflow) as host:
            assert (await ended(host, await begin(host, workflow, 0))).output == steps
            before, calls.counts = rows(home), Counter[str]()
            run = await begin(host, workflow, 0, by=ANOTHER)
            assert (await ended(host, run)).output == steps
            found, calls.counts = calls.counts, None
            return found, await counted(host, run), rows(home) - before


async def test_a_step_takes_no_more_calls_events_or_rows_than_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CONFIDENTIAL, "known", False)  # what other tests have asked for is looked for nowhere
    monkeypatch.setitem(writer.__dict__, "LARGEST_BATCH", 1)  # how many share one depends on who is faster
    short, long = await cost(tmp_path / "short", SHORT), await cost(tmp_path / "long", LONG)
    more = LONG - SHORT
    assert long[1] - short[1] == {"step": more}, "each step is one event"
    assert (long[2] - short[2]) / more == ROWS
    # rounded down: what is done now and then, when somebody looks or is woken, is no step's
    calls = {name: floor((count - short[0][name]) / more + 0.05) for name, count in long[0].items()}
    total = sum(calls.values())
    most = sorted(((count, name) for name, count in calls.items() if count), reverse=True)
    assert 50 < total <= CALLS + TOLERANCE, (
        f"a step takes {total} calls, and took {CALLS}. Do what is new once per run, or only where it is "
        "needed; where a step has to do it, say so in the commit, with what `make -C benchmarks bench` gives "
        "before and after, and put the number here:\n"
        + "\n".join(f"{count:4} {name}" for count, name in most)
    )
