"""Whoever verifies depends on nothing that wrote: the standard library, `cryptography`, and this room."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import ripieno.proof

ROOM = Path(ripieno.proof.__file__).parent


def imported(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names.add(node.module or "")
    return names


def test_the_room_imports_the_standard_library_and_cryptography_alone() -> None:
    files = sorted(ROOM.glob("**/*.py"))
    assert len(files) > 3
    for file in files:
        for name in imported(file):
            top = name.partition(".")[0]
            own = name == "ripieno.proof" or name.startswith("ripieno.proof.")
            assert own or top in sys.stdlib_module_names or top == "cryptography", f"{file.name}: {name}"
