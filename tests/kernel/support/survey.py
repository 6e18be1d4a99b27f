"""Dies at one boundary after another of a scenario, and tells where a run did not come to the same."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from kernel.support.crash import Children, Ended, Order, ended

__all__ = ["ANY", "UNREPEATABLE", "Survey", "lasting", "share"]

UNREPEATABLE: Final = re.compile(r"(writing|committed): (no event|events: (segment|message|answered)\b)")
"""Commits whose number differs from run to run: the dispatcher wakes once more or once less, commands and
answers come in together or one after another, and a segment is written sooner where the run was woken."""

COUNTED: Final = re.compile(r" #\d+$")
"""Places of one name, told apart by how often a process has passed it; the next one counts anew."""

ANY: Final = re.compile("")
"""All of them: what comes first, a command or what it is about, is not the same from run to run."""

DEATHS: Final = 6
"""How often one run dies: to begin from nothing and to be compared takes longer than what is tried."""

MANY: Final = 20
"""Of fewer places chance may miss more than half: which they are is not the same from run to run."""


class Survey:
    """One scenario: how it ends undisturbed, and how it ends when its process dies."""

    def __init__(self, children: Children, folder: Path) -> None:
        self._children = children
        self._folder = folder
        self._tried = self._reached = 0
        undisturbed = self.ending(Order(""))
        assert undisturbed is not None, "nothing kills it"
        self.undisturbed = undisturbed
        """What every other run is compared with."""

    def ending(self, order: Order, *fatal: str | int) -> Ended | None:
        """Die at each of the `fatal` boundaries in turn, each time an hour later, then run to the end.

        Gives None when the run ended before it came to the last of them.
        """
        found, died = self._lived(order, fatal)
        return found if died == len(fatal) else None

    def _lived(self, order: Order, fatal: Sequence[str | int]) -> tuple[Ended, int]:
        """Give how a run ended that dies at these boundaries in turn, and how many of them it came to."""
        home = Path(mkdtemp(dir=self._folder))
        for hour, place in enumerate(fatal):
            died = self._children.run(dataclasses.replace(order, home=str(home), fatal=place, hours=hour))
            if died != signal.SIGKILL:
                return ended(self._children.scenario, home), hour
        last = self._children.run(dataclasses.replace(order, home=str(home), hours=len(fatal)))
        assert last == 0, f"the last child died of signal {last}"
        return ended(self._children.scenario, home), len(fatal)

    def problems(
        self,
        places: Iterable[str],
        unrepeatable: re.Pattern[str] = UNREPEATABLE,
        *,
        deaths: int = DEATHS,
    ) -> list[str]:
        """Die at each of these places; give what came to something else.

        One run dies at so many of them as `deaths` says, one after another, as far apart as they lie; at
        what it does not come to, and at what is `COUNTED` or `UNREPEATABLE`, a run of its own dies. A place
        that is not reached then is left out where it is `unrepeatable`; where none is reached, or of `MANY`
        and more less than half, little is shown, and that is a problem of its own.
        """
        problems: list[str] = []
        alone: list[str] = []
        together: list[str] = []
        for place in places:
            apart = deaths == 1 or COUNTED.search(place) or UNREPEATABLE.match(place)
            (alone if apart else together).append(place)
        rounds = -(-len(together) // deaths)
        for first in range(rounds):
            several = together[first::rounds]
            found, died = self._lived(Order(""), several)
            problems.extend(self.compare(found, several[:died]))
            self._tried, self._reached = self._tried + died, self._reached + died
            alone.extend(several[died:])
        for place in alone:
            found = self.ending(Order(""), place)
            self._tried += 1
            self._reached += found is not None
            if found is not None or not unrepeatable.match(place):
                problems.extend(self.compare(found, place))
        if not self._reached or (self._tried >= MANY and 2 * self._reached < self._tried):
            problems.append(f"only {self._reached} of {self._tried} places were reached")
        return problems

    def compare(self, found: Ended | None, place: object) -> Iterable[str]:
        """Say in what a run that died at a place came to something else."""
        wanted = self.undisturbed
        if found is None:
            yield f"{place}: was not reached"
        elif found.outcomes != wanted.outcomes:
            yield f"{place}: ended as {json.dumps(found.outcomes)}"
        elif found.effects != wanted.effects:
            yield f"{place}: did {found.effects} to the world"


def share(places: Iterable[str], part: int, parts: int) -> list[str]:
    """Give one of several parts of the places, the same in every process."""
    return [place for place in places if zlib.crc32(place.encode()) % parts == part]


def lasting(places: Iterable[str]) -> list[str]:
    """Leave out dying right before a commit or a call: what lasts then is what the commit before it left."""
    return [place for place in places if not place.startswith(("writing: ", "before the call: "))]
