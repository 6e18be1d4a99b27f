"""A program that serves workflows has its garbage collector come seldom, and what it set itself stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SERVING = """
import asyncio, gc, sys
from pathlib import Path
from ripieno.workflows.embedded import open_host

async def main() -> None:
    gc.set_threshold(int(sys.argv[2]), 10, 10)
    async with open_host(Path(sys.argv[1])):
        print(*gc.get_threshold(), gc.get_freeze_count() > 0)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("before", "within"),
    [(700, 10_000), (50_000, 50_000), (0, 0)],
    ids=["as Python has it", "more seldom still", "turned off"],
)
def test_the_collector_comes_seldom_and_never_more_often_than_a_program_has_said(
    tmp_path: Path, before: int, within: int
) -> None:
    told = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", SERVING, str(tmp_path), str(before)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [str(within), "10", "10", "True"]
