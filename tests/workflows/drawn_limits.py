"""Limits of every kind, for workflows that are made up."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ripieno import Rate, Runaway, ask, degrade
from ripieno.participants.base import BaseParticipant

__all__ = ["limited", "runaways"]

times = st.sampled_from(["90s", "1h30m", 0.25, "2d"])
amounts = st.fixed_dictionaries(
    {"tokens": st.integers(1, 9)},
    optional={
        "active": times,
        "deadline": times,
        "model_calls": st.integers(1, 99),
        "cost_usd": st.sampled_from(["0.05", "2", 0.1, 3]),
        "handoffs": st.integers(1, 9),
        "rounds": st.integers(1, 9),
    },
)

runaways = st.builds(
    Runaway,
    repeats=st.none() | st.integers(1, 99),
    fan_out=st.none() | st.integers(1, 99),
    rates=st.dictionaries(
        st.sampled_from(["book", "payments.transfer"]), st.builds(Rate, st.integers(1, 99), times)
    ),
    then=st.sampled_from(["escalate", "stop"]),
)


def limited(draw: st.DrawFn, stage: BaseParticipant, instead: BaseParticipant) -> BaseParticipant:
    """Give a stage within limits; `instead` may be the one that takes over."""
    given: dict[str, Any] = draw(amounts)
    rules: list[Any] = [None, "stop", "escalate", ask("chief"), ask("chief", due="1h"), degrade(instead)]
    return stage.limit(**given, on_exhausted=draw(st.sampled_from(rules)))
