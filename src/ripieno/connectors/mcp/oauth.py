"""Becoming known to a server by OAuth 2.1: tokens for it alone, from the issuer that the project names alone.

Where a server leads to another authorization server, asks for more than is declared, or lets a token go to
where it is not encrypted, nothing is sent there.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal, cast
from urllib.parse import parse_qs, urlsplit

import httpx2
import structlog
from mcp.client.auth import OAuthClientProvider, OAuthFlowError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.auth.utils import issuers_match
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from ripieno.connectors.mcp.server import McpServer, OAuth, on_loopback
from ripieno.kernel.home import data_folder, find_data_folder
from ripieno.mediation.secrets.logs import guard_logs
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import RipienoError, StoreError, ToolError
from ripieno.retention.sealed_files import SealedFile

__all__ = ["Kept", "Person", "interactive", "signed_in"]

ANSWER_BYTES: Final = 64_000
REVOKED_WITHIN: Final = 10.0

log = structlog.get_logger("ripieno.connectors.mcp")


class Kept:
    """The tokens of one server: in memory, and for a person who signed in also in the data folder, encrypted.

    What it holds is kept out of what is recorded. Raises `StoreError` where a file cannot be opened.
    """

    def __init__(self, server: McpServer, file: SealedFile | None) -> None:
        self._server, self._file = server.name, file
        self._held: dict[str, Any] = (None if file is None else file.read()) or {}
        self._written = bool(self._held)
        self._hide()

    @property
    def signed_out(self) -> bool:
        """Whether it was kept, and is not any more."""
        return self._file is not None and self._written and not self._file.path.exists()

    async def get_tokens(self) -> OAuthToken | None:
        """Give the tokens there are."""
        return OAuthToken.model_validate(self._held["tokens"]) if "tokens" in self._held else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens, and until when they are good."""
        until = None if tokens.expires_in is None else time.time() + tokens.expires_in
        self._held |= {"tokens": tokens.model_dump(mode="json", exclude_none=True), "until": until}
        await self._keep()

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Give who one is at the authorization server."""
        return (
            OAuthClientInformationFull.model_validate(self._held["client"])
            if "client" in self._held
            else None
        )

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep who one is, in the data folder once there are tokens."""
        self._held["client"] = client_info.model_dump(mode="json", exclude_none=True)
        self._hide()

    @property
    def until(self) -> float | None:
        """When the access token ends, as time since 1970."""
        return self._held.get("until")

    @property
    def metadata(self) -> OAuthMetadata | None:
        """What the authorization server said of itself: where tokens are had anew."""
        return OAuthMetadata.model_validate(self._held["issuer"]) if "issuer" in self._held else None

    def set_metadata(self, metadata: OAuthMetadata) -> None:
        """Keep what the authorization server said of itself."""
        self._held["issuer"] = metadata.model_dump(mode="json", exclude_none=True)

    async def _keep(self) -> None:
        self._hide()
        if self._file is None or self.signed_out:  # who has signed out is not signed in by a token renewed
            return
        await asyncio.to_thread(self._file.write, dict(self._held))  # a key service may be asked
        self._written = True

    def _hide(self) -> None:
        guard_logs()
        for kind, of in (
            ("access_token", "tokens"),
            ("refresh_token", "tokens"),
            ("client_secret", "client"),
        ):
            value = cast("dict[str, Any]", self._held.get(of, {})).get(kind)
            if value:
                with suppress(ValueError):  # too short to be told apart
                    CONFIDENTIAL.hold(f"{kind} of MCP server {self._server}", value)


MACHINES: Final[dict[str, Kept]] = {}
"""Tokens of machines, by the server as it is declared; good for all connections of the process."""


class _Bound:
    """What holds for every way to sign in: only the issuer that is named, only what is declared."""

    declared: OAuth
    kept: Kept
    context: Any

    def _select_authorization_server(self, advertised: list[str]) -> str:
        found = next((one for one in advertised if issuers_match(one, self.declared.issuer)), None)
        if found is None:
            msg = f"it leads to {', '.join(advertised)}, and the project trusts {self.declared.issuer} alone"
            raise OAuthFlowError(msg)
        return found

    def _check(self) -> None:
        """Raise where a token would be asked for elsewhere, or for more than was declared."""
        metadata: OAuthMetadata | None = self.context.oauth_metadata
        if metadata is None or not issuers_match(str(metadata.issuer), self.declared.issuer):
            found = "nobody" if metadata is None else str(metadata.issuer)
            msg = f"{found} says where tokens are given, and the project trusts {self.declared.issuer} alone"
            raise OAuthFlowError(msg)
        for endpoint in (metadata.token_endpoint, metadata.authorization_endpoint):
            if not encrypted(str(endpoint)):
                msg = f"tokens would pass in the clear: {endpoint}"
                raise OAuthFlowError(msg)
        if self.declared.scope is not None:
            self.context.client_metadata.scope = self.declared.scope
        self.kept.set_metadata(metadata)


