"""Settings of open-ended work of every kind, for workflows that are made up."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ripieno import WITHHELD, approved
from ripieno.participants.base import BaseParticipant

__all__ = ["directed"]

times = st.none() | st.sampled_from(["90s", "1h30m", 0.25, "2d"])
words = st.sampled_from(["", "it costs", "off: on", "- é"])


def directed(draw: st.DrawFn, managers: list[BaseParticipant], reviewer: BaseParticipant) -> dict[str, Any]:
    """Give who manages, the limits, and the rule for effects."""
    asked: Any = st.sampled_from([None, *managers])
    approvers = approved("desk", due=draw(times), because=draw(words))
    return {
        "planner": draw(st.sampled_from(managers)),
        "progress": draw(asked),
        "synthesise": draw(asked),
        "review": draw(st.sampled_from([None, reviewer])),
        "rounds": draw(st.integers(1, 99)),
        "stalls": draw(st.integers(0, 9)),
        "replans": draw(st.integers(0, 9)),
        "asks": draw(st.integers(1, 9)),
        "within": draw(times),
        "effects": draw(st.sampled_from([WITHHELD, approvers])),
    }
