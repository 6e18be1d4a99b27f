"""How a system knows who calls: by a key, a password, a token, or a token that it gives for a client.

Secrets are references: the tool opens them for one call, inside the gate, and its headers get them here.
"""

from __future__ import annotations

import asyncio
import base64
from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from hashlib import sha256
from time import monotonic
from typing import Any, Final, Literal, cast

from ripieno.connectors.rest.errors import error_of, retry_after
from ripieno.connectors.rest.pool import client
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.mediation.secrets.secret import Secret
from ripieno.model.action import Call
from ripieno.model.confidential import CONFIDENTIAL, LEAST
from ripieno.model.errors import AuthenticationError, DefinitionError, NotSentError, ToolError
from ripieno.model.event import Json
from ripieno.model.failure import failure_of

__all__ = ["ApiKey", "Auth", "Basic", "Bearer", "ClientCredentials", "Credentials", "NoAuth"]

LARGEST_TOKEN: Final = 100_000
TOKEN_SECONDS: Final = 10.0
USUAL, LONGEST = 300.0, 31 * 86400.0
"""How long a token holds of which that is not said, and any at most."""
EARLY: Final = 30.0
"""A token is asked for anew so many seconds before it ends."""


@dataclass(slots=True)
class Credentials:
    """What a request bears for its authentication."""

    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: dict[str, str] = field(default_factory=dict[str, str])
    cookies: dict[str, str] = field(default_factory=dict[str, str])


class Auth(ABC):
    """One way of being known to a system."""

    kind: str

    @property
    @abstractmethod
    def secrets(self) -> Mapping[str, str]:
        """The references that it needs, by the names under which a call is given them."""

    @abstractmethod
    async def credentials(self, call: Call) -> Credentials:
        """Give what a request bears."""

    def refused(self, call: Call) -> bool:
        """Take note that what it gave was refused; tell whether a new one may be had at once."""
        del call
        return False

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in a definition."""
        return {self.kind: dict(self.secrets.items())}


@dataclass(frozen=True)
class NoAuth(Auth):
    """Whoever asks is answered."""

    kind = "none"

    @property
    def secrets(self) -> Mapping[str, str]:
        """None."""
        return {}

    async def credentials(self, call: Call) -> Credentials:
        """Give nothing."""
        del call
        return Credentials()


@dataclass(frozen=True)
class Bearer(Auth):
    """A token that was given out once: `Authorization: Bearer ...` (RFC 6750), or another scheme."""

    token: str
    """A reference such as `secret://env/CRM_TOKEN`."""
    scheme: str = "Bearer"
    kind = "bearer"

    def __post_init__(self) -> None:
        checked(self.token)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The token."""
        return {"token": self.token}

    async def credentials(self, call: Call) -> Credentials:
        """Give the header."""
        return Credentials({"Authorization": f"{self.scheme} {revealed(call, 'token')}"})

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in a definition."""
        return {
            self.kind: {"token": self.token, **({} if self.scheme == "Bearer" else {"scheme": self.scheme})}
        }


@dataclass(frozen=True)
class ApiKey(Auth):
    """A key in a header, the query or a cookie."""

    key: str
    """A reference such as `secret://env/CRM_KEY`."""
    name: str = "X-API-Key"
    where: Literal["header", "query", "cookie"] = "header"
    kind = "api_key"

    def __post_init__(self) -> None:
        checked(self.key)
        if self.where not in ("header", "query", "cookie"):
            msg = f"an API key stands in header, query or cookie, got {self.where!r}"
            raise DefinitionError(msg)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The key."""
        return {"key": self.key}

    async def credentials(self, call: Call) -> Credentials:
        """Give the key where it belongs."""
        found = Credentials()
        place = {"header": found.headers, "query": found.query, "cookie": found.cookies}[self.where]
        place[self.name] = revealed(call, "key")
        return found

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in a definition."""
        return {self.kind: {"key": self.key, "name": self.name, "where": self.where}}


@dataclass(frozen=True)
class Basic(Auth):
    """A name and a password (RFC 7617)."""

    user: str
    """The name, or a reference to it."""
    password: str
    """A reference such as `secret://env/CRM_PASSWORD`."""
    kind = "basic"

    def __post_init__(self) -> None:
        checked(self.password)
        if ":" in self.user and not self.user.startswith("secret://"):
            msg = f"a name of basic authentication has no ':', got {self.user!r}"
            raise DefinitionError(msg)

    @property
    def secrets(self) -> Mapping[str, str]:
        """The password, and the name where it is a secret too."""
        named = {"user": self.user} if self.user.startswith("secret://") else {}
        return {**named, "password": self.password}

    async def credentials(self, call: Call) -> Credentials:
        """Give the header."""
        user = revealed(call, "user") if "user" in self.secrets else self.user
        return Credentials({"Authorization": basic(user, revealed(call, "password"))})

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in a definition."""
        return {self.kind: {"user": self.user, "password": self.password}}


@dataclass
class Token:
    """A token of a server, and until when it holds."""

    value: str
    until: float


