"""What a service shows of itself now, against what was approved: an operation that changed is quarantined."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Final

from ripieno.connectors.openapi.document import LARGEST, Document, parse_document
from ripieno.connectors.openapi.operations import Operation, operations_of
from ripieno.connectors.quarantine import QuarantinedError
from ripieno.connectors.rest.pool import client
from ripieno.model.durations import Duration, seconds
from ripieno.model.errors import DefinitionError

__all__ = ["Live", "content_at", "fetched"]

PATIENCE_SECONDS: Final = 20.0


class Live:
    """The document that a service shows, looked at now and then."""

    def __init__(self, whose: str, url: str, every: Duration) -> None:
        self.url = url
        self._whose, self._every = whose, seconds(every)
        self._looking: dict[Any, asyncio.Lock] = {}
        """One look at a time in each loop: protects what follows."""
        self._next = 0.0
        self._operations: dict[str, Operation] | None = None

    async def check(self, approved: Operation) -> None:
        """Raise `QuarantinedError` where an operation is another now; goes on where nobody can look."""
        async with self._looking.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if monotonic() >= self._next:
                await self._look()
        if self._operations is None:
            return
        now = self._operations.get(approved.name)
        try:
            if now is not None and now.digest == approved.digest:
                return
            what = "is not offered any more" if now is None else "is not as it was approved"
        except DefinitionError as error:
            what = f"is not what can be called any more: {error.message}"
        msg = f"{self._whose}: {approved.name} is quarantined, it {what}; nothing was sent"
        raise QuarantinedError(msg, failure="bad_request")

    async def _look(self) -> None:
        """Look; a service that shows no document now is taken as it was before."""
        self._next = monotonic() + self._every
        try:
            self._operations = operations_of(await fetched(self.url))
        except DefinitionError:
            return


async def fetched(url: str) -> Document:
    """Fetch a document; raises `DefinitionError` where it cannot be had or is none."""
    return parse_document(await content_at(url), url)


async def content_at(url: str) -> bytes:
    """Fetch what a document may be, no more of it than one may have; raises `DefinitionError`."""
    import httpx  # noqa: PLC0415 - a tenth of a second that only who looks pays

    found = bytearray()
    try:
        async with (await client()).stream("GET", url, timeout=PATIENCE_SECONDS) as answer:
            if answer.status_code != 200:  # noqa: PLR2004 - HTTP's own number
                msg = f"{url} answers {answer.status_code}"
                raise DefinitionError(msg, remedy="name where the document itself is: nothing is redirected")
            async for chunk in answer.aiter_bytes():
                found += chunk
                if len(found) > LARGEST:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        msg = f"{url} could not be fetched ({type(error).__name__})"
        raise DefinitionError(msg) from None
    return bytes(found)
