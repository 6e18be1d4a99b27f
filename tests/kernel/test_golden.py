"""Journals of every released version replay under this one, from any of their events."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from kernel.scenarios.golden import Golden, export
from kernel.scenarios.golden_workflows import GOLDEN
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import events, serving, until
from kernel.scenarios.write_golden import write
from ripieno.kernel.host import Host
from ripieno.kernel.rehearsal import rehearse
from ripieno.model.event import Event

FILES = {
    f"{file.parent.name} {file.stem}": (file.stem, Golden.read(file.read_text(encoding="ascii")))
    for file in sorted((Path(__file__).parent.parent / "golden").glob("*/*.jsonl"))
}
EACH = pytest.mark.parametrize("file", FILES)
CHANCE: Final = frozenset(
    {
        *("due", "deadline", "first", "key", "now", "started", "seq", "sent", "id", "question", "replay"),
        *("policies", "policy", "roles", "every_role", "given"),
    }
)
"""Fields that differ from run to run: times, ids, keys drawn from the run's secret, what was on disk, and
by which policies and rights it was let happen, and what is said of its input."""

A_DAY = 86_400


def act(kind: str, path: str, body: Any) -> tuple[str, str, Any]:
    """Give what an event says of what was done, references and chance apart."""
    return kind, path, plain(body)


def acts(golden: Golden) -> list[tuple[str, str, Any]]:
    return [act(event["kind"], event["path"], event["body"]) for event in golden.events]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items() if name not in CHANCE}  # pyright: ignore[reportUnknownVariableType]
    return "a value" if isinstance(value, str) and len(value) == 64 else value


def decided_here(recorded: list[tuple[str, str, Any]], count: int) -> bool:
    """Tell whether the code alone decides what follows the first events."""
    return recorded[count][0] not in {"answered", "message", "segment"} and recorded[count - 1][0] != "intent"


@EACH
async def test_every_prefix_of_a_golden_journal_fits_this_version(tmp_path: Path, file: str) -> None:
    (name, golden), clock = FILES[file], HandClock()
    workflow = GOLDEN[name]
    clock.turn(A_DAY)
    for count in range(1, len(golden.events)):
        async with serving(tmp_path / str(count), clock=clock) as host:
            row = await golden.restore(host.store, clock, workflow.version, events=count)
            found = await rehearse(host.store, clock, workflow, row.id)
            assert (found.fits, found.detail) == (True, f"all {count} recorded events are reached")


@EACH
async def test_after_every_prefix_the_next_act_is_the_recorded_one(tmp_path: Path, file: str) -> None:
    """Side by side, whichever branch is ready first may be the next."""
    (name, golden), clock = FILES[file], HandClock()
    workflow = GOLDEN[name]
    clock.turn(A_DAY)
    recorded = acts(golden)
    compared = [count for count in range(1, len(recorded)) if decided_here(recorded, count)]
    for count in compared:
        async with serving(tmp_path / str(count), workflow, clock=clock) as host:
            row = await golden.restore(host.store, clock, workflow.version, events=count)
            host.ring()
            found = await event_after(host, row.id, count)
            coming = recorded[count:] if name == "branches" else recorded[count : count + 1]
            assert act(found.kind, found.path, found.body) in coming, count
    assert len(compared) > len(recorded) // 2


async def event_after(host: Host, run: str, count: int) -> Event:
    async def look() -> Event | None:
        found = [event for event in (await events(host, run))[count:] if event.kind != "segment"]
        return found[0] if found else None

    return await until(look)


@pytest.mark.parametrize("name", GOLDEN)
async def test_this_version_writes_what_the_last_golden_journal_holds(tmp_path: Path, name: str) -> None:
    last = [golden for stem, golden in FILES.values() if stem == name][-1]
    assert acts(Golden.read(await write(name, tmp_path))) == acts(last)


async def test_a_journal_that_was_restored_exports_as_it_was(tmp_path: Path) -> None:
    clock, golden = HandClock(), next(golden for name, golden in FILES.values() if name == "approval")
    async with serving(tmp_path, clock=clock) as host:
        row = await golden.restore(host.store, clock, "1" * 64, events=len(golden.events))
        assert acts(Golden.read(await export(host.store, row.id))) == acts(golden)
