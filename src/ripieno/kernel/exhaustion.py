"""What a limit that trips leads to: the decision as it is recorded, and what a person may grant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ripieno.kernel.clock import MICROSECONDS
from ripieno.kernel.ledger import Refusal
from ripieno.kernel.results import outcome_body, outcome_from
from ripieno.model.durations import seconds
from ripieno.model.event import Event, Json
from ripieno.model.limits import Ask, Degrade, Limits
from ripieno.model.outcome import Outcome
from ripieno.model.participant import Question
from ripieno.model.spending import micros
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution

__all__ = ["Decision", "asked_for_more", "granted", "measured"]

TIMES: Final = ("active", "deadline")
MONEY: Final = {"type": "string", "pattern": r"^\d{1,9}(\.\d{1,6})?$", "description": "US dollars"}
TIME: Final = {"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$", "description": "such as 30m"}
NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
WORDS: Final = {"model_calls": "model calls", "cost": "US dollars"}


@dataclass(frozen=True, slots=True)
class Decision:
    """Which limit tripped, what is done about it, and the best result so far."""

    refusal: Refusal
    chosen: str
    """`stop`, `escalate`, `ask ROLE` or `degrade to NAME`."""
    best: Outcome | None

    @property
    def asks(self) -> bool:
        """True when a person is asked, and the work is not over."""
        return self.chosen.startswith("ask ")

    def body(
        self, execution: Execution, limits: Limits, payloads: list[tuple[bytes, bytes]]
    ) -> dict[str, Json]:
        """Give it as it stands in a choice."""
        refusal = self.refusal
        body: dict[str, Json] = {
            "what": "budget",
            "chosen": self.chosen,
            "offered": offered(limits, self.chosen),
            "because": execution.keep(execution.value(refusal.because()), payloads),
            "limit": refusal.limit,
            "of": refusal.of,
            "asked": refusal.asked,
            "left": refusal.left,
            "at": refusal.at,
        }
        if self.best is not None:
            body["outcome"] = outcome_body(execution, self.best, payloads)
        return body

    @classmethod
    def read(cls, event: Event, stored: Callable[[str], Value]) -> Decision:
        """Read a recorded choice."""
        body = event.body
        refusal = Refusal(body["limit"], body["of"], body["asked"], body["left"], body["at"])
        best = outcome_from(body["outcome"], event.seq, stored) if "outcome" in body else None
        return cls(refusal, body["chosen"], best)

    def outcome(self) -> Outcome:
        """Give what the limited visit ends in: never a success."""
        status = "escalated" if self.chosen == "escalate" else "partial"
        output, evidence, _ = (None, (), None) if self.best is None else self.best.parts
        return Outcome(status, output, evidence=evidence, reason=self.reason)

    @property
    def reason(self) -> str:
        """Why it ended, in a sentence."""
        refusal = self.refusal
        if refusal.limit == "deadline":
            return f"not done within the deadline of {refusal.of / MICROSECONDS:g} s"
        if refusal.limit == "active":
            return f"stopped at its limit of {refusal.of / MICROSECONDS:g} s of active time"
        amount = WORDS.get(refusal.limit, refusal.limit)
        return (
            f"stopped at its limit of {refusal.said(refusal.of)} {amount}:"
            f" {refusal.said(refusal.asked)} asked for by {refusal.at}, {refusal.said(refusal.left)} left"
        )


def offered(limits: Limits, chosen: str) -> list[Json]:
    """Give what could have been chosen."""
    rule = limits.on_exhausted
    declared = f"ask {rule.role}" if isinstance(rule, Ask) else None
    if isinstance(rule, Degrade):
        declared = f"degrade to {rule.to.name}"
    return list(dict.fromkeys(name for name in (declared, chosen) if name is not None))


def asked_for_more(rule: Ask, refusal: Refusal, limits: Limits, name: str) -> Question:
    """Give the question by which a person grants more, or does not."""
    amounts: dict[str, Any] = {
        other: NUMBER for other in ("model_calls", "tokens", "handoffs", "rounds") if other in limits.amounts
    }
    if limits.cost_usd is not None:
        amounts["cost_usd"] = MONEY
    amounts |= {other: TIME for other in TIMES if getattr(limits, other) is not None}
    form = {
        "type": "object",
        "title": "Grant more?",
        "properties": {
            "proceed": {"type": "boolean", "description": "whether more is granted"},
            "grant": {
                "type": "object",
                "description": "how much more; as much again of what is used up when left out",
                "properties": amounts,
                "additionalProperties": False,
            },
        },
        "required": ["proceed"],
        "additionalProperties": False,
    }
    amount = {"active": "active time", "deadline": "time"}.get(refusal.limit, refusal.limit)
    return Question(
        role=rule.role,
        title=f"{name} has used up its {WORDS.get(amount, amount)}: grant more?",
        form=form,
        about=refusal.because(),
        due=None if rule.due is None else seconds(rule.due),
    )


def granted(said: Any, refusal: Refusal) -> Mapping[str, int] | None:
    """Give what a person granted, by limit; None when it was refused."""
    if not said["proceed"]:
        return None
    more = {name: measured(name, amount) for name, amount in said.get("grant", {}).items()}
    again = {refusal.limit: max(refusal.of, refusal.asked - refusal.left)}
    return {("cost" if name == "cost_usd" else name): amount for name, amount in (more or again).items()}


def measured(name: str, value: Any) -> int:
    """Give the value of a limit as the kernel counts it; raises `RipienoError` when it is none."""
    if name in TIMES:
        return int(seconds(value) * MICROSECONDS)
    return micros(value) if name == "cost_usd" else int(value)
