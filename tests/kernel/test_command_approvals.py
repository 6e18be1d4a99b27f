"""A command that policies ask about waits for whom they name, and happens once when it is given again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kernel.scenarios.governed import BOB, EVE, NO, YES, denials, gate_of, governed
from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import OPERATOR, asked, begin, ended, opened, parked, reply, until
from ripieno import Workflow, function, sequential
from ripieno.identity import administration
from ripieno.identity.api_keys import create_key
from ripieno.journal.records import QuestionRow, RunFilter
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import commands
from ripieno.kernel.approving import USABLE_SECONDS, WORKFLOW, task_of
from ripieno.kernel.command_approval import COMMAND_APPROVAL
from ripieno.kernel.emergency import break_glass
from ripieno.kernel.host import Host
from ripieno.model.errors import AwaitingApprovalError, NotAllowedError
from ripieno.model.principal import Principal
from ripieno.retention.erasing import erase

ADMIN = Principal("person", "root", roles=frozenset({"administrator", "operator", "treasurer"}))
ZOE = Principal("person", "zoe", roles=frozenset({"administrator", "operator"}))
MEDIC = Principal("person", "medic", roles=frozenset({"break-glass"}))

ROLES = """
@id("roles-need-a-second-pair-of-eyes")
@reason("Two people say who may do what.")
@approval("{whom}")
forbid (principal, action == Action::"identity.change", resource) when {{ context.verb == "grant" }};
"""
ERASURES = """
@id("erasures-need-the-treasurer")
@approval("role:treasurer")
forbid (principal, action == Action::"run.command", resource) when { context.verb == "erase" };
"""


@function(pure=True)
def greet() -> str:
    return "hello"


def asking(whom: str = "role:treasurer") -> str:
    return ROLES.format(whom=whom)


@asynccontextmanager
async def house(
    home: Path, *workflows: Workflow, clock: HandClock | None = None, **files: str
) -> AsyncGenerator[Host]:
    gate = gate_of(home.with_suffix(".policies"), **(files or {"own": asking()}))
    async with governed(home, gate, *workflows, clock=clock) as host:
        yield host


async def grant(host: Host, *roles: str, by: Principal = ADMIN, who: str = "person:kim") -> Any:
    return await administration.grant(host.store, who, roles or ("clerk",), by=by)


async def refused(host: Host, *roles: str, by: Principal = ADMIN) -> str:
    """Give the run that asks for the approval of a grant."""
    with pytest.raises(AwaitingApprovalError) as error:
        await grant(host, *roles, by=by)
    return error.value.run


async def approve(host: Host, run: str, *by: Principal, value: Mapping[str, Any] = YES) -> None:
    """Let people answer what an approval asks, one after another; it rests afterwards."""
    for who in by:
        await parked(host, run)
        await reply(host, await asked(host, run), value, by=who)
    await until(lambda: unasked(host, run))


async def unasked(host: Host, run: str) -> bool | None:
    """Wait until the run has taken the answers in: it has ended, or waits to be used."""
    row = await host.store.run(run)
    used = [
        event for event in await host.store.events(run) if event.kind == "asked" and "/use/" in event.path
    ]
    return (row.ended or (row.status == "waiting" and bool(used))) or None


def roles(host: Host) -> list[str]:
    return [role for row in host.store.principals("default") if row.id == "person:kim" for role in row.roles]


async def approvals(host: Host) -> list[str]:
    rows = await host.store.runs(RunFilter(workflow=WORKFLOW))
    return [row.status for row in reversed(rows)]


async def test_a_command_waits_for_its_approval_and_happens_once_when_it_is_repeated(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        assert roles(host) == []
        question = await asked(host, run)
        content = commands.asked_for(host.store, question)
        assert (question.role, content.about["given"], content.about["by"]) == (
            "treasurer",
            {"roles": ["clerk"]},
            "person:root",
        )
        assert await refused(host) == run
        assert await task_of(host.store, run) == f"t-{question.number}"
        await approve(host, run, BOB)
        assert await task_of(host.store, run) is None
        assert roles(host) == []
        await grant(host)
        assert roles(host) == ["clerk"]
        outcome = await ended(host, run)
        assert (outcome.status, outcome.output) == ("complete", {"used_by": "person:root"})
        stream = await host.store.tenant_stream("default")
        [event] = [one for one in await host.store.events(stream) if one.kind == "principal.changed"]
        assert event.body["approval"] == run
        assert [body.get("approval") for body in await denials(host)] == [run, run]
        again = await refused(host)
        assert again != run


async def test_an_approval_is_for_these_arguments_and_whoever_asked_for_it(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await approve(host, run, BOB)
        other = await refused(host, "clerk", "boss")
        another = await refused(host, by=ZOE)
        assert len({run, other, another}) == 3
        assert roles(host) == []
        await grant(host)
        assert roles(host) == ["clerk"]


async def test_nobody_approves_a_command_of_their_own(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await parked(host, run)
        with pytest.raises(NotAllowedError, match="proposed it"):
            await reply(host, await asked(host, run), YES, by=ADMIN)
        with pytest.raises(NotAllowedError):
            await reply(host, await asked(host, run), YES, by=ZOE)
        assert await refused(host) == run


async def test_whom_a_change_of_identities_is_about_does_not_approve_it(tmp_path: Path) -> None:
    kim = Principal("person", "kim", roles=frozenset({"treasurer", "break-glass"}))
    async with house(tmp_path, own=asking().replace('context.verb == "grant"', "true")) as host:
        store, clock = host.store, host.clock

        async def wanted(change: Awaitable[Any]) -> QuestionRow:
            with pytest.raises(AwaitingApprovalError) as error:
                await change
            await parked(host, error.value.run)
            return await asked(host, error.value.run)

        for change in (
            administration.grant(store, "kim", ["administrator"], by=ADMIN),
            administration.suspend(store, "kim", by=ADMIN, reason="left the house"),
            administration.join(store, "kim", ["bosses"], by=ADMIN),
        ):
            question = await wanted(change)
            with pytest.raises(NotAllowedError, match="gains by it"):
                await reply(host, question, YES, by=kim)
            with pytest.raises(NotAllowedError, match="gains by it"):
                await break_glass(store, clock, question, by=kim, reason="the ward waits")
        assert roles(host) == []


async def test_who_belongs_to_a_group_does_not_approve_a_role_for_it(tmp_path: Path) -> None:
    own = asking().replace('context.verb == "grant"', 'context.verb == "map"')
    async with house(tmp_path, own=own) as host:
        await administration.grant(host.store, BOB.id, ["treasurer"], by=ADMIN)
        await administration.join(host.store, BOB.id, ["bosses"], by=ADMIN)
        with pytest.raises(AwaitingApprovalError) as error:
            await administration.map_group(host.store, "bosses", "administrator", by=ADMIN)
        run = error.value.run
        await parked(host, run)
        with pytest.raises(NotAllowedError, match="gains by it"):
            await reply(host, await asked(host, run), YES, by=BOB)
        await approve(host, run, EVE)
        assert await administration.map_group(host.store, "bosses", "administrator", by=ADMIN)


async def test_who_made_a_key_of_a_service_does_not_approve_a_role_for_it(tmp_path: Path) -> None:
    maker = Principal("person", "bob", roles=frozenset({"administrator", "treasurer"}))
    async with house(tmp_path) as host:
        await create_key(host.store, host.clock, "service:pay", by=maker)
        with pytest.raises(AwaitingApprovalError) as error:
            await grant(host, "treasurer", who="service:pay")
        await parked(host, error.value.run)
        with pytest.raises(NotAllowedError, match="gains by it"):
            await reply(host, await asked(host, error.value.run), YES, by=maker)
        await approve(host, error.value.run, EVE)
        await grant(host, "treasurer", who="service:pay")


async def test_a_command_that_two_have_to_approve_needs_two(tmp_path: Path) -> None:
    async with house(tmp_path, own=asking("2 of role:treasurer")) as host:
        run = await refused(host)
        await parked(host, run)
        first = await asked(host, run)
        await reply(host, first, YES, by=BOB)
        second = await until(lambda: another(host, run, first))
        assert await refused(host) == run
        with pytest.raises(NotAllowedError, match="has approved it"):
            await reply(host, second, YES, by=BOB)
        await reply(host, second, YES, by=EVE)
        await until(lambda: unasked(host, run))
        await grant(host)
        assert roles(host) == ["clerk"]


async def another(host: Host, run: str, first: QuestionRow) -> QuestionRow | None:
    rows = await host.store.questions(run=run)
    return next((row for row in rows if row.number != first.number), None)


async def test_a_command_that_was_rejected_is_not_done_and_asks_anew(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await approve(host, run, BOB, value=NO)
        outcome = await ended(host, run)
        assert (outcome.status, outcome.reason) == (
            "escalated",
            "grant: identity person:kim: rejected by person:bob: not this week",
        )
        assert await refused(host) != run
        assert roles(host) == []


async def test_what_nobody_approves_in_time_goes_on_to_whoever_is_next_and_then_ends(tmp_path: Path) -> None:
    clock = HandClock()
    whom = asking("role:treasurer, due 1h, then role:auditor")
    async with house(tmp_path, clock=clock, own=whom) as host:
        run = await refused(host)
        await parked(host, run)
        first = await asked(host, run)
        clock.turn(3601)
        host.ring()
        second = await until(lambda: another(host, run, first))
        assert second.role == "auditor"
        clock.turn(3601)
        host.ring()
        assert (await ended(host, run)).status == "escalated"
        assert await refused(host) != run


@pytest.mark.parametrize("served", [True, False], ids=["the time was noticed", "nobody looked at the time"])
async def test_an_approval_is_of_no_use_after_its_time(tmp_path: Path, *, served: bool) -> None:
    clock = HandClock()
    if not served:
        clock.turn(-800_000_000)  # it was all done years ago
    async with house(tmp_path, clock=clock) as host:
        run = await refused(host)
        await approve(host, run, BOB)
        if served:
            clock.turn(USABLE_SECONDS + 1)
            host.ring()
            assert (await ended(host, run)).reason == "approved, and not used in time"
    async with opened(tmp_path, SqliteStore) as store:
        store.gate = gate_of(tmp_path.with_suffix(".policies"))
        assert await refused(Host(store)) != run


@pytest.mark.parametrize("when", ["asked", "approved"])
async def test_other_policies_make_an_approval_void(tmp_path: Path, when: str) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await parked(host, run)
        if when == "approved":
            await approve(host, run, BOB)
        host.store.gate = gate_of(tmp_path / "others", own=asking("role:boss"))
        other = await refused(host)
        assert other != run
        assert (await ended(host, run)).status == "cancelled"
        await approve(host, other, EVE)
        await grant(host)
        assert roles(host) == ["clerk"]


async def test_what_policies_let_by_now_needs_no_approval_any_more(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        host.store.gate = gate_of(tmp_path / "none")
        await grant(host)
        assert roles(host) == ["clerk"]
        await parked(host, run)


async def test_what_policies_forbid_by_now_no_approval_lets_happen(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await approve(host, run, BOB)
        forbid = asking().replace('@approval("role:treasurer")\n', "")
        host.store.gate = gate_of(tmp_path / "closed", own=forbid)
        with pytest.raises(NotAllowedError) as error:
            await grant(host)
        assert not isinstance(error.value, AwaitingApprovalError)
        assert roles(host) == []


async def test_of_two_who_use_an_approval_at_once_one_does(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await approve(host, run, BOB)
        found = await asyncio.gather(grant(host), grant(host), return_exceptions=True)
        assert sorted(isinstance(one, AwaitingApprovalError) for one in found) == [False, True]
        assert roles(host) == ["clerk"]
        assert (await ended(host, run)).status == "complete"


async def test_an_approval_used_by_somebody_else_between_look_and_use_is_not_used_twice(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await approve(host, run, BOB)
    async with opened(tmp_path, SqliteStore) as store:
        store.gate = gate_of(tmp_path.with_suffix(".policies"))
        host = Host(store)
        await grant(host)
        assert not (await store.run(run)).ended
        assert await refused(host) != run


async def test_an_approval_survives_restarts_and_is_used_in_another_process(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
    async with house(tmp_path) as host:
        await approve(host, run, BOB)
    async with house(tmp_path) as host:
        await grant(host)
        assert roles(host) == ["clerk"]
        assert (await ended(host, run)).status == "complete"


async def test_in_an_emergency_one_who_may_breaks_the_glass(tmp_path: Path) -> None:
    async with house(tmp_path, own=asking("2 of role:treasurer")) as host:
        run = await refused(host)
        await parked(host, run)
        await break_glass(host.store, host.clock, await asked(host, run), by=MEDIC, reason="the ward waits")
        await until(lambda: unasked(host, run))
        await grant(host)
        assert roles(host) == ["clerk"]


async def test_an_approval_that_is_cancelled_is_of_no_use(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await approve(host, run, BOB)
        await commands.cancel(host.store, host.clock, await host.store.run(run), by=OPERATOR)
        assert (await ended(host, run)).status == "cancelled"
        assert await refused(host) != run


async def test_an_approval_is_told_once_it_has_ended_that_nobody_asks_any_more(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await parked(host, run)
    async with opened(tmp_path, SqliteStore) as store:
        host = Host(store)
        store.gate = gate_of(tmp_path / "others", own=asking("role:boss"))
        first, second = await refused(host), await refused(host)
        assert first == second != run


async def test_an_erasure_that_was_approved_happens_once(tmp_path: Path) -> None:
    done = Workflow("greet", sequential(greet))
    async with house(tmp_path, done, own=ERASURES) as host:
        run = await begin(host, done)
        await ended(host, run)
        row = await host.store.run(run)
        with pytest.raises(AwaitingApprovalError) as error:
            await erase(host.store, row, by=ADMIN, reason="asked for")
        assert host.store.erasure(run) is None
        await approve(host, error.value.run, BOB)
        with pytest.raises(AwaitingApprovalError):
            await erase(host.store, row, by=ADMIN, reason="asked for", alone=True)
        await erase(host.store, row, by=ADMIN, reason="asked for")
        assert host.store.erasure(run) is not None


async def test_many_approvals_of_one_command_are_told_apart(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        found: list[str] = []
        for _ in range(6):
            run = await refused(host)
            await approve(host, run, BOB)
            await grant(host)
            await ended(host, run)
            found.append(run)
        assert len(set(found)) == 6
        assert await approvals(host) == ["complete"] * 6
        assert await refused(host) not in found


async def test_who_is_suspended_uses_no_approval(tmp_path: Path) -> None:
    async with house(tmp_path) as host:
        run = await refused(host)
        await approve(host, run, BOB)
        await administration.suspend(host.store, ADMIN.id, by=OPERATOR, reason="left the house")
        with pytest.raises(NotAllowedError) as error:
            await grant(host)
        assert not isinstance(error.value, AwaitingApprovalError)
        await administration.resume(host.store, ADMIN.id, by=OPERATOR)
        assert roles(host) == []


async def test_what_asks_for_approvals_is_a_workflow_like_any_other() -> None:
    assert list(await COMMAND_APPROVAL.open_secrets()) == []
    assert COMMAND_APPROVAL.undo_tool("any:thing") is None
    assert COMMAND_APPROVAL.document()["workflow"] == WORKFLOW
    COMMAND_APPROVAL.check_input(None)
