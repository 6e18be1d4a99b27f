"""What a write effect needs before it is claimed: nothing, or the approval of each role that its rule names.

A proposal stands in the journal before anyone is asked. An approval is bound to it: to the run, the
path, the tool and the commitment of the arguments; it holds for every attempt at this one effect and
for no other. Nothing is claimed while it is waited for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ripieno.kernel.checking import check_arguments
from ripieno.kernel.consent import Panel, deny, grounds, read_denial, unanswered, whose
from ripieno.kernel.edited import edited_form
from ripieno.kernel.effect_book import UNDO
from ripieno.kernel.proposals import rights
from ripieno.kernel.questions import ask
from ripieno.kernel.tracing import Tracing
from ripieno.kernel.vouching import Offer, offered
from ripieno.model.effect_rule import Approver, Fixed, Withheld
from ripieno.model.errors import DeniedError, RejectedError, WithheldError
from ripieno.model.event import Json
from ripieno.model.gate import ActionKind, Approval, Decision
from ripieno.model.participant import Answer, Question, ToolLike
from ripieno.model.principal import Principal
from ripieno.model.tool import act_of
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["Permit", "Proposal", "note_withheld", "withheld_body", "withheld_from"]

MOST_WITHHELD = 100
"""So many proposals that were withheld are told of with a visit; the journal has all of them."""


@dataclass(frozen=True, slots=True)
class Permit:
    """With which arguments an effect may be made, by whose leave, and by which policies."""

    arguments: Value
    by: tuple[str, ...] = ()
    """Who approved exactly these arguments, by principal; empty where nobody had to."""
    proposal: Proposal | None = None
    """What is permitted; None for what needs no permission any more."""

    def decided_again(self) -> Decision | None:
        """Give the decision as it stands right before the claim; None where nothing has to be decided."""
        return None if self.proposal is None else self.proposal.decided_again()

    async def sourced(self) -> None:
        """Find where the arguments come from, where the tool keeps that and it was not found yet."""
        assert self.proposal is not None, "what is permitted was proposed"
        await self.proposal.sourced()

    @property
    def sources(self) -> str:
        """Give the commitment of where the arguments come from; empty where that was not looked for."""
        return str(self.noted.get("traced", ""))

    @property
    def noted(self) -> Mapping[str, Json]:
        """Give by which policies it is made, as its intent says."""
        return {} if self.proposal is None else self.proposal.noted

    @property
    def beside(self) -> Sequence[tuple[bytes, bytes]]:
        """Give the values that its intent names and that are not stored yet."""
        return () if self.proposal is None else self.proposal.beside


class Proposal:
    """One effect that is proposed: what policy says of it, and who has approved it so far."""

    def __init__(
        self,
        scope: Scope,
        tool: ToolLike,
        path: str,
        arguments: Value,
        passed: Mapping[str, str] = MappingProxyType({}),
        *,
        quotes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._scope = scope
        self._tool = tool
        self._path = path
        self._arguments = arguments
        self._edited_by: str | None = None
        self._editors: dict[str, Principal] = {}
        """Who has changed the arguments, and for whom: they propose it as well, with what they held then."""
        self._checked = False
        """True once the arguments were found to be as the tool declares."""
        self._asked = 0
        self._by: dict[str, str] = {}
        """Who approved it as the effect rule asks, by the name of the approver."""
        self._panel = Panel((scope.execution.row.principal,))
        self._decision: Decision | None = None
        self._decided_under: tuple[str, int] | None = None
        """What that decision was made under: policies and rights."""
        self._tracing = Tracing(scope, tool, path, passed, quotes)

    async def permit(self) -> Permit:
        """Give the permit, once policy allows the effect and everybody who has to approved it.

        Raises `WithheldError` under a rule that withholds, `RejectedError` when somebody said no or nobody
        answered in time, and `DeniedError` where policy denies it. What was claimed without anybody being
        asked, under other code or in the run that this one was forked from, is not asked about any more.
        """
        recording, scope, tool = self._scope.execution.recording, self._scope, self._tool
        if not self._checked:
            await self._check(self._arguments, "1")
            self._checked = True
        if recording.has(self._path) and not recording.has(f"{self._path}/proposed/1"):
            return self._permitted()
        write = tool.effect != "read"
        if write and scope.effects.withheld:
            await self.put("withheld")
            note_withheld(scope, [Withheld(self._path, tool.name, self._arguments)])
            msg = f"{tool.name}: withheld, not made; effects of {scope.path} are recorded only"
            raise WithheldError(msg)
        while True:
            asked = next((one for one in scope.effects.approvers if write and one.name not in self._by), None)
            if asked is not None:
                await self._hear(asked, await self._answer(asked))
            elif await self._settled():
                return self._permitted()

    def _permitted(self) -> Permit:
        approved = dict.fromkeys((*self._by.values(), *(given.by for given in self._panel.approvals)))
        return Permit(self._arguments, tuple(by for by in approved if by not in self._editors), self)

    # -- what policy says -------------------------------------------------------------------------

    def decided_again(self) -> Decision | None:
        """Decide anew where anything that decisions depend on may have changed; None where nothing has."""
        if self._decided_under == self._scope.execution.proposals.version and not self._panel.approvals:
            return None
        if self._tracing.outdated(self._arguments):
            reason = "policies that read where its values come from have only just come into force"
            return Decision("deny", version=self._scope.execution.store.gate.version, reason=reason)
        return self._decide()

    @property
    def noted(self) -> Mapping[str, Json]:
        """Give the policies of the last decision, and what it knew of where its values come from."""
        if self._decision is None:
            return self._tracing.noted
        decided = self._scope.execution.proposals.noted(self._decision)
        return {**decided, **self._tracing.noted, **self._joined()}

    async def sourced(self) -> None:
        """Find where the arguments come from, where the tool keeps that and it was not found yet."""
        if self._tracing.kept and self._tracing.found is None:
            await self._tracing.look(self._arguments)

    @property
    def beside(self) -> Sequence[tuple[bytes, bytes]]:
        """Give the values that `noted` names and that are not stored yet."""
        return self._tracing.beside

    def _joined(self) -> dict[str, Json]:
        """Give who proposes it beside whom the run acts for, with their rights, as its events say."""
        if not self._editors:
            return {}
        editors = self._scope.execution.proposals.as_now(self._editors.values())
        return {"editors": {one.id: rights(one) for one in editors}}

    def _decide(self) -> Decision:
        proposals = self._scope.execution.proposals
        editors = proposals.as_now(self._editors.values()) if self._editors else ()

        def decide(approvals: Sequence[Approval]) -> Decision:
            kind: ActionKind = "tool.undo" if self._path.endswith(UNDO) else act_of(self._tool)
            return proposals.tool(
                self._scope,
                self._tool,
                self._path,
                self._arguments,
                kind=kind,
                approvals=approvals,
                traced=self._tracing.found,
                editors=editors,
            )

        self._decided_under = None if self._tracing.outdated(self._arguments) else proposals.version
        self._decision = self._panel.standing(decide)
        return self._decision

    async def _check(self, arguments: Value, at: str) -> None:
        """Take over arguments that policy does not deny and that pass the tool's checks.

        Raises `DeniedError` before anybody works on them or is shown them.
        """
        if self._scope.effects.approvers:
            await self._admit(arguments, f"{self._path}/checked/{at}")
        self._arguments = await check_arguments(
            self._scope, self._tool, self._path, arguments, admit=self._admit, edited=self._join, at=at
        )

    def _join(self, answer: Answer) -> None:
        """Have whoever edits the arguments propose them: nothing that was approved holds for these."""
        self._edited_by = answer.by
        self._by.clear()
        self._panel.edited(*whose(answer), *answer.behind)
        for one in self._scope.execution.proposals.editors(answer):
            self._editors[one.id] = one

    async def _admit(self, arguments: Value, place: str) -> None:
        """Deny what policy denies whoever would approve it; what was judged or proposed since was let."""
        scope, path = self._scope, self._path
        self._arguments = arguments
        recording = scope.execution.recording
        known = (path, place, f"{path}/proposed/{self._asked + 1}")
        if scope.effects.withheld or any(recording.has(one) for one in known):
            return
        if (denial := await read_denial(scope, path)) is not None:
            raise denial
        await self._tracing.look(self._arguments)
        decision = self._decide()
        if decision.verdict == "deny":
            raise await self._denied(decision)

    async def _denied(self, decision: Decision) -> DeniedError:
        tool = self._tool
        beside = [*self._tracing.beside]
        proposed: dict[str, Json] = {"tool": tool.name, "version": tool.version, "effect": tool.effect}
        proposed["arguments"] = self._scope.execution.keep(self._arguments, beside)
        proposed |= {**self._tracing.noted, **self._joined()}
        return await deny(self._scope, self._path, decision, tool.name, proposed=proposed, beside=beside)

    async def _settled(self) -> bool:
        """Tell whether policy allows it; ask one of those whom it names where they have to approve first."""
        scope, path = self._scope, self._path
        recorded = scope.execution.recording.asked(f"{path}/proposed/{self._asked + 1}")
        offer: Offer | None = None
        why: Mapping[str, Any] = {}
        if recorded is not None:
            asked = Approver(recorded.get("role"), person=recorded.get("person"))
            under, policies = recorded["asked_by"], tuple(recorded["policies"])
        else:
            claimed = scope.execution.recording.has(path)
            if not claimed and (denial := await read_denial(scope, path)) is not None:
                raise denial
            await self._tracing.look(self._arguments)
            if claimed:
                return True  # what let it happen then is not asked again; another attempt is decided anew
            decision = self._decide()
            if decision.verdict == "allow":
                return True
            whom = self._panel.whom(decision) if decision.verdict == "ask" else None
            if whom is None:
                raise await self._denied(unanswered(decision))
            asked, under, policies = whom, decision.asked_by, decision.policies
            why = grounds(decision)
            offer = offered(scope.execution, decision, self._tracing.found, self._tracing.under)
        self._asked += 1
        noted = {} if offer is None else offer.noted
        await self.put("policy", asked, {"asked_by": under, "policies": list(policies), **noted})
        at = f"{path}/approval/{self._asked}"
        answer = await ask(scope, self._question(asked, self._panel.barred, under, offer, why), at)
        if answer.expired or not await self._edited(answer):
            self._panel.heard(asked, answer, under)
        return False

    # -- whom the effect rule asks ----------------------------------------------------------------

    async def _hear(self, asked: Approver, answer: Answer) -> None:
        if await self._edited(answer) and self._edited_by != answer.by:
            return  # a check let somebody else change it once more
        self._by[asked.name] = answer.by or ""

    async def _edited(self, answer: Answer) -> bool:
        """Take an approval in; whoever edits the arguments has them approved anew by all others."""
        edited = self._judged(answer)
        if edited.ref == self._arguments.ref:
            return False
        self._join(answer)
        await self._check(edited, f"approval-{self._asked}")
        return True

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

    async def put(
        self, rule: str, asked: Approver | None = None, under: Mapping[str, Json] | None = None
    ) -> None:
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
            **(under or {}),
            **self._tracing.noted,
            **self._joined(),
        }
        payloads.extend(self._tracing.beside)
        if asked is not None:
            body["role" if asked.person is None else "person"] = asked.name
        if self._edited_by is not None:
            body["edited_by"] = self._edited_by
        await scope.append("proposed", path, body, payloads=payloads)

    def _question(
        self,
        asked: Approver,
        barred: tuple[str, ...] = (),
        under: str = "",
        offer: Offer | None = None,
        why: Mapping[str, Any] = MappingProxyType({}),
    ) -> Question:
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
            **why,
        }
        if self._edited_by is not None:
            about["edited_by"] = self._edited_by
        if self._tracing.found is not None:
            about["sources"] = self._tracing.found.for_people()
        if offer is not None:
            fields["vouch"] = offer.field
            about["vouch"] = offer.said
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
            barred=barred,
            policies=under,
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
        if same(said["arguments"], self._arguments.decode()):
            return self._arguments
        return self._scope.execution.value(said["arguments"])


def same(one: object, other: object) -> bool:
    """Tell whether these are the same arguments, whatever the order of their fields."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# -- what was withheld, told to whoever asked for it ---------------------------------------------------


def note_withheld(scope: Scope, acts: Sequence[Withheld]) -> None:
    """Tell a scope what it, or a visit within it, would have done."""
    scope.withheld = (*scope.withheld, *acts)[:MOST_WITHHELD]


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
