"""Which visit something in the log belongs to."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["visit_of"]

VISIT: Final = re.compile(r"@[0-9]+$")


def visit_of(path: str) -> str:
    """Give the path of the visit that something belongs to: of the nearest around it."""
    above = path.rpartition("/")[0]
    while above and not VISIT.search(above):
        above = above.rpartition("/")[0]
    return above
