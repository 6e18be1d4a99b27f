"""Log records without secrets: those of the standard library, and of structlog where it is told to."""

from __future__ import annotations

import logging
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.value import encode

__all__ = ["guard_logs", "redact"]

Told = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Guarded:
    """Makes records as they were made before, and covers what is confidential in them.

    Fields of `extra` are added later, beyond its reach: a secret does not belong there.
    """

    def __init__(self, before: Any) -> None:
        self.before = before

    def __call__(self, *given: Any, **named: Any) -> logging.LogRecord:
        """Make one record."""
        record: logging.LogRecord = self.before(*given, **named)
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001 - whoever handles it will be told what is wrong with it
            said = f"{record.msg!s} {record.args!r}"
        covered = CONFIDENTIAL.cover(said)
        if covered != said:
            record.msg, record.args = covered, ()
        if record.exc_info:
            text = without_values(record.exc_info)
            if text is not None:
                record.exc_info, record.exc_text = None, text
        return record


def without_values(told: Any) -> str | None:
    """Give a covered traceback where one of its texts or variables holds a secret; None where none does."""
    found: Told = told
    if found[1] is None:
        return None
    seen = "".join(traceback.TracebackException.from_exception(found[1], capture_locals=True).format())
    if not CONFIDENTIAL.found(seen.encode("utf-8", "surrogatepass")):
        return None
    return CONFIDENTIAL.cover("".join(traceback.format_exception(found[1])).rstrip("\n"))


def guard_logs() -> None:
    """Cover secrets in all log records that this process makes from now on."""
    before = logging.getLogRecordFactory()
    if not isinstance(before, Guarded):
        logging.setLogRecordFactory(Guarded(before))


def redact(logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cover secrets in an event of structlog: a processor, to stand before the one that renders."""
    del logger, name
    for field, value in event.items():
        if field == "exc_info":
            continue
        if isinstance(value, str):
            event[field] = CONFIDENTIAL.cover(value)
        elif CONFIDENTIAL.found(encode(value)) or CONFIDENTIAL.found(repr(value).encode("utf-8", "replace")):
            event[field] = CONFIDENTIAL.cover(repr(value))
    return event
