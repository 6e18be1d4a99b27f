"""A text in parts that are found and given as one: paragraphs under their heading, of a bounded length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["LONGEST", "Part", "parts_of"]

LONGEST: Final = 1200
"""Characters of a passage."""
HEADING: Final = re.compile(r"#{1,6}\s+(.+?)\s*#*$")


@dataclass(frozen=True, slots=True)
class Part:
    """One passage."""

    title: str
    """The heading that it stands under; empty where there is none."""
    text: str


def parts_of(text: str) -> list[Part]:
    """Give the passages of a text: as many paragraphs of one heading together as have room."""
    found: list[Part] = []
    for title, paragraph in paragraphs(text):
        last = found[-1] if found else None
        if last is not None and last.title == title and len(last.text) + len(paragraph) + 2 <= LONGEST:
            found[-1] = Part(title, f"{last.text}\n\n{paragraph}")
        else:
            found.append(Part(title, paragraph))
    return found


def paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """Give each paragraph with its heading; one that is too long in pieces, cut between words."""
    title = ""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = block.strip().split("\n")
        while lines and (heading := HEADING.match(lines[0])) is not None:
            title, lines = heading[1], lines[1:]
        left = "\n".join(lines).strip()
        while len(left) > LONGEST:
            cut = left.rfind(" ", LONGEST // 2, LONGEST)
            cut = LONGEST if cut < 0 else cut
            yield title, left[:cut].strip()
            left = left[cut:].strip()
        if left:
            yield title, left
