"""Every error Ripieno raises on purpose: one root, a stable code, typed attributes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from ripieno.model.failure import Failure

__all__ = [
    "AuthenticationError",
    "AwaitingApprovalError",
    "ChangedError",
    "DefinitionError",
    "DeniedError",
    "ErasedError",
    "InputError",
    "InvalidError",
    "InvalidResultError",
    "NotAllowedError",
    "NotFoundError",
    "NotSentError",
    "OutdatedError",
    "Place",
    "RefusedError",
    "RejectedError",
    "RipienoError",
    "SecretError",
    "SettingsError",
    "SignInError",
    "StoreError",
    "ToolError",
    "WithheldError",
    "nearest",
]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a user's own file, so that an error can point at it."""

    file: str
    line: int | None = None
    """Counted from 1; None when only the file is known."""
    field: str | None = None
    """Dotted path of the field, such as `participants.clinician.due`."""

    def __str__(self) -> str:
        at = self.file if self.line is None else f"{self.file}:{self.line}"
        return at if self.field is None else f"{at} ({self.field})"


class RipienoError(Exception):
    """Root of all errors raised on purpose. `code` is stable across releases."""

    code = "ripieno"

    def __init__(self, message: str, *, place: Place | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        what_next = f"\n  {self.remedy}" if self.remedy else ""
        return f"{where}{self.message}{what_next}"


class DefinitionError(RipienoError):
    """A workflow, participant or tool that cannot work is refused when it is loaded."""

    code = "definition"


class InputError(RipienoError):
    """What a person or system handed in is not what was asked for; nothing was changed."""

    code = "input"


class NotFoundError(RipienoError):
    """No such run, task, workflow or version."""

    code = "not_found"


class NotAllowedError(RipienoError):
    """The principal lacks the role that the act asks for."""

    code = "not_allowed"


class AwaitingApprovalError(NotAllowedError):
    """A command that others have to approve first; given once more after that, it happens."""

    code = "awaiting_approval"

    def __init__(self, message: str, *, run: str, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.run = run
        """The run that asks for the approval."""


class SignInError(NotAllowedError):
    """Who comes with a key or token is not who they say, or is not let in; nothing was done."""

    code = "sign_in"


class RefusedError(RipienoError):
    """The act came too late or twice: the run has ended, the question is closed, the key is taken."""

    code = "refused"


class ChangedError(RefusedError):
    """Somebody else changed it meanwhile; whoever asks again is told how it stands now."""

    code = "changed"


class OutdatedError(ChangedError):
    """Rights have changed since something was let begin; whoever decides again knows them as they are."""

    code = "outdated"


class SettingsError(RipienoError):
    """A setting, flag or environment variable has a value that cannot be used."""

    code = "settings"


class StoreError(RipienoError):
    """The store could not keep or give back what it was asked to: full disk, locked, damaged."""

    code = "store"


class ErasedError(StoreError):
    """What is asked for was erased, and nobody can read it any more; that it was stands in the log."""

    code = "erased"


class ToolError(RipienoError):
    """Raised by a tool to say that its call had no effect; any other error leaves a write uncertain.

    `failure` is its class, by which it is repeated, passed on to somebody else, or not; `retry_after` the
    seconds for which the other side asked not to be called again.
    """

    code = "tool"

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        remedy: str | None = None,
        failure: Failure | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.failure: Failure | None = failure
        self.retry_after = retry_after


class NotSentError(ToolError):
    """The attempt had no effect, which says nothing of one before it under the same idempotency key.

    For what was refused before it was looked at: no connection, too many calls, a breaker that is open.
    """

    code = "not_sent"


class RejectedError(ToolError):
    """An effect that had to be approved was not: somebody said no, or nobody answered in time."""

    code = "rejected"


class InvalidError(ToolError):
    """What a call was given does not pass the tool's checks; nothing was sent."""

    code = "invalid"

    def __init__(self, message: str, *, repairs: int | None = None) -> None:
        super().__init__(message)
        self.repairs = repairs
        """How often whoever proposed it may propose again; None where it may not."""


class InvalidResultError(RipienoError):
    """What a call gave does not pass the tool's checks and may not be used; the call itself was made."""

    code = "invalid_result"

    def __init__(self, message: str, *, repairs: int | None = None) -> None:
        super().__init__(message)
        self.repairs = repairs
        """How often whoever proposed it may propose again; None where it may not."""


class SecretError(ToolError):
    """A secret could not be had, or something was about to hold one in the clear; nothing was sent."""

    code = "secret"


class AuthenticationError(ToolError):
    """Raised by a tool whose secret was refused: the call had no effect, and is made once with a new one."""

    code = "authentication"


class DeniedError(RejectedError):
    """An act that policy does not permit, or that those whom it asks did not approve; nothing was done."""

    code = "denied"


class WithheldError(ToolError):
    """An effect that was recorded and not made: whoever proposed it works in the shadow of a person."""

    code = "withheld"


def nearest(name: str, known: Iterable[str]) -> str:
    """Give ` (did you mean 'x'?)` for the known name closest to `name`, or the empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
