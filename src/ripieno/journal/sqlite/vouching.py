"""Codes for messages that an earlier format left in inboxes: they are taken as they stand, once."""

# ruff: noqa: S608 - only our own column names are put into statements

from __future__ import annotations

import sqlite3
from typing import Final

from ripieno.journal.keys import MasterKey
from ripieno.journal.sql.master_store import KEYED
from ripieno.journal.vouched import SAID, code
from ripieno.model.errors import StoreError

__all__ = ["vouch_earlier"]

WAITING: Final = (
    f"SELECT position, wrapped, {', '.join(f'inbox.{column}' for column in SAID)} FROM inbox"
    " JOIN runs ON runs.id = run WHERE folded IS NULL AND wrapped <> x''"
)


def vouch_earlier(connection: sqlite3.Connection, master: MasterKey) -> None:
    """Give every message that waits its code, in the transaction that brings an earlier format up.

    Raises `StoreError` where the master key is another one: nothing is brought up then. A message whose
    run's key alone cannot be unwrapped has no code; nobody can take that run up either.
    """
    for newest, wrapped in connection.execute(KEYED).fetchall():
        master.unwrap(bytes.fromhex(newest), wrapped)
    for position, wrapped, *row in connection.execute(WAITING).fetchall():
        try:
            key = master.unwrap(bytes.fromhex(row[1]), wrapped)
        except StoreError:
            continue
        connection.execute("UPDATE inbox SET mac = ? WHERE position = ?", (code(key, row), position))
