"""Operations on inboxes and timers. Each runs inside the group commit."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from ripieno.journal.keys import MasterKey
from ripieno.journal.records import Draft, Lease, Message, QuestionState, why_closed
from ripieno.journal.sqlite.batch import Batch
from ripieno.journal.sqlite.ownership import now, read_row
from ripieno.model.errors import RefusedError
from ripieno.model.event import Json, Kind
from ripieno.model.ids import short

__all__ = ["fire", "fold", "send"]

TAKEN_UP: Final = {
    "resume": "'blocked', 'needs_version'",
    "continue": "'blocked', 'needs_version', 'paused'",
    "cancel": "'paused'",
}
"""In which statuses a run at rest is to be taken up again, by the kind of message; others wait with it."""

TIMERS_AT_ONCE: Final = 1000
"""How many fire in one commit; the next look takes the rest."""


def send(
    batch: Batch,
    master: MasterKey,
    message: Message,
    payloads: tuple[tuple[bytes, bytes], ...],
    closes: QuestionState | None,
) -> None:
    """Put a message into an inbox, closing its question by compare-and-set."""
    execute = batch.connection.execute
    if execute("SELECT 1 FROM inbox WHERE id = ?", (message.id,)).fetchone():
        return
    row = read_row(batch.connection, message.run)
    if row.ended:
        msg = f"run {short(message.run)} has ended ({row.status}); it takes no more messages"
        raise RefusedError(msg)
    if closes is not None:
        close(batch, message, closes)
    if payloads:
        stream = bytes.fromhex(message.run)
        wrapped = execute("SELECT wrapped FROM runs WHERE id = ?", (message.run,)).fetchone()[0]
        key = master.unwrap(stream, wrapped)
        for commitment, data in payloads:
            execute(
                "INSERT OR IGNORE INTO payloads (stream, commitment, sealed) VALUES (?, ?, ?)",
                (stream, commitment, key.seal(commitment, data)),
            )
    put(batch, message)


def put(batch: Batch, message: Message) -> None:
    """Insert a message and raise the count that parking compares."""
    batch.connection.execute(
        "INSERT INTO inbox (id, run, kind, by, at, question, path, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.id,
            message.run,
            message.kind,
            message.by,
            message.at,
            message.question,
            message.path,
            message.content,
        ),
    )
    batch.connection.execute("UPDATE runs SET wanted = wanted + 1 WHERE id = ?", (message.run,))
    taken_up = TAKEN_UP.get(message.kind)
    if taken_up is not None:
        batch.connection.execute(
            f"UPDATE runs SET status = 'running' WHERE id = ? AND status IN ({taken_up})",  # noqa: S608 - ours
            (message.run,),
        )


def close(batch: Batch, message: Message, state: QuestionState) -> None:
    """Close a question, or say who was first."""
    cursor = batch.connection.execute(
        "UPDATE questions SET state = ?, answered_by = ?, answered_at = ?"
        " WHERE id = ? AND run = ? AND state = 'open'",
        (state, message.by, message.at, message.question, message.run),
    )
    if cursor.rowcount == 1:
        return
    row = batch.connection.execute(
        "SELECT number, state, answered_by FROM questions WHERE id = ? AND run = ?",
        (message.question, message.run),
    ).fetchone()
    msg = f"no question {message.question!r}" if row is None else why_closed(*row)
    raise RefusedError(msg)


def fire(batch: Batch, at: int) -> None:
    """Send a message for every timer that is due; closing it decides a race with an answer."""
    due = batch.connection.execute(
        "SELECT id, run, path FROM questions WHERE state = 'open' AND due_at IS NOT NULL AND due_at <= ?"
        " ORDER BY due_at, position LIMIT ?",
        (at, TIMERS_AT_ONCE),
    ).fetchall()
    for question, run, path in due:
        message = Message(f"timer:{question}", run, "timer", "system:timer", at, question, path)
        close(batch, message, "expired")
        put(batch, message)


def fold(batch: Batch, lease: Lease) -> tuple[list[Message], int]:
    """Write an inbox's messages into the chain and mark them as folded.

    The count that comes with them is -1 when the lease is lost.
    """
    if not batch.owns(lease):
        return [], -1
    execute = batch.connection.execute
    rows: list[Any] = execute(
        "SELECT id, run, kind, by, at, question, path, content, position FROM inbox"
        " WHERE run = ? AND folded IS NULL ORDER BY position",
        (lease.run,),
    ).fetchall()
    folded: list[Message] = []
    for *fields, position in rows:
        message = Message(*fields)
        kind: Kind = "message" if message.question is None else "answered"
        draft = Draft(lease, now(), kind, message.path, body(message))
        batch.append(draft)
        execute("UPDATE inbox SET folded = ? WHERE position = ?", (draft.seq, position))
        folded.append(dataclasses.replace(message, seq=draft.seq))
    wanted = execute("SELECT wanted FROM runs WHERE id = ?", (lease.run,)).fetchone()[0]
    execute("UPDATE runs SET seen = ? WHERE id = ?", (wanted, lease.run))
    return folded, int(wanted)


def body(message: Message) -> dict[str, Json]:
    """Give a message as it stands in the chain."""
    fields: dict[str, Json] = {"id": message.id, "what": message.kind, "by": message.by, "sent": message.at}
    if message.question is not None:
        fields["question"] = message.question
    if message.content is not None:
        fields["content"] = message.content
    return fields
