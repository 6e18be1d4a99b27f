"""Answers that are kept with a package and stand for a model's: plainly so, and only to what they answer.

A package has them in its folder `recorded`, in `NAME.json` each with what it is asked: `recorded:package`
is a model that gives them. Nothing leaves the process, and no model has said anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from ripieno.model.errors import DefinitionError

__all__ = ["FOLDER", "asked_as", "recordings"]

FOLDER: Final = "recorded"
DAY: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def asked_as(instructions: str, prompt: str) -> str:
    """Give the digest of what is asked: SHA-256, each day in it told by how far it is from the last one.

    So that a sample which speaks up to today is asked about in the same words as yesterday.
    """
    days = [found for text in DAY.findall(prompt) if (found := day_of(text)) is not None]
    last = max(days, default=date.min)

    def told(found: re.Match[str]) -> str:
        day = day_of(found[0])
        return found[0] if day is None else f"day {(day - last).days}"

    return hashlib.sha256(f"{instructions.strip()}\n\n{DAY.sub(told, prompt)}".encode()).hexdigest()


def day_of(text: str) -> date | None:
    """Give a day as it is written; None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=16)
def recordings(package: str) -> Mapping[str, Any]:
    """Give the answers of a package by what they answer; raises `DefinitionError` where it has none."""
    found: dict[str, Any] = {}
    msg = f"no answers are recorded with {package!r}"
    remedy = f"name a package that has them in its folder {FOLDER}"
    try:
        folder = files(package) / FOLDER
        for file in sorted(folder.iterdir(), key=lambda one: one.name):
            if file.name.endswith(".json"):
                kept = json.loads(file.read_text(encoding="utf-8"))
                found.update({one["asked"]: one["answer"] for one in kept["answers"]})
    except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
        told = f"{msg}: {error}"
        raise DefinitionError(told, remedy=remedy) from error
    if not found:
        raise DefinitionError(msg, remedy=remedy)
    return found
