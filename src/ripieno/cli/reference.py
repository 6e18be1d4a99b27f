"""The reference page of all commands, as the parser knows them; a test holds the committed one to it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, Final

from cyclopts import App

from ripieno.cli.catalogue import COMMANDS, GROUPS, Entry

__all__ = ["commands", "render"]

INTRODUCTION: Final = """\
# Every command

What every command takes (`--home`, `--output`, `--debug`), settings, exit codes and JSON stand on
[the page of the command line](cli.md). An argument in brackets may be left out.
"""

EVERYWHERE: Final = "Everywhere"
"""The group of what every command takes."""


def render() -> str:
    """Give the page."""
    return "\n".join(part.rstrip() + "\n" for part in sections())


def sections() -> Iterator[str]:
    """Give its parts in order."""
    yield INTRODUCTION
    for group in GROUPS:
        yield f"## {group}"
        for entry in COMMANDS:
            if entry.group == group:
                yield f"### {entry.name}\n\n{entry.about}\n"
                for path, one in commands(entry):
                    yield from described(path, one)


def commands(entry: Entry, above: str = "") -> Iterator[tuple[str, Entry]]:
    """Give each command at or below an entry, with the words by which it is called."""
    path = f"{above} {entry.name}".strip()
    if not entry.children:
        yield path, entry
    for child in entry.children:
        yield from commands(child, path)


def described(path: str, entry: Entry) -> Iterator[str]:
    """Give what is said of one command."""
    module, _, name = entry.target.partition(":")
    app = App()
    app.default(getattr(importlib.import_module(f"ripieno.cli.{module}"), name))
    found = [one for one in app.assemble_argument_collection(parse_docstring=True) if one.show]
    taken = [one for one in found if not any(group.name == EVERYWHERE for group in groups(one))]
    words = " ".join(word for one in taken if (word := usage(one)))
    about = "" if " " not in path else f"{entry.about}\n\n"
    yield f"`ripieno {path}{f' {words}' if words else ''}`\n"
    if about:
        yield about
    rows = [f"| {name_of(one)} | {cell(one.parameter.help or '')} |" for one in taken]
    if rows:
        yield "\n".join(["| takes | what it says |", "|---|---|", *rows])


def cell(text: str) -> str:
    """Give a text as it stands in a table."""
    return text.replace("|", r"\|").replace("\n", " ")


def groups(argument: Any) -> Any:
    """Give the groups in which an argument is shown."""
    return argument.parameter.group or ()


def is_place(argument: Any) -> bool:
    """Tell whether an argument is given by its place."""
    return not argument.names[0].startswith("-")


def usage(argument: Any) -> str:
    """Give an argument as the line of usage has it; nothing for an option that may be left out."""
    many = "…" if str(argument.field_info.kind) == "VAR_POSITIONAL" else ""
    if is_place(argument):
        word = f"{argument.names[0]}{many}"
        return word if argument.required else f"[{word}]"
    return f"{argument.names[0]} {argument.names[0].strip('-').upper()}" if argument.required else ""


def name_of(argument: Any) -> str:
    """Give the names of an argument."""
    return ", ".join(f"`{name}`" for name in argument.names)
