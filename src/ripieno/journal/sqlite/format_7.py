"""What format 7 adds to the tables: for a new file as for one of format 6 that is brought up.

Each statement is run in order, in one transaction. Once a version with this format was released,
nothing is changed here any more: later formats alter these tables in a step of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLES"]

MEMORIES: Final = (
    """
    CREATE TABLE memories (
        tenant      TEXT    NOT NULL,
        id          TEXT    NOT NULL,
        space       TEXT    NOT NULL,
        memory      TEXT    NOT NULL,
        participant TEXT    NOT NULL,
        about       TEXT    NOT NULL,
        run         TEXT    NOT NULL,
        path        TEXT    NOT NULL,
        value       TEXT    NOT NULL,
        sources     TEXT    NOT NULL,
        at          INTEGER NOT NULL,
        expires     INTEGER,
        replaces    TEXT,
        by          TEXT    NOT NULL,
        state       TEXT    NOT NULL,
        call        TEXT    NOT NULL,
        PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX memories_kept ON memories (tenant, space, at) WHERE state = 'kept'",
    "CREATE INDEX memories_run ON memories (run)",
    "CREATE INDEX memories_expires ON memories (tenant, expires) WHERE state = 'kept'",
)
"""What is remembered beyond a run: where it stands, and what became of it; never what it says."""

DOCUMENTS: Final = (
    """
    CREATE TABLE documents (
        tenant     TEXT    NOT NULL,
        collection TEXT    NOT NULL,
        document   TEXT    NOT NULL,
        about      TEXT    NOT NULL,
        digest     TEXT    NOT NULL,
        passages   INTEGER NOT NULL,
        by         TEXT    NOT NULL,
        at         INTEGER NOT NULL,
        PRIMARY KEY (tenant, collection, document)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE passages (
        tenant     TEXT    NOT NULL,
        collection TEXT    NOT NULL,
        document   TEXT    NOT NULL,
        number     INTEGER NOT NULL,
        text       TEXT    NOT NULL,
        words      INTEGER NOT NULL,
        PRIMARY KEY (tenant, collection, document, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE postings (
        tenant     TEXT    NOT NULL,
        collection TEXT    NOT NULL,
        word       BLOB    NOT NULL,
        document   TEXT    NOT NULL,
        places     BLOB    NOT NULL,
        PRIMARY KEY (tenant, collection, word, document)
    ) STRICT, WITHOUT ROWID
    """,
)
"""Documents to be found by their words, each word as a code under the tenant's key."""

TABLES: Final = (*MEMORIES, *DOCUMENTS)
"""Every statement of format 7."""
