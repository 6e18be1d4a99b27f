"""An operator sets other limits for running work."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import ADA, OPERATOR, begin, counted, parked, serving, turned
from ripieno.kernel import operators
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.limits import Limits
from ripieno.participants.human import human
from ripieno.workflows.workflow import Workflow

HOUR = 3600
WORKFLOW = Workflow("visit", human("clinician", role="clinician"), limits=Limits(deadline="1h", tokens=5))


async def test_a_deadline_that_was_moved_is_kept_across_a_restart(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, WORKFLOW, clock=clock) as host:
        run = await begin(host, WORKFLOW)
        row = await parked(host, run)
        limits = {"deadline": 3 * HOUR * 1_000_000}
        await operators.limit(host.store, clock, row, limits, by=OPERATOR, reason="a holiday")
        await parked(host, run)
    async with serving(tmp_path, WORKFLOW, clock=clock) as host:
        assert (await turned(host, clock, run, HOUR + 1)).status == "waiting"
        assert (await turned(host, clock, run, 2 * HOUR)).status == "escalated"


async def test_a_limit_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async with serving(tmp_path, WORKFLOW) as host:
        run = await begin(host, WORKFLOW)
        row = await parked(host, run)
        with pytest.raises(InputError, match="did you mean 'tokens'"):
            await operators.limit(host.store, host.clock, row, {"token": 1}, by=OPERATOR)
        with pytest.raises(InputError, match="must not be negative"):
            await operators.limit(host.store, host.clock, row, {"tokens": -1}, by=OPERATOR)
        with pytest.raises(NotAllowedError, match="'operator'"):
            await operators.limit(host.store, host.clock, row, {"tokens": 9}, by=ADA)
        assert (await counted(host, run))["message"] == 0
