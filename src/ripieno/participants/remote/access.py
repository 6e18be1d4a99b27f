"""How a remote agent is told who calls: by the scheme that its card asks for, with an opened secret."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ripieno.mediation.secrets.secret import Secret
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import AuthenticationError, ToolError
from ripieno.participants.remote.card import is_near, trusted_roots
from ripieno.resilience.http import client as bounded

__all__ = ["Access", "Shown"]

EARLY_SECONDS: Final = 30.0
"""So long before it expires a token is not used any more."""

USUAL_SECONDS, LONGEST_SECONDS = 300.0, 31 * 86400.0
TOKEN_SECONDS: Final = 20.0
LARGEST_TOKEN: Final = 100_000
UNAUTHENTICATED: Final = (400, 401, 403)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is sent along with a request."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    params: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(slots=True)
class Access:
    """The schemes that can be answered: API key, HTTP bearer and basic, OAuth 2 client credentials."""

    agent: str
    client_id: str | None = None
    scopes: tuple[str, ...] = ()
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]], repr=False)
    """Access tokens by where they come from, and until when they are used; kept in memory alone."""

    async def show(self, card: Any, secret: Secret | None) -> Shown:
        """Give what an agent wants to see; raises `ToolError` where that cannot be shown."""
        if secret is None:
            if card.security_requirements:
                msg = f"{self.agent}: its card asks for {self._asked(card)}, and no secret is declared"
                raise ToolError(msg)
            return Shown()
        for name in self._names(card):
            scheme = card.security_schemes[name]
            oauth = scheme.oauth2_security_scheme.flows
            match scheme.WhichOneof("scheme"):
                case "api_key_security_scheme":
                    return api_key(scheme.api_key_security_scheme, secret)
                case "http_auth_security_scheme":
                    return self._http(scheme.http_auth_security_scheme.scheme.lower(), secret)
                case "oauth2_security_scheme" if oauth.HasField("client_credentials"):
                    return bearer(await self._token(oauth.client_credentials.token_url, secret))
                case _:
                    continue
        if not card.security_schemes:
            return bearer(secret.reveal())
        known = "apiKey, bearer, basic and OAuth 2 client credentials, one at a time"
        msg = f"{self.agent}: its card asks for {self._asked(card)}; known are {known}"
        raise ToolError(msg)

    def forget(self) -> None:
        """Use no token any more that was refused."""
        self.tokens.clear()

    def _names(self, card: Any) -> Iterable[str]:
        alternatives = [list(one.schemes) for one in card.security_requirements]
        asked = [names[0] for names in alternatives if len(names) == 1]
        known = asked if alternatives else list(card.security_schemes)
        return [name for name in known if name in card.security_schemes]

    def _asked(self, card: Any) -> str:
        asked = [" and ".join(sorted(one.schemes)) for one in card.security_requirements]
        return " or ".join(asked or sorted(card.security_schemes))

    def _http(self, scheme: str, secret: Secret) -> Shown:
        if scheme == "basic":
            pair = f"{self.client_id}:{secret.reveal()}" if self.client_id else secret.reveal()
            return Shown({"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"})
        return bearer(secret.reveal())

    async def _token(self, url: str, secret: Secret) -> str:
        import httpx  # noqa: PLC0415 - loaded by the first call

        kept = self.tokens.get(url)
        if kept is not None and kept[1] > time.monotonic():
            return kept[0]
        if not url.startswith("https://") and not is_near(url):
            msg = f"{self.agent}: a secret is not sent to {url!r}, which anybody on the way could read"
            raise ToolError(msg)
        if self.client_id is None:
            msg = f"{self.agent}: OAuth 2 needs a client_id beside the secret"
            raise ToolError(msg)
        form = {"grant_type": "client_credentials"}
        if self.scopes:
            form["scope"] = " ".join(self.scopes)
        try:
            async with (
                asyncio.timeout(TOKEN_SECONDS),
                bounded(most_bytes=LARGEST_TOKEN, verify=trusted_roots()) as client,
            ):
                answer = await client.post(url, data=form, auth=(self.client_id, secret.reveal()))
            told: Any = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            msg = f"{self.agent}: no token from {url}: {type(error).__name__}"
            raise ToolError(msg) from None
        if answer.status_code in UNAUTHENTICATED:
            msg = f"{self.agent}: {url} refused the client ({answer.status_code})"
            raise AuthenticationError(msg)
        known = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        token = known.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
            msg = f"{self.agent}: no token from {url} ({answer.status_code})"
            raise ToolError(msg)
        with suppress(ValueError):  # too short to be told apart from anything
            CONFIDENTIAL.hold(f"{secret.reference}/token", token)
        lasts: Any = known.get("expires_in")
        seconds = float(min(lasts, LONGEST_SECONDS)) if isinstance(lasts, int | float) else USUAL_SECONDS
        self.tokens[url] = token, time.monotonic() + seconds - EARLY_SECONDS
        return token


def bearer(token: str) -> Shown:
    """Give a bearer token as it is sent."""
    return Shown({"authorization": f"Bearer {token}"})


def api_key(scheme: Any, secret: Secret) -> Shown:
    """Give an API key where the scheme wants it."""
    key = {scheme.name: secret.reveal()}
    if scheme.location == "query":
        return Shown(params=key)
    return Shown(cookies=key) if scheme.location == "cookie" else Shown(headers=key)
