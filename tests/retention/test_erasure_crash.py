"""Wherever a process dies that erases, the run is erased whole or not at all; what is left is overwritten."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from kernel.support.crash import Calls, calls_of
from retention.folder import checked, found_in_files, house, secrets_of, visited


@pytest.fixture
def erasures() -> Generator[Calls]:
    with calls_of("retention.erasing_child:erased") as calls:
        yield calls


async def test_an_erasure_that_is_killed_is_whole_or_nothing_and_is_ended_by_the_next(
    tmp_path: Path, erasures: Calls
) -> None:
    async with house(tmp_path / "before") as host:
        run, child = await visited(host)
    secrets = secrets_of(tmp_path / "before", [run, child])
    seen: list[bool] = []
    for number in range(1, 100):
        home = tmp_path / f"killed{number}"
        shutil.copytree(tmp_path / "before", home, ignore=shutil.ignore_patterns("owners", "doorbells"))
        ended = erasures.call(str(home), run, number)
        async with house(home) as host:
            erased = [host.store.erasure(one) is not None for one in (run, child)]
            assert erased in ([True, True], [False, False])
            seen.append(erased[0])
            if not erased[0]:
                assert (await host.outcome(run)).status == "complete"
        assert bool(found_in_files(home, secrets)) != erased[0]
        assert checked(home).sound
        if ended == 0:
            break
        assert ended == signal.SIGKILL
    assert sorted(seen) == seen
    assert (seen[0], seen[-1], len(seen) > 4) == (False, True, True)
