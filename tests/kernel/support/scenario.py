"""What a crash test needs to know of a workflow: its input, its answers, and where its effects are seen."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import AskedFor
from ripieno.workflows.workflow import Workflow

__all__ = ["Scenario", "load"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One workflow with one input, in a folder of its own."""

    workflow: Workflow
    given: Callable[[], Any]
    """Gives the input."""
    settle: Callable[[Path], None]
    """Tells this process that the systems it reaches are kept in this folder."""
    effects: Callable[[Path], Sequence[str]]
    """Gives what took effect, sorted: equal for runs that did the same to the world.

    Calls that a system tells apart by their idempotency key count once per key.
    """
    answer: Callable[[AskedFor, Path], Any]
    """Gives what people answer, having looked at the systems in the folder."""
    comparable: Callable[[Any], Any] = lambda outcome: outcome
    """Leaves out of an outcome what no two runs share."""
    cancels: Callable[[AskedFor], bool] = lambda _: False
    """Tells for which question the run is cancelled, with all that it did undone, in place of an answer."""
    operate: Callable[[Store, Clock], Awaitable[None]] | None = None
    """Does what operators do, whenever anything was committed; before any question is answered."""


def load(reference: str) -> Any:
    """Give what is at `module:attribute`."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)
