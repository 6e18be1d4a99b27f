"""What operators say to running work: pause, go on, skip a step, answer in somebody's stead, drain.

A command to a run is a message, durable when the function returns, and folded into the run's
chain with who gave it and why. `commands.cancel` belongs to them as well; `bulk` gives one to many.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from ripieno.journal.records import QuestionRow, RunRow, why_closed
from ripieno.journal.store import Replayable, Store
from ripieno.kernel.allowed import as_now, check_answer, check_change, check_operator, is_approval
from ripieno.kernel.clock import Clock
from ripieno.kernel.commands import asked_for, check_barred, check_form, check_meant, held_by_editor
from ripieno.kernel.messages import send
from ripieno.kernel.visits import find_visit, name_of
from ripieno.model.errors import InputError, RefusedError, nearest
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.model.principal import Principal
from ripieno.model.spending import AMOUNTS

__all__ = ["answer_instead", "drain", "limit", "pause", "resume", "signal", "skip", "undrain"]

LIMITS: Final = ("active", "deadline", *AMOUNTS)


async def pause(
    store: Store,
    clock: Clock,
    run: RunRow,
    *,
    by: Principal,
    reason: str | None = None,
    operation: str | None = None,
) -> None:
    """Let a run begin nothing new: no visit, no claim, no question. What is claimed is awaited and recorded.

    A run that nobody is at work on is `paused` when this returns, also where its code is not at hand;
    one that a process is at work on will be as soon as it has folded this. Answers and timers that
    come in meanwhile take effect when it is resumed.
    """
    by = await check_operator(store, run, by, "pause", given={}, reason=reason)
    taken = await store.acquire(run.id, idle=True)
    try:
        await send(store, clock, run.id, by=by, kind="pause", said={"reason": reason}, operation=operation)
    except BaseException:
        if taken is not None:
            await store.release(taken.lease, run.status, run.detail)
        raise
    if taken is not None:
        await set_aside(store, taken)


async def set_aside(store: Store, taken: Replayable) -> None:
    """Park a run as paused that was taken over for it, unless it was cancelled or told to go on meanwhile."""
    said = [event.body["what"] for event in taken.events if event.kind == "message"]
    try:
        while True:
            messages, seen = await store.fold(taken.lease)
            said.extend(message.kind for message in messages)
            last = [what for what in said if what in ("pause", "continue")]
            if "cancel" in said or last[-1:] != ["pause"]:
                await store.release(taken.lease, "running")
                return
            if seen < 0 or await store.park(taken.lease, seen, "paused"):
                return
    except BaseException:  # called off: whoever looks for work folds the pause as well
        await store.release(taken.lease, "running")
        raise


async def resume(
    store: Store,
    clock: Clock,
    run: RunRow,
    *,
    by: Principal,
    reason: str | None = None,
    operation: str | None = None,
    paused: bool = True,
) -> None:
    """Let a run go on that is paused, is blocked, or needs a version; durable when this returns.

    Without `paused` a pause stays in force.
    """
    by = await check_operator(store, run, by, "resume", given={"paused": paused}, reason=reason)
    said = {"reason": reason}
    kind = "continue" if paused else "resume"
    await send(store, clock, run.id, by=by, kind=kind, said=said, operation=operation)


async def skip(
    store: Store,
    clock: Clock,
    run: RunRow,
    step: str,
    *,
    by: Principal,
    reason: str,
    output: Any = None,
    names: Collection[str] | None = None,
    operation: str | None = None,
) -> str:
    """End a visit as `complete` with `output`, whatever it is at; what it has claimed is awaited first.

    `step` is a path such as `review@1/writer@2`, or a participant's name: then the visit that it is at,
    or the next one if it is at none. `names` are the participants that the run's workflow has, where
    they are known. Gives what was skipped, as a path or a name. Raises `NotFoundError` for a step that
    the run cannot come to, and `RefusedError` for one that has ended.
    """
    by = await check_operator(store, run, by, "skip", given={"step": step, "output": output}, reason=reason)
    if not reason.strip():
        msg = "a skipped step needs a reason"
        raise InputError(msg)
    target = find_visit(await store.events(run.id), step, names)
    said = {"output": output, "reason": reason}
    await send(store, clock, run.id, by=by, kind="skip", said=said, path=target, operation=operation)
    return target


async def limit(
    store: Store,
    clock: Clock,
    run: RunRow,
    limits: Mapping[str, int],
    *,
    by: Principal,
    reason: str | None = None,
    at: str = "",
    declared: Mapping[str, Collection[str]] | None = None,
    operation: str | None = None,
) -> None:
    """Set limits of a run, or of the visit `at` a path; what waits for more goes on if it is enough now.

    Names and units are those of `Execution.set_limit`: `active` and `deadline` in microseconds, `cost` in
    millionths of a dollar, `model_calls`, `tokens`, `handoffs`, `rounds`. `declared` are the limits of each
    participant that the run's workflow has, by name, where they are known. Raises `InputError` for another
    name, for less than nothing, and for a limit that is not declared, which nothing would be held to;
    `NotFoundError` for a step that the run cannot come to, and `RefusedError` for one that has ended.
    """
    by = await check_operator(
        store, run, by, "limit", given={"limits": dict(limits), "at": at}, reason=reason
    )
    for name, value in limits.items():
        if name not in LIMITS:
            msg = f"no limit {name!r}{nearest(name, LIMITS)}; expected one of {', '.join(LIMITS)}"
            raise InputError(msg)
        if value < 0:
            msg = f"limit {name} must not be negative, got {value}"
            raise InputError(msg)
    if not at:
        [started] = await store.events(run.id, limit=1)
        check_declared(limits, limits_of_run(started), f"run {short(run.id)}")
    elif declared is not None:
        at = find_visit(await store.events(run.id), at, declared)
        check_begun(at)
        check_declared(limits, declared.get(name_of(at), ()), at)
    said = {"limits": dict(limits), "reason": reason}
    await send(store, clock, run.id, by=by, kind="limit", said=said, path=at, operation=operation)


def limits_of_run(started: Event) -> set[str]:
    """Give the limits that a run stands under, by its first event: its own, and its allowance."""
    documents: list[Mapping[str, Any]] = [started.body.get(name, {}) for name in ("limits", "allowance")]
    return {"cost" if name == "cost_usd" else name for document in documents for name in document}


def check_begun(at: str) -> None:
    """Raise `InputError` for a participant's name that stands for no visit yet."""
    if "@" not in at:
        msg = f"{at} is at work nowhere yet: its limits are set at the path that it will have"
        raise InputError(msg, remedy=f"such as flow@1/{at}@1, as ripieno runs events shows paths")


