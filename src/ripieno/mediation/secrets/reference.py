"""References to secrets, `secret://provider/name#field`, read when a tool is declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ripieno.model.errors import DefinitionError

__all__ = ["SHAPE", "Reference"]

SHAPE: Final = "secret://provider/name#field"
LONGEST: Final = 500
WRITTEN: Final = re.compile(r"secret://([a-z][a-z0-9-]*)/([!-\"$-~]+)(?:#([!-\"$-~]+))?")
"""Printable ASCII without spaces: a reference stands in events and messages as it is."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is kept; says nothing of it."""

    provider: str
    """Who keeps it, such as `env` or `vault`."""
    name: str
    """What it is called there."""
    field: str | None = None
    """Which field of it, where it has several."""

    @classmethod
    def parse(cls, text: object) -> Reference:
        """Read a reference; raises `DefinitionError`, without repeating what may be a secret itself."""
        found = WRITTEN.fullmatch(text) if isinstance(text, str) and len(text) <= LONGEST else None
        if found is None:
            msg = f"expected a reference such as {SHAPE}, in printable ASCII without spaces"
            raise DefinitionError(msg, remedy="a secret itself never stands in a definition")
        return cls(found[1], found[2], found[3])

    def __str__(self) -> str:
        field = "" if self.field is None else f"#{self.field}"
        return f"secret://{self.provider}/{self.name}{field}"
