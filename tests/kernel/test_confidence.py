"""A confidence is the same after a restart, to the last digit: thresholds decide by it."""

from __future__ import annotations

from ripieno import Confidence, Host, Outcome, Principal, Workflow, function

CLOSE = 0.8499999999999999
"""Just under a threshold of 0.85, and equal to it in six digits."""


@function(pure=True)
async def judge() -> Outcome:
    return Outcome("complete", "seen", confidence=Confidence(CLOSE, "measured"))


async def test_a_confidence_is_recorded_to_the_last_digit(host: Host) -> None:
    created = await host.start(Workflow("judging", judge), {}, principal=Principal("person", "ada"))
    await host.outcome(created.row.id)
    last = (await host.store.events(created.row.id))[-1]
    assert float(last.body["outcome"]["confidence"]) == CLOSE
