"""What is permitted, forbidden and asked about, and whatever cannot be decided is denied."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.mediation.support.acts import ADA, BEN, BOT, READS, call, command, pack, under, work

from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.gate import Action, Actor, Approval, Decision, Subject
from ripieno.model.principal import Principal

PAYEE = """
@id("untrusted-payee-needs-the-treasurer")
@approval("role:treasurer")
forbid (principal, action == Action::"tool.call", resource == Tool::"payments.transfer")
when { !(context has provenance) || context.provenance.recipient != "trusted" };
"""
PERMIT = '@id("calls") permit (principal, action == Action::"tool.call", resource is Tool);'


@pytest.fixture(scope="module")
def shipped() -> PolicyGate:
    return PolicyGate(load_library())


def test_what_no_policy_permits_is_denied_with_that_reason(tmp_path: Path) -> None:
    found = pack(tmp_path, PERMIT).decide(command("cancel", ADA))
    assert found.verdict == "deny"
    assert found.policies == ()
    assert found.reason == "no policy permits run.command of run r-1"


def test_a_decision_names_the_policies_that_determined_it_and_their_version(shipped: PolicyGate) -> None:
    found = shipped.decide(work())
    assert (found.verdict, found.policies) == ("allow", ("participants-work",))
    assert len(found.version) == 64


def test_the_place_and_the_reason_of_what_forbids_are_told(tmp_path: Path) -> None:
    text = '\n// why not\n@id("no")\n@reason("Closed on Sundays.")\nforbid (principal, action, resource);'
    found = under(text, tmp_path / "policies").decide(work())
    assert (found.verdict, found.policies) == ("deny", ("no",))
    assert found.reason == "forbidden by no (policies/rules.cedar:3): Closed on Sundays."


def test_a_role_is_what_a_principal_is_in_and_the_local_operator_is_in_all(shipped: PolicyGate) -> None:
    assert shipped.decide(command("cancel", ADA)).verdict == "allow"
    assert shipped.decide(command("cancel", BEN)).verdict == "deny"
    local = Principal("person", "me", every_role=True)
    assert shipped.decide(command("cancel", local)).verdict == "allow"


def test_who_a_run_is_for_may_signal_it_and_nothing_else(shipped: PolicyGate) -> None:
    assert shipped.decide(command("signal", BEN, principal="person:ben")).verdict == "allow"
    assert shipped.decide(command("signal", BEN, principal="person:ada")).verdict == "deny"
    assert shipped.decide(command("cancel", BEN, principal="person:ben")).verdict == "deny"


@pytest.mark.parametrize(("first", "second"), [(ADA, BEN), (BEN, ADA)], ids=["who it is for", "who acts"])
def test_who_acts_for_somebody_has_no_more_rights_than_both(
    shipped: PolicyGate, first: Principal, second: Principal
) -> None:
    subject = Subject("run", "r-1")
    act = Action("run.command", "cancel", Actor(first, on_behalf_of=second), subject)
    assert shipped.decide(act).verdict == "deny"


@pytest.mark.parametrize(("first", "second"), [(ADA, BEN), (BEN, ADA)], ids=["for whom", "who acts"])
def test_what_is_asked_about_one_of_those_who_act_is_asked_about(
    tmp_path: Path, first: Principal, second: Principal
) -> None:
    text = '@id("clerks") @approval("role:boss") forbid (principal in Role::"treasurer", action, resource);'
    gate = under(text, tmp_path)
    assert gate.decide(call(actor=Actor(ADA))).verdict == "allow"
    assert gate.decide(call(actor=Actor(first, second))).verdict == "ask"


def test_what_only_asking_policies_forbid_is_asked_about(tmp_path: Path) -> None:
    found = under(PAYEE, tmp_path).decide(call(provenance={"recipient": "untrusted"}))
    assert (found.verdict, found.policies) == ("ask", ("untrusted-payee-needs-the-treasurer",))
    assert [one.role for one in found.approvers] == ["treasurer"]
    assert found.asked_by
    assert "needs the approval of role treasurer" in found.reason


def test_an_argument_of_which_the_source_is_known_needs_no_approval(tmp_path: Path) -> None:
    gate = under(PAYEE, tmp_path)
    assert gate.decide(call(provenance={"recipient": "trusted"})).verdict == "allow"
    assert gate.decide(call("notes.add")).verdict == "allow"
    assert gate.decide(call()).verdict == "ask"


def test_what_is_forbidden_for_good_is_not_asked_about(tmp_path: Path) -> None:
    text = PAYEE + '@id("never") forbid (principal, action, resource == Tool::"payments.transfer");'
    found = under(text, tmp_path).decide(call())
    assert (found.verdict, found.policies) == ("deny", ("never",))


def test_what_nothing_permits_is_not_asked_about(tmp_path: Path) -> None:
    assert pack(tmp_path, PAYEE).decide(call()).verdict == "deny"


def test_an_approval_lets_it_go_on_and_both_sides_are_named(tmp_path: Path) -> None:
    given = Approval(BEN.id, "treasurer")
    found = under(PAYEE, tmp_path).decide(call(approvals=(given,)))
    assert found.verdict == "allow"
    assert found.policies == ("tools-are-called", "untrusted-payee-needs-the-treasurer")


@pytest.mark.parametrize(
    "given",
    [Approval(ADA.id, "treasurer"), Approval(BEN.id, "clerk"), Approval(BEN.id, None)],
    ids=["by who proposed it", "in another role", "in no role"],
)
def test_an_approval_that_does_not_count_leaves_it_asked_about(tmp_path: Path, given: Approval) -> None:
    assert under(PAYEE, tmp_path).decide(call(approvals=(given,))).verdict == "ask"


def test_who_it_is_for_does_not_approve_it(tmp_path: Path) -> None:
    gate = under(PAYEE, tmp_path)
    actor = Actor(BOT, on_behalf_of=BEN)
    assert gate.decide(call(actor=actor, approvals=(Approval(BEN.id, "treasurer"),))).verdict == "ask"
    other = (Approval("person:cara", "treasurer"),)
    assert gate.decide(call(actor=actor, approvals=other)).verdict == "allow"


def test_a_quorum_takes_as_many_people_and_not_one_person_twice(tmp_path: Path) -> None:
    gate = under(PAYEE.replace("role:treasurer", "2 of role:treasurer"), tmp_path)
    one, again, two = (
        Approval("person:ben", "treasurer"),
        Approval("person:ben", "treasurer"),
        Approval("person:cara", "treasurer"),
    )
    asked = gate.decide(call(approvals=(one, again)))
    assert asked.verdict == "ask"
    assert "needs the approval" in asked.reason
    assert "needs 2 approvals" in gate.decide(call()).reason
    assert gate.decide(call(approvals=(one, two))).verdict == "allow"


def test_an_approval_in_an_emergency_stands_for_all_but_not_against_what_is_forbidden(tmp_path: Path) -> None:
    given = (Approval("person:cara", "break-glass", emergency=True),)
    assert under(PAYEE, tmp_path).decide(call(approvals=given)).verdict == "allow"
    text = PAYEE + '@id("never") forbid (principal, action, resource == Tool::"payments.transfer");'
    assert under(text, tmp_path).decide(call(approvals=given)).verdict == "deny"


def test_whether_an_approval_still_stands_depends_on_the_policies_that_ask(tmp_path: Path) -> None:
    first = under(PAYEE, tmp_path / "a").decide(call())
    others = under(PAYEE + '@id("x") forbid (principal, action, resource == Tool::"y");', tmp_path / "b")
    changed = under(PAYEE.replace("!=", "=="), tmp_path / "c").decide(call())
    assert others.decide(call()).asked_by == first.asked_by
    assert changed.asked_by != first.asked_by


def amounts(text: str) -> str:
    """Give a policy over the argument `amount`."""
    return f'@id("a") forbid (principal, action == Action::"tool.call", resource is Tool) when {{ {text} }};'


@pytest.mark.parametrize(
    ("condition", "small", "large"),
    [
        ("context has arguments.amount && context.arguments.amount > 10000", 10_000, 10_001),
        (
            'context has arguments.amount && context.arguments.amount.greaterThan(decimal("10000.0"))',
            10_000,
            "10000.0001",
        ),
        ('context has amount && context.amount.greaterThan(decimal("10000.0"))', 10_000.0, 10_000.01),
        ('context has arguments.amount && context.arguments.amount == "much"', "little", "much"),
        ('context has arguments.amount && context.arguments.amount.contains("x")', ["y"], ["y", "x"]),
        ("context has arguments.amount && context.arguments.amount.contains(3)", [1, 2], [1, 3]),
        ("context has arguments.amount && context.arguments.amount", False, True),
        (
            'context has arguments.amount.unit && context.arguments.amount.unit == "EUR"',
            {"unit": "USD"},
            {"unit": "EUR"},
        ),
        ('context has arguments.amount && context.arguments.amount like "*@x.com"', "a@y.com", "a@x.com"),
        ("context has arguments.amount", None, "anything"),
    ],
    ids=["whole", "decimal", "amount", "text", "texts", "wholes", "flag", "record", "pattern", "presence"],
)
def test_arguments_are_read_as_what_a_policy_takes_them_for(
    tmp_path: Path, condition: str, small: Any, large: Any
) -> None:
    gate = pack(tmp_path, PERMIT + amounts(condition))
    assert gate.decide(call(arguments={"amount": small})).verdict == "allow"
    assert gate.decide(call(arguments={"amount": large})).verdict == "deny"
    assert gate.decide(call(arguments={})).verdict == "allow"
    assert gate.decide(call(arguments=None)).verdict == "allow"


@pytest.mark.parametrize(
    "amount",
    [2**63, -(2**63) - 1, 1.5, "12", True, [1], {"a": 1}, float("nan"), 1e300],
    ids=repr,
)
def test_an_argument_that_cannot_be_read_as_that_is_denied_where_a_policy_reads_it(
    tmp_path: Path, amount: Any
) -> None:
    gate = pack(tmp_path, PERMIT + amounts("context has arguments.amount && context.arguments.amount > 1"))
    found = gate.decide(call(arguments={"amount": amount}))
    assert found.verdict == "deny"
    assert "context.arguments.amount: expected a whole number of 64 bits (read by a)" in found.reason
    assert gate.decide(call(arguments={"other": amount})).verdict == "allow"


@pytest.mark.parametrize(
    "amount", [0.00001, "1.23456", 10**15, "1e4", "1_0", " 3", "٣", "much", [], True, {}], ids=repr
)
def test_an_amount_that_no_decimal_holds_is_denied_and_never_rounded(tmp_path: Path, amount: Any) -> None:
    text = amounts('context has amount && context.amount.greaterThan(decimal("0.0"))')
    found = pack(tmp_path, PERMIT + text).decide(call(arguments={"amount": amount}))
    assert found.verdict == "deny"
    assert "context.amount: expected a number of at most four decimal places" in found.reason


@pytest.mark.parametrize("name", ["__entity", "__extn", "__expr"])
def test_an_argument_cannot_pass_itself_off_as_an_entity_or_a_decimal(tmp_path: Path, name: str) -> None:
    text = amounts("context has arguments.to && context.arguments.to == context.arguments.to")
    forged: Mapping[str, Any] = {name: {"fn": "decimal", "arg": "1.0", "type": "Role", "id": "x"}}
    assert pack(tmp_path, PERMIT + text).decide(call(arguments={"to": forged})).verdict == "deny"
    nested = pack(tmp_path, PERMIT + text.replace("arguments.to", "arguments.in"), "b")
    assert nested.decide(call(arguments={"in": [{"a": forged}]})).verdict == "deny"


def test_arguments_are_asked_for_only_where_a_policy_reads_them(tmp_path: Path) -> None:
    def given() -> NoReturn:
        pytest.fail("asked for")

    act = call()
    unread = Action(act.kind, act.verb, act.actor, act.subject, act.workflow, given=given)
    assert pack(tmp_path, PERMIT).decide(unread).verdict == "allow"


def test_arguments_that_cannot_be_had_are_a_denial_whose_log_holds_none_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def given() -> NoReturn:
        private = "GB33BUKB20201555555555"
        raise OSError(5, f"the store is away for {private}")

    act = call()
    unread = Action(act.kind, act.verb, act.actor, act.subject, act.workflow, given=given)
    gate = pack(tmp_path, PERMIT + amounts("context has arguments.amount"))
    found = gate.decide(unread)
    assert (found.verdict, found.reason) == ("deny", "could not be decided: OSError")
    said = "".join(capsys.readouterr())
    assert "test_deciding.py:" in said
    assert "GB33" not in said


def limits(*, depth: int = 0) -> str:
    """Give many policies that begin alike."""
    more = "".join(f' && context.arguments.payee != "p{number}"' for number in range(depth))
    return "".join(
        f"""@id("limit-{number}") forbid (principal, action == Action::"tool.call", resource is Tool)
        when {{ context has arguments.amount && context.arguments has payee &&
        context.arguments.amount > {number} {more if depth else '&& context.arguments.payee != "me"'} }};"""
        for number in range(10, 50)
    )


@pytest.mark.parametrize("depth", [0, 90], ids=["flat", "as deep as Cedar takes it"])
def test_many_policies_that_begin_alike_are_each_heeded_and_named(tmp_path: Path, depth: int) -> None:
    gate = pack(tmp_path, PERMIT + limits(depth=depth))

    def decided(**arguments: object) -> Decision:
        act = call()
        return gate.decide(
            Action(act.kind, act.verb, act.actor, act.subject, act.workflow, given=lambda: arguments)
        )

    assert decided(amount=10, payee="you").verdict == "allow"
    assert decided(amount=50).verdict == "allow"
    found = decided(amount=12, payee="you")
    assert (found.verdict, sorted(found.policies)) == ("deny", ["limit-10", "limit-11"])
    assert decided(amount=12, payee="p1" if depth else "me").verdict == "allow"


def test_a_tool_of_which_it_is_not_known_what_it_does_is_denied_where_that_is_read(
    shipped: PolicyGate,
) -> None:
    found = shipped.decide(call(facts={}, pack="strict"))
    assert found.verdict == "deny"
    assert "resource.effect: nothing is known of it for tool payments.transfer" in found.reason
    assert shipped.decide(call(facts={**READS, "outside": False}, pack="strict")).verdict == "allow"


def test_a_workflow_under_a_pack_that_is_not_there_may_do_nothing(shipped: PolicyGate) -> None:
    found = shipped.decide(work("healthcar"))
    assert found.verdict == "deny"
    assert "no policy pack is called 'healthcar' (did you mean 'healthcare'?)" in found.reason


def test_a_broken_policy_is_a_denial_of_everything_that_names_it(tmp_path: Path) -> None:
    gate = under("\nforbid (principal, action, resource) when { context.amount > };", tmp_path / "policies")
    for act in (work(), call(), command("cancel", ADA)):
        found = gate.decide(act)
        assert found.verdict == "deny"
        assert "policies/rules.cedar:2: not a Cedar policy" in found.reason
    assert gate.version != PolicyGate(load_library()).version


def test_a_folder_of_policies_that_cannot_be_read_is_a_denial_of_everything(tmp_path: Path) -> None:
    (tmp_path / "policies").write_text("not a folder", encoding="utf-8")
    found = PolicyGate(load_library(tmp_path / "policies")).decide(work())
    assert found.verdict == "deny"
    assert "policies: cannot be read: " in found.reason


def test_a_link_to_policies_that_leads_nowhere_is_a_denial_of_everything(tmp_path: Path) -> None:
    (tmp_path / "policies").symlink_to(tmp_path / "elsewhere")
    assert PolicyGate(load_library(tmp_path / "policies")).decide(work()).verdict == "deny"


def test_a_broken_pack_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    gate = pack(tmp_path, "permit (principal, action, resource);", "own")
    assert "a permit without an @id" in gate.decide(work("own")).reason
    assert gate.decide(work("standard")).verdict == "allow"


def test_what_cannot_be_evaluated_is_a_denial_though_cedar_skips_it(tmp_path: Path) -> None:
    found = under(PAYEE, tmp_path).decide(call(provenance={"amount": "trusted"}))
    assert found.verdict == "deny"
    assert "policies could not be evaluated: " in found.reason
    assert "recipient" in found.reason


def test_what_cannot_be_evaluated_among_many_is_a_denial_too(tmp_path: Path) -> None:
    others = "".join(
        f'@id("n{number}") forbid (principal, action == Action::"tool.call", resource is Tool)'
        f' when {{ context.verb == "v{number}" }};'
        for number in range(12)
    )
    gate = under(PAYEE + others, tmp_path)
    assert gate.decide(call(provenance={"amount": "trusted"})).verdict == "deny"
    assert gate.decide(call(provenance={"recipient": "trusted"})).verdict == "allow"
    assert gate.decide(call(provenance={"recipient": "mail"})).verdict == "ask"


@pytest.mark.parametrize(
    "value", ["x", True, 3, 1.5, Decimal("2.25"), ["a", 1], {"b": [1.5], "c": None}], ids=repr
)
def test_a_value_that_is_compared_as_it_comes_is_equal_to_itself(tmp_path: Path, value: Any) -> None:
    text = amounts(
        "context has arguments.a && context has arguments.b && context.arguments.a != context.arguments.b"
    )
    gate = pack(tmp_path, PERMIT + text)
    assert gate.decide(call(arguments={"a": value, "b": value})).verdict == "allow"
    assert gate.decide(call(arguments={"a": value, "b": "other"})).verdict == "deny"


@pytest.mark.parametrize("value", [b"bytes", {1: "a"}, 2**70, [None]], ids=repr)
def test_a_value_that_cedar_cannot_hold_is_denied_where_it_is_read(tmp_path: Path, value: Any) -> None:
    text = amounts(
        "context has arguments.a && context has arguments.b && context.arguments.a != context.arguments.b"
    )
    found = pack(tmp_path, PERMIT + text).decide(call(arguments={"a": value, "b": value}))
    assert found.verdict == "deny"
    assert "context.arguments.a: " in found.reason


def test_who_is_asked_how_soon_and_who_comes_after_is_told_as_declared(tmp_path: Path) -> None:
    asked = PAYEE.replace("role:treasurer", "role:treasurer, due 4h, then person:cara, then role:cfo")
    gate = under(asked, tmp_path)
    (first,) = gate.decide(call()).approvers
    assert (first.role, first.due) == ("treasurer", 4 * 3600)
    assert [(one.role, one.person) for one in first.then] == [(None, "person:cara"), ("cfo", None)]
    for given in (Approval("person:cara", None), Approval("person:dan", "cfo")):
        assert gate.decide(call(approvals=(given,))).verdict == "allow"


def test_policies_may_read_what_was_approved_by_others_than_who_proposes(tmp_path: Path) -> None:
    text = '@id("seen") forbid (principal, action == Action::"tool.call", resource is Tool)'
    gate = under(text + ' unless { context.approvals.contains("role:reader") };', tmp_path)
    assert gate.decide(call()).verdict == "deny"
    assert gate.decide(call(approvals=(Approval(BEN.id, "reader"),))).verdict == "allow"
    assert gate.decide(call(approvals=(Approval(ADA.id, "reader"),))).verdict == "deny"


def test_a_policy_about_one_person_is_about_nobody_else(tmp_path: Path) -> None:
    text = '@id("ada") forbid (principal == Person::"ada", action, resource);'
    gate = under(text, tmp_path)
    assert gate.decide(work()).verdict == "deny"
    assert gate.decide(work(principal=BEN)).verdict == "allow"
    assert gate.decide(work(principal=Principal("agent", "ada"))).verdict == "allow"
