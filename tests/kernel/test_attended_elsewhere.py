"""One process is at work on a run; an operator acts on it from another, and it heeds that at once."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gates import shipped_gate
from kernel.scenarios.house import OPERATOR, contents, until
from kernel.support.crash import Children, Order, children_of, ended
from ripieno.journal.records import QuestionRow, RunFilter, RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.kernel import operators
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.commands import answer
from ripieno.kernel.host import Host
from ripieno.model.event import Event


@pytest.fixture(scope="module")
def attended() -> Generator[Children]:
    with children_of("kernel.support.attended:SCENARIO") as children:
        yield children


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A store over the folder of a run that another process is at work on."""

    home: Path
    store: SqliteStore
    children: Children
    child: int

    async def row(self) -> RunRow:
        (row,) = await self.store.runs(RunFilter())
        return row

    async def events(self, *kinds: str) -> list[Event]:
        return [event for event in await self.store.events((await self.row()).id) if event.kind in kinds]

    async def asked(self, part: str) -> QuestionRow:
        async def look() -> QuestionRow | None:
            return next((row for row in await self.store.questions() if part in row.path), None)

        return await until(look)

    async def recorded(self, kind: str, part: str) -> None:
        """Wait until the other process has recorded something; it is still at work then."""

        async def look() -> bool | None:
            return any(part in event.path for event in await self.events(kind)) or None

        await until(look)

    async def nobody_asked(self) -> None:
        async def look() -> bool | None:
            return not await self.store.questions() or None

        await until(look)

    async def stands(self, status: str) -> RunRow:
        async def look() -> RunRow | None:
            row = await self.row()
            return row if row.status == status else None

        return await until(look)

    async def say(self, act: Callable[..., Awaitable[Any]], *what: Any, **said: Any) -> None:
        """Give a command to the run, which is under way elsewhere."""
        row = await self.row()
        assert row.owner is not None, "the other process has it"
        await act(self.store, SystemClock(), row, *what, by=OPERATOR, reason="from elsewhere", **said)

    def go(self) -> None:
        (self.home / "go").touch()

    def outcome(self) -> Any:
        """Wait for the other process, and give what the run ended in; its log is sound."""
        assert self.children.wait(self.child) == 0
        [outcome] = ended(self.children.scenario, self.home).outcomes
        return outcome


@asynccontextmanager
async def at_work(children: Children, home: Path, case: str) -> AsyncGenerator[Elsewhere]:
    """Start a process that is at its call and does a case beside it."""
    (home / "case").write_text(case, "utf-8")
    child = children.start(Order(str(home), people=False, grouped=True))
    store = SqliteStore(home, shipped_gate())
    await store.open()
    try:
        elsewhere = Elsewhere(home, store, children, child)

        async def there() -> bool | None:
            return bool(await store.runs(RunFilter())) or None

        await until(there)
        await elsewhere.recorded("intent", "holds@1")
        yield elsewhere
    finally:
        await store.close()


@pytest.mark.parametrize(("case", "amount"), [("tokens", {"tokens": 60}), ("money", {"cost": 600_000})])
async def test_a_limit_that_is_raised_lets_a_reservation_go_on_that_waits_for_its_grant(
    attended: Children, tmp_path: Path, case: str, amount: dict[str, int]
) -> None:
    async with at_work(attended, tmp_path, case) as elsewhere:
        more = await elsewhere.asked("limit/ask")
        await elsewhere.say(operators.limit, amount, at=more.path.partition("/limit/")[0])
        await elsewhere.recorded("result", "buys@1")
        await elsewhere.nobody_asked()
        elsewhere.go()
    assert elsewhere.outcome()["output"] == {"last": {"holds": "held", "buys": "bought"}}


async def test_a_run_is_paused_once_what_is_under_way_is_recorded_and_goes_on_when_it_is_told(
    attended: Children, tmp_path: Path
) -> None:
    async with at_work(attended, tmp_path, "nothing") as elsewhere:
        await elsewhere.say(operators.pause)
        await elsewhere.recorded("message", "")
        elsewhere.go()
        row = await elsewhere.stands("paused")
        assert row.owner is None
        assert [event.body["status"] for event in await elsewhere.events("result")] == ["done"]
        assert not [event for event in await elsewhere.events("step", "scope") if "last@1" in event.path]
        await operators.resume(elsewhere.store, SystemClock(), row, by=OPERATOR)
    assert elsewhere.outcome()["output"] == {"last": {"holds": "held", "thinks": "thought"}}


async def test_a_step_is_skipped_at_which_another_process_waits_for_a_person(
    attended: Children, tmp_path: Path
) -> None:
    async with at_work(attended, tmp_path, "clerk") as elsewhere:
        await elsewhere.asked("clerk")
        await elsewhere.say(operators.skip, "clerk", output="skipped")
        await elsewhere.recorded("scope", "clerk@1")
        assert await elsewhere.store.questions() == []
        elsewhere.go()
    assert elsewhere.outcome()["output"] == {"last": {"holds": "held", "clerk": "skipped"}}


async def test_a_step_is_skipped_of_which_another_process_has_claimed_a_call(
    attended: Children, tmp_path: Path
) -> None:
    """The call is awaited and recorded first."""
    async with at_work(attended, tmp_path, "nothing") as elsewhere:
        await elsewhere.say(operators.skip, "holds", output="skipped")
        await elsewhere.recorded("message", "")
        assert not [event for event in await elsewhere.events("scope") if "holds@1" in event.path]
        elsewhere.go()
    assert elsewhere.outcome()["output"] == {"last": {"holds": "skipped", "thinks": "thought"}}


async def test_a_signal_is_heard_by_a_chat_at_which_another_process_is(
    attended: Children, tmp_path: Path
) -> None:
    async with at_work(attended, tmp_path, "chat") as elsewhere:
        asked = await elsewhere.asked("chair")
        await elsewhere.say(operators.signal, "recall", content={"batch": 7}, names=["recall"])
        await answer(elsewhere.store, SystemClock(), asked, by=OPERATOR, value={"proceed": True})
        await elsewhere.recorded("scope", "chat@1")
        [message] = await elsewhere.events("message")
        said = contents(Host(elsewhere.store), message, "content")
        assert (message.body["by"], said["signal"], said["content"]) == (OPERATOR.id, "recall", {"batch": 7})
        elsewhere.go()
    assert elsewhere.outcome()["output"] == {"last": {"holds": "held", "chat": "thought"}}


async def test_what_was_said_by_who_is_gone_reaches_the_process_that_takes_the_run_up(
    attended: Children, tmp_path: Path
) -> None:
    """The first process is killed at its call, before it could hear of anything."""
    (tmp_path / "case").write_text("clerk", "utf-8")
    claimed = "committed: events: intent sequential@1/cases@1/beside-clerk@1/holds@1/tool/1"
    child = attended.start(Order(str(tmp_path), people=False, fatal=claimed))
    assert attended.wait(child) == signal.SIGKILL
    store = SqliteStore(tmp_path, shipped_gate())
    await store.open()
    try:
        (row,) = await store.runs(RunFilter())
        said: dict[str, Any] = {"by": OPERATOR, "reason": "gone"}
        await operators.skip(store, SystemClock(), row, "clerk", output="skipped", names=["clerk"], **said)
    finally:
        await store.close()
    (tmp_path / "go").touch()
    assert attended.run(Order(str(tmp_path), people=False, hours=1)) == 0
    [outcome] = ended(attended.scenario, tmp_path).outcomes
    assert outcome["output"] == {"last": {"holds": "held", "clerk": "skipped"}}
