"""A breaker lets nothing through before its time but one call that finds out, whatever happens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.kernel.clock import MICROSECONDS
from ripieno.model.failure import FAILURES, Failure
from ripieno.resilience.circuit import Change, Circuit, Closed, Pass
from ripieno.resilience.policy import Breaker

SECOND = MICROSECONDS
START = 1_800_000_000 * SECOND


class Watched:
    """A breaker with its time, and what it has let through."""

    def __init__(self, **declared: Any) -> None:
        self.now = START
        self.circuit = Circuit(Breaker(**declared))
        self.under_way: list[Pass] = []

    def admit(self) -> Pass:
        leave = self.circuit.admit(self.now)
        assert isinstance(leave, Pass)
        self.under_way.append(leave)
        return leave

    def fail(self, failure: Failure = "timeout", retry_after: float | None = None) -> None:
        self.circuit.failed(self.admit(), self.now, failure, retry_after)

    def succeed(self) -> None:
        self.circuit.succeeded(self.admit(), self.now)

    def refused(self) -> Closed:
        leave = self.circuit.admit(self.now)
        assert isinstance(leave, Closed)
        return leave

    @property
    def told(self) -> list[str]:
        return [change.state for change in self.circuit.changes]


def test_it_opens_half_opens_and_closes_and_each_is_told() -> None:
    watched = Watched(failures=3, cooldown="30s")
    for _ in range(3):
        watched.fail()
    assert watched.refused() == Closed(30 * SECOND, "timeout")
    watched.now += 30 * SECOND
    probe = watched.admit()
    assert watched.refused().wait == SECOND, "while one call finds out, nobody else does"
    watched.circuit.succeeded(probe, watched.now)
    watched.succeed()
    assert watched.circuit.changes == [
        Change("open", "timeout", START + 30 * SECOND, 3),
        Change("half_open", "timeout"),
        Change("closed"),
    ]


def test_it_stays_open_for_twice_as_long_each_time_the_call_fails_up_to_the_longest() -> None:
    watched = Watched(failures=1, cooldown="10s", longest="35s")
    watched.fail()
    waits: list[int] = []
    for _ in range(4):
        waits.append(watched.refused().wait // SECOND)
        watched.now = watched.circuit.until
        watched.fail()
    assert waits == [10, 20, 35, 35]
    watched.now = watched.circuit.until
    watched.succeed()
    watched.fail()
    assert watched.refused().wait == 10 * SECOND


def test_failures_of_long_ago_and_few_among_many_do_not_open_it() -> None:
    watched = Watched(failures=3, within="1m", share=0.5)
    for _ in range(10):
        watched.fail()
        watched.now += 31 * SECOND
    assert watched.circuit.state == "closed"
    watched.now += 60 * SECOND
    for _ in range(10):
        watched.succeed()
    for _ in range(9):
        watched.fail()
    assert watched.circuit.state == "closed"
    watched.fail()
    assert watched.circuit.state == "open"


@pytest.mark.parametrize("failure", sorted(FAILURES - set(Breaker().on) - set(Breaker().at_once)))
def test_what_says_nothing_against_the_system_does_not_count(failure: Failure) -> None:
    watched = Watched(failures=1)
    for _ in range(20):
        watched.fail(failure)
    assert watched.circuit.state == "closed"


def test_it_opens_at_once_where_the_answer_says_until_when() -> None:
    watched = Watched(failures=5)
    watched.fail("rate_limited", 7.5)
    assert watched.refused() == Closed(7_500_000, "rate_limited")
    watched.now += 7_500_000
    watched.fail("rate_limited", 3)  # and longer than it asks where it has said so before
    assert watched.refused().wait == 60 * SECOND


def test_it_opens_at_once_where_nothing_is_left_to_pay_with() -> None:
    watched = Watched(lasting="5m", at_once=("budget_exhausted", "auth"))
    watched.fail("budget_exhausted")
    assert watched.refused().wait == 300 * SECOND
    until = Watched()
    until.fail("budget_exhausted", 86400)
    assert until.refused().wait == 86400 * SECOND


def test_what_was_sent_before_it_opened_says_nothing_of_how_things_are_now() -> None:
    watched = Watched(failures=1, cooldown="30s")
    late = [watched.admit() for _ in range(3)]
    watched.fail()
    watched.circuit.succeeded(late[0], watched.now)
    watched.circuit.failed(late[1], watched.now, "timeout", None)
    assert watched.told == ["open"]
    watched.circuit.failed(late[2], watched.now, "rate_limited", 100)  # but it may say for how long
    assert watched.refused().wait == 100 * SECOND


def test_a_call_of_which_nobody_hears_again_lets_the_next_one_find_out() -> None:
    watched = Watched(failures=1, cooldown="30s")
    watched.fail()
    watched.now += 30 * SECOND
    watched.circuit.forgotten(watched.admit())
    watched.succeed()
    assert watched.circuit.state == "closed"


acts = st.lists(
    st.tuples(
        st.sampled_from(["send", "succeed", "fail", "forget", "wait"]),
        st.integers(0, 40),
        st.sampled_from(sorted(FAILURES)),
        st.none() | st.floats(0, 100),
    ),
    max_size=60,
)


@given(acts, st.integers(1, 3))
def test_nothing_goes_out_before_its_time_but_one_call(story: list[Any], failures: int) -> None:
    """Whoever is let through while it is not closed is alone, and it is past its time."""
    watched = Watched(failures=failures, cooldown="10s", share=0.0)
    circuit = watched.circuit
    probes: list[Pass] = []
    for act, number, failure, retry_after in story:
        if act == "wait":
            watched.now += number * SECOND
        elif act == "send":
            was, until = circuit.state, circuit.until
            leave = circuit.admit(watched.now)
            if isinstance(leave, Closed):
                assert was != "closed"
                assert leave.wait > 0
            else:
                if was != "closed":
                    assert watched.now >= until
                    assert not probes, "one at a time"
                    probes.append(leave)
                watched.under_way.append(leave)
        elif watched.under_way:
            ended = watched.under_way.pop(number % len(watched.under_way))
            probes = [probe for probe in probes if probe is not ended]
            if act == "succeed":
                circuit.succeeded(ended, watched.now)
            elif act == "fail":
                circuit.failed(ended, watched.now, failure, retry_after)
            else:
                circuit.forgotten(ended)
    order = [change.state for change in circuit.changes]
    allowed = {("closed", "open"), ("open", "half_open"), ("half_open", "closed"), ("half_open", "open")}
    assert set(zip(["closed", *order], order, strict=False)) <= allowed
