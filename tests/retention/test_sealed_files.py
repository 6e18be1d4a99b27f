"""What is kept beside the log is read by nobody without the master key, and goes with its tenant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kernel.scenarios.house import opened
from ripieno.journal.keys import MasterKey
from ripieno.journal.master_file import draw, put
from ripieno.journal.sqlite import SqliteStore
from ripieno.model.errors import StoreError
from ripieno.model.principal import Principal
from ripieno.retention.rotation import rotate
from ripieno.retention.sealed_files import SealedFile, delete_sealed_files, rewrap_sealed_files

CONTENT = {"tokens": {"access_token": "of-dora"}}
ROOT = Principal("person", "root", every_role=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    MasterKey.at(tmp_path / "master.key")
    return tmp_path


def test_it_is_read_as_it_was_written_and_holds_nothing_in_the_clear(home: Path) -> None:
    one = SealedFile(home, "clinic", "desk")
    assert (one.read(), one.remove()) == (None, False)
    one.write(CONTENT)
    one.write(CONTENT)
    assert one.read() == CONTENT
    assert b"dora" not in one.path.read_bytes()
    assert one.path.stat().st_mode & 0o077 == 0
    assert [file.name for file in one.path.parent.iterdir()] == [one.path.name], "no draft is left"
    assert one.remove()
    assert one.read() is None


@pytest.mark.parametrize(
    "change", ["another master key", "another tenant", "cut", "a byte", "no key", "a list"]
)
def test_what_was_changed_or_is_of_another_is_not_opened(home: Path, change: str) -> None:
    one, other = SealedFile(home, "clinic", "desk"), SealedFile(home, "bank", "desk")
    one.write(CONTENT)
    other.write({"tokens": {}})
    whole = one.path.read_bytes()
    document = json.loads(whole)
    match change:
        case "another master key":
            (home / "master.key").write_bytes(bytes(32))
        case "another tenant":
            one.path.write_bytes(other.path.read_bytes())
        case "cut":
            one.path.write_bytes(whole[:-20])
        case "a byte":
            one.path.write_text(json.dumps({**document, "content": document["content"][::-1]}))
        case "no key":
            one.path.write_text(json.dumps({**document, "key": None}))
        case _:
            one.path.write_text("[]")
    with pytest.raises(StoreError):
        one.read()


def test_it_goes_with_its_tenant_and_with_no_other(home: Path) -> None:
    one, other = SealedFile(home, "clinic", "desk"), SealedFile(home, "../bank", "desk")
    one.write(CONTENT)
    other.write(CONTENT)
    delete_sealed_files(home, "clinic")
    delete_sealed_files(home, "clinic")
    assert one.read() is None
    assert other.read() == CONTENT
    assert other.path.is_relative_to(home / "sealed")


async def test_another_master_key_opens_it_and_the_old_one_does_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with opened(home, SqliteStore) as store:
        one = SealedFile(home, "clinic", "desk")
        one.write(CONTENT)
        before, old = one.path.read_bytes(), (home / "master.key").read_bytes()
        await rotate(store, home, by=ROOT, reason="yearly")
        assert one.read() == CONTENT
        one.path.write_bytes(before)
        with pytest.raises(StoreError):
            one.read()
        (home / "master.key").write_bytes(old)
        assert one.read() == CONTENT


def test_while_both_are_there_the_newer_one_wraps_and_what_is_broken_stays(home: Path) -> None:
    one, broken = SealedFile(home, "clinic", "desk"), SealedFile(home, "clinic", "broken")
    one.write(CONTENT)
    broken.write(CONTENT)
    broken.path.write_bytes(b"{}")
    old = (home / "master.key").read_bytes()
    name, new = draw(None)
    put(home / "master.key", {"old": old, name.hex(): new})
    assert one.read() == CONTENT
    assert rewrap_sealed_files(home) == 1
    put(home / "master.key", {name.hex(): new})
    assert one.read() == CONTENT
    assert broken.path.read_bytes() == b"{}"
