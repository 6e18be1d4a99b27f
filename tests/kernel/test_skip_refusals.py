"""What cannot be skipped is refused, and says why; nothing is sent to the run then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import ADA, OPERATOR, begin, counted, parked, serving
from ripieno.kernel import operators
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError, RefusedError
from ripieno.participants.function import Function
from ripieno.participants.human import human
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.map import map_over
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import sequential
from ripieno.workflows.workflow import Workflow

REFUSED: list[tuple[str, Any, str]] = [
    ("reviews", NotFoundError, "did you mean 'review'"),
    ("sequential@1/reviews", NotFoundError, "did you mean 'review'"),
    ("first", RefusedError, "sequential@1/first@1 has ended as complete"),
    ("sequential@1/first@1", RefusedError, "has ended as complete"),
    ("sequential/first/within", RefusedError, "sequential@1/first@1, around it, has ended"),
    ("twin", InputError, "several visits"),
]


@pytest.mark.parametrize(("step", "error", "says"), REFUSED, ids=[item[0] for item in REFUSED])
async def test_a_step_that_cannot_be_skipped_is_refused(
    tmp_path: Path, step: str, error: type[Exception], says: str
) -> None:
    first = Function(lambda: 1, name="first", pure=True)
    review = human("review", role="clinician")
    twins = map_over("input", human("twin", role="clinician"), width=2)
    workflow = Workflow("visit", sequential(first, concurrent(review, twins, resolve=merge())))
    names = ["sequential", "first", "within", "concurrent", "review", "map", "twin"]
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, [1, 2])
        row = await parked(host, run)
        with pytest.raises(error, match=says):
            await operators.skip(host.store, host.clock, row, step, by=OPERATOR, reason="lost", names=names)
        assert (await counted(host, run))["message"] == 0


async def test_a_skip_needs_an_operator_and_a_reason(tmp_path: Path) -> None:
    workflow = Workflow("visit", human("review", role="clinician"))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        row = await parked(host, run)
        with pytest.raises(NotAllowedError, match="'operator'"):
            await operators.skip(host.store, host.clock, row, "review", by=ADA, reason="tired")
        with pytest.raises(InputError, match="needs a reason"):
            await operators.skip(host.store, host.clock, row, "review", by=OPERATOR, reason=" ")