class Machine(_Bound, ClientCredentialsOAuthProvider):
    """A machine with a secret: the client credentials grant."""

    def __init__(self, server: McpServer, declared: OAuth, kept: Kept) -> None:
        self.declared, self.kept = declared, kept
        super().__init__(
            server_url=str(server.url),
            storage=kept,
            client_id=str(declared.client_id),
            client_secret="",  # opened when it is needed
            scope=declared.scope,
            issuer=declared.issuer,
        )

    async def _initialize(self) -> None:
        await super()._initialize()
        self.context.token_expiry_time = self.kept.until

    async def _perform_authorization(self) -> httpx2.Request:
        self._check()
        reference = self.declared.reference()
        assert reference is not None, "a machine has a secret"
        assert self.context.client_info is not None, "it was set when the flow began"
        self.context.client_info.client_secret = (await SECRETS.open(reference, anew=True)).reveal()
        self.context.client_info.token_endpoint_auth_method = secret_method(self.context.oauth_metadata)
        try:
            return await super()._perform_authorization()
        finally:
            self.context.client_info.client_secret = ""


class Person(_Bound, OAuthClientProvider):
    """A person with a browser: the authorization code grant with PKCE."""

    def __init__(
        self,
        server: McpServer,
        declared: OAuth,
        kept: Kept,
        *,
        redirect: str = "http://127.0.0.1/callback",
        show: Callable[[str], Awaitable[None]] | None = None,
        come_back: Callable[[], Awaitable[AuthorizationCodeResult]] | None = None,
    ) -> None:
        self.declared, self.kept = declared, kept
        self._server = server.name
        metadata = OAuthClientMetadata(
            client_name="Ripieno",
            redirect_uris=[AnyUrl(redirect)],
            grant_types=["authorization_code", "refresh_token"],
            scope=declared.scope,
        )
        super().__init__(str(server.url), metadata, kept, show, come_back)

    async def _initialize(self) -> None:
        await super()._initialize()
        self.context.token_expiry_time = self.kept.until
        self.context.oauth_metadata = self.kept.metadata  # else a refresh token would go to the server itself
        if self.context.client_info is None and self.declared.client_id is not None:
            self.context.client_info = OAuthClientInformationFull(
                redirect_uris=self.context.client_metadata.redirect_uris,
                client_id=self.declared.client_id,
                token_endpoint_auth_method="none",  # noqa: S106 - a method
                issuer=self.declared.issuer,
            )

    async def _refresh_token(self) -> httpx2.Request:
        self._check()
        async with self._with_secret():
            return await super()._refresh_token()

    async def _perform_authorization(self) -> httpx2.Request:
        self._check()
        if self.context.redirect_handler is None:
            msg = f"somebody has to sign in to MCP server {self._server}"
            raise ToolError(msg, remedy="ripieno connectors sign-in file.py:name")
        async with self._with_secret():
            return await super()._perform_authorization()

    @property
    def signed_out(self) -> bool:
        """Whether its tokens are not kept any more."""
        return self.kept.signed_out

    @asynccontextmanager
    async def _with_secret(self) -> AsyncGenerator[None]:
        """Have the client's secret for as long as a request for tokens is made."""
        reference, client = self.declared.reference(), self.context.client_info
        if reference is None or client is None:
            yield
            return
        client.client_secret = (await SECRETS.open(reference, anew=True)).reveal()
        client.token_endpoint_auth_method = secret_method(self.context.oauth_metadata)
        try:
            yield
        finally:
            client.client_secret = None


async def signed_in(server: McpServer, tenant: str) -> httpx2.Auth | None:
    """Give what makes one known to a server; None where nothing is declared."""
    declared = server.oauth
    if declared is None:
        return None
    if declared.by_machine:
        return Machine(server, declared, MACHINES.setdefault(repr(server), Kept(server, None)))
    return Person(server, declared, await asyncio.to_thread(Kept, server, token_file(server, tenant)))


def token_file(server: McpServer, tenant: str) -> SealedFile:
    """Give where the tokens of whoever signed in for a tenant are kept."""
    assert server.oauth is not None, "it is asked of servers that one signs in to"
    who = json.dumps([server.name, server.url, server.oauth.issuer, server.oauth.client_id])
    home = data_folder(find_data_folder())
    shutil.rmtree(home / "mcp", ignore_errors=True)  # where earlier versions kept them in the clear
    name = f"mcp-{server.name}-{hashlib.sha256(who.encode()).hexdigest()[:16]}"
    return SealedFile(home, tenant, name)


