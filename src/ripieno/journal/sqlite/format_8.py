"""What format 8 adds to the tables: for a new file as for one of format 7 that is brought up.

Each statement is run in order, in one transaction. Once a version with this format was released,
nothing is changed here any more: later formats alter these tables in a step of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLES"]

TABLES: Final[tuple[str, ...]] = ()
"""The statements, in order."""