@dataclass(frozen=True)
class ClientCredentials(Auth):
    """A token for a client by its id and secret (OAuth 2.0, RFC 6749 section 4.4), kept until it ends."""

    token_url: str
    client_id: str
    """The id, or a reference to it."""
    client_secret: str
    """A reference such as `secret://env/CRM_CLIENT_SECRET`."""
    scope: str = ""
    resource: str = ""
    """The resource that the token is for (RFC 8707)."""
    more: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further parameters, such as `audience`."""
    in_body: bool = False
    """True where the server takes id and secret as parameters only, not in the header."""
    _kept: MutableMapping[str, Token] = field(default_factory=dict[str, Token], repr=False, compare=False)
    _asking: MutableMapping[Any, asyncio.Lock] = field(
        default_factory=dict[Any, asyncio.Lock], repr=False, compare=False
    )
    """One request for a token at a time in each loop: protects the above."""
    kind = "client_credentials"

    def __post_init__(self) -> None:
        checked(self.client_secret)
        secure(self.token_url, "the server that gives tokens")

    @property
    def secrets(self) -> Mapping[str, str]:
        """The client's secret, and its id where that is a secret too."""
        named = {"client_id": self.client_id} if self.client_id.startswith("secret://") else {}
        return {**named, "client_secret": self.client_secret}

    async def credentials(self, call: Call) -> Credentials:
        """Give the header, with a token that holds for long enough."""
        key = self._key(call)
        loop = asyncio.get_running_loop()
        async with self._asking.setdefault(loop, asyncio.Lock()):
            token = self._kept.get(key)
            if token is None or token.until <= monotonic():
                token = self._kept[key] = await self._ask(call)
        return Credentials({"Authorization": f"Bearer {token.value}"})

    def refused(self, call: Call) -> bool:
        """Forget the token; a new one may be had at once."""
        return self._kept.pop(self._key(call), None) is not None

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in a definition."""
        settings: dict[str, Json] = {
            "token_url": self.token_url,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        more: dict[str, Json] = {"scope": self.scope, "resource": self.resource, "in_body": self.in_body}
        more["more"] = dict(sorted(self.more.items()))
        return {self.kind: {**settings, **{name: value for name, value in more.items() if value}}}

    def _id(self, call: Call) -> str:
        return revealed(call, "client_id") if "client_id" in self.secrets else self.client_id

    def _key(self, call: Call) -> str:
        """Give what a token is kept under: another secret is another client."""
        return sha256(f"{self._id(call)}\0{revealed(call, 'client_secret')}".encode()).hexdigest()

    def _proof(self, call: Call) -> Credentials:
        """Give what shows the server of tokens who asks: parameters of the body as `query`, and headers."""
        secret = revealed(call, "client_secret")
        if self.in_body:
            return Credentials(query={"client_id": self._id(call), "client_secret": secret})
        return Credentials({"Authorization": basic(self._id(call), secret)})

    async def _ask(self, call: Call) -> Token:
        import httpx  # noqa: PLC0415 - a tenth of a second that only who calls a system pays

        data = {"grant_type": "client_credentials", **self.more}
        data |= {name: text for name, text in (("scope", self.scope), ("resource", self.resource)) if text}
        proof = self._proof(call)
        data |= proof.query
        headers = {"Accept": "application/json", **proof.headers}
        whose = "the server that gives tokens"
        sent = (await client()).stream("POST", self.token_url, data=data, headers=headers)
        content = bytearray()
        try:
            async with asyncio.timeout(TOKEN_SECONDS), sent as answer:
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > LARGEST_TOKEN:
                        break
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            msg = f"{whose} could not be reached ({type(error).__name__})"
            raise NotSentError(msg, failure="connection") from None
        error = error_of(whose, answer, bytes(content[:LARGEST_TOKEN]))
        if error is not None:
            if answer.status_code in {400, 401}:
                raise AuthenticationError(error.message)
            raise NotSentError(
                error.message, failure=failure_of(error), retry_after=retry_after(answer.headers)
            )
        return token_in(bytes(content))


def token_in(content: bytes) -> Token:
    """Read the answer of a server that gives tokens; raises `ToolError`, without what stands in it."""
    from pydantic_core import from_json  # noqa: PLC0415 - with httpx above

    try:
        fields: Any = from_json(content) if len(content) <= LARGEST_TOKEN else None
    except ValueError:
        fields = None
    known = cast("dict[str, Any]", fields) if isinstance(fields, dict) else {}
    value = known.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        msg = "the server that gives tokens gave none (RFC 6749 asks for `access_token`)"
        raise ToolError(msg)
    if len(value) >= LEAST:
        CONFIDENTIAL.hold(f"token:{sha256(value.encode()).hexdigest()[:8]}", value)
    lasts: Any = known.get("expires_in", USUAL)
    try:
        seconds = min(float(lasts), LONGEST)
    except (TypeError, ValueError, OverflowError):
        seconds = USUAL
    return Token(value, monotonic() + max(1.0, seconds - EARLY))


def revealed(call: Call, name: str) -> str:
    """Give an opened secret of a call."""
    secret: Secret = call.given[name]
    return secret.reveal()


def basic(user: str, password: str) -> str:
    """Give the header of basic authentication."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def checked(reference: str) -> None:
    """Raise `DefinitionError` where a secret does not stand as a reference."""
    SECRETS.reference(reference)


def secure(url: str, whose: str) -> None:
    """Raise `DefinitionError` for an address that secrets must not be sent to."""
    from ripieno.connectors.rest.address import checked_base  # noqa: PLC0415 - they name each other

    checked_base(url, whose)
