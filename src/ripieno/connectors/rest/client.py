"""One system's HTTP API, as the tools of a connector call it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import parse_qsl, urlsplit

from ripieno.connectors.rest.address import checked_base, filled, within
from ripieno.connectors.rest.auth import Auth, NoAuth
from ripieno.connectors.rest.errors import InDoubtError, error_of
from ripieno.connectors.rest.paging import Page, Paging
from ripieno.connectors.rest.pool import client
from ripieno.connectors.rest.throttle import Throttle
from ripieno.model.action import Call
from ripieno.model.errors import AuthenticationError, NotSentError, ToolError

if TYPE_CHECKING:
    import httpx

__all__ = ["Answer", "Method", "Rest", "Turned"]

Method = Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]
Query = Mapping[str, Any] | Sequence[tuple[str, str]]
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST: Final = 5_000_000
MOST_PAGES: Final = 100
MOST_FULL: Final = 10
"""All pages together may have as many bytes as so many answers."""
UNAUTHENTICATED: Final = 401


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system answered to a call that it carried out."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes
    url: str

    @property
    def kind(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Give the document in it; None for an empty answer. Raises `InDoubtError` where there is none."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            msg = f"expected JSON in the answer, got {self.kind or 'something else'}"
            raise InDoubtError(msg, failure="server") from None


@dataclass(slots=True)
class Turned:
    """The pages that one call has read, of a list that may have no end."""

    name: str
    most_pages: int
    most_bytes: int
    pages: int = 0
    read: int = 0

    def add(self, size: int) -> None:
        """Count a page; raises `ToolError` where all of them are too much."""
        self.pages, self.read = self.pages + 1, self.read + size
        if self.read > self.most_bytes:
            msg = f"{self.name} gave {self.pages} pages of {self.read:,} bytes and had more: ask for less"
            raise ToolError(msg, failure="bad_request")

    def more(self) -> None:
        """Raise `ToolError` where there is another page and it is one too many."""
        if self.pages >= self.most_pages:
            msg = f"{self.name} gave {self.pages} pages and had more: ask for less"
            raise ToolError(msg, failure="bad_request")


class Rest:
    """Sends what a tool asks for, once: with authentication, deadline, idempotency key, limits of size.

    Raises a `ToolError` where the call had no effect: refused, throttled, not sent. Whatever else it
    raises leaves a write in doubt, and a read failed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        name: str = "the system",
        headers: Mapping[str, str] | None = None,
        idempotency: str | None = None,
        refusing: Collection[int] = (),
        max_bytes: int = LARGEST,
    ) -> None:
        self.base_url = checked_base(base_url, name)
        self.auth = auth or NoAuth()
        self.name = name
        self.headers = {"Accept": "application/json", "User-Agent": "ripieno", **(headers or {})}
        self.idempotency = idempotency
        """The header in which writes bear their idempotency key; None for a system that knows none."""
        self.refusing = frozenset(refusing)
        """Further numbers by which the system says that it did nothing, such as 503."""
        self.max_bytes = max_bytes
        self.throttle = Throttle(name)

    async def get(self, call: Call, path: str, **options: Any) -> Any:
        """Read: give the JSON document at a path, whose places `/users/{id}` are filled from `at`."""
        return (await self.request(call, "GET", path, **options)).json()

    async def post(self, call: Call, path: str, body: Any = None, **options: Any) -> Any:
        """Create, or do: give the JSON document that comes back."""
        return (await self.request(call, "POST", path, body=body, **options)).json()

    async def put(self, call: Call, path: str, body: Any = None, **options: Any) -> Any:
        """Put in place: give the JSON document that comes back."""
        return (await self.request(call, "PUT", path, body=body, **options)).json()

    async def patch(self, call: Call, path: str, body: Any = None, **options: Any) -> Any:
        """Change: give the JSON document that comes back."""
        return (await self.request(call, "PATCH", path, body=body, **options)).json()

    async def delete(self, call: Call, path: str, **options: Any) -> Any:
        """Delete: give the JSON document that comes back, None for none."""
        return (await self.request(call, "DELETE", path, **options)).json()

    async def request(
        self,
        call: Call,
        method: Method,
        path: str,
        *,
        at: Mapping[str, Any] | None = None,
        query: Query = (),
        body: Any = None,
        content: bytes | None = None,
        form: Mapping[str, Any] | None = None,
        files: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, and give its answer. `body` is sent as JSON; `form`, `content` as they are."""
        url = f"{self.base_url}/{filled(path, at or {}).lstrip('/')}"
        sent: dict[str, Any] = {"data": form, "files": files, "content": content}
        if body is not None:
            sent["json"] = body
        more = {**self.headers, **(headers or {})}
        if method not in SAFE and self.idempotency is not None:
            more[self.idempotency] = call.key
        given = (("headers", more), ("cookies", cookies or {}), ("params", pairs(query)))
        return await self._authenticated(call, method, url, {**sent, **dict(given)})

    async def pages(
        self,
        call: Call,
        path: str,
        paging: Paging,
        *,
        query: Query = (),
        max_pages: int = MOST_PAGES,
        **options: Any,
    ) -> AsyncIterator[Page]:
        """Read page by page, as this system turns its pages; raises `ToolError` for too many, or too much."""
        params = [*pairs(query), *paging.first()]
        answer = await self.request(call, "GET", path, query=params, **options)
        turned = self.turned(max_pages)
        for number in range(1, max_pages + 1):
            turned.add(len(answer.body))
            page = paging.page(answer.json(), answer.headers, number)
            yield page
            if page.next is None or (not page.items and not paging.may_be_empty):
                return
            turned.more()
            if isinstance(page.next, str):
                answer = await self.follow(call, page.next, answer.url, headers=options.get("headers"))
            else:
                changed = dict(page.next)
                kept = [(name, value) for name, value in params if name not in changed]
                answer = await self.request(call, "GET", path, query=[*kept, *changed.items()], **options)

    def turned(self, max_pages: int = MOST_PAGES) -> Turned:
        """Give what counts the pages of one call, for whoever turns them in a way of their own."""
        return Turned(self.name, max_pages, self.max_bytes * MOST_FULL)

    async def follow(
        self, call: Call, link: str, current: str, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Read at a link that an answer from `current` gave; raises `ToolError` where it leads elsewhere."""
        url = within(self.base_url, link, current)
        return await self._authenticated(call, "GET", url, {"headers": {**self.headers, **(headers or {})}})

    async def items(
        self, call: Call, path: str, paging: Paging, *, limit: int = 10_000, **options: Any
    ) -> list[Any]:
        """Give what stands on all pages, up to `limit`."""
        found: list[Any] = []
        async for page in self.pages(call, path, paging, **options):
            found.extend(page.items)
            if len(found) >= limit:
                return found[:limit]
        return found

    # -- sending ---------------------------------------------------------------------------------------------

    async def _authenticated(self, call: Call, method: str, url: str, sent: dict[str, Any]) -> Answer:
        """Send; where a token that was kept is refused, once more with a new one."""
        try:
            return await self._send(call, method, url, sent)
        except AuthenticationError:
            if not self.auth.refused(call):
                raise
        return await self._send(call, method, url, sent)

    async def _send(self, call: Call, method: str, url: str, sent: dict[str, Any]) -> Answer:
        import httpx  # noqa: PLC0415 - a tenth of a second that only who calls a system pays

        self.throttle.check()
        borne = await self.auth.credentials(call)
        left = (call.deadline - datetime.now(UTC)).total_seconds()
        if left <= 0:
            msg = f"{self.name}: the deadline of the call has passed; nothing was sent"
            raise ToolError(msg)
        cookies = {**sent.get("cookies", {}), **borne.cookies}
        headers = {**sent.get("headers", {}), **borne.headers}
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        options = {
            name: value for name, value in sent.items() if name not in {"cookies", "headers", "params"}
        }
        params: list[tuple[str, Any]] = [*sent.get("params", ()), *borne.query.items()]
        if params:  # those of a link that the system gave stay
            params = [*parse_qsl(urlsplit(url).query, keep_blank_values=True), *params]
        try:
            http = await client()
            request = http.build_request(
                method, url, headers=headers, params=params or None, timeout=left, **options
            )
            answer = await http.send(request, stream=True)
            try:
                body = await self._read(answer)
            finally:
                await answer.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.PoolTimeout) as error:
            raise not_sent(self.name, error) from None
        except httpx.TransportError as error:
            late = isinstance(error, httpx.TimeoutException)
            msg = f"{self.name} gave no answer ({type(error).__name__})"
            raise InDoubtError(msg, failure="timeout" if late else "connection") from None
        self.throttle.heed(answer)
        error = error_of(self.name, answer, body or b"", refusing=self.refusing)
        if error is not None:
            raise error
        if body is None:
            if method in SAFE:
                msg = f"{self.name} answered with more than {self.max_bytes:,} bytes: ask for less"
                raise ToolError(msg, failure="bad_request")
            body = json.dumps({"left_out": f"an answer of more than {self.max_bytes:,} bytes"}).encode()
        return Answer(answer.status_code, dict(answer.headers.items()), body, without_query(str(answer.url)))

    async def _read(self, answer: httpx.Response) -> bytes | None:
        """Give the body; None where it is larger than it may be."""
        found = bytearray()
        async for chunk in answer.aiter_bytes():
            found += chunk
            if len(found) > self.max_bytes:
                return None
        return bytes(found)


def not_sent(name: str, error: Exception) -> ToolError:
    """Give what says that a system could not be reached, so that nothing was sent."""
    msg = f"{name} could not be reached ({type(error).__name__}); nothing was sent"
    return NotSentError(msg, failure="connection")


def pairs(query: Query) -> list[tuple[str, str]]:
    """Give a query as pairs; a list is repeated, what is None left out."""
    given = list(query.items()) if isinstance(query, Mapping) else list(query)
    found: list[tuple[str, str]] = []
    for name, value in given:
        values = cast("list[Any]", value) if isinstance(value, list | tuple) else [value]
        found.extend((name, text_of(one)) for one in values if one is not None)
    return found


def text_of(value: Any) -> str:
    """Give a value as a query has it: truth in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def without_query(url: str) -> str:
    """Give an address without its query, in which a key may stand."""
    return url.partition("?")[0]
