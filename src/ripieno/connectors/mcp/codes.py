"""Codes of errors of ours, beyond those that the protocol and servers may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self, cast

__all__ = ["LOST", "NOT_DONE", "Told"]

NOT_DONE: Final = -39_001
"""The request had no effect: it was not sent, or refused before it was looked at."""

LOST: Final = -39_002
"""The request was sent, and nobody knows what became of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What such an error says beside its text."""

    status: int | None = None
    """Of the answer over HTTP; None where there was none."""
    retry_after: float | None = None
    """Seconds for which the server asked to be left alone."""

    def document(self) -> dict[str, Any]:
        """Give it as the data of an error."""
        return asdict(self)

    @classmethod
    def of(cls, data: object) -> Self:
        """Read the data of an error of ours; a server that says as much of itself is believed."""
        said: Mapping[str, Any] = cast("Any", data) if isinstance(data, Mapping) else {}
        status, wait = said.get("status"), said.get("retry_after")
        return cls(
            status if isinstance(status, int) else None, wait if isinstance(wait, int | float) else None
        )
