"""The statements by which a log is read when it is verified, and which columns events tell of."""

from __future__ import annotations

from typing import Final

from ripieno.journal.sql.memories import TOLD

__all__ = [
    "COUNTS",
    "DECISIONS",
    "FAILED",
    "HOLDING",
    "MESSAGE",
    "QUESTION",
    "RECODED",
    "REMINDING",
    "SETTLED",
    "UNFOUNDED",
    "WRAPPED",
]

COUNTS: Final = """
SELECT run, sum(claims), sum(questions), sum(folded), sum(failed) FROM (
    SELECT run, 1 AS claims, 0 AS questions, 0 AS folded, 0 AS failed FROM claims
    UNION ALL SELECT run, 0, 1, 0, 0 FROM questions
    UNION ALL SELECT run, 0, 0, 1, 0 FROM inbox WHERE folded IS NOT NULL
    {failed_calls}
) AS counted GROUP BY run ORDER BY run
"""
FAILED: Final = "UNION ALL SELECT run, 0, 0, 0, 1 FROM failed_calls"

UNFOUNDED: Final = """
SELECT run, 'question ' || id || ' is ' || state || ', and no message says so' FROM questions
    WHERE state IN ('answered', 'expired')
    AND id NOT IN (SELECT question FROM inbox WHERE question IS NOT NULL
        AND kind NOT IN ('claim', 'release', 'reassign', 'delegate', 'comment', 'reminded'))
UNION ALL SELECT run, 'question ' || questions.id || ' is open, though it has ended' FROM questions
    JOIN runs ON runs.id = run WHERE state = 'open' AND ended_at IS NOT NULL
UNION ALL SELECT run, 'question ' || id
    || CASE WHEN number IS NULL THEN ' has no number' ELSE ' has a number' END
    FROM questions WHERE (number IS NULL) <> (kind IN ('timer', 'child'))
UNION ALL SELECT run, 'question ' || id || ' is t-' || number || ', the task asked before it '
    || CASE WHEN before = 0 THEN 'is not there' ELSE 't-' || before END FROM (
        SELECT run, id, number, lag(number, 1, 0) OVER (ORDER BY position) AS before FROM questions
        WHERE number IS NOT NULL
    ) AS numbered WHERE number <> before + 1
{recoded}
ORDER BY 1, 2
"""
RECODED: Final = """
UNION ALL SELECT run, 'message ' || id || ' was taken in, and has the code of one that was not' FROM inbox
    WHERE folded IS NOT NULL AND mac IS NOT NULL
"""

WRAPPED: Final = (
    "SELECT wrapped FROM runs WHERE id = ? UNION ALL SELECT wrapped FROM tenants WHERE stream = ?"
)
SETTLED: Final = (
    "SELECT id FROM (SELECT id, state FROM masters ORDER BY generation DESC LIMIT 1) AS newest"
    " WHERE state = 'settled'"
)
"""The master key by which everything is wrapped; none while one takes another's place, or of the first."""

QUESTION: Final = ("run", "path", "kind", "role", "content", "due_at", "state", "answered_by")
HOLDING: Final = ("person", "claimed_by", "claimed_at", "delegated_by", "answered_for", "answered_at")
"""Columns of a question that the first format does not have, or not as its events say them."""
REMINDING: Final = ("reminders", "remind_at", "reminded")
MESSAGE: Final = ("run", "kind", "by", "at", "question", "path", "content", "folded")

DECISIONS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "versions": (("version",), ("workflow", "source", "pins", "about", "registered_at")),
    "compatible": (("old", "new"), ()),
    "drains": (("workflow",), ("by", "at", "reason")),
    "modes": (("version", "participant"), ("mode", "by", "event")),
    "principals": (("id",), ("status", "roles", "groups", "provided", "by", "event")),
    "providers": (("issuer",), ("settings", "by")),
    "api_keys": (("id",), ("principal", "verifier", "scope", "expires_at", "created_at", "by", "state")),
    "logins": (("credential",), ("principal", "mark", "at")),
    "group_roles": (("group", "role"), ("by",)),
    "deployments": (("workflow", "stage"), ("version", "share", "by", "event")),
    "protected": (("workflow",), ("by", "event")),
    "agent_states": (("workflow", "agent"), ("status", "by", "reason", "event")),
    "stops": (("what", "name"), ("by", "at", "reason")),
    "budgets": (("team",), ("cost", "hard", "by")),
    "tenant_regions": ((), ("region", "by")),
    "policy_sets": (("version",), ("content", "state", "by", "event")),
    "policy_stages": (("stage",), ("version", "share", "by", "event")),
    "erasures": (("stream",), ("by", "at", "reason")),
    "holds": (("what", "name"), ("by", "at", "reason")),
    "retention": (("data",), ("keep", "at_least", "by")),
    "memories": (("id",), TOLD[1:]),
    "documents": (("collection", "document"), ("about", "digest", "passages", "by", "at")),
    "masters": (("id",), ("generation", "before", "state", "by")),
    "absences": (("id",), ("person", "substitute", "from_at", "until_at", "set_by", "set_at")),
}
"""Tables of what was decided outside runs: the columns that name a row, and those that events repeat."""
