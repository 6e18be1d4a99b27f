"""Who is asked next: in order, where what one ended in says nothing against the work itself.

That nothing is left to pay with, that nobody is let in, that it cannot be done as asked for, or that a filter
refuses it, is no reason to ask another, unless it is named: it is for somebody to know.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from ripieno.model.errors import ToolError
from ripieno.model.failure import Failure
from ripieno.model.participant import Context
from ripieno.resilience.policy import PASSING, classes

__all__ = ["fall_back", "falls"]

Given = TypeVar("Given")


def falls(failure: Failure | None, on: Iterable[str]) -> bool:
    """Tell whether another is asked after a failure; one without a class is `unknown`."""
    return (failure or "unknown") in on


async def fall_back(
    context: Context,
    what: str,
    targets: Sequence[str],
    attempt: Callable[[str], Awaitable[Given]],
    *,
    on: Iterable[str] = PASSING,
) -> Given:
    """Give what the first of the targets gives that does not fail in one of these classes.

    `attempt` makes the call by `context.use`, and so passes all that is declared for its target: one that
    is left alone is refused there at once. Each attempt is recorded as a call, each change as a choice,
    which replay reads. The last error is raised where nobody is left. Declare the others `with_fallback()`,
    so that long waits are not waited for while somebody else might answer.
    """
    heeded = classes(what, on)
    names = list(targets)
    at = 0
    while True:
        target = names[at]
        try:
            return await attempt(target)
        except ToolError as error:
            if at + 1 == len(names) or not falls(error.failure, heeded):
                raise
            because = {"failed": target, "failure": error.failure or "unknown"}
        at += 1
        chosen = await context.choose(what, names[at], offered=names, because=because)
        at = names.index(chosen) if chosen in names else at
