"""The form of an export: lines of JSON, each an object whose `line` says what it is, in this order.

| `line` | what it holds |
|---|---|
| `export` | once, first: `form`, `whole` or a part, `values` or none, `leaves`: how many; `keys`, if any |
| `checkpoint` | `number`, `size`, `at`, `note`; in a part also `proof`: consistency with the newest one |
| `stream` | `id`, `name`, `head_seq`, `head_hash`, and for a run its `row` |
| `event` | `leaf` and its `hash`, or null, `envelope` as it stands; in a part `proof`: inclusion |
| `key` | `stream`, `key`: by which its values are committed; only where values were asked for |
| `value` | `stream`, `commitment`, `data` in base64; only where values were asked for |
| `row` | `table`, and its columns |
| `message` | a message that its run has not taken in yet |
| `end` | once, last: how many `lines` there were before it |

`keys` are statements that a key that signs took the place of another, as notes that both have signed.
Hashes and proofs are base64, ids and commitments hexadecimal. A part holds whole streams.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FORM", "LINES", "RUN_ROW", "RUN_TABLES"]

FORM: Final = "ripieno export 1"

LINES: Final = ("export", "checkpoint", "stream", "event", "key", "value", "row", "message", "end")
"""In this order."""

RUN_ROW: Final = (
    "tenant",
    "workflow",
    "version",
    "principal",
    "key",
    "status",
    "parent",
    "requested_at",
    "ended_at",
)
"""Columns of a run's row."""

RUN_TABLES: Final = {
    "claims": ("run", "path", "attempt", "epoch", "tool"),
    "failed_calls": ("run", "path", "tool", "status", "at"),
    "questions": ("run", "id", "path", "kind", "content", "due_at", "state", "answered_by"),
    "inbox": ("run", "id", "kind", "by", "at", "question", "content", "folded"),
}
"""Tables that runs have rows in, and the columns of them that events tell of."""
