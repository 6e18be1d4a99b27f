"""Whether what rights follow from has changed, for whoever commits and for whoever only looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ripieno.journal.rights import AUTHORITY
from ripieno.journal.sql.database import marks

__all__ = ["changed_since"]

CHANGED: Final = (
    "SELECT 1 FROM tenants t JOIN events e ON e.stream = t.stream AND e.seq > ?"  # noqa: S608 - marks alone
    f" WHERE t.name = ? AND e.kind IN ({marks(len(AUTHORITY))}) LIMIT 1"
)


def changed_since(one: Callable[..., Any], tenant: str, head: int) -> bool:
    """Tell whether rights in a tenant may have changed since an event of its stream; `one` reads a row."""
    return one(CHANGED, head, tenant, *AUTHORITY) is not None
