"""A backup is one moment of a log in use, whole or not there; what is none is refused with the reason."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest
from tests.journal.support.sample import write_sample
from tests.journal.support.writing import begin

from ripieno.anchoring import backup as backups
from ripieno.anchoring.backup import back_up, check
from ripieno.anchoring.manifest import MANIFEST, BackupError
from ripieno.anchoring.restore import Keys, restore
from ripieno.anchoring.rounds import Rounds
from ripieno.anchoring.sealing import opened
from ripieno.anchoring.settings import Anchoring
from ripieno.journal.signing import signer_at
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.model.errors import NotFoundError

PASSPHRASE = "correct horse battery"  # noqa: S105 - of a test
MANY = 20
"""At so many places, at least, a process is killed."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written") / "home"
    home.mkdir()
    asyncio.run(write_sample(home))
    Rounds(home, Anchoring()).turn(5)
    return home


@pytest.fixture
def home(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def backup(home: Path, tmp_path: Path) -> Path:
    back_up(home, tmp_path / "backup", with_keys=True)
    return tmp_path / "backup"


def sound(home: Path) -> bool:
    with SqliteAudit(home) as log:
        return verify(log).sound


def left(folder: Path) -> list[str]:
    """Give what could be taken for a backup or a data folder."""
    return [file.name for file in folder.iterdir() if not file.name.startswith(".")]


# -- online ---------------------------------------------------------------------------------------------


def test_a_backup_made_while_others_commit_is_one_consistent_moment(home: Path, tmp_path: Path) -> None:
    done = Event()

    async def add() -> None:
        store = SqliteStore(home)
        await store.open()
        while not done.is_set():
            await begin(store, own=False)
        await store.close()

    writer = Thread(target=lambda: asyncio.run(add()))
    writer.start()
    try:
        made = [back_up(home, tmp_path / str(number), with_keys=True) for number in range(6)]
    finally:
        done.set()
        writer.join()
    assert len({one.events for one in made}) > 1, "the others went on meanwhile"
    for number, one in enumerate(made):
        restored = tmp_path / f"restored-{number}"
        put = restore(tmp_path / str(number), restored, by="person:op")
        assert put.restore.size == one.events
        assert sound(restored)


def test_the_tail_that_has_no_leaf_yet_is_in_it(home: Path, tmp_path: Path) -> None:
    async def add() -> None:
        store = SqliteStore(home)
        await store.open()
        await begin(store, own=False)
        await store.close()

    asyncio.run(add())
    made = back_up(home, tmp_path / "backup", with_keys=True)
    assert made.events > made.leaves
    notes = tmp_path / "sink"
    Rounds(home, Anchoring(sinks=(str(notes),))).turn(5)
    put = restore(tmp_path / "backup", tmp_path / "new", by="person:op", sinks=[str(notes)])
    assert (put.restore.size, put.restore.lost) == (made.events, 0), "it fits what was signed later"


# -- keys -----------------------------------------------------------------------------------------------


def test_keys_are_apart_unless_they_are_asked_for(home: Path, tmp_path: Path) -> None:
    backup, keys = tmp_path / "backup", tmp_path / "keys"
    made = back_up(home, backup)
    assert (made.keys, sorted(left(backup))) == ("apart", ["checkpoint.pub", "journal.sqlite", "manifest"])
    with pytest.raises(BackupError, match="keys are not in the backup"):
        restore(backup, tmp_path / "new", by="person:op")
    keys.mkdir()
    with pytest.raises(BackupError, match="cannot read the keys"):
        restore(backup, tmp_path / "new", by="person:op", keys=Keys(keys))
    for name in ("master.key", "checkpoint.key"):
        shutil.copy(home / name, keys)
    restore(backup, tmp_path / "new", by="person:op", keys=Keys(keys))
    assert sound(tmp_path / "new")


def test_sealed_keys_open_by_their_passphrase_alone(home: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    back_up(home, backup, passphrase=PASSPHRASE)
    held = b"".join(file.read_bytes() for file in backup.iterdir())
    assert (home / "master.key").read_bytes() not in held
    with pytest.raises(BackupError, match="sealed by a passphrase"):
        restore(backup, tmp_path / "new", by="person:op")
    with pytest.raises(BackupError, match="not the one"):
        restore(backup, tmp_path / "new", by="person:op", keys=Keys(passphrase=PASSPHRASE + "."))
    assert set(left(tmp_path)) == {"home", "backup"}
    check(backup, passphrase=PASSPHRASE)
    restore(backup, tmp_path / "new", by="person:op", keys=Keys(passphrase=PASSPHRASE))
    assert sound(tmp_path / "new")


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"{}", "cannot be read"), (b'{"form": "ripieno keys 2"}', "has the form"), (b"no", "cannot be read")],
    ids=["empty", "a newer form", "no document"],
)
def test_what_holds_no_sealed_keys_is_told(data: bytes, problem: str) -> None:
    with pytest.raises(BackupError, match=problem):
        opened(data, PASSPHRASE)


