"""Names of regions: where data is kept, and where calls go."""

from __future__ import annotations

import re
from typing import Final

from ripieno.model.errors import InputError

__all__ = ["UNDECLARED", "region_name"]

UNDECLARED: Final = "undeclared"
"""What is said of calls that go out, and nobody declares where."""

NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def region_name(text: str) -> str:
    """Give a name as it is; raises `InputError` for what is no name of a region."""
    if not NAME.fullmatch(text) or text == UNDECLARED:
        msg = f"expected a region such as 'eu-central-1', got {text!r}"
        raise InputError(msg, remedy="lower-case letters, digits and `-`, as the provider calls it")
    return text
