"""What a system answers decides what became of a call; nothing is sent where it must not, nor twice."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from loopback import Heard, a_call, serving_at
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from ripieno.connectors.rest.auth import ApiKey, Auth, Basic, Bearer, ClientCredentials
from ripieno.connectors.rest.client import Rest
from ripieno.connectors.rest.errors import InDoubtError, RefusedCallError, ThrottledError
from ripieno.connectors.rest.paging import Cursor, LinkHeader, NextLink, Offset, PageNumber, Paging
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import AuthenticationError, DefinitionError, ToolError
from ripieno.model.failure import LONGEST_SECONDS


@asynccontextmanager
async def system(
    answer: Callable[[Request, bytes], Response], **options: Any
) -> AsyncGenerator[tuple[Rest, Heard]]:
    heard = Heard(answer)
    async with serving_at(heard.app) as url:
        yield Rest(f"{url}/api/", name="crm", **options), heard


def always(status: int, document: Any = None, **headers: str) -> Callable[[Request, bytes], Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _, __: JSONResponse(document, status, headers=named)


# -- what is sent ----------------------------------------------------------------------------------------


async def test_what_is_filled_into_a_path_stays_one_segment_and_a_query_what_it_is() -> None:
    async with system(always(200, {"ok": True})) as (crm, heard):
        call = await a_call()
        query = {"tags": ["a", "b&c"], "open": True, "none": None}
        assert await crm.get(call, "/users/{id}", at={"id": "../admin?x=1"}, query=query) == {"ok": True}
        for led in ("", ".", ".."):
            with pytest.raises(ToolError, match="would lead elsewhere"):
                await crm.get(call, "/users/{id}", at={"id": led})
        with pytest.raises(ToolError, match="needs 'id'"):
            await crm.get(call, "/users/{id}")
    [(request, _)] = heard.requests
    assert request.scope["raw_path"] == b"/api/users/..%2Fadmin%3Fx%3D1"
    assert request.query_params.multi_items() == [("tags", "a"), ("tags", "b&c"), ("open", "true")]


async def test_writes_bear_the_key_of_their_call_and_reads_none() -> None:
    async with system(always(201, {"id": 1}), idempotency="Idempotency-Key") as (crm, heard):
        call = await a_call()
        assert await crm.post(call, "/orders", {"item": "pen"}) == {"id": 1}
        await crm.get(call, "/orders")
    assert [one.headers.get("idempotency-key") for one, _ in heard.requests] == [call.key, None]
    assert json.loads(heard.requests[0][1]) == {"item": "pen"}


@pytest.mark.parametrize(
    ("auth", "secrets", "borne"),
    [
        (Bearer("secret://env/T"), {"token": "secret://env/T"}, ("authorization", "Bearer s3cret-value")),
        (ApiKey("secret://env/T"), {"key": "secret://env/T"}, ("x-api-key", "s3cret-value")),
        (
            ApiKey("secret://env/T", name="sid", where="cookie"),
            {"key": "secret://env/T"},
            ("cookie", "sid=s3cret-value"),
        ),
        (
            Basic("ada", "secret://env/T"),
            {"password": "secret://env/T"},
            ("authorization", "Basic YWRhOnMzY3JldC12YWx1ZQ=="),
        ),
    ],
    ids=["bearer", "header", "cookie", "basic"],
)
async def test_secrets_are_borne_where_they_belong(
    monkeypatch: pytest.MonkeyPatch, auth: Auth, secrets: dict[str, str], borne: tuple[str, str]
) -> None:
    monkeypatch.setenv("T", "s3cret-value")
    async with system(always(200), auth=auth) as (crm, heard):
        assert dict(auth.secrets) == secrets
        await crm.get(await a_call(20, **secrets), "/")
    assert heard.requests[0][0].headers[borne[0]] == borne[1]
    assert "s3cret" not in json.dumps(auth.describe())


async def test_a_key_in_the_query_is_borne_on_every_page_and_told_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("T", "s3cret-value")

    def answer(request: Request, _: bytes) -> Response:
        more = f"{request.url.path}?after=2&pages=b%26c" if "after" not in request.query_params else None
        return JSONResponse({"items": [1], "next": more})

    auth = ApiKey("secret://env/T", name="k", where="query")
    async with system(answer, auth=auth) as (crm, heard):
        call = await a_call(key="secret://env/T")
        assert await crm.items(call, "/x", NextLink("next", "items")) == [1, 1]
        answered = await crm.request(call, "GET", "/x")
    assert heard.asked[1] == "GET /api/x?after=2&pages=b%26c&k=s3cret-value"
    assert "s3cret" not in answered.url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.org",
        "http://x.org/api",
        "https://u:p@x.org",
        "https://x.org/?a=1",
        "https://x.org:p",
        "x.org",
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(DefinitionError, match="crm"):
        Rest(url, name="crm")


# -- what an answer means --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "failure"),
    [
        (400, RefusedCallError, "bad_request"),
        (403, RefusedCallError, "auth"),
        (404, RefusedCallError, "bad_request"),
        (409, RefusedCallError, "bad_request"),
        (302, RefusedCallError, "bad_request"),
        (303, InDoubtError, "server"),
        (408, InDoubtError, "timeout"),
        (500, InDoubtError, "server"),
        (503, InDoubtError, "overloaded"),
        (504, InDoubtError, "timeout"),
    ],
)
async def test_an_answer_says_whether_a_write_may_have_happened(
    status: int, kind: type[Exception], failure: str
) -> None:
    async with system(always(status, location="/elsewhere")) as (crm, heard):
        with pytest.raises(kind) as raised:
            await crm.post(await a_call(), "/orders", {})
    assert raised.value.failure == failure  # type: ignore[attr-defined]
    assert isinstance(raised.value, ToolError) == (kind is RefusedCallError)
    assert len(heard.requests) == 1


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"type": "about:blank", "title": "No stock", "detail": "pen: 0 left"}, "pen: 0 left: No stock"),
        ({"error": {"message": "no such\nuser", "code": 7}}, "no such user"),
        ([{"message": "session expired", "errorCode": "X"}], "session expired"),
        ({"code": 7}, '{"code": 7}'),
        ("gone", "gone"),
    ],
)
async def test_a_problem_is_told_in_the_words_of_the_system(document: Any, said: str) -> None:
    async with system(always(422, document, content_type="application/problem+json")) as (crm, _):
        with pytest.raises(RefusedCallError) as raised:
            await crm.get(await a_call(), "/")
    assert raised.value.message == f"crm answers 422: {said}"


async def test_long_problems_are_cut_and_pages_for_people_left_out() -> None:
    async with system(always(400, {"detail": "x" * 10_000})) as (crm, _):
        with pytest.raises(RefusedCallError) as raised:
            await crm.get(await a_call(), "/")
    assert len(raised.value.message) < 600
    async with system(lambda _, __: Response("<html>Nope", 502, media_type="text/html")) as (crm, _):
        with pytest.raises(InDoubtError, match=r"^crm answers 502$"):
            await crm.get(await a_call(), "/")


@pytest.mark.parametrize(
    "text", ["7", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=7.9), usegmt=True)]
)
async def test_a_system_that_is_asked_too_much_is_left_alone_as_long_as_it_says(
    text: str | Callable[[], str],
) -> None:
    after = text if isinstance(text, str) else text()
    async with system(always(429, retry_after=after)) as (crm, heard):
        with pytest.raises(ThrottledError) as raised:
            await crm.post(await a_call(), "/orders", {})
        assert raised.value.retry_after is not None
        assert 5 < raised.value.retry_after <= 8
        with pytest.raises(ThrottledError, match="nothing was sent"):
            await crm.get(await a_call(), "/orders")
    assert len(heard.requests) == 1


async def test_the_last_call_that_a_system_takes_is_the_last_that_is_sent() -> None:
    async with system(always(200, [], ratelimit_remaining="0", ratelimit_reset="30")) as (crm, heard):
        assert await crm.get(await a_call(), "/") == []
        with pytest.raises(ThrottledError, match="takes no calls for another"):
            await crm.get(await a_call(), "/")
    assert len(heard.requests) == 1


async def test_a_moment_since_1970_is_one_and_garbage_is_not() -> None:
    moment = str(int(datetime.now(UTC).timestamp()) + 20)
    for header, expected in ((moment, True), ("soon", False)):
        async with system(always(429, x_ratelimit_reset=header)) as (crm, _):
            with pytest.raises(ThrottledError) as raised:
                await crm.get(await a_call(), "/")
        assert (raised.value.retry_after is not None and 15 < raised.value.retry_after <= 20) == expected


@pytest.mark.parametrize("after", ["9" * 400, "1e999", "-3", "nan", "Wed, 31 Feb 2026 25:00:00 GMT"])
async def test_no_wait_that_a_system_asks_for_is_endless(after: str) -> None:
    async with system(always(429, retry_after=after)) as (crm, _):
        with pytest.raises(ThrottledError) as raised:
            await crm.get(await a_call(), "/")
    assert raised.value.retry_after is None or 0 <= raised.value.retry_after <= LONGEST_SECONDS


async def test_a_system_may_say_by_503_that_it_did_nothing() -> None:
    async with system(always(503), refusing=[503]) as (crm, _):
        with pytest.raises(RefusedCallError):
            await crm.post(await a_call(), "/orders", {})


async def test_a_cut_connection_leaves_a_call_in_doubt_and_one_that_was_never_made_does_not() -> None:
    async def cut() -> AsyncGenerator[bytes]:
        yield b"half"
        raise ConnectionResetError

    def answer(_: Request, __: bytes) -> Response:
        return StreamingResponse(cut(), headers={"content-length": "100"})

    async with system(answer) as (crm, _):
        with pytest.raises(InDoubtError, match="gave no answer"):
            await crm.post(await a_call(), "/orders", {})
    with pytest.raises(ToolError, match="could not be reached"):
        await crm.post(await a_call(), "/orders", {})
    with pytest.raises(ToolError, match="deadline of the call has passed"):
        await crm.post(await a_call(seconds=-1), "/orders", {})


async def test_an_answer_that_is_too_large_fails_a_read_and_not_what_was_done() -> None:
    async with system(always(200, ["x" * 5000]), max_bytes=1000) as (crm, _):
        with pytest.raises(ToolError, match="more than 1,000 bytes"):
            await crm.get(await a_call(), "/")
        assert await crm.post(await a_call(), "/", {}) == {"left_out": "an answer of more than 1,000 bytes"}
    async with system(lambda _, __: Response("{", media_type="application/json")) as (crm, _):
        with pytest.raises(InDoubtError, match="expected JSON"):
            await crm.get(await a_call(), "/")


# -- tokens of a server ----------------------------------------------------------------------------------


class Tokens:
    """A server that gives tokens, and a system that takes the latest."""

    def __init__(self, **answer: Any) -> None:
        self.given = 0
        self.more = answer

    def __call__(self, request: Request, body: bytes) -> Response:
        if request.url.path == "/token":
            self.given += 1
            return JSONResponse({"access_token": f"token-number-{self.given}", **self.more})
        good = request.headers.get("authorization") == f"Bearer token-number-{self.given}"
        return JSONResponse({"seen": body.decode()}, 200 if good else 401)


@asynccontextmanager
async def granting(
    tokens: Callable[[Request, bytes], Response], **more: Any
) -> AsyncGenerator[tuple[Rest, Heard]]:
    heard = Heard(tokens)
    async with serving_at(heard.app) as url:
        auth = ClientCredentials(f"{url}/token", "client:1", "secret://env/T", scope="read write", **more)
        yield Rest(url, name="crm", auth=auth), heard


async def test_a_token_is_kept_until_it_ends_and_asked_for_anew_when_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("T", "s3cret-value")
    tokens = Tokens(expires_in=3600, token_type="Bearer")  # noqa: S106 - the word of RFC 6750
    async with granting(tokens, resource="https://api.example.com") as (crm, heard):
        call = await a_call(client_secret="secret://env/T")  # noqa: S106 - a reference
        await crm.get(call, "/a")
        await crm.get(call, "/b")
        assert tokens.given == 1
        tokens.given += 1  # what was given before counts no more
        await crm.post(call, "/c", {})
    assert tokens.given == 3
    asked = heard.requests[0][1].decode()
    assert asked == ("grant_type=client_credentials&scope=read+write&resource=https%3A%2F%2Fapi.example.com")
    assert heard.requests[0][0].headers["authorization"].startswith("Basic ")
    assert [one.partition("?")[0] for one in heard.asked] == [
        "POST /token",
        "GET /a",
        "GET /b",
        "POST /c",
        "POST /token",
        "POST /c",
    ]
    assert "token-number-3" not in CONFIDENTIAL.cover("it said token-number-3")


async def test_a_client_that_is_not_known_is_told_and_its_secret_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("T", "s3cret-value")
    refuse = always(400, {"error": "invalid_client", "error_description": "unknown client"})
    async with granting(refuse, in_body=True) as (crm, heard):
        with pytest.raises(AuthenticationError, match="unknown client: invalid_client"):
            await crm.get(await a_call(client_secret="secret://env/T"), "/a")  # noqa: S106 - a reference
    assert b"client_id=client%3A1&client_secret=s3cret-value" in heard.requests[0][1]
    for garbage in (["x"], {"access_token": "two words"}, {"access_token": 7}, {}):
        async with granting(always(200, garbage)) as (crm, _):
            with pytest.raises(ToolError, match="gave none"):
                await crm.get(await a_call(client_secret="secret://env/T"), "/a")  # noqa: S106 - a reference


async def test_of_a_server_that_gives_tokens_no_more_is_read_than_a_token_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("T", "s3cret-value")
    long = always(200, {"access_token": "x" * 200_000})
    async with granting(long) as (crm, heard):
        with pytest.raises(ToolError, match="gave none"):
            await crm.get(await a_call(client_secret="secret://env/T"), "/a")  # noqa: S106 - a reference
    assert len(heard.requests) == 1


@pytest.mark.parametrize("lasts", ["soon", None, [], "9" * 400, float("inf"), -5])
async def test_however_long_a_token_is_said_to_hold_it_is_used(
    monkeypatch: pytest.MonkeyPatch, lasts: Any
) -> None:
    monkeypatch.setenv("T", "s3cret-value")
    body = json.dumps({"access_token": "a-token-of-the-test", "expires_in": lasts})

    def give(_: Request, __: bytes) -> Response:
        return Response(body, media_type="application/json")

    async with granting(give) as (crm, heard):
        await crm.get(await a_call(client_secret="secret://env/T"), "/token")  # noqa: S106 - a reference
    assert heard.requests[-1][0].headers["authorization"] == "Bearer a-token-of-the-test"


# -- pages -----------------------------------------------------------------------------------------------

ALL = list(range(7))


def by_link(request: Request, _: bytes) -> Response:
    begin = int(request.query_params.get("from", 0))
    link = f'<{request.url.path}?from={begin + 3}>; rel="prev next"; title="a, b", </x>; rel="last"'
    headers = {"link": link} if begin + 3 < len(ALL) else {}
    return JSONResponse(ALL[begin : begin + 3], headers=headers)


def by_cursor(request: Request, _: bytes) -> Response:
    begin = int(request.query_params.get("cursor", 0))
    more = str(begin + 3) if begin + 3 < len(ALL) else ""
    return JSONResponse({"meta": {"next": more}, "data": {"rows": ALL[begin : begin + 3]}})


def by_offset(request: Request, _: bytes) -> Response:
    begin, size = int(request.query_params["skip"]), int(request.query_params["top"])
    return JSONResponse({"value": ALL[begin : begin + size]})


def by_number(request: Request, _: bytes) -> Response:
    begin = (int(request.query_params["page"]) - 1) * int(request.query_params["per_page"])
    return JSONResponse(ALL[begin : begin + int(request.query_params["per_page"])])


@pytest.mark.parametrize(
    ("answer", "paging"),
    [
        (by_link, LinkHeader()),
        (by_cursor, Cursor("cursor", "meta.next", "data.rows")),
        (by_offset, Offset("skip", "top", 3, "value")),
        (by_number, PageNumber(size=3)),
    ],
    ids=["link", "cursor", "offset", "number"],
)
async def test_pages_are_turned_as_the_system_turns_them(
    answer: Callable[[Request, bytes], Response], paging: Paging
) -> None:
    async with system(answer) as (crm, heard):
        assert await crm.items(await a_call(), "/list", paging, query={"kind": "x"}) == ALL
        assert await crm.items(await a_call(), "/list", paging, limit=4) == [0, 1, 2, 3]
    assert len(heard.requests) == 5


async def test_a_next_page_elsewhere_is_not_fetched_and_an_endless_list_ends() -> None:
    async with system(always(200, {"next": "https://elsewhere.example/steal", "items": [1]})) as (crm, heard):
        with pytest.raises(ToolError, match=r"outside of 127\.0\.0\.1"):
            await crm.items(await a_call(), "/list", NextLink("next", "items"))
    assert len(heard.requests) == 1
    async with system(always(200, {"next": "/api/list", "items": [1]})) as (crm, heard):
        with pytest.raises(ToolError, match="gave 5 pages and had more"):
            async for _ in crm.pages(await a_call(), "/list", NextLink("next", "items"), max_pages=5):
                pass
        with pytest.raises(InDoubtError, match="expected a list at 'next'"):
            await crm.items(await a_call(), "/list", NextLink("items", "next"))
    assert len(heard.requests) == 6


async def test_all_pages_together_are_bounded_and_what_is_too_much_is_not_asked_for_again() -> None:
    full = {"next": "/api/list", "items": ["x" * 900]}
    async with system(always(200, full), max_bytes=1_000) as (crm, heard):
        with pytest.raises(ToolError, match=r"pages of 1\d,\d+ bytes and had more") as raised:
            await crm.items(await a_call(), "/list", NextLink("next", "items"))
    assert raised.value.failure == "bad_request"
    assert len(heard.requests) == 11


async def test_a_link_that_is_no_address_is_not_followed() -> None:
    async with system(always(200, {"next": "http://[", "items": [1]})) as (crm, heard):
        with pytest.raises(ToolError, match="no address"):
            await crm.items(await a_call(), "/list", NextLink("next", "items"))
    assert len(heard.requests) == 1