def test_a_passphrase_that_keeps_nothing_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="the passphrase has 5 characters"):
        back_up(home, tmp_path / "backup", passphrase="12345")  # noqa: S106 - of a test
    assert left(tmp_path) == ["home"]


def test_keys_of_another_folder_are_refused(home: Path, tmp_path: Path) -> None:
    apart = tmp_path / "apart"
    back_up(home, apart)
    other = tmp_path / "other"
    other.mkdir()
    asyncio.run(write_sample(other))
    signer_at(other)
    with pytest.raises(BackupError, match=r"and master\.key is another one") as raised:
        restore(apart, tmp_path / "new", by="person:op", keys=Keys(other))
    assert "ripieno keys rotate --keep-old" in str(raised.value)
    shutil.copy(home / "master.key", other)
    with pytest.raises(BackupError, match="the backup is of another log"):
        restore(apart, tmp_path / "new", by="person:op", keys=Keys(other))
    assert not (tmp_path / "new").exists()


# -- what is no backup ----------------------------------------------------------------------------------


def flip(backup: Path, name: str, at: int) -> None:
    data = bytearray((backup / name).read_bytes())
    data[at] ^= 1
    (backup / name).write_bytes(data)


def cut(backup: Path) -> None:
    data = (backup / "journal.sqlite").read_bytes()
    (backup / "journal.sqlite").write_bytes(data[:-4096])


def again_signed(backup: Path, **changes: object) -> None:
    """Sign the manifest anew, as whoever has the key can."""
    signer = signer_at(backup)
    text = json.loads((backup / MANIFEST).read_text().split("\n")[1])
    (backup / MANIFEST).write_text(signer.sign(f"ripieno backup 1\n{json.dumps(text | changes)}\n"))


def other_form(backup: Path) -> None:
    text = (backup / MANIFEST).read_text()
    (backup / MANIFEST).write_text(text.replace("ripieno backup 1", "ripieno backup 2", 1))


def other_signature(backup: Path) -> None:
    text = (backup / MANIFEST).read_text()
    (backup / MANIFEST).write_text(text.replace('"runs": ', '"runs": 1'))


def foreign_file(backup: Path) -> None:
    files = {"../home/master.key": {"bytes": 32, "sha256": ""}}
    again_signed(backup, files=files)


def rewritten(backup: Path) -> None:
    """Exchange the journal for another that SQLite finds whole, and sign again."""
    with closing(sqlite3.connect(backup / "journal.sqlite")) as log, log:
        log.execute("DELETE FROM events WHERE position = 2")
    again_signed(backup, files={"journal.sqlite": vars_of(backup / "journal.sqlite")})


def torn(backup: Path) -> None:
    """Damage the journal within, and sign again."""
    data = bytearray((backup / "journal.sqlite").read_bytes())
    data[8192:9000] = bytes(808)
    (backup / "journal.sqlite").write_bytes(data)
    again_signed(backup, files={"journal.sqlite": vars_of(backup / "journal.sqlite")})


