"""After an erasure nothing that a run held can be found or guessed, and all that was proven stays proven."""

from __future__ import annotations

import hashlib
import hmac
import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.house import asked, begin, opened, parked
from retention.folder import BOSS, LETTERS, MARK, checked, found_in_files, house, letter, secrets_of, visited
from ripieno.anchoring.export import Exporter
from ripieno.evidence.outcomes import outcome_of
from ripieno.evidence.telling import tell
from ripieno.journal.records import NewRun
from ripieno.journal.retention import Doomed
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.scrubbing import scrub
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.journal.store import Created
from ripieno.kernel.commands import asked_for, cancel
from ripieno.kernel.forks import fork
from ripieno.kernel.host import Host
from ripieno.kernel.retries import retry
from ripieno.kernel.rollback import rehearsal_of, roll_back
from ripieno.kernel.tasks import history
from ripieno.model.errors import (
    ErasedError,
    InputError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    StoreError,
)
from ripieno.model.event import Event
from ripieno.model.principal import Principal
from ripieno.model.value import encode
from ripieno.retention.erasing import erase, plan_of

WHY = "the person asked for it"


async def test_no_byte_of_an_erased_run_is_in_any_file(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await letter(host, key="case-1")
        kept = await letter(host, given="something else")
        secrets = secrets_of(tmp_path, [run])
        assert found_in_files(tmp_path, secrets)  # the search finds what is there
        done = await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
        assert (done.scrubbed, done.values > 5) == (True, True)
        assert not found_in_files(tmp_path, secrets)
        again = await letter(host, given="later")
    assert not found_in_files(tmp_path, secrets)
    report = checked(tmp_path)
    assert report.sound, report
    assert report.erased > 5
    assert "erased" in str(report)
    async with house(tmp_path) as host:
        for other in (kept, again):
            assert (await host.outcome(other)).status == "complete"


async def test_values_that_only_a_moved_page_holds_still_are_found_and_overwritten(tmp_path: Path) -> None:
    """Rows that were written without care, as by an earlier version, leave copies in free bytes."""
    async with house(tmp_path) as host:
        run = await letter(host)
        secrets = secrets_of(tmp_path, [run])
        with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("CREATE TABLE careless AS SELECT wrapped FROM runs")
            connection.execute("DROP TABLE careless")
        await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
        assert not found_in_files(tmp_path, secrets)
    assert checked(tmp_path).sound


async def test_who_reads_an_older_state_delays_the_overwriting_and_not_the_erasure(tmp_path: Path) -> None:
    async with house(tmp_path, kind=partial(SqliteStore, busy_seconds=0.0)) as host:
        run = await letter(host)
        secrets = secrets_of(tmp_path, [run])
        with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM events").fetchone()
            done = await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
            assert not done.scrubbed
            with pytest.raises(ErasedError):
                host.store.key(run)
            reader.execute("COMMIT")
        assert await host.store.scrub()
        assert not found_in_files(tmp_path, secrets)


async def test_a_small_space_of_values_cannot_be_searched_once_the_key_is_gone(tmp_path: Path) -> None:
    """Of a thousand possible values, with the key one fits a commitment; without it none does."""
    async with house(tmp_path) as host:
        run = await letter(host, given="P-417")
        candidates = [encode(f"P-{number}") for number in range(1000)]
        events = await host.store.events(run)
        key = host.store.key(run)
        assert fitting(events, candidates, [key.commitment_key]) == [encode("P-417")]
        await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
        master = (tmp_path / "master.key").read_bytes()
        known = [b"", bytes(32), master, bytes.fromhex(run), hashlib.sha256(master).digest()]
        known += [hashlib.sha256(one + b"ripieno commitment 1").digest() for one in known]
        assert fitting(await host.store.events(run), candidates, known) == []
        plain = [hashlib.sha256(one).hexdigest() for one in candidates]
        said = "".join(str(event.body) for event in await host.store.events(run))
        assert not any(digest[:16] in said for digest in plain)


def fitting(events: Sequence[Event], candidates: list[bytes], keys: list[bytes]) -> list[bytes]:
    said = "".join(str(event.body) for event in events)
    return [one for one in candidates if any(hmac.digest(key, one, "sha256").hex() in said for key in keys)]


async def test_what_it_did_is_told_still_and_what_it_held_is_called_erased(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        run = await letter(host)
        before = await tell(store, run)
        row = await store.run(run)
        await erase(store, row, by=BOSS, reason=WHY)
        story, outcome = await tell(store, run), await outcome_of(store, row)
        (question,) = await store.questions(run=run, state=None)
        shown = asked_for(store, question)
        notes = await history(store, question)
    assert [step.path for step in story.steps] == [step.path for step in before.steps]
    assert [effect.tool for effect in story.effects] == ["send"]
    assert story.effects[0].arguments == story.effects[0].result == "erased"
    assert (story.questions[0].title, story.questions[0].answered_by) == ("erased", BOSS.id)
    assert (outcome.status, outcome.output) == ("complete", "erased")
    assert (shown.title, notes) == ("erased", [])
    assert MARK not in repr((story, outcome, shown))


async def test_nothing_begins_from_it_or_takes_it_back_any_more(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store, clock = host.store, host.clock
        row = await store.run(await letter(host))
        plan = await plan_of(store, row, by=BOSS)
        assert [(one.entry.tool, one.run) for one in plan.undo] == [("send", row.id)]
        assert plan.obstacle is None
        await erase(store, row, by=BOSS, reason=WHY)
        for attempt in (
            fork(store, clock, row, by=BOSS),
            roll_back(store, clock, row, by=BOSS, reason="x"),
            rehearsal_of(store, row, None, by=BOSS),
            erase(store, row, by=BOSS, reason=WHY),
            plan_of(store, row, by=BOSS),
            told(host, row.id),
        ):
            with pytest.raises(ErasedError, match=r"was erased by person:boss on 20"):
                repr(await attempt)
        with pytest.raises((ErasedError, RefusedError)):
            await retry(store, clock, row, by=BOSS)
        stream = await store.tenant_stream("default")
        event = next(one for one in await store.events(stream) if one.kind == "run.erased")
    assert event.body["undo"] == [{"path": plan.undo[0].entry.path, "tool": "send"}]
    assert (event.body["run"], event.body["by"], event.body["lost"]) == (row.id, BOSS.id, 1)
    assert event.body["policies"]


async def told(host: Host, run: str) -> object:
    return (await host.outcome(run)).output


async def test_child_runs_are_erased_with_it_and_alone_only_if_wanted(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        run, child = await visited(host)
        secrets = secrets_of(tmp_path, [run, child])
        plan = await plan_of(store, await store.run(child), by=BOSS)
        assert plan.above is not None
        assert plan.above.id == run
        done = await erase(store, await store.run(run), by=BOSS, reason=WHY)
        assert [row.id for row in done.plan.runs] == [run, child]
        assert not found_in_files(tmp_path, secrets)
        story = await tell(store, run)
        assert [one.status for one in story.children] == ["erased"]
        other, inner = await visited(host)
        await erase(store, await store.run(other), by=BOSS, reason=WHY, alone=True)
        assert (await host.outcome(inner)).status == "complete"
    assert checked(tmp_path).sound


async def test_what_a_child_did_that_is_erased_alone_is_listed_as_standing(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store, clock = host.store, host.clock
        run, child = await visited(host)
        await erase(store, await store.run(child), by=BOSS, reason=WHY)
        row = await store.run(run)
        (planned,) = await rehearsal_of(store, row, None, by=BOSS)
        assert (planned.do, "erased" in planned.why) == ("ask", True)
        undoing = await roll_back(store, clock, row, by=BOSS, reason="wrong")
        outcome = await host.outcome(undoing.id)
        assert (outcome.status, outcome.output[0]["state"]) == ("partial", "no undo")


async def test_what_goes_on_is_not_erased_nor_what_it_needs(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        run = await begin(host, LETTERS, MARK)
        await asked(host, run)
        await parked(host, run)
        row = await store.run(run)
        with pytest.raises(RefusedError, match="has not ended"):
            await erase(store, row, by=BOSS, reason=WHY)
        with pytest.raises(RefusedError, match="has not ended"):
            await store.erase("default", [Doomed(run)], by=BOSS.id, reason=WHY)
        await cancel(store, host.clock, row, by=BOSS, reason="enough")
        await host.outcome(run)
        await erase(store, await store.run(run), by=BOSS, reason=WHY)
        with pytest.raises(RefusedError, match="was erased"):
            await store.erase("default", [Doomed(run)], by=BOSS.id, reason=WHY)
        with pytest.raises(NotFoundError):
            await store.erase("other", [Doomed(run)], by=BOSS.id, reason=WHY)


async def test_who_may_not_or_says_no_reason_erases_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        row = await store.run(await letter(host))
        with pytest.raises(NotAllowedError, match="erase what a run holds"):
            await erase(store, row, by=Principal("person", "carl"), reason=WHY)
        with pytest.raises(NotFoundError):
            await erase(store, row, by=Principal("person", "eve", "elsewhere", every_role=True), reason=WHY)
        with pytest.raises(InputError, match="reason"):
            await erase(store, row, by=BOSS, reason=" ")
        assert (await host.outcome(row.id)).status == "complete"


async def test_copies_that_forks_have_are_named(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        store = host.store
        row = await store.run(await letter(host))
        copy = await fork(store, host.clock, row, by=BOSS)
        await host.outcome(copy.id)
        plan = await plan_of(store, row, by=BOSS)
        assert [one.id for one in plan.copies] == [copy.id]


class Hasty(SqliteStore):
    """Erases a run in between: whoever forks it has read what is taken over."""

    hurry = ""

    async def create(self, new: NewRun, keys: Any, started: Any, payloads: Any, *, own: bool) -> Created:
        if self.hurry:
            await erase(self, await self.run(self.hurry), by=BOSS, reason=WHY)
        return await super().create(new, keys, started, payloads, own=own)


async def test_a_fork_that_comes_too_late_takes_nothing_over(tmp_path: Path) -> None:
    async with house(tmp_path, kind=Hasty) as host:
        store = host.store
        assert isinstance(store, Hasty)
        row = await store.run(await letter(host))
        store.hurry = row.id
        with pytest.raises(RefusedError, match="was erased meanwhile"):
            await fork(store, host.clock, row, by=BOSS)


async def test_exports_verify_before_and_after_and_hold_nothing_of_it(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await letter(host)
        secrets = secrets_of(tmp_path, [run])
        before = exported(tmp_path)
        await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
        after = exported(tmp_path)
    assert MARK in before
    assert MARK not in after
    assert not any(secret.hex() in after for secret in secrets)
    assert run in after


def exported(home: Path) -> str:
    text = io.StringIO()
    with Extract(SqliteSnapshot(home)) as log:
        Exporter(log, text, values=True).write()
    return text.getvalue().replace(MARK.encode().hex(), MARK) + decoded(text.getvalue())


def decoded(text: str) -> str:
    import base64  # noqa: PLC0415 - only here
    import json  # noqa: PLC0415 - only here

    lines = [json.loads(line) for line in text.splitlines()]
    return "".join(
        base64.b64decode(line["data"]).decode("utf-8", "replace") for line in lines if line["line"] == "value"
    )


# -- what a verification says of it ------------------------------------------------------------------------


def changed(home: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute(statement, values)


def wrapped_key(home: Path, run: str) -> object:
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        return connection.execute("SELECT wrapped FROM runs WHERE id = ?", (run,)).fetchone()[0]


async def test_a_value_that_is_missing_without_an_erasure_is_found(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await letter(host)
    changed(tmp_path, "DELETE FROM payloads WHERE stream = ?", bytes.fromhex(run))
    assert "is not in the store" in str(checked(tmp_path))
    changed(tmp_path, "UPDATE runs SET wrapped = x'' WHERE id = ?", run)
    assert "none of its values can be read" in str(checked(tmp_path))
    changed(
        tmp_path,
        "INSERT INTO erasures (stream, tenant, by, at, reason) VALUES (?, 'default', 'person:eve', 1, '')",
        run,
    )
    assert "of erasures was made by no event" in str(checked(tmp_path))
    with pytest.raises(ErasedError):
        async with house(tmp_path) as host:
            await host.outcome(run)


async def test_what_an_erasure_has_left_is_found(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run, other = await letter(host), await letter(host)
        wrapped = wrapped_key(tmp_path, run)
        await erase(host.store, await host.store.run(run), by=BOSS, reason=WHY)
    changed(tmp_path, "UPDATE runs SET wrapped = ? WHERE id = ?", wrapped, run)
    assert "was erased, and its key is there" in str(checked(tmp_path))
    changed(tmp_path, "UPDATE runs SET wrapped = x'' WHERE id = ?", run)
    assert checked(tmp_path).sound
    changed(
        tmp_path,
        "INSERT INTO payloads SELECT ?, commitment, sealed FROM payloads WHERE stream = ? LIMIT 2",
        bytes.fromhex(run),
        bytes.fromhex(other),
    )
    assert "was erased, and 2 of its values are there" in str(checked(tmp_path))
    changed(tmp_path, "DELETE FROM payloads WHERE stream = ?", bytes.fromhex(run))
    changed(tmp_path, "DELETE FROM erasures")
    assert "is not in the table of erasures" in str(checked(tmp_path))
    with pytest.raises(StoreError):
        async with house(tmp_path) as host:
            host.store.payload(run, "00" * 32)


async def test_a_folder_in_which_every_run_is_erased_opens(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        await erase(host.store, await host.store.run(await letter(host)), by=BOSS, reason=WHY)
        moment = host.clock.now()
    async with house(tmp_path) as host:
        (erasure,) = host.store.erased_since(0)
        assert host.store.reason_of("default", erasure.reason) == WHY
        assert host.store.erased_since(moment + 10**9) == []
        await letter(host)
    assert checked(tmp_path).sound


async def test_what_is_being_undone_is_not_erased_meanwhile(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await letter(host)
        clock = host.clock
    async with opened(tmp_path, SqliteStore) as store:  # nobody serves runs here
        row = await store.run(run)
        await roll_back(store, clock, row, by=BOSS, reason="wrong")
        with pytest.raises(RefusedError, match="has not ended"):
            await erase(store, row, by=BOSS, reason=WHY)
        with pytest.raises(RefusedError, match="is being undone by run"):
            await store.erase("default", [Doomed(run)], by=BOSS.id, reason=WHY)


def test_a_file_that_cannot_be_scrubbed_is_tried_again_or_named(tmp_path: Path) -> None:
    assert not scrub(tmp_path / "nowhere" / "journal.sqlite", None, 0.0)
    (tmp_path / "none.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"none\.sqlite"):
        scrub(tmp_path / "none.sqlite", None, 0.0)
