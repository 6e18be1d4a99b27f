"""What format 5 adds to the tables: for a new file as for one of format 4 that is brought up.

Each statement is run in order, in one transaction. Once a version with this format was released,
nothing is changed here any more: later formats alter these tables in a step of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLES"]

MASTERS: Final = (
    """
    CREATE TABLE masters (
        tenant     TEXT    NOT NULL,
        id         TEXT    NOT NULL,
        generation INTEGER NOT NULL,
        before     TEXT    NOT NULL,
        state      TEXT    NOT NULL,
        by         TEXT    NOT NULL,
        PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID
    """,
)
"""By which master keys the keys of runs and tenants were wrapped, the first one left out."""

MAC: Final = ("ALTER TABLE inbox ADD COLUMN mac BLOB",)
"""The code of a message that was not taken in yet; `vouching.py` gives it to those that wait."""

TABLES: Final = (*MASTERS, *MAC)
"""Every statement of format 5."""
