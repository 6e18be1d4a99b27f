"""Tests of policies in YAML: what is wrong in them is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripieno.mediation.policy import PolicyError, PolicyGate, load_library
from ripieno.mediation.policy.expectations import Expectation, read_expectations, try_expectation

CALL = "act: tool.call, upon: tool pay, facts: {effect: write}"


def read(folder: Path, text: str) -> list[Expectation]:
    """Read a file of tests."""
    file = folder / "tests.yaml"
    file.write_text(text, encoding="utf-8")
    return read_expectations(file, "tests.yaml", "standard")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "tests.yaml: expected `tests`, a list"),
        ("tests: 1", "tests.yaml: expected `tests`, a list"),
        ("tests: []\ntest: []", "tests.yaml: expected `tests`, a list"),
        ("tests: [", "tests.yaml: cannot be read"),
        ("tests:\n  - 3", "tests.yaml:2: expected a test, got 3"),
        (
            f"tests:\n  - {{{CALL}, expect: alow}}",
            "tests.yaml:2 (expect): expected allow, ask, deny, got 'alow'",
        ),
        (f"tests:\n\n  - {{{CALL}, expct: allow}}", "tests.yaml:3 (expct): Extra inputs"),
        (
            f"tests:\n  - {{{CALL}, expect: ask, policies: a}}",
            "tests.yaml:2 (policies): expected a list of names",
        ),
        (f"tests:\n  - {{{CALL}, expect: ask, by: ada}}", "tests.yaml:2: expected who acts as `person:ada`"),
        (f"tests:\n  - {{{CALL}, expect: ask, by: 'person:'}}", "tests.yaml:2: principal name ''"),
        (
            "tests:\n  - {act: tool.call, upon: pay, expect: ask}",
            "tests.yaml:2: upon: expected a kind and a name",
        ),
        ("tests:\n  - {act: tool.cal, upon: tool pay, expect: ask}", "tests.yaml:2 (act): Input should be"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read(tmp_path, text)
    assert message in str(refused.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as refused:
        read(tmp_path, "tests:\n  - 1\n  - 2")
    assert len(refused.value.problems) == 2


def test_what_is_given_holds_for_every_test_that_says_nothing_else(tmp_path: Path) -> None:
    text = f"given: {{{CALL}, for: 'person:ben', for_roles: [x]}}\ntests:\n  - {{expect: allow}}\n"
    first, other = read(tmp_path, text + "  - {expect: deny, upon: tool other, name: n}\n")
    assert (first.name, first.action.subject.name) == ("tool.call upon tool pay: allow", "pay")
    assert first.action.actor.on_behalf_of is not None
    assert first.action.actor.on_behalf_of.holds("x")
    assert (other.name, other.action.subject.name) == ("n", "other")


def test_what_is_not_as_expected_is_said(tmp_path: Path) -> None:
    gate = PolicyGate(load_library())
    wrong, right = read(
        tmp_path,
        f"tests:\n  - {{{CALL}, expect: ask, policies: [x], approvers: ['role:y']}}\n"
        f"  - {{{CALL}, expect: allow, policies: [tools-are-called], approvers: []}}\n",
    )
    assert try_expectation(gate, wrong).wrong == (
        "expected ask, got allow by tools-are-called",
        "expected policies x, got tools-are-called",
        "expected approvers role:y, got none",
    )
    assert try_expectation(gate, right).wrong == ()
