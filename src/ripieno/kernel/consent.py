"""Whether what was proposed may happen: the gate's decision, the approvals it asks for, and its denials.

A denial is recorded before whoever proposed it hears of it. What was asked stands in the log and is read
on replay, whatever policies say by then; what they say is asked anew right before the act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ripieno.kernel.questions import ask
from ripieno.kernel.turnstile import Branch
from ripieno.kernel.verdicts import told
from ripieno.model.effect_rule import Approver
from ripieno.model.errors import DeniedError
from ripieno.model.event import Json
from ripieno.model.gate import Approval, Decision
from ripieno.model.participant import Answer, Question

if TYPE_CHECKING:
    from ripieno.kernel.recording import Recording
    from ripieno.kernel.scope import Scope

__all__ = [
    "DENIED",
    "Consent",
    "Panel",
    "UnsettledError",
    "deny",
    "grounds",
    "is_settled",
    "read_denial",
    "unanswered",
    "whose",
]

DENIED: Final = "/denied"
"""What follows an act's path in that of its denial."""

FORM: Final = {
    "proceed": {"type": "boolean", "description": "whether it may happen"},
    "note": {"type": "string", "description": "why not, where it may not"},
}


class UnsettledError(Exception):
    """What let an act happen does not stand any more, right before its first claim: nothing was done."""


async def deny(
    scope: Scope,
    path: str,
    decision: Decision,
    what: str,
    *,
    branch: Branch | None = None,
    proposed: Mapping[str, Json] = MappingProxyType({}),
    beside: Sequence[tuple[bytes, bytes]] = (),
) -> DeniedError:
    """Record a denial, and give the error that tells of it once it is durable.

    `proposed` says what was to be done, in structure and commitments; `beside` are values of these.
    """
    execution = scope.execution
    message = f"{what}: {decision.reason or 'denied by policy'}"
    payloads = list(beside)
    body: dict[str, Json] = {
        **proposed,
        **told(decision),
        "reason": execution.keep(execution.value(message), payloads),
    }
    draft = await scope.append("denied", f"{path}{DENIED}", body, payloads=payloads, branch=branch)
    await execution.durable(draft)
    return DeniedError(message)


async def read_denial(scope: Scope, path: str, branch: Branch | None = None) -> DeniedError | None:
    """Give the denial that is recorded of the act at a path."""
    if not scope.execution.recording.has(f"{path}{DENIED}"):
        return None
    (event,) = scope.take(f"{path}{DENIED}", frozenset({"denied"}))
    await scope.execution.turnstile.recorded(branch or scope.branch, event.seq)
    return DeniedError(str(scope.execution.stored(event.body["reason"]).decode()))


def is_settled(recording: Recording, path: str) -> bool:
    """Tell whether nothing was asked or denied about an act so far."""
    return not (recording.has(f"{path}/approval/1") or recording.has(f"{path}{DENIED}"))


class Panel:
    """Those whom policies name, asked one after another, about one act exactly as it was proposed."""

    def __init__(self, proposed_by: Sequence[str]) -> None:
        self.approvals: list[Approval] = []
        self._under: str = ""
        """Digest of the policies that asked for these approvals."""
        self._barred = list(proposed_by)
        self._heard: dict[str, None] = {}
        """Who has approved, and for whom they did: one right to approve counts once."""
        self._unanswered: list[str] = []
        """Names of approvers who did not answer in time."""

    @property
    def barred(self) -> tuple[str, ...]:
        """Who may not approve: whoever proposed it or gains by it, and whoever has approved already."""
        return (*self._barred, *self._heard)

    def standing(self, decide: Callable[[Sequence[Approval]], Decision]) -> Decision:
        """Decide with what was approved; void where other policies ask now than did then."""
        decision = decide(self.approvals)
        if self.approvals and decision.asked_by not in {"", self._under}:
            self._void()
            decision = decide(())
        return decision

    def whom(self, decision: Decision) -> Approver | None:
        """Give who is asked next; None when nobody who could approve has answered in time."""
        first = decision.approvers[0]
        chain = (first, *first.then)
        late = [number for number, one in enumerate(chain) if one.name in self._unanswered]
        after = chain[late[-1] + 1 :] if late else chain
        return after[0] if after else None

    def heard(self, asked: Approver, answer: Answer, under: str) -> None:
        """Take an approval in, or that nobody answered in time."""
        if answer.expired:
            self._unanswered.append(asked.name)
            return
        if under != self._under:
            self._void()
        self._under = under
        self.approvals.append(Approval(answer.by or "", asked.role, answer.emergency))
        self._heard |= dict.fromkeys((*whose(answer), *answer.behind))

    def edited(self, *by: str) -> None:
        """Start anew: what was approved is not what is proposed now, and whoever changed it proposes it."""
        self._void()
        self._unanswered.clear()
        self._barred += by

    def _void(self) -> None:
        self.approvals.clear()
        self._heard.clear()


