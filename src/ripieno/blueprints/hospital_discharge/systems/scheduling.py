"""The local scheduling system: slots of clinics in working hours, one patient each."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from ripieno.blueprints.hospital_discharge.systems.base import Appointment, Sender
from ripieno.blueprints.hospital_discharge.systems.store import Store
from ripieno.blueprints.hospital_discharge.working_hours import CLINIC_HOURS, WorkingHours
from ripieno.model.errors import InputError, NotFoundError, RefusedError

__all__ = ["LocalScheduling"]

_ID = re.compile(r"V-(\d{1,9})", re.ASCII)

_FIRST_NUMBER = 100
"""Numbers are shown from here on, so that ids look like a system in use."""

_HORIZON = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class LocalScheduling:
    """A `Scheduling` on the local file. It does not look at keys when it books, only when it finds."""

    store: Store
    hours: WorkingHours = CLINIC_HOURS

    def book(self, patient: str, clinic: str, at: datetime, reason: str, *, sender: Sender) -> Appointment:
        """Hold the first slot at or after `at` that is free for the clinic and for the patient.

        Raises RefusedError when nothing is free for 90 days, InputError when `at` has an offset.
        """
        arguments = {"patient": patient, "clinic": clinic, "at": at.isoformat(), "reason": reason}
        with self.store.call("scheduling", "book", sender, arguments) as (connection, answer):
            if at.tzinfo is not None:
                msg = f"expected the clinic's local time without an offset, got {at.isoformat()!r}"
                raise InputError(msg)
            slot = self._free(connection, patient, clinic, at)
            minutes = int(self.hours.slot.total_seconds() // 60)
            inserted = connection.execute(
                "INSERT INTO appointments (patient, clinic, at, minutes, reason, status, key)"
                " VALUES (?, ?, ?, ?, ?, 'booked', ?) RETURNING *",
                (patient, clinic, slot.isoformat(), minutes, reason, sender.key),
            ).fetchone()
            booked = _appointment(inserted)
            answer.text = booked.visit
        return booked

    def find(self, key: str, *, sender: Sender) -> Appointment | None:
        """Find the first booked appointment made under `key`."""
        with self.store.call("scheduling", "find", sender, {"key": key}) as (connection, answer):
            row = connection.execute(
                "SELECT * FROM appointments WHERE key = ? AND status = 'booked' ORDER BY number", (key,)
            ).fetchone()
            found = _appointment(row) if row else None
            answer.text = found.visit if found else "none"
        return found

    def cancel(self, visit: str, *, sender: Sender) -> Appointment:
        """Cancel an appointment; raises NotFoundError when there is no such."""
        with self.store.call("scheduling", "cancel", sender, {"visit": visit}) as (connection, answer):
            row = connection.execute(
                "UPDATE appointments SET status = 'cancelled' WHERE number = ? RETURNING *", (_number(visit),)
            ).fetchone()
            if row is None:
                msg = f"there is no visit {visit!r}"
                raise NotFoundError(msg, remedy="Visits are named such as 'V-118'.")
            answer.text = visit
        return _appointment(row)

    def visits(self, patient: str | None = None) -> list[Appointment]:
        """List the appointments, cancelled ones included, in the order they were made."""
        query = "SELECT * FROM appointments WHERE :patient IS NULL OR patient = :patient ORDER BY number"
        rows = self.store.rows(query, {"patient": patient})
        return [_appointment(row) for row in rows]

    def _free(self, connection: sqlite3.Connection, patient: str, clinic: str, at: datetime) -> datetime:
        taken = connection.execute(
            "SELECT at FROM appointments WHERE status = 'booked' AND at >= ? AND (clinic = ? OR patient = ?)",
            (at.isoformat(), clinic, patient),
        )
        occupied = {str(row["at"]) for row in taken}
        for slot in self.hours.slots(at):
            if slot - at > _HORIZON:
                break
            if slot.isoformat() not in occupied:
                return slot
        msg = f"the clinic {clinic!r} has no free slot within {_HORIZON.days} days of {at.isoformat()}"
        raise RefusedError(msg, remedy="Ask for a later date, or another clinic.")


def _number(visit: str) -> int:
    """Give the row's number; one that no row has where the id is none of ours."""
    digits = _ID.fullmatch(visit)
    return int(digits[1]) - _FIRST_NUMBER if digits else -1


def _appointment(row: sqlite3.Row) -> Appointment:
    values = dict(row)
    number = values.pop("number")
    return Appointment.model_validate({"visit": f"V-{_FIRST_NUMBER + number}", **values})
