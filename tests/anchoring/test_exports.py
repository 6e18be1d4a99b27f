"""An export holds all that it takes to verify it, of all or of a part, and says what it shows."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.anchoring.support.every_kind import KEPT, write_every_kind
from tests.anchoring.support.exported import exported, key_of, written
from tests.journal.support.signed import sequenced
from tests.journal.support.writing import begin, owned, step, write

import ripieno.proof
from ripieno.anchoring.export import Exporter, prove
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteSnapshot
from ripieno.model.errors import InputError
from ripieno.proof.inclusion import EventProof
from ripieno.proof.merkle import ProofError
from ripieno.proof.notes import Signer, Verifier


class Kept:
    """The log of every kind, signed at 10 events and at its end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.notes = asyncio.run(write_every_kind(home))
        self.key = key_of(home)
        with Extract(SqliteSnapshot(home)) as log:
            self.streams = {stream.id: stream for stream in log.streams()}
            self.events = list(log.in_order())

    @property
    def ended(self) -> str:
        return max((one for one in self.streams.values() if one.row), key=lambda one: one.head_seq).id


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return Kept(tmp_path_factory.mktemp("kept"))


def test_a_part_is_proved_event_by_event(kept: Kept) -> None:
    lines = exported(kept.home, streams={kept.ended})
    report = written(lines, kept.key, *kept.notes)
    assert report.findings == []
    assert (report.whole, report.runs, report.anchor, report.given, report.uncovered) == (
        False,
        1,
        len(kept.events),
        2,
        0,
    )
    assert " of a part of the log: sound; anchored up to checkpoint 2, which was handed in" in str(report)
    assert "what is not in it is not judged" in str(report)
    assert "no values are in it" in str(report)


def test_a_change_in_a_part_is_found_though_the_rest_is_not_there(kept: Kept) -> None:
    lines = exported(kept.home, streams={kept.ended}, values=True)
    events = [number for number, line in enumerate(lines) if line["line"] == "event"]
    for number in events:
        for name in ("leaf", "hash", "proof", "envelope"):
            changed = list(lines)
            value = lines[number][name]
            if name == "proof":
                value = value[1:]
            elif name == "leaf":
                value += 1
            elif name == "hash":
                value = lines[events[0] if number != events[0] else events[1]]["hash"]
            else:
                value = value.replace('"epoch":', '"epoch":1')
            changed[number] = {**lines[number], name: value}
            assert written(changed, kept.key).findings, (number, name)


def test_a_part_shows_that_it_goes_on_from_a_checkpoint_or_says_what_to_do(kept: Kept) -> None:
    lines = exported(kept.home, streams={kept.ended})
    first = next(line for line in lines if line["line"] == "checkpoint")
    without = [line for line in lines if line is not first]
    without[-1] = {**without[-1], "lines": len(without) - 1}
    report = written(without, kept.key, kept.notes[0])
    assert report.findings == [
        "checkpoint given 1: the export has no proof from it: export with --checkpoint"
    ]
    spoiled: dict[str, Any] = {**first, "proof": []}
    wrong = [spoiled if line is first else line for line in lines]
    assert "does not go on from it" in str(written(wrong, kept.key))


