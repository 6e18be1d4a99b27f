"""A folder of policies is looked at now and then; a change is told once nobody is at writing it any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ripieno.mediation.policy.watching import CHECK_SECONDS, LONGEST_SECONDS, SETTLE_SECONDS, Watch


class Clocks:
    """Both clocks, turned by hand; the calendar begins an hour from now, so that all that is there is old."""

    def __init__(self) -> None:
        self.steady = 0.0
        self.calendar = time.time() + 3600

    def turn(self, seconds: float) -> None:
        self.steady += seconds
        self.calendar += seconds

    def watch(self, folder: Path) -> Watch:
        return Watch(folder, monotonic=lambda: self.steady, wall=lambda: self.calendar)

    def set(self, path: Path, ago: float) -> None:
        """Let a file or folder have been changed so long ago, by the calendar."""
        self.calendar = path.stat().st_ctime + ago


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policies"
    (made / "pack").mkdir(parents=True)
    (made / "a.cedar").write_text("one")
    (made / "pack" / "b.cedar").write_text("two")
    return made


def test_nothing_is_looked_at_before_it_is_time(clocks: Clocks, folder: Path) -> None:
    watch = clocks.watch(folder)
    assert not watch.due
    clocks.turn(CHECK_SECONDS)
    assert watch.due
    assert not watch.changed()
    assert not watch.due


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file with another text": lambda folder: (folder / "a.cedar").write_text("three"),
    "as long a text": lambda folder: (folder / "a.cedar").write_text("two"),
    "a new file": lambda folder: (folder / "c.cedar").write_text("three"),
    "a file that is gone": lambda folder: (folder / "a.cedar").unlink(),
    "a file of a pack": lambda folder: (folder / "pack" / "b.cedar").write_text("three"),
    "what a pack builds on": lambda folder: (folder / "pack" / "pack.yaml").write_text("extends: []"),
    "a link in the place of a file": lambda folder: (folder / "d.cedar").symlink_to("nowhere"),
    "another file under the same name": lambda folder: (folder / "pack" / "b.cedar").rename(
        folder / "a.cedar"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_told_once(clocks: Clocks, folder: Path, change: str) -> None:
    watch = clocks.watch(folder)
    CHANGES[change](folder)
    told = 0
    for _ in range(10):
        clocks.turn(CHECK_SECONDS)
        told += watch.changed()
    assert told == 1


def test_what_is_just_being_written_is_not_told_yet(clocks: Clocks, folder: Path) -> None:
    watch = clocks.watch(folder)
    file = folder / "a.cedar"
    file.write_text("")
    clocks.set(file, 0.01)
    clocks.turn(CHECK_SECONDS)
    assert not watch.changed()
    clocks.turn(SETTLE_SECONDS)
    assert watch.changed()


def test_what_has_changed_long_ago_is_told_at_the_first_look(clocks: Clocks, folder: Path) -> None:
    watch = clocks.watch(folder)
    file = folder / "a.cedar"
    file.write_text("three")
    clocks.set(file, 3600)
    assert watch.changed()


def test_one_change_after_another_does_not_put_it_off_for_ever(clocks: Clocks, folder: Path) -> None:
    watch = clocks.watch(folder)
    file, told_after = folder / "a.cedar", None
    for number in range(100):
        file.write_text("x" * number)
        clocks.set(file, 0)
        clocks.steady += CHECK_SECONDS
        if watch.changed():
            told_after = (number + 1) * CHECK_SECONDS
            break
    assert told_after is not None
    assert LONGEST_SECONDS <= told_after <= LONGEST_SECONDS + 2 * CHECK_SECONDS


def test_a_folder_that_is_exchanged_for_another_is_not_missed_between(clocks: Clocks, folder: Path) -> None:
    watch = clocks.watch(folder)
    away = folder.rename(folder.with_name("away"))
    clocks.turn(CHECK_SECONDS)
    assert not watch.changed()
    away.rename(folder)
    clocks.turn(CHECK_SECONDS)
    watch.changed()
    folder.rename(away)
    clocks.turn(CHECK_SECONDS)
    assert not watch.changed()
    clocks.turn(SETTLE_SECONDS + CHECK_SECONDS)
    assert watch.changed()


def test_files_of_the_future_are_told_at_once(clocks: Clocks, folder: Path) -> None:
    watch = clocks.watch(folder)
    file = folder / "a.cedar"
    file.write_text("three")
    clocks.set(file, -3600)
    assert watch.changed()


def test_what_was_written_right_before_it_was_read_is_read_once_more(clocks: Clocks, folder: Path) -> None:
    clocks.set(folder / "a.cedar", 0.01)
    watch = clocks.watch(folder)
    clocks.turn(SETTLE_SECONDS)
    assert watch.changed()
    clocks.turn(CHECK_SECONDS)
    assert not watch.changed()


def test_no_folder_at_all_is_nothing_new(clocks: Clocks, tmp_path: Path) -> None:
    watch = clocks.watch(tmp_path / "policies")
    clocks.turn(SETTLE_SECONDS)
    watch.changed()
    clocks.turn(SETTLE_SECONDS)
    assert not watch.changed()
