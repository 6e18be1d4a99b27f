"""Tests in forked workers: each runs once, whatever becomes of a worker, and nothing is left standing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

SUITE = """
import os, signal, warnings
from pathlib import Path
import pytest

@pytest.fixture(scope="session")
def held():
    yield
    Path(f"left-{os.getpid()}").touch()

@pytest.mark.parametrize("number", range(40))
def test_runs(number, held, tmp_path):
    with Path("ran").open("a") as file:
        file.write(f"{number}\\n")

def test_fails():
    assert 1 == 2

def test_dies():
    os.kill(os.getpid(), signal.SIGKILL)

@pytest.mark.filterwarnings("default")
def test_warns():
    warnings.warn("be careful")

@pytest.mark.skip
def test_skips():
    pass
"""


def suite(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the suite above in a folder, in two workers."""
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_suite.py").write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "forked_workers", "--workers", "2", "-q", *arguments]
    return subprocess.run(  # noqa: S603 - our own interpreter
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_test_runs_once_and_what_came_of_it_is_told_once(tmp_path: Path) -> None:
    ended = suite(tmp_path)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout + ended.stderr
    assert "2 failed, 41 passed, 1 skipped, 1 warning in" in ended.stdout
    assert "test_dies ended with -9" in ended.stdout
    assert "assert 1 == 2" in ended.stdout
    ran = (tmp_path / "ran").read_text("utf-8").splitlines()
    assert sorted(map(int, ran)) == list(range(40))


def test_a_worker_leaves_what_it_had_for_its_whole_session(tmp_path: Path) -> None:
    ended = suite(tmp_path, "-k", "runs")
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    assert len(list(tmp_path.glob("left-*"))) == 2


def test_no_more_is_handed_out_once_enough_have_failed(tmp_path: Path) -> None:
    ended = suite(tmp_path, "-x", "-k", "fails or runs", "--deselect", "test_suite.py::test_runs[0]")
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout + ended.stderr
    assert "stopping after 1 failures" in ended.stdout
    assert not ended.stderr, "a worker that nobody asks any more ends without a word"
