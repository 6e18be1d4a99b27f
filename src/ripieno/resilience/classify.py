"""In what a call ended: the class of any error of an HTTP client or of a provider's, told by its shape.

Nothing is imported for it. An error is known by the names of its classes and of those that it inherits
from, by the status, headers and body of the answer that it holds, and by what it was raised from.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from ripieno.model.failure import FAILURES, Failure, failure_of, wait_of
from ripieno.resilience.retry_after import retry_after, told_in_text

__all__ = ["Failed", "classify", "of_status"]


@dataclass(frozen=True, slots=True)
class Failed:
    """What an error says of the call that ended in it."""

    failure: Failure
    retry_after: float | None = None
    """Seconds for which the other side asked not to be called again."""
    definite: bool = False
    """True where this attempt has certainly had no effect."""


NAMES: Final[Mapping[str, tuple[Failure, bool]]] = {
    # what every HTTP client knows: by the name of the class, whichever library it is from
    "ConnectTimeout": ("timeout", True),
    "ConnectTimeoutError": ("timeout", True),
    "PoolTimeout": ("timeout", True),
    "ConnectError": ("connection", True),
    "ConnectionRefusedError": ("connection", True),
    "EndpointConnectionError": ("connection", True),
    "ProxyConnectionError": ("connection", True),
    "gaierror": ("connection", True),
    "TimeoutException": ("timeout", False),
    "TimeoutError": ("timeout", False),
    "ReadTimeoutError": ("timeout", False),
    "APITimeoutError": ("timeout", False),
    "TransportError": ("connection", False),
    "ConnectionError": ("connection", False),
    "ConnectionClosedError": ("connection", False),
    "ResponseStreamingError": ("connection", False),
    "HTTPClientError": ("connection", False),
    "APIConnectionError": ("connection", False),
    "ClientConnectionError": ("connection", False),
    "NoCredentialsError": ("auth", True),
    "PartialCredentialsError": ("auth", True),
    "CredentialRetrievalError": ("auth", True),
    "CredentialsError": ("auth", True),
    "AuthenticationError": ("auth", True),
    # what Pydantic AI has sorted already
    "ModelRateLimitError": ("rate_limited", True),
    "ModelQuotaExceededError": ("budget_exhausted", True),
    "ModelOverloadedError": ("overloaded", False),
    "ModelUnavailableError": ("overloaded", False),
    "ModelServerError": ("server", False),
    "ModelTimeoutError": ("timeout", False),
    "ModelRequestTimeout": ("timeout", False),
    "ModelConnectionError": ("connection", False),
    "ModelAuthenticationError": ("auth", True),
    "ModelRequestRejectedError": ("bad_request", True),
    "ContentFilterError": ("refused_content", True),
    "ContentFilterFinishReasonError": ("refused_content", True),
}
"""The class, and whether the attempt had certainly no effect, by the name of an error's class."""

CODES: Final[Mapping[str, Failure]] = {
    # of Amazon Bedrock and its kin, where the status alone would mislead
    "ThrottlingException": "rate_limited",
    "TooManyRequestsException": "rate_limited",
    "ServiceQuotaExceededException": "rate_limited",
    "ServiceUnavailableException": "overloaded",
    "ModelNotReadyException": "overloaded",
    "ModelTimeoutException": "timeout",
    "ModelErrorException": "server",
    "InternalServerException": "server",
    "AccessDeniedException": "auth",
    "ExpiredTokenException": "auth",
    "UnrecognizedClientException": "auth",
    "ValidationException": "bad_request",
    # of Anthropic, OpenAI and Google, beside the status or in place of it
    "overloaded_error": "overloaded",
    "rate_limit_error": "rate_limited",
    "rate_limit_exceeded": "rate_limited",
    "insufficient_quota": "budget_exhausted",
    "billing_hard_limit_reached": "budget_exhausted",
    "content_filter": "refused_content",
    "content_policy_violation": "refused_content",
}

STATUSES: Final[Mapping[int, Failure]] = {
    401: "auth",
    402: "budget_exhausted",
    403: "auth",
    407: "auth",
    408: "timeout",
    425: "overloaded",
    429: "rate_limited",
    451: "refused_content",
    503: "overloaded",
    504: "timeout",
    524: "timeout",
    529: "overloaded",
}

BUDGET: Final = re.compile(
    r"insufficient[_ ](quota|credits|funds|balance)|credit balance is too low|specified api usage limits"
    r"|billing[_ ](hard[_ ])?limit|budget (has been|was) exceeded|exceeded (your )?budget|out of credits",
    re.IGNORECASE,
)
"""How gateways and providers say, with whichever status, that nothing is left to pay with."""

QUOTA: Final = re.compile(r"exceeded your current quota", re.IGNORECASE)
"""Said of a budget, and by others of a minute, who then say when it has room again."""

