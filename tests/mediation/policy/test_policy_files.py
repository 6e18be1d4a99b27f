"""Files of policies that are not what they seem: each holds as it stands, or everything is denied."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.mediation.support.acts import call

from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.mediation.policy.packs import LARGEST_FILE

FORBID = '@id("closed") forbid (principal, action == Action::"tool.call", resource is Tool);\n'
PERMIT = '@id("open") permit (principal, action, resource);\n'


def verdict(folder: Path, pack: str = "standard") -> tuple[str, str]:
    """Give what is decided about a call, and why."""
    found = PolicyGate(load_library(folder), default_pack=pack).decide(call())
    return found.verdict, found.reason


@pytest.mark.parametrize(
    "name",
    [
        *("rules.cedar", ".cedar", ".hidden.cedar", " .cedar", "a b.cedar", "\u00fcber.cedar", "..cedar"),
        *("-rf.cedar", "\u202erules.cedar", "a\nb.cedar", "a\x1b[2J.cedar", "[a].cedar", "*.cedar"),
        *("x" * 240 + ".cedar", "pack.yaml.cedar"),
    ],
    ids=ascii,
)
def test_policies_hold_whatever_their_file_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FORBID, "utf-8")
    assert PolicyGate(load_library(tmp_path)).decide(call()).policies == ("closed",)


def test_a_name_that_is_no_text_is_read_all_the_same(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.cedar")).write_text(FORBID, "utf-8")
    assert PolicyGate(load_library(tmp_path)).decide(call()).policies == ("closed",)
    (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
    (tmp_path / os.fsdecode(b"caf\xe9") / "rules.cedar").write_text(FORBID, "utf-8")
    assert verdict(tmp_path)[0] == "deny"


@pytest.mark.parametrize(
    "name",
    ["rules.CEDAR", "rules.Cedar", "rules.cedar ", "rules.\uff43edar", "rules\uff0ecedar", ".CEDAR"],
    ids=ascii,
)
def test_a_file_that_somebody_may_take_for_policies_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FORBID, "utf-8")
    denied, why = verdict(tmp_path)
    assert denied == "deny"
    assert "is not read" in why


@pytest.mark.parametrize(
    "name", ["rules.cedar~", "rules.cedar.bak", ".rules.cedar.swp", "README.md", "pack.yml"]
)
def test_what_nobody_takes_for_policies_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FORBID, "utf-8")
    assert verdict(tmp_path)[0] == "allow"


@pytest.mark.parametrize("name", ["pack.yml", "PACK.YAML", "Pack.yaml", "pack.yaml "])
def test_what_a_pack_builds_on_is_not_passed_over(tmp_path: Path, name: str) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rules.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "own" / name).write_text("extends: [supervised]", "utf-8")
    assert verdict(tmp_path, "own")[0] == "deny"
    assert verdict(tmp_path)[0] == "allow"


def test_what_a_pack_builds_on_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rules.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "own" / "pack.yaml").write_text("extends: [supervised]\nextends: [standard]\n", "utf-8")
    denied, why = verdict(tmp_path, "own")
    assert denied == "deny"
    assert "'extends' is given twice" in why


def test_policies_below_a_pack_are_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "own" / "more").mkdir(parents=True)
    (tmp_path / "own" / "rules.cedar").write_text(PERMIT, "utf-8")
    (tmp_path / "own" / "more" / "forbids.cedar").write_text(FORBID, "utf-8")
    denied, why = verdict(tmp_path, "own")
    assert denied == "deny"
    assert "own/more" in why


ENCODINGS = {
    "with a mark of its encoding": b"\xef\xbb\xbf" + FORBID.encode(),
    "in UTF-16": FORBID.encode("utf-16"),
    "in UTF-32": FORBID.encode("utf-32"),
    "half a surrogate": FORBID.encode() + b"// \xed\xa0\x80\n",
    "a zero": FORBID.encode() + b"\0",
    "letters that look alike": FORBID.replace("forbid", "f\u043erbid").encode(),
    "turned around": FORBID.replace("forbid", "\u202eforbid").encode(),
    "lines of a Mac": FORBID.encode().replace(b"\n", b"\r"),
    "nothing but a comment that hides it": b"// \r" + FORBID.encode(),
}


@pytest.mark.parametrize("content", ENCODINGS.values(), ids=ENCODINGS)
def test_whatever_letters_it_is_written_in_it_holds_or_is_denied(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rules.cedar").write_bytes(content)
    assert verdict(tmp_path)[0] == "deny"


def pipe(file: Path) -> None:
    os.mkfifo(file)


def endless(file: Path) -> None:
    file.symlink_to("/dev/zero")


def folder(file: Path) -> None:
    file.mkdir()


def huge(file: Path) -> None:
    with file.open("wb") as into:
        into.truncate(LARGEST_FILE + 1)


def elsewhere(file: Path) -> None:
    other = file.parent.parent / "elsewhere"
    other.mkdir()
    (other / "any.txt").write_text(FORBID, "utf-8")
    file.symlink_to(other / "any.txt")


def up_and_around(file: Path) -> None:
    file.symlink_to(Path("..") / file.parent.name / file.name)


@pytest.mark.parametrize(
    "makes",
    [pipe, endless, folder, huge, elsewhere, up_and_around],
    ids=lambda one: one.__name__.replace("_", " "),
)
def test_what_is_no_plain_file_holds_or_everything_is_denied(
    tmp_path: Path, makes: Callable[[Path], None]
) -> None:
    (tmp_path / "policies").mkdir()
    makes(tmp_path / "policies" / "rules.cedar")
    assert verdict(tmp_path / "policies")[0] == "deny"
