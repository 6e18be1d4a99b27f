"""What is remembered and over is noted to be so beside the work; whoever forgets it says why and may."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.journal.test_memories import NOTES, ROW

from kernel.scenarios.house import ADA, OPERATOR, opened
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import InputError, NotAllowedError, NotFoundError
from ripieno.retention.remembered import AT_ONCE, forget, forget_over
from ripieno.retention.serving import go_round
from ripieno.retention.sweeping import Sweeper

NOW = ROW.at


class AtNow:
    """A clock at the time at which what is short is over."""

    def now(self) -> int:
        return NOW + 9


async def test_what_is_over_is_noted_once_by_who_looks_after_what_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        for number in range(AT_ONCE + 1):
            await store.remember(replace(ROW, id=f"{number:016x}"), NOTES)
        await store.remember(replace(ROW, id="kept", expires=None), NOTES)
        await go_round(Sweeper(store, AtNow()), asyncio.Event())
        assert await forget_over(store, "default", NOW + 9) == 0
        row = store.memory("default", "0" * 16)
        assert row is not None
        assert (row.state, row.call) == ("expired", "system:retention")
        assert [one.id for one in store.memories("default", NOTES, NOW, 200)] == ["kept"]


async def test_whoever_forgets_has_leave_and_says_why(tmp_path: Path) -> None:
    async with opened(tmp_path, SqliteStore) as store:
        await store.remember(ROW, NOTES)
        with pytest.raises(NotAllowedError):
            await forget(store, ["a"], by=ADA, reason="x")
        with pytest.raises(InputError, match="needs a reason"):
            await forget(store, ["a"], by=OPERATOR, reason=" ")
        with pytest.raises(NotFoundError, match="no memory 'b'"):
            await forget(store, ["a", "b"], by=OPERATOR, reason="x")
        assert len(store.memories("default", NOTES, NOW, 9)) == 1
        [row] = await forget(store, ["a"], by=OPERATOR, reason="asked for")
        assert (row.state, row.call) == ("forgotten", OPERATOR.id)
        assert await forget(store, ["a"], by=OPERATOR, reason="asked for") == []
