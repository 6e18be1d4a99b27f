"""Approvals of commands: what nobody may do alone, done once by whoever proposed it, when others agreed.

A command belongs to no run, so each approval of one is a run of its own (`command_approval.py`). It is bound
to a digest of the command with its arguments and of who gives it, and to the policies that asked; it is used
by closing its last wait, which only one can. What is used, rejected, too late or asked by other policies
since is void: the same command asks anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version as installed
from typing import Any, Final, cast

from ripieno.journal.records import Message, NewRun, RunFilter, RunRow, VersionRow
from ripieno.journal.rights import Directed
from ripieno.journal.store import Store
from ripieno.kernel.clock import Clock, SystemClock
from ripieno.kernel.erased import ERASED
from ripieno.kernel.proposals import rights
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import AwaitingApprovalError, ErasedError, RefusedError
from ripieno.model.event import Event, Json, canonical, digest
from ripieno.model.gate import Action, ActionKind, Actor, Approval, Decision, Subject
from ripieno.model.ids import new_id
from ripieno.model.principal import Principal
from ripieno.model.value import decode, encode

__all__ = [
    "ABOUT",
    "DOCUMENT",
    "PARTICIPANT",
    "PINS",
    "SEALED",
    "USABLE_SECONDS",
    "USE",
    "VERSION",
    "WORKFLOW",
    "action_of",
    "approved",
    "put",
    "sealed",
    "task_of",
    "unsealed",
    "upon",
]

WORKFLOW: Final = "operator command"
"""What the runs that ask for approvals are of; with a space, as no workflow of anybody's is called."""
PARTICIPANT: Final = "approval"
USE: Final = f"{PARTICIPANT}@1/use/1"
"""The path of the wait that ends when an approval is used, or its time is over."""

SEALED: Final = "sealed"
"""What stands for what a command upon a run is given: run, commitment, and what the run's key opens."""

USABLE_SECONDS: Final = 24 * 3600.0
"""For so long what was approved can be done."""

DOCUMENT: Final[Mapping[str, Json]] = {"workflow": WORKFLOW, "flow": PARTICIPANT, "version": 1}
"""What the runs are pinned to: changes where those that wait could not go on."""
PINS: Final[Mapping[str, Json]] = {"definition": digest(DOCUMENT), "code": {PARTICIPANT: "1"}}
VERSION: Final = digest(PINS)
ABOUT: Final[Mapping[str, Json]] = {"data": [], "participants": []}
"""What the inventory holds of it: nobody acts in it but people."""

Facts = Mapping[str, str | int | bool | tuple[str, ...]]


def put(store: Store, action: Action, directed: Directed | None = None) -> Decision:
    """Give what the gate says of an act outside of runs, with the rights of now unless others are given."""
    by = action.actor.principal
    directed = directed or store.rights.fresh(by.tenant)
    barred = directed.barred(by)
    if barred is not None:
        return Decision("deny", version=store.gate.version, reason=barred)
    now = directed.narrowed(by)
    return store.gate.decide(action if now is by else replace(action, actor=Actor(now)))


async def approved(
    store: Store,
    action: Action,
    decision: Decision,
    given: Mapping[str, object],
    *,
    reason: str | None = None,
    use: bool = True,
    clock: Clock | None = None,
) -> Decision:
    """Give the decision that lets a command happen, using up the approval that it needs unless not for `use`.

    `decision` is what asks, and `reason` is told to whoever is asked. Raises `AwaitingApprovalError` where
    nobody has approved it yet: it is asked from then on.
    """
    clock = clock or SystemClock()
    await enter(store, action.actor.principal, clock)
    token = await bound(store, action, given)
    row, number = await latest(store, action.actor.principal.tenant, token)
    if row is not None and not row.ended:
        asked = Asked(store, row, await store.events(row.id))
        if not asked.still_by(decision):
            await asked.withdraw(action.actor.principal, clock)
        else:
            found = put(store, replace(action, approvals=asked.approvals))
            if found.verdict != "allow":
                raise awaiting(row)
            if not use:
                return replace(found, approval=row.id)
            if await asked.used(action.actor.principal, clock):
                return replace(found, approval=row.id)
    told = {"given": dict(given)} | ({} if reason is None else {"reason": reason})
    raise awaiting(await bear(store, action, told, f"{token}, {number + 1}", clock))


