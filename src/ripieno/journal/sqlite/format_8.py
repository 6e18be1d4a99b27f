"""What format 8 adds to the tables: for a new file as for one of format 7 that is brought up.

Each statement is run in order, in one transaction. Once a version with this format was released,
nothing is changed here any more: later formats alter these tables in a step of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLES"]

REGIONS: Final = (
    """
    CREATE TABLE tenant_regions (
        tenant TEXT NOT NULL PRIMARY KEY,
        region TEXT NOT NULL,
        by     TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)
"""In which region a tenant is kept and served."""

TABLES: Final[tuple[str, ...]] = REGIONS
"""The statements, in order."""
