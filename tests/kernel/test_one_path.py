"""There is one path to every act: the package is walked for a second one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import ripieno

PACKAGE = Path(ripieno.__file__).parent
CHECKS = {"check_operator", "check_command", "check_change", "check_answer", "admitted", "may_begin_again"}
"""What puts a command to the gate."""

COMMANDS = {"send", "move", "drain", "undrain", "stop", "let_go", "repin", "declare_compatible", "deploy"}
"""What a command does to the log, by the store's own name for it or that of `kernel/messages.py`."""

FROM_WITHIN = {
    "kernel/awaited_runs.py": "a run cancels the child run that it began",
    "kernel/undo_turns.py": "a run that takes back wakes the next one that does",
    "kernel/messages.py": "puts into the inbox what the commands above it were let give",
}
"""What sends without a person or a service having asked for it."""


def functions() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    """Give every coroutine function of the package that stands by itself or in a class, with its file."""
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef):
                yield name, node


def called(function: ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    """Give what a function calls: the last name, and what stands before it."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr, ast.unparse(node.func.value)
            elif isinstance(node.func, ast.Name):
                yield node.func.id, ""


def test_tools_are_called_in_one_place_and_claimed_in_two_that_both_hold_a_permit() -> None:
    found = {
        (file, name)
        for file, function in functions()
        for name, of in called(function)
        if name in {"call", "verify"} and of.rpartition(".")[2].strip("_") == "tool"
    }
    assert found == {("kernel/effects.py", "call"), ("kernel/uncertain.py", "verify")}
    claiming = {file: function for file, function in functions() if ("Effect", "") in set(called(function))}
    assert claiming.keys() == {"kernel/acts.py", "kernel/undo.py"}
    for file, function in claiming.items():
        assert "permit" in {name for name, _ in called(function)}, file


def test_every_command_to_running_work_is_put_to_the_gate() -> None:
    missing, seen = list[str](), 0
    for file, function in functions():
        if file.startswith("journal/") or file in FROM_WITHIN:
            continue
        names = dict(called(function))
        commands = {
            name
            for name, of in called(function)
            if (name == "send" and of in {"", "store"})
            or (name in COMMANDS - {"send"} and of.endswith("store"))
        }
        seen += bool(commands)
        if commands and not CHECKS & names.keys():
            missing.append(f"{file}:{function.lineno} {function.name}: {', '.join(sorted(commands))}")
    assert missing == []
    assert seen > 10, "the walk finds the commands there are"


def test_no_visit_begins_and_no_run_is_made_but_by_a_decision() -> None:
    """A participant acts in one place; a run is created by three functions, each of which was let."""
    acting = {
        file
        for file, function in functions()
        for name, of in called(function)
        if (name, of) == ("act", "participant")
    }
    assert "kernel/scope.py" in acting
    creating = {
        (file, function.name)
        for file, function in functions()
        for name, of in called(function)
        if name == "create" and of.rpartition(".")[2] == "store"
    }
    assert creating == {
        ("kernel/births.py", "bear"),
        ("kernel/births.py", "bear_undo"),
        ("kernel/forks.py", "begin"),
        ("kernel/host.py", "start"),
    }
