"""What tests of every room may ask for: a host over a fresh data folder, and a clock that they turn."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.home import data_folder
from ripieno.kernel.host import Host


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that stands still until it is turned."""
    return HandClock()


@pytest.fixture
async def host(tmp_path: Path, clock: HandClock) -> AsyncGenerator[Host]:
    """Serve workflows over a data folder of the test's own, by its clock."""
    store = SqliteStore(data_folder(tmp_path / "data"))
    await store.open()
    try:
        async with Host(store, clock=clock) as serving:
            yield serving
    finally:
        await store.close()
