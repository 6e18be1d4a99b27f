"""Every committed event gets one leaf, in the order of the log, whoever is killed and whoever is at it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from tests.journal.support.sample import write_sample
from tests.journal.support.signed import AT, ORIGIN, sequenced, sign
from tests.journal.support.writing import owned, step, write

from ripieno.journal.sequencer import Sequencer
from ripieno.journal.signing import LATEST, PUBLIC_KEY, SIGNING_KEY, signer_at
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.stored import StoredSink
from ripieno.model.errors import SettingsError, StoreError
from ripieno.proof.checkpoints import event_leaf
from ripieno.proof.merkle import Frontier, verify_consistency, verify_inclusion
from ripieno.proof.notes import Verifier

CHILD = Path(__file__).parent / "support" / "sequencing_child.py"


async def write_many(home: Path, events: int) -> None:
    store = SqliteStore(home)
    await store.open()
    try:
        leases = [await owned(store) for _ in range(3)]
        for number in range(events // 3):
            await write(store, *(step(lease, f"step@{number}") for lease in leases))
    finally:
        await store.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("written")
    asyncio.run(write_many(home, 600))
    return home


@pytest.fixture
def home(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path / "home")
    return tmp_path / "home"


def expected(home: Path) -> list[bytes]:
    """Give the leaf of every event, as the log has them."""
    with closing(sqlite3.connect(home / "journal.sqlite")) as connection:
        rows = connection.execute("SELECT stream, seq, envelope FROM events ORDER BY position").fetchall()
    return [event_leaf(stream, seq, hashlib.sha256(envelope).digest()) for stream, seq, envelope in rows]


def root(leaves: list[bytes]) -> bytes:
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def fits(home: Path) -> None:
    """Check that the tree is that of all events, each once."""
    leaves = expected(home)
    with Sequencer(home) as sequencer:
        assert not sequencer.waiting()
        assert sequencer.tree.size == len(leaves)
        for size in (0, 1, 255, 256, 257, 511, 513, len(leaves)):
            assert sequencer.tree.root(size) == root(leaves[:size])


@pytest.mark.parametrize("most", [1, 7, 256, 500, 10_000])
def test_every_event_gets_its_leaf_in_the_order_of_the_log(home: Path, most: int) -> None:
    assert sequenced(home, most) == len(expected(home)) > 600
    fits(home)


async def test_what_is_committed_later_is_appended(home: Path) -> None:
    before = sequenced(home)
    await write_many(home, 30)
    with Sequencer(home) as sequencer:
        assert sequencer.waiting()
    assert sequenced(home) == before + 33 == len(expected(home))
    fits(home)


def test_proofs_out_of_the_tables_verify(home: Path) -> None:
    size, leaves = sequenced(home), expected(home)
    with Sequencer(home) as sequencer:
        tree = sequencer.tree
        for leaf in (0, 1, 255, 256, 400, size - 1):
            proof = tree.inclusion(leaf, size)
            verify_inclusion(leaf=leaves[leaf], index=leaf, size=size, proof=proof, root=tree.root(size))
        for first in (1, 200, 256, 300, size):
            verify_consistency(
                first=first,
                second=size,
                proof=tree.consistency(first, size),
                first_root=tree.root(first),
                second_root=tree.root(size),
            )
        assert tree.leaf_of(1) == 0
        assert tree.leaf_of(10_000) is None


# -- killed, raced, failing -----------------------------------------------------------------------------


@pytest.mark.parametrize(("portion", "kills"), [(1, (1, 2, 40)), (13, (1, 5, 3))])
def test_whoever_is_killed_no_event_gets_two_leaves_and_none_is_missed(
    home: Path, portion: int, kills: tuple[int, ...]
) -> None:
    for lines in kills:
        with sequencing(home, portion) as process:
            for _ in range(lines):
                assert process.stdout is not None
                assert process.stdout.readline()
            process.kill()
    assert sequenced(home) == len(expected(home))
    fits(home)


@contextlib.contextmanager
def sequencing(home: Path, portion: int) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(CHILD), str(home), str(portion)], stdout=subprocess.PIPE
    ) as process:
        yield process


def test_while_one_is_at_it_nobody_else_is(home: Path) -> None:
    with Sequencer(home) as one, Sequencer(home) as other:
        assert one.elect()
        assert one.elect()
        assert not other.elect()
        with sequencing(home, 100) as process:
            assert process.wait() == 3
        one.resign()
        assert other.elect()
        assert not one.elect()


def test_one_who_goes_on_after_another_was_at_it_begins_where_that_one_ended(home: Path) -> None:
    with Sequencer(home) as one:
        assert one.elect()
        assert one.advance(10) == 10
        one.resign()
        with Sequencer(home) as other:
            assert other.elect()
            assert other.advance(300) == 300
        assert one.elect()
        assert one.advance(100_000) == len(expected(home)) - 310
    fits(home)


def test_a_write_that_fails_leaves_the_tree_as_it_was(home: Path) -> None:
    with Sequencer(home, busy_seconds=0.01) as sequencer:
        assert sequencer.elect()
        assert sequencer.advance(300) == 300
        with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                sequencer.advance()
            connection.execute("ROLLBACK")
        assert sequencer.tree.size == 300
        while sequencer.advance():
            pass
    fits(home)


def test_a_tree_with_a_hole_is_not_gone_on_with(home: Path) -> None:
    sequenced(home, 300)
    with closing(sqlite3.connect(home / "journal.sqlite", isolation_level=None)) as connection:
        connection.execute("DELETE FROM leaves WHERE leaf IN (257, 258)")
    with (
        Sequencer(home) as sequencer,
        pytest.raises(StoreError, match="lacks 2 of 128 hashes at 256 to 384"),
    ):
        sequencer.tree.root(511)


async def test_a_store_that_cannot_be_opened_or_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        Sequencer(tmp_path / "nowhere").__enter__()
    (tmp_path / "journal.sqlite").touch()
    with Sequencer(tmp_path) as sequencer, pytest.raises(StoreError, match="no such table"):
        sequencer.waiting()


# -- what was signed, and by which key --------------------------------------------------------------------


def test_checkpoints_are_numbered_and_what_became_of_them_is_kept(home: Path) -> None:
    notes = sign(home, [5, 600])
    with Sequencer(home) as sequencer:
        newest = sequencer.checkpoint()
        assert newest == (2, 600, AT, notes[1])
        sequencer.published(StoredSink("a", 1, AT, None, None))
        sequencer.published(StoredSink("a", 1, AT, AT + 1, "gone"))
        assert sequencer.sinks() == {"a": ("a", 1, AT, AT + 1, "gone")}
    assert (home / LATEST).read_text("utf-8") == notes[1]


def test_a_log_of_which_nothing_was_signed_has_no_checkpoint(home: Path) -> None:
    with Sequencer(home) as sequencer:
        assert sequencer.checkpoint() is None


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = signer_at(tmp_path, ORIGIN)
    assert signer_at(tmp_path) == signer_at(tmp_path, ORIGIN) == first
    assert stat.S_IMODE((tmp_path / SIGNING_KEY).stat().st_mode) == 0o600
    assert Verifier.read((tmp_path / PUBLIC_KEY).read_text()) == first.verifier
    (tmp_path / PUBLIC_KEY).unlink()
    signer_at(tmp_path)
    assert (tmp_path / PUBLIC_KEY).exists()


def test_a_log_without_an_origin_gets_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert signer_at(tmp_path / "a").name.startswith("ripieno/")
    assert signer_at(tmp_path / "a").name != signer_at(tmp_path / "b").name


def test_an_origin_is_for_good(tmp_path: Path) -> None:
    signer_at(tmp_path, ORIGIN)
    with pytest.raises(SettingsError, match="the setting says 'example"):
        signer_at(tmp_path, "example.com/x")


def test_an_origin_that_no_key_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="neither spaces nor plus signs"):
        signer_at(tmp_path, "example.com log")


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+a+00000000+AAAA", "é", "x", "another"])
def test_a_key_file_that_holds_no_key_is_told(tmp_path: Path, text: str) -> None:
    signer_at(tmp_path, ORIGIN)
    file = tmp_path / SIGNING_KEY
    text = file.read_text("ascii").replace("example", "another") if text == "another" else text
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=r"key that signs checkpoints|the key that it names"):
        signer_at(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot write"):
        signer_at(tmp_path / "nowhere", ORIGIN)


async def test_the_sample_is_signed_as_it_stands(tmp_path: Path) -> None:
    await write_sample(tmp_path)
    assert sequenced(tmp_path) == 14
