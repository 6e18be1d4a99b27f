"""Tokens of a real OpenID provider: whose they are, and every way in which one is turned away."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from identity.openid import AUDIENCE, OpenId, serving
from kernel.scenarios.hand_clock import HandClock
from ripieno.identity.key_sets import KeySets
from ripieno.identity.providers import Provider
from ripieno.identity.tokens import Claimed, issuer_of, verify, written
from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.model.errors import InputError, SignInError

NOW: Final = SystemClock().now() // MICROSECONDS
GOOD: Final[dict[str, Any]] = {"sub": "ada", "aud": AUDIENCE, "exp": NOW + 300, "iat": NOW}


@pytest.fixture(scope="module")
def openid() -> Iterator[OpenId]:
    with serving() as provider:
        yield provider


@pytest.fixture
def own() -> Iterator[OpenId]:
    """Give a provider that the test may harm."""
    with serving() as provider:
        yield provider


class Still:
    """A clock that stands where the claims of these tests were written."""

    def now(self) -> int:
        return NOW * MICROSECONDS


async def verified(token: str, provider: Provider, key_sets: KeySets | None = None) -> Claimed:
    """Verify a token that the provider has made, by the time at which it did."""
    return await verify(token, provider, key_sets or KeySets(SystemClock()), SystemClock())


async def read(token: str, provider: Provider) -> Claimed:
    """Verify a token with the claims of a test, by its time."""
    return await verify(token, provider, KeySets(SystemClock()), Still())


async def refused(token: str, openid: OpenId, reason: str) -> None:
    with pytest.raises(SignInError, match=reason) as error:
        await read(token, openid.provider)
    shown = f"{error.value} {error.value!r}"
    assert not [part for part in token.split(".") if len(part) > 10 and part in shown]


def parts(token: str) -> list[bytes]:
    return [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".")]


def text(*sections: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in sections)


# -- whose they are --------------------------------------------------------------------------------------


async def test_a_client_that_comes_for_itself_is_a_service(openid: OpenId) -> None:
    said = await verified(openid.of_service(), openid.provider)
    assert (said.kind, said.name, said.groups) == ("service", "billing", ("billing-services",))
    assert said.client == "billing"


async def test_whoever_signed_in_is_a_person_with_the_groups_of_the_provider(openid: OpenId) -> None:
    said = await verified(openid.of_person("ada"), openid.provider)
    assert (said.kind, said.name, said.groups) == ("person", "ada", ("clinical staff", "everybody"))
    other = await verified(openid.of_person("ada"), openid.provider)
    assert other.mark != said.mark


async def test_groups_are_read_from_the_claims_that_are_configured(openid: OpenId) -> None:
    claims = {"realm_access": {"roles": ["nurse", "  ", "x" * 300]}, "team": "ward", "no": 1, "groups": ["z"]}
    provider = Provider(openid.issuer, (AUDIENCE,), groups=("realm_access.roles", "team", "none.at.all"))
    assert (await read(openid.sign(GOOD | claims), provider)).groups == ("nurse", "ward")
    with pytest.raises(SignInError, match="no list of names"):
        await read(openid.sign(GOOD | claims), Provider(openid.issuer, (AUDIENCE,), groups=("no",)))
    many = openid.sign(GOOD | {"groups": [str(number) for number in range(501)]})
    with pytest.raises(SignInError, match="more than 500"):
        await read(many, openid.provider)


async def test_any_of_several_audiences_will_do_and_the_principal_may_be_in_another_claim(
    openid: OpenId,
) -> None:
    provider = Provider(openid.issuer, ("other", AUDIENCE), subject="email", prefix="acme.")
    token = openid.sign(GOOD | {"aud": ["x", AUDIENCE], "email": "ada@ward.test"})
    assert (await read(token, provider)).name == "acme.ada@ward.test"


def test_two_subjects_never_become_the_same_name() -> None:
    subjects = ["a|b", "a+7Cb", "a+b", "a b", "ä", "a\ud800", "ab", "a-b"]
    assert len({written(subject) for subject in subjects}) == len(subjects)
    assert written("auth0|4711") == "auth0+7C4711"


# -- how they are turned away ----------------------------------------------------------------------------

CLAIMS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "another issuer": ({"iss": "https://evil.test"}, r"claim is not .*\(iss\)"),
    "another audience": ({"aud": "https://other.test"}, r"\(aud\)"),
    "no audience": ({"aud": None}, r"missing \(aud\)"),
    "expired": ({"exp": NOW - 60}, "it has expired"),
    "no expiry": ({"exp": None}, r"missing \(exp\)"),
    "an expiry that is no number": ({"exp": "tomorrow"}, r"\(exp\)"),
    "not yet in force": ({"nbf": NOW + 600}, r"\(nbf\)"),
    "issued in the future": ({"iat": NOW + 600}, r"\(iat\)"),
    "nobody": ({"sub": ""}, r"\(sub\)|names nobody"),
    "a subject that is no text": ({"sub": 7}, r"\(sub\)"),
    "a subject that cannot stand in the log": ({"sub": "x" * 200}, "names nobody that can stand"),
}


@pytest.mark.parametrize("case", CLAIMS)
async def test_a_token_with_other_claims_is_refused(openid: OpenId, case: str) -> None:
    claims, reason = CLAIMS[case]
    await refused(openid.sign(GOOD | claims), openid, reason)


async def test_clocks_may_differ_by_the_leeway_and_no_more(openid: OpenId) -> None:
    assert await read(openid.sign(GOOD | {"exp": NOW - 10, "nbf": NOW + 10}), openid.provider)
    strict = Provider(openid.issuer, (AUDIENCE,), leeway_seconds=0)
    with pytest.raises(SignInError, match="expired"):
        await read(openid.sign(GOOD | {"exp": NOW - 10}), strict)


async def test_a_token_without_a_signature_is_refused(openid: OpenId) -> None:
    header, payload, _ = parts(openid.of_person("ada"))
    for name in ("none", "None", "NONE", None):
        unsigned = json.dumps(json.loads(header) | {"alg": name}).encode()
        await refused(text(unsigned, payload, b""), openid, "algorithm is not accepted")


async def test_the_public_key_is_no_secret_to_sign_with(openid: OpenId) -> None:
    keys = openid.keys()
    header, payload, _ = parts(openid.of_person("ada"))
    forged = json.dumps(json.loads(header) | {"alg": "HS256"}).encode()
    for secret in (json.dumps(json.loads(keys)["keys"][0]).encode(), keys, b""):
        signed = text(forged, payload)
        signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        await refused(f"{signed}.{text(signature)}", openid, "algorithm is not accepted")


async def test_an_algorithm_that_the_key_is_not_for_is_refused(openid: OpenId) -> None:
    await refused(openid.sign(GOOD, {"alg": "RS256"}), openid, "not for signatures by RS256")
    await refused(openid.sign(GOOD, {"alg": "ES384"}), openid, "algorithm is not accepted")


async def test_a_payload_that_was_changed_is_refused(openid: OpenId) -> None:
    header, payload, signature = parts(openid.of_person("ada"))
    changed = json.dumps(json.loads(payload) | {"sub": "eve"}).encode()
    await refused(text(header, changed, signature), openid, "signature is not the provider's")
    await refused(text(header, payload, signature[::-1]), openid, "signature")
    await refused(text(header, payload, b""), openid, "signature")


async def test_a_token_that_names_no_key_is_refused(openid: OpenId) -> None:
    for kid in (None, "", 7, "x" * 300):
        await refused(openid.sign(GOOD, {"kid": kid}), openid, "does not name the key")


async def test_a_key_that_the_token_brings_along_does_not_count(openid: OpenId) -> None:
    header = {"kid": "mine", "jku": "https://evil.test/keys", "jwk": {"kty": "oct", "k": "AAAA"}}
    await refused(openid.sign(GOOD, header), openid, "no key with the id")


@pytest.mark.parametrize(
    "header", [{"typ": "dpop+jwt"}, {"typ": 7}, {"crit": ["exp"]}, {"b64": False}], ids=str
)
async def test_a_token_that_wants_to_be_read_otherwise_is_refused(
    openid: OpenId, header: dict[str, Any]
) -> None:
    await refused(openid.sign(GOOD, header), openid, "another type|not known here")


async def test_a_subject_that_is_not_there_names_nobody(openid: OpenId) -> None:
    provider = Provider(openid.issuer, (AUDIENCE,), subject="email")
    with pytest.raises(SignInError, match="claim 'email' names nobody"):
        await read(openid.sign(GOOD), provider)


def test_a_token_that_names_no_issuer_is_nobodys() -> None:
    with pytest.raises(SignInError, match="names no issuer"):
        issuer_of(text(b"{}", b"{}", b""))


async def test_a_huge_token_is_refused_before_it_is_read(openid: OpenId) -> None:
    await refused(openid.sign(GOOD | {"more": "x" * 20_000}), openid, "longer than 16384 letters")
    await refused("a." * 9000, openid, "longer than")


@pytest.mark.parametrize(
    "token", ["", "x", "a.b", "a.b.c", "....", "bnVsbA.bnVsbA.x", "\ud800.é.c"], ids=ascii
)
async def test_what_is_no_token_is_refused(openid: OpenId, token: str) -> None:
    await refused(token, openid, "no signed token")


# -- the provider's keys ---------------------------------------------------------------------------------


async def test_keys_are_fetched_once_for_many_tokens(own: OpenId) -> None:
    sets = KeySets(SystemClock())
    for _ in range(3):
        await verified(own.of_person("ada"), own.provider, sets)
    assert own.asked() == 1


async def test_a_provider_that_changes_its_keys_is_asked_again_but_not_without_end(
    own: OpenId, clock: HandClock
) -> None:
    sets = KeySets(clock)
    old = own.of_person("ada")
    await verified(old, own.provider, sets)
    own.rotate()
    new = own.of_person("ada")
    with pytest.raises(SignInError, match="no key with the id"):
        await verified(new, own.provider, sets)  # it was asked just now
    clock.turn(31)
    await verified(new, own.provider, sets)
    assert own.asked() == 2
    with pytest.raises(SignInError, match="no key with the id"):
        await verified(old, own.provider, sets)
    for _ in range(5):
        with pytest.raises(SignInError, match="no key with the id"):
            await verified(own.sign(GOOD, {"kid": "made up"}), own.provider, sets)
    assert own.asked() == 2


async def test_a_provider_that_is_down_is_done_without_for_an_hour(own: OpenId, clock: HandClock) -> None:
    sets = KeySets(clock)
    token, unknown = own.of_person("ada"), own.sign(GOOD, {"kid": "another"})
    await verified(token, own.provider, sets)
    own.stop()
    clock.turn(3500)
    await verified(token, own.provider, sets)
    with pytest.raises(SignInError, match="cannot be asked for its keys"):
        await verified(unknown, own.provider, sets)
    clock.turn(101)
    with pytest.raises(SignInError, match="cannot be asked for its keys"):
        await verified(token, own.provider, sets)


async def test_nobody_is_let_in_whose_keys_were_never_seen(own: OpenId) -> None:
    token = own.of_person("ada")
    own.stop()
    with pytest.raises(SignInError, match="cannot be asked for its keys"):
        await verified(token, own.provider)


async def test_a_clock_that_was_put_back_has_keys_fetched_anew(own: OpenId, clock: HandClock) -> None:
    sets = KeySets(clock)
    token = own.of_person("ada")
    await verified(token, own.provider, sets)
    clock.turn(-7200)
    await verified(token, own.provider, sets)
    assert own.asked() == 2


# -- how a provider is configured ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"issuer": "http://id.test"},
        {"issuer": "https://user@id.test"},
        {"issuer": "file:///etc/passwd"},
        {"audience": ()},
        {"algorithms": ("HS256",)},
        {"algorithms": ("none",)},
        {"leeway_seconds": 3600},
        {"leeway_seconds": -1},
        {"subject": "a b"},
        {"prefix": "-"},
    ],
    ids=str,
)
def test_a_provider_that_could_not_be_trusted_is_refused(more: dict[str, Any]) -> None:
    given: dict[str, Any] = {"issuer": "https://id.test", "audience": ("us",)}
    with pytest.raises(InputError):
        Provider(**(given | more))
