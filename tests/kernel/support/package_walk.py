"""The package as those read it who look for a second path: its files, its functions, what these call."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import ripieno

__all__ = ["CHECKS", "Function", "files", "functions"]

PACKAGE: Final = Path(ripieno.__file__).parent

CHECKS: Final = {
    "admitted",
    "check_absence",
    "check_answer",
    "check_away",
    "check_change",
    "check_command",
    "check_identity",
    "check_operator",
    "check_policy_change",
    "check_review",
    "may_begin_again",
    "may_list",
    "may_read",
    "may_read_log",
}
"""What puts an act to the gate."""

LOOKED_AT: Final = (
    *(ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef),
    *(ast.Assign, ast.AnnAssign, ast.Return, ast.Attribute),
)
"""What is asked about of a file as a whole; of a function, all of it is."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the package."""

    file: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def place(self) -> str:
        return f"{self.file}:{self.node.lineno} {self.node.name}"

    def calls(self) -> Sequence[tuple[int, str, str]]:
        """Give what it calls: the line, the last name, and what stands before it."""
        return called(self)

    def asked_before(self, line: int) -> bool:
        """Tell whether it asks the gate before it comes to a line."""
        return any(name in CHECKS and at <= line for at, name, _ in self.calls())


@cache
def called(function: Function) -> Sequence[tuple[int, str, str]]:
    found = list[tuple[int, str, str]]()
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                found.append((node.lineno, node.func.attr, ast.unparse(node.func.value)))
            elif isinstance(node.func, ast.Name):
                found.append((node.lineno, node.func.id, ""))
    return found


@cache
def package() -> Mapping[str, Sequence[ast.AST]]:
    """Give what is looked at of every file of the package; each is walked once."""
    return {
        file.relative_to(PACKAGE).as_posix(): [
            node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, LOOKED_AT)
        ]
        for file in sorted(PACKAGE.rglob("*.py"))
    }


def files(but: tuple[str, ...] = ()) -> Iterator[tuple[str, Sequence[ast.AST]]]:
    """Give what is looked at of every file of the package, but those in these rooms."""
    for name, nodes in package().items():
        if not name.startswith(but):
            yield name, nodes


@cache
def every_function() -> Sequence[Function]:
    return [
        Function(name, node)
        for name, nodes in files()
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def functions(*but: str) -> list[Function]:
    """Give every function of the package, by itself, in a class or in another one."""
    return [one for one in every_function() if not one.file.startswith(but or ("-",))]
