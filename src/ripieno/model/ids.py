"""Ids: UUIDv7, ordered by time; people see the random end."""

from __future__ import annotations

import uuid_utils

__all__ = ["new_id", "short"]

SHORT_LENGTH = 6


def new_id() -> str:
    """Give a new UUIDv7 (RFC 9562) as 32 lower-case hexadecimal digits."""
    return uuid_utils.uuid7().hex


def short(identifier: str) -> str:
    """Give the random end of an id, which tells runs apart where the time at its start does not."""
    return identifier[-SHORT_LENGTH:]
