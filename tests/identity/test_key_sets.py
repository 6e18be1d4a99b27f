"""Providers that lie, stall or send what is no key set: nobody is let in by them."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from identity.people import ADMIN, opened
from kernel.scenarios.hand_clock import HandClock
from ripieno.identity import administration
from ripieno.identity.kept_keys import KeptKeys
from ripieno.identity.key_sets import Kept, KeySets
from ripieno.model.errors import SignInError

WELL_KNOWN = "/.well-known/openid-configuration"
GOOD = {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "good"}


class Answers(BaseHTTPRequestHandler):
    """Sends what the test says, by path: a document, or a status with a header."""

    given: dict[str, Any]

    def do_GET(self) -> None:
        answer = self.given.get(self.path, 404)
        if isinstance(answer, int):
            self.send_response(answer)
            self.send_header("location", "/jwks")
            self.end_headers()
            return
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base has it
        """Say nothing."""


@contextmanager
def answering(**given: Any) -> Generator[str]:
    """Serve a provider; `discovery` and `jwks` replace what an honest one would send."""
    handler = type("Given", (Answers,), {"given": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        honest = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
        discovery = given.get("discovery", {})
        handler.given[WELL_KNOWN] = honest | discovery if isinstance(discovery, dict) else discovery
        handler.given["/jwks"] = given.get("jwks", {"keys": [GOOD]})
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"discovery": {"issuer": "https://evil.test"}}, "of another issuer"),
    "keys over http from elsewhere": ({"discovery": {"jwks_uri": "http://id.test/jwks"}}, "https address"),
    "keys in a file": ({"discovery": {"jwks_uri": "file:///etc/passwd"}}, "https address"),
    "no discovery": ({"discovery": 404}, "cannot be asked"),
    "a redirect": ({"discovery": 302}, "cannot be asked"),
    "no JSON": ({"discovery": b"<html>"}, "cannot be asked"),
    "a list": ({"discovery": b"[]"}, "no JSON object"),
    "too much": ({"jwks": b" " * 300_000}, "more than 262144 bytes"),
    "no list of keys": ({"jwks": {"keys": "none"}}, "no list of keys"),
    "no key": ({"jwks": {"keys": []}}, "no key with the id"),
    "things that are no keys": ({"jwks": {"keys": [None, 7, "good"]}}, "no key with the id"),
    "a secret": (
        {"jwks": {"keys": [{**OctKey.generate_key(256).as_dict(), "kid": "good"}]}},
        "not for signatures",
    ),
    "a key for encryption": ({"jwks": {"keys": [GOOD | {"use": "enc"}]}}, "not for signatures"),
    "a key of another algorithm": ({"jwks": {"keys": [GOOD | {"alg": "ES512"}]}}, "not for signatures"),
    "a broken key": ({"jwks": {"keys": [GOOD | {"x": "AAAA"}]}}, "cannot be read"),
}


@pytest.mark.parametrize("case", LIES)
async def test_a_provider_that_is_not_as_it_has_to_be_lets_nobody_in(case: str, clock: HandClock) -> None:
    given, reason = LIES[case]
    with answering(**given) as issuer, pytest.raises(SignInError, match=reason):
        await KeySets(clock).key(issuer, "good", "ES256")


async def test_a_key_of_few_bits_is_not_used(clock: HandClock) -> None:
    strong = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "strong"}
    weak = strong | {"kid": "weak", "n": str(strong["n"])[:171]}
    with answering(jwks={"keys": [weak, strong]}) as issuer:
        sets = KeySets(clock)
        assert (await sets.key(issuer, "strong", "PS256")).kid == "strong"
        with pytest.raises(SignInError, match="fewer than 2048 bits"):
            await sets.key(issuer, "weak", "PS256")


async def test_an_honest_one_gives_its_key_and_is_not_asked_twice_when_it_fails(clock: HandClock) -> None:
    with answering() as issuer:
        sets = KeySets(clock)
        assert (await sets.key(issuer, "good", "ES256")).kid == "good"
    down = KeySets(clock)
    with pytest.raises(SignInError, match="cannot be asked") as first:
        await down.key(issuer, "good", "ES256")
    with pytest.raises(SignInError) as second:
        await down.key(issuer, "good", "ES256")
    assert second.value is first.value


async def test_keys_are_kept_for_the_next_process_sealed_with_the_tenants_key(
    tmp_path: Path, clock: HandClock
) -> None:
    async with opened(tmp_path) as store:
        await administration.enter(store, "ada", by=ADMIN)
        key = store.key(await store.tenant_stream("default"))
    with answering() as issuer:
        await KeySets(clock, KeptKeys(tmp_path, key)).key(issuer, "good", "ES256")
    await KeySets(clock, KeptKeys(tmp_path, key)).key(issuer, "good", "ES256")  # it is gone meanwhile
    (kept,) = (tmp_path / "providers").glob("*.keys")
    data = kept.read_bytes()
    assert b"good" not in data
    kept.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(SignInError, match="cannot be asked"):
        await KeySets(clock, KeptKeys(tmp_path, key)).key(issuer, "good", "ES256")


async def test_where_nothing_can_be_kept_keys_are_fetched_each_time(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await administration.enter(store, "ada", by=ADMIN)
        key = store.key(await store.tenant_stream("default"))
    (tmp_path / "providers").write_text("in the way")
    keeper = KeptKeys(tmp_path, key)
    keeper.write("https://id.test", Kept([], 0))
    assert keeper.read("https://id.test") is None
