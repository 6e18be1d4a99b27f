"""What a run's log tells of its acts: who proposed what, what was decided, and who had approved it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.mediation.policy.comparison import differences
from ripieno.mediation.policy.past import PastAct, acts_of
from ripieno.model.event import GENESIS, Event
from ripieno.model.gate import Approval

STARTED: Final = {
    "workflow": "payables",
    "principal": "person:ada",
    "tenant": "default",
    "roles": ["clerk"],
    "policies": ["runs-are-started"],
    "policy": "v1",
}
PAID: Final = {"tool": "pay", "version": "1", "effect": "write", "arguments": "a1", "attempt": 1}


def told(events: Sequence[tuple[str, str, Mapping[str, Any]]], **facts: Any) -> list[PastAct]:
    """Give the acts of a run with these events after its first."""
    log = [("run.started", "", STARTED), *events]
    written: list[Any] = [
        Event("r", number, GENESIS, number, 1, kind, path, body)  # type: ignore[arg-type]  # kinds as they are written
        for number, (kind, path, body) in enumerate(log, 1)
    ]
    return list(acts_of(written, facts, {"a1": {"amount": 20_000}, "a2": {"amount": 5}}.__getitem__))


def test_the_start_of_a_run_is_an_act_of_who_started_it() -> None:
    (start,) = told([])
    assert (start.action.kind, start.action.actor.principal.id) == ("run.start", "person:ada")
    assert start.action.actor.principal.roles == {"clerk"}
    assert (start.verdict, start.policies, start.version) == ("allow", ("runs-are-started",), "v1")


def test_a_visit_is_work_that_the_system_lets_begin_for_whom_the_run_is() -> None:
    _, visit = told([("step", "pay@2", {"participant": "agent", "policies": ["w"], "policy": "v2"})])
    assert visit.action.kind == "participant.work"
    assert visit.action.subject.name == "payables/pay"
    assert visit.action.actor.principal.id == "system:ripieno"
    assert visit.action.actor.on_behalf_of is not None
    assert (visit.policies, visit.version) == (("w",), "v2")


def test_a_call_is_an_act_of_the_participant_that_made_it_told_once_for_all_attempts() -> None:
    events = [
        ("intent", "pay@1/tool/1", PAID),
        ("intent", "pay@1/tool/1", {**PAID, "attempt": 2}),
        ("scope", "pay@1", {"participant": "agent"}),
        ("intent", "pay@1/tool/1/undo", {**PAID, "tool": "void", "arguments": "a2"}),
    ]
    _, call, visit, undo = told(events, data=("pii",))
    assert (call.action.kind, call.action.subject.name) == ("tool.call", "pay")
    assert call.action.actor.principal.id == "agent:pay"
    assert call.action.labels == ("pii",)
    assert call.action.given is not None
    assert call.action.given() == {"amount": 20_000}
    assert call.policies is None
    assert visit.action.kind == "participant.work"
    assert (undo.action.kind, undo.action.subject.name) == ("tool.undo", "void")


def test_what_was_asked_and_who_approved_it_is_known() -> None:
    asked = {"tool": "pay", "arguments": "a1", "rule": "policy", "role": "treasurer", "policies": ["big"]}
    rule = {"tool": "pay", "arguments": "a1", "rule": "approved", "role": "desk"}
    events = [
        ("proposed", "pay@1/tool/1/proposed/1", asked),
        ("answered", "pay@1/tool/1/approval/1", {"by": "person:ben"}),
        ("intent", "pay@1/tool/1", {**PAID, "approved": ["person:ben"], "policies": ["big", "calls"]}),
        ("proposed", "pay@1/tool/2/proposed/1", rule),
        ("answered", "other@1/ask/1", {"by": "person:ben"}),
    ]
    _, ask, call = told(events)
    assert (ask.verdict, ask.path, ask.policies) == ("ask", "pay@1/tool/1", ("big",))
    assert ask.action.approvals == ()
    assert call.action.approvals == (Approval("person:ben", "treasurer"),)
    gate = PolicyGate(load_library(), default_pack="finance")
    assert list(differences([ask, call], gate)) == []
    (other,) = differences([ask, call], PolicyGate(load_library()))
    assert (other.act, other.now.verdict) == (ask, "allow")


def test_choices_that_are_acts_and_denials_are_told() -> None:
    denied = {"tool": "pay", "effect": "write", "arguments": "a1", "policies": ["no"], "policy": "v1"}
    events = [
        ("choice", "desk@1/choice/1", {"what": "hand over", "chosen": "billing"}),
        ("choice", "desk@1/choice/2", {"what": "go on", "chosen": "yes"}),
        ("choice", "chat@1/choice/1", {"what": "speaker", "chosen": "writer"}),
        ("choice", "boss@1/choice/1", {"what": "plan", "chosen": "p1"}),
        ("denied", "pay@1/tool/1/denied", denied),
        ("denied", "pay@1/denied", {"reason": "r1"}),
        ("denied", "pay@1/choice/3/denied", {"reason": "r1"}),
    ]
    _, handoff, speak, plan, call, visit = told(events)
    assert (visit.action.kind, visit.action.subject.name) == ("participant.work", "payables/pay")
    assert (visit.verdict, visit.path) == ("deny", "pay@1")
    assert (handoff.action.kind, handoff.action.subject.name) == ("handoff", "payables/billing")
    assert (speak.action.kind, speak.action.subject.name) == ("chat.speak", "payables/writer")
    assert (plan.action.kind, plan.action.subject.name, plan.action.verb) == ("plan", "payables/boss", "p1")
    assert (call.verdict, call.path, call.policies) == ("deny", "pay@1/tool/1", ("no",))
