"""Budgets: what each visit has spent and reserved, checked against every limit above it in one step.

Nothing is awaited between the check and the reservation, so that branches at work side by side
never pass a limit together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from ripieno.kernel.turnstile import Branch, Turnstile
from ripieno.model.participant import Costly, ToolLike
from ripieno.model.spending import AMOUNTS, NOTHING, Spending, dollars
from ripieno.model.value import Value

__all__ = ["Ledger", "Refusal", "Reservation", "most"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that stands against something: which, of how much, and who asked for how much of it."""

    limit: str
    """Name of the amount, or `active` or `deadline`."""
    of: int
    """The limit itself; microseconds for times, millionths of a dollar for money."""
    asked: int = 0
    left: int = 0
    at: str = ""
    """Path of the act that was refused."""

    def because(self) -> dict[str, Any]:
        """Give it as a choice records it."""
        return {
            "limit": "cost_usd" if self.limit == "cost" else self.limit,
            "of": self.said(self.of),
            "asked": self.said(self.asked),
            "left": self.said(self.left),
            "at": self.at,
        }

    def said(self, amount: int) -> str | int:
        """Give an amount in the unit that people write it in."""
        if self.limit in ("active", "deadline"):
            return f"{amount / 1_000_000:g}s"
        return dollars(amount) if self.limit == "cost" else amount


