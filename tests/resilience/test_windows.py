"""Never more in a time than may be, whoever asks in which order; and whoever waits has their turn."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st
from virtual_time import LoopClock, in_virtual_time

from ripieno.kernel.clock import MICROSECONDS
from ripieno.resilience.queues import Queues
from ripieno.resilience.window import Window

SECOND = MICROSECONDS


@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(1, 12), st.integers(0, 12)), max_size=60),
    st.integers(1, 10),
)
def test_no_time_of_its_length_has_more_than_may_be(story: list[tuple[int, int, int]], limit: int) -> None:
    window, now = Window(limit, 10 * SECOND), 0
    out: list[tuple[int, int]] = []
    for pause, amount, needed in story:
        now += pause * SECOND
        wait = window.wait(now, amount)
        assert wait <= 10 * SECOND
        if wait:
            assert window.wait(now + wait - 1, amount) > 0, "not a moment longer than it has to be"
            now += wait
        assert window.wait(now, amount) == 0
        taken = window.take(now, amount)
        window.settle(taken, min(needed, taken.amount))
        out.append((now, taken.amount))
    for at, _ in out:
        assert sum(amount for when, amount in out if at - 10 * SECOND < when <= at) <= limit


def test_what_was_reserved_and_not_needed_is_there_for_others_and_what_has_passed_is_not_counted() -> None:
    window = Window(100, 10 * SECOND)
    taken = window.take(0, 100)
    assert window.wait(0, 60) == 10 * SECOND
    window.settle(taken, 40)
    assert window.wait(0, 60) == 0
    window.take(0, 60)
    assert window.wait(10 * SECOND, 100) == 0
    window.settle(taken, 4000)  # told late, of a time that is over
    assert window.wait(10 * SECOND, 100) == 0


def test_who_asks_for_more_than_the_whole_has_it_alone() -> None:
    window = Window(100, 10 * SECOND)
    window.take(0, 1)
    assert window.wait(SECOND, 5000) == 9 * SECOND
    window.take(10 * SECOND, 5000)
    assert window.wait(11 * SECOND, 1) == 9 * SECOND


def test_of_those_who_wait_the_first_comes_first_also_where_it_asks_for_more() -> None:
    async def work() -> None:
        queues, window = Queues(LoopClock()), Window(10, 10 * SECOND)
        served: list[tuple[str, float]] = []

        async def ask(name: str, amount: int) -> None:
            await queues.take([(window, amount)])
            served.append((name, asyncio.get_running_loop().time()))

        async with asyncio.TaskGroup() as group:
            for name, amount in (("a", 8), ("much", 10), ("little", 1), ("less", 1)):
                group.create_task(ask(name, amount))
        assert [name for name, _ in served] == ["a", "much", "little", "less"]
        assert [round(at) for _, at in served] == [0, 10, 20, 20]

    in_virtual_time(work)


def test_who_waits_for_one_window_holds_up_nobody_who_needs_another() -> None:
    async def work() -> None:
        queues = Queues(LoopClock())
        shared, one, other = Window(100, SECOND), Window(1, 60 * SECOND), Window(1, 60 * SECOND)
        await queues.take([(shared, 1), (one, 1)])
        waits = asyncio.create_task(queues.take([(shared, 1), (one, 1)]))
        await asyncio.sleep(0)
        await queues.take([(shared, 1), (other, 1)])
        assert asyncio.get_running_loop().time() == 0
        assert not waits.done()
        await waits
        assert round(asyncio.get_running_loop().time()) == 60

    in_virtual_time(work)


def test_what_is_given_back_lets_somebody_in_at_once_and_who_gives_up_holds_up_nobody() -> None:
    async def work() -> None:
        queues, window = Queues(LoopClock()), Window(10, 60 * SECOND)
        asked = [(window, 10)]
        taken = await queues.take(asked)
        gives_up = asyncio.create_task(queues.take([(window, 10)]))
        waits = asyncio.create_task(queues.take([(window, 4)]))
        await asyncio.sleep(1)
        gives_up.cancel()
        queues.settle(asked, taken, [6])
        await waits
        assert asyncio.get_running_loop().time() == 1

    in_virtual_time(work)


def test_who_is_called_off_in_the_moment_of_being_let_in_gives_it_back() -> None:
    async def work() -> None:
        queues, window = Queues(LoopClock()), Window(1, 60 * SECOND)
        asked = [(window, 1)]
        taken = await queues.take(asked)
        first, second = (asyncio.create_task(queues.take(asked)) for _ in range(2))
        await asyncio.sleep(1)
        queues.settle(asked, taken, [0])  # which lets the first one in
        first.cancel()
        await second
        assert first.cancelled()
        assert asyncio.get_running_loop().time() == 1

    in_virtual_time(work)


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_a_crowd_is_served_within_its_limits_in_order_and_without_a_gap(seed: int, limit: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - of a test

    async def work() -> None:
        queues = Queues(LoopClock())
        shared = Window(limit * 2, 10 * SECOND)
        own = {name: Window(limit, 10 * SECOND) for name in "ab"}
        out: list[tuple[int, str, int]] = []

        async def ask(number: int, name: str) -> None:
            asked = [(shared, 1), (own[name], 1)]
            try:
                async with asyncio.timeout(chance.choice([None, None, 3.0])):
                    await queues.take(asked)
            except TimeoutError:
                return
            out.append((number, name, LoopClock().now()))

        async with asyncio.TaskGroup() as group:
            for number in range(25):
                group.create_task(ask(number, chance.choice("ab")))
                await asyncio.sleep(chance.choice([0, 0, 0.5]))
        for name in "ab":
            numbers = [number for number, of, _ in out if of == name]
            assert numbers == sorted(numbers)
        for _, name, at in out:
            lately = [of for _, of, when in out if at - 10 * SECOND < when <= at]
            assert len(lately) <= limit * 2
            assert lately.count(name) <= limit

    in_virtual_time(work)
