"""Which of two versions a new run falls to, where one has a share of them."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["PARTS", "WHOLE", "part_of"]

WHOLE: Final = 100
"""All new runs, in per cent."""

PARTS: Final = 10_000


def part_of(what: str, mark: str) -> int:
    """Give which part in ten thousand a run falls into, evenly and for good."""
    found = hashlib.sha256(f"{what}\n{mark}".encode()).digest()
    return int.from_bytes(found[:8], "big") % PARTS
