"""Another key signs checkpoints from some moment on; what the old one signed stays good, and no more."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from tests.anchoring.support.exported import exported, key_of, written
from tests.journal.support.sample import write_sample

from gates import shipped_gate
from kernel.support.crash import Calls, calls_of
from ripieno.anchoring.backup import back_up
from ripieno.anchoring.export import prove
from ripieno.anchoring.manifest import BackupError
from ripieno.anchoring.rekeying import Rekeyed, rekey
from ripieno.anchoring.restore import restore
from ripieno.anchoring.rounds import ForkError, Rounds
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import NEXT, PUBLIC_KEY, SIGNING_KEY, draw, signer_at
from ripieno.journal.sql.extract import Extract
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit, SqliteSnapshot
from ripieno.journal.verify import Report, verify
from ripieno.model.errors import InputError, NotAllowedError, StoreError
from ripieno.model.principal import Principal
from ripieno.proof.checkpoints import Checkpoint
from ripieno.proof.inclusion import EventProof
from ripieno.proof.notes import NoteError, Signer, Verifier
from ripieno.proof.restores import Restore
from ripieno.proof.succession import KeyChain, Succession

ORIGIN: Final = "example.com/log"
BOSS: Final = Principal("person", "boss", every_role=True)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a log of which a checkpoint was signed and published."""
    home = tmp_path_factory.mktemp("signed") / "home"
    home.mkdir()
    asyncio.run(write_sample(home))
    turn(home)
    return home


