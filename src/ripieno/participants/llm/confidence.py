"""How sure an agent is: what it says itself, how often repeated samples agree, or what a judge says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from ripieno.model.errors import DefinitionError
from ripieno.model.event import Json
from ripieno.model.outcome import Confidence, Outcome
from ripieno.model.value import encode, normal
from ripieno.participants.base import BaseParticipant

__all__ = ["SELF", "ConfidenceRule", "Judged", "Samples", "agreement", "judged_by", "samples", "sure_of"]

SELF: Final = "self"
FEWEST_SAMPLES: Final = 2
MOST_SAMPLES: Final = 20


@dataclass(frozen=True, slots=True)
class Samples:
    """The agent is asked several times over; how sure it is, is how many of them agree."""

    count: int

    def __post_init__(self) -> None:
        if not FEWEST_SAMPLES <= self.count <= MOST_SAMPLES:
            msg = f"confidence by agreement needs 2 to {MOST_SAMPLES} samples, got {self.count!r}"
            raise DefinitionError(msg)


@dataclass(frozen=True, slots=True)
class Judged:
    """Another participant says how sure one may be."""

    by: BaseParticipant


ConfidenceRule = Literal["self"] | Samples | Judged
"""`self`: the agent says it in its answer."""


def samples(count: int) -> Samples:
    """Be as sure as `count` samples of an answer agree, asked side by side; the commonest is the answer."""
    return Samples(count)


def judged_by(judge: BaseParticipant) -> Judged:
    """Be as sure as a judge says.

    It sees what the agent saw, and its answer under the agent's name. It says it by the confidence of its
    outcome, or by an output that is a number from 0 to 1, or has one in the field `confidence`.
    """
    return Judged(judge)


def described(rule: Samples | Judged | str) -> Json:
    """Give a rule as a definition holds it."""
    if isinstance(rule, Samples):
        return {"samples": rule.count}
    return {"judge": rule.by.name} if isinstance(rule, Judged) else rule


def agreement(outcomes: Sequence[Outcome], count: int) -> Outcome:
    """Give the commonest answer, the first of them among equals, with the share of all samples it is."""
    answers = [one for one in outcomes if one.ok]
    if not answers:
        return outcomes[0]
    texts = [encode(normal(one.output)) for one in answers]
    commonest, often = Counter(texts).most_common(1)[0]
    chosen = answers[texts.index(commonest)]
    sure = Confidence(often / count, f"agreement of {count} samples")
    return Outcome(
        "complete", chosen.parts[0], confidence=sure, evidence=chosen.parts[1], reason=chosen.parts[2]
    )


def sure_of(said: Outcome, judge: str) -> Confidence | None:
    """Give how sure a judge is; None where it did not say."""
    method = f"judged by {judge}"
    if not said.ok:
        return None
    output: Any = said.output
    found = cast("dict[str, Any]", output).get("confidence") if isinstance(output, dict) else output
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found <= 1:
        return Confidence(float(found), method)
    return None if said.confidence is None else Confidence(said.confidence.value, method)
