"""The local billing system: requests for pre-authorisation, one per idempotency key."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass

from ripieno.blueprints.hospital_discharge.systems.base import Authorisation, Sender
from ripieno.blueprints.hospital_discharge.systems.store import Store
from ripieno.model.errors import NotFoundError, RefusedError

__all__ = ["LocalBilling"]

_ID = re.compile(r"P-(\d{1,9})", re.ASCII)

_FIRST_NUMBER = 50
"""Numbers are shown from here on, so that ids look like a system in use."""


@dataclass(frozen=True, slots=True)
class LocalBilling:
    """A `Billing` on the local file. A repeated key gets what the first call made."""

    store: Store

    def request(
        self, patient: str, payer: str, amount: str, currency: str, services: list[str], *, sender: Sender
    ) -> Authorisation:
        """Ask once per key; raises RefusedError when the key came before with other content."""
        content = {
            "patient": patient,
            "payer": payer,
            "amount": amount,
            "currency": currency,
            "services": json.dumps(services),
        }
        with self.store.call("billing", "request", sender, content) as (connection, answer):
            row = connection.execute("SELECT * FROM authorisations WHERE key = ?", (sender.key,)).fetchone()
            if row is not None and any(row[field] != value for field, value in content.items()):
                msg = f"the idempotency key {sender.key!r} was used for another request"
                raise RefusedError(msg, remedy="A new request needs a new key.")
            if row is None:
                row = connection.execute(
                    "INSERT INTO authorisations (patient, payer, amount, currency, services, status, key)"
                    " VALUES (?, ?, ?, ?, ?, 'requested', ?) RETURNING *",
                    (*content.values(), sender.key),
                ).fetchone()
            made = _authorisation(row)
            answer.text = made.preauthorisation
        return made

    def find(self, key: str, *, sender: Sender) -> Authorisation | None:
        """Find the request made under `key`, unless it is void."""
        with self.store.call("billing", "find", sender, {"key": key}) as (connection, answer):
            row = connection.execute(
                "SELECT * FROM authorisations WHERE key = ? AND status = 'requested'", (key,)
            ).fetchone()
            found = _authorisation(row) if row else None
            answer.text = found.preauthorisation if found else "none"
        return found

    def void(self, preauthorisation: str, *, sender: Sender) -> Authorisation:
        """Take a request back; raises NotFoundError when there is no such."""
        arguments = {"preauthorisation": preauthorisation}
        with self.store.call("billing", "void", sender, arguments) as (connection, answer):
            row = connection.execute(
                "UPDATE authorisations SET status = 'void' WHERE number = ? RETURNING *",
                (_number(preauthorisation),),
            ).fetchone()
            if row is None:
                msg = f"there is no pre-authorisation {preauthorisation!r}"
                raise NotFoundError(msg, remedy="Pre-authorisations are named such as 'P-52'.")
            answer.text = preauthorisation
        return _authorisation(row)

    def requests(self, patient: str | None = None) -> list[Authorisation]:
        """List the requests, void ones included, in the order they were made."""
        query = "SELECT * FROM authorisations WHERE :patient IS NULL OR patient = :patient ORDER BY number"
        rows = self.store.rows(query, {"patient": patient})
        return [_authorisation(row) for row in rows]


def _number(preauthorisation: str) -> int:
    """Give the row's number; one that no row has where the id is none of ours."""
    digits = _ID.fullmatch(preauthorisation)
    return int(digits[1]) - _FIRST_NUMBER if digits else -1


def _authorisation(row: sqlite3.Row) -> Authorisation:
    values = dict(row)
    number = values.pop("number")
    values["services"] = json.loads(values["services"])
    return Authorisation.model_validate({"preauthorisation": f"P-{_FIRST_NUMBER + number}", **values})
