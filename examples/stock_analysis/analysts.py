"""Four analysts who look at a stock from four sides: rules over numbers and words, no model."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean
from typing import Any

from ripieno import Confidence, Evidence, Outcome, function

GOOD = {"beats", "growth", "raises", "record", "strong", "upgrade", "wins"}
BAD = {"cuts", "downgrade", "lawsuit", "misses", "recall", "warns", "weak"}
CLEAR = 0.2
"""A score beyond this, up or down, is advice to buy or to sell."""

OVERBOUGHT = 80
"""A relative strength above this tempers a rise."""


def opinion(score: float, why: str, where: str) -> Outcome:
    """Give an opinion for a score from -1, which says sell, to 1, which says buy."""
    advice = "buy" if score > CLEAR else "sell" if score < -CLEAR else "hold"
    confidence = Confidence(min(1.0, 0.5 + abs(score) / 2), "distance from the threshold, by rule")
    return Outcome(
        "complete",
        {"advice": advice, "score": round(score, 2), "because": why},
        confidence=confidence,
        evidence=[Evidence(why, where)],
    )


@function(pure=True)
def fundamental(stock: dict[str, Any]) -> Outcome:
    """Compare price to earnings with the sector's, and look at growth and debt."""
    found = stock["fundamentals"]
    ratio = stock["closes"][-1] / found["earnings_per_share"]
    cheap = (found["sector_price_to_earnings"] - ratio) / found["sector_price_to_earnings"]
    score = max(-1.0, min(1.0, cheap + found["revenue_growth"] - max(0.0, found["debt_to_equity"] - 1.5)))
    sector = found["sector_price_to_earnings"]
    return opinion(score, f"{ratio:.1f} times earnings, {sector:g} in the sector", "input.fundamentals")


@function(pure=True)
def technical(stock: dict[str, Any]) -> Outcome:
    """Compare a short moving average with a long one, and temper it where the stock is overbought."""
    closes = stock["closes"]
    short, long = fmean(closes[-5:]), fmean(closes[-20:])
    trend = (short - long) / long * 10
    strength = relative_strength(closes[-15:])
    score = max(-1.0, min(1.0, trend - (0.5 if strength > OVERBOUGHT else 0)))
    return opinion(score, f"5 days at {short:.1f}, 20 days at {long:.1f}, RSI {strength:.0f}", "input.closes")


def relative_strength(closes: list[float]) -> float:
    """Give the relative strength index (Wilder, 1978) over the whole list, from 0 to 100."""
    changes = [after - before for before, after in pairwise(closes)]
    gains = sum(change for change in changes if change > 0)
    losses = -sum(change for change in changes if change < 0)
    return 100.0 if losses == 0 else 100 - 100 / (1 + gains / losses)


@function(pure=True)
def sentiment(stock: dict[str, Any]) -> Outcome:
    """Count the good and the bad words of the headlines."""
    words = [word.strip(".,").lower() for headline in stock["headlines"] for word in headline.split()]
    good, bad = sum(word in GOOD for word in words), sum(word in BAD for word in words)
    score = 0.0 if good + bad == 0 else (good - bad) / (good + bad)
    return opinion(score, f"{good} good words and {bad} bad ones", "input.headlines")


@function(pure=True)
def esg(stock: dict[str, Any]) -> Outcome:
    """Take the mean of three scores out of 100; each open controversy takes a fifth away."""
    found = stock["esg"]
    mean = fmean([found["environment"], found["social"], found["governance"]])
    score = max(-1.0, (mean - 50) / 50 - 0.2 * found["controversies"])
    return opinion(score, f"{mean:.0f} of 100, {found['controversies']} controversies", "input.esg")


@function(pure=True)
def advise(advice: dict[str, Any], committee: dict[str, Any] | None, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the name by which it receives the input
    """Say what is advised, and on whose word."""
    decided = advice if committee is None else committee
    by = "the analysts" if committee is None else "the committee"
    return {"symbol": input["symbol"], "advice": decided["advice"], "by": by}
