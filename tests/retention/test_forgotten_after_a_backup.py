"""What was forgotten or removed after a backup is not brought back by it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from tests.journal.test_kept_documents import found, new
from tests.journal.test_memories import NOTES, ROW, forgotten, kept

from kernel.scenarios.house import opened
from ripieno.anchoring.backup import back_up
from ripieno.anchoring.restore import restore
from ripieno.journal.memory import MemoryChange
from ripieno.journal.sqlite import SqliteStore


async def test_it_is_forgotten_and_removed_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    async with opened(home, SqliteStore) as store:
        for name in ("a", "b", "c", "d"):
            await store.remember(replace(ROW, id=name), NOTES)
        for source in ("a.md", "b.md"):
            await store.add_document(new(source, f"says {source}"), "person:ada")
        gone = [row.document for row in store.documents("default")]
        first = found(store, "says")
        await asyncio.to_thread(back_up, home, tmp_path / "backup", with_keys=True)
        await store.change_memories("default", [forgotten("a"), forgotten("b")])
        await store.change_memories("default", [MemoryChange("b", "kept", "person:ada", "cli")])
        await store.remember(replace(ROW, id="later"), NOTES)
        await store.change_memories("default", [forgotten("later")])
        await store.remove_documents("default", "handbook", gone[:1], by="person:ada", reason="old")
        left = found(store, "says")
    done = await asyncio.to_thread(restore, tmp_path / "backup", home, by="person:op", replace=True)
    assert (done.repeated.forgotten, done.repeated.removed, done.repeated.kept) == (3, 1, {})
    async with opened(home, SqliteStore) as store:
        assert await kept(store) == "bcd"
        assert found(store, "says") == left
        assert len(first) == 2
