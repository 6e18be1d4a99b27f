"""What is shown in place of a value that was erased."""

from __future__ import annotations

from typing import Any, Final

from ripieno.journal.store import Store
from ripieno.model.errors import ErasedError
from ripieno.model.value import decode

__all__ = ["ERASED", "value_of"]

ERASED: Final = "erased"


def value_of(store: Store, run: str, ref: str) -> Any:
    """Give a recorded value, or the word `erased` where it was."""
    try:
        return decode(store.payload(run, ref))
    except ErasedError:
        return ERASED
