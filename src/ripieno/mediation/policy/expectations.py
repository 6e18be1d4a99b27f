"""Tests of policies, written in YAML: given this act, that is expected, by these policies.

given: {workflow: {name: payables}, facts: {effect: write}}   # holds for every test, unless it says else
tests:
  - name: a large payment waits for the treasurer
    act: tool.call
    on: tool payments.transfer
    arguments: {amount: 20000}
    expect: ask
    policies: [amounts-above-10000-need-the-treasurer]        # may be left out
    approvers: ["role:treasurer"]                             # may be left out
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, get_args

import yaml

from ripieno.mediation.policy.acts import ActDocument, read_act
from ripieno.mediation.policy.gate import PolicyGate
from ripieno.mediation.policy.problems import PolicyError
from ripieno.model.effect_rule import Approver
from ripieno.model.errors import DefinitionError, Place, nearest
from ripieno.model.gate import Action, Decision, Verdict

__all__ = ["Expectation", "Result", "read_expectations", "try_expectation"]

OWN: Final = ("name", "expect", "policies", "approvers")
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One test."""

    name: str
    place: Place
    action: Action
    verdict: Verdict
    policies: tuple[str, ...] | None
    """Exactly these, in any order; None where it does not matter."""
    approvers: tuple[str, ...] | None
    """Such as `role:treasurer`; None where it does not matter."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a test."""

    expectation: Expectation
    decision: Decision
    wrong: tuple[str, ...]
    """What is not as expected, in sentences; empty for a test that passes."""


def try_expectation(gate: PolicyGate, expected: Expectation) -> Result:
    """Decide about an act, and compare."""
    found = gate.decide(expected.action)
    wrong: list[str] = []
    if found.verdict != expected.verdict:
        wrong.append(f"expected {expected.verdict}, got {found.verdict}{told(found)}")
    if expected.policies is not None and sorted(expected.policies) != sorted(found.policies):
        wrong.append(f"expected policies {listed(expected.policies)}, got {listed(found.policies)}")
    asked = [name_of(one) for one in found.approvers]
    if expected.approvers is not None and sorted(expected.approvers) != sorted(asked):
        wrong.append(f"expected approvers {listed(expected.approvers)}, got {listed(asked)}")
    return Result(expected, found, tuple(wrong))


def told(decision: Decision) -> str:
    """Give by what and why it was decided."""
    return f" ({decision.reason})" if decision.reason else f" by {listed(decision.policies)}"


def listed(names: Sequence[str]) -> str:
    """Name them, in order."""
    return ", ".join(sorted(names)) or "none"


def name_of(approver: Approver) -> str:
    """Give an approver as tests name them."""
    return f"role:{approver.role}" if approver.role else approver.person or ""


def read_expectations(file: Path, shown: str, pack: str | None = None) -> list[Expectation]:
    """Read a file of tests; `pack` is what holds where a test names none. Raises `PolicyError`."""
    try:
        text = file.read_text(encoding="utf-8")
        root: Any = yaml.safe_load(text)
        lines = lines_of(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PolicyError([DefinitionError(f"cannot be read: {error}", place=Place(shown))]) from error
    fields = cast("dict[str, Any]", root) if isinstance(root, dict) else {}
    tests: Any = fields.get("tests")
    given: Any = fields.get("given", {})
    if not isinstance(tests, list) or not isinstance(given, dict) or not fields.keys() <= {"given", "tests"}:
        msg = "expected `tests`, a list, and `given`, what holds for all of them"
        raise PolicyError([DefinitionError(msg, place=Place(shown))])
    found: list[Expectation] = []
    problems: list[DefinitionError] = []
    for number, one in enumerate(cast("list[Any]", tests)):
        place = Place(shown, lines[number] if number < len(lines) else None)
        try:
            found.append(expectation(one, cast("dict[str, Any]", given), place, pack))
        except DefinitionError as error:
            problems.append(DefinitionError(error.message, place=error.place or place, remedy=error.remedy))
    if problems:
        raise PolicyError(problems)
    return found


def expectation(found: object, given: Mapping[str, Any], place: Place, pack: str | None) -> Expectation:
    """Read one test; raises `DefinitionError`."""
    if not isinstance(found, dict):
        msg = f"expected a test, got {found!r}"
        raise DefinitionError(msg, place=place)
    fields = cast("dict[str, Any]", found)
    act: ActDocument = read_act(
        {**given, **{name: value for name, value in fields.items() if name not in OWN}}, place
    )
    verdict: Any = fields.get("expect")
    if verdict not in VERDICTS:
        msg = f"expected {', '.join(VERDICTS)}, got {verdict!r}{nearest(str(verdict), VERDICTS)}"
        raise DefinitionError(msg, place=Place(place.file, place.line, "expect"))
    name = str(fields.get("name") or f"{act.act} upon {act.upon}: {verdict}")
    return Expectation(
        name,
        place,
        act.action(pack),
        verdict,
        names(fields, "policies", place),
        names(fields, "approvers", place),
    )


def names(fields: Mapping[str, Any], field: str, place: Place) -> tuple[str, ...] | None:
    """Read a list of names; raises `DefinitionError`."""
    found: Any = fields.get(field)
    if found is None:
        return None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in cast("list[Any]", found)):
        msg = f"expected a list of names, got {found!r}"
        raise DefinitionError(msg, place=Place(place.file, place.line, field))
    return tuple(cast("list[str]", found))


def lines_of(text: str) -> list[int]:
    """Give the line on which each test begins."""
    root = yaml.compose(text)
    if isinstance(root, yaml.MappingNode):
        for key, value in cast("list[tuple[Any, Any]]", root.value):
            if key.value == "tests" and isinstance(value, yaml.SequenceNode):
                return [one.start_mark.line + 1 for one in cast("list[Any]", value.value)]
    return []
