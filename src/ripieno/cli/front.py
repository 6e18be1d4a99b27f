"""The way in: the front page without loading anything, then the parser, then errors as people read them."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Final

from ripieno.cli.catalogue import COMMANDS, GROUPS

__all__ = ["main"]

GLOBAL_WITH_VALUE: Final = ("--home", "--output")
GLOBAL_FLAGS: Final = ("--debug",)

LAST_STREAM: Final = 2
"""The number of standard error."""

GLOBALS: Final = (
    (
        "--home FOLDER",
        "The data folder: else RIPIENO_HOME, else the nearest .ripieno upwards, else one here.",
    ),
    ("--output KIND", "table, json or jsonl."),
    ("--debug", "Show the traceback of an unexpected error."),
    ("--version", "Show the version."),
    ("--install-completion", "Complete commands in this shell."),
)


def main() -> None:
    """Run the command that the process was started with."""
    open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    sys.exit(command(sys.argv[1:]))


def open_what_is_closed() -> None:
    """Give the process an input and outputs where it was started with some closed (`>&-`).

    Else the first file that is opened, the log itself, would have their number, and be written into.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= LAST_STREAM:
        pass
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - stays open


def command(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code."""
    ordered = globals_last(arguments)
    if not ordered or ordered[0] in ("--help", "-h", "help"):
        sys.stdout.write(front_page())
        return 0
    if ordered[0] == "--version":
        from importlib.metadata import version  # noqa: PLC0415 - the front page does without it

        sys.stdout.write(f"ripieno {version('ripieno')}\n")
        return 0
    from ripieno.cli.dispatch import dispatch  # noqa: PLC0415 - the parser takes longer than the front page

    return dispatch(ordered)


def globals_last(arguments: Sequence[str]) -> list[str]:
    """Put options that stand before the command behind it, where every command takes them."""
    rest = list(arguments)
    moved: list[str] = []
    while rest:
        if rest[0] in GLOBAL_WITH_VALUE and len(rest) > 1:
            moved += [rest.pop(0), rest.pop(0)]
        elif rest[0] in GLOBAL_FLAGS or rest[0].startswith(tuple(f"{name}=" for name in GLOBAL_WITH_VALUE)):
            moved.append(rest.pop(0))
        else:
            break
    return rest + moved if rest else moved


def front_page() -> str:
    """Give the help of the whole."""
    plain = "NO_COLOR" in os.environ or not sys.stdout.isatty()
    strong, dim, off = ("", "", "") if plain else ("\x1b[1m", "\x1b[2m", "\x1b[0m")
    lines = [
        f"{strong}ripieno{off}: governed orchestration of agents, people and plain automation",
        "",
        f"{dim}usage:{off} ripieno COMMAND [OPTIONS]      {dim}ripieno COMMAND --help{off} says more",
    ]
    for group in GROUPS:
        lines += ["", f"{strong}{group}{off}"]
        for entry in COMMANDS:
            if entry.group == group:
                lines += wrapped(f"  {entry.name:<11}", entry.about)
                if entry.children:
                    names = wrapped(" " * 13, ", ".join(child.name for child in entry.children))
                    lines += [f"{dim}{line}{off}" for line in names]
    lines += ["", f"{strong}Everywhere{off}"]
    for name, about in GLOBALS:
        lines += wrapped(f"  {name:<22}", about)
    return "\n".join(lines) + "\n"


def wrapped(label: str, text: str) -> list[str]:
    """Give a text beside its label, in lines that fit the terminal."""
    width = max(len(label) + 20, shutil.get_terminal_size().columns)
    return textwrap.wrap(
        text, width, initial_indent=label, subsequent_indent=" " * len(label), break_on_hyphens=False
    )
