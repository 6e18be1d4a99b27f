"""What was changed since it was signed is found and named, whoever made chains and tables fit again."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.journal.support.sample import Sample, write_sample
from tests.journal.support.signed import ORIGIN, sequenced, sign
from tests.journal.support.writing import owned, step, write

from ripieno.journal.signing import LATEST, PUBLIC_KEY, signer_at
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import Report, verify
from ripieno.model.event import canonical
from ripieno.model.ids import short
from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.notes import Signer, Verifier

SINK = ("file:elsewhere",)


class Signed:
    """The sample, sequenced and signed at 10 and at 14 events."""

    def __init__(self, home: Path) -> None:
        self.sample: Sample = asyncio.run(write_sample(home))
        self.notes = sign(home, [10, 14], sinks=SINK)
        self.key = Verifier.read((home / PUBLIC_KEY).read_text())

    def report(self, folder: Path, *statements: tuple[str, *tuple[Any, ...]], **given: Any) -> Report:
        return checked(self.sample.damaged(folder, *statements), **given)


def checked(home: Path, **given: Any) -> Report:
    with SqliteAudit(home) as audit:
        return verify(audit, **given)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("signed"))


def test_a_log_that_was_signed_and_published_says_up_to_where(signed: Signed) -> None:
    report = checked(signed.sample.home)
    assert report.findings == []
    said = "signed up to checkpoint 2, which the log says was published; nothing after it"
    assert str(report).splitlines()[0].endswith(f": sound; {said}")
    assert report.uncovered == 0


async def test_what_came_after_is_counted(tmp_path: Path) -> None:
    await write_sample(tmp_path)
    sign(tmp_path, [14], sinks=SINK)
    store = SqliteStore(tmp_path)
    await store.open()
    lease = await owned(store)
    assert checked(tmp_path).anchored.endswith("; 1 event after it")
    await write(store, step(lease))
    await store.close()
    assert checked(tmp_path).anchored.endswith("; 2 events after it")
    sequenced(tmp_path)
    report = checked(tmp_path)
    assert (report.sound, report.uncovered) == (True, 2)


def test_what_was_published_nowhere_is_signed_and_not_anchored(tmp_path: Path) -> None:
    asyncio.run(write_sample(tmp_path))
    sign(tmp_path, [14])
    assert "signed up to checkpoint 1, which nobody else has" in str(checked(tmp_path))


def test_a_key_and_a_checkpoint_from_elsewhere_are_what_counts(signed: Signed) -> None:
    given = checked(signed.sample.home, key=signed.key, checkpoints=[signed.notes[0]])
    assert "anchored up to checkpoint 1, which was handed in; 4 events after it" in str(given)
    other = Checkpoint(ORIGIN, 3, bytes(32)).signed(Signer(ORIGIN, bytes(32)))
    report = checked(signed.sample.home, key=signed.key, checkpoints=[other])
    assert "checkpoint handed in 1: not signed by example.com/log" in str(report)


def test_a_sink_that_was_asked_vouches_and_one_that_has_more_shows_what_was_put_back(signed: Signed) -> None:
    report = checked(signed.sample.home, sinks={"file:out": signed.notes[1]})
    assert "anchored up to checkpoint 2, which file:out has; nothing after it" in str(report)
    both = checked(signed.sample.home, checkpoints=[signed.notes[0]], sinks={"file:out": signed.notes[1]})
    assert "which was handed in; 4 events after it" in str(both)
    newest = Checkpoint(ORIGIN, 18, bytes(32)).signed(signer_at(signed.sample.home))
    put_back = checked(signed.sample.home, sinks={"file:out": newest})
    assert not put_back.sound
    assert "newest checkpoint of file:out: covers 18 events, the tree has" in str(put_back)


def test_what_the_tables_say_of_the_time_of_signing_is_not_told_as_a_fact(
    signed: Signed, tmp_path: Path
) -> None:
    report = signed.report(tmp_path, ("UPDATE checkpoints SET at = 1596067200000000",))
    assert (report.sound, "2020" in str(report)) == (True, False)


def test_a_checkpoint_of_a_size_that_is_no_checkpoint_here_counts_as_well(
    signed: Signed, tmp_path: Path
) -> None:
    statement = ("DELETE FROM checkpoints",)
    report = signed.report(tmp_path, statement, checkpoints=[signed.notes[0]])
    assert (report.sound, report.anchor and report.anchor.number) == (True, 0)
    assert "anchored up to checkpoint, which was handed in; 4 events after it" in str(report)


# -- with the keys, and thoroughly --------------------------------------------------------------------------


def forge(signed: Signed, folder: Path, *, leaves: bool = False, sign_again: bool = False) -> Path:
    """Change an event, and make its chain, its row, and if wanted leaves and checkpoints, fit again."""
    sample = signed.sample
    stream = bytes.fromhex(sample.ended)
    prev, statements = "", list[tuple[Any, ...]]()
    for seq in range(1, 10):
        event = json.loads(sample.envelope(sample.ended, seq))
        event["at"] += seq == 5
        event["prev"] = prev or event["prev"]
        envelope = canonical(event)
        prev = hashlib.sha256(envelope).hexdigest()
        statements.append(
            ("UPDATE events SET envelope = ? WHERE stream = ? AND seq = ?", envelope, stream, seq)
        )
        if leaves:
            hashed = bytes.fromhex(prev)
            statements.append(
                ("UPDATE leaves SET hash = ? WHERE stream = ? AND seq = ?", hashed, stream, seq)
            )
    statements.append(("UPDATE runs SET head_hash = ? WHERE id = ?", prev, sample.ended))
    home = sample.damaged(folder, *statements)
    if sign_again:
        with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
            connection.execute("DELETE FROM checkpoints")
        sign(home, [10, 14], sinks=SINK)
    return home


def test_a_chain_that_was_made_to_fit_is_told_by_the_leaves(signed: Signed, tmp_path: Path) -> None:
    report = checked(forge(signed, tmp_path))
    places = [finding.place for finding in report.findings]
    assert places == [signed.sample.place(seq) for seq in range(5, 10)]
    assert "was changed after it became leaf" in str(report)


def test_leaves_that_were_made_to_fit_are_told_by_what_was_signed(signed: Signed, tmp_path: Path) -> None:
    report = checked(forge(signed, tmp_path, leaves=True))
    assert "checkpoint 1: the first 10 events are not those that were signed" in str(report)
    assert report.anchor is None


def test_what_was_signed_anew_is_told_by_a_checkpoint_that_stands_elsewhere(
    signed: Signed, tmp_path: Path
) -> None:
    home = forge(signed, tmp_path, leaves=True, sign_again=True)
    assert checked(home).sound
    report = checked(home, key=signed.key, checkpoints=[signed.notes[1]])
    assert "checkpoint handed in 1: the first 14 events are not those that were signed" in str(report)


def test_signing_anew_with_another_key_is_told_by_the_key_from_elsewhere(
    signed: Signed, tmp_path: Path
) -> None:
    home = signed.sample.damaged(tmp_path)
    for name in ("checkpoint.key", PUBLIC_KEY):
        (home / name).unlink()
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM checkpoints")
    sign(home, [14], sinks=SINK)
    assert checked(home).sound
    report = checked(home, key=signed.key)
    assert "checkpoint 1: not signed by example.com/log+" in str(report)
    assert report.anchor is None


def test_a_log_cut_off_behind_a_checkpoint_with_every_trace_is_told(signed: Signed, tmp_path: Path) -> None:
    """The run of another tenant, the last three events, and all that tables have of it."""
    (run,) = signed.sample.rows("SELECT id FROM runs WHERE tenant = 'another'")[0]
    gone = [
        ("DELETE FROM events WHERE position >= 14",),
        ("DELETE FROM payloads WHERE stream = ?", bytes.fromhex(run)),
        ("DELETE FROM runs WHERE id = ?", run),
        ("UPDATE sqlite_sequence SET seq = 13 WHERE name = 'events'",),
        ("DELETE FROM leaves WHERE leaf >= 13",),
        ("DELETE FROM checkpoints WHERE number = 2",),
    ]
    cut_off = "covers 14 events, the tree has 13: the log was cut off behind it"
    report = signed.report(tmp_path / "a", *gone)
    assert [str(one)[: len(cut_off) + 19] for one in report.findings] == [f"checkpoint.latest: {cut_off}"]
    home = signed.sample.damaged(tmp_path / "b", *gone)
    (home / LATEST).unlink()
    assert checked(home).sound
    report = checked(home, checkpoints=[signed.notes[1]])
    assert f"checkpoint handed in 1: {cut_off}" in str(report)


# -- the tree and what was signed, changed by themselves ----------------------------------------------------

TREE = {
    "UPDATE leaves SET hash = zeroblob(32) WHERE leaf = 6": "was changed after it became leaf 6",
    "UPDATE leaves SET seq = 40 WHERE leaf = 6": "event 40: is leaf 6 of the tree, and run",
    "UPDATE leaves SET stream = zeroblob(16) WHERE leaf = 6": "run 000000, event 5: is leaf 6",
    "DELETE FROM leaves WHERE leaf = 6": "tree: leaf 6 is missing: the next one is 7",
    "DELETE FROM leaves WHERE leaf = 13": "checkpoint 2: covers 14 events, the tree has 13",
    "UPDATE leaves SET position = position + 100 WHERE leaf = 13": "is gone, and the tree has it as leaf 13",
    "UPDATE leaves SET position = 100 - leaf": "tree: leaf 1 stands before the one that it follows",
    "DELETE FROM events WHERE position = 7": "event 5: is gone, and the tree has it as leaf 6",
    "UPDATE checkpoints SET size = 9 WHERE number = 1": "checkpoint 1: its row says 9 events, it says 10",
    "UPDATE checkpoints SET note = replace(note, '10', '11')": "checkpoint 1: the signature of",
    "UPDATE checkpoints SET note = 'x'": "checkpoint 1: a note is text",
    "DELETE FROM checkpoints WHERE number = 1": "checkpoint 1: is gone: the next one is 2",
    "INSERT INTO tree_nodes VALUES (8, 0, zeroblob(32))": "tree: its nodes of level 8 are not those",
}


@pytest.mark.parametrize("statement", TREE)
def test_a_changed_tree_is_told(signed: Signed, tmp_path: Path, statement: str) -> None:
    report = signed.report(tmp_path, (statement,))
    assert TREE[statement] in str(report)


def test_an_event_put_in_where_the_tree_has_passed_is_named(signed: Signed, tmp_path: Path) -> None:
    moves = (
        ("UPDATE leaves SET position = position + 1000 WHERE position >= 7",),
        ("UPDATE events SET position = position + 1000 WHERE position >= 7",),
        ("UPDATE leaves SET position = position - 999 WHERE position >= 1000",),
        ("UPDATE events SET position = position - 999 WHERE position >= 1000",),
        (
            "INSERT INTO events (position, stream, seq, kind, envelope) VALUES (7, ?, 10, 'step', ?)",
            bytes.fromhex(signed.sample.ended),
            b"{}",
        ),
    )
    report = signed.report(tmp_path, *moves)
    said = f"{signed.sample.place(10)}: was put into the log where its place in the tree had been passed"
    assert said in str(report)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "checkpoint 1: cannot be checked: the public key is not there"),
        ("garbage", "public key: expected an Ed25519 key"),
        (b"\xff", "cannot read"),
    ],
)
def test_a_public_key_that_is_gone_or_garbage_is_told(
    signed: Signed, tmp_path: Path, text: str | bytes | None, said: str
) -> None:
    home = signed.sample.damaged(tmp_path)
    (home / PUBLIC_KEY).unlink()
    if text is not None:
        (home / PUBLIC_KEY).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert said in str(checked(home))


def test_nodes_of_a_long_log_are_compared(tmp_path: Path) -> None:
    async def fill() -> None:
        store = SqliteStore(tmp_path)
        await store.open()
        lease = await owned(store)
        await write(store, *(step(lease, f"step@{number}") for number in range(600)))
        await store.close()

    asyncio.run(fill())
    sign(tmp_path, [599])
    assert checked(tmp_path).sound
    for statement, said in (
        ("UPDATE tree_nodes SET hash = zeroblob(32) WHERE number = 1", "level 8 are not those"),
        ("DELETE FROM tree_nodes", "level 8 are gone"),
    ):
        with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
            connection.execute(statement)
        assert f"tree: its nodes of {said}" in str(checked(tmp_path))


def test_places_of_runs_are_named_as_elsewhere(signed: Signed) -> None:
    with SqliteAudit(signed.sample.home) as audit:
        assert audit.named(signed.sample.tenant, 2) == "tenant default, event 2"
        assert audit.named(signed.sample.ended, 2) == f"run {short(signed.sample.ended)}, event 2"
