"""How often a principal calls a tool, all its runs together: one row each, moved on by the claim itself.

The row holds the time at which all calls so far would be paid for if they came evenly: as many as the rate
allows may come at once, and then one whenever its share of the time has passed (the generic cell rate
algorithm, ITU-T I.371).
"""

from __future__ import annotations

from typing import Final

from ripieno.journal.records import ClaimChange, Draft
from ripieno.journal.sql.database import Connection, put

__all__ = ["too_fast"]

PAY: Final = put("rates", "tenant, principal, tool", "paid_at")


def too_fast(connection: Connection, draft: Draft) -> bool:
    """Tell whether a claim comes too soon after others; where not, it is counted."""
    rate = draft.change.rate if isinstance(draft.change, ClaimChange) else None
    if rate is None:
        return False
    tenant, principal = connection.execute(
        "SELECT tenant, principal FROM runs WHERE id = ?", (draft.lease.run,)
    ).fetchone()
    key = (tenant, principal, rate.tool)
    row = connection.execute(
        "SELECT paid_at FROM rates WHERE tenant = ? AND principal = ? AND tool = ?", key
    ).fetchone()
    paid = max(draft.at, 0 if row is None else row[0]) + rate.per // rate.calls
    if paid - draft.at > rate.per:
        return True
    connection.execute(PAY, (*key, paid))
    return False
