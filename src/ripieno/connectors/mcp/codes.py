"""Codes of errors of ours, beyond those that the protocol and servers may use."""

from __future__ import annotations

from typing import Final

__all__ = ["LOST", "NOT_DONE"]

NOT_DONE: Final = -39_001
"""The request had no effect: it was not sent, or refused before it was looked at."""

LOST: Final = -39_002
"""The request was sent, and nobody knows what became of it."""
