"""What passes between the kernel and a store: drafts of events, leases, rows and messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from ripieno.journal.budgets import Bill, Short
from ripieno.journal.deployments import Stage
from ripieno.journal.keys import StreamKey
from ripieno.model.errors import StoreError
from ripieno.model.event import Json, Kind, encoded
from ripieno.model.mode import Mode
from ripieno.model.runaway import CallRate

__all__ = [
    "ENDED",
    "OF_A_TASK",
    "CallChange",
    "Change",
    "ClaimChange",
    "CloseChange",
    "Draft",
    "DraftState",
    "DrainRow",
    "EndChange",
    "Lease",
    "Message",
    "MessageKind",
    "ModeRow",
    "NewRun",
    "QuestionChange",
    "QuestionRow",
    "QuestionState",
    "RunFilter",
    "RunRow",
    "RunStatus",
    "SegmentChange",
    "Told",
    "VersionRow",
    "needed_digest",
    "why_closed",
]

RunStatus = Literal[
    "running",
    "waiting",
    "paused",
    "stopped",
    "needs_version",
    "blocked",
    "complete",
    "partial",
    "escalated",
    "failed",
    "cancelled",
]
ENDED: frozenset[str] = frozenset({"complete", "partial", "escalated", "failed", "cancelled"})

QuestionState = Literal["open", "answered", "expired", "closed"]
MessageKind = Literal[
    "answer",
    "timer",
    "cancel",
    "resume",
    "pause",
    "continue",
    "skip",
    "limit",
    "mode",
    "signal",
    # of a task, short of its answer
    "claim",
    "release",
    "reassign",
    "delegate",
    "comment",
    "reminded",
    # of a child run, at its end
    "child",
]
OF_A_TASK: frozenset[str] = frozenset({"claim", "release", "reassign", "delegate", "comment", "reminded"})
"""Messages that change whom a task is with, or what is known of it; they wake nobody."""
DraftState = Literal["pending", "written", "bounced", "lost"]


@dataclass(slots=True, eq=False)
class Lease:
    """One process's ownership of one run, under one epoch."""

    run: str
    stream: bytes
    epoch: int
    key: StreamKey
    head_seq: int
    """Last sequence number on disk; only the store's writer touches it."""
    head_hash: str
    """Hash of that event; only the store's writer touches it."""
    lost: bool = False
    """True once it was given up, or an append refused: another owner took over, or the store failed."""
    failure: StoreError | None = None
    """How the store failed, where that is why the lease was lost."""
    asked: bool = True
    """False while the run is known to have asked nothing."""
    stored: set[str] = field(default_factory=set[str])
    """Commitments of the values that this owner has already handed to the store, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """A wait begins: a row by which it can be found, answered and timed."""

    id: str
    kind: Literal["task", "uncertain", "timer", "child"]
    role: str | None
    content: str | None
    """Commitment of title, form, evidence."""
    due_at: int | None
    person: str | None = None
    reminders: tuple[int, ...] = ()
    """When people are reminded, in order."""


@dataclass(frozen=True, slots=True)
class CloseChange:
    """Waits at or under a path are over because nobody needs them any more."""

    prefix: str


@dataclass(frozen=True, slots=True)
class ClaimChange:
    """A claim, unique by run, path and attempt; a second one is refused by the table itself."""

    attempt: int
    tool: str | None = None
    """By which runs are found whose call of it is in doubt."""
    rate: CallRate | None = None
    """How often the run's principal may call it."""


@dataclass(frozen=True, slots=True)
class CallChange:
    """A call failed or is in doubt, or is known now to have taken effect after all: a row to find it by."""

    tool: str
    failed: Literal["failed", "uncertain"] | None


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """From where replay may start: everything after `after`, and before it only `needed`."""

    after: int
    needed: tuple[int, ...]

    @property
    def stored(self) -> str:
        """Give what is needed as the run's row has it."""
        return json.dumps(self.needed)

    def document(self) -> dict[str, Json]:
        """Give it as a segment says it, so that the row can be verified."""
        return {"after": self.after, "needed": needed_digest(self.stored)}


