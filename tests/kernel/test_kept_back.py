"""What a visit keeps back for whoever it calls last, and who gives way where limits above have no room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.scenarios.house import asked, begin, ended, reply, serving
from ripieno import Call, Context, Cost, Function, Limits, Outcome, Workflow, ask, sequential, tool
from ripieno.kernel.ledger import Ledger
from ripieno.model.participant import Task
from ripieno.model.spending import NOTHING, Spending
from ripieno.participants.base import BaseParticipant


def priced(most: int, costs: int) -> Cost:
    del costs
    return Cost(tokens=most)


@tool(effect="read", cost=priced)
def think(most: int, costs: int, call: Call) -> None:
    del most
    call.spent(tokens=costs)


def thinks(name: str, *calls: tuple[int, int]) -> Function:
    async def act(context: Context) -> str:
        for most, costs in calls:
            await context.use(think, most=most, costs=costs)
        return name

    return Function(act, name=name, pure=True)


class Keeper(BaseParticipant):
    """Keeps tokens back, lets some work who give way, and calls the last for whom they are."""

    kind = "keeper"

    def __init__(
        self, kept: int, *parts: BaseParticipant, side_by_side: bool = False, looks: bool = False
    ) -> None:
        super().__init__("keeper")
        self._kept, self._parts, self._side_by_side, self._looks = kept, parts, side_by_side, looks

    def children(self) -> Sequence[BaseParticipant]:
        return self._parts

    def describe(self) -> dict[str, Any]:
        return {"parts": len(self._parts)}

    async def act(self, task: Task, context: Context) -> Outcome:
        context.keep_back({"tokens": self._kept})
        *some, last = self._parts
        ends: list[Any] = []
        if self._looks:
            await context.look_ahead()
        if self._side_by_side:
            async with context.branches() as branches:
                for part in some:
                    branches.start(part, task, gives_way=True)
                while (told := await branches.next()) is not None:
                    ends.append(told[1].status)
        else:
            ends = [(await context.call(part, task, gives_way=True)).status for part in some]
        if self._looks:
            ahead = await context.look_ahead()
            assert ahead is not None, "it is limited"
            ends.append(ahead.needed["tokens"])
        outcome = await context.call(last, task, kept_for=True)
        return Outcome("complete", [*ends, outcome.status])


async def ends(home: Path, part: BaseParticipant, limits: Limits | None) -> Any:
    workflow = Workflow("tested", part, limits=limits)
    async with serving(home, workflow) as host:
        outcome = await ended(host, await begin(host, workflow))
        return outcome.output if outcome.ok else (outcome.status, outcome.reason)


@pytest.mark.parametrize("side_by_side", [False, True], ids=["one by one", "side by side"])
async def test_whoever_has_no_room_gives_way_and_the_last_has_what_was_kept(
    tmp_path: Path, *, side_by_side: bool
) -> None:
    keeper = Keeper(
        60, thinks("dear", (41, 41)), thinks("last", (60, 20), (40, 40)), side_by_side=side_by_side
    )
    assert await ends(tmp_path, keeper, Limits(tokens=100)) == ["partial", "complete"]


async def test_what_there_was_no_room_for_is_told_as_needed(tmp_path: Path) -> None:
    keeper = Keeper(60, thinks("dear", (10, 10), (500, 500)), thinks("last", (60, 60)), looks=True)
    assert await ends(tmp_path, keeper, Limits(tokens=100)) == ["partial", 510, "complete"]


async def test_what_leaves_what_was_kept_has_room(tmp_path: Path) -> None:
    keeper = Keeper(60, thinks("modest", (40, 40)), thinks("last", (60, 60)))
    assert await ends(tmp_path, keeper, Limits(tokens=100)) == ["complete", "complete"]


async def test_where_nothing_is_limited_nobody_gives_way(tmp_path: Path) -> None:
    keeper = Keeper(60, thinks("dear", (41, 41)), thinks("last", (60, 60)))
    assert await ends(tmp_path, keeper, None) == ["complete", "complete"]


async def test_the_last_is_held_by_the_limits_above_like_anybody(tmp_path: Path) -> None:
    keeper = Keeper(60, thinks("modest", (40, 40)), thinks("last", (60, 60), (1, 1)))
    status, reason = await ends(tmp_path, keeper, Limits(tokens=100))
    assert (status, reason[:32]) == ("partial", "stopped at its limit of 100 toke")


async def test_what_was_kept_is_free_once_the_visit_is_over(tmp_path: Path) -> None:
    flow = sequential(Keeper(60, thinks("last", (10, 10))), thinks("after", (90, 90)))
    assert await ends(tmp_path, flow, Limits(tokens=100)) == "after"


async def test_a_limit_of_ones_own_trips_before_anybody_gives_way(tmp_path: Path) -> None:
    keeper = Keeper(60, thinks("own", (30, 30)).limit(tokens=20), thinks("last", (60, 60)))
    assert await ends(tmp_path, keeper, Limits(tokens=100)) == ["partial", "complete"]


async def test_a_person_is_asked_before_anybody_gives_way(tmp_path: Path) -> None:
    keeper = Keeper(60, thinks("dear", (41, 41)), thinks("last", (60, 60)))
    workflow = Workflow("tested", keeper, limits=Limits(tokens=100, on_exhausted=ask("boss")))
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow)
        await reply(host, await asked(host, run), {"proceed": False})
        assert (await ended(host, run)).output == ["partial", "complete"]


# -- the books by themselves ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Books:
    """A limited visit, one in it that keeps something back, its last, and somebody beside."""

    whole: Ledger
    keeper: Ledger
    last: Ledger
    beside: Ledger


def books(limit: int, kept: int) -> Books:
    whole = Ledger(None)
    whole.limits["tokens"], whole.ends = limit, "stop"
    keeper = Ledger(whole)
    keeper.keep(Spending(tokens=kept))
    last = Ledger(keeper)
    last.have()
    return Books(whole, keeper, last, Ledger(whole))


@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.booleans(), st.integers(1, 60), st.integers(0, 60)), max_size=30),
)
@settings(deadline=None)
def test_nobody_beside_has_what_was_kept_and_the_last_always_has_it(
    kept: int, acts: Sequence[tuple[bool, int, int]]
) -> None:
    """Of `kept` the last may spend all, whatever it reserves at a time and others do meanwhile."""
    found = books(100, kept)
    for of_last, asks, costs in acts:
        ledger, asked_for = (found.last if of_last else found.beside), Spending(tokens=asks)
        own = kept - found.last.spent.tokens
        refused = ledger.stands_against(asked_for, "here")
        assert not (of_last and asks <= own and refused), "there is room for what was kept"
        if refused is None:
            ledger.hold(asked_for)
            ledger.settle(asked_for, Spending(tokens=min(asks, costs)))
        assert found.whole.spent.tokens + max(0, kept - found.last.spent.tokens) <= 100
        assert found.keeper.own_kept.tokens == max(0, kept - found.last.spent.tokens)
    found.keeper.keep(NOTHING)
    assert not found.whole.kept


def test_what_is_kept_within_an_allowance_is_kept_of_it_alone() -> None:
    found = books(100, 0)
    found.keeper.set_aside(Spending(tokens=50))
    below = Ledger(found.keeper)
    below.keep(Spending(tokens=30, cost=7))
    assert (found.keeper.kept, found.whole.kept) == (Spending(tokens=30, cost=7), Spending(cost=7))


def test_what_is_being_stopped_is_told_as_such_whoever_gives_way() -> None:
    found = books(10, 0)
    found.beside.gives_way = found.whole.shut = True
    assert found.beside.stands_against(Spending(tokens=1), "here") == (found.whole, None)
    assert found.beside.stands_against(Spending(tokens=11), "here")[0] is found.whole  # pyright: ignore[reportOptionalSubscript] - there is none
