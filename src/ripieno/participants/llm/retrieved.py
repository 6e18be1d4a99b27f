"""What a model was shown that was retrieved for it: by which call, how much, and how well it fitted.

What was retrieved, and from where, stands with the call itself; a request says only which it was shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, TypeGuard, cast

from ripieno.model.decimals import decimal
from ripieno.model.event import Json

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

__all__ = ["retrieved_in"]

KEPT: Final = 20
"""So many calls are named: the latest."""
FOUND: Final = ("passages", "memories")
"""Under what tools that retrieve give what they found."""


def retrieved_in(messages: Sequence[ModelMessage]) -> list[Json]:
    """Give it, call by call, by the names under which tools are offered."""
    told: list[Json] = []
    for part in (part for message in messages for part in message.parts):
        content: Any = getattr(part, "content", None)
        if getattr(part, "part_kind", None) != "tool-return" or not isinstance(content, Mapping):
            continue
        fields = cast("Mapping[str, Any]", content)
        listed: Any = next((fields[name] for name in FOUND if isinstance(fields.get(name), list)), None)
        if listed is not None:
            whole = cast("list[object]", listed)
            found = [cast("Mapping[str, Any]", one) for one in whole if isinstance(one, Mapping)]
            given = (one.get("score") for one in found)
            scores: list[Json] = [decimal(float(one)) for one in given if is_number(one)]
            name = str(getattr(part, "tool_name", "")).encode("ascii", "replace").decode()
            told.append({"tool": name, "found": len(found), "scores": scores})
    return told[-KEPT:]


def is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether something is a score."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
