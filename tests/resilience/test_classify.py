"""Each error has the class that its provider means, whatever its status, and says for how long to wait."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import anthropic
import botocore.exceptions  # pyright: ignore[reportMissingTypeStubs] - it has none
import httpx
import httpx2
import openai
import pytest
from google.genai import errors as google
from mistralai.client import errors as mistral
from pydantic_ai import exceptions as agents

from ripieno.model.errors import ToolError
from ripieno.model.failure import LONGEST_SECONDS, Failure
from ripieno.resilience.classify import Failed, classify
from ripieno.resilience.retry_after import retry_after

NOW = 1_767_225_600.0
"""2026-01-01 at midnight in UTC."""

Make = Callable[..., Exception]
REQUEST = httpx2.Request("POST", "http://x/")
OPENAI = openai.OpenAI(api_key="x", base_url="http://x/")
ANTHROPIC = anthropic.Anthropic(api_key="x", base_url="http://x/")


def of_httpx(status: int, body: Any = None, **headers: str) -> Exception:
    request = httpx.Request("POST", "http://x/")
    response = httpx.Response(status, json=body, headers=headers, request=request)
    return httpx.HTTPStatusError("no", request=request, response=response)


def of_openai(status: int, body: Any = None, **headers: str) -> Exception:
    response = httpx2.Response(
        status, json=body, headers=headers, request=httpx2.Request("POST", "http://x/")
    )
    return OPENAI._make_status_error_from_response(response)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what the client itself raises


def of_anthropic(status: int, body: Any = None, **headers: str) -> Exception:
    response = httpx2.Response(
        status, json=body, headers=headers, request=httpx2.Request("POST", "http://x/")
    )
    return ANTHROPIC._make_status_error_from_response(response)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - what the client itself raises


def of_google(status: int, body: Any = None, **headers: str) -> Exception:
    response = httpx.Response(status, json=body, headers=headers)
    kind = google.ServerError if status >= 500 else google.ClientError
    return kind(status, body or {}, response)


def of_bedrock(status: int, code: str, message: str = "no", **headers: str) -> Exception:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers},
    }
    return botocore.exceptions.ClientError(answer, "Converse")


def of_mistral(status: int, body: Any = None, **headers: str) -> Exception:
    response = httpx2.Response(
        status, json=body, headers=headers, request=httpx2.Request("POST", "http://x/")
    )
    return mistral.SDKError("API error occurred", response)


def of_agents(status: int, body: Any = None, **headers: str) -> Exception:
    return agents.ModelHTTPError(status, "m", body, headers=headers)


CLIENTS: tuple[Make, ...] = (of_httpx, of_openai, of_anthropic, of_google, of_mistral, of_agents)


def named(make: Make) -> str:
    return make.__name__.removeprefix("of_")


@pytest.mark.parametrize("make", CLIENTS, ids=named)
@pytest.mark.parametrize(
    ("status", "failure", "definite"),
    [
        (400, "bad_request", True),
        (401, "auth", True),
        (402, "budget_exhausted", True),
        (403, "auth", True),
        (404, "bad_request", True),
        (422, "bad_request", True),
        (429, "rate_limited", True),
        (500, "server", False),
        (502, "server", False),
        (503, "overloaded", False),
        (504, "timeout", False),
        (529, "overloaded", False),
    ],
)
def test_a_status_says_it_for_every_client(
    make: Make, status: int, failure: Failure, *, definite: bool
) -> None:
    assert classify(make(status), now=NOW) == Failed(failure, None, definite)


@pytest.mark.parametrize("make", CLIENTS, ids=named)
def test_retry_after_is_heeded_from_every_client(make: Make) -> None:
    assert classify(make(429, **{"retry-after": "17"}), now=NOW).retry_after == 17
    assert classify(make(503, **{"retry-after": "17"}), now=NOW).retry_after == 17


SPENT = [
    (of_anthropic, 400, "You have reached your specified API usage limits.", None),
    (of_anthropic, 400, "Your credit balance is too low to access the Anthropic API.", None),
    (of_openai, 429, "You exceeded your current quota, please check your plan.", "insufficient_quota"),
    (of_openai, 400, "Billing hard limit has been reached", "billing_hard_limit_reached"),
    (of_httpx, 400, "Budget has been exceeded! Current cost: 20.1, Max budget: 20.0", None),
    (of_httpx, 402, "Insufficient credits. Add more.", None),
    (of_agents, 403, "insufficient funds", None),
]


@pytest.mark.parametrize(("make", "status", "message", "code"), SPENT)
def test_that_nothing_is_left_to_pay_with_is_known_whichever_status_says_it(
    make: Make, status: int, message: str, code: str | None
) -> None:
    body = {"error": {"message": message, "type": "invalid_request_error", "code": code}}
    assert classify(make(status, body), now=NOW).failure == "budget_exhausted"


def test_the_day_on_which_a_budget_is_renewed_is_for_how_long() -> None:
    message = "You have reached your specified API usage limits. You will regain access on 2026-01-03"
    found = classify(of_anthropic(400, {"error": {"message": message}}), now=NOW)
    assert found == Failed("budget_exhausted", 2 * 86400, definite=True)


def test_a_quota_of_a_minute_is_none_of_a_budget() -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]
    body = {"error": {"code": 429, "message": "You exceeded your current quota", "details": details}}
    assert classify(of_google(429, body), now=NOW) == Failed("rate_limited", 34, definite=True)
    without = {"error": {"code": 429, "message": "You exceeded your current quota"}}
    assert classify(of_google(429, without), now=NOW).failure == "budget_exhausted"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (of_bedrock(400, "ThrottlingException"), "rate_limited"),
        (of_bedrock(429, "ThrottlingException"), "rate_limited"),
        (of_bedrock(503, "ServiceUnavailableException"), "overloaded"),
        (of_bedrock(408, "ModelTimeoutException"), "timeout"),
        (of_bedrock(403, "ExpiredTokenException"), "auth"),
        (of_bedrock(400, "ValidationException"), "bad_request"),
        (of_bedrock(424, "ModelErrorException"), "server"),
        (botocore.exceptions.NoCredentialsError(), "auth"),
        (
            of_anthropic(500, {"error": {"type": "overloaded_error", "message": "x"}}),
            "overloaded",
        ),
        (of_openai(400, {"error": {"code": "content_filter", "message": "filtered"}}), "refused_content"),
        (of_httpx(400, {"error": "blocked by our safety system"}), "refused_content"),
        (of_httpx(451), "refused_content"),
        (agents.ContentFilterError("no"), "refused_content"),
        (agents.ModelRateLimitError("m", "slow down"), "rate_limited"),
        (agents.ModelQuotaExceededError("m", "spent"), "budget_exhausted"),
        (agents.ModelOverloadedError("m", "busy"), "overloaded"),
        (agents.ModelTimeoutError("m", "late"), "timeout"),
        (agents.ModelConnectionError("m", "cut"), "connection"),
        (agents.ModelContextWindowExceededError("m", "long"), "bad_request"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "connection"),
        (ValueError("whatever"), "unknown"),
        (ToolError("busy", failure="overloaded"), "overloaded"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_a_client_says_in_its_own_words_is_understood(error: Exception, failure: Failure) -> None:
    assert classify(error, now=NOW).failure == failure


def test_an_answer_whose_body_was_not_read_is_judged_by_its_status() -> None:
    request = httpx.Request("POST", "http://x/")
    response = httpx.Response(429, stream=httpx.ByteStream(b"never read"), request=request)
    error = httpx.HTTPStatusError("no", request=request, response=response)
    assert classify(error, now=NOW).failure == "rate_limited"


def test_of_what_merely_came_before_nothing_is_believed() -> None:
    """A client that tried twice may have sent the first: that the second had no connection says nothing."""
    error = httpx.ReadTimeout("late")
    error.__context__ = httpx.ConnectError("no route")
    assert classify(error) == Failed("timeout", None, definite=False)


# -- on loopback -------------------------------------------------------------------------------------------


async def failing(behaviour: Callable[[asyncio.StreamWriter], Any], ask: Callable[[str], Any]) -> Failed:
    """Give what asking a server on loopback is classed as, which does as it is told with each connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await behaviour(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Exception) as raised:  # noqa: PT011 - of whatever kind the client raises
            await ask(f"http://127.0.0.1:{port}/")
    return classify(raised.value, now=NOW)


