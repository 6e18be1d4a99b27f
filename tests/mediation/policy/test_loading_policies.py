"""Policies that could not be relied upon are refused when they are loaded, with the place and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripieno.mediation.policy import PolicyError, load_library
from ripieno.mediation.policy.library import Library
from ripieno.mediation.policy.packs import Pack, Source


def problems(text: str) -> list[str]:
    """Give all that is wrong with a file of policies."""
    return [str(problem) for problem in loaded(text).problems]


def loaded(text: str) -> Library:
    """Give a library with a pack of these policies."""
    return Library([Pack("own", Path(), "own", (Source("own/rules.cedar", text),))])


CALL = 'principal, action == Action::"tool.call", resource is Tool'


ALL = "(principal, action, resource)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"permit {ALL} when {{ }};", "not a Cedar policy"),
        (f'@id("a") permit {ALL}', "not a Cedar policy"),
        ('@id("a") permit (principal == ?principal, action, resource);', "templates with ?principal"),
        (f"permit {ALL};", "a permit without an @id"),
        (f'@id(" ") permit {ALL};', "a permit without an @id"),
        (
            f'@id("a") @aproval("role:x") forbid {ALL};',
            "@aproval means nothing here (did you mean 'approval'?)",
        ),
        (f'@id("a") @approval("role:x") permit {ALL};', "@approval on permit 'a'"),
        ('@id("a") forbid (principal, action == Action::"tool.cal", resource);', "unrecognized action"),
        (
            '@id("a") forbid (principal, action == Action::"tool.call", resource is Run);',
            "unable to find an applicable action",
        ),
        (f'@id("a") permit {ALL};\n@id("a") forbid {ALL};', "@id('a') is taken by own/rules.cedar:2"),
    ],
)
def test_a_policy_that_could_not_be_relied_upon_is_refused(text: str, message: str) -> None:
    found = problems("// first\n" + text)
    assert any(message in one for one in found), found
    assert all(one.startswith("own/rules.cedar:") for one in found)


@pytest.mark.parametrize(
    ("approval", "message"),
    [
        ("treasurer", "does not say whom to ask"),
        ("0 of role:x", "does not say whom to ask"),
        ("2 of person:ada", "one person cannot approve 2 times"),
        ("role:x, due soon", "expected a duration"),
        ("role:x, later 4h", "'later 4h' is not understood"),
        ("role:x, then role:y", "'then role:y' is not understood"),
        ("role:x, due 4h, then 2 of role:y", "'then 2 of role:y' is not understood"),
    ],
)
def test_an_approval_that_nobody_could_give_is_refused(approval: str, message: str) -> None:
    (found,) = problems(f'@id("a") @approval("{approval}") forbid {ALL};')
    assert message in found


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("context.arguments.amount > 3", "context.arguments may not be there, and is read without a guard"),
        (
            "context has arguments && context.arguments.amount > 3",
            "context.arguments.amount may not be there",
        ),
        ('!(context has path) || context.run == "r"', "context.run may not be there"),
        ('resource.owner == "x"', "resource.owner may not be there, and is read without a guard"),
        ('resource.effct == "x"', "attribute `effct` on entity type `Tool` not found"),
        ('context.labels == "phi"', "the types String and Set<String> are not compatible"),
        ("context has arguments.n && context.arguments.n + 1 > 3", "arithmetic may overflow"),
        ("context has arguments.n && -context.arguments.n > 3", "arithmetic may overflow"),
        ('Tool::"pay".effect == "write"', 'reads an attribute of Tool::"pay"'),
        ("context == context", "reads the context as a whole"),
    ],
)
def test_a_condition_that_could_fail_when_it_is_evaluated_is_refused(condition: str, message: str) -> None:
    found = problems(f'@id("a") forbid ({CALL}) when {{ {condition} }};')
    assert any(message in one for one in found), found


def test_two_policies_that_take_an_argument_for_different_things_are_refused() -> None:
    when = "when { context has arguments.n && context.arguments.n"
    found = problems(f'@id("a") forbid ({CALL}) {when} > 3 }};\n@id("b") forbid ({CALL}) {when} == "x" }};')
    message = "b: takes context.arguments.n for text, and a (own/rules.cedar:1) for a whole number of 64 bits"
    assert message in found[0]


def test_policies_of_different_tools_may_take_it_for_different_things() -> None:
    when = "when { context has arguments.n && context.arguments.n"
    first = f'@id("a") forbid (principal, action, resource == Tool::"a") {when} > 3 }};'
    assert (
        problems(first + f'@id("b") forbid (principal, action, resource == Tool::"b") {when} == "x" }};')
        == []
    )


@pytest.mark.parametrize(
    "condition",
    [
        'context has arguments && context.arguments has to && context.arguments.to == "x"',
        'context has arguments.to && context.arguments.to == "x"',
        '!(context has arguments.to) || context.arguments.to == "x"',
        '!(context has arguments) || !(context.arguments has to) || context.arguments.to == "x"',
        'if context has arguments.to then context.arguments.to == "x" else true',
        '!(context has provenance) || context.provenance.to != "trusted"',
        'context.labels.containsAny(["phi", "pii"]) && resource.effect == "write"',
        'principal in [Role::"a", Role::"b"] || principal is Agent in Role::"c"',
        "context has arguments.a && context has arguments.b && context.arguments.a == context.arguments.b",
        "3 + 4 > 5",
    ],
)  # fmt: skip
def test_a_policy_that_asks_before_it_reads_is_sound(condition: str) -> None:
    assert problems(f'@id("a") forbid ({CALL}) when {{ {condition} }};') == []


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_files_and_lines() -> None:
    found = problems(
        "permit (principal, action, resource);\n\n// a;b\n"
        'permit (principal, action, resource) when { "a;b\\"" == principal.name };'
    )
    assert [one.partition(" ")[0] for one in found] == ["own/rules.cedar:1:", "own/rules.cedar:4:"]


def test_files_hold_under_every_pack_and_folders_are_packs(tmp_path: Path) -> None:
    (tmp_path / "everywhere.cedar").write_text('@id("house") forbid (principal, action, resource);')
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "pack.yaml").write_text("about: claims\nextends: [finance]\n")
    (tmp_path / "claims" / "rules.cedar").write_text('@id("claims") permit (principal, action, resource);')
    library = load_library(tmp_path)
    assert library.problems == ()
    ids = {one.id for one in library.rules("claims").policies}
    assert {"house", "claims", "four-eyes-above-100000", "participants-work"} <= ids
    standard = {one.id for one in library.rules("standard").policies}
    assert "house" in standard
    assert "claims" not in standard


def test_where_a_project_has_no_policies_the_shipped_ones_hold(tmp_path: Path) -> None:
    assert load_library(tmp_path / "policies").version == load_library().version


@pytest.mark.parametrize(
    ("name", "about", "message"),
    [
        ("own", "extends: [standart]", "no policy pack is called 'standart' (did you mean 'standard'?)"),
        ("own", "extends: standard", "expected `about`, a text, and `extends`, a list of packs"),
        ("own", "extend: [standard]", "expected `about`, a text, and `extends`, a list of packs"),
        ("own", "- a", "expected `about`, a text, and `extends`, a list of packs"),
        ("own", "a: [", "cannot be read"),
        ("strict", "about: mine", "a pack called 'strict' ships with Ripieno"),
    ],
)
def test_a_pack_that_cannot_be_used_is_refused_with_its_file(
    tmp_path: Path, name: str, about: str, message: str
) -> None:
    folder = tmp_path / "policies" / name
    folder.mkdir(parents=True)
    (folder / "rules.cedar").write_text('@id("a") permit (principal, action, resource);')
    (folder / "pack.yaml").write_text(about)
    library = load_library(tmp_path / "policies")
    with pytest.raises(PolicyError) as refused:
        library.rules(name)
    assert message in str(refused.value)
    assert f"policies/{name}" in str(refused.value)
    assert library.rules("standard")


def test_a_pack_may_build_on_another_one_that_builds_on_it(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pack.yaml").write_text(f"extends: [{other}]")
        (tmp_path / name / "rules.cedar").write_text(f'@id("{name}") permit (principal, action, resource);')
    library = load_library(tmp_path)
    assert [one.id for one in library.rules("a").policies] == ["a", "b"]
    assert [one.id for one in library.rules("b").policies] == ["a", "b"]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rules.cedar").write_bytes(b"\xff\xfe")
    assert "cannot be read" in str(load_library(tmp_path, shown="p").problems[0])


def test_the_version_changes_with_every_text_and_with_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "rules.cedar"
    file.write_text('@id("a") forbid (principal, action, resource);')
    first, again = load_library(tmp_path), load_library(tmp_path)
    file.write_text('@id("a") forbid (principal, action, resource is Tool);')
    changed = load_library(tmp_path)
    assert first.version == again.version != changed.version
    assert first.rules("strict").version == again.rules("strict").version != changed.rules("strict").version
    assert first.rules("strict").version != first.rules("standard").version


def test_a_folder_called_packs_does_not_stand_in_for_those_that_ship(tmp_path: Path) -> None:
    own = tmp_path / "packs" / "mine"
    own.mkdir(parents=True)
    (own / "work.cedar").write_text('@id("own") permit (principal, action, resource);')
    library = load_library(tmp_path / "packs")
    assert [one.id for one in library.rules("mine").policies] == ["own"]
    assert "participants-work" in {one.id for one in library.rules("standard").policies}
