"""What the workflow asks of a scheduling and of a billing system, whoever makes them.

All methods block; callers on an event loop run them in a thread.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from ripieno.blueprints.hospital_discharge.summary_model import Document

__all__ = ["Appointment", "Authorisation", "Billing", "ReceivedCall", "Scheduling", "Sender"]


class Sender(Document):
    """Who calls: enough to find the call again from either side."""

    key: str
    """The idempotency key, the same for every attempt that may be the same act."""
    run: str = ""
    path: str = ""
    deadline: datetime | None = None
    """After it nothing takes effect any more: the caller may have taken the call for lost."""


class Appointment(Document):
    """A slot of a clinic held for a patient."""

    visit: str
    """Such as `V-118`."""
    patient: str
    clinic: str
    at: datetime
    """Start, in the clinic's local time."""
    minutes: int
    reason: str
    status: Literal["booked", "cancelled"]
    key: str


class Authorisation(Document):
    """A pre-authorisation asked of a payer."""

    preauthorisation: str
    """Such as `P-52`."""
    patient: str
    payer: str
    amount: str
    """Decimal."""
    currency: str
    services: list[str]
    status: Literal["requested", "void"]
    key: str


class ReceivedCall(Document):
    """One call as the system received it: the proof of what was asked, and how often."""

    number: int
    received_at: datetime
    system: Literal["scheduling", "billing"]
    operation: str
    key: str
    run: str
    path: str
    arguments: dict[str, str]
    answer: str
    """The id of what the call made or touched, `none`, or `refused: why`."""


class Scheduling(Protocol):
    """A scheduling system. It does not know a repeated call from a new one, as many do not."""

    def book(self, patient: str, clinic: str, at: datetime, reason: str, *, sender: Sender) -> Appointment:
        """Hold the clinic's first free slot at or after `at`. Two calls make two appointments."""
        ...

    def find(self, key: str, *, sender: Sender) -> Appointment | None:
        """Find the appointment that a call with this key made, unless it was cancelled."""
        ...

    def cancel(self, visit: str, *, sender: Sender) -> Appointment:
        """Give the slot free; cancelling twice changes nothing. Raises NotFoundError."""
        ...

    def visits(self, patient: str | None = None) -> list[Appointment]:
        """List all appointments, or those of a patient, cancelled ones included."""
        ...


class Billing(Protocol):
    """A billing system. It answers a repeated key with what the first call made."""

    def request(
        self, patient: str, payer: str, amount: str, currency: str, services: list[str], *, sender: Sender
    ) -> Authorisation:
        """Ask for authorisation, once per key. Raises RefusedError when a key comes with other content."""
        ...

    def find(self, key: str, *, sender: Sender) -> Authorisation | None:
        """Find the request that a call with this key made, unless it was made void."""
        ...

    def void(self, preauthorisation: str, *, sender: Sender) -> Authorisation:
        """Take a request back; doing so twice changes nothing. Raises NotFoundError."""
        ...

    def requests(self, patient: str | None = None) -> list[Authorisation]:
        """List all requests, or those of a patient, void ones included."""
        ...
