"""What shows that a message was put into an inbox by a process that holds the key of its run.

A row alone shows nothing: whoever can write to the file can add one. So each message carries a code over
all that it says, under a key derived from the run's secret, until it is in the chain.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Final

from ripieno.journal.keys import StreamKey
from ripieno.journal.records import Message
from ripieno.model.errors import StoreError
from ripieno.model.ids import short
from ripieno.model.principal import leave_of

__all__ = ["SAID", "VOUCHED", "ForgedError", "check", "code", "columns", "fits"]

VOUCHED: Final = 5
"""From this format on messages carry a code under their run's key; they are given one no later than here."""

SAID: Final = ("id", "run", "kind", "by", "at", "question", "path", "content", "target", "leave")
"""The columns of a message that its code is over, in order."""


class ForgedError(StoreError):
    """A message in an inbox was not written by a process that holds the key of its run, or was changed."""


def columns(message: Message) -> tuple[object, ...]:
    """Give a message as its row says it, by `SAID`."""
    leave = leave_of(message.by)
    return (
        *(message.id, message.run, message.kind, message.by, message.at, message.question, message.path),
        *(message.content, message.target, json.dumps(leave) if leave else None),
    )


def code(key: StreamKey, row: Sequence[object]) -> bytes:
    """Give the code over the columns of a message, under its run's key."""
    return key.vouch(json.dumps(row).encode())


def fits(key: StreamKey, row: Sequence[object], found: bytes | None) -> bool:
    """Tell whether the code that a message carries is the one over what its row says."""
    return found is not None and hmac.compare_digest(code(key, row), found)


def check(key: StreamKey, row: Sequence[object], found: bytes | None) -> None:
    """Raise `ForgedError` unless it does."""
    if not fits(key, row, found):
        name, run, kind, by = row[:4]
        whose = f"message {name} in the inbox of run {short(str(run))} ({kind}, said to be by {by})"
        msg = (
            f"{whose} was not written by a process that holds the run's key, or was changed since:"
            " nothing of its inbox is taken in"
        )
        raise ForgedError(msg, remedy="docs/operations.md says what to do about a forged message")
