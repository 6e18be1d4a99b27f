"""The packs that ship: their own tests hold, and nothing that is left out lets an act pass."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.mediation.policy.expectations import Expectation, read_expectations, try_expectation
from ripieno.mediation.policy.packs import SHIPPED
from ripieno.mediation.policy.requests import Request, request
from ripieno.mediation.policy.values import UnreadableError

GATE: Final = PolicyGate(load_library())
PACKS: Final = sorted(one.name for one in SHIPPED.iterdir() if one.is_dir())
TESTS: Final = {name: read_expectations(SHIPPED / name / "tests.yaml", name, name) for name in PACKS}
RANK: Final = {"deny": 0, "ask": 1, "allow": 2}


def test_every_shipped_policy_is_sound_and_says_what_it_is_about() -> None:
    assert GATE.library.problems == ()
    assert PACKS == ["finance", "healthcare", "standard", "strict", "supervised"]
    assert all(pack.about for pack in GATE.library.packs.values())


@pytest.mark.parametrize(
    "expected",
    [one for name in PACKS for one in TESTS[name]],
    ids=lambda one: f"{one.place.file}: {one.name}",
)
def test_a_pack_decides_as_its_tests_say(expected: Expectation) -> None:
    assert try_expectation(GATE, expected).wrong == ()


@pytest.mark.parametrize("pack", PACKS)
def test_every_policy_of_a_pack_determines_something_in_its_tests(pack: str) -> None:
    own = {one.id for one in GATE.library.rules(pack).policies if one.place.file.startswith(f"packs/{pack}/")}
    named = {policy for one in TESTS[pack] for policy in try_expectation(GATE, one).decision.policies}
    assert own <= named


@pytest.mark.parametrize("pack", PACKS)
def test_no_act_passes_that_did_not_when_something_known_of_it_is_left_out(pack: str) -> None:
    rules = GATE.library.rules(pack)
    tried = 0
    for one in itertools.chain.from_iterable(TESTS.values()):
        shard = rules.shard(one.action)
        for principal in filter(None, (one.action.actor.principal, one.action.actor.on_behalf_of)):
            try:
                asked = request(one.action, principal, shard.wanted)
            except UnreadableError:
                continue
            before = RANK[shard.rule(asked).verdict]
            for path, less in without_one(asked):
                after = shard.rule(less)
                tried += 1
                assert RANK[after.verdict] <= before, f"{one.name}: without {path}"
    assert tried > 20


def without_one(asked: Request) -> Iterator[tuple[str, Request]]:
    """Give a request without each attribute, at any depth, and without each role."""
    whole: dict[str, Any] = {
        "principal": asked.principal,
        "resource": asked.resource,
        "context": asked.context,
    }
    paths = [
        *(("context", *path) for path in paths_in(asked.context)),
        *(("resource", "attrs", *path) for path in paths_in(asked.resource["attrs"])),
        *(("principal", "attrs", *path) for path in paths_in(asked.principal["attrs"])),
    ]
    for path in paths:
        less = copy.deepcopy(whole)
        holder: Any = less
        for name in path[:-1]:
            holder = holder[name]
        del holder[path[-1]]
        yield ".".join(path), Request(**less)
    roles: Any = asked.principal["parents"]
    for number in range(len(roles)):
        less = copy.deepcopy(whole)
        del less["principal"]["parents"][number]
        yield f"role {roles[number]['id']}", Request(**less)


def paths_in(value: Any) -> Iterator[tuple[str, ...]]:
    """Give the path of every attribute."""
    if isinstance(value, dict) and "__extn" not in value:
        for name, part in value.items():  # pyright: ignore[reportUnknownVariableType]  # whatever was proposed
            yield (str(name),)  # pyright: ignore[reportUnknownArgumentType]
            yield from ((str(name), *path) for path in paths_in(part))  # pyright: ignore[reportUnknownArgumentType]


def test_a_pack_that_was_read_is_read_again_only_where_its_text_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "pack.yaml").write_text("about: first\n", encoding="utf-8")
    (own / "own.cedar").write_text("permit (principal, action, resource);\n", encoding="utf-8")
    first = load_library(tmp_path)
    parsed, compose = list[str](), yaml.compose

    def noted(text: str, loader: type[yaml.SafeLoader]) -> yaml.Node | None:
        parsed.append(text)
        return compose(text, loader)

    monkeypatch.setattr(yaml, "compose", noted)
    load_library(tmp_path)
    assert parsed == []
    (own / "pack.yaml").write_text("about: second\n", encoding="utf-8")
    second = load_library(tmp_path)
    assert parsed == ["about: second\n"]
    assert [found.packs["own"].about for found in (first, second)] == ["first", "second"]
