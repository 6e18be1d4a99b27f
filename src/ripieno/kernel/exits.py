"""What ends more than a visit or a call where code raises it by itself: an exit, or being cancelled."""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.kernel.turnstile import Branch

__all__ = ["EXITS", "by_itself", "call_by_itself", "said"]

EXITS: Final = (asyncio.CancelledError, SystemExit, GeneratorExit)
"""A `KeyboardInterrupt` is none: it comes from whoever sits before the machine."""


def by_itself(error: BaseException, branch: Branch) -> bool:
    """Tell whether the code that a branch is at raised this, and nobody who cancels or closes it."""
    if isinstance(error, SystemExit):
        return True
    try:
        task = asyncio.current_task()
    except RuntimeError:  # what is left over is closed when its loop is gone
        return False
    if isinstance(error, GeneratorExit):
        return task is branch.task
    return task is not None and not task.cancelling()


def call_by_itself(error: BaseException, branch: Branch, around: Branch) -> bool:
    """Tell the same of a call, which is made in a task of its own: then what it has cancelled goes on.

    Whoever else cancels that task cancels its branch, or the task that awaits it as well; where that one
    has ended before, it is the process that ends.
    """
    task, awaits = branch.task, around.task
    others = branch.cancelled or (awaits is not None and (awaits.done() or awaits.cancelling() > 0))
    if task is not None and not others:
        while task.cancelling():
            task.uncancel()
    return by_itself(error, branch)


def said(error: BaseException) -> str:
    """Say what was raised; of an exit, what it comes to."""
    if isinstance(error, SystemExit):
        code = error.code
        return f"called sys.exit({'' if code is None else repr(code)})"
    if isinstance(error, asyncio.CancelledError):
        return "was cancelled by itself"
    return f"{type(error).__name__}: {error}"
