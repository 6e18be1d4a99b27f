"""What is declared of the call under way: for whoever sends it, however deep within a client that is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

from ripieno.model.durations import seconds
from ripieno.resilience.policy import Timeouts

__all__ = ["THREADS", "TIMEOUTS", "connect_seconds", "first_byte_seconds", "in_thread"]

TIMEOUTS: ContextVar[Timeouts | None] = ContextVar("ripieno_timeouts", default=None)
"""How long an attempt may take in its parts."""

THREADS: ContextVar[Executor | None] = ContextVar("ripieno_threads", default=None)
"""Where a plain function runs; None where any thread will do."""


def connect_seconds() -> float | None:
    """Give how long a connection may take to be made."""
    declared = TIMEOUTS.get()
    return None if declared is None or declared.connect is None else seconds(declared.connect)


def first_byte_seconds() -> float | None:
    """Give how long the first byte of an answer may take to come."""
    declared = TIMEOUTS.get()
    return None if declared is None or declared.first_byte is None else seconds(declared.first_byte)


async def in_thread(function: Callable[..., Any], **arguments: Any) -> Any:
    """Call a plain function in a thread: of its system, where that has threads of its own."""
    within = partial(copy_context().run, function, **arguments)
    return await asyncio.get_running_loop().run_in_executor(THREADS.get(), within)