class Ledger:
    """The books of one visit, all that happens below it included."""

    spent = NOTHING
    held = NOTHING
    """Reserved and not yet settled."""
    allowance = NOTHING
    """What was set aside for it above; of these amounts nothing below asks there again, of others it does."""
    lifted = False
    """True once its limits have tripped and somebody cheaper works in its place."""
    shut = False
    """True once everything below is being stopped: nothing new begins."""
    on_refused: Callable[[Refusal], None] | None = None
    kept = NOTHING
    """What is kept back here and below, for somebody who comes last: nobody else has it."""
    own_kept = NOTHING
    """Of that, what this visit itself keeps back."""
    had = NOTHING
    """What is kept back above for this visit, as it was at its beginning."""
    gives_way = False
    """True when this visit ends where a limit above has no room, in place of what that limit ends."""
    ends: str | None = None
    """How its limits end the work: `stop` or `escalate`; None where somebody is asked or takes over."""
    mark = NOTHING
    """What was spent at the last look."""
    most = NOTHING
    """The most that was spent and reserved at a time since then; kept where it is watched."""

    def __init__(self, above: Ledger | None) -> None:
        self.above = above
        self.watched = above is not None and above.watched
        """True where somebody looks ahead, here or above."""

    @cached_property
    def limits(self) -> dict[str, int]:
        """Limits by name of the amount; most visits have none."""
        return {}

    @cached_property
    def waiting(self) -> list[tuple[Branch, asyncio.Future[None]]]:
        """Who waits for room."""
        return []

    # -- asking ---------------------------------------------------------------------------------------

    def free(self, name: str) -> int:
        """Give how much of a limited amount is free; below 0 when it was overspent, or more is kept back."""
        taken = getattr(self.spent, name) + getattr(self.held, name) + getattr(self.kept, name)
        return self.limits[name] - taken

    def left(self, name: str) -> int | None:
        """Give how much of an amount may be spent here by every limit that holds; None where none does."""
        ledger: Ledger | None = self
        least: int | None = None
        while ledger is not None:
            if name in ledger.limits and not ledger.lifted:
                least = ledger.free(name) if least is None else min(least, ledger.free(name))
            ledger = None if getattr(ledger.allowance, name) else ledger.above
        return least

    @property
    def limited(self) -> bool:
        """True when any amount is limited here or above."""
        return bool(self.limits) or (self.above is not None and self.above.limited)

    def counts(self, name: str) -> bool:
        """Tell whether an amount is limited here or above."""
        return name in self.limits or (self.above is not None and self.above.counts(name))

    def lacks(self, asked: Spending, at: str) -> Refusal | None:
        """Give the limit of this ledger that has no room for so much, if any has none."""
        if not self.limits or self.lifted:
            return None
        for name, amount in zip(AMOUNTS, asked.amounts, strict=True):
            if amount and name in self.limits and amount > self.free(name):
                return Refusal(name, self.limits[name], amount, self.free(name), at)
        return None

    def stands_against(self, asked: Spending, at: str) -> tuple[Ledger, Refusal | None] | None:
        """Give the nearest ledger that has no room, and why; None when there is room everywhere.

        Where that would end the work, and somebody below is to give way, it is the nearest who is.
        """
        ledger: Ledger | None = self
        gives_way: Ledger | None = None
        while ledger is not None:
            refusal = ledger.lacks(asked, at)
            if ledger.shut or refusal is not None:
                ends = refusal is not None and not ledger.shut and ledger.ends is not None
                return (gives_way if ends and gives_way is not None else ledger), refusal
            if ledger.gives_way and gives_way is None:
                gives_way = ledger
            if ledger.had:
                asked = asked.less(ledger.kept_above)
            asked = asked.beyond(ledger.allowance)
            ledger = ledger.above
        return None

    async def room(self, asked: Spending, at: str, turnstile: Turnstile, branch: Branch) -> None:
        """Wait until there is room for so much; where a limit ends the work instead, never return.

        What follows in the same step finds the room that was there.
        """
        while (found := self.stands_against(asked, at)) is not None:
            ledger, refusal = found
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            ledger.waiting.append((branch, future))
            if refusal is not None and ledger.on_refused is not None:
                if ledger.gives_way:
                    ledger.note_refused(asked)
                ledger.on_refused(refusal)
            await turnstile.wait(branch, future)

    def wake(self, turnstile: Turnstile) -> None:
        """Let everyone who waits for room look again."""
        waiting, self.waiting = self.waiting, []
        for branch, future in waiting:
            turnstile.resume(branch, future)

    # -- keeping the books ----------------------------------------------------------------------------

    def hold(self, amounts: Spending) -> None:
        """Reserve, here and above."""
        ledger: Ledger | None = self
        while ledger is not None and amounts:
            ledger.held += amounts
            ledger.note_most(ledger.spent + ledger.held)
            ledger.leave()
            amounts = amounts.beyond(ledger.allowance)
            ledger = ledger.above

    def settle(self, held: Spending, spent: Spending) -> None:
        """Turn what was reserved into what was spent, here and above."""
        ledger: Ledger | None = self
        while ledger is not None and (held or spent):
            ledger.held -= held
            ledger.spent += spent
            ledger.note_most(ledger.spent + ledger.held)
            ledger.leave()
            held, spent = held.beyond(ledger.allowance), spent.beyond(ledger.allowance)
            ledger = ledger.above

    def add(self, spent: Spending, most: Spending = NOTHING) -> None:
        """Count what was spent, here and above; `most` was reserved meanwhile, at a time."""
        ledger: Ledger | None = self
        while most and ledger is not None and ledger.watched:
            ledger.note_most(ledger.spent + ledger.held + most)
            ledger = ledger.above
        self.settle(NOTHING, spent)

    def note_most(self, amounts: Spending) -> None:
        """Keep in mind what was spent and reserved at a time."""
        if self.watched:
            self.most = self.most.or_more(amounts)

    def watch(self) -> Spending:
        """Begin to watch anew, and give the most that was needed at a time since it was begun before."""
        needed = self.most - self.mark if self.watched else NOTHING
        self.watched, self.mark, self.most = True, self.spent, self.spent + self.held
        return needed

    def keep(self, amounts: Spending) -> None:
        """Keep so much back, here and above, for somebody who comes last; no longer what was kept before."""
        if amounts is self.own_kept:  # nothing, at nearly every visit
            return
        more = amounts - self.own_kept
        self.own_kept = amounts
        ledger: Ledger | None = self
        while ledger is not None and more:
            ledger.kept += more
            more = more.beyond(ledger.allowance)
            ledger = ledger.above

    @property
    def kept_above(self) -> Spending:
        """What the visit above keeps back."""
        assert self.above is not None, "the root is called by nobody"
        return self.above.own_kept

    def have(self) -> None:
        """Let this visit have what is kept back above, as much of it as it needs at a time."""
        self.had = self.kept_above

    def leave(self) -> None:
        """Let what is kept back for this visit be what it may still need of it."""
        if self.had:
            assert self.above is not None, "somebody has kept it back"
            self.above.keep(self.had.less(self.spent + self.held))

    def note_refused(self, asked: Spending) -> None:
        """Keep in mind what there was no room for: whoever looks ahead above knows that it was needed."""
        ledger: Ledger | None = self
        while ledger is not None and ledger.watched:
            ledger.note_most(ledger.spent + ledger.held + asked)
            ledger = ledger.above

    def set_aside(self, amounts: Spending) -> None:
        """Reserve an allowance above; of its amounts, what is below is checked against it alone."""
        assert self.above is not None, "the root has no limits"
        self.above.hold(amounts)
        self.allowance = amounts

    def give_back(self) -> None:
        """Return what is left of an allowance, and count above what was spent of it."""
        if self.allowance:
            assert self.above is not None, "it was set aside above"
            told = self.spent.beyond(self.allowance)
            self.above.settle(self.allowance, self.spent - told)
            self.allowance = NOTHING


def most(tool: ToolLike, arguments: Value) -> Spending:
    """Give the most that a call can cost, as its tool declares."""
    if getattr(tool, "cost", None) is None:  # of every call: looking at a protocol costs twenty times as much
        return NOTHING
    once = cast("Costly", tool).maximum(arguments.decode())
    guard = getattr(tool, "resilience", None)
    return once if guard is None else once.times(guard.copies)


class Reservation:
    """What one effect has reserved, through all its attempts."""

    __slots__ = ("_ledger", "held", "told")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.held: Spending | None = None
        """None while nothing is claimed."""
        self.told: Spending | None = None
        """What the tool has told of the attempt under way."""

    def take(self, amounts: Spending) -> None:
        """Reserve for an attempt; one that repeats a call in doubt goes on with what that one had."""
        if self.held is None:
            self._ledger.hold(amounts)
            self.held = amounts

    def settle(self, spent: Spending) -> None:
        """Count what an attempt has cost, and give the rest back."""
        self._ledger.settle(self.held or NOTHING, spent)
        self.held = self.told = None
