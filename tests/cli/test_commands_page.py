"""The reference of commands lacks none: it is what the parser knows, and the page beside it names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from ripieno.cli.catalogue import COMMANDS
from ripieno.cli.reference import commands, render

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_committed_page_is_what_the_parser_knows() -> None:
    assert (REFERENCE / "commands.md").read_text(encoding="utf-8") == render(), (
        "write it anew: python -c 'from ripieno.cli.reference import render; print(render(), end=\"\")'"
        " > docs/reference/commands.md"
    )


def test_every_command_stands_on_it_with_what_it_takes() -> None:
    page = render()
    paths = [path for entry in COMMANDS for path, _ in commands(entry)]
    assert len(set(paths)) == len(paths)
    assert [path for path in paths if not re.search(rf"`ripieno {path}[` ]", page)] == []
    assert "`ripieno agents import" in page
    assert "`--until-idle`" in page


def named(span: str) -> Iterator[str]:
    """Give the commands that `inbox show|answer TASK` names."""
    words = list(takewhile(lambda word: re.fullmatch(r"[a-z][a-z|0-9-]*", word), span.split()))
    last = words.pop() if words else ""
    for one in last.split("|"):
        yield " ".join([*words, one])


def test_the_page_beside_it_names_every_command() -> None:
    table = (REFERENCE / "cli.md").read_text(encoding="utf-8").partition("## Commands")[2]
    cells = [
        line.replace("\\|", "\0").split("|")[1].replace("\0", "|")
        for line in table.splitlines()
        if line.startswith("| ")
    ]
    known = {command for cell in cells for span in re.findall(r"`([^`]+)`", cell) for command in named(span)}
    assert sorted({path for entry in COMMANDS for path, _ in commands(entry)} - known) == []