async def enter(store: Store, by: Principal, clock: Clock) -> None:
    """Enter what such runs are of in the tenant's log, as every workflow is."""
    pins, about = canonical(PINS).decode(), canonical(ABOUT).decode()
    row = VersionRow(VERSION, by.tenant, WORKFLOW, "", pins, clock.now(), about)
    await store.register(row, by.id)


def awaiting(row: RunRow) -> AwaitingApprovalError:
    """Give the error that says what a command waits for."""
    msg = "after that the same command, given once more, happens"
    remedy = "ripieno inbox list shows the task to those who may approve it"
    return AwaitingApprovalError(msg, remedy=remedy, run=row.id)


# -- which approval ---------------------------------------------------------------------------------


async def bound(store: Store, action: Action, given: Mapping[str, object]) -> str:
    """Give what a command is known by, with its arguments and who gives it: a commitment, of no use to guess.

    The same command of the same principal has the same.
    """
    said = {**described(action), "given": dict(given)}
    del said["facts"], said["workflow"], said["rights"]  # which may change without the command being another
    key = store.key(await store.tenant_stream(action.actor.principal.tenant))
    return key.commit(encode(said)).hex()[:40]


async def latest(store: Store, tenant: str, token: str) -> tuple[RunRow | None, int]:
    """Give the last run that asked for the approval of a command, and how many there were."""

    async def numbered(number: int) -> RunRow | None:
        wanted = RunFilter(tenant, workflow=WORKFLOW, key=f"{token}, {number}", limit=1)
        return next(iter(await store.runs(wanted)), None)

    known: dict[int, RunRow] = {}
    low, high = 0, 1
    while (row := await numbered(high)) is not None:
        known[high] = row
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if (row := await numbered(middle)) is None:
            high = middle
        else:
            known[middle] = row
            low = middle
    return known.get(low), low


@dataclass(frozen=True, slots=True)
class Asked:
    """One approval that is asked for, as its run's events tell."""

    store: Store
    row: RunRow
    events: Sequence[Event]

    def still_by(self, decision: Decision) -> bool:
        """Tell whether all who were asked so far were asked by the policies that ask now."""
        asked = (event for event in self.events if event.kind == "asked" and event.body["what"] == "task")
        return all(event.body.get("policies") == decision.asked_by for event in asked)

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """Give what was approved so far."""
        asked = {event.body["question"]: event.body for event in self.events if event.kind == "asked"}
        answers = (one for one in self.events if one.kind == "answered" and one.body["what"] == "answer")
        given = [(one.body, self._said(one.body)) for one in answers if one.path != USE]
        return tuple(
            Approval(body["by"], asked[body["question"]].get("role"), bool(said.get("emergency")))
            for body, said in given
            if said["value"]["proceed"]
        )

    def _said(self, body: Mapping[str, Any]) -> Any:
        return decode(self.store.payload(self.row.id, body["content"]))

    async def used(self, by: Principal, clock: Clock) -> bool:
        """Use it up; False where that is not possible any more, or not yet."""
        wait = next((event for event in self.events if event.kind == "asked" and event.path == USE), None)
        if wait is None or clock.now() >= wait.body["due"]:
            return False
        question = str(wait.body["question"])
        message = Message(new_id(), self.row.id, "answer", by.id, clock.now(), question, USE)
        try:
            await self.store.send(message, closes="answered")
        except RefusedError:  # somebody was first, or its time is over
            return False
        return True

    async def withdraw(self, by: Principal, clock: Clock) -> None:
        """End it: nobody is asked any more."""
        message = Message(f"void:{self.row.id}", self.row.id, "cancel", by.id, clock.now())
        with suppress(RefusedError):  # it has ended meanwhile
            await self.store.send(message)


# -- asking -----------------------------------------------------------------------------------------


def described(action: Action) -> dict[str, Any]:
    """Give a command as the run that asks about it has it."""
    by, subject, workflow = action.actor.principal, action.subject, action.workflow
    return {
        "act": action.kind,
        "verb": action.verb,
        "by": by.id,
        "rights": rights(by),
        "subject": [subject.kind, subject.name],
        "facts": dict(subject.facts),
        "workflow": None if workflow is None else [workflow.name, dict(workflow.facts)],
        "run": action.run,
    }


