"""Who may start runs, command running work and answer tasks: what the gate says of people and services.

What it denies is recorded in the tenant's log before whoever asked hears of it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from ripieno.journal.records import QuestionRow, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.addressees import APPROVAL
from ripieno.kernel.approving import approved, put
from ripieno.kernel.proposals import known_of, rights, trial
from ripieno.kernel.shares import PARTS, WHOLE, part_of
from ripieno.kernel.verdicts import AWAITS, VERSION_DIGITS, told
from ripieno.model.definition import Definition
from ripieno.model.errors import AwaitingApprovalError, NotAllowedError, NotFoundError, RefusedError
from ripieno.model.event import Json
from ripieno.model.gate import Action, Actor, Decision, Subject
from ripieno.model.principal import Principal

__all__ = [
    "ADMINISTRATOR",
    "ROLE",
    "admitted",
    "as_now",
    "begun",
    "check_answer",
    "check_away",
    "check_change",
    "check_command",
    "check_identity",
    "check_operator",
    "check_policy_change",
    "check_review",
    "check_tenant",
    "is_approval",
    "may_begin_again",
    "may_list",
    "may_read",
    "may_read_log",
    "policy_change",
    "refusing",
]

Given = Mapping[str, object]
"""With what a command is given, beside whom and what it is about."""

ROLE: Final = "operator"
"""The role that may command running work, unless policies say otherwise."""

DECLARED: Final = ("owner", "purpose", "risk", "policy")
"""What a version declares beside its classes of data."""
ADMINISTRATOR: Final = "administrator"
"""The role that may say who there is, and who holds which role, unless policies say otherwise."""

EXPLAIN: Final = "ripieno policy explain says what would let it happen"

NO_END: Final = (
    "an approval is not approved in turn, as there would be no end to it; a policy that wants more than one"
    ' person asks for them: @approval("2 of role:NAME")'
)

TENANT_LOG: Final = "tenant log"
"""What policies call what happened in a tenant outside runs."""

COMMANDS: Final[Mapping[str, str]] = {
    "pause": "pause a run",
    "resume": "resume a run",
    "cancel": "cancel a run",
    "retry": "retry a run",
    "roll back": "roll a run back",
    "stop": "stop or release what runs",
    "stop everything": "stop or release everything",
    "skip": "skip a step",
    "limit": "change a limit",
    "mode": "change a mode",
    "signal": "give a signal",
    "answer": "answer in somebody's stead",
    "drain": "drain a workflow",
    "promote": "promote a version",
    "share": "share out new runs",
    "rollback": "roll a workflow back",
    "agent": "say who may act",
    "budget": "set or clear a budget",
    "stages": "say which versions start",
    "migrate": "let a run go on with another version",
    "register": "register a version",
    "compatible": "declare versions compatible",
    "rotate master key": "have another master key, or say who keeps it",
    "sign in to system": "have runs act in a system as who signs in there",
    "sign out of system": "let runs act in a system as nobody any more",
    "rotate data keys": "have other keys encrypt what runs hold",
    "rotate checkpoint key": "have another key sign checkpoints",
    "delete tenant": "delete a tenant",
    "pin tenant": "keep a tenant in one region",
    "unpin tenant": "let a tenant be in any region",
    "erase": "erase what a run holds",
    "forget": "have forgotten what was remembered",
    "documents": "say which documents are found",
    "hold": "say what may not be erased",
    "retention": "say how long data is kept",
    "undrain": "let a drained workflow start again",
}
"""What each command is called in a sentence."""


async def admitted(store: Store, definition: Definition, by: Principal, mark: str) -> Principal:
    """Give `by` with leave to start a run; raises `NotAllowedError` where policy does not permit it.

    Where policies ask about it the run is made, and waits for the approval before it begins anything.

    `mark` is its business key, or its id: by it the run falls to the policies in production or to a
    candidate's. Rights count as this process knows them: the run is to be created under them.
    """
    starts = known_of(definition, store.gate).starts
    who = (by, by.credential, candidate_for(store, by.tenant, mark))
    found = starts.get(who)
    if found is not None and found[0] is store.rights.of(by.tenant):
        return found[1]
    subject = Subject("workflow", definition.name, definition.facts)
    let_start = await may_start(
        store, Action("run.start", "start", Actor(by), subject, subject), mark, known=True
    )
    if AWAITS not in (let_start.leave or {}):
        starts[who] = (store.rights.of(by.tenant), let_start)
    return let_start


async def may_begin_again(
    store: Store, run: RunRow, by: Principal, *, given: Given, reason: str | None
) -> Principal:
    """Give the same for a run that begins with what another has found; raises as `admitted` does.

    Where policies ask about it, it is approved first, as a command is: it does not wait with what it has.
    """
    subject = await workflow_of(store, run)
    action = Action("run.start", "fork", Actor(by), subject, subject, run.id)
    return await may_start(store, action, run.key or run.id, given, reason=reason)


def candidate_for(store: Store, tenant: str, mark: str) -> str | None:
    """Give the version of the candidate for policies that a new run falls to; None for production.

    The same mark falls to the same side, and as a share grows no run that has it falls out.
    """
    candidate = store.policy_book.of(tenant).candidate
    falls = candidate is not None and part_of("policies", mark) < candidate.share * (PARTS // WHOLE)
    return candidate.version if candidate is not None and falls else None


async def may_start(
    store: Store,
    action: Action,
    mark: str,
    given: Given | None = None,
    *,
    reason: str | None = None,
    known: bool = False,
) -> Principal:
    who = action.actor.principal
    candidate = candidate_for(store, who.tenant, mark)
    if candidate is not None:
        action = replace(action, candidate=candidate)
    otherwise = f"{who.id} may not start {action.subject.name}"
    decision = await decided(
        store, action, otherwise, given, reason=reason, known=known, within_run=given is None
    )
    by = store.rights.of(who.tenant).narrowed(who)  # as looked at for the decision
    awaits: dict[str, Json] = {} if decision.verdict == "allow" else {AWAITS: True}
    return replace(by, leave=told(decision) | trial(candidate) | awaits)


def begun(by: Principal) -> dict[str, Json]:
    """Give what the first event of a new run says of the rights that it begins with, and why it may."""
    return {**rights(by), **(by.leave or {})}


async def check_operator(
    store: Store, run: RunRow, by: Principal, verb: str, *, given: Given, reason: str | None
) -> Principal:
    """Give `by` with leave to command a run so, with what is `given`.

    Raises `NotAllowedError` where policy does not permit it, `RefusedError` when the run has ended.
    """
    check_tenant(run, by)
    by = await check_command(store, run, by, verb, given=given, reason=reason)
    check_going(run)
    return by


async def check_command(
    store: Store, run: RunRow | None, by: Principal, verb: str, *, given: Given, reason: str | None
) -> Principal:
    """Give `by` with leave to give the command upon a run; upon many, where None. Else `NotAllowedError`.

    `given` is all that makes it another command: an approval of one is none of the other. `reason` is shown
    to whoever has to approve it.
    """
    by = as_now(store, by)
    if run is None:
        action = Action("run.command", verb, Actor(by), Subject("run", "*"))
    else:
        subject = Subject("run", run.id, {"workflow": run.workflow, "principal": run.principal})
        action = Action("run.command", verb, Actor(by), subject, await workflow_of(store, run), run.id)
    return let(by, await decided(store, action, sentence(by, verb), given, reason=reason))


async def check_change(
    store: Store, workflow: str, by: Principal, verb: str, *, given: Given, reason: str | None
) -> Principal:
    """Give `by` with leave to change a workflow; raises `NotAllowedError` where policy does not permit it."""
    by = as_now(store, by)
    subject = Subject("workflow", workflow)
    action = Action("workflow.change", verb, Actor(by), subject)
    return let(by, await decided(store, action, sentence(by, verb), given, reason=reason))


async def check_policy_change(
    store: Store, by: Principal, verb: str, version: str, *, given: Given, reason: str | None
) -> Principal:
    """Give `by` with leave to change which policies are in force; raises `NotAllowedError`."""
    by = as_now(store, by)
    otherwise = f"{by.id} may not change which policies decide"
    action = policy_change(by, verb, version)
    return let(by, await decided(store, action, otherwise, given, reason=reason))


def policy_change(by: Principal, verb: str, version: str) -> Action:
    """Give the act of changing which policies are in force."""
    return Action("policy.change", verb, Actor(by), Subject("policy", version[:VERSION_DIGITS]))


async def check_identity(
    store: Store, name: str, by: Principal, verb: str, what: str, *, given: Given, reason: str | None
) -> Principal:
    """Give `by` with leave to change who there is or who comes how; raises `NotAllowedError`.

    `name` is the principal, group, key or provider, and `what` says in a sentence what is to be done.
    """
    by = as_now(store, by)
    otherwise = f"{by.id} may not {what}"
    if not by.holds(ADMINISTRATOR):
        otherwise = f"to {what} is for role {ADMINISTRATOR!r}; {by.id} does not hold it"
    action = Action("identity.change", verb, Actor(by), Subject("identity", name))
    return let(by, await decided(store, action, otherwise, given, reason=reason))


async def check_answer(
    store: Store,
    row: QuestionRow,
    by: Principal,
    verb: str = "answer",
    *,
    given: Given,
    reason: str | None = None,
    use: bool = True,
) -> Principal:
    """Give `by` with leave to answer a task; raises `NotAllowedError` where policy does not permit it.

    What is an approval itself is not approved in turn: there would be no end to it.
    """
    by = as_now(store, by)
    known = {"role": row.role, "person": row.person, "run": row.run, "kind": row.kind}
    told_of = {name: value for name, value in known.items() if value is not None}
    facts = {**told_of, "approval": is_approval(row)}
    task = f"t-{row.number}"
    workflow = await workflow_of(store, await store.run(row.run))
    action = Action("task.answer", verb, Actor(by), Subject("task", task, facts), workflow, row.run, row.path)
    to_approve = None if facts["approval"] else given
    otherwise = f"{by.id} may not answer {task}"
    return let(by, await decided(store, action, otherwise, to_approve, reason=reason, use=use))


def is_approval(row: QuestionRow) -> bool:
    """Tell whether a task asks for leave to do something, as a policy or an effect rule has it."""
    return APPROVAL in row.path


@asynccontextmanager
async def refusing(store: Store, row: QuestionRow, by: Principal, verb: str) -> AsyncGenerator[None]:
    """Record, before they hear of it, that a task is not for whoever wants to have to do with it."""
    try:
        yield
    except NotAllowedError as error:
        body = {"act": "task.answer", "verb": verb, "subject": f"task:t-{row.number}", "by": by.id}
        await store.record(by.tenant, "act.denied", body, reason=error.message)
        raise


async def check_review(store: Store, run: RunRow, task: str, by: Principal, said: str) -> Principal:
    """Give `by` with leave to review what passed in an emergency; raises `NotAllowedError`."""
    by = as_now(store, by)
    subject = Subject("task", task, {"run": run.id})
    action = Action("task.answer", "review", Actor(by), subject, await workflow_of(store, run), run.id)
    return let(by, await decided(store, action, f"{by.id} may not review {task}", {"said": said}))


async def check_away(store: Store, person: str, by: Principal, *, given: Given) -> Principal:
    """Give `by` with leave to say who stands in for a person; raises `NotAllowedError`."""
    subject = Subject("task", "absence", {"person": person, "approval": False})
    otherwise = f"{by.id} may not say who stands in for {person}"
    return let(by, await decided(store, Action("task.answer", "away", Actor(by), subject), otherwise, given))


async def may_read(
    store: Store,
    run: RunRow,
    by: Principal,
    what: str,
    *,
    labels: Sequence[str],
    about: Mapping[str, Any],
    use: bool = True,
) -> Principal:
    """Give `by` with leave to be shown what a run of labelled data holds; raises `NotAllowedError`.

    `about` is what its version declares; under which policies it runs is among that. An approval that it
    needs is used up where it is for `use`; else it is only looked for.
    """
    action = reading(run, by, what, labels, about)
    otherwise = f"{by.id} may not be shown what run {run.id[-6:]} holds"
    if by.kind in ("person", "service"):
        return let(by, await decided(store, action, otherwise, {}, use=use))
    remedy = (
        "agents work on labelled data within a run; for one that is to look at what runs hold from outside,"
        " a policy permits data.read to it by name: docs/concepts/policy.md#labelled-data"
    )
    return let(by, await decided(store, action, otherwise, {}, remedy=remedy, use=use))


async def may_read_log(store: Store, by: Principal, what: str) -> Principal:
    """Give `by` with leave to read what happened in the tenant outside runs; raises `NotAllowedError`."""
    action = Action("data.read", what, Actor(by), Subject("data", TENANT_LOG))
    return let(by, await decided(store, action, f"the tenant's log is not for {by.id}", {}))


def may_list(
    store: Store, run: RunRow, by: Principal, what: str, *, labels: Sequence[str], about: Mapping[str, Any]
) -> Decision:
    """Decide the same for a list, which leaves out what is not to be shown and denies nobody anything."""
    return put(store, reading(run, by, what, labels, about))


def reading(run: RunRow, by: Principal, what: str, labels: Sequence[str], about: Mapping[str, Any]) -> Action:
    """Give the act of being shown what a run holds."""
    return Action(
        "data.read",
        what,
        Actor(by),
        Subject("run", run.id, {"workflow": run.workflow, "principal": run.principal}),
        Subject("workflow", run.workflow, {**declared(about), "data": tuple(labels)}),
        run.id,
        labels=tuple(labels),
    )


async def workflow_of(store: Store, run: RunRow) -> Subject:
    """Give the workflow of a run with what its version declares: under which policies is among that."""
    known = {version.version: version.about for version in await store.versions(run.tenant, run.workflow)}
    facts = declared(json.loads(known.get(run.version, "{}")))
    return Subject("workflow", run.workflow, {**facts, "version": run.version})


def declared(about: Mapping[str, Any]) -> dict[str, str | int | bool | tuple[str, ...]]:
    """Give what a version declares as policies are told of it; nothing for one of which nothing is known."""
    facts: dict[str, str | int | bool | tuple[str, ...]] = {
        name: str(about[name]) for name in DECLARED if name in about
    }
    if about:
        facts["data"] = tuple(about.get("data", ()))
    return facts


async def decided(
    store: Store,
    action: Action,
    otherwise: str,
    given: Given | None = None,
    *,
    reason: str | None = None,
    known: bool = False,
    within_run: bool = False,
    use: bool = True,
    remedy: str = EXPLAIN,
) -> Decision:
    """Give the decision that allows an act outside of any run; records and raises any other.

    Roles count as far as they are held still, and nothing is done for whoever is suspended, or came with
    what was revoked since. What a credential is not good for is refused before policy is asked. With `known`
    the rights that this process knows are enough to be allowed by. What it is `given` with may be approved by
    others first, who are shown the `reason`; such an approval is used up where it is for `use`. What asks
    `within_run` is given back as a decision that asks. An approval itself is approved by nobody.
    """
    workflow = (
        action.subject.name if action.subject.kind == "workflow" else action.subject.facts.get("workflow")
    )
    action.actor.principal.check_scope(action.kind, None if workflow is None else str(workflow))
    by, subject = action.actor.principal, action.subject
    if known and (decision := put(store, action, store.rights.of(by.tenant))).verdict == "allow":
        return decision
    decision = put(store, action)
    if decision.verdict == "allow" or (within_run and decision.verdict == "ask"):
        return decision
    body: dict[str, Json] = {
        "act": action.kind,
        "verb": action.verb,
        "subject": f"{subject.kind}:{subject.name}",
        "by": by.id,
        **told(decision),
    }
    if decision.verdict == "ask" and given is not None:
        try:
            return await approved(store, action, decision, given, reason=reason, use=use)
        except AwaitingApprovalError as error:
            await store.record(
                by.tenant, "act.denied", {**body, "approval": error.run}, reason=decision.reason
            )
            msg = f"{otherwise}: {decision.reason}; {error.message}"
            raise AwaitingApprovalError(msg, run=error.run, remedy=error.remedy) from None
    await store.record(by.tenant, "act.denied", body, reason=decision.reason)
    msg = f"{otherwise}: {decision.reason}"
    raise NotAllowedError(msg, remedy=NO_END if decision.verdict == "ask" else remedy)


def let(by: Principal, decision: Decision) -> Principal:
    """Give who was let do something, so that its event says by what policies."""
    return replace(by, leave=told(decision))


def as_now(store: Store, by: Principal) -> Principal:
    """Give who asks for something with those roles that are held still; raises `StoreError`."""
    return store.rights.fresh(by.tenant).narrowed(by)


def sentence(by: Principal, verb: str) -> str:
    """Say that somebody may not give a command; to whom it is shipped for, where that is why."""
    what = COMMANDS[verb]
    if by.holds(ROLE):
        return f"{by.id} may not {what}"
    return f"to {what} is for role {ROLE!r}; {by.id} does not hold it"


def check_tenant(run: RunRow, by: Principal) -> None:
    """Raise `NotFoundError` for a run of another tenant, or one that a credential does not reach."""
    if run.tenant != by.tenant or not by.scope.reaches(run.workflow):
        msg = f"no run {run.id!r}"
        raise NotFoundError(msg)


def check_going(run: RunRow) -> None:
    """Raise `RefusedError` for a run that has ended."""
    if run.ended:
        msg = f"run {run.id[-6:]} has ended ({run.status})"
        raise RefusedError(msg)
