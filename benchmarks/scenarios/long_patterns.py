"""What a late round of a chat, a handoff or a magentic costs against an early one: nothing may grow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from harness.long_runs import late_against_early
from harness.scenario import Figure, Scenario, main
from ripieno.model.effect_rule import WITHHELD
from ripieno.model.limits import Limits
from ripieno.participants.function import Function
from ripieno.patterns.conditions import rounds
from ripieno.patterns.group_chat import group_chat
from ripieno.patterns.handoff import hand_over, handoff
from ripieno.patterns.magentic import magentic
from ripieno.workflows.embedded import open_host
from ripieno.workflows.workflow import Workflow

if TYPE_CHECKING:
    from pathlib import Path

GOAL = "at most 1.2x"
SPEAKERS = 3


def chat(turns: int, marks: list[float]) -> Workflow:
    """Build a chat in turn whose speakers note the CPU time at which they were called."""

    async def speak(turn: dict[str, Any]) -> dict[str, int]:
        marks.append(time.process_time())
        return {"round": turn["round"]}

    speakers = [Function(speak, name=f"speaker_{n}", pure=True) for n in range(SPEAKERS)]
    return Workflow(f"chat-{turns}", group_chat(*speakers, until=rounds(turns // SPEAKERS)))


def circle(turns: int, marks: list[float]) -> Workflow:
    """Build desks that hand a case round, each time with something new, as often as allowed."""

    def desk(number: int) -> Function:
        to = f"desk_{(number + 1) % SPEAKERS}"

        async def work(turn: dict[str, Any]) -> object:
            del turn
            marks.append(time.process_time())
            return hand_over(to, because="next", output={"seen": len(marks)})

        return Function(work, name=f"desk_{number}", pure=True)

    edges = {f"desk_{n}": [f"desk_{(n + 1) % SPEAKERS}"] for n in range(SPEAKERS)}
    desks = (desk(n) for n in range(SPEAKERS))
    return Workflow(f"circle-{turns}", handoff(*desks, edges=edges, limit=turns, per_edge=turns))


def directed(turns: int, marks: list[float]) -> Workflow:
    """Build open-ended work in which one worker finds something new in each round, within limits."""

    async def lead(turn: dict[str, Any]) -> object:
        ledger = turn["ledger"]
        if turn["phase"] == "facts":
            return {"facts": []}
        if turn["phase"] == "plan":
            return {"items": [{"id": "a", "what": "find out", "owner": "worker"}], "reason": "it is open"}
        if turn["phase"] == "synthesis":
            return {"rounds": ledger["round"]}
        judged = {"satisfied": ledger["round"] == turns, "looping": False, "progressing": True}
        told = {"next_speaker": "worker", "instruction": f"go on with {ledger['round']}"}
        said = {name: {"answer": answer, "reason": "so it is"} for name, answer in {**judged, **told}.items()}
        return {**said, "item": "a"}

    async def work(turn: dict[str, Any]) -> dict[str, int]:
        marks.append(time.process_time())
        return {"round": turn["round"]}

    worker = Function(work, name="worker", pure=True)
    flow = magentic(
        worker, planner=Function(lead, name="lead", pure=True), effects=WITHHELD, rounds=turns, within="30d"
    )
    limits = Limits(rounds=turns + 1, deadline="60d")
    return Workflow(f"directed-{turns}", flow, policy="standard", limits=limits)


async def measure(folder: Path, quick: bool) -> list[Figure]:  # noqa: FBT001 - the scenario's signature
    """Measure all."""
    rounds, window = (600, 60) if quick else (10_000, 300)
    figures: list[Figure] = []
    for what, build in {"turn of a chat": chat, "handoff": circle, "magentic round": directed}.items():
        async with open_host(folder / build.__name__) as host:
            costs = await late_against_early(host, build, rounds, window)
        late = f"CPU per {what} at {costs.rounds:,}"
        figures += [
            Figure(what=f"{late} against 10", value=costs.ratio, unit="x", goal=GOAL),
            Figure(what=late, value=costs.late * 1e6, unit="us"),
        ]
    return figures


if __name__ == "__main__":
    main(Scenario(title="Cost of a round in a long chat, handoff or magentic", measure=measure))
