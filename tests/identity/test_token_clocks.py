"""Tokens where clocks differ: the provider's runs ahead or behind, ours leaps or is put back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from identity.openid import AUDIENCE, OpenId, serving
from identity.people import opened
from kernel.scenarios.hand_clock import HandClock
from ripieno.identity.administration import enter
from ripieno.identity.credential import Credential
from ripieno.identity.key_sets import KeySets
from ripieno.identity.providers import Provider, trust
from ripieno.identity.sign_in import sign_in
from ripieno.identity.tokens import verify
from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.model.errors import SignInError
from ripieno.model.principal import Principal

OWNER: Final = Principal("person", "owner", every_role=True)
LEEWAY: Final = 30
LIFE: Final = 300


@pytest.fixture(scope="module")
def openid() -> Iterator[OpenId]:
    with serving() as provider:
        yield provider


@pytest.fixture
def clock() -> HandClock:
    """Give a clock that stands at the time of the machine."""
    clock = HandClock()
    clock.turn((SystemClock().now() - clock.now()) / MICROSECONDS)
    return clock


def provider_of(openid: OpenId) -> Provider:
    return Provider(openid.issuer, (AUDIENCE,), leeway_seconds=LEEWAY)


def issued(openid: OpenId, clock: HandClock, ahead: int, **claims: Any) -> str:
    """Give a token of a provider whose clock is so many seconds before ours."""
    at = clock.now() // MICROSECONDS + ahead
    return openid.sign({"sub": "ada", "aud": AUDIENCE, "iat": at, "nbf": at, "exp": at + LIFE} | claims)


async def let_in(token: str, openid: OpenId, clock: HandClock) -> bool:
    try:
        await verify(token, provider_of(openid), KeySets(clock), clock)
    except SignInError:
        return False
    return True


@pytest.mark.parametrize(
    ("ahead", "good"),
    [
        (LEEWAY - 5, True),
        (LEEWAY + 5, False),
        (86_400, False),
        (-(LIFE + LEEWAY - 5), True),
        (-(LIFE + LEEWAY + 5), False),
        (-86_400, False),
    ],
    ids=["a little ahead", "ahead", "a day ahead", "almost too far behind", "too far behind", "a day behind"],
)
async def test_a_provider_whose_clock_differs_is_believed_within_the_leeway(
    openid: OpenId, clock: HandClock, ahead: int, *, good: bool
) -> None:
    assert await let_in(issued(openid, clock, ahead), openid, clock) is good


@pytest.mark.parametrize(
    ("ahead", "good"),
    [
        (0, True),
        (LEEWAY - 10, True),
        (LEEWAY + 10, False),
        (-(LIFE - 10), True),
        (-(LIFE + LEEWAY - 10), True),
        (-(LIFE + LEEWAY + 10), False),
    ],
)
async def test_what_a_provider_issues_by_a_clock_that_is_wrong_is_believed_within_the_leeway(
    openid: OpenId, clock: HandClock, ahead: int, *, good: bool
) -> None:
    """The tokens are those of its own grants, with the times that it gives them."""
    openid.put_clock(ahead)
    try:
        tokens = [openid.of_service(), openid.of_person("ada")]
    finally:
        openid.put_clock(0)
    assert [await let_in(token, openid, clock) for token in tokens] == [good, good]


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_either_of_both_times_in_the_future_is_enough_to_be_turned_away(
    openid: OpenId, clock: HandClock, claim: str
) -> None:
    at = clock.now() // MICROSECONDS
    assert not await let_in(issued(openid, clock, 0, **{claim: at + LEEWAY + 5}), openid, clock)
    assert await let_in(issued(openid, clock, 0, **{claim: at + LEEWAY - 5}), openid, clock)


@pytest.mark.parametrize("claim", ["nbf", "iat", "exp"])
@pytest.mark.parametrize(
    "value", [float("1e300"), -1e300, "soon", True, [], {}, "1e3"], ids=lambda value: repr(value)[:8]
)
async def test_a_time_that_is_none_lets_nobody_in_for_longer(
    openid: OpenId, clock: HandClock, claim: str, value: object
) -> None:
    """Whatever a time is said to be, a token is over once its other times, or any time, say so."""
    token = issued(openid, clock, 0, **{claim: value})
    never = claim == "exp" and value == 1e300  # the provider says that it does not expire
    clock.turn(LIFE + LEEWAY + 5)
    assert await let_in(token, openid, clock) is never


async def test_a_clock_that_leaps_over_the_end_of_a_token_ends_it(openid: OpenId, clock: HandClock) -> None:
    token = issued(openid, clock, 0)
    assert await let_in(token, openid, clock)
    clock.turn(86_400)
    assert not await let_in(token, openid, clock)


async def test_a_clock_that_was_put_back_does_not_bring_back_what_has_expired(
    openid: OpenId, clock: HandClock, tmp_path: Path
) -> None:
    async with opened(tmp_path) as store:
        await trust(store, provider_of(openid), by=OWNER)
        await enter(store, "person:ada", by=OWNER)
        claimed = Principal("person", "nobody")

        async def comes(token: str) -> str:
            credential = Credential("token", token)
            return (await sign_in(store, clock, claimed, credential, key_sets=KeySets(clock))).id

        early = issued(openid, clock, -2 * 86_400)
        with pytest.raises(SignInError, match="expired"):
            await comes(early)
        assert await comes(issued(openid, clock, 0)) == "person:ada"
        clock.turn(-2 * 86_400)  # to when that token was good
        with pytest.raises(SignInError, match="clock stands at"):
            await comes(early)
        clock.turn(2 * 86_400)
        assert await comes(issued(openid, clock, 0)) == "person:ada"
