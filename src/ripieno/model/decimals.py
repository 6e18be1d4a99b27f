"""Floats under the envelope rule: decimal strings, exact, and the same however the float was written."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["decimal"]


def decimal(value: float) -> str:
    """Give a float as the shortest decimal string that reads back as the same float, without exponent."""
    text = format(Decimal(repr(float(value))), "f")
    return text.removesuffix(".0")
