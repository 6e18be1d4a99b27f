"""Filling in a form at the terminal, one field after another."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from ripieno.cli.tasks import describe
from ripieno.kernel.commands import AskedFor
from ripieno.model.errors import InputError

__all__ = ["fill_in"]


def fill_in(asked: AskedFor) -> dict[str, Any]:
    """Ask for every field of a task's form; raises `InputError` where nobody can be asked."""
    if not sys.stdin.isatty():
        msg = f"{asked.id} needs an answer, and there is no terminal to ask at"
        raise InputError(msg, remedy=f"ripieno inbox answer {asked.id} '{{...}}' gives it as JSON")
    fields: Mapping[str, Any] = asked.form.get("properties", {})
    required = asked.form.get("required", [])
    said: dict[str, Any] = {}
    for name, field in fields.items():
        optional = "" if name in required else ", Enter leaves it out"
        sys.stderr.write(f"{name} ({describe(field)}{optional}): ")
        sys.stderr.flush()
        typed = sys.stdin.readline().strip()
        if typed:
            said[name] = typed_as(field.get("type"), typed)
    return said


def typed_as(kind: object, text: str) -> Any:
    """Read what was typed as what the field takes; the form itself is checked afterwards."""
    if kind == "string":
        return text
    if kind == "boolean" and text.lower() in ("y", "yes", "n", "no"):
        return text.lower().startswith("y")
    try:
        return json.loads(text)
    except ValueError:
        return text
