"""What was kept for long enough is erased by itself, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import asked, begin, parked, until
from retention.folder import BOSS, LETTERS, checked, found_in_files, house, letter, secrets_of, visited
from ripieno.journal.retention import Doomed, RetentionRow
from ripieno.kernel.clock import MICROSECONDS
from ripieno.model.errors import InputError, NotAllowedError, RefusedError
from ripieno.model.principal import Principal
from ripieno.retention.holds import hold, release
from ripieno.retention.keeping import ANY, clear, keep, rule_for, span, time_of
from ripieno.retention.sweeping import Sweeper
from ripieno.workflows.embedded import open_host

DAY = 86_400
WHY = "the law says so"


async def test_a_run_is_erased_once_its_time_is_over_and_not_before(tmp_path: Path) -> None:
    clock = HandClock()
    async with house(tmp_path, clock) as host:
        store, sweeper = host.store, Sweeper(host.store, clock)
        await keep(store, "phi", time="30d", by=BOSS, reason=WHY)
        run, waiting = await letter(host), await begin(host, LETTERS, "x")
        await asked(host, waiting)
        await parked(host, waiting)
        secrets = secrets_of(tmp_path, [run])
        clock.turn(30 * DAY - 1)
        assert (await sweeper.turn("default")).looked == 0
        clock.turn(2)
        dry = await sweeper.turn("default", dry_run=True)
        assert [row.id for row in dry.erased] == [run]
        assert (await host.outcome(run)).status == "complete"
        assert [row.id for row in (await sweeper.turn("default")).erased] == [run]
        assert (await sweeper.turn("default")).looked == 0
        assert not found_in_files(tmp_path, secrets[1:])
        event = (await store.events(await store.tenant_stream("default")))[-1]
        assert (event.kind, event.body["by"], event.body["data"]) == ("run.erased", "system:retention", "phi")
        assert event.body["set_by"] == BOSS.id
    assert checked(tmp_path).sound


async def test_a_process_that_serves_runs_erases_by_itself(tmp_path: Path) -> None:
    clock = HandClock()
    async with house(tmp_path, clock) as host:
        await keep(host.store, ANY, time="1d", by=BOSS, reason=WHY)
        runs = [await letter(host) for _ in range(3)]
    clock.turn(2 * DAY)
    async with open_host(tmp_path, clock=clock) as host:

        async def gone() -> bool | None:
            return all(host.store.erasure(run) for run in runs) or None

        await until(gone)
    assert checked(tmp_path).sound


async def test_what_is_held_stays_and_goes_once_it_is_released(tmp_path: Path) -> None:
    clock = HandClock()
    async with house(tmp_path, clock) as host:
        store, sweeper = host.store, Sweeper(host.store, clock)
        await keep(store, "phi", time="1d", by=BOSS, reason=WHY)
        held, free = await letter(host), await letter(host)
        await hold(store, "run", held, by=BOSS, reason="a case")
        clock.turn(2 * DAY)
        swept = await sweeper.turn("default", limit=1)
        assert ([row.id for row, _ in swept.kept], swept.erased) == ([held], [])
        swept = await sweeper.turn("default", limit=1)
        assert [row.id for row in swept.erased] == [free]
        assert (await sweeper.turn("default", limit=1)).looked == 0
        assert [why for _, why in (await sweeper.turn("default")).kept] == [
            f"a hold on run {held[-6:]}, set by person:boss, keeps it"
        ]
        await release(store, "run", held, by=BOSS, reason="settled")
        assert [row.id for row in (await sweeper.turn("default")).erased] == [held]


async def test_of_what_is_to_go_at_once_one_that_may_not_any_more_stays_alone(tmp_path: Path) -> None:
    """The hold comes between the look and the commit."""
    clock = HandClock()
    async with house(tmp_path, clock) as host:
        store = host.store
        await keep(store, "phi", time="1d", by=BOSS, reason=WHY)
        held, free = await letter(host), await letter(host)
        clock.turn(2 * DAY)
        sweeper = Sweeper(store, clock)
        over = [await store.run(run) for run in (held, free)]
        rule = RetentionRow("phi", DAY * MICROSECONDS, None, BOSS.id)
        await hold(store, "run", held, by=BOSS, reason="a case")
        kept: list[tuple[object, str]] = []
        ready = [(row, Doomed(row.id, rule=rule)) for row in over]
        erased = await sweeper._erase("default", ready, kept)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportArgumentType] - as if it had looked before
        assert [row.id for row in erased] == [free]
        assert len(kept) == 1


async def test_a_rule_that_is_changed_meanwhile_erases_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        await keep(store, "phi", time="1d", by=BOSS, reason=WHY)
        (row,) = store.retention("default")
        run = await letter(host)
        await keep(store, "phi", time="7y", by=BOSS, reason=WHY)
        with pytest.raises(RefusedError, match="changed meanwhile"):
            await store.erase("default", [Doomed(run, rule=row)], by="system:retention", reason=WHY)
        await clear(store, "phi", by=BOSS, reason=WHY)
        assert not await clear(store, "phi", by=BOSS, reason=WHY)
        with pytest.raises(RefusedError, match="changed meanwhile"):
            await store.erase("default", [Doomed(run, rule=row)], by="system:retention", reason=WHY)
    assert checked(tmp_path).sound


async def test_a_child_run_goes_by_its_own_classes_and_the_run_above_it_by_both(tmp_path: Path) -> None:
    clock = HandClock()
    async with house(tmp_path, clock) as host:
        store, sweeper = host.store, Sweeper(host.store, clock)
        await keep(store, "personal", time="1d", by=BOSS, reason=WHY)
        await keep(store, "phi", time="10d", at_least="5d", by=BOSS, reason=WHY)
        run, child = await visited(host)
        clock.turn(2 * DAY)
        assert (await sweeper.turn("default")).erased == []  # what it got from its child stays for five days
        clock.turn(4 * DAY)
        assert [row.id for row in (await sweeper.turn("default")).erased] == [run]
        clock.turn(20 * DAY)
        assert [row.id for row in (await sweeper.turn("default")).erased] == [child]
    assert checked(tmp_path).sound


def row(data: str, keep: int | None, at_least: int | None = None) -> RetentionRow:
    return RetentionRow(data, keep, at_least, "person:ada")


@pytest.mark.parametrize(
    ("rows", "classes", "after", "conflict"),
    [
        ([], ["phi"], None, 0),
        ([row("phi", 5)], ["phi"], 5, 0),
        ([row("phi", 5)], ["personal"], None, 0),
        ([row("phi", 5), row("personal", 3)], ["phi", "personal"], 3, 0),
        ([row("phi", 5), row("financial", None, 9)], ["phi", "financial"], 9, 1),
        ([row("phi", 5), row("financial", None, 4)], ["phi", "financial"], 5, 0),
        ([row("*", 7)], [], 7, 0),
        ([row("*", 7), row("phi", 5)], ["phi"], 5, 0),
        ([row("*", 7, 6), row("phi", 5)], ["phi"], 6, 1),
        ([row("financial", None, 4)], ["financial"], None, 0),
    ],
)
def test_the_shortest_time_counts_but_no_less_than_any_minimum(
    rows: list[RetentionRow], classes: list[str], after: int | None, conflict: int
) -> None:
    rule = rule_for(rows, classes)
    assert (rule.after, rule.conflict is not None) == (after, conflict)


def test_times_read_as_they_are_written() -> None:
    for text in ("7y", "30d", "5h", "2m", "3s"):
        assert span(time_of(text)) == text
    assert (span(None), time_of(None)) == ("ever", None)
    for wrong in ("", "7x", "0y", "-3d"):
        with pytest.raises(InputError, match="expected a time"):
            time_of(wrong)


async def test_who_may_not_or_says_nonsense_sets_no_time(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        with pytest.raises(InputError, match="why it is kept"):
            await keep(store, "phi", time="1d", by=BOSS, reason="")
        with pytest.raises(InputError, match="for how long"):
            await keep(store, "phi", time=None, by=BOSS, reason=WHY)
        with pytest.raises(InputError, match="cannot be erased after 1d"):
            await keep(store, "phi", time="1d", at_least="2d", by=BOSS, reason=WHY)
        with pytest.raises(InputError, match="taken back"):
            await clear(store, "phi", by=BOSS, reason="")
        with pytest.raises(NotAllowedError, match="how long data is kept"):
            await keep(store, "phi", time="1d", by=Principal("person", "carl"), reason=WHY)
        assert await keep(store, "phi", time="1d", by=BOSS, reason=WHY)
        assert not await keep(store, "phi", time="1d", by=BOSS, reason=WHY)
        assert (await Sweeper(store, host.clock).turn("elsewhere")).looked == 0
