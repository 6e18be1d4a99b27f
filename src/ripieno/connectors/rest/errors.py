"""What an answer of a system means for a call: that it had no effect, or that nobody knows."""

from __future__ import annotations

import json
from time import time
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.model.errors import AuthenticationError, NotSentError, RipienoError, ToolError
from ripieno.model.failure import Failure
from ripieno.resilience.retry_after import retry_after as waiting

if TYPE_CHECKING:
    from collections.abc import Collection

    import httpx

__all__ = [
    "InDoubtError",
    "RefusedCallError",
    "ThrottledError",
    "error_of",
    "problem_in",
    "retry_after",
]

LONGEST: Final = 500
SAID_BY: Final = (
    *("detail", "title", "message", "error_description", "error", "errors", "msg", "reason"),
    *("issue", "diagnostics", "details", "text"),
)
"""Fields in which systems say what is wrong: problem+json (RFC 9457), OAuth (RFC 6749), habit, and FHIR."""

AMBIGUOUS: Final = frozenset({303, 408, 425})
"""Numbers below 500 after which it is not known what the system did with what it was sent."""


class RefusedCallError(ToolError):
    """The system answered that it did not do it: its reason stands in the message."""

    code = "refused_call"

    def __init__(self, message: str, *, status: int, failure: Failure) -> None:
        super().__init__(message, failure=failure)
        self.status = status
        """HTTP's own number."""


class ThrottledError(NotSentError):
    """The system takes no more calls now, and did nothing; `retry_after` says when it will."""

    code = "throttled"

    def __init__(self, message: str, *, retry_after: float | None, status: int = 429) -> None:
        super().__init__(message, failure="rate_limited", retry_after=retry_after)
        self.status = status


class InDoubtError(RipienoError):
    """The call was sent, and its answer does not say whether it took effect; a read may be made again."""

    code = "in_doubt"

    def __init__(self, message: str, *, failure: Failure, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.failure: Failure = failure
        self.retry_after = retry_after


def error_of(
    whose: str, answer: httpx.Response, body: bytes, *, refusing: Collection[int] = ()
) -> RipienoError | None:
    """Give what an answer means for its call; None for one that says that it was done.

    `refusing` are further numbers by which this system says that it did nothing, such as 503.
    """
    status = answer.status_code
    if status < 300:  # noqa: PLR2004 - HTTP's own number
        return None
    said = problem_in(answer.headers.get("content-type", ""), body)
    message = f"{whose} answers {status}{f': {said}' if said else ''}"
    wait = retry_after(answer.headers)
    if status == 401:  # noqa: PLR2004 - the same
        return AuthenticationError(message)
    if status == 429 or (status in refusing and wait is not None):  # noqa: PLR2004 - the same
        return ThrottledError(message, retry_after=wait, status=status)
    if status in refusing or (status < 500 and status not in AMBIGUOUS):  # noqa: PLR2004 - the same
        lasting: Failure = "auth" if status == 403 else "bad_request"  # noqa: PLR2004 - the same
        return RefusedCallError(message, status=status, failure=lasting)
    failure: Failure = "overloaded" if status == 503 else "timeout" if status in {408, 504} else "server"  # noqa: PLR2004 - the same
    return InDoubtError(message, failure=failure, retry_after=wait)


def problem_in(kind: str, body: bytes) -> str:
    """Give what a system says is wrong, in one short line; empty where it says nothing."""
    text = body.decode("utf-8", "replace").strip()
    if "json" in kind:
        try:
            text = said_in(json.loads(body))
        except (ValueError, RecursionError):
            text = ""
    elif "html" in kind or "xml" in kind:
        text = ""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def said_in(document: Any) -> str:
    """Give what a document says is wrong: by the fields that are known for it, else as it stands."""
    if isinstance(document, str):
        return document
    if isinstance(document, list):
        return "; ".join(said_in(one) for one in cast("list[Any]", document)[:3])
    if not isinstance(document, dict):
        return "" if document is None else str(document)
    fields = cast("dict[str, Any]", document)
    told = [said_in(fields[name]) for name in SAID_BY if fields.get(name)]
    return ": ".join(dict.fromkeys(told)) or json.dumps(document)


def retry_after(headers: httpx.Headers) -> float | None:
    """Give in how many seconds a system wants to be asked again; None if it does not say."""
    return waiting(headers, time(), limited=True)
