"""The embedded store: one SQLite file, one writer thread, many processes.

May import `model` and the rest of `journal`.
"""

from ripieno.journal.sqlite.read_only import ReadOnlyStore, only_readable
from ripieno.journal.sqlite.store import SqliteStore

__all__ = ["ReadOnlyStore", "SqliteStore", "only_readable"]
