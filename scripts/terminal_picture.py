"""Draws what a command shows in a terminal as an SVG: `terminal_picture.py OUT.svg TITLE COMMAND...`.

The command runs in a pseudo-terminal, so that the picture is what a person sees, colours and all.
"""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

WIDTH = 118
SIZE = {"COLUMNS": str(WIDTH), "LINES": "60", "TERM": "xterm-256color"}
FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
REDRAWN = re.compile(r"(?:\x1b\[\d*[A-HJKSTf]|\x1b\[\?\d+[hl])")


def output_of(command: list[str]) -> str:
    """Run a command in a pseudo-terminal and give what it wrote."""
    os.environ.update(SIZE)
    seen = io.BytesIO()

    def read(descriptor: int) -> bytes:
        chunk = os.read(descriptor, 4096)
        seen.write(chunk)
        return chunk

    status = pty.spawn(command, read)
    if status != 0:
        sys.exit(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return seen.getvalue().decode("utf-8", "replace").replace("\r\n", "\n")


def last_frame(text: str) -> str:
    """Keep what stands at the end where the terminal was drawn over: the text after the last redrawing."""
    lines: list[str] = []
    for line in text.split("\n"):
        parts = line.split("\r")
        ups = len(re.findall(r"\x1b\[1A", line))
        del lines[len(lines) - ups :]
        lines.append(REDRAWN.sub("", parts[-1] or (parts[-2] if len(parts) > 1 else "")))
    return "\n".join(lines).rstrip()


def main() -> None:
    """Be the command line."""
    target, title, *command = sys.argv[1:]
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(last_frame(output_of(command))))
    svg = console.export_svg(title=title, theme=DIMMED_MONOKAI)
    svg = FONT_FACES.sub("", svg)  # no font is fetched from anywhere
    svg = svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")
    Path(target).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
