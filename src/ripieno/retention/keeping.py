"""For how long each class of data is kept once its run has ended, as a tenant says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ripieno.journal.retention import RetentionRow
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_command
from ripieno.kernel.clock import MICROSECONDS
from ripieno.model.durations import seconds
from ripieno.model.errors import DefinitionError, InputError
from ripieno.model.principal import Principal

__all__ = ["ANY", "Rule", "clear", "keep", "rule_for", "span", "time_of"]

ANY: Final = "*"
"""Stands for runs of which no class of data has a time of its own."""

YEARS: Final = re.compile(r"(\d{1,3})y")
DAY: Final = 86_400 * MICROSECONDS
YEAR: Final = DAY * 1461 // 4
"""365.25 days."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What the classes of data of a run come to."""

    erase: RetentionRow | None
    """The class that is kept the shortest; None where none is erased by time."""
    floor: RetentionRow | None
    """The class that has to be kept the longest; None where none has to be."""

    @property
    def after(self) -> int | None:
        """Microseconds after the end of a run at which it is erased; None for never."""
        if self.erase is None or self.erase.keep is None:
            return None
        return max(self.erase.keep, (self.floor and self.floor.at_least) or 0)

    @property
    def conflict(self) -> str | None:
        """Say where one class is to be erased before another one may be; None where none is."""
        if self.erase is None or self.floor is None or self.after == self.erase.keep:
            return None
        return (
            f"{self.erase.data} data would be erased after {span(self.erase.keep)}, and stays for"
            f" {span(self.floor.at_least)}, for which {self.floor.data} data has to be kept"
        )


def rule_for(rows: Sequence[RetentionRow], classes: Sequence[str]) -> Rule:
    """Give what holds for a run of these classes: the shortest time to keep, but no less than any minimum.

    What is said of any (`*`) holds where nothing is said of a class of its own, separately for both.
    """
    named = [row for row in rows if row.data in classes]
    general = [row for row in rows if row.data == ANY]
    keeps = [row for row in named if row.keep is not None] or [row for row in general if row.keep is not None]
    floors = [row for row in named if row.at_least is not None]
    floors = floors or [row for row in general if row.at_least is not None]
    return Rule(
        min(keeps, key=lambda row: (row.keep or 0, row.data), default=None),
        max(floors, key=lambda row: (row.at_least or 0, row.data), default=None),
    )


async def keep(
    store: Store,
    data: str,
    *,
    time: str | None,
    at_least: str | None = None,
    by: Principal,
    reason: str,
) -> bool:
    """Say for how long a class of data is kept, in place of what was said before; False when it was so.

    `time` and `at_least` are such as `30d` or `7y`, a year of 365.25 days; `data` is a class, or `*`. Raises
    `NotAllowedError` where policy does not permit it, and `InputError` for no reason or a time that is none.
    """
    if not data.strip() or not reason.strip():
        msg = "say which class of data it is, and why it is kept for so long"
        raise InputError(msg)
    row = RetentionRow(data, time_of(time), time_of(at_least), by.id)
    if row.keep is None and row.at_least is None:
        msg = f"for how long is {data} data kept?"
        raise InputError(msg, remedy="say --keep, --at-least or both; ripieno retention clear takes it back")
    if row.keep is not None and row.at_least is not None and row.keep < row.at_least:
        msg = f"{data} data cannot be erased after {time} and be kept for {at_least} at least"
        raise InputError(msg)
    given = {"keep": data, "for": row.keep, "at_least": row.at_least}
    by = await check_command(store, None, by, "retention", given=given, reason=reason)
    row = RetentionRow(row.data, row.keep, row.at_least, by.id)
    return await store.set_retention(by.tenant, row, reason)


async def clear(store: Store, data: str, *, by: Principal, reason: str) -> bool:
    """Take back what was said of a class; False when nothing was. Raises as `keep` does."""
    if not reason.strip():
        msg = "say why it is taken back"
        raise InputError(msg)
    by = await check_command(store, None, by, "retention", given={"clear": data}, reason=reason)
    return await store.clear_retention(by.tenant, data, by=by.id, reason=reason)


def time_of(text: str | None) -> int | None:
    """Give the microseconds of a time such as `30d` or `7y`; raises `InputError`."""
    if text is None:
        return None
    years = YEARS.fullmatch(text)
    if years is not None and int(years[1]):
        return int(years[1]) * YEAR
    try:
        return int(seconds(text) * MICROSECONDS)
    except DefinitionError as error:
        msg = f"expected a time such as '30d', '26w' or '7y', got {text!r}"
        raise InputError(msg) from error


def span(time: int | None) -> str:
    """Say a time as people write it."""
    if time is None:
        return "ever"
    units: Mapping[str, int] = {"y": YEAR, "d": DAY, "h": DAY // 24, "m": DAY // 1440}
    for unit, length in units.items():
        if time and not time % length:
            return f"{time // length}{unit}"
    return f"{time / MICROSECONDS:g}s"
