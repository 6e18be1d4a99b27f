"""Where something that a decision needs is broken, missing or wrong, no act passes, and nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.elsewhere import Elsewhere
from kernel.scenarios.governed import ASK, EVE, FORBID, YES, booking, gate_of, governed
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import (
    ADA,
    asked,
    begin,
    ended,
    events,
    opened,
    parked,
    reply,
    serving,
    turned,
    until,
)
from kernel.support.troubled_disk import Disk
from ripieno import Context, ToolError, Workflow, sequential, tool
from ripieno.identity.api_keys import create_key
from ripieno.identity.credential import Credential
from ripieno.identity.sign_in import set_back, sign_in
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel.clock import SystemClock
from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.errors import NotAllowedError, RefusedError, RipienoError, SignInError, StoreError
from ripieno.model.principal import Principal
from ripieno.participants.function import Function

HOUR = 3600
YEAR = 365 * 24 * HOUR
OWNER = Principal("person", "owner", every_role=True)


# -- policy files ------------------------------------------------------------------------------------


def half_written(file: Path) -> None:
    file.write_text('@id("half") forbid (principal,', "utf-8")


def other_letters(file: Path) -> None:
    file.write_bytes("// für alle\n".encode("latin-1") + file.read_bytes())


def leads_nowhere(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.parent / "elsewhere.cedar")


def leads_to_itself(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def two_of_a_name(file: Path) -> None:
    shutil.copy(file, file.with_name("once-more.cedar"))


def the_folder_leads_to_itself(file: Path) -> None:
    shutil.rmtree(file.parent)
    file.parent.symlink_to(file.parent)


def unguarded(file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace(");", ") when { context.arguments.what == 1 };"), "utf-8")


BREAKS: list[Callable[[Path], None]] = [
    half_written,
    other_letters,
    leads_nowhere,
    leads_to_itself,
    a_folder,
    two_of_a_name,
    the_folder_leads_to_itself,
    unguarded,
]


@pytest.mark.parametrize("breaks", BREAKS, ids=lambda one: one.__name__.replace("_", " "))
async def test_policies_that_break_while_a_run_is_under_way_let_nothing_pass(
    tmp_path: Path, breaks: Callable[[Path], None]
) -> None:
    """Also what was approved before: by the time of its claim nobody can tell whether it may happen."""
    system, folder = Elsewhere(), tmp_path / "policies"
    workflow = booking(system)
    async with governed(tmp_path / "home", gate_of(folder, ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        whole = host.store.gate
        breaks(folder / "ask.cedar")
        host.store.gate = PolicyGate(load_library(folder))
        with pytest.raises(NotAllowedError, match="policies cannot be used"):
            await reply(host, question, YES, by=EVE)
        with pytest.raises(NotAllowedError, match="policies cannot be used"):
            await begin(host, workflow, by=ADA)
        host.store.gate = whole
        await reply(host, question, YES, by=EVE)
        host.store.gate = PolicyGate(load_library(folder))
        outcome = await ended(host, run)
        [denied] = await events(host, run, "denied")
    assert (outcome.status, system.calls) == ("escalated", [])
    assert "policies cannot be used" in (outcome.reason or "")
    assert denied.body["tool"] == "book"


# -- the store ---------------------------------------------------------------------------------------


def impatient(home: Path) -> SqliteStore:
    """Give a store that does not wait for whoever holds the database."""
    return SqliteStore(home, busy_seconds=0.05)


@pytest.mark.parametrize("trouble", ["full", "locked"])
async def test_nobody_hears_of_a_denial_that_could_not_be_recorded(
    tmp_path: Path, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, heard = Elsewhere(), list[str]()
    disk = Disk(tmp_path / "home" / "journal.sqlite", trouble)
    disk.watch(monkeypatch)
    book = tool(system.book)
    troubled = list[bool]()

    async def tries(given: object, context: Context) -> str:
        del given
        if not troubled:
            troubled.append(True)
            disk.begin()
        try:
            await context.use(book, what="visit")
        except ToolError as error:
            heard.append(error.code)
        return "did without"

    workflow = Workflow("bookings", sequential(Function(tries, name="tries", pure=True)))
    try:
        async with (
            opened(tmp_path / "home", impatient) as store,
            serving(tmp_path / "home", workflow, store=store) as host,
        ):
            store.gate = gate_of(tmp_path / "policies", ask=FORBID)
            run = await begin(host, workflow)

            async def given_up() -> bool | None:
                return (bool(troubled) and not host.statistics()["resident"]) or None

            await until(given_up)
            assert (heard, await events(host, run, "denied")) == ([], [])
            with pytest.raises(StoreError):  # a start is neither made nor refused without a record of it
                await begin(host, workflow)
            disk.end()
            outcome = await ended(host, run)
            assert len(await events(host, run, "denied")) == 1
    finally:
        disk.end()
    assert (heard, outcome.output, system.calls) == (["denied"], "did without", [])


# -- the clock ---------------------------------------------------------------------------------------

JUMPS = {
    "an hour back": -HOUR,
    "a year back": -YEAR,
    "before 1970": -60 * YEAR,
    "a year on": YEAR,
    "after 9999": 9000 * YEAR,
}


@pytest.mark.parametrize("jump", JUMPS)
async def test_an_approval_that_expired_counts_at_no_other_time(tmp_path: Path, jump: str) -> None:
    system, clock = Elsewhere(), HandClock()
    workflow = booking(system)
    gate = gate_of(tmp_path / "policies", ask=ASK.replace("treasurer", "treasurer, due 1h"))
    async with governed(tmp_path / "home", gate, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await turned(host, clock, run, HOUR + 1)
        outcome = await ended(host, run)
        clock.turn(JUMPS[jump])
        with pytest.raises(RefusedError):
            await reply(host, question, YES, by=EVE)
    assert (outcome.status, system.calls) == ("escalated", [])


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_clock_that_jumps_between_approval_and_claim_lets_nothing_pass_twice_or_get_lost(
    tmp_path: Path, jump: str
) -> None:
    system, clock, home = Elsewhere(), HandClock(), tmp_path / "home"
    workflow, gate = booking(system), gate_of(tmp_path / "policies", ask=ASK)
    async with governed(home, gate, workflow, clock=clock) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
    async with governed(home, gate, clock=clock) as host:  # which does not serve it
        await reply(host, question, YES, by=EVE)
    clock.turn(JUMPS[jump])
    async with governed(home, gate, workflow, clock=clock) as host:
        if jump == "after 9999":  # a time that no event can hold: nothing is recorded, and so nothing done
            with pytest.raises(RipienoError, match="53-bit"):
                await begin(host, workflow)
            assert system.calls == []
        else:
            row = await host.rest(run)
            assert row.ended or not system.calls, (row.status, row.detail)
    clock.turn(-JUMPS[jump] + 2 * HOUR)
    async with governed(home, gate, workflow, clock=clock) as host:
        outcome = await ended(host, run)
    assert (outcome.status, len(system.calls)) == ("complete", 1)


@pytest.mark.parametrize("jump", JUMPS)
async def test_no_key_is_good_at_a_time_at_which_it_is_not(tmp_path: Path, jump: str) -> None:
    clock = HandClock()
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies"), clock=clock) as host:
        at = clock.now() + 1800 * 1_000_000
        made = await create_key(host.store, clock, "service:billing", by=OWNER, expires_at=at)
        await sign_in(host.store, clock, OWNER, Credential("key", made.text))
        clock.turn(JUMPS[jump])
        with pytest.raises(SignInError, match=r"expired|not made yet"):
            await sign_in(host.store, clock, OWNER, Credential("key", made.text))
        clock.turn(-JUMPS[jump])
        await sign_in(host.store, clock, OWNER, Credential("key", made.text))


async def test_a_clock_that_was_put_back_makes_nothing_good_again_that_has_expired(tmp_path: Path) -> None:
    clock = HandClock()
    clock.turn((SystemClock().now() - clock.now()) / 1_000_000)  # as the log's own
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies")) as host:
        at = clock.now() - 1800 * 1_000_000
        clock.turn(-HOUR)
        made = await create_key(host.store, clock, "service:billing", by=OWNER, expires_at=at)
        clock.turn(HOUR)
        with pytest.raises(SignInError, match="expired at"):
            await sign_in(host.store, clock, OWNER, Credential("key", made.text))
        clock.turn(-HOUR)  # when it was good
        for _ in range(3):  # what is recorded of those turned away does not move what it is compared with
            with pytest.raises(SignInError, match="what has expired cannot be told"):
                await sign_in(host.store, clock, OWNER, Credential("key", made.text))
        assert await set_back(host.store, clock, "nobody") is None
        clock.turn(HOUR - 240)  # as much as clocks may differ
        assert await set_back(host.store, clock, "default") is None