def whose(answer: Answer) -> list[str]:
    """Give who has answered, and for whom where that is somebody else."""
    return [who for who in (answer.by, answer.on_behalf_of) if who]


class Consent:
    """What lets an act happen that is no call of a tool: the decision, and everybody whom policies name."""

    def __init__(
        self,
        scope: Scope,
        path: str,
        decide: Callable[[Sequence[Approval]], Decision],
        what: str,
        about: Mapping[str, Any],
        *,
        concerned: Sequence[str] = (),
    ) -> None:
        """Begin with nobody asked; those who are `concerned` may not approve it, as whoever proposed it."""
        self._scope = scope
        self._path = path
        self._decide = decide
        self._what = what
        self._about = about
        self._panel = Panel((scope.execution.row.principal, *concerned))
        self._number = 0
        """How often somebody was asked."""
        self._decision: Decision | None = None
        self._under: tuple[str, int] | None = None
        """What the decision was made under: policies and rights."""

    @property
    def stands(self) -> bool:
        """True while nothing has changed that the last decision depends on."""
        return self._under == self._scope.execution.proposals.version

    @property
    def noted(self) -> Mapping[str, Json]:
        """Give the policies of the last decision."""
        return {} if self._decision is None else self._scope.execution.proposals.noted(self._decision)

    async def given(self) -> Decision:
        """Give the decision that lets it happen, once everybody whom policies name has approved it.

        Raises `DeniedError`, recorded at the act's path, when it may not.
        """
        decision = await self.standing(begun=False)
        assert decision is not None, "what has not begun is decided"
        return decision

    async def standing(self, *, begun: bool) -> Decision | None:
        """Give the same for what may have `begun`: that goes on, though no decision would let it any more."""
        scope, path, panel = self._scope, self._path, self._panel
        while True:
            at = f"{path}/approval/{self._number + 1}"
            recorded = scope.execution.recording.asked(at)
            if recorded is not None:
                asked = Approver(recorded.get("role"), person=recorded.get("person"))
                under = str(recorded.get("policies", ""))
                why: Mapping[str, Any] = {}
            else:
                if (denial := await read_denial(scope, path)) is not None:
                    raise denial
                self._under = scope.execution.proposals.version
                decision = self._decision = panel.standing(self._decide)
                if decision.verdict == "allow":
                    return decision
                if begun:
                    return None
                whom = panel.whom(decision) if decision.verdict == "ask" else None
                if whom is None:
                    raise await deny(scope, path, unanswered(decision), self._what)
                asked, under, why = whom, decision.asked_by, grounds(decision)
            self._number += 1
            answer = await ask(scope, question(asked, under, self._what, {**self._about, **why}, panel), at)
            if not answer.expired and not answer.value["proceed"]:
                reason = answer.reason or answer.value.get("note")
                said = f"rejected by {answer.by}" + (f": {reason}" if reason else "")
                raise await deny(scope, path, Decision("deny", reason=said), self._what)
            panel.heard(asked, answer, under)


def unanswered(decision: Decision) -> Decision:
    """Give the denial of what nobody approved in time; a denial by policy stays as it is."""
    if decision.verdict == "deny":
        return decision
    return Decision(
        "deny", decision.policies, decision.version, reason=f"nobody approved it in time: {decision.reason}"
    )


def grounds(decision: Decision) -> dict[str, Any]:
    """Give why policies ask, as is shown to whom they ask: which, where they stand, what they wait for."""
    waits = [f"{one.in_words} approves" for one in decision.approvers]
    return {"policies": list(decision.policies), "why": decision.reason, "goes_on": waits}


def question(asked: Approver, under: str, what: str, about: Mapping[str, Any], panel: Panel) -> Question:
    """Ask one approver about an act."""
    form = {
        "type": "object",
        "title": f"May this happen: {what}?",
        "properties": dict(FORM),
        "required": ["proceed"],
        "additionalProperties": False,
    }
    return Question(
        asked.role,
        f"may this happen: {what}?",
        form,
        {**about, "because": asked.because or "a policy asks for this approval"},
        due=asked.due,
        person=asked.person,
        calendar=asked.calendar,
        remind=asked.remind,
        barred=panel.barred,
        policies=under,
    )
