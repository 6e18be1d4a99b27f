"""The local systems of record: slots, keys, the list of calls, and many callers at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ripieno.blueprints.hospital_discharge import tools
from ripieno.blueprints.hospital_discharge.systems import (
    Billing,
    LocalSystems,
    Scheduling,
    Sender,
    systems_at,
    systems_path,
)
from ripieno.model.action import Call
from ripieno.model.errors import InputError, NotFoundError, RefusedError, StoreError

MONDAY = datetime(2026, 11, 23, 9)  # noqa: DTZ001 - local time of the clinic
ONE = Sender(key="key-1", run="run", path="coordinate/tool/1")
TWO = Sender(key="key-2", run="run", path="coordinate/tool/2")


@pytest.fixture
def systems(tmp_path: Path) -> LocalSystems:
    return systems_at(tmp_path / "folder" / "hospital.sqlite")


def test_both_systems_keep_to_their_interface(systems: LocalSystems) -> None:
    scheduling: Scheduling = systems.scheduling
    billing: Billing = systems.billing
    assert scheduling.visits() == []
    assert billing.requests() == []


def test_a_slot_is_held_by_one_patient_and_the_next_gets_the_next_slot(systems: LocalSystems) -> None:
    book = systems.scheduling.book
    first = book("Patient/a", "cardiology", MONDAY, "follow-up", sender=ONE)
    second = book("Patient/b", "cardiology", MONDAY, "follow-up", sender=TWO)
    other_clinic = book("Patient/b", "surgery", MONDAY, "follow-up", sender=TWO)
    assert (first.visit, second.visit) == ("V-101", "V-102")
    assert [visit.at.strftime("%H:%M") for visit in (first, second, other_clinic)] == [
        "09:00",
        "09:30",
        "09:00",
    ]


def test_a_patient_is_never_at_two_clinics_at_once(systems: LocalSystems) -> None:
    systems.scheduling.book("Patient/a", "cardiology", MONDAY, "follow-up", sender=ONE)
    other = systems.scheduling.book("Patient/a", "surgery", MONDAY, "follow-up", sender=TWO)
    assert other.at.strftime("%H:%M") == "09:30"


def test_a_full_day_goes_over_to_the_next_working_day(systems: LocalSystems) -> None:
    friday = datetime(2026, 11, 27, 16, 30)  # noqa: DTZ001 - local time of the clinic
    for patient in ("a", "b"):
        last = systems.scheduling.book(f"Patient/{patient}", "cardiology", friday, "x", sender=ONE)
    assert last.at.isoformat() == "2026-11-30T09:00:00"


def test_booking_twice_with_one_key_makes_two_visits_and_the_list_of_calls_shows_it(
    systems: LocalSystems,
) -> None:
    for _ in range(2):
        systems.scheduling.book("Patient/a", "cardiology", MONDAY, "follow-up", sender=ONE)
    assert len(systems.scheduling.visits("Patient/a")) == 2
    assert [(call.operation, call.key, call.answer) for call in systems.calls()] == [
        ("book", "key-1", "V-101"),
        ("book", "key-1", "V-102"),
    ]


def test_a_booking_is_found_by_its_key_until_it_is_cancelled(systems: LocalSystems) -> None:
    booked = systems.scheduling.book("Patient/a", "cardiology", MONDAY, "follow-up", sender=ONE)
    assert systems.scheduling.find("key-1", sender=ONE) == booked
    assert systems.scheduling.find("key-2", sender=TWO) is None
    for _ in range(2):
        assert systems.scheduling.cancel(booked.visit, sender=TWO).status == "cancelled"
    assert systems.scheduling.find("key-1", sender=ONE) is None
    again = systems.scheduling.book("Patient/b", "cardiology", MONDAY, "follow-up", sender=TWO)
    assert again.at == booked.at


def test_billing_answers_a_repeated_key_with_what_it_made_first(systems: LocalSystems) -> None:
    made = [
        systems.billing.request("Patient/a", "Plan", "10.00", "USD", ["stay"], sender=ONE) for _ in range(2)
    ]
    assert made[0] == made[1]
    assert made[0].preauthorisation == "P-51"
    assert len(systems.billing.requests()) == 1
    assert len(systems.calls()) == 2


def test_billing_refuses_a_key_that_comes_with_other_content_and_records_the_call(
    systems: LocalSystems,
) -> None:
    systems.billing.request("Patient/a", "Plan", "10.00", "USD", ["stay"], sender=ONE)
    with pytest.raises(RefusedError, match="used for another request"):
        systems.billing.request("Patient/a", "Plan", "99.00", "USD", ["stay"], sender=ONE)
    assert systems.calls()[-1].answer.startswith("refused: ")
    assert [request.amount for request in systems.billing.requests()] == ["10.00"]


def test_a_void_request_is_no_longer_found(systems: LocalSystems) -> None:
    made = systems.billing.request("Patient/a", "Plan", "10.00", "USD", ["stay"], sender=ONE)
    assert systems.billing.find("key-1", sender=ONE) == made
    assert systems.billing.void(made.preauthorisation, sender=ONE).status == "void"
    assert systems.billing.find("key-1", sender=ONE) is None


@pytest.mark.parametrize("name", ["V-999", "V-", "118", "V-99999999999999999999", "V-²", ""])
def test_what_does_not_exist_is_not_found(systems: LocalSystems, name: str) -> None:
    with pytest.raises(NotFoundError, match="there is no visit"):
        systems.scheduling.cancel(name, sender=ONE)
    with pytest.raises(NotFoundError, match="there is no pre-authorisation"):
        systems.billing.void(name, sender=ONE)


def test_a_time_with_an_offset_is_refused_and_nothing_is_booked(systems: LocalSystems) -> None:
    with pytest.raises(InputError, match="local time without an offset"):
        systems.scheduling.book("Patient/a", "cardiology", datetime.now(UTC), "x", sender=ONE)
    assert systems.scheduling.visits() == []


@pytest.mark.parametrize("change", ["UPDATE calls SET key = 'x'", "DELETE FROM calls"])
def test_the_list_of_calls_cannot_be_rewritten(systems: LocalSystems, change: str) -> None:
    systems.scheduling.find("key-1", sender=ONE)
    connection = sqlite3.connect(systems.path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change)
    connection.close()


def test_what_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "hospital.sqlite"
    path.write_text("this is no database, " * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        systems_at(path)


def _call_often(path: Path) -> None:
    systems = systems_at(path)
    for number in range(8):
        own, shared = Sender(key=f"own-{number}"), Sender(key=f"shared-{number}")
        systems.scheduling.book("Patient/a", "cardiology", MONDAY, "follow-up", sender=own)
        systems.billing.request("Patient/a", "Plan", "1.00", "USD", [], sender=shared)


def test_processes_that_call_at_once_never_share_a_slot_and_a_shared_key_makes_one_request(
    tmp_path: Path,
) -> None:
    path = tmp_path / "hospital.sqlite"
    processes = multiprocessing.get_context("spawn")
    callers = [processes.Process(target=_call_often, args=(path,)) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=120)
    assert [caller.exitcode for caller in callers] == [0, 0, 0]
    systems = systems_at(path)
    booked = systems.scheduling.visits()
    assert len({visit.at for visit in booked}) == len(booked) == 24
    assert len(systems.billing.requests()) == 8
    assert len(systems.calls()) == 48


def in_a_minute() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("RIPIENO_HOSPITAL_SYSTEMS", str(tmp_path / "tools.sqlite"))
    return Call(key="k" * 40, run="run", path="coordinate/tool/1", attempt=1, deadline=in_a_minute())


def test_a_call_that_comes_after_its_deadline_changes_nothing_and_may_still_ask(tmp_path: Path) -> None:
    systems = systems_at(tmp_path / "late.sqlite")
    late = Sender(key="k" * 40, deadline=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(RefusedError, match="after its deadline"):
        systems.scheduling.book("Patient/a", "cardiology", MONDAY, "follow-up", sender=late)
    assert systems.scheduling.visits() == []
    assert systems.scheduling.find("k" * 40, sender=late) is None
    assert [call.answer for call in systems.calls()] == ["refused: the call came after its deadline", "none"]


def test_the_tools_book_find_and_cancel_a_visit(call: Call) -> None:
    async def day() -> None:
        assert await tools.find_visit(call) is None
        booked = await tools.book_visit("Patient/a", "cardiology", "2026-11-23T09:00:00", "x", call)
        assert booked["visit"] == "V-101"
        assert await tools.find_visit(call) == booked
        cancelled = await tools.cancel_visit(booked["visit"], call)
        assert cancelled["status"] == "cancelled"
        assert await tools.find_visit(call) is None

    asyncio.run(day())
    received = systems_at(systems_path()).calls()
    assert [entry.operation for entry in received] == ["find", "book", "find", "cancel", "find"]
    assert {(entry.key, entry.run, entry.path) for entry in received} == {(call.key, call.run, call.path)}


def test_the_tools_ask_for_authorisation_find_and_void_it(call: Call) -> None:
    async def day() -> None:
        asked = await tools.request_preauthorisation("Patient/a", "Plan", "10.00", "USD", ["stay"], call)
        assert asked["preauthorisation"] == "P-51"
        assert await tools.find_preauthorisation(call) == asked
        assert (await tools.void_preauthorisation("P-51", call))["status"] == "void"
        assert await tools.find_preauthorisation(call) is None

    asyncio.run(day())


def test_a_tool_refuses_what_is_no_time(call: Call) -> None:
    with pytest.raises(InputError, match="'soon' is not a date and time"):
        asyncio.run(tools.book_visit("Patient/a", "cardiology", "soon", "x", call))


def test_the_systems_live_in_the_data_folder_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIPIENO_HOSPITAL_SYSTEMS", raising=False)
    monkeypatch.setenv("RIPIENO_HOME", "/somewhere")
    assert systems_path() == Path("/somewhere/hospital.sqlite")
    monkeypatch.delenv("RIPIENO_HOME")
    assert systems_path() == Path(".ripieno/hospital.sqlite")
