"""Who comes: each request is made by whose key or token it brings; cards alone are for everybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from a2a.auth.user import User
from a2a.server.context import ServerCallContext
from a2a.server.routes.common import ServerCallContextBuilder
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ripieno.identity.credential import Credential
from ripieno.model.errors import NotAllowedError, SignInError
from ripieno.model.principal import Principal

__all__ = ["Came", "CameBy", "Door", "came_with"]

CAME: Final = "ripieno.principal"
CARD: Final = "/.well-known/agent-card.json"
KEY_PREFIX: Final = "ripieno_"
LARGEST: Final = 16_000_000
NEAR: Final = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})

Came = Callable[[Credential | None], Awaitable[Principal]]
"""Gives who comes with a credential, or without; raises `SignInError` and `NotAllowedError`."""


class CameBy(User):
    """Who makes a call, as the SDK knows them."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    @property
    def is_authenticated(self) -> bool:
        """True: nobody else comes this far."""
        return True

    @property
    def user_name(self) -> str:
        """The principal's id."""
        return self.principal.id


class CallContexts(ServerCallContextBuilder):
    """Tells the handler who has been let in."""

    def build(self, request: Request) -> ServerCallContext:
        """Give the context of a call."""
        return ServerCallContext(user=CameBy(request.scope[CAME]), state={"headers": dict(request.headers)})


def came_with(context: ServerCallContext) -> Principal:
    """Give who makes a call."""
    assert isinstance(context.user, CameBy), "everybody else was turned away at the door"
    return context.user.principal


class Door:
    """Lets in whoever has a key or token that is good. A page in a browser is not let in by another's name.

    `names` are the hosts that the server goes by: a request for another one is not for it.
    """

    def __init__(self, inner: ASGIApp, came: Came, names: frozenset[str]) -> None:
        self._inner, self._came, self._names = inner, came, names | NEAR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._stranger(request)
        if refusal is None and not request.url.path.endswith(CARD):
            try:
                scope[CAME] = await self._came(credential_of(request))
            except SignInError as error:
                refusal = told(401, error.message)
            except NotAllowedError as error:
                refusal = told(403, error.message)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._inner(scope, limited(receive), send)

    def _stranger(self, request: Request) -> JSONResponse | None:
        host = request.headers.get("host", "")
        if host not in self._names and host.rpartition(":")[0] not in self._names:
            return told(421, f"this server does not go by {host!r}")
        if request.headers.get("origin") is not None:
            return told(403, "pages of browsers are not served")
        if int(request.headers.get("content-length") or 0) > LARGEST:
            return told(413, f"a message may have {LARGEST:,} bytes")
        return None


def credential_of(request: Request) -> Credential | None:
    """Give the key or token that a request brings; None where it brings none."""
    text = request.headers.get("authorization")
    if text is None:
        return None
    kind, _, value = text.partition(" ")
    if kind.lower() != "bearer" or not value.strip():
        msg = "an API key or token is sent as Authorization: Bearer …"
        raise SignInError(msg)
    return Credential("key" if value.strip().startswith(KEY_PREFIX) else "token", value.strip())


def told(status: int, why: str) -> JSONResponse:
    """Say why a request goes no further."""
    headers = {"www-authenticate": 'Bearer realm="ripieno"'} if status == 401 else None  # noqa: PLR2004 - HTTP's
    return JSONResponse({"error": why}, status_code=status, headers=headers)


def limited(receive: Receive) -> Receive:
    """Let in no more bytes than a message may have, whatever its headers say."""
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        return {"type": "http.disconnect"} if came > LARGEST else message

    return counted


def contexts() -> Any:
    """Give what tells the handler who has been let in."""
    return CallContexts()
