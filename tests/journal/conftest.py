"""Every store that keeps the contract, for every test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.journal.support.backends import BACKENDS, Backend

from ripieno.journal.store import Store


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
async def store(backend: Backend) -> AsyncGenerator[Store]:
    async with backend.opened() as store:
        yield store


@pytest.fixture
async def other(backend: Backend, store: Store) -> AsyncGenerator[Store]:
    """Open a second store over the same data."""
    del store  # opened first
    async with backend.opened() as other:
        yield other
