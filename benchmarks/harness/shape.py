"""The work the contenders do: trivial steps over one small dict, in the shape of a pattern."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypedDict

__all__ = [
    "QUICK",
    "SHAPES",
    "SIZES",
    "SPEAKERS",
    "Shape",
    "Size",
    "State",
    "Update",
    "advance",
    "first_state",
]


@dataclass(frozen=True, slots=True)
class Size:
    """How many runs, and how many sequential steps in each."""

    runs: int
    steps: int

    def __str__(self) -> str:
        """Give the name of the size as people write it: `1,000x10`."""
        return f"{self.runs:,}x{self.steps}"


SIZES = (Size(100, 10), Size(1_000, 10), Size(1, 200))
"""The sizes to compare at: a batch, a larger batch, and one long run."""

Shape = Literal["chain", "concurrent", "handoff", "chat", "magentic"]
"""What a run is made of: steps in sequence, branches joined, handoffs, turns of a chat, magentic rounds."""

SHAPES: Final[dict[Shape, tuple[Size, ...]]] = {
    "chain": SIZES,
    "concurrent": (Size(1, 100), Size(100, 10)),
    "handoff": (Size(100, 8),),
    "chat": (Size(10, 60),),
    "magentic": (Size(20, 20),),
}
"""The sizes of each shape. A chat's 60 turns are 20 rounds of 3 speakers."""

SPEAKERS: Final = 3
"""How many take part in a chat."""

QUICK = (Size(5, 6),)
"""Enough to see that nothing is rotten; its figures mean nothing."""


class State(TypedDict):
    """What goes into a step."""

    run: int
    count: int
    note: str


class Update(TypedDict):
    """What a step gives back."""

    count: int
    note: str


def first_state(run: int) -> State:
    """Give the input of a run."""
    return {"run": run, "count": 0, "note": "admitted"}


def advance(state: State) -> Update:
    """Do one step. It computes next to nothing, so that what is measured is the orchestration."""
    count = state["count"] + 1
    return {"count": count, "note": f"step {count}"}
