"""What is said within a run is heard by another process while it watches, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from ripieno.connectors.progress import Progress
from ripieno.connectors.watching import FOLDER, pipes_of, watching
from ripieno.model.confidential import CONFIDENTIAL

RUN, OTHER = "0" * 31 + "1", "0" * 31 + "2"


class Heard:
    """What was heard, and a way to wait for it."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []
        self._more = asyncio.Event()

    def __call__(self, *said: str) -> None:
        run, path, text = said
        self.said.append((run, path, text))
        self._more.set()

    async def until(self, text: str) -> None:
        async with asyncio.timeout(10):
            while not any(one[2].endswith(text) for one in self.said):
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def progress() -> Progress:
    return Progress()


async def test_whoever_watches_a_run_hears_what_is_said_in_it_and_in_no_other(
    tmp_path: Path, progress: Progress
) -> None:
    first, second, other = Heard(), Heard(), Heard()
    with (
        progress.serving(tmp_path),
        watching(tmp_path, RUN, first),
        watching(tmp_path, RUN, second),
        watching(tmp_path, OTHER, other),
    ):
        assert progress.watched(RUN)
        progress.tell(RUN, "clerk@1/model/1", "tea")
        progress.tell(RUN, "clerk@1/model/1", "tea costs")
        progress.tell(OTHER, "x", "nothing")
        for one in (first, second):
            await one.until("tea costs")
            assert one.said == [(RUN, "clerk@1/model/1", "tea"), (RUN, "clerk@1/model/1", "tea costs")]
        await other.until("nothing")
        assert len(other.said) == 1
    assert not progress.watched(RUN)
    assert not (tmp_path / FOLDER).exists()
    progress.tell(RUN, "x", "to nobody")


async def test_a_pipe_is_for_its_owner_alone_and_goes_with_whoever_was_killed(
    tmp_path: Path, progress: Progress
) -> None:
    with watching(tmp_path, RUN, Heard()):
        [pipe] = pipes_of(tmp_path, RUN)
        assert stat.S_IMODE((tmp_path / FOLDER / pipe).stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
    (tmp_path / FOLDER).mkdir()
    left = tmp_path / FOLDER / f"{RUN}.of-a-process-that-was-killed"
    os.mkfifo(left)
    with progress.serving(tmp_path):
        progress.tell(RUN, "x", "to nobody")
    assert not left.exists()


async def test_whoever_does_not_read_holds_nobody_up(tmp_path: Path, progress: Progress) -> None:
    heard = Heard()
    with progress.serving(tmp_path), watching(tmp_path, RUN, heard):
        for number in range(2000):  # nothing reads meanwhile: the loop is not let go
            progress.tell(RUN, "x", f"{number} " + "\U0001f375" * 300)
        await heard.until("\U0001f375")
        assert 0 < len(heard.said) < 2000
        heard.said.clear()
        progress.tell(RUN, "y" * 5000, "and so on")
        await heard.until("and so on")
    assert all(len(one) <= 200 for said in heard.said for one in said)


async def test_what_stands_there_and_is_no_pipe_is_written_to_by_nobody(
    tmp_path: Path, progress: Progress
) -> None:
    (tmp_path / FOLDER).mkdir()
    file, elsewhere = tmp_path / FOLDER / f"{RUN}.file", tmp_path / "elsewhere"
    elsewhere.write_text("as it was")
    file.write_text("as it was")
    (tmp_path / FOLDER / f"{RUN}.link").symlink_to(elsewhere)
    with progress.serving(tmp_path):
        progress.tell(RUN, "x", "something")
    assert (file.read_text(), elsewhere.read_text()) == ("as it was", "as it was")


async def test_where_no_pipe_can_be_made_nothing_is_heard_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with watching(tmp_path, RUN, Heard()):
        assert pipes_of(tmp_path, RUN) == ()
    assert (tmp_path / FOLDER).read_text() == "in the way"


def test_secrets_are_covered(progress: Progress) -> None:
    CONFIDENTIAL.hold("secret://env/KEY", "hunter2-of-watching")
    heard: list[str] = []
    with progress.listen(lambda run, path, text: heard.append(f"{run} {path} {text}")):
        progress.tell(RUN, "x", "it is hunter2-of-watching")
    assert "hunter2" not in heard[0]
    assert "secret://env/KEY" in heard[0]
