"""Examples in Markdown: found by a real parser, run as a reader would run them, page by page.

Written here rather than taken from a library: pytest-examples formats and runs Python alone and brings
black along; sybil knows neither top-level `await` nor a shell. The parser is markdown-it-py, which is
installed with rich anyway.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import yaml
from markdown_it import MarkdownIt

from warm_start import WarmStart

__all__ = ["Example", "Page", "examples"]

SHOWN_ONLY: Final = frozenset({"text", "sh", "make", "cedar"})
"""Languages that promise nothing we could run here."""

PATIENCE_SECONDS: Final = 120
"""For the longest of them, on a busy machine."""

TITLE: Final = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Example:
    """One fenced block."""

    page: Path
    line: int
    """Of the opening fence, counted from 1."""
    language: str
    title: str | None
    """The file that the block is, for `title="..."`; what follows can import or open it."""
    code: str

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.page.name}:{self.line}"


def examples(page: Path) -> list[Example]:
    """Give the blocks of a page that are to be run or read, in order."""
    found: list[Example] = []
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map else 0
        if token.type == "code_block" and "```" in token.content:
            msg = f"{page.name}:{line}: a fenced block inside an indented one cannot be checked; take it out"
            raise ValueError(msg)
        if token.type != "fence":
            continue
        language, _, rest = token.info.strip().partition(" ")
        title = TITLE.search(rest)
        if language not in SHOWN_ONLY or title:  # a file is written, for the examples after it
            found.append(Example(page, line, language, title.group(1) if title else None, token.content))
    return found


class Page:
    """Runs the examples of one page in one folder and one namespace, so that they build on each other."""

    def __init__(self, folder: Path, warm: WarmStart) -> None:
        self._folder = folder
        self._warm = warm
        self._module = ModuleType("example")
        sys.modules["example"] = self._module  # what is defined here can be referred to as `example:name`

    def close(self) -> None:
        """Forget what was defined and imported."""
        folder = str(self._folder)
        for name, module in list(sys.modules.items()):
            if module is self._module or str(getattr(module, "__file__", None)).startswith(folder):
                del sys.modules[name]

    async def run(self, example: Example) -> None:
        """Run or read one example; raises whatever shows that it does not hold."""
        if example.title is not None:
            file = self._folder / example.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(example.code, encoding="utf-8")
        match example.language:
            case "python":
                await self._python(example)
            case "console":
                self._console(example)
            case "yaml":
                yaml.safe_load(example.code)
            case "json":
                json.loads(example.code)
            case "cedar" if example.title is not None:
                pass
            case _:
                msg = f"{example.place}: nobody can run {example.language!r}; mark what is only shown `text`"
                raise ValueError(msg)

    async def _python(self, example: Example) -> None:
        if example.title is not None:
            __import__(example.title.removesuffix(".py").replace("/", "."))
            return
        # a file with the page's line numbers: for tracebacks, and for whoever reads a function's source
        file = self._folder / f"{example.page.stem.replace('-', '_')}_{example.line}.py"
        file.write_text("\n" * example.line + example.code, encoding="utf-8")
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code = compile(file.read_text(encoding="utf-8"), file, "exec", flags=flags, dont_inherit=True)
        awaited: Awaitable[Any] | None = eval(code, self._module.__dict__)  # noqa: S307 - our own documentation
        if awaited is not None:
            await awaited

    def _console(self, example: Example) -> None:
        for command, shown in commands(example):
            words = shlex.split(command)
            if words[0] != "ripieno":
                msg = f"{example.place}: only `ripieno` is run here, not {words[0]!r}; mark the block `sh`"
                raise ValueError(msg)
            ended = self._warm.run(
                words[1:],
                folder=self._folder,
                environment={**os.environ, "NO_COLOR": "1", "COLUMNS": "110"},
                beside=Path(sys.executable).parent,  # where the command is, not where it is run
                together=True,
                patience=PATIENCE_SECONDS,
            )
            expected = int(shown[:1] != [] and shown[0].startswith("✗"))  # what ends in a failure says so
            assert ended.code == expected, f"{example.place}: {command} ended with {ended.code}:\n{ended.out}"
            for line in unseen(shown, ended.out):
                msg = f"{example.place}: {command} did not print {line!r} where it is shown:\n{ended.out}"
                raise AssertionError(msg)


def commands(example: Example) -> list[tuple[str, list[str]]]:
    """Give each command of a console block with the lines shown under it."""
    found: list[tuple[str, list[str]]] = []
    for line in example.code.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip():
            assert found, f"{example.place}: a console block begins with a command, `$ ...`"
            found[-1][1].append(line)
    return found


def unseen(shown: list[str], printed: str) -> list[str]:
    """Give the first shown line that was not printed, in order; `…` stands for anything."""
    lines = iter(printed.splitlines())
    for line in shown:
        pattern = re.compile(r"\s+".join(re.escape(word).replace("…", ".*") for word in line.split()))
        if not any(pattern.search(candidate) for candidate in lines):
            return [line]
    return []