def concerned(store: Store, action: Action) -> list[str]:
    """Give whom a change of identities is about, who so may not approve it; nobody for other commands.

    That is the principal, with whoever has made a key to come as it, or everybody of the group.
    """
    if action.kind != "identity.change":
        return []
    name, tenant = action.subject.name, action.actor.principal.tenant
    makers = {row.by for row in store.keys(tenant) if row.principal == name}
    members = {row.id for row in store.principals(tenant) if name in (*row.groups, *row.provided)}
    return sorted({name} | makers | members)


def action_of(said: Mapping[str, Any], tenant: str, approvals: Sequence[Approval]) -> Action:
    """Give the command that a run asks about, as it is put to the gate."""
    kind, _, name = str(said["by"]).partition(":")
    held = said["rights"]
    by = Principal(
        cast("Any", kind),
        name,
        tenant,
        frozenset(held.get("roles", ())),
        every_role=held.get("every_role", False),
        credential=held.get("credential"),
    )
    about = said["workflow"]
    return Action(
        cast("ActionKind", said["act"]),
        said["verb"],
        Actor(by),
        Subject(said["subject"][0], said["subject"][1], facts_of(said["facts"])),
        None if about is None else Subject("workflow", about[0], facts_of(about[1])),
        said["run"],
        approvals=tuple(approvals),
    )


def facts_of(said: Mapping[str, Any]) -> Facts:
    """Give facts as policies are told of them."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - texts, as they were told


async def bear(store: Store, action: Action, told: Mapping[str, object], key: str, clock: Clock) -> RunRow:
    """Make the run that asks for the approval of a command; the one with that key, where there is one.

    With what it is given, and why, is `told` to whoever is asked. Of a command upon a run that is sealed by
    that run's key, since it may be of what the run holds: it is gone when the run is erased.
    """
    by, now = action.actor.principal, clock.now()
    run = new_id()
    keys = store.new_key(bytes.fromhex(run))
    told = CONFIDENTIAL.without(dict(told))
    about = action.run if action.kind != "data.read" else None
    if about is not None and store.erasure(about) is None:
        told = {SEALED: sealed(store, about, told)}
    data = encode(CONFIDENTIAL.without({**described(action), "concerned": concerned(store, action)}) | told)
    commitment = keys[1].commit(data)
    body: dict[str, Json] = {
        "workflow": WORKFLOW,
        "version": VERSION,
        "definition": PINS["definition"],
        "library": installed("ripieno"),
        "principal": by.id,
        "tenant": by.tenant,
        "key": key,
        "requested": now,
        "input": commitment.hex(),
        **rights(by),
        **({} if about is None else {"about": about}),
    }
    new = NewRun(run, by.tenant, WORKFLOW, VERSION, by.id, key, now, owed=True)
    payloads = [(commitment, data)]
    created = await store.create(new, keys, [("run.started", "", body)], payloads, own=False)
    return created.row


def sealed(store: Store, run: str, told: Mapping[str, object]) -> list[str]:
    """Give something as it is kept under the key of a run."""
    key, data = store.key(run), encode(dict(told))
    commitment = key.commit(data)
    return [run, commitment.hex(), key.seal(commitment, data).hex()]


def unsealed(store: Store, said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give what a task is about with what is sealed in it; that word alone where the run was erased."""
    if SEALED not in said:
        return said
    run, commitment, data = said[SEALED]
    rest = {name: one for name, one in said.items() if name != SEALED}
    try:
        opened = store.key(run).open(bytes.fromhex(commitment), bytes.fromhex(data))
    except ErasedError:
        return {**rest, "given": ERASED}
    return {**rest, **decode(opened)}


async def upon(store: Store, run: RunRow) -> str | None:
    """Give the run upon which a command is that is to be approved; None for another run, or command."""
    if run.workflow != WORKFLOW:
        return None
    return (await store.events(run.id, limit=1))[0].body.get("about")


async def task_of(store: Store, run: str) -> str | None:
    """Give what people call the task by which the approval of a command is asked; None where none is open."""
    rows = await store.questions(run=run, tenant=(await store.run(run)).tenant)
    return f"t-{rows[0].number}" if rows else None