async def httpx_asks(url: str) -> None:
    async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=0.2)) as client:
        (await client.get(url)).raise_for_status()


async def openai_asks(url: str) -> None:
    http = httpx2.AsyncClient(timeout=httpx2.Timeout(5, read=0.2))
    client = openai.AsyncOpenAI(api_key="x", base_url=url, max_retries=0, http_client=http)
    async with client:
        await client.models.list()


asks = pytest.mark.parametrize("ask", [httpx_asks, openai_asks], ids=["httpx", "openai"])


@asks
async def test_a_connection_that_is_cut_may_have_had_an_effect(ask: Callable[[str], Any]) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()

    assert await failing(cut, ask) == Failed("connection", None, definite=False)


@asks
async def test_an_answer_that_does_not_come_may_have_had_an_effect(ask: Callable[[str], Any]) -> None:
    over = asyncio.Event()

    async def nothing(writer: asyncio.StreamWriter) -> None:
        del writer
        await over.wait()

    async def once(url: str) -> None:
        try:
            await ask(url)
        finally:
            over.set()

    assert await failing(nothing, once) == Failed("timeout", None, definite=False)


@asks
async def test_where_no_connection_was_made_nothing_was_sent(ask: Callable[[str], Any]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with pytest.raises(Exception) as raised:  # noqa: PT011 - of whatever kind the client raises
            await ask(url)
    assert classify(raised.value) == Failed("connection", None, definite=True)


@asks
async def test_a_date_is_reckoned_by_the_clock_of_whoever_says_it(ask: Callable[[str], Any]) -> None:
    async def later(writer: asyncio.StreamWriter) -> None:
        headers = "date: Tue, 05 Jan 2027 10:00:00 GMT\r\nretry-after: Tue, 05 Jan 2027 10:01:30 GMT\r\n"
        writer.write(f"HTTP/1.1 429 Slow\r\n{headers}content-length: 0\r\n\r\n".encode())
        await writer.drain()

    assert await failing(later, ask) == Failed("rate_limited", 90, definite=True)


# -- for how long --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "1.5"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 2026 00:02:00 GMT"}, 120),
        ({"retry-after": "Wed, 31 Dec 2025 00:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"x-ms-retry-after-ms": "3000"}, 3),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "20ms"}, 0.02),
        ({"x-ratelimit-remaining-tokens": "7", "x-ratelimit-reset-tokens": "20s"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767225660"}, 60),
        ({"x-ratelimit-reset": "1767225660000"}, 60),
        ({"ratelimit-reset": "50"}, 50),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:05Z",
                "anthropic-ratelimit-tokens-remaining": "0",
                "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:45Z",
            },
            45,
        ),
        ({"retry-after": "99999999999999"}, LONGEST_SECONDS),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"ratelimit-reset": "whenever"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_for_how_long_is_understood_in_every_way_of_saying_it(headers: dict[str, str], wait: float) -> None:
    found = retry_after(headers, NOW, limited=True)
    assert found == (None if wait is None else pytest.approx(wait))


def test_when_a_limit_has_room_again_matters_where_one_was_passed() -> None:
    assert retry_after({"ratelimit-reset": "50"}, NOW, limited=False) is None