def test_only_the_newest_thousand_checkpoints_and_those_asked_for_are_written(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ripieno.anchoring.export.CHECKPOINTS", 1)
    assert [line["size"] for line in exported(kept.home) if line["line"] == "checkpoint"] == [
        len(kept.events)
    ]
    asked = exported(kept.home, streams={kept.ended}, earlier=[10])
    assert written(asked, kept.key, kept.notes[0]).given == 1


def test_without_being_asked_no_value_leaves(kept: Kept) -> None:
    file = io.StringIO()
    with Extract(SqliteSnapshot(kept.home)) as log:
        Exporter(log, file).write()
    assert KEPT not in file.getvalue()
    assert '"line":"value"' not in file.getvalue()
    assert file.getvalue().isascii()


async def test_what_came_after_the_last_checkpoint_is_counted(tmp_path: Path) -> None:
    await write_every_kind(tmp_path)
    store = SqliteStore(tmp_path)
    await store.open()
    lease = await owned(store)
    await write(store, step(lease))
    await asyncio.to_thread(sequenced, tmp_path)
    await begin(store, own=False)
    await store.close()
    key = key_of(tmp_path)
    for streams in (None, {lease.run}):
        report = written(exported(tmp_path, streams=streams), key)
        assert report.findings == []
        assert report.uncovered == (3 if streams is None else 2)


async def test_a_log_that_was_never_signed_is_not_anchored(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    await store.open()
    await begin(store, own=False)
    await store.close()
    key = Signer("example.com/log", bytes(32)).verifier
    report = written(exported(tmp_path), key)
    assert "1 event, 1 run, 0 values, 0 rows: sound; no checkpoint vouches for any of it" in str(report)


async def test_of_what_was_erased_the_chain_stands_without_the_values(kept: Kept) -> None:
    report = written(exported(kept.home, values=True), kept.key)
    assert report.findings == []
    assert "of 2 runs or tenants the values are gone with their key" in str(report)


async def test_a_key_that_is_gone_and_no_erasure_says_so_is_found(tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - here alone
    from contextlib import closing  # noqa: PLC0415 - here alone

    await write_every_kind(tmp_path)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET wrapped = zeroblob(0)")
    report = written(exported(tmp_path, values=True), key_of(tmp_path))
    assert len([one for one in report.findings if "no event says that it was erased" in one]) == 2


# -- as a file, by others -------------------------------------------------------------------------------


def test_whoever_has_only_this_room_verifies_it(kept: Kept, tmp_path: Path) -> None:
    """The folder of the room alone, under its name, and nothing else of Ripieno on the path."""
    import shutil  # noqa: PLC0415 - here alone

    (tmp_path / "alone" / "ripieno").mkdir(parents=True)
    room = Path(ripieno.proof.__file__).parent
    shutil.copytree(room, tmp_path / "alone" / "ripieno" / "proof")
    with (tmp_path / "log.jsonl").open("w") as file, Extract(SqliteSnapshot(kept.home)) as log:
        Exporter(log, file, values=True).write()
    (tmp_path / "log.pub").write_text(str(kept.key))
    (tmp_path / "earlier").write_text(kept.notes[0], encoding="utf-8")

    def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
        script = (
            "import sys; sys.path.insert(0, 'alone')\n"
            "from ripieno.proof.__main__ import main\n"
            "code = main(sys.argv[1:])\n"
            "assert not [one for one in sys.modules if one.startswith(('orjson', 'ripieno.model'))]\n"
            "sys.exit(code)"
        )
        return subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-c", script, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    done = verify("log.jsonl", "log.pub", "earlier")
    assert done.returncode == 0, done
    assert "which was handed in; signed up to checkpoint 2; nothing after it" in done.stdout
    text = (tmp_path / "log.jsonl").read_text()
    (tmp_path / "log.jsonl").write_text(text.replace("person:ada", "person:eve", 1))
    assert verify("log.jsonl", str(kept.key)).returncode == 1
    assert verify("log.jsonl").returncode == 2
    assert verify("log.jsonl", "nowhere").returncode == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cut off after line 0"),
        ("x\n", "line 1 is no JSON"),
        ("[]\n", "is no kind of line"),
        ('{"line":"event"}\n', "stands where it cannot"),
        ('{"line":"export","form":"other"}\n', "expected the form"),
        ('{"line":"export","form":"ripieno export 1","leaves":0}\n', "cut off after line 1"),
        ("[" * 100_000, "line 1 is no JSON"),
    ],
)
def test_what_is_no_export_is_told(kept: Kept, text: str, said: str) -> None:
    from ripieno.proof.verification import verify_export  # noqa: PLC0415 - here alone

    report = verify_export(text.splitlines(keepends=True), kept.key)
    assert said in str(report)
    assert report.anchor is None


# -- the proof of one event -------------------------------------------------------------------------------


def test_every_event_of_the_log_is_proved(kept: Kept) -> None:
    with Extract(SqliteSnapshot(kept.home)) as log:
        for placed in kept.events:
            text = prove(log, placed.stream, placed.seq)
            event, checkpoint = EventProof.read(text).verify(kept.key)
            assert (event.stream, event.seq, checkpoint.size) == (
                placed.stream,
                placed.seq,
                len(kept.events),
            )


def test_a_proof_that_was_changed_is_refused(kept: Kept) -> None:
    with Extract(SqliteSnapshot(kept.home)) as log:
        text = prove(log, kept.events[5].stream, kept.events[5].seq)
        other = prove(log, kept.events[6].stream, kept.events[6].seq)
    lines, others = text.split("\n"), other.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    for number, line in enumerate(lines):
        wrong = list(lines)
        wrong[number] = others[number] if others[number] != line else f"{line}x"
        if number != len(lines) - 1:
            with pytest.raises(ProofError):
                EventProof.read("\n".join(wrong)).verify(kept.key)
    with pytest.raises(ProofError):
        EventProof.read("").verify(kept.key)


def test_a_period_has_the_streams_with_an_event_from_its_start_on_and_before_its_end(kept: Kept) -> None:
    times: dict[str, list[int]] = {}
    for event in kept.events:
        times.setdefault(event.stream, []).append(json.loads(event.envelope)["at"])
    began = {min(each): stream for stream, each in times.items()}
    with Extract(SqliteSnapshot(kept.home)) as log:
        assert log.active(None, None) == set(times)
        assert log.active(None, min(began)) == set()
        assert log.active(None, min(began) + 1) == {began[min(began)]}
        for stream, each in times.items():
            first, last = min(each), max(each)
            assert stream in log.active(last, last + 1)
            assert stream in log.active(last, None)
            assert stream not in log.active(last + 1, None)
            assert stream not in log.active(None, first)
            assert stream in log.active(None, first + 1)


def test_what_is_not_there_or_not_signed_yet_is_not_proved(kept: Kept, tmp_path: Path) -> None:
    with Extract(SqliteSnapshot(kept.home)) as log, pytest.raises(InputError, match="event 999 is not there"):
        prove(log, kept.ended, 999)
    asyncio.run(unsigned(tmp_path))
    with Extract(SqliteSnapshot(tmp_path)) as log:
        (event,) = log.in_order()
        with pytest.raises(InputError, match="no checkpoint covers"):
            prove(log, event.stream, event.seq)


async def unsigned(home: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    await begin(store, own=False)
    await store.close()


def test_lines_are_one_document_each(kept: Kept) -> None:
    found: list[dict[str, Any]] = exported(kept.home)
    assert [line["line"] for line in found][0 :: len(found) - 1] == ["export", "end"]
    assert json.loads(json.dumps(found)) == found
    assert isinstance(Verifier.read(str(kept.key)), Verifier)
