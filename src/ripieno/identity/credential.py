"""What somebody comes with, so that it never shows itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Credential"]


@dataclass(frozen=True, slots=True)
class Credential:
    """An API key or a provider's token."""

    kind: Literal["key", "token"]
    text: str = field(repr=False)
