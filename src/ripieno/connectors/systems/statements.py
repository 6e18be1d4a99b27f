"""What a SQL statement is, as far as that can be told without a database: its kind, its parameters.

What it may do is held by the database: a connection that only reads. This is what tells a mistake early.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

__all__ = ["escaped", "kind_of", "parameters_in", "refused_statement", "separators"]

QUOTED: Final = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|\$([A-Za-z_]*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/""",
    re.DOTALL,
)
"""Texts, names in quotes, and comments: whatever stands in them is none of the statement."""

PARAMETER: Final = re.compile(r"(?<![:\w\x5c]):([A-Za-z_]\w*)(?!:)")
"""As SQLAlchemy reads them: not `::type`, not `\\:escaped`."""


def bare(sql: str) -> str:
    """Give a statement without texts, names in quotes and comments."""
    return QUOTED.sub(" ", sql)


def kind_of(sql: str) -> str:
    """Give the word that a statement begins with, in lower case; empty for none."""
    found = re.match(r"[\s(]*([A-Za-z]+)", bare(sql))
    return "" if found is None else found[1].lower()


def parameters_in(sql: str) -> set[str]:
    """Give the names of the parameters of a statement."""
    return set(PARAMETER.findall(bare(sql)))


def escaped(sql: str) -> str:
    """Give a statement for SQLAlchemy, which would take `:name` within a text for a parameter."""
    return QUOTED.sub(lambda found: found[0].replace(":", r"\:"), sql)


def separators(sql: str) -> bool:
    """Tell whether it is more than one statement."""
    return ";" in bare(sql).rstrip().removesuffix(";")


def refused_statement(sql: str, allowed: Collection[str]) -> str | None:
    """Say why a statement of an agent is not asked; None where it may be."""
    if separators(sql):
        return "one statement at a time"
    kind = kind_of(sql)
    if kind not in allowed:
        return f"{kind.upper() or 'nothing'} is not among what may be asked: {', '.join(allowed).upper()}"
    return None
