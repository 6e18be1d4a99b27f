"""Operations on tasks short of their answers: who has them, reminders, who is away. In the group commit."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Final

from ripieno.journal.keys import MasterKey
from ripieno.journal.records import Lease, Message
from ripieno.journal.sql import inbox, tenants
from ripieno.journal.sql.batch import Batch
from ripieno.journal.sql.ownership import current
from ripieno.journal.tasks import Absence, Holding, standing_in
from ripieno.journal.vouched import ForgedError
from ripieno.model.errors import ChangedError, NotFoundError

__all__ = ["ABSENCE", "clear_absence", "move", "remind", "set_absence"]

REMINDERS_AT_ONCE: Final = 1000
"""How many are given in one commit; the next look takes the rest."""

AT_REST: Final = frozenset({"waiting", "paused", "stopped", "blocked", "needs_version"})

ABSENCE: Final = "id, tenant, person, substitute, from_at, until_at, set_by, set_at"


def move(
    batch: Batch,
    master: MasterKey,
    message: Message,
    payloads: tuple[tuple[bytes, bytes], ...],
    change: tuple[int, Holding] | None,
) -> None:
    """Record what was done with a task: with `change`, whom it is with from now on.

    `change` names the revision that it starts from. Raises `ChangedError` when that is no longer the
    one, and `RefusedError` when the task is not open.
    """
    inbox.refuse_closed(batch, message)
    if change is not None:
        revision, holding = change
        cursor = batch.connection.execute(
            "UPDATE questions SET role = ?, person = ?, claimed_by = ?, claimed_at = ?, delegated_by = ?,"
            " revision = revision + 1 WHERE id = ? AND revision = ?",
            (
                holding.role,
                holding.person,
                holding.claimed_by,
                None if holding.claimed_by is None else message.at,
                holding.delegated_by,
                message.question,
                revision,
            ),
        )
        if cursor.rowcount == 0:
            msg = "somebody else took or moved it meanwhile"
            raise ChangedError(msg)
    note(batch, master, message, payloads)


def note(
    batch: Batch, master: MasterKey, message: Message, payloads: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    """Put a message that wakes nobody into a run's chain.

    A run at rest has no owner; its chain is owned for the length of this operation, under an epoch of
    its own, and nobody replays it. Otherwise whoever owns the run now, or takes it up next, folds it.
    """
    key = inbox.key_of(batch, master, message.run)
    inbox.keep(batch, key, payloads)
    row = current(batch, message.run)
    inbox.put(batch, key, message)
    if row.status not in AT_REST or row.owner is not None or row.wanted != row.seen:
        return
    lease = Lease(row.id, key.stream, row.epoch + 1, key, row.head_seq, row.head_hash)
    batch.connection.execute("UPDATE runs SET epoch = ? WHERE id = ?", (lease.epoch, row.id))
    batch.lead(lease)
    with contextlib.suppress(ForgedError):  # whoever takes the run up next finds what was forged
        inbox.fold(batch, lease)
    batch.give_up(lease)


def remind(batch: Batch, master: MasterKey, at: int) -> None:
    """Remind people of every open task whose next reminder is due; of those passed over, once."""
    due = batch.connection.execute(
        "SELECT q.id, q.run, q.path, q.role, q.person, q.claimed_by, q.reminders, r.tenant"
        " FROM questions q JOIN runs r ON r.id = q.run WHERE q.state = 'open' AND q.remind_at <= ?"
        " ORDER BY q.remind_at, q.position LIMIT ?",
        (at, REMINDERS_AT_ONCE),
    ).fetchall()
    for question, run, path, role, person, claimed_by, reminders, tenant in due:
        times: list[int] = json.loads(reminders)
        left = [time for time in times if time > at]
        batch.connection.execute(
            "UPDATE questions SET reminders = ?, remind_at = ?, reminded = reminded + 1 WHERE id = ?",
            (json.dumps(left), left[0] if left else None, question),
        )
        who = standing_in(absences(batch, tenant, at), claimed_by or person or f"role:{role}", at)
        name = f"reminder:{question}:{len(left)}"
        note(batch, master, Message(name, run, "reminded", "system:timer", at, question, path, target=who))


def absences(batch: Batch, tenant: str, at: int) -> Sequence[Absence]:
    """Give who is away at a time, or will be."""
    rows = batch.connection.execute(
        f"SELECT {ABSENCE} FROM absences WHERE tenant = ? AND until_at > ?",  # noqa: S608 - our own columns
        (tenant, at),
    )
    return [Absence(*row) for row in rows]


def set_absence(batch: Batch, master: MasterKey, absence: Absence) -> None:
    """Record that somebody is away, in the tenant's own stream."""
    batch.connection.execute(
        f"INSERT INTO absences ({ABSENCE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - our own columns
        (
            absence.id,
            absence.tenant,
            absence.person,
            absence.substitute,
            absence.from_at,
            absence.until_at,
            absence.set_by,
            absence.set_at,
        ),
    )
    body = {
        "id": absence.id,
        "person": absence.person,
        "substitute": absence.substitute,
        "from": absence.from_at,
        "until": absence.until_at,
        "by": absence.set_by,
        "set": absence.set_at,
    }
    tenants.record(batch, master, absence.tenant, ("absence.set", "", body))


def clear_absence(batch: Batch, master: MasterKey, absence: Absence, by: str) -> None:
    """Record that an absence does not count any more; raises `NotFoundError` when it is gone already."""
    if not batch.connection.execute("DELETE FROM absences WHERE id = ?", (absence.id,)).rowcount:
        msg = f"the absence of {absence.person} was cleared already"
        raise NotFoundError(msg)
    body = {"id": absence.id, "person": absence.person, "by": by}
    tenants.record(batch, master, absence.tenant, ("absence.cleared", "", body))
