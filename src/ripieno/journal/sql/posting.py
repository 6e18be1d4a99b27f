"""Putting a message into an inbox, within whatever transaction is open."""

from __future__ import annotations

from typing import Final

from ripieno.journal.records import Message, Told
from ripieno.journal.sql.database import Connection
from ripieno.journal.vouched import SAID, columns

__all__ = ["post", "tell"]

TAKEN_UP: Final = {
    "resume": "'blocked', 'needs_version'",
    "continue": "'blocked', 'needs_version', 'paused'",
    "cancel": "'paused'",
}
"""In which statuses a run at rest is to be taken up again, by the kind of message; others wait with it."""


INSERT: Final = f"INSERT INTO inbox ({', '.join(SAID)}, mac) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - ours


def post(connection: Connection, message: Message, mac: bytes | None) -> None:
    """Insert a message with its code, and raise the count that parking compares."""
    connection.execute(INSERT, (*columns(message), mac))
    connection.execute("UPDATE runs SET wanted = wanted + 1 WHERE id = ?", (message.run,))
    taken_up = TAKEN_UP.get(message.kind)
    if taken_up is not None:
        connection.execute(
            f"UPDATE runs SET status = 'running' WHERE id = ? AND status IN ({taken_up})",  # noqa: S608 - ours
            (message.run,),
        )


def tell(connection: Connection, told: Told) -> None:
    """Close the wait of a parent with the last words of its child, if it waits for them still."""
    message = told.message
    closed = connection.execute(
        "UPDATE questions SET state = 'answered', answered_by = ?, answered_at = ?"
        " WHERE id = ? AND run = ? AND state = 'open'",
        (message.by, message.at, message.question, message.run),
    )
    if closed.rowcount == 0:
        return
    connection.execute(
        "INSERT INTO payloads (stream, commitment, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (told.stream, told.commitment, told.sealed),
    )
    post(connection, message, told.mac)
