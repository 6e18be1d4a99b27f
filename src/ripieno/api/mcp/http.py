"""The server over streamable HTTP: whoever comes without a key or token that is good is turned away."""

from __future__ import annotations

from typing import Any

from mcp.server.lowlevel.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from ripieno.api.mcp.server import Context
from ripieno.identity.credential import Credential
from ripieno.identity.key_sets import KeySets
from ripieno.identity.sign_in import sign_in
from ripieno.kernel.host import Host
from ripieno.model.errors import NotAllowedError, SignInError
from ripieno.model.principal import Principal

__all__ = ["app", "who_came"]

CAME = "ripieno.principal"
KEY_PREFIX = "ripieno_"


async def who_came(context: Context) -> Principal:
    """Give who was let in with a request."""
    assert context.request is not None, "it came over HTTP"
    found: Principal = context.request.scope[CAME]
    return found


def app(server: Server[Any], host: Host, *, by: Principal, names: tuple[str, ...] = ()) -> ASGIApp:
    """Give the server as an application at `/mcp`, for the tenant of `by`, who serves it.

    `names` are hosts it is known by beside this machine.

    There are no sessions: each request is decided for whoever makes it, with the rights of then.
    """
    known = ("127.0.0.1", "localhost", "[::1]", *names)
    security = TransportSecuritySettings(
        allowed_hosts=[*(f"{name}:*" for name in known), *names],
        allowed_origins=[f"{scheme}://{name}:*" for name in known for scheme in ("http", "https")]
        + [f"https://{name}" for name in names],
    )
    inner = server.streamable_http_app(stateless_http=True, transport_security=security)
    return Door(inner, host, by)


class Door:
    """Lets in whoever has a key or token that is good; each that is turned away stands in the log."""

    def __init__(self, inner: ASGIApp, host: Host, by: Principal) -> None:
        self.inner, self._host, self._by = inner, host, by
        self._key_sets = KeySets(host.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        try:
            scope[CAME] = await self._who(scope)
        except SignInError as error:
            await turned_away(send, 401, error.message)
        except NotAllowedError as error:
            await turned_away(send, 403, error.message)
        else:
            await self.inner(scope, receive, send)

    async def _who(self, scope: Scope) -> Principal:
        said = [value for name, value in scope["headers"] if name == b"authorization"]
        kind, _, text = said[0].decode("latin-1").partition(" ") if len(said) == 1 else ("", "", "")
        if kind.lower() != "bearer" or not text.strip():
            msg = "an API key or token is needed"
            raise SignInError(
                msg, remedy="send it as Authorization: Bearer …; ripieno keys create makes a key"
            )
        credential = Credential("key" if text.startswith(KEY_PREFIX) else "token", text.strip())
        return await sign_in(
            self._host.store,
            self._host.clock,
            self._by,  # says which tenant, and nothing of who comes
            credential,
            tenant=self._by.tenant,
            key_sets=self._key_sets,
        )


async def turned_away(send: Send, status: int, why: str) -> None:
    """Answer whoever is not let in."""
    body = why.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *([(b"www-authenticate", b'Bearer realm="ripieno"')] if status == 401 else []),  # noqa: PLR2004 - HTTP's
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
