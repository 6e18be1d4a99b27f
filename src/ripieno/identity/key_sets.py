"""The public keys of providers: found by discovery, kept for a while, fetched again when one is not known.

Sources: OpenID Connect Discovery 1.0, RFC 8414 (metadata), RFC 7517 (key sets).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from ripieno.identity.providers import check_url
from ripieno.kernel.clock import MICROSECONDS, Clock
from ripieno.model.errors import InputError, SignInError

if TYPE_CHECKING:
    from joserfc.jwk import Key

__all__ = ["Keeper", "Kept", "KeySets"]

TIMEOUT_SECONDS: Final = 5.0
LARGEST: Final = 256 * 1024
"""Bytes of a document that a provider may send."""

FRESH: Final = 600 * MICROSECONDS
"""How long fetched keys are used without asking again."""

USABLE: Final = 3600 * MICROSECONDS
"""How long they are used at most, while the provider cannot be asked."""

AGAIN: Final = 30 * MICROSECONDS
"""How long it is waited before a provider is asked again for a key that it did not have."""

RETRY: Final = 5 * MICROSECONDS
"""How long it is waited before a provider is asked again that could not be asked."""

SMALLEST_RSA: Final = 2048
BITS_PER_LETTER: Final = 6
"""Of a number in base64."""

KINDS: Final = frozenset({"RSA", "EC", "OKP"})
WELL_KNOWN: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Kept:
    """A key set as it was fetched."""

    keys: Sequence[Mapping[str, Any]]
    at: int
    """Microseconds since 1970."""


class Keeper(Protocol):
    """Keeps key sets from one process to the next."""

    def read(self, issuer: str) -> Kept | None:
        """Give what is kept of an issuer; None where nothing is, or it cannot be trusted."""
        ...

    def write(self, issuer: str, kept: Kept) -> None:
        """Keep the key set of an issuer."""
        ...


class KeySets:
    """Gives the key that a token of an issuer names; keys that were fetched serve all tokens after."""

    def __init__(self, clock: Clock, keeper: Keeper | None = None) -> None:
        self._clock = clock
        self._keeper = keeper
        self._kept: dict[str, Kept] = {}
        self._failed: dict[str, tuple[int, SignInError]] = {}
        """When an issuer could not be asked last, and why."""

    async def key(self, issuer: str, kid: str, algorithm: str) -> Key:
        """Give the public key `kid`; raises `SignInError` where it is not there or is not for `algorithm`.

        Keys that are no longer fresh are fetched again first. Where the provider cannot be asked they are
        used for an hour after they were fetched, and a key that is not among them is not accepted.
        """
        kept = self._known(issuer)
        now = self._clock.now()
        trouble: SignInError | None = None
        age = None if kept is None else now - kept.at
        missing = kept is None or not any(key.get("kid") == kid for key in kept.keys)
        if age is None or not 0 <= age < FRESH or (missing and age >= AGAIN):
            try:
                kept = await self._asked(issuer, now)
            except SignInError as error:
                trouble = error
                if age is None or not 0 <= age < USABLE:
                    raise
        assert kept is not None, "it was kept, or fetched, or raised"
        for key in kept.keys:
            if key.get("kid") == kid:
                return usable(issuer, key, algorithm)
        if trouble is not None:
            raise trouble
        msg = f"{issuer} has no key with the id that the token names"
        raise SignInError(msg, remedy="sign in again; a provider that changed its keys has new tokens")

    async def _asked(self, issuer: str, now: int) -> Kept:
        at, error = self._failed.get(issuer, (None, None))
        if at is not None and error is not None and 0 <= now - at < RETRY:
            raise error
        try:
            return await self._fetch(issuer)
        except SignInError as failure:
            self._failed[issuer] = now, failure
            raise

    def _known(self, issuer: str) -> Kept | None:
        kept = self._kept.get(issuer)
        if kept is None and self._keeper is not None:
            kept = self._keeper.read(issuer)
            if kept is not None:
                self._kept[issuer] = kept
        return kept

    async def _fetch(self, issuer: str) -> Kept:
        found = await document(issuer.rstrip("/") + WELL_KNOWN, issuer)
        if found.get("issuer") != issuer:
            msg = f"{issuer}: its configuration is of another issuer"
            raise SignInError(msg)
        address = found.get("jwks_uri")
        try:
            check_url(str(address), "the address of its keys")
        except InputError as error:
            msg = f"{issuer}: {error.message}"
            raise SignInError(msg) from error
        keys: Any = (await document(str(address), issuer)).get("keys")
        if not isinstance(keys, list):
            msg = f"{issuer}: its key set holds no list of keys"
            raise SignInError(msg)
        listed = [cast("dict[str, Any]", key) for key in cast("list[Any]", keys) if isinstance(key, dict)]
        kept = self._kept[issuer] = Kept(listed, self._clock.now())
        if self._keeper is not None:
            self._keeper.write(issuer, kept)
        return kept


def usable(issuer: str, key: Mapping[str, Any], algorithm: str) -> Key:
    """Read a public key; raises `SignInError` for one that is not for signatures of this algorithm."""
    from joserfc.errors import JoseError  # noqa: PLC0415 - only who comes with a token needs it
    from joserfc.jwk import JWKRegistry  # noqa: PLC0415

    if (
        key.get("kty") not in KINDS
        or key.get("use", "sig") != "sig"
        or key.get("alg", algorithm) != algorithm
    ):
        msg = f"{issuer}: the key that the token names is not for signatures by {algorithm}"
        raise SignInError(msg)
    if key["kty"] == "RSA" and len(str(key.get("n"))) * BITS_PER_LETTER < SMALLEST_RSA:
        msg = f"{issuer}: the key that the token names has fewer than {SMALLEST_RSA} bits"
        raise SignInError(msg)
    try:
        return JWKRegistry.import_key(dict(key))
    except (JoseError, ValueError, TypeError) as error:
        msg = f"{issuer}: the key that the token names cannot be read"
        raise SignInError(msg) from error


async def document(url: str, issuer: str) -> dict[str, Any]:
    """Fetch a JSON object; raises `SignInError` where there is none, in time and of bounded size."""
    import httpx  # noqa: PLC0415 - only who comes with a token needs it

    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as response,
        ):
            response.raise_for_status()
            data = bytearray()
            async for part in response.aiter_bytes():
                data += part
                if len(data) > LARGEST:
                    msg = f"{issuer}: {url} sends more than {LARGEST} bytes"
                    raise SignInError(msg)
        found: Any = json.loads(bytes(data))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        msg = f"{issuer} cannot be asked for its keys: {url}: {error or type(error).__name__}"
        raise SignInError(msg, remedy="without them nobody with a token of it is let in") from error
    if not isinstance(found, dict):
        msg = f"{issuer}: {url} is no JSON object"
        raise SignInError(msg)
    return cast("dict[str, Any]", found)
