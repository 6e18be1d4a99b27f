"""An HTTP address that takes checkpoints by POST, and shows the newest by GET if it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ripieno.anchoring.sink import Sink, SinkError, TakenError

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpSink"]

SECONDS: Final = 5.0
"""For a connection, and for an answer."""

CONFLICT: Final = 409
ONLY_TAKES: Final = frozenset({404, 405, 410, 501})
LARGEST: Final = 1_000_000


class HttpSink(Sink):
    """Answers 2xx once it has kept what it was sent, 409 where it has another of this size."""

    def __init__(self, place: str) -> None:
        parts = urlsplit(place)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        self._place = place
        self.name = f"{parts.scheme}://{host}{port}{parts.path}"

    def publish(self, size: int, note: str) -> None:
        """Send the checkpoint."""
        answer = self._ask("POST", note)
        if answer.status_code == CONFLICT:
            msg = f"{self.name}: has another checkpoint of {size} events"
            raise TakenError(msg, remedy="compare both; each log needs an address of its own")
        if not answer.is_success:
            msg = f"{self.name}: answers {answer.status_code}"
            raise SinkError(msg, remedy="it has to answer 2xx once it has kept what it was sent")

    def newest(self, known: int) -> str | None:
        """Ask for the newest checkpoint."""
        del known  # it shows the newest, whichever that is
        answer = self._ask("GET")
        if answer.status_code in ONLY_TAKES:
            return None
        if not answer.is_success or len(answer.content) > LARGEST:
            msg = f"{self.name}: answers {answer.status_code} to GET"
            raise SinkError(msg, remedy="it shows the newest checkpoint, or answers 404 or 405")
        return answer.text or None

    def _ask(self, method: str, note: str | None = None) -> httpx.Response:
        import httpx  # noqa: PLC0415 - a tenth of a second that only who publishes so pays

        try:
            return httpx.request(
                method,
                self._place,
                content=None if note is None else note.encode(),
                headers={"content-type": "text/plain; charset=utf-8"},
                timeout=SECONDS,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            msg = f"{self.name}: {type(error).__name__}: {error}"
            raise SinkError(msg, remedy="it is tried again with the next checkpoint") from error
