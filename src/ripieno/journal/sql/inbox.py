"""Operations on inboxes and timers. Each runs inside the group commit."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final

from ripieno.journal.keys import MasterKey, StreamKey
from ripieno.journal.records import OF_A_TASK, Draft, Lease, Message, QuestionState, why_closed
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.ownership import now, read_row
from ripieno.journal.sql.posting import post
from ripieno.journal.vouched import SAID, check, code, columns
from ripieno.model.errors import ChangedError, RefusedError, StoreError
from ripieno.model.event import Json, Kind
from ripieno.model.ids import short
from ripieno.model.principal import By, leave_of

__all__ = ["body", "fire", "fold", "keep", "key_of", "put", "refuse_closed", "send"]

TIMERS_AT_ONCE: Final = 1000
"""How many fire in one commit; the next look takes the rest."""


def send(
    batch: Batch,
    master: MasterKey,
    message: Message,
    payloads: tuple[tuple[bytes, bytes], ...],
    *,
    closes: QuestionState | None,
    revision: int | None = None,
) -> None:
    """Put a message into an inbox, closing its question by compare-and-set.

    With `revision` only while the task is with whom the sender saw it with; else `ChangedError`.
    """
    execute = batch.connection.execute
    if execute("SELECT 1 FROM inbox WHERE id = ?", (message.id,)).fetchone():
        return
    row = read_row(batch.connection, message.run)
    if row.ended:
        msg = f"run {short(message.run)} has ended ({row.status}); it takes no more messages"
        raise RefusedError(msg)
    if closes is not None:
        close(batch, message, closes, revision)
    key = key_of(batch, master, message.run)
    keep(batch, key, payloads)
    put(batch, key, message)


def key_of(batch: Batch, master: MasterKey, run: str) -> StreamKey:
    """Give a run's key."""
    return master.unwrap(bytes.fromhex(run), wrapped_of(batch, run))


def wrapped_of(batch: Batch, run: str) -> bytes:
    """Give a run's key as it is kept; nothing where there is no such run."""
    found = "SELECT coalesce((SELECT wrapped FROM runs WHERE id = ?), x'')"
    (wrapped,) = batch.connection.execute(found, (run,)).fetchone()
    return wrapped


def keep(batch: Batch, key: StreamKey, payloads: tuple[tuple[bytes, bytes], ...]) -> None:
    """Keep values that were sent to a run."""
    for commitment, data in payloads:
        batch.connection.execute(
            "INSERT INTO payloads (stream, commitment, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (key.stream, commitment, key.seal(commitment, data)),
        )


def put(batch: Batch, key: StreamKey | None, message: Message) -> None:
    """Insert a message, vouched for by the run's key, and raise the count that parking compares."""
    post(batch.connection, message, None if key is None else code(key, columns(message)))


def close(batch: Batch, message: Message, state: QuestionState, revision: int | None = None) -> None:
    """Close a question, or say who was first."""
    execute = batch.connection.execute
    cursor = execute(
        "UPDATE questions SET state = ?, answered_by = ?, answered_at = ?, answered_for = ?"
        " WHERE id = ? AND run = ? AND state = 'open' AND revision = coalesce(?, revision)",
        (state, message.by, message.at, message.target, message.question, message.run, revision),
    )
    if cursor.rowcount == 0:
        refuse_closed(batch, message)
        msg = "somebody else took or moved it meanwhile"
        raise ChangedError(msg)


def refuse_closed(batch: Batch, message: Message) -> None:
    """Raise `RefusedError` where the question of a message is not open."""
    row = batch.connection.execute(
        "SELECT number, state, answered_by, answered_at, answered_for FROM questions"
        " WHERE id = ? AND run = ?",
        (message.question, message.run),
    ).fetchone()
    if row is None:
        msg = f"no question {message.question!r}"
        raise RefusedError(msg)
    if row[1] != "open":
        raise RefusedError(why_closed(*row))


def fire(batch: Batch, master: MasterKey, at: int) -> None:
    """Send a message for every timer that is due; closing it decides a race with an answer.

    One whose run's key is damaged goes without a code, so that it keeps no other from being sent.
    """
    due = batch.connection.execute(
        "SELECT id, run, path FROM questions WHERE state = 'open' AND due_at IS NOT NULL AND due_at <= ?"
        " ORDER BY due_at, position LIMIT ?",
        (at, TIMERS_AT_ONCE),
    ).fetchall()
    for question, run, path in due:
        try:
            key = master.reach(bytes.fromhex(run), wrapped_of(batch, run))
        except (StoreError, ValueError):
            key = None
        message = Message(f"timer:{question}", run, "timer", "system:timer", at, question, path)
        close(batch, message, "expired")
        put(batch, key, message)


def fold(batch: Batch, lease: Lease) -> tuple[list[Message], int]:
    """Write an inbox's messages into the chain and mark them as folded.

    The count that comes with them is -1 when the lease is lost. Raises `ForgedError`, and takes in none,
    where one was not written by a process that holds the run's key. From here on the chain vouches for
    them: they lose their code, so that none can be put back to be taken in again.
    """
    if not batch.owns(lease):
        return [], -1
    execute = batch.connection.execute
    rows: list[Any] = execute(
        f"SELECT {', '.join(SAID)}, mac, position FROM inbox"  # noqa: S608 - our own columns
        " WHERE run = ? AND folded IS NULL ORDER BY position",
        (lease.run,),
    ).fetchall()
    for *said, mac, _ in rows:
        check(lease.key, said, mac)
    folded: list[Message] = []
    for *fields, target, leave, _, position in rows:
        message = Message(*fields, target=target)
        if leave is not None:
            message = dataclasses.replace(message, by=By.of(message.by, json.loads(leave)))
        kind = event_of(message)
        draft = Draft(lease, now(), kind, message.path, body(message))
        batch.append(draft)
        execute("UPDATE inbox SET folded = ?, mac = NULL WHERE position = ?", (draft.seq, position))
        folded.append(dataclasses.replace(message, seq=draft.seq))
    wanted = execute("SELECT wanted FROM runs WHERE id = ?", (lease.run,)).fetchone()[0]
    execute("UPDATE runs SET seen = ? WHERE id = ?", (wanted, lease.run))
    return folded, int(wanted)


def event_of(message: Message) -> Kind:
    """Give the kind of event that a message becomes."""
    if message.kind in OF_A_TASK:
        return "task"
    return "message" if message.question is None else "answered"


def body(message: Message) -> dict[str, Json]:
    """Give a message as it stands in the chain."""
    fields: dict[str, Json] = {"id": message.id, "what": message.kind, "by": message.by, "sent": message.at}
    fields |= leave_of(message.by)
    if message.question is not None:
        fields["question"] = message.question
    if message.content is not None:
        fields["content"] = message.content
    if message.target is not None:
        fields["for" if message.kind == "answer" else "to"] = message.target
    return fields
