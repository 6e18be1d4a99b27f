"""What a write effect needs before it is claimed: nothing, or the approval of each role that its rule names.

A proposal stands in the journal before anyone is asked. An approval is bound to it: to the run, the
path, the tool and the commitment of the arguments; it holds for every attempt at this one effect and
for no other. Nothing is claimed while it is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ripieno.kernel.checking import check_arguments
from ripieno.kernel.edited import edited_form
from ripieno.kernel.questions import ask
from ripieno.model.effect_rule import Approver, Fixed, Withheld
from ripieno.model.errors import RejectedError, WithheldError
from ripieno.model.event import Json
from ripieno.model.participant import Answer, Question, ToolLike
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Permit", "note_withheld", "permitted", "withheld_body", "withheld_from"]

MOST_WITHHELD = 100
"""So many proposals that were withheld are told of with a visit; the journal has all of them."""


@dataclass(frozen=True, slots=True)
class Permit:
    """With which arguments an effect may be made, and by whose leave."""

    arguments: Value
    by: tuple[str, ...] = ()
    """Who approved exactly these arguments, by principal; empty where nobody had to."""


async def permitted(scope: Scope, tool: ToolLike, path: str, arguments: Value) -> Permit:
    """Give the permit of the effect at a path, once everybody who has to approved it.

    Raises `WithheldError` under a rule that withholds, and `RejectedError` when somebody said no or
    nobody answered in time. An effect that was claimed without being asked about, under other code or
    in the run that this one was forked from, is not asked about any more.
    """
    arguments = await check_arguments(scope, tool, path, arguments)
    recording = scope.execution.recording
    claimed_freely = recording.has(path) and not recording.has(f"{path}/proposed/1")
    if tool.effect == "read" or scope.effects.free or claimed_freely:
        return Permit(arguments)
    proposal = Proposal(scope, tool, path, arguments)
    if scope.effects.withheld:
        await proposal.put("withheld")
        note_withheld(scope, [Withheld(path, tool.name, arguments)])
        msg = f"{tool.name}: withheld, not made; effects of {scope.path} are recorded only"
        raise WithheldError(msg)
    return await proposal.approvals(scope.effects.approvers)


class Proposal:
    """One effect that is proposed, and who has approved it so far."""

    def __init__(self, scope: Scope, tool: ToolLike, path: str, arguments: Value) -> None:
        self._scope = scope
        self._tool = tool
        self._path = path
        self._arguments = arguments
        self._edited_by: str | None = None
        self._asked = 0

    async def approvals(self, approvers: tuple[Approver, ...]) -> Permit:
        """Ask one role after another; whoever edits the arguments has them approved anew by the others."""
        by: dict[str, str] = {}
        while asked := next((one for one in approvers if one.name not in by), None):
            answer = await self._answer(asked)
            edited = self._judged(answer)
            if edited.ref != self._arguments.ref:
                at = f"approval-{self._asked}"
                edited = await check_arguments(self._scope, self._tool, self._path, edited, at)
                self._arguments, self._edited_by = edited, answer.by
                by.clear()
            by[asked.name] = answer.by or ""
        return Permit(self._arguments, tuple(by.values()))

    async def _answer(self, approver: Approver) -> Answer:
        """Ask an approver, and those after it, until somebody answers; raises `RejectedError`."""
        for asked in (approver, *approver.then):
            self._asked += 1
            await self.put("approved", asked)
            answer = await ask(self._scope, self._question(asked), f"{self._path}/approval/{self._asked}")
            if not answer.expired:
                return answer
        msg = f"{self._tool.name}: {approver.name} did not answer in time, so it was not approved"
        raise RejectedError(msg)

    async def put(self, rule: str, asked: Approver | None = None) -> None:
        """Record what is proposed; on replay the same has to be proposed again."""
        scope, execution = self._scope, self._scope.execution
        path = f"{self._path}/proposed/{max(self._asked, 1)}"
        for event in scope.take(path, frozenset({"proposed"})):
            was_tool, was_given = event.body["tool"], event.body["arguments"]
            if (was_tool, was_given) != (self._tool.name, self._arguments.ref):
                what = "these" if was_tool != self._tool.name else "other"
                was = f"event {event.seq} proposed {was_tool} with {what} arguments"
                await execution.halt("blocked", f"{path}: {was}, now {self._tool.name} is asked for")
            await execution.turnstile.recorded(scope.branch, event.seq)
            return
        payloads: list[tuple[bytes, bytes]] = []
        body: dict[str, Json] = {
            "tool": self._tool.name,
            "version": self._tool.version,
            "arguments": execution.keep(self._arguments, payloads),
            "rule": rule,
        }
        if asked is not None:
            body["role" if asked.person is None else "person"] = asked.name
        if self._edited_by is not None:
            body["edited_by"] = self._edited_by
        await scope.append("proposed", path, body, payloads=payloads)

    def _question(self, asked: Approver) -> Question:
        tool = self._tool
        given = self._arguments.decode()
        fields: dict[str, Any] = {
            "proceed": {"type": "boolean", "description": f"whether {tool.name} is called"},
            "note": {"type": "string", "description": "why not, where it is not"},
        }
        if not isinstance(tool, Fixed):
            fields["arguments"] = edited_form(given)
        about = {
            "tool": tool.name,
            "arguments": tool.shown() if isinstance(tool, Fixed) else given,
            "path": self._path,
            "because": asked.because or "effects of this part of the workflow need approval",
        }
        if self._edited_by is not None:
            about["edited_by"] = self._edited_by
        form = {
            "type": "object",
            "title": f"May {tool.name} be called?",
            "properties": fields,
            "required": ["proceed"],
            "additionalProperties": False,
        }
        return Question(
            asked.role,
            f"may {tool.name} be called?",
            form,
            about,
            due=asked.due,
            person=asked.person,
            calendar=asked.calendar,
            remind=asked.remind,
        )

    def _judged(self, answer: Answer) -> Value:
        """Give the arguments that were approved; raises `RejectedError`."""
        said = answer.value
        if not said["proceed"]:
            reason = answer.reason or said.get("note")
            msg = f"{self._tool.name}: rejected by {answer.by}" + (f": {reason}" if reason else "")
            raise RejectedError(msg)
        if "arguments" not in said:
            return self._arguments
        return self._scope.execution.value(said["arguments"])


# -- what was withheld, told to whoever asked for it ---------------------------------------------------


def note_withheld(scope: Scope, acts: list[Withheld]) -> None:
    """Tell a scope what it, or a visit within it, would have done."""
    scope.withheld.extend(acts[: MOST_WITHHELD - len(scope.withheld)])


def withheld_body(scope: Scope, payloads: list[tuple[bytes, bytes]]) -> dict[str, Json]:
    """Give what was withheld within a scope as it stands in its end or segment; nothing for nothing."""
    if not scope.withheld:
        return {}
    keep = scope.execution.keep
    return {
        "withheld": {
            act.path: {"tool": act.tool, "arguments": keep(act.arguments, payloads)} for act in scope.withheld
        }
    }


def withheld_from(scope: Scope, body: Mapping[str, Any]) -> None:
    """Tell a scope what a recorded end or segment says was withheld."""
    note_withheld(
        scope,
        [
            Withheld(path, act["tool"], scope.execution.stored(act["arguments"]))
            for path, act in body.get("withheld", {}).items()
        ],
    )
