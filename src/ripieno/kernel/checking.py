"""Declared checks: each value is judged once, and the verdict is an event that replay reads.

Arguments are judged once policy does not deny the call, and before anybody is asked to approve them; so are
those that somebody edited, which are decided about anew before.
A result stands in the journal as what happened before it is judged, and is used after.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ripieno.kernel.covering import covered, redacted
from ripieno.kernel.edited import edited_form
from ripieno.kernel.questions import ask
from ripieno.model.checks import CheckLike, Escalate, Given, Judged, Of, Repair, verdict
from ripieno.model.errors import InvalidError, InvalidResultError, RejectedError
from ripieno.model.event import Json
from ripieno.model.participant import Answer, Question, ToolLike
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Subject", "check_arguments", "check_result", "judged"]

FIELDS: dict[Of, str] = {"arguments": "arguments", "input": "input", "result": "output"}
"""Under which name an event refers to what was judged."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged, and whose it is."""

    name: str
    """Of the tool or participant."""
    of: Of
    value: Value
    evidence: Sequence[Any] = ()


async def judged(scope: Scope, place: str, subject: Subject, checks: Sequence[CheckLike]) -> Judged:
    """Give the verdict recorded at a place, or judge and record it there."""
    execution = scope.execution
    for event in scope.take(place, frozenset({"checked"})):
        was, by = event.body[FIELDS[subject.of]], event.body["by"]
        other = was != subject.value.ref and event.seq not in execution.recording.imported
        if other or by >= len(checks):
            await execution.halt("blocked", f"{place}: other {subject.of} were judged (event {event.seq})")
        await execution.turnstile.recorded(scope.branch, event.seq)
        reason = str(execution.stored(event.body["reason"]).decode()) if "reason" in event.body else ""
        return Judged(event.body["verdict"], reason, by, tuple(event.body["failed"]))
    complaints: dict[int, str] = {}
    for index, check in enumerate(checks):
        complaint = await check.complaint(Given(subject.value.decode(), subject.evidence))
        if complaint is not None:
            complaints[index] = complaint
    found = verdict(checks, complaints)
    payloads: list[tuple[bytes, bytes]] = []
    why = covered(execution, found.reason)
    body: dict[str, Json] = {
        "of": subject.of,
        "subject": subject.name,
        FIELDS[subject.of]: execution.keep(subject.value, payloads),
        "checks": len(checks),
        "verdict": found.verdict,
        "failed": list(found.failed),
        "by": found.by,
    }
    if found.reason:
        body["reason"] = execution.keep(why, payloads)
    await scope.append("checked", place, {**body, **redacted(why)}, payloads=payloads)
    return Judged(found.verdict, str(why.decode()), found.by, found.failed)


def declared(tool: ToolLike, of: Of) -> Sequence[CheckLike]:
    """Give the checks of a tool that are about this."""
    checks: Sequence[CheckLike] = getattr(tool, "checks", ())  # of every call, so without a protocol
    return [check for check in checks if check.of == of] if checks else ()


async def check_arguments(
    scope: Scope,
    tool: ToolLike,
    path: str,
    arguments: Value,
    *,
    admit: Callable[[Value, str], Awaitable[None]],
    edited: Callable[[Answer], None],
    at: str,
) -> Value:
    """Give the arguments that pass: these, or those that a person who was asked put in their place.

    `admit` raises for arguments that policy denies, before they are judged at a place or shown to anybody;
    `edited` is told before of each answer that puts others in their place.
    Raises `InvalidError` for what does not pass, and `RejectedError` where a person said no. What was
    claimed without being judged, under other code or in the run that this one was forked from, is not
    judged any more.
    """
    checks = declared(tool, "arguments")
    recording = scope.execution.recording
    if not checks or (recording.has(path) and not recording.has(f"{path}/checked/1")):
        return arguments
    place, edits = f"{path}/checked/{at}", 0
    while True:
        await admit(arguments, place)
        found = await judged(scope, place, Subject(tool.name, "arguments", arguments), checks)
        if found.verdict == "passed":
            return arguments
        otherwise = checks[found.by].otherwise
        if not isinstance(otherwise, Escalate) or scope.effects.withheld:  # nobody is asked by a shadow
            msg = f"{tool.name}: {found.reason}"
            raise InvalidError(msg, repairs=repairs(otherwise))
        given = arguments.decode()
        about = {"tool": tool.name, "arguments": given, "path": path, "because": found.reason}
        form = {"arguments": edited_form(given)}
        answer = await _decided(scope, f"{place}/ask", otherwise, about, form)
        if "arguments" not in answer.value:
            return arguments
        edited(answer)
        arguments, edits = scope.execution.value(answer.value["arguments"]), edits + 1
        place = f"{path}/checked/{at}.{edits}"


async def check_result(scope: Scope, tool: ToolLike, path: str, output: Any) -> Any:
    """Give what a call gave, once it passes; raises `InvalidResultError` where it may not be used."""
    checks = declared(tool, "result")
    if not checks:
        return output
    value = scope.execution.value(output)
    place = f"{path}/checked/result"
    found = await judged(scope, place, Subject(tool.name, "result", value), checks)
    if found.verdict == "passed":
        return output
    otherwise = checks[found.by].otherwise
    done = "what it gave" if tool.effect == "read" else "it took effect, and what it gave"
    if isinstance(otherwise, Escalate) and not scope.effects.withheld:
        about = {"tool": tool.name, "result": output, "path": path, "because": found.reason}
        try:
            await _decided(scope, f"{place}/ask", otherwise, about, {})
        except RejectedError as error:
            msg = f"{tool.name}: {done} cannot be used. {error.message}"
            raise InvalidResultError(msg) from None
        return output
    msg = f"{tool.name}: {done} cannot be used: {found.reason}"
    raise InvalidResultError(msg, repairs=repairs(otherwise))


def repairs(otherwise: object) -> int | None:
    """Give how often the proposer may try again; None where it may not."""
    return otherwise.times if isinstance(otherwise, Repair) else None


async def _decided(
    scope: Scope, path: str, to: Escalate, about: dict[str, Any], fields: dict[str, Any]
) -> Answer:
    """Let a person decide; raises `RejectedError` when they say no or do not answer in time."""
    name = about["tool"]
    form = {
        "type": "object",
        "title": f"{name} does not pass its checks: may it be used?",
        "properties": {
            "proceed": {"type": "boolean", "description": "whether it is used all the same"},
            "note": {"type": "string", "description": "why not, where it is not"},
            **fields,
        },
        "required": ["proceed"],
        "additionalProperties": False,
    }
    answer: Answer = await ask(scope, Question(to.role, f"may {name} go on?", form, about, due=to.due), path)
    if answer.expired:
        msg = f"{name}: {to.role} did not answer in time; {about['because']}"
        raise RejectedError(msg)
    if not answer.value["proceed"]:
        why = answer.reason or answer.value.get("note") or about["because"]
        msg = f"{name}: rejected by {answer.by}: {why}"
        raise RejectedError(msg)
    return answer