@pytest.fixture
def home(signed: Path, tmp_path: Path) -> Path:
    shutil.copytree(signed.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def rekeying() -> Iterator[Calls]:
    with calls_of("anchoring.support.rekeying_child:rekeyed") as calls:
        yield calls


def turn(home: Path) -> str:
    """Make a round, and give the newest checkpoint."""
    done = Rounds(home, Anchoring(1, ORIGIN, (str(home.parent / "out"),))).turn(5)
    assert done is not None
    assert done.checkpoint is not None
    assert not done.failures
    return done.checkpoint.note


def more(home: Path) -> None:
    async def add() -> None:
        store = SqliteStore(home)
        await store.open()
        await store.record("default", "operation", {"what": "pause", "by": "person:ada"})
        await store.close()

    asyncio.run(add())


def rekeyed(home: Path, by: Principal = BOSS, reason: str = "once a year", patience: float = 1.0) -> Rekeyed:
    async def act() -> Rekeyed:
        store = SqliteStore(home, shipped_gate())
        await store.open()
        try:
            return await rekey(store, home, by=by, reason=reason, origin=ORIGIN, patience=patience)
        finally:
            await store.close()

    return asyncio.run(act())


def checked(home: Path, key: Verifier | None = None, *notes: str) -> Report:
    with SqliteAudit(home) as log:
        return verify(log, key=key, checkpoints=notes)


def resigned(home: Path, by: Signer, statement: str | None = None) -> None:
    """Sign everything anew, as somebody who can write to the folder."""
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as log:
        rows = log.execute("SELECT number, note FROM checkpoints").fetchall()
        for number, note in rows:
            log.execute("UPDATE checkpoints SET note = ? WHERE number = ?", (by.sign(text_of(note)), number))
    latest = home / "checkpoint.latest"
    latest.write_text(by.sign(text_of(latest.read_text("utf-8"))), "utf-8")
    (home / PUBLIC_KEY).write_text(f"{by.verifier}\n", "ascii")
    if statement is not None:
        said(home, statement)


def text_of(note: str) -> str:
    return note.rpartition("\n\n")[0] + "\n"


def said(home: Path, statement: str) -> None:
    """Put a statement into the log, as somebody who can write to the folder."""

    async def add() -> None:
        store = SqliteStore(home)
        await store.open()
        await store.record("*", "checkpoint.rekeyed", {"statement": statement})
        await store.close()

    asyncio.run(add())


def test_whoever_has_either_key_can_verify_what_both_have_signed(home: Path) -> None:
    old, earlier = key_of(home), (home / "checkpoint.latest").read_text("utf-8")
    done = rekeyed(home)
    assert (done.old, done.new) == (old, key_of(home))
    assert done.new.name == old.name
    more(home)
    newest = turn(home)
    assert Checkpoint.opened(newest, done.new).size > done.size
    for key in (None, done.old, done.new):
        report = checked(home, key, earlier, newest) if key else checked(home)
        assert report.sound, str(report)
        assert report.anchor is not None
        assert report.uncovered == 0
    lines = exported(home)
    part = exported(home, streams={next(one["id"] for one in lines if one["line"] == "stream")})
    for key in (done.old, done.new):
        for shown in (written(lines, key, earlier, newest), written(part, key)):
            assert shown.sound, str(shown)
            assert shown.anchor is not None
    with Extract(SqliteSnapshot(home)) as log:
        proof = EventProof.read(prove(log, next(log.streams()).id, 1))
    assert proof.verify(done.new)[0].seq == 1


def test_it_can_be_done_again_and_the_first_key_leads_to_the_last(home: Path) -> None:
    keys = [key_of(home)]
    notes = [(home / "checkpoint.latest").read_text("utf-8")]
    for _ in range(3):
        keys.append(rekeyed(home).new)
        notes.append(turn(home))
    for key in keys:
        assert checked(home, key, *notes).sound
        assert written(exported(home), key, *notes).sound


def test_a_process_that_signs_goes_on_with_the_new_key(home: Path) -> None:
    rounds = Rounds(home, Anchoring(1, ORIGIN, (str(home.parent / "out"),)))
    rounds.turn(5)
    done = rekeyed(home)
    signed = rounds.turn(5)
    assert signed is not None
    assert signed.checkpoint is not None
    assert Checkpoint.opened(signed.checkpoint.note, done.new).size > done.size
    again = Rounds(home, Anchoring(1, ORIGIN, (str(home.parent / "out"),))).turn(5)
    assert again is not None
    assert not again.failures


def test_of_the_old_key_nothing_is_left(home: Path) -> None:
    *_, secret = (home / SIGNING_KEY).read_text("ascii").strip().split("+", 4)  # which may hold more of them
    rekeyed(home)
    found = [file.name for file in home.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    assert found == []
    assert not (home / NEXT).exists()


def test_signing_anew_with_another_key_is_found_by_either(home: Path) -> None:
    done = rekeyed(home)
    turn(home)
    other = draw(ORIGIN)
    forged = Succession(str(done.new), str(other.verifier), 5, "", 0)
    text = "ripieno key 1\n{}\n"
    resigned(home, other, other.sign(text))
    said(home, forged.signed(other, other))  # which the key whose place is taken has not signed
    for key in (done.old, done.new):
        assert "not signed by" in str(checked(home, key))
        assert "not signed by" in str(written(exported(home), key))


def test_what_the_old_key_signs_after_its_time_is_found(home: Path) -> None:
    old = signer_at(home)
    done = rekeyed(home)
    more(home)
    turn(home)
    with Sequencer(home) as sequencer:
        size = sequencer.tree.size
        late = Checkpoint(ORIGIN, size, sequencer.tree.root(size)).signed(old)
    for key in (done.old, done.new):
        assert "whose place another key took" in str(checked(home, key, late))
        assert "whose place another key took" in str(written(exported(home), key, late))
    (home / "checkpoint.latest").write_text(late, "utf-8")
    with pytest.raises(ForkError, match="whose place another key took"):
        turn(home)


def test_two_keys_in_the_place_of_one_are_found(home: Path) -> None:
    old, root = signer_at(home), "0" * 43 + "="
    done = rekeyed(home)
    thief = draw(ORIGIN)
    said(home, Succession(str(done.old), str(thief.verifier), 3, root, 0).signed(old, thief))
    assert "two keys are said to have taken the place" in str(checked(home, done.old))
    assert "two keys are said to have taken the place" in str(written(exported(home), done.old))
    with pytest.raises(NoteError, match="two keys"):
        KeyChain.of(
            done.old,
            [
                Succession(str(done.old), str(key.verifier), 1, root, 0).signed(old, key)
                for key in (draw(ORIGIN), thief)
            ],
        )


def test_a_statement_that_does_not_fit_the_log_is_found(home: Path) -> None:
    old, new = signer_at(home), draw(ORIGIN)
    said(home, Succession(str(old.verifier), str(new.verifier), 4, "A" * 43 + "=", 0).signed(old, new))
    for report in (str(checked(home, old.verifier)), str(written(exported(home), old.verifier))):
        assert "change 1 of the key that signs: the first 4 events are not those that were signed" in report


def test_what_says_nothing_of_keys_is_passed_over(home: Path) -> None:
    old, new, other = signer_at(home), draw(ORIGIN), draw("example.com/other")
    step = Succession(str(old.verifier), str(new.verifier), 4, "A" * 43 + "=", 0)
    for note in (
        "no note",
        old.sign("ripieno key 1\n[]\n"),
        old.sign(text_of(step.signed(old, new))),  # the old one alone
        Succession(str(old.verifier), str(other.verifier), 4, "", 0).signed(old, other),
        step.signed(old, new).replace("ripieno key 1", "ripieno key 2"),
    ):
        assert KeyChain.of(old.verifier, [note]).others == ()
    key = KeyChain.of(old.verifier, [step.signed(old, new)])
    assert KeyChain.of(key, [step.signed(old, new)]) == key
    assert key.open(old.sign("anything\nelse\n")) == "anything\nelse\n"
    restore = Restore("r", 0, 0, 3, "", 9, "", compared=True)
    assert Restore.opened(restore.signed(new), key).known == 9
    with pytest.raises(NoteError, match="whose place another key took"):
        Restore.opened(restore.signed(old), key)


def test_a_log_whose_export_names_no_keys_as_a_list_is_read_by_the_key_given(home: Path) -> None:
    lines = exported(home)
    lines[0]["keys"] = "none"
    assert written(lines, key_of(home)).sound


def test_it_waits_for_whoever_signs_and_is_for_the_system_operator(home: Path) -> None:
    with Sequencer(home) as sequencer:
        assert sequencer.elect()
        with pytest.raises(StoreError, match="signing checkpoints all the time"):
            rekeyed(home, patience=0.05)
    with pytest.raises(NotAllowedError, match="system-operator"):
        rekeyed(home, Principal("person", "carl", roles=frozenset({"operator"})))
    with pytest.raises(NotAllowedError, match="have another key sign checkpoints"):
        rekeyed(home, Principal("person", "carl", roles=frozenset({"system-operator"})))
    with pytest.raises(InputError, match="say why"):
        rekeyed(home, reason=" ")
    assert checked(home).sound


@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_wherever_it_is_killed_the_log_stays_sound_and_is_signed_by_one_key(
    home: Path, rekeying: Calls, first: int
) -> None:
    old = key_of(home)
    shutil.copytree(
        home.parent, before := home.parent / "before", ignore=shutil.ignore_patterns("owners", "before")
    )
    for number in range(first, 100, 4):
        place = home.parent / f"killed{number}"
        shutil.copytree(before, place)
        died = rekeying.call(str(place / "home"), number)
        more(place / "home")
        newest = turn(place / "home")
        for key in (old, signer_at(place / "home").verifier):
            report = checked(place / "home", key, newest)
            assert report.sound, (number, str(report))
            assert report.uncovered == 0
        assert not (place / "home" / NEXT).exists()
        if not died:
            assert signer_at(place / "home").verifier != old
            return
        assert died == signal.SIGKILL
    pytest.fail("it never came to its end")


def test_a_backup_is_compared_by_all_keys_of_its_log_and_tells_of_one_that_came_after_it(home: Path) -> None:
    earlier = (home / "checkpoint.latest").read_text("utf-8")
    back_up(home, home.parent / "before", with_keys=True)
    rekeyed(home)
    back_up(home, home.parent / "after", with_keys=True)
    newest = turn(home)
    with pytest.raises(BackupError, match=r"was signed by another key of example\.com/log") as raised:
        restore(home.parent / "before", home.parent / "new", by="person:op", checkpoints={"newest": newest})
    assert "take a younger backup" in str(raised.value)
    notes = {"earlier": earlier, "newest": newest}
    done = restore(home.parent / "after", home.parent / "new", by="person:op", checkpoints=notes)
    assert done.restore.lost == Checkpoint.opened(newest, key_of(home)).size - done.restore.size
    report = checked(home.parent / "new", key_of(home), earlier, newest)
    assert report.sound, str(report)
    other, third = draw(ORIGIN), draw(ORIGIN)
    old = signer_at(home)
    for new in (other, third):
        said(home, Succession(str(old.verifier), str(new.verifier), 1, "A" * 43 + "=", 0).signed(old, new))
    back_up(home, home.parent / "odd", with_keys=True)
    with pytest.raises(BackupError, match="two keys are said"):
        restore(home.parent / "odd", home.parent / "another", by="person:op", checkpoints=notes)
