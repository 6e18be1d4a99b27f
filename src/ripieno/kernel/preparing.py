"""What a call needs before it can be sent, and what nobody who proposes one may give: secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from ripieno.kernel.claims import Ending
from ripieno.kernel.covering import covered
from ripieno.model.action import Call
from ripieno.model.confidential import CONFIDENTIAL
from ripieno.model.errors import RipienoError, SecretError
from ripieno.model.event import Json
from ripieno.model.participant import Prepared, ToolLike
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.execution import Execution
    from ripieno.kernel.scope import Scope

NO_SECRETS: Mapping[str, object] = {}

__all__ = ["refuse_secrets", "unprepared"]


async def unprepared(execution: Execution, tool: ToolLike, call: Call, *, owed: bool) -> Ending | None:
    """Get a claimed call ready; where that fails, give how the attempt ended: nothing was sent.

    That says nothing of an earlier attempt at a call that is owed: it is repeated later.
    """
    if not secrets_of(tool):
        return None
    try:
        await cast("Prepared", tool).prepare(call)
    except Exception as error:  # noqa: BLE001 - whatever it was, it was before anything was sent
        said = error.message if isinstance(error, RipienoError) else f"not ready: {type(error).__name__}"
        text = covered(execution, said)
        return Ending("unsent" if owed else "failed", "unready", error=text, spent=None)
    return None


async def refuse_secrets(scope: Scope, tool: ToolLike, path: str, arguments: Value) -> None:
    """Raise `SecretError` where the arguments of a proposed call hold a secret, or stand in for one.

    Such arguments are recorded nowhere. That they were refused is, and on replay it is read.
    """
    place = f"{path}/refused"
    for event in scope.take(place, frozenset({"checked"})):
        await scope.execution.turnstile.recorded(scope.branch, event.seq)
        raise SecretError(str(scope.execution.stored(event.body["reason"]).decode()))
    said = await _unknown(scope, path)
    own = secrets_of(tool)
    if not (said or CONFIDENTIAL.known or own) or _judged(scope, path):
        return
    names = list(CONFIDENTIAL.found(arguments.data))
    said = f"the arguments hold {', '.join(names)} in the clear" if names else said
    if own:
        given = sorted(set(arguments.decode()) & set(own))
        said = f"{', '.join(given)} is given by the platform, never by who calls" if given else said
    if not said:
        return
    message = f"{tool.name}: {said}; not called, and the arguments are not recorded"
    payloads: list[tuple[bytes, bytes]] = []
    body: dict[str, Json] = {
        "tool": tool.name,
        "of": "arguments",
        "verdict": "rejected",
        "reason": scope.execution.keep(scope.execution.value(message), payloads),
    }
    if names:
        body["redacted"] = list(names)
    await scope.append("checked", place, body, payloads=payloads)
    raise SecretError(message)


def secrets_of(tool: ToolLike) -> Mapping[str, object]:
    """Give the parameters of a tool that the platform gives; asked of every call, so without a protocol."""
    return getattr(tool, "secrets", NO_SECRETS)


def _judged(scope: Scope, path: str) -> bool:
    """Tell whether anything is recorded of a call: what was judged once is not judged anew."""
    recording = scope.execution.recording
    return recording.has(path) or recording.entered(path)


async def _unknown(scope: Scope, path: str) -> str:
    """Say what keeps this process from knowing a secret that the run may have met in another one."""
    execution = scope.execution
    if execution.secrets_known or execution.recording.has(path):
        return ""
    problems = await execution.definition.open_secrets()
    execution.secrets_known = not problems
    return f"whether the arguments hold a secret cannot be told: {problems[0]}" if problems else ""