CONTENT: Final = re.compile(
    r"content[_ ](filter|policy|management)|responsible ?ai|safety (system|setting)|blocked by .{0,20}polic",
    re.IGNORECASE,
)

FAILED: Final = 500
"""From here on the other side has failed at it, and nobody knows how far it came."""

TEXT_OF_ANSWER: Final = (400, 402, 403, 429)
"""With these the text of the answer may say that it is something else."""

DEFINITE: Final = frozenset[Failure](
    {"rate_limited", "auth", "budget_exhausted", "bad_request", "refused_content"}
)
"""A server that answers so has not done it; one that is busy or fails may have."""

DEPTH: Final = 6
"""So far is it followed from what an error was raised."""


def classify(error: BaseException, *, now: float | None = None) -> Failed:
    """Give the class of an error; `unknown` where nothing tells it. `now` is the Unix time, for dates."""
    at = time.time() if now is None else now
    own = getattr(error, "failure", None)
    if own in FAILURES:
        return Failed(cast("Failure", own), wait_of(error), definite=False)
    for cause in causes(error):
        status = status_of(cause)
        if status is not None:
            return of_status(status, headers_of(cause), text_of(cause), now=at, told=wait_of(error))
    failure, definite = failure_of(error), False
    for cause in causes(error):  # the outermost names the class, what it came from whether anything was sent
        known = by_name(cause)
        if known is not None:
            failure, definite = failure or known[0], definite or known[1]
    return Failed(failure or "unknown", wait_of(error), definite)


def of_status(
    status: int, headers: Mapping[str, str], text: str, *, now: float, told: float | None = None
) -> Failed:
    """Give the class of an answer with an error; `text` is its body, and what the client says of it."""
    other: Failure = "bad_request" if status < FAILED else "server"
    base = cast("Failure", STATUSES.get(status, other))
    wait = told if told is not None else retry_after(headers, now, limited=base == "rate_limited")
    wait = told_in_text(text, now) if wait is None else wait
    words: list[str] = re.findall(r"[A-Za-z_]{8,40}", text)
    code: Failure | None = next((CODES[word] for word in words if word in CODES), None)
    failure: Failure = base
    if status in TEXT_OF_ANSWER and (BUDGET.search(text) or (wait is None and QUOTA.search(text))):
        failure = "budget_exhausted"
    elif code is not None and code != "budget_exhausted":
        failure = code
    elif status in TEXT_OF_ANSWER and base == "bad_request" and CONTENT.search(text):
        failure = "refused_content"
    return Failed(failure, wait, failure in DEFINITE and status < FAILED)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error, what it was raised from, and so on; not what merely came before it."""
    current: BaseException | None = error
    for _ in range(DEPTH):
        if current is None:
            return
        yield current
        current = current.__cause__


def by_name(error: BaseException) -> tuple[Failure, bool] | None:
    """Give what the nearest known name among an error's classes says."""
    return next((NAMES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in NAMES), None)


def status_of(error: BaseException) -> int | None:
    """Give the HTTP status of the answer that an error holds."""
    response = response_of(error)
    for found in (
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        of_aws(response).get("HTTPStatusCode"),
        getattr(error, "code", None),
        getattr(error, "status", None),
    ):
        if isinstance(found, int) and not isinstance(found, bool) and 400 <= found < 600:  # noqa: PLR2004 - errors
            return found
    return None


def response_of(error: BaseException) -> Any:
    """Give the answer itself."""
    found = getattr(error, "response", None)
    return getattr(error, "raw_response", None) if found is None else found


def of_aws(response: object) -> Mapping[str, Any]:
    """Give what the clients of AWS, whose answers are plain data, tell of one."""
    return mapping(mapping(response).get("ResponseMetadata"))


def mapping(found: object) -> Mapping[str, Any]:
    """Give a mapping as one; of anything else an empty one."""
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def headers_of(error: BaseException) -> Mapping[str, str]:
    """Give the headers of the answer."""
    response = response_of(error)
    for found in (
        of_aws(response).get("HTTPHeaders"),
        getattr(response, "headers", None),
        getattr(error, "headers", None),
    ):
        if found is not None and hasattr(found, "items"):
            return cast("Mapping[str, str]", found)
    return {}


def text_of(error: BaseException) -> str:
    """Give what the answer says: its body as far as it was read, and what the client made of it."""
    parts = [str(error)]
    for name in ("body", "details", "code", "type", "status", "provider_error_code", "provider_error_type"):
        found: object = getattr(error, name, None)
        if isinstance(found, dict | list):
            parts.append(json.dumps(found, default=str))
        elif isinstance(found, str):
            parts.append(found)
    response = response_of(error)
    parts.append(json.dumps(mapping(response).get("Error"), default=str))
    with suppress(Exception):  # of whatever kind a client raises where a streamed body was not read
        parts.append(str(getattr(response, "text", "")))
    return "\n".join(parts)
