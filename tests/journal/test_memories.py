"""What is remembered beyond runs, as a store keeps it: once, in its space, and gone with its run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.journal.support.writing import AT, keep, owned, write

from ripieno.journal.memory import MemoryChange, MemoryRow, Space
from ripieno.journal.records import Draft, EndChange
from ripieno.journal.retention import Doomed
from ripieno.journal.store import Store
from ripieno.model.errors import NotFoundError, RefusedError
from ripieno.model.event import Json

NOTES = Space("notes", "p1")
ROW = MemoryRow(
    *("default", "a", "", "notes", "", "patient.id", "0" * 32, "nurse@1/tool/1", "1" * 64, "2" * 64),
    *(AT, AT + 9, None, "person:ada"),
    call="key",
)


def forgotten(name: str) -> MemoryChange:
    return MemoryChange(name, "forgotten", "person:ada", "cli")


async def kept(store: Store, space: Space | None = NOTES, *, now: int = AT, tenant: str = "default") -> str:
    return "".join(row.id for row in store.memories(tenant, space, now, 10))


async def test_what_is_entered_twice_is_there_once_whatever_became_of_it(store: Store) -> None:
    first = await store.remember(ROW, NOTES)
    assert await store.remember(replace(ROW, at=AT + 5), NOTES) == first == store.memory("default", "a")
    await store.change_memories("default", [forgotten("a")])
    assert (await store.remember(ROW, NOTES)).state == "forgotten"
    assert await kept(store) == ""


async def test_each_space_and_each_tenant_has_its_own(store: Store) -> None:
    await store.remember(ROW, NOTES)
    await store.remember(replace(ROW, id="b", at=AT + 1), NOTES)
    await store.remember(replace(ROW, id="c", expires=None), Space("notes", "p2"))
    await store.remember(replace(ROW, tenant="north"), NOTES)
    assert (await kept(store), await kept(store, Space("notes", "p2"))) == ("ba", "c")
    assert await kept(store, Space("notes", "p1", "flow/nurse")) == ""
    assert await kept(store, tenant="north") == "a"
    assert await kept(store, tenant="nowhere") == ""
    assert await kept(store, None) == "bac"
    assert [row.id for row in store.memories("default", None, AT, 10, memory="other")] == []
    spaces = {
        row.space
        for row in (*store.memories("default", NOTES, AT, 9), *store.memories("north", NOTES, AT, 9))
    }
    assert len(spaces) == 2, "the same subject stands for something else in another tenant"


async def test_what_is_over_is_not_given_and_is_found_to_be_removed(store: Store) -> None:
    await store.remember(ROW, NOTES)
    await store.remember(replace(ROW, id="b", expires=None), NOTES)
    assert await kept(store, now=AT + 8) == "ab"
    assert await kept(store, now=AT + 9) == "b"
    assert [row.id for row in store.memories_over("default", AT + 9, 10)] == ["a"]
    await store.change_memories(
        "default", [MemoryChange("a", "expired", "system:retention", "system:retention")]
    )
    assert store.memories_over("default", AT + 9, 10) == []


async def test_what_replaces_another_needs_one_that_is_kept_in_its_space(store: Store) -> None:
    await store.remember(ROW, NOTES)
    await store.remember(replace(ROW, id="b", replaces="a"), NOTES)
    assert await kept(store) == "b"
    for replaces, space in (("a", NOTES), ("none", NOTES), ("b", Space("notes", "p2"))):
        with pytest.raises(NotFoundError, match=f"no memory '{replaces}'"):
            await store.remember(replace(ROW, id="c", replaces=replaces), space)
    assert await kept(store) == "b"


async def test_changes_are_made_all_or_none_and_only_where_something_changes(store: Store) -> None:
    await store.remember(ROW, NOTES)
    with pytest.raises(NotFoundError, match="no memory 'b'"):
        await store.change_memories("default", [forgotten("a"), forgotten("b")])
    with pytest.raises(NotFoundError, match="no memory 'a'"):
        await store.change_memories("default", [forgotten("a")], Space("notes", "p2"))
    assert await kept(store) == "a"
    changed = await store.change_memories("default", [replace(forgotten("a"), reason="asked for")], NOTES)
    assert [(row.id, row.state, row.call) for row in changed] == [("a", "forgotten", "cli")]
    assert await store.change_memories("default", [forgotten("a")]) == []
    stream = await store.tenant_stream("default")
    assert stream is not None
    body = (await store.events(stream))[-1].body
    assert (body["id"], body["state"], store.reason_of("default", str(body["reason"]))) == (
        "a",
        "forgotten",
        "asked for",
    )


async def test_it_goes_with_the_run_that_wrote_it_for_good_and_with_its_tenant(store: Store) -> None:
    lease = await owned(store)
    output = keep(lease, "x")
    body: dict[str, Json] = {"outcome": {"status": "complete", "output": output[0].hex()}}
    await write(store, Draft(lease, AT + 1, "run.ended", "", body, (output,), EndChange("complete")))
    await store.remember(replace(ROW, run=lease.run), NOTES)
    await store.erase("default", [Doomed(lease.run)], by="person:ada", reason="asked for")
    found = store.memory("default", "a")
    assert found is not None
    assert (found.state, await kept(store)) == ("erased", "")
    assert await store.change_memories("default", [MemoryChange("a", "kept", "person:eve", "x")]) == []
    await store.delete_tenant("default", by="person:ada", reason="closed")
    assert await kept(store) == ""
    with pytest.raises(RefusedError, match="was deleted"):
        await store.remember(replace(ROW, id="b"), NOTES)