def check_declared(limits: Iterable[str], declared: Collection[str], where: str) -> None:
    """Raise `InputError` for a limit that is not declared: setting it would change nothing."""
    known = [name for name in LIMITS if name in declared]
    for name in limits:
        if name not in known:
            msg = f"{where} declares no limit {said_name(name)!r}: there is none to set"
            those = ", ".join(map(said_name, known)) or "none; the next version of the workflow may"
            raise InputError(msg, remedy=f"those it declares: {those}")


def said_name(limit: str) -> str:
    """Give the name of a limit as people write it."""
    return "cost_usd" if limit == "cost" else limit


async def signal(
    store: Store,
    clock: Clock,
    run: RunRow,
    name: str,
    *,
    by: Principal,
    reason: str | None = None,
    content: Any = None,
    names: Collection[str] | None = None,
    operation: str | None = None,
) -> None:
    """Give a run a signal: whatever in it waits for `external(name)` ends after the turn it is at.

    It stays given, for what begins later as well; given again, the first stands. An operator may, and
    whoever the run acts for. `content` is for whoever has the last word. `names` are the signals that the
    run's workflow knows, where they are known; raises `InputError` for another.
    """
    by = await check_operator(
        store, run, by, "signal", given={"signal": name, "content": content}, reason=reason
    )
    if names is not None and name not in names:
        msg = f"{run.workflow} waits for no signal {name!r}{nearest(name, names)}"
        raise InputError(msg, remedy=f"those it waits for: {', '.join(sorted(names)) or 'none'}")
    said: dict[str, Any] = {"signal": name, "reason": reason}
    if content is not None:
        said["content"] = content
    await send(store, clock, run.id, by=by, kind="signal", said=said, operation=operation)


async def answer_instead(
    store: Store,
    clock: Clock,
    row: QuestionRow,
    *,
    by: Principal,
    value: object,
    reason: str,
    operation: str | None = None,
) -> None:
    """Answer a question in the stead of whoever it was put to; recorded as `by`'s answer for that role.

    Raises `NotAllowedError` without the role of an operator, or for an approval that a policy asks of
    somebody else (`emergency.break_glass` is for that), `InputError` without a reason or when the value does
    not fit the form, and `RefusedError` when the question is no longer open.
    """
    by = await check_operator(
        store,
        await store.run(row.run),
        by,
        "answer",
        given={"task": row.number, "value": value},
        reason=reason,
    )
    if not reason.strip():
        msg = f"an answer in the stead of {row.claimed_by or row.person or row.role} needs a reason"
        raise InputError(msg)
    if row.state != "open":
        raise RefusedError(
            why_closed(row.number, row.state, row.answered_by, row.answered_at, row.answered_for)
        )
    asked = asked_for(store, row)
    check_barred(row, asked.barred, {by.id})
    check_meant(asked, as_now(store, by))
    if is_approval(row):  # which only those give whom policies let, in anybody's stead
        await check_answer(store, row, by, given={})
    check_form(asked, value)
    said = {"value": value, "reason": reason, "for": row.role} | held_by_editor(by, value)
    await send(
        store,
        clock,
        row.run,
        by=by,
        kind="answer",
        said=said,
        question=row,
        closes="answered",
        operation=operation,
        behalf=row.claimed_by or row.person,
    )


async def drain(store: Store, workflow: str, *, by: Principal, reason: str) -> bool:
    """Let no new run of a workflow start; those under way finish. False when it was drained already.

    Who starts one is refused with who drained it and why; whoever asks for a run that exists gets it.
    """
    by = await check_change(store, workflow, by, "drain", given={}, reason=reason)
    if not reason.strip():
        msg = f"draining {workflow} needs a reason: whoever wants to start it is told"
        raise InputError(msg)
    return await store.drain(by.tenant, workflow, by.id, reason)


async def undrain(store: Store, workflow: str, *, by: Principal, reason: str | None = None) -> bool:
    """Let new runs of a workflow start again; False when it was not drained."""
    by = await check_change(store, workflow, by, "undrain", given={}, reason=reason)
    return await store.undrain(by.tenant, workflow, by.id, reason)
