"""Runs a scenario in processes of its own, kills them where it is told, and compares what comes out."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from fork_server import connect, started
from kernel.support.scenario import Scenario, load
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify

__all__ = ["Calls", "Children", "Ended", "Order", "calls_of", "children_of", "ended", "nursery"]

TESTS = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Order:
    """What a child is to do."""

    home: str
    """The data folder, in which the scenario's systems are kept as well."""
    fatal: str | int | None = None
    """The boundary at which it sends itself `signal`."""
    signal: int = signal.SIGKILL
    hours: int = 0
    """By how much its clock is ahead."""
    grouped: bool = False
    """Commits as they come; otherwise each event is a commit of its own."""
    people: bool = True
    """Answers questions itself."""
    keys: Sequence[str] = ("case",)
    """Business keys of the runs that it starts or goes on with."""
    report: str = "report.json"


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left when a run has ended: equal for runs that came to the same."""

    outcomes: Sequence[Mapping[str, Any]]
    effects: Sequence[str]
    passed: Sequence[str] = field(default=(), compare=False)


class Forks:
    """Processes forked from one that is warmed up and has no threads."""

    def __init__(self, orders: TextIO) -> None:
        self._orders = orders

    def _ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()
        reply = self._orders.readline()
        assert reply, "the server of children has died; its error stands above"
        return json.loads(reply)

    def wait(self, child: int) -> int:
        """Wait until a child has ended or stopped; give the signal that did it, 0 for none."""
        reply = self._ask({"do": "wait", "child": child})
        assert reply["signal"] or reply["status"] == 0, "a child failed; its error stands above"
        return reply["signal"]


class Children(Forks):
    """Children of one scenario."""

    def __init__(self, orders: TextIO, reference: str) -> None:
        super().__init__(orders)
        self.reference = reference
        self.scenario: Scenario = load(reference)

    def start(self, order: Order) -> int:
        """Start a child and give its process id."""
        return self._ask({"do": "start", **asdict(order)})["child"]

    def run(self, order: Order) -> int:
        """Start a child and wait for it."""
        return self.wait(self.start(order))


class Calls(Forks):
    """Calls of one function, each in a process of its own."""

    def call(self, *arguments: str | int) -> int:
        """Call it, and give the signal that ended the process, 0 for none."""
        return self.wait(self._ask({"do": "start", "arguments": arguments})["child"])


@cache
def nursery() -> socket.socket:
    """Start what the servers of all scenarios are forked from."""
    return started(["-m", "kernel.support.child"], TESTS)


@contextmanager
def served(reference: str) -> Generator[TextIO]:
    """Have what is at `module:attribute` loaded and orders for it obeyed; neighbours are imported by name."""
    beside = TESTS.joinpath(*reference.partition(":")[0].split(".")).parent
    searched = [str(beside), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    wanted = {"reference": reference, "environment": dict(os.environ), "searched": searched}
    with connect(nursery()) as ours, ours.makefile("rw", encoding="utf-8") as orders:
        orders.write(json.dumps(wanted) + "\n")
        yield orders


@contextmanager
def children_of(reference: str) -> Generator[Children]:
    """Serve children for the scenario at `module:attribute`."""
    with served(reference) as orders:
        yield Children(orders, reference)


@contextmanager
def calls_of(reference: str) -> Generator[Calls]:
    """Serve calls of the function at `module:attribute`."""
    with served(reference) as orders:
        yield Calls(orders)


def ended(scenario: Scenario, home: Path, report: str = "report.json") -> Ended:
    """Give what is left in a data folder whose run has ended, once its log is found sound."""
    found = json.loads((home / report).read_text("utf-8"))
    with SqliteAudit(home) as audit:
        whole = verify(audit)
    assert whole.sound, str(whole)
    outcomes = [scenario.comparable(outcome) for outcome in found["outcomes"]]
    return Ended(outcomes, scenario.effects(home), found["passed"])
