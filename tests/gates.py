"""The gate that tests run under: the shipped packs, loaded once per process."""

from __future__ import annotations

from functools import cache

from ripieno.mediation.policy import PolicyGate, load_library

__all__ = ["shipped_gate"]


@cache
def shipped_gate() -> PolicyGate:
    """Give the gate of a data folder that has no policies of its own."""
    return PolicyGate(load_library())
