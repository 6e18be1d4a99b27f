"""How everything that acts ends: one `Outcome` for functions, people, agents and patterns alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

from ripieno.model.errors import InputError
from ripieno.model.failure import Failure
from ripieno.model.value import Value

__all__ = ["Confidence", "Evidence", "Outcome", "Status"]

Status = Literal["complete", "partial", "escalated", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure a participant is, and how it knows."""

    value: float
    """In [0, 1]."""
    method: str
    """How the value came about, such as `rule coverage`, `self-reported`, `decided by person:ada`."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.value <= 1.0:
            msg = f"confidence must be in [0, 1], got {self.value!r}"
            raise InputError(msg)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing a conclusion rests on."""

    claim: str
    """What it shows, in a sentence a person can judge."""
    reference: str
    """Where it stands: a FHIR reference, a URL, a citation, a path in the input."""
    detail: str | None = None
    """The decisive words or value, where they help a person to decide."""


class Outcome:
    """What a participant, a pattern or a run ended in.

    A limit that trips is never an exception and never success: it is `partial` (the best output
    so far) or `escalated`. Absent confidence counts as below any threshold.

    `output`, `evidence` and `reason` may be given as recorded values; they are decoded when read,
    a fresh copy each time.
    """

    __slots__ = ("confidence", "failure", "parts", "seq", "status")

    parts: tuple[Any, Sequence[Evidence] | Value, str | Value | None]
    """Output, evidence and reason as they are held, recorded values not decoded."""

    def __init__(
        self,
        status: Status,
        output: Any = None,
        *,
        confidence: Confidence | None = None,
        evidence: Sequence[Evidence] | Value = (),
        reason: str | Value | None = None,
        seq: int | None = None,
        failure: Failure | None = None,
    ) -> None:
        self.status: Status = status
        self.confidence = confidence
        self.failure: Failure | None = failure
        """The class of what it failed for, where that is known."""
        self.seq = seq
        """Where it stands in the journal; None while it is not recorded."""
        self.parts = (output, evidence, reason)

    def itself(self) -> Outcome:
        """Give this outcome; where a function that gives one is asked for."""
        return self

    @property
    def output(self) -> Any:
        """The result itself: plain JSON values once recorded."""
        output = self.parts[0]
        return output.decode() if isinstance(output, Value) else output

    @property
    def evidence(self) -> Sequence[Evidence]:
        """What the result rests on."""
        evidence = self.parts[1]
        if isinstance(evidence, Value):
            return tuple(Evidence(**cast("dict[str, str]", item)) for item in evidence.decode())
        return evidence

    @property
    def reason(self) -> str | None:
        """Why it ended as it did, for a person; given for every status but `complete`."""
        reason = self.parts[2]
        return cast("str", reason.decode()) if isinstance(reason, Value) else reason

    @property
    def ok(self) -> bool:
        """True when the work was done in full."""
        return self.status == "complete"

    def below(self, threshold: float) -> bool:
        """Tell whether confidence is under `threshold`; absent confidence always is."""
        return self.confidence is None or self.confidence.value < threshold

    def document(self) -> dict[str, Any]:
        """Give the outcome as plain data, for people and programs outside."""
        confidence = self.confidence
        document = {
            "status": self.status,
            "output": self.output,
            "confidence": None if confidence is None else asdict(confidence),
            "evidence": [asdict(item) for item in self.evidence],
            "reason": self.reason,
        }
        return document if self.failure is None else {**document, "failure": self.failure}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """Give the outcome that `document` described."""
        confidence = document["confidence"]
        return cls(
            document["status"],
            document["output"],
            confidence=None if confidence is None else Confidence(**confidence),
            evidence=[Evidence(**item) for item in document["evidence"]],
            reason=document["reason"],
            failure=document.get("failure"),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and self.document() == other.document()

    __hash__ = None  # pyright: ignore[reportAssignmentType] - outputs are not hashable

    def __repr__(self) -> str:
        return f"Outcome({self.status!r}, confidence={self.confidence!r}, reason={self.reason!r})"
