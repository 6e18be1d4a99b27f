"""The patterns as Ripieno workflows: every step an event of the chained journal."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from harness.shape import SPEAKERS, first_state
from ripieno.model.effect_rule import WITHHELD
from ripieno.model.limits import Limits
from ripieno.model.principal import Principal
from ripieno.participants.function import Function
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.conditions import rounds
from ripieno.patterns.group_chat import group_chat
from ripieno.patterns.handoff import hand_over, handoff
from ripieno.patterns.magentic import magentic
from ripieno.patterns.resolvers import merge
from ripieno.workflows.embedded import open_host
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from harness.contender import Load, RunOne
    from ripieno.model.outcome import Outcome

__all__ = ["branches", "directed", "handoffs", "opened", "talk"]

Counted = tuple[Workflow, "Callable[[Outcome], int]"]
"""A workflow, and how many steps its outcome tells of."""


@asynccontextmanager
async def opened(load: Load, counted: Counted) -> AsyncGenerator[RunOne]:
    """Run with the embedded store: WAL, synchronous=FULL, hash-chained, values encrypted."""
    workflow, count = counted
    principal = Principal("service", "bench")
    async with open_host(load.folder / "home") as host:
        await host.enter(workflow, principal)

        async def run_one(number: int) -> int:
            created = await host.start(workflow, dict(first_state(number)), principal=principal)
            return count(await host.outcome(created.row.id))

        yield run_one


async def found(input: dict[str, Any]) -> dict[str, int]:  # noqa: A002 - parameters are bound by name
    """Find something."""
    return {"found": input["run"]}


def branches(load: Load) -> Counted:
    """Build branches side by side, their results merged by name."""
    stages = [Function(found, name=f"branch_{n}", pure=True) for n in range(load.size.steps)]
    return Workflow("branches", concurrent(*stages, resolve=merge())), lambda outcome: len(outcome.output)


def handoffs(load: Load) -> Counted:
    """Build a case that is handed on from one to the next, a given number of times."""
    total = load.size.steps

    def desk(number: int) -> Function:
        async def work(turn: dict[str, Any]) -> object:
            del turn
            return {"count": total} if number == total else hand_over(f"desk_{number + 1}", because="next")

        return Function(work, name=f"desk_{number}", pure=True)

    desks = [desk(number) for number in range(total + 1)]
    edges = {f"desk_{number}": [f"desk_{number + 1}"] for number in range(total)}
    flow = handoff(*desks, edges=edges, limit=total)
    return Workflow("handoffs", flow), lambda outcome: outcome.output["count"]


def talk(load: Load) -> Counted:
    """Build a chat that goes in turn and ends with its last round; each speaker sees the last turns."""

    async def speak(turn: dict[str, Any]) -> dict[str, int]:
        return {"count": turn["messages"][-1]["says"]["count"] + 1 if turn["messages"] else 1}

    speakers = [Function(speak, name=f"speaker_{n}", pure=True) for n in range(SPEAKERS)]
    flow = group_chat(*speakers, until=rounds(load.size.steps // SPEAKERS))
    return Workflow("talk", flow), lambda outcome: outcome.output["count"]


def directed(load: Load) -> Counted:
    """Build a manager with workers: every round makes progress, and the last satisfies the request."""
    total = load.size.steps

    def judged(done: int) -> dict[str, Any]:
        answers: dict[str, Any] = {"satisfied": done >= total, "looping": False, "progressing": True}
        answers |= {"next_speaker": f"worker_{done % SPEAKERS}", "instruction": f"part {done + 1}"}
        return {
            **{name: {"answer": answer, "reason": "counted"} for name, answer in answers.items()},
            "item": "a",
        }

    async def manage(turn: dict[str, Any]) -> object:
        match turn["phase"]:
            case "facts":
                return {"facts": []}
            case "progress":
                return judged(turn["ledger"]["round"])
            case "synthesis":
                return turn["ledger"]["round"]
            case _:
                item = {"id": "a", "what": "look into each part in turn", "owner": "worker_0"}
                return {"items": [item], "reason": "nothing else to do"}

    async def work(turn: dict[str, Any]) -> dict[str, int]:
        return {"found": turn["round"]}

    workers = [Function(work, name=f"worker_{n}", pure=True) for n in range(SPEAKERS)]
    manager = Function(manage, name="manager", pure=True)
    flow = magentic(*workers, planner=manager, rounds=total + 1, effects=WITHHELD)
    workflow = Workflow("directed", flow, policy="standard", limits=Limits(deadline="1d"))
    return workflow, lambda outcome: outcome.output["answer"]
