"""The house's own checks find what they are for, name its place, and let everything else pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ALSO, TESTS

SCRIPTS = Path(__file__).parents[2] / "scripts"


def check(name: str, *arguments: str, folder: Path) -> tuple[int, str]:
    command = [sys.executable, SCRIPTS / name, *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert not ended.stderr
    return ended.returncode, ended.stdout


def function(lines: int) -> str:
    return "def long():\n" + "    pass\n" * (lines - 1)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        pytest.param("x = 1\n" * 400, 0, "", id="a file of 400 lines"),
        pytest.param("x = 1\n" * 401, 0, "a.py: warning: the file has 401 lines, over 400\n", id="a smell"),
        pytest.param(
            "x = 1\n" * 501, 1, "a.py: error: the file has 501 lines, over 500\n", id="a file too long"
        ),
        pytest.param(function(60), 0, "", id="a function of 60 lines"),
        pytest.param(function(61), 0, "a.py:1: warning: long has 61 lines, over 60\n", id="a long function"),
        pytest.param(
            function(101), 1, "a.py:1: error: long has 101 lines, over 100\n", id="a function too long"
        ),
    ],
)
def test_sizes_warn_of_a_smell_and_fail_on_too_much(tmp_path: Path, text: str, code: int, said: str) -> None:
    (tmp_path / "a.py").write_text(text, encoding="utf-8")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "theirs.py").write_text("x = 1\n" * 1000, encoding="utf-8")
    assert check("sizes.py", ".", folder=tmp_path) == (code, said)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("see {root}work/main", "{root}work is a folder of one machine", id="a workspace"),
        pytest.param("'{root}root/.cache'", "{root}root is a folder of one machine", id="root's home"),
        pytest.param("{root}home/ada/x", "{root}home/ada is a folder of one machine", id="somebody's home"),
        pytest.param(
            "https://{py}.org/simple", "{py}.org is the host of a package registry", id="a registry"
        ),
        pytest.param(
            "src/work/x, framework/, {root}workflows, $HOME{root}work", None, id="what only looks alike"
        ),
    ],
)
def test_a_machine_folder_or_registry_host_in_a_tracked_file_is_named(
    tmp_path: Path, text: str, found: str | None
) -> None:
    words = {"root": "/", "py": "py" + "pi"}
    (tmp_path / "a.txt").write_text("\n" + text.format(**words), encoding="utf-8")
    (tmp_path / "untracked.txt").write_text("{root}root".format(**words), encoding="utf-8")
    for command in (["init", "-q"], ["add", "a.txt"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)  # noqa: S603, S607 - a fixed command
    said = "" if found is None else f"a.txt:2: {found.format(**words)}\n"
    assert check("clean_words.py", folder=tmp_path) == (int(found is not None), said)


def report(**kernel: list[object]) -> str:
    whole: dict[str, list[object]] = {"missing_lines": [], "missing_branches": []}
    core = {f"src/ripieno/{room}/a.py": whole for room in ("model", "journal")}
    partly = {"missing_lines": [1], "missing_branches": []}
    return json.dumps(
        {"files": {**core, "src/ripieno/kernel/a.py": {**whole, **kernel}, "src/ripieno/cli/a.py": partly}}
    )


def test_a_core_that_is_covered_in_full_passes_whatever_the_rest_is(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(report(), encoding="utf-8")
    said = "3 files of the core, 0 lines or branches without a test\n"
    assert check("coverage_of_the_core.py", "report.json", folder=tmp_path) == (0, said)


def test_lines_and_branches_of_the_core_without_a_test_are_named(tmp_path: Path) -> None:
    missing = report(missing_lines=[7], missing_branches=[[3, 5], [4, -1], [7, 9]])
    (tmp_path / "report.json").write_text(missing, encoding="utf-8")
    code, said = check("coverage_of_the_core.py", "report.json", folder=tmp_path)
    assert code == 1
    assert said.splitlines()[:-1] == [
        "src/ripieno/kernel/a.py:7: never run",
        "src/ripieno/kernel/a.py:3: never goes on to line 5",
        "src/ripieno/kernel/a.py:4: never goes on to the end",
    ]


def test_a_report_without_the_core_does_not_pass(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"files": {}}', encoding="utf-8")
    code, said = check("coverage_of_the_core.py", "report.json", folder=tmp_path)
    assert code == 1
    assert "src/ripieno/kernel/: not in the report" in said


def test_what_is_measured_is_there() -> None:
    assert [name for name in ALSO if not (TESTS / name).exists()] == []