async def forget(server: McpServer, tenant: str) -> bool:
    """Remove the tokens of a tenant, and have the issuer let them be good for nothing (RFC 7009)."""
    declared = server.oauth
    if declared is None or declared.by_machine:
        raise not_in_person(server)
    file = token_file(server, tenant)
    held = None
    try:
        held = await asyncio.to_thread(file.read)
    except StoreError as error:
        log.warning("mcp_tokens_unreadable", server=server.name, reason=error.message)
    there = file.remove()
    try:
        await revoked(declared, held or {})
    except (httpx2.HTTPError, ValueError, RipienoError) as error:
        log.warning("mcp_tokens_not_revoked", server=server.name, reason=f"{type(error).__name__}: {error}")
    return there


async def revoked(declared: OAuth, held: dict[str, Any]) -> None:
    """Tell the issuer, where it says how, that tokens are not wanted any more."""
    metadata = OAuthMetadata.model_validate(held["issuer"]) if "issuer" in held else None
    tokens = cast("dict[str, Any]", held.get("tokens", {}))
    if metadata is None or not issuers_match(str(metadata.issuer), declared.issuer):
        return
    where = str(metadata.revocation_endpoint or "")
    if not where or not encrypted(where):
        return
    client = cast("dict[str, Any]", held.get("client", {})).get("client_id", declared.client_id)
    reference = declared.reference()
    more = {} if reference is None else {"client_secret": (await SECRETS.open(reference, anew=True)).reveal()}
    async with httpx2.AsyncClient(timeout=REVOKED_WITHIN, follow_redirects=False) as http:
        for kind in ("refresh_token", "access_token"):
            if tokens.get(kind):
                told = {"token": tokens[kind], "token_type_hint": kind, "client_id": client, **more}
                (await http.post(where, data=told)).raise_for_status()


def not_in_person(server: McpServer) -> ToolError:
    """Give the error for a server that nobody signs in to."""
    msg = f"MCP server {server.name}: nobody signs in to it in person"
    return ToolError(msg, remedy="declare oauth with an issuer, and without a client_secret")


def secret_method(metadata: OAuthMetadata | None) -> Literal["client_secret_basic", "client_secret_post"]:
    """Give how a client's secret is sent: in a header, unless the authorization server takes that amiss."""
    offered = None if metadata is None else metadata.token_endpoint_auth_methods_supported
    in_body = bool(offered) and "client_secret_basic" not in offered and "client_secret_post" in offered
    return "client_secret_post" if in_body else "client_secret_basic"


def encrypted(url: str) -> bool:
    """Tell whether what is sent to an address is read by nobody else."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and on_loopback(parts.hostname or ""))


async def interactive(
    server: McpServer, show: Callable[[str], Awaitable[None]], *, tenant: str, within: float = 300.0
) -> Person:
    """Give what lets a person sign in: `show` is told the page to open, which comes back to this machine.

    The tokens are kept; whoever connects later has them.
    """
    declared = server.oauth
    if declared is None or declared.by_machine:
        raise not_in_person(server)
    kept = await asyncio.to_thread(Kept, server, token_file(server, tenant))
    came_back: asyncio.Future[AuthorizationCodeResult] = asyncio.get_running_loop().create_future()
    listening = await asyncio.start_server(lambda i, o: answer(i, o, came_back), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    async def come_back() -> AuthorizationCodeResult:
        try:
            async with asyncio.timeout(within):
                return await came_back
        finally:
            listening.close()

    redirect = f"http://127.0.0.1:{port}/callback"
    return Person(server, declared, kept, redirect=redirect, show=show, come_back=come_back)


async def answer(
    incoming: asyncio.StreamReader,
    out: asyncio.StreamWriter,
    came_back: asyncio.Future[AuthorizationCodeResult],
) -> None:
    """Answer the browser that comes back, and take what it brings."""
    try:
        line = (await incoming.readline()).decode("latin-1").split()
        given = (
            parse_qs(urlsplit(line[1]).query) if len(line) > 1 and line[1].startswith("/callback?") else {}
        )
        if "code" in given and not came_back.done():
            one = {name: values[0] for name, values in given.items()}
            came_back.set_result(
                AuthorizationCodeResult(code=one["code"], state=one.get("state"), iss=one.get("iss"))
            )
        elif "error" in given and not came_back.done():
            came_back.set_exception(OAuthFlowError(f"the authorization server says {given['error'][0]!r}"))
        text = b"You can close this page." if given else b"Nothing is here."
        status = b"200 OK" if given else b"404 Not Found"
        out.write(
            b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            % (status, len(text), text)
        )
        await out.drain()
    finally:
        out.close()
