"""Comparing what a participant found in the shadow of a person with what the person decided."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

from ripieno.model.outcome import Outcome
from ripieno.model.value import encode, normal

__all__ = ["VERDICTS", "Verdict", "differing", "verdict"]

Verdict = Literal["agrees", "differs", "incomplete", "stopped", "unanswered"]
"""`incomplete`: the shadow failed, or could not finish without an effect that was withheld. `stopped`:
it was not done in time. `unanswered`: the person decided nothing, so there is nothing to compare."""

VERDICTS: Final[tuple[Verdict, ...]] = ("agrees", "differs", "incomplete", "stopped", "unanswered")

MOST_FIELDS: Final = 50


def verdict(theirs: Outcome | None, shadow: Outcome | None, fields: list[str]) -> Verdict:
    """Say how a shadow stands to the person; None for whoever of them did not get to an end.

    A person who declined agrees with a shadow that would have escalated.
    """
    if theirs is None:
        return "unanswered"
    if shadow is None:
        return "stopped"
    if theirs.ok:
        agreed = "differs" if fields else "agrees"
        return agreed if shadow.ok else "incomplete"
    return "agrees" if shadow.status == theirs.status else "differs"


def differing(theirs: Any, own: Any, at: str = "") -> list[str]:
    """Give the dotted paths at which two outputs differ, `.` for the whole; the first fifty.

    What JSON takes for equal is equal, also 2 and 2.0.
    """
    if encode(normal(theirs)) == encode(normal(own)):
        return []
    if not (isinstance(theirs, dict) and isinstance(own, dict)):
        return [at or "."]
    left, right = cast("dict[str, Any]", theirs), cast("dict[str, Any]", own)
    found: list[str] = []
    for name in sorted({*left, *right}):
        place = f"{at}.{name}" if at else name
        if name in left and name in right:
            found.extend(differing(left[name], right[name], place))
        else:
            found.append(place)
    return found[:MOST_FIELDS]
