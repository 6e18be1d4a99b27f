"""Whoever verifies an export takes it from anybody: garbage is told in words, and nothing breaks or grows."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.anchoring.support.every_kind import write_every_kind
from tests.anchoring.support.exported import exported, key_of

import ripieno.proof
from ripieno.proof import reading
from ripieno.proof.notes import Verifier
from ripieno.proof.verification import verify_export


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Verifier]:
    home = tmp_path_factory.mktemp("kept")
    asyncio.run(write_every_kind(home))
    return "".join(f"{json.dumps(line)}\n" for line in exported(home, values=True)), key_of(home)


DEEP = '\\"body\\":{\\"a\\":' + "[" * 100_000 + "],"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"leaves": ', '"leaves": 3, "leaves": ', "line 1 is no JSON: it says 'leaves' twice"),
        ('"whole": true', '"whole": NaN', "line 1 is no JSON: NaN is no number"),
        ("person:ada", "person:\x1b[2Jada", "line"),
        ("person:ada", "person:\\u001b[2Jada", "was changed"),
        ("tenant default", "tenant \\u001b]0;x\\u0007\\ud800", "tenant \\x1b"),
        ("tenant default", f"tenant {'d' * 10_000}", "d…"),
        ('\\"body\\":{', DEEP, "cannot be read"),
        ('"lines": ', '"lines": -', "the export had -"),
        ('"line": "export"', '\x1f\x8b\x08\x00"line": "export"', "line 1 is no JSON"),
    ],
    ids=["twice", "no number", "raw escape", "escape", "terminal", "long", "deep", "count", "packed"],
)
def test_garbage_from_anybody_is_told_in_words_that_can_be_shown(
    kept: tuple[str, Verifier], old: str, new: str, said: str
) -> None:
    text = kept[0].replace(old, new)
    assert text != kept[0]
    report = verify_export(io.StringIO(text, newline="\n"), kept[1])
    assert said in str(report)
    for finding in report.findings:
        assert finding.isprintable()
        assert len(finding) < 600
    str(report).encode()


def test_a_line_without_an_end_is_not_read_into_memory(
    kept: tuple[str, Verifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LONGEST", 1000)

    class Endless:
        """As a small file that unpacks to a large one."""

        read = 0

        def readline(self, most: int) -> str:
            self.read += most
            return "x" * most

        def __iter__(self) -> Iterator[str]:
            msg = "its lines are asked for one by one"
            raise AssertionError(msg)

    endless = Endless()
    report = verify_export(endless, kept[1])
    assert "line 1 has more than" in str(report)
    assert endless.read <= 1001


def test_as_a_program_without_anything_else_it_says_what_it_found_and_ends(
    kept: tuple[str, Verifier], tmp_path: Path
) -> None:
    """Isolated: no package of Ripieno but this room can be found, and no terminal takes all letters."""
    (tmp_path / "key").write_text(f"{kept[1]}\n")
    broken = kept[0].replace("tenant default", "tenant \udcff")
    for name, data, code in (
        ("sound", kept[0].encode(), 0),
        ("surrogates", broken.encode("utf-8", "surrogateescape"), 1),
        ("binary", bytes(range(256)) * 100, 1),
        ("empty", b"", 1),
    ):
        (tmp_path / name).write_bytes(data)
        done = subprocess.run(  # noqa: S603 - ours
            [
                *(sys.executable, "-c", ALONE, str(Path(ripieno.proof.__file__).parent)),
                *(str(tmp_path / name), str(tmp_path / "key")),
            ],
            capture_output=True,
            check=False,
            env={"PYTHONIOENCODING": "ascii:strict"},
        )
        assert (done.returncode, done.stderr) == (code, b""), (name, done)
    for missing in (
        [str(tmp_path), str(tmp_path / "key")],
        [str(tmp_path / "sound"), str(tmp_path / "empty")],
    ):
        done = subprocess.run(  # noqa: S603 - ours
            [sys.executable, "-m", "ripieno.proof", *missing], capture_output=True, check=False, text=True
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done


ALONE = """
import importlib.util, sys, types
sys.modules["ripieno"] = parent = types.ModuleType("ripieno")
parent.__path__ = []
spec = importlib.util.spec_from_file_location(
    "ripieno.proof", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]]
)
sys.modules["ripieno.proof"] = room = importlib.util.module_from_spec(spec)
spec.loader.exec_module(room)
from ripieno.proof.__main__ import main
code = main(sys.argv[2:])
own = [name for name in sys.modules if name.startswith("ripieno.") and not name.startswith("ripieno.proof")]
assert not own, own
sys.exit(code)
"""
"""Loads the room alone: whatever else it would import of Ripieno is not there."""
