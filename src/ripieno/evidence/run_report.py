"""What an auditor asks about one run, answered from the log: who, for whom, by which policies, and what."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ripieno.evidence.outcomes import outcome_of
from ripieno.evidence.story import Story
from ripieno.evidence.telling import tell
from ripieno.evidence.undoings import take_in
from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.clock import moment
from ripieno.kernel.emergency import reason_in
from ripieno.model.errors import NotFoundError
from ripieno.model.event import Event
from ripieno.model.outcome import Outcome
from ripieno.model.value import decode

__all__ = ["Elsewhere", "RunReport", "newest_first", "report_run", "runs_named"]

PAGE: Final = 500
"""So many events of a tenant's stream are read at once."""

ABOUT: Final = ("what", "verb", "task", "agent", "workflow", "group", "team", "name", "id", "principal")
"""Where an event of a tenant's stream says what it is about, the most telling first."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An event of the tenant's log that is about a run: a look at its data, a command that was denied."""

    at: int
    """Microseconds since 1970."""
    kind: str
    by: str | None
    what: str
    """The command, such as `runs show`; of a denial, what was to be done."""
    reason: str | None = None
    policies: tuple[str, ...] = ()
    policy: str | None = None
    """Version of the policies that decided it."""


@dataclass(slots=True)
class RunReport:
    """Everything that the log tells an auditor of one run."""

    row: RunRow
    started: Mapping[str, Any]
    """The body of its first event."""
    about: Mapping[str, Any]
    """What its version declares: `owner`, `purpose`, `risk`, `data`, `policy`; empty where not known."""
    code: Mapping[str, str]
    """Identity of the code of each participant, by name."""
    story: Story
    outcome: Outcome | None
    """None while it has not ended."""
    elsewhere: Sequence[Elsewhere] = ()
    """What the tenant's log has of it, oldest first."""
    undone_by: Sequence[Mapping[str, Any]] = ()
    """Runs that took back what it did."""
    head: str = ""
    """Hash of its last event."""
    verdict: str = ""
    """What a verification of the whole log shows, in a line."""
    problems: Sequence[str] = field(default_factory=tuple[str, ...])
    """What it found."""
    inclusion: str | None = None
    """The proof that its last event is in what was signed, as C2SP writes it; None where nothing signed
    holds it yet."""

    @property
    def seen(self) -> list[Elsewhere]:
        """Who was shown what it holds."""
        return [one for one in self.elsewhere if one.kind == "data.read"]

    @property
    def policies(self) -> dict[str, dict[str, int]]:
        """How often each policy determined what happens, by version of the policies."""
        found: dict[str, dict[str, int]] = {}
        decided = [
            (self.started.get("policy"), self.started.get("policies", ())),
            *((step.policy, step.policies) for step in self.story.steps),
            *((effect.policy, effect.policies) for effect in self.story.effects),
            *((refused.policy, refused.policies) for refused in self.story.refused),
            *((one.policy, one.policies) for one in self.elsewhere),
        ]
        for version, policies in decided:
            for policy in policies:
                counts = found.setdefault(version or "", {})
                counts[policy] = counts.get(policy, 0) + 1
        return found

    def document(self) -> dict[str, Any]:
        """Give it as programs read it."""
        row, outcome = self.row, self.outcome
        return {
            "run_id": row.id,
            "workflow": row.workflow,
            "version": row.version,
            "key": row.key,
            "status": row.status,
            "reason": (outcome.reason if outcome else row.detail) or None,
            "principal": row.principal,
            "tenant": row.tenant,
            "parent": row.parent,
            "requested_at": moment(row.requested_at).isoformat(),
            "ended_at": None if row.ended_at is None else moment(row.ended_at).isoformat(),
            "declared": {name: value for name, value in self.about.items() if name != "agents"},
            "code": dict(self.code),
            "library": self.started["library"],
            "definition": self.started["definition"],
            "policies": self.policies,
            **self.story.document(),
            "tenant_log": [{**asdict(one), "at": moment(one.at).isoformat()} for one in self.elsewhere],
            "undone_by": list(self.undone_by),
            "proof": {
                "events": row.head_seq,
                "head": self.head,
                "verdict": self.verdict,
                "problems": list(self.problems),
                "inclusion": self.inclusion,
            },
        }


async def report_run(store: Store, row: RunRow) -> RunReport:
    """Read everything that the log has of a run."""
    first = (await store.events(row.id, limit=1))[0]
    about, code = await declared(store, row)
    story = await tell(store, row.id)
    outcome = await outcome_of(store, row) if row.ended else None
    report = RunReport(row, first.body, about, code, story, outcome)
    report.undone_by = await take_in(store, row, story)
    found = [
        told
        async for event in newest_first(store, row.tenant)
        if (told := of_run(store, event, row.id)) is not None
    ]
    report.elsewhere = found[::-1]
    return report


async def declared(store: Store, row: RunRow) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Give what a run's version declares, and the identity of its participants' code."""
    for version in await store.versions(row.tenant, row.workflow):
        if version.version == row.version:
            code: dict[str, Mapping[str, Any]] = json.loads(version.pins).get("code", {})
            named = {name: str(one.get("version") or one.get("source") or "") for name, one in code.items()}
            return json.loads(version.about), named
    return {}, {}


async def newest_first(store: Store, tenant: str) -> AsyncGenerator[Event]:
    """Give the events of a tenant's stream from the last one on, in bounded pieces."""
    try:
        stream = await store.tenant_stream(tenant)
    except NotFoundError:
        return
    end = store.tenant_head(tenant)
    while end > 0:
        start = max(0, end - PAGE)
        for event in reversed(await store.events(stream, after=start, limit=end - start)):
            yield event
        end = start


def of_run(store: Store, event: Event, run: str) -> Elsewhere | None:
    """Give what an event of a tenant's stream tells of a run; None where it is about something else."""
    body = event.body
    about = (*runs_named(body), body.get("run"), str(body.get("subject", "")).removeprefix("run:"))
    if run not in about:
        return None
    return elsewhere(store, event)


def elsewhere(store: Store, event: Event) -> Elsewhere:
    """Give an event of a tenant's stream as a report tells it."""
    body = event.body
    what = next((body[name] for name in ABOUT if body.get(name)), "")
    reason = body.get("reason")
    return Elsewhere(
        event.at,
        event.kind,
        body.get("by"),
        str(what),
        None if reason is None else reason_in(store, decode(store.payload(event.stream, reason))),
        tuple(body.get("policies", ())),
        body.get("policy"),
    )


def runs_named(body: Mapping[str, Any]) -> Sequence[str]:
    """Give the runs that an event names; some say only how many they were."""
    runs = body.get("runs", ())
    return () if isinstance(runs, int) else runs