def vars_of(file: Path) -> dict[str, object]:
    found = backups.digested(file)
    return {"bytes": found.bytes, "sha256": found.sha256}


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (lambda at: flip(at, "journal.sqlite", 5000), "was damaged or changed"),
    "a flipped bit of a key": (lambda at: flip(at, "master.key", 3), "was damaged or changed"),
    "cut off": (cut, "bytes, the manifest says"),
    "a file is gone": (lambda at: (at / "journal.sqlite").unlink(), "cannot be read: No such file"),
    "no manifest": (lambda at: (at / MANIFEST).unlink(), "is no backup"),
    "another's manifest": (lambda at: (at / MANIFEST).write_text("hello\n"), "its manifest is none"),
    "no public key": (lambda at: (at / "checkpoint.pub").write_text("hello"), "public key cannot be read"),
    "a newer form": (other_form, "has form '2', this version of Ripieno reads form 1"),
    "another number": (other_signature, "not signed by the key"),
    "an unknown field": (lambda at: again_signed(at, more=1), "manifest cannot be read"),
    "an older journal": (
        lambda at: again_signed(at, data_format=3),
        "has format 3, this version reads format",
    ),
    "a newer journal": (lambda at: again_signed(at, data_format=99), "has format 99"),
    "a file elsewhere": (foreign_file, "which is no file in it"),
    "another journal": (rewritten, "events are not as the manifest says"),
    "a torn journal": (torn, "does not hold together"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_whole_backup_is_refused_with_the_reason(backup: Path, tmp_path: Path, case: str) -> None:
    spoil, message = BAD[case]
    spoil(backup)
    with pytest.raises(BackupError, match=message):
        check(backup)
    with pytest.raises(BackupError, match=message):
        restore(backup, tmp_path / "new", by="person:op")
    assert not (tmp_path / "new").exists()


def test_a_backup_of_another_log_is_told_by_the_key_from_elsewhere(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = signer_at(tmp_path / "other").verifier
    with pytest.raises(BackupError, match="not signed by the key"):
        check(backup, other)
    with pytest.raises(BackupError, match="not signed by the key"):
        restore(backup, tmp_path / "new", by="person:op", key=other)


def test_a_checkpoint_that_the_backup_does_not_fit_is_refused(
    backup: Path, home: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(home / "journal.sqlite")) as log:
        (note,) = log.execute("SELECT note FROM checkpoints").fetchone()
    signer = signer_at(home)
    size = note.split("\n")[1]
    forged = signer.sign(f"{signer.name}\n{size}\n{'A' * 43}=\n")
    with pytest.raises(BackupError, match=f"its first {size} events are others"):
        restore(backup, tmp_path / "new", by="person:op", checkpoints={"mine": forged})
    with pytest.raises(BackupError, match="checkpoint of mine is none of this log"):
        restore(backup, tmp_path / "new", by="person:op", checkpoints={"mine": note.replace("\n", "\n1", 1)})
    restore(backup, tmp_path / "new", by="person:op", checkpoints={"mine": note})


def test_a_place_that_cannot_be_asked_is_told_and_may_be_left_out(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sinks = [str(tmp_path / "file" / "sink")]
    with pytest.raises(BackupError, match="what the backup lacks cannot be told"):
        restore(backup, tmp_path / "new", by="person:op", sinks=sinks)
    put = restore(backup, tmp_path / "new", by="person:op", sinks=sinks, unchecked=True)
    with SqliteAudit(tmp_path / "new") as log:
        assert "compared with no place outside" in str(verify(log))
    assert not put.compared


# -- places that are taken, full or not ours ------------------------------------------------------------


def test_nothing_is_written_over(backup: Path, home: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is there already"):
        back_up(home, backup)
    with pytest.raises(BackupError, match="is not empty"):
        restore(backup, home, by="person:op")
    before = (home / "journal.sqlite").read_bytes()
    put = restore(backup, home, by="person:op", replace=True)
    assert put.aside is not None
    assert (put.aside / "journal.sqlite").read_bytes() == before, "moved aside, as it was"
    with pytest.raises(NotFoundError, match="no log"):
        back_up(tmp_path, tmp_path / "more")
    with pytest.raises(BackupError, match="cannot write"):
        back_up(home, tmp_path / "nowhere" / "backup")


async def test_a_folder_in_use_is_not_moved_aside(backup: Path, home: Path) -> None:
    store = SqliteStore(home)
    await store.open()
    try:
        with pytest.raises(BackupError, match=r"process \d+ uses"):
            await asyncio.to_thread(restore, backup, home, by="person:op", replace=True)
    finally:
        await store.close()
    assert sound(home)


def test_an_empty_folder_is_filled(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    assert restore(backup, tmp_path / "new", by="person:op").aside is None
    assert sound(tmp_path / "new")


@pytest.mark.skipif(sys.platform != "linux", reason="how a file is kept from growing is not everywhere so")
def test_where_there_is_no_room_nothing_is_left(home: Path, tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from ripieno.anchoring.backup import back_up\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "back_up(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code, str(home), str(tmp_path / "backup")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "BackupError: cannot write" in done.stderr, done.stderr
    assert "nothing was left of it" in done.stderr
    assert left(tmp_path) == ["home"]


# -- killed ---------------------------------------------------------------------------------------------


def killed_everywhere(what: str, source: Path, to: Path) -> list[Path]:
    """Give the folders of attempts that were killed one look later each; the last was not."""
    to.mkdir()
    command = [sys.executable, "-m", "tests.anchoring.support.backup_child", what, str(source), str(to)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    number, status = done.stdout.split()
    assert (status, int(number) > MANY) == ("0", True), done
    return [to / str(each) for each in range(1, int(number) + 1)]


def test_whoever_is_killed_while_backing_up_leaves_a_whole_backup_or_none(home: Path, tmp_path: Path) -> None:
    places = killed_everywhere("backup", home, tmp_path / "to")
    assert {name for place in places for name in left(place)} == {"backup"}
    whole = [place for place in places if left(place)]
    for place in whole:
        check(place / "backup")
    assert places[-1] in whole
    assert places[0] not in whole
    assert sound(home)


def test_whoever_is_killed_while_restoring_leaves_the_old_folder_or_the_new(
    home: Path, backup: Path, tmp_path: Path
) -> None:
    old = (home / "journal.sqlite").read_bytes()
    places = killed_everywhere("restore", backup, tmp_path / "to")
    for place in places:
        names = left(place)
        aside = [name for name in names if name.startswith("home.before-")]
        kept = place / (aside[0] if aside else "home")
        assert (kept / "journal.sqlite").read_bytes() == old, "what was there before is kept whatever happens"
        if aside and "home" in names:
            assert put_back(places[-1] / "home")
    assert put_back(places[-1] / "home")


def put_back(home: Path) -> bool:
    with SqliteAudit(home) as log:
        report = verify(log)
    return report.sound and len(report.restored) == 1