def needed_digest(stored: str) -> str:
    """Give by what a segment names the events that replay needs; shorter than the commitment of a value."""
    return hashlib.sha256(stored.encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Told:
    """The last words of a child run, for its parent's inbox; dropped when nobody waits for them there."""

    message: Message
    stream: bytes
    """The parent's."""
    commitment: bytes
    sealed: bytes
    """What was said, encrypted under the parent's key."""
    mac: bytes
    """The message's code under that key; see `ripieno.journal.vouched`."""


@dataclass(frozen=True, slots=True)
class EndChange:
    """The run has ended."""

    status: RunStatus
    told: Told | None = None
    """What its parent is told in the same commit."""


Change = QuestionChange | CloseChange | ClaimChange | CallChange | SegmentChange | EndChange


class Draft:
    """An event on its way to disk. The writer gives it its place in the chain.

    Raises `TypeError` or `UnicodeError` when its body or path breaks the envelope rule: whoever made
    it hears of it at once, and no other run suffers from it.
    """

    seq: int = 0
    """Its place in the chain, known once it is written."""
    state: DraftState = "pending"
    bill: Bill | None = None
    """What it does to the books of monthly budgets."""
    short: Short | None = None
    """The budget that had no room for it, where it bounced for that."""
    too_fast: bool = False
    """True when it bounced as its tool was called more often than it may be."""
    under: tuple[str, int] | None = None
    """For what rights let happen: the tenant, and the last event of its stream that was known then."""
    outdated: bool = False
    """True when it bounced as those rights may have changed since."""
    followed: bool = False
    """True for what another event of its run is about to follow, so that both can go to disk together."""

    def __init__(  # noqa: PLR0917 - made of every step: by place is faster than by name
        self,
        lease: Lease,
        at: int,
        kind: Kind,
        path: str,
        body: Mapping[str, Json],
        payloads: tuple[tuple[bytes, bytes], ...] = (),
        change: Change | None = None,
        if_seen: int | None = None,
    ) -> None:
        """`if_seen`, for claims: written only while the inbox holds nothing beyond this count."""
        path.encode()
        self.lease = lease
        self.at = at
        self.kind: Kind = kind
        self.path = path
        self.encoded = encoded(body)
        self.payloads = payloads
        """Pairs of commitment and encoded value that go to disk with it."""
        self.change = change
        self.if_seen = if_seen


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run about to be created, with what its first event says."""

    id: str
    tenant: str
    workflow: str
    version: str
    principal: str
    key: str | None
    requested_at: int
    parent: str | None = None
    again: bool = False
    """True for a run that may have been created under its id already: then that one is given."""
    owed: bool = False
    """True for one that only takes back what another did: it is created though its workflow is drained."""
    stage: Stage | None = None
    """By which stage its version was chosen; None where the version itself was given."""
    under: tuple[str, int] | None = None
    """Tenant and number of the event up to which its rights were known when it was let begin; None where
    they were looked up then. It is not created where they have changed since."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the tables show it; derived from its events but for ownership and inbox counts."""

    id: str
    tenant: str
    workflow: str
    version: str
    principal: str
    key: str | None
    status: RunStatus
    parent: str | None
    requested_at: int
    updated_at: int
    ended_at: int | None
    owner: str | None
    epoch: int
    wanted: int
    seen: int
    head_seq: int
    head_hash: str
    detail: str | None
    """Why it is blocked, stopped or needs a version."""

    @property
    def ended(self) -> bool:
        """True when nothing can happen in it any more."""
        return self.status in ENDED

    @property
    def going(self) -> bool:
        """True while somebody is, or should be, at work on it; paused or blocked, what came in can wait."""
        if self.status in ("paused", "blocked"):
            return False
        return self.status == "running" or self.wanted != self.seen


def why_closed(number: int, state: QuestionState, by: str | None, at: int | None, behalf: str | None) -> str:
    """Say why a question takes no answer any more: who was first and when, or since when it is too late."""
    when = "" if at is None else f"{datetime.fromtimestamp(at / 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
    if state == "answered":
        whom = f" for {behalf}" if behalf else ""
        return f"t-{number} was already answered by {by}{whom}, {when}"
    if state == "expired":
        return f"t-{number} has expired: its time was over {when}"
    return f"t-{number} is no longer asked: its run went on without it"


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A wait as the tables show it."""

    number: int
    """What people call it by: `t-58`."""
    id: str
    run: str
    path: str
    kind: Literal["task", "uncertain", "timer", "child"]
    role: str | None
    content: str | None
    asked_at: int
    due_at: int | None
    state: QuestionState
    answered_by: str | None
    answered_at: int | None
    person: str | None = None
    """The one principal that it is for, such as `person:ada`; before the role, where it has one as well."""
    claimed_by: str | None = None
    claimed_at: int | None = None
    delegated_by: str | None = None
    """Who gave it to `person`, and answers for it still."""
    answered_for: str | None = None
    """For whom it was answered: who delegated it, or was away."""
    revision: int = 0
    """Counts the changes of whom it is with; a change names the one that it starts from."""
    remind_at: int | None = None
    reminded: int = 0
    """How often people were reminded of it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What someone other than the owner has to say to a run."""

    id: str
    """Unique; a message delivered twice is folded once."""
    run: str
    kind: MessageKind
    by: str
    at: int
    question: str | None = None
    """Id of the question that it answers."""
    path: str = ""
    """Path of that question."""
    content: str | None = None
    """Commitment of what was said."""
    seq: int = 0
    """Where it was folded into the chain."""
    target: str | None = None
    """Whom it concerns beside its sender: who gets the task, who is reminded, for whom it is answered."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A registered version of a workflow and where its code is found."""

    version: str
    tenant: str
    workflow: str
    source: str
    """What loads it again: a file, or `module:attribute`."""
    pins: str
    """JSON of the definition's digest and each participant's declared version and source digest."""
    registered_at: int
    about: str = "{}"
    """JSON of what it declares for the inventory; empty where it was registered before there was one."""


@dataclass(frozen=True, slots=True)
class DrainRow:
    """A workflow of which no new run starts: since when, by whom and why."""

    workflow: str
    by: str
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class ModeRow:
    """The mode that is set for a participant of a workflow's version."""

    participant: str
    mode: Mode
    by: str
    """The principal's id."""
    event: int
    """Where the tenant's stream says so, with the reason."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list, newest first."""

    tenant: str = "default"
    statuses: tuple[RunStatus, ...] = ()
    workflow: str | None = None
    key: str | None = None
    since: int | None = None
    until: int | None = None
    limit: int = 50
    before: str | None = None
    """Id of the last run of the page before."""
    failed_tool: str | None = None
    """Only runs in which a call of this tool failed, or is in doubt; `since` and `until` are then about the
    call and not about the request."""
    waiting_for: str | None = None
    """Only runs that wait for somebody with this role."""
