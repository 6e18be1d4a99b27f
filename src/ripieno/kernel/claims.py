"""A claim and how it ended, as they stand in the journal."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ripieno.journal.records import Lease
from ripieno.kernel.clock import moment
from ripieno.kernel.covering import redacted
from ripieno.model.action import Call
from ripieno.model.decimals import decimal
from ripieno.model.event import Event, Json
from ripieno.model.failure import Failure
from ripieno.model.participant import ToolLike
from ripieno.model.provenance import Label
from ripieno.model.spending import NOTHING, Spending
from ripieno.model.tool import act_of
from ripieno.model.value import Value

__all__ = ["Claim", "Ending", "idempotency_key"]

Status = Literal["done", "failed", "unsent", "again", "uncertain"]
"""`unsent`: it did not take effect and was not refused either. `again`: repeat under the same key.
`uncertain`: it ended in an error that leaves open whether it took effect; another result follows."""

How = Literal["called", "verified", "person", "deadline", "lease", "unready", "withdrawn", "key", "lost"]
"""By what it is known. `unready`: what the call needs could not be had, so that nothing was sent. `lease`:
the process was held up, and another one could have taken over its run meanwhile. `lost`:
what a model said is known to nobody, and nothing but its price hangs on that: it is asked anew."""


def idempotency_key(lease: Lease, path: str, attempt: int) -> str:
    """Give the key of an attempt at an effect: the same wherever and whenever it is made in its run."""
    return lease.key.derive(f"idempotency {path} {attempt}").hex()[:40]


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one effect."""

    path: str
    attempt: int
    """Counted from 1."""
    tool: str
    arguments: str
    """Commitment of the arguments."""
    key: str
    """Idempotency key; the next attempt has the same one unless this one definitely failed."""
    deadline: int
    """Microseconds; after it nothing is sent."""
    first_at: int
    """Microseconds; when the key was first used."""
    approved: tuple[str, ...] = ()
    """Who approved exactly these arguments."""
    reserved: Spending = NOTHING
    """The most that the call can cost."""
    restored: str | None = None
    """The restore that lost whether it was made before; it is found out before anything is sent."""
    at: int = 0
    """Microseconds; when it was claimed."""

    def body(self, tool: ToolLike) -> dict[str, Json]:
        """Give the claim as it stands in an intent."""
        body: dict[str, Json] = {
            "attempt": self.attempt,
            "tool": self.tool,
            "version": tool.version,
            "effect": tool.effect,
            "arguments": self.arguments,
            "key": self.key,
            "deadline": self.deadline,
            "first": self.first_at,
            "on_uncertain": tool.on_uncertain,
        }
        if (act := act_of(tool)) != "tool.call":
            body["act"] = act
        if self.approved:
            body["approved"] = list(self.approved)
        if tool.undo is not None:
            body["undo"] = tool.undo.reference
        if getattr(tool, "ongoing", False):
            body["ongoing"] = True
        if self.reserved:
            body["reserved"] = self.reserved.document()
        if self.restored is not None:
            body["restored"] = self.restored
        return body

    @classmethod
    def read(cls, intent: Event) -> Claim:
        """Read a claim from its intent."""
        body = intent.body
        return cls(
            intent.path,
            body["attempt"],
            body["tool"],
            body["arguments"],
            body["key"],
            body["deadline"],
            body["first"],
            reserved=Spending.read(body.get("reserved", {})),
            restored=body.get("restored"),
            at=intent.at,
        )

    def call(self, run: str, tenant: str, *, owed: bool = False) -> Call:
        """Give what the tool is told about the call."""
        return Call(self.key, run, self.path, self.attempt, moment(self.deadline), owed, tenant)


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    status: Status
    how: How
    output: Value | None = None
    error: Value | None = None
    by: str | None = None
    """The person who found out."""
    retry_at: int | None = None
    """Microseconds; not before."""
    spent: Spending | None = None
    """What it has cost; None while that is not known."""
    failure: Failure | None = None
    """The class of what it failed for, where that is known."""
    retry_after: float | None = None
    """Seconds for which the other side asked not to be called again."""
    final: bool = False
    """True where no attempt follows, though some are left."""
    noted: Mapping[str, Json] | None = None
    """What the tool has told of the call beside its result."""

    label: Label | None = None
    """What the tool has told of where its result comes from."""

    def body(self, attempt: int, keep: Callable[[Value], str]) -> dict[str, Json]:
        """Give the ending as it stands in a result."""
        body: dict[str, Json] = {"attempt": attempt, "status": self.status, "how": self.how}
        if self.output is not None:
            body["output"] = keep(self.output)
        if self.error is not None:
            body["error"] = keep(self.error)
        if self.by is not None:
            body["by"] = self.by
        if self.retry_at is not None:
            body["retry_at"] = self.retry_at
        if self.spent:
            body["spent"] = self.spent.document()
        if self.failure is not None:
            body["failure"] = self.failure
        if self.retry_after is not None:
            body["retry_after"] = decimal(self.retry_after)
        if self.noted:
            body["noted"] = self.noted
        if self.final:
            body["final"] = True
        return {**body, **redacted(self.output, self.error)}

    @property
    def known(self) -> bool:
        """True when the other system or a person told it, and not merely that nothing was sent this time."""
        return self.status in ("done", "failed") or self.how in ("verified", "person")

    @property
    def postponed(self) -> bool:
        """True when nothing was sent as it was too late, or what the call needs could not be had."""
        return self.status == "unsent" and self.how in ("deadline", "lease", "unready")

    @classmethod
    def read(cls, result: Event, stored: Callable[[str], Value]) -> Ending:
        """Read an ending from its result."""
        body = result.body
        return cls(
            body["status"],
            body["how"],
            stored(body["output"]) if "output" in body else None,
            stored(body["error"]) if "error" in body else None,
            body.get("by"),
            body.get("retry_at"),
            Spending.read(body["spent"]) if "spent" in body else None,
            body.get("failure"),
            float(body["retry_after"]) if "retry_after" in body else None,
            body.get("final", False),
        )

    def later(self, retry_at: int) -> Ending:
        """Give the same ending, not to be tried again before a time."""
        return dataclasses.replace(self, retry_at=retry_at)

    def costing(self, spent: Spending) -> Ending:
        """Give the same ending with what it has cost."""
        return dataclasses.replace(self, spent=spent)

    def reason(self) -> str:
        """Say why it was not done; without an error it was too late each time."""
        if self.error is not None:
            return str(self.error.decode())
        if self.how == "lease":
            return "not sent, this process was held up each time for longer than its lease"
        return "not sent, its deadline had passed each time; is the clock right?"
