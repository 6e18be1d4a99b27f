"""What format 4 adds to the tables: for a new file as for one of format 3 that is brought up.

Each statement is run in order, in one transaction. Once a version with this format was released,
nothing is changed here any more: later formats alter these tables in a step of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ROWS", "TABLES"]

PROOF: Final = (
    """
    CREATE TABLE leaves (
        leaf     INTEGER PRIMARY KEY,
        position INTEGER NOT NULL UNIQUE,
        stream   BLOB    NOT NULL,
        seq      INTEGER NOT NULL,
        hash     BLOB    NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE tree_nodes (
        level  INTEGER NOT NULL,
        number INTEGER NOT NULL,
        hash   BLOB    NOT NULL,
        PRIMARY KEY (level, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE checkpoints (
        number INTEGER PRIMARY KEY,
        size   INTEGER NOT NULL,
        at     INTEGER NOT NULL,
        note   TEXT    NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE sinks (
        sink      TEXT    PRIMARY KEY,
        number    INTEGER,
        at        INTEGER,
        failed_at INTEGER,
        problem   TEXT
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE feeds (
        feed      TEXT    PRIMARY KEY,
        position  INTEGER NOT NULL,
        failed_at INTEGER,
        problem   TEXT
    ) STRICT, WITHOUT ROWID
    """,
)
"""The tree over the log, what was signed of it, where that was published, and what was told to whom."""

POLICIES: Final = (
    """
    CREATE TABLE policy_sets (
        tenant  TEXT    NOT NULL,
        version TEXT    NOT NULL,
        content TEXT    NOT NULL,
        state   TEXT    NOT NULL,
        by      TEXT    NOT NULL,
        event   INTEGER NOT NULL,
        PRIMARY KEY (tenant, version)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE policy_stages (
        tenant  TEXT    NOT NULL,
        stage   TEXT    NOT NULL,
        version TEXT    NOT NULL,
        share   INTEGER NOT NULL,
        by      TEXT    NOT NULL,
        event   INTEGER NOT NULL,
        PRIMARY KEY (tenant, stage)
    ) STRICT, WITHOUT ROWID
    """,
)
"""What each set of policies said that decisions were made under, and which set is in force."""

LEAVE: Final = ("ALTER TABLE inbox ADD COLUMN leave TEXT",)
"""By what policies a command was let give, until it is in the chain of its run."""

RETENTION: Final = (
    """
    CREATE TABLE erasures (
        stream    TEXT    PRIMARY KEY,
        tenant    TEXT    NOT NULL,
        by        TEXT    NOT NULL,
        at        INTEGER NOT NULL,
        reason    TEXT    NOT NULL,
        scrubbing TEXT
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX erasures_since ON erasures (at)",
    "CREATE INDEX erasures_scrubbing ON erasures (scrubbing) WHERE scrubbing IS NOT NULL",
    """
    CREATE TABLE holds (
        tenant TEXT    NOT NULL,
        what   TEXT    NOT NULL,
        name   TEXT    NOT NULL,
        by     TEXT    NOT NULL,
        at     INTEGER NOT NULL,
        reason TEXT    NOT NULL,
        PRIMARY KEY (tenant, what, name)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE retention (
        tenant   TEXT    NOT NULL,
        data     TEXT    NOT NULL,
        keep     INTEGER,
        at_least INTEGER,
        by       TEXT    NOT NULL,
        PRIMARY KEY (tenant, data)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX runs_over ON runs (tenant, version, ended_at)
        WHERE ended_at IS NOT NULL AND wrapped <> x''
    """,
)
"""Of what the values were erased, what may not be, and for how long which classes of data are kept."""

TABLES: Final = (*PROOF, *POLICIES, *LEAVE, *RETENTION)
"""Every statement of format 4."""

ROWS: Final = (
    # when a question was asked is what its event says: a row said when it was about to be
    """
    UPDATE questions SET asked_at = asked.at FROM (
        SELECT CASE WHEN json_valid(said) THEN run || '/' || json_extract(said, '$.path') END AS question,
               CASE WHEN json_valid(said) THEN json_extract(said, '$.at') END AS at
        FROM (SELECT lower(hex(stream)) AS run, CAST(envelope AS TEXT) AS said FROM events
              WHERE kind = 'asked')
    ) AS asked WHERE questions.id = asked.question AND typeof(asked.at) = 'integer'
    """,
    # calls are counted anew from here on: from now on their intents say under which rate
    "DELETE FROM rates",
)
"""What becomes of the rows of a file of format 3."""
