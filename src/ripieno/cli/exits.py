"""Exit codes, and which error gives which. The one place where both meet."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ripieno.model.errors import (
    DefinitionError,
    InputError,
    NotAllowedError,
    NotFoundError,
    RipienoError,
    SettingsError,
)

__all__ = ["Exit", "exit_of", "exit_of_statuses"]


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    NOT_ALLOWED = 4
    WATCHED_FAILED = 5
    INTERRUPTED = 130


BY_ERROR: Final[tuple[tuple[type[RipienoError], Exit], ...]] = (
    (NotAllowedError, Exit.NOT_ALLOWED),
    (InputError, Exit.USAGE),
    (SettingsError, Exit.USAGE),
    (DefinitionError, Exit.USAGE),
    (NotFoundError, Exit.USAGE),
)


def exit_of(error: RipienoError) -> Exit:
    """Give the exit code of an error; whatever was refused or could not be done is a failure."""
    return next((code for kind, code in BY_ERROR if isinstance(error, kind)), Exit.FAILED)


def exit_of_statuses(statuses: list[str], *, failed: Exit = Exit.FAILED) -> Exit:
    """Give the exit code for what runs ended in: complete, or still waiting, is well."""
    if any(
        status not in ("complete", "waiting", "paused", "stopped", "running", "cancelled")
        for status in statuses
    ):
        return failed
    return Exit.CANCELLED if "cancelled" in statuses else Exit.OK
