"""The store of many machines: tables in a PostgreSQL database.

May import `model` and the rest of `journal` but `sqlite`; nothing imports it where no such database is named,
as it needs the extra `postgres`.
"""

from ripieno.journal.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
