"""The side effects of a discharge: booking visits and asking for pre-authorisation.

Each is a plain async function on JSON-able arguments. The system of record is the one that
`systems_path` names; its calls block, and so run in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, TypeVar

from ripieno.blueprints.hospital_discharge.systems import LocalSystems, Sender, systems_at, systems_path
from ripieno.model.action import Call
from ripieno.model.errors import InputError

__all__ = [
    "book_visit",
    "cancel_visit",
    "find_preauthorisation",
    "find_visit",
    "request_preauthorisation",
    "void_preauthorisation",
]

T = TypeVar("T")

_THREADS: Final = ThreadPoolExecutor(8, "hospital systems")


async def book_visit(patient: str, clinic: str, at: str, reason: str, call: Call) -> dict[str, Any]:
    """Book the first free slot of a clinic at or after `at`, ISO 8601 in the clinic's local time.

    Gives the `Appointment` as JSON, its id under `visit`. The system books again when called again:
    after an uncertain call ask `find_visit` first.
    """
    start = _local_time(at)

    def book() -> dict[str, Any]:
        booked = _systems().scheduling.book(patient, clinic, start, reason, sender=_sender(call))
        return booked.model_dump(mode="json")

    return await _in_thread(book)


async def find_visit(call: Call) -> dict[str, Any] | None:
    """Find the appointment that a call with this call's key made; None when there is none."""

    def find() -> dict[str, Any] | None:
        found = _systems().scheduling.find(call.key, sender=_sender(call))
        return found.model_dump(mode="json") if found else None

    return await _in_thread(find)


async def cancel_visit(visit: str, call: Call) -> dict[str, Any]:
    """Cancel an appointment by its id, such as `V-118`; safe to repeat. Raises NotFoundError."""

    def cancel() -> dict[str, Any]:
        return _systems().scheduling.cancel(visit, sender=_sender(call)).model_dump(mode="json")

    return await _in_thread(cancel)


async def request_preauthorisation(  # noqa: PLR0917 - the fields of one request
    patient: str, payer: str, amount: str, currency: str, services: list[str], call: Call
) -> dict[str, Any]:
    """Ask a payer to authorise `services`; `amount` is a decimal text.

    Gives the `Authorisation` as JSON, its id under `preauthorisation`. The system knows the key:
    repeating the call is safe.
    """

    def request() -> dict[str, Any]:
        billing = _systems().billing
        made = billing.request(patient, payer, amount, currency, services, sender=_sender(call))
        return made.model_dump(mode="json")

    return await _in_thread(request)


async def find_preauthorisation(call: Call) -> dict[str, Any] | None:
    """Find the request that a call with this call's key made; None when there is none."""

    def find() -> dict[str, Any] | None:
        found = _systems().billing.find(call.key, sender=_sender(call))
        return found.model_dump(mode="json") if found else None

    return await _in_thread(find)


async def void_preauthorisation(preauthorisation: str, call: Call) -> dict[str, Any]:
    """Take a request back by its id, such as `P-52`; safe to repeat. Raises NotFoundError."""

    def void() -> dict[str, Any]:
        return _systems().billing.void(preauthorisation, sender=_sender(call)).model_dump(mode="json")

    return await _in_thread(void)


async def _in_thread(work: Callable[[], T]) -> T:
    """Call a system from a thread of its own: never queued behind work that keeps the processor busy."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def _systems() -> LocalSystems:
    return systems_at(systems_path())


def _sender(call: Call) -> Sender:
    return Sender(key=call.key, run=call.run, path=call.path, deadline=call.deadline)


def _local_time(at: str) -> datetime:
    try:
        return datetime.fromisoformat(at)
    except ValueError as error:
        msg = f"{at!r} is not a date and time such as '2026-11-23T09:00:00'"
        raise InputError(msg) from error
