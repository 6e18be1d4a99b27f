"""What a system said of how much it takes: heeded before the next call is sent."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from ripieno.connectors.rest.errors import ThrottledError, retry_after

if TYPE_CHECKING:
    import httpx

__all__ = ["Throttle"]

REMAINING: Final = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
LONGEST: Final = 3600.0
"""A system that closes for longer is asked again all the same: it may have been a mistake."""


class Throttle:
    """Until when a system wants no calls."""

    def __init__(self, whose: str) -> None:
        self._whose = whose
        self._closed_until = 0.0

    def check(self) -> None:
        """Raise `ThrottledError` while the system wants no calls: nothing is sent."""
        left = self._closed_until - monotonic()
        if left > 0:
            msg = f"{self._whose} takes no calls for another {left:.3g} s, as it said; nothing was sent"
            raise ThrottledError(msg, retry_after=left)

    def heed(self, answer: httpx.Response) -> None:
        """Take note of what an answer says: that it was too much, or that nothing more is left."""
        spent = any(answer.headers.get(name, "").strip() == "0" for name in REMAINING)
        if answer.status_code not in {429, 503} and not spent:
            return
        wait = retry_after(answer.headers)
        if wait is not None:
            self._closed_until = max(self._closed_until, monotonic() + min(wait, LONGEST))
