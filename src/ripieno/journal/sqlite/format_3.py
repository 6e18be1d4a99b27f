"""What format 3 adds to the tables: for a new file as for one of format 2 that is brought up.

Each statement is run in order, in one transaction. Once a version with this format was released,
nothing is changed here any more: later formats alter these tables in a step of their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["TABLES"]

IDENTITY: Final = (
    """
    CREATE TABLE principals (
        tenant   TEXT    NOT NULL,
        id       TEXT    NOT NULL,
        status   TEXT    NOT NULL,
        roles    TEXT    NOT NULL,
        groups   TEXT    NOT NULL,
        provided TEXT    NOT NULL,
        by       TEXT    NOT NULL,
        event    INTEGER NOT NULL,
        PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE group_roles (
        tenant  TEXT NOT NULL,
        "group" TEXT NOT NULL,
        role    TEXT NOT NULL,
        by      TEXT NOT NULL,
        PRIMARY KEY (tenant, "group", role)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE providers (
        tenant   TEXT NOT NULL,
        issuer   TEXT NOT NULL,
        settings TEXT NOT NULL,
        by       TEXT NOT NULL,
        PRIMARY KEY (tenant, issuer)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE api_keys (
        id         TEXT    PRIMARY KEY,
        tenant     TEXT    NOT NULL,
        principal  TEXT    NOT NULL,
        verifier   TEXT    NOT NULL,
        scope      TEXT    NOT NULL,
        expires_at INTEGER,
        created_at INTEGER NOT NULL,
        by         TEXT    NOT NULL,
        state      TEXT    NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX api_keys_tenant ON api_keys (tenant, principal)",
    """
    CREATE TABLE logins (
        tenant     TEXT    NOT NULL,
        credential TEXT    NOT NULL,
        principal  TEXT    NOT NULL,
        mark       TEXT    NOT NULL,
        at         INTEGER NOT NULL,
        PRIMARY KEY (tenant, credential)
    ) STRICT, WITHOUT ROWID
    """,
)
"""Who there is, what their groups mean, with which keys they come, and when each last came."""

DEPLOYMENT: Final = (
    "ALTER TABLE versions ADD COLUMN about TEXT NOT NULL DEFAULT '{}'",
    """
    CREATE TABLE deployments (
        tenant   TEXT    NOT NULL,
        workflow TEXT    NOT NULL,
        stage    TEXT    NOT NULL,
        version  TEXT    NOT NULL,
        share    INTEGER NOT NULL,
        by       TEXT    NOT NULL,
        event    INTEGER NOT NULL,
        PRIMARY KEY (tenant, workflow, stage)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE protected (
        tenant   TEXT    NOT NULL,
        workflow TEXT    NOT NULL,
        by       TEXT    NOT NULL,
        event    INTEGER NOT NULL,
        PRIMARY KEY (tenant, workflow)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE agent_states (
        tenant   TEXT    NOT NULL,
        workflow TEXT    NOT NULL,
        agent    TEXT    NOT NULL,
        status   TEXT    NOT NULL,
        by       TEXT    NOT NULL,
        reason   TEXT    NOT NULL,
        event    INTEGER NOT NULL,
        PRIMARY KEY (tenant, workflow, agent)
    ) STRICT, WITHOUT ROWID
    """,
)
"""Which versions serve new runs, which workflows start no others, and who of them may act."""

STOPS: Final = (
    """
    CREATE TABLE stops (
        tenant TEXT    NOT NULL,
        what   TEXT    NOT NULL,
        name   TEXT    NOT NULL,
        by     TEXT    NOT NULL,
        at     INTEGER NOT NULL,
        reason TEXT    NOT NULL,
        PRIMARY KEY (tenant, what, name)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX runs_stopped ON runs (id) WHERE status = 'stopped' AND wanted > seen",
    """
    CREATE TABLE rates (
        tenant    TEXT    NOT NULL,
        principal TEXT    NOT NULL,
        tool      TEXT    NOT NULL,
        paid_at   INTEGER NOT NULL,
        PRIMARY KEY (tenant, principal, tool)
    ) STRICT, WITHOUT ROWID
    """,
)
"""What begins nothing new until it is released, and how fast tools are called."""

BUDGETS: Final = (
    "ALTER TABLE runs ADD COLUMN again_at INTEGER",
    "CREATE INDEX runs_again ON runs (again_at) WHERE status = 'stopped' AND again_at IS NOT NULL",
    """
    CREATE TABLE budgets (
        tenant TEXT    NOT NULL,
        team   TEXT    NOT NULL,
        cost   INTEGER NOT NULL,
        hard   INTEGER NOT NULL,
        by     TEXT    NOT NULL,
        PRIMARY KEY (tenant, team)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE spent_months (
        tenant  TEXT    NOT NULL,
        team    TEXT    NOT NULL,
        month   TEXT    NOT NULL,
        cost    INTEGER NOT NULL,
        alerted INTEGER NOT NULL,
        PRIMARY KEY (tenant, team, month)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE reserved (
        run    TEXT    NOT NULL,
        path   TEXT    NOT NULL,
        tenant TEXT    NOT NULL,
        team   TEXT    NOT NULL,
        cost   INTEGER NOT NULL,
        PRIMARY KEY (run, path)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX reserved_tenant ON reserved (tenant, team)",
    """
    INSERT INTO spent_months (tenant, team, month, cost, alerted)
    SELECT tenant, '', strftime('%Y-%m', at / 1000000, 'unixepoch'), sum(cost), 0 FROM (
        SELECT r.tenant AS tenant, json_extract(CAST(e.envelope AS TEXT), '$.at') AS at,
            CASE WHEN e.kind = 'spent' THEN json_extract(CAST(e.envelope AS TEXT), '$.body.amounts.cost')
            WHEN json_extract(CAST(e.envelope AS TEXT), '$.body.status') IN ('done', 'failed')
            THEN json_extract(CAST(e.envelope AS TEXT), '$.body.spent.cost') END AS cost
        FROM events e JOIN runs r ON r.id = lower(hex(e.stream)) WHERE e.kind IN ('result', 'spent')
    ) WHERE cost > 0 GROUP BY 1, 3
    """,
)
"""What a tenant and its teams may spend in a month, what they have spent, and what is reserved for calls."""

TABLES: Final = (*IDENTITY, *DEPLOYMENT, *STOPS, *BUDGETS)
"""Every statement of format 3."""
