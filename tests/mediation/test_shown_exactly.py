"""What a person approves is what they are shown, and exactly that is done."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from kernel.scenarios.elsewhere import Elsewhere, uses
from kernel.scenarios.governed import ASK, BOB, EVE, YES, booking, gate_of, governed
from kernel.scenarios.house import asked, begin, ended, parked, reply
from ripieno import Workflow, sequential, tool
from ripieno.cli.exact import LONGEST, exact
from ripieno.cli.output import clean, note
from ripieno.cli.tasks import show_asked
from ripieno.evidence.markdown import cell, in_words
from ripieno.journal.records import QuestionRow
from ripieno.journal.store import Store
from ripieno.kernel.commands import asked_for
from ripieno.model.errors import InputError, NotAllowedError
from ripieno.model.principal import Principal

ALIKE: Final[dict[str, tuple[Any, Any]]] = {
    "a space behind": ("visit", "visit "),
    "a space before": ("visit", " visit"),
    "two spaces": ("a visit", "a  visit"),
    "another space": ("a visit", "a\u00a0visit"),
    "a letter of another script": ("visit", "v\u0456sit"),
    "all letters of another script": ("aca", "\u0430\u0441\u0430"),
    "wide letters": ("visit", "\uff56isit"),
    "letters as one": ("find", "\ufb01nd"),
    "nothing between letters": ("visit", "vi\u200bsit"),
    "turned around": ("visit", "\u202evisit"),
    "a letter in two parts": ("\u00e9t\u00e9", "e\u0301te\u0301"),
    "a line of its own": ("visit", "visit\n"),
    "a number as text": (1, "1"),
    "a whole number": (1, 1.0),
    "a truth as text": (True, "true"),
    "nothing as text": (None, "null"),
    "fields in a text": ({"a": "x", "b": 2}, {"a": "x, b 2"}),
    "an escape as it is written": ("v\u0456sit", '"v\\u0456sit"'),
}

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(), of, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE)
def test_values_that_look_the_same_are_told_apart(pair: tuple[Any, Any]) -> None:
    one, other = (exact(value) for value in pair)
    assert one != other
    assert all("\u0456" not in text and text.isprintable() for text in (one, other))


@given(JSON, JSON)
@example("\u0430", "\\u0430")
@example("a\\u0430", "a\u0430")
def test_no_two_values_are_shown_as_the_same_line(one: Any, other: Any) -> None:
    same = json.dumps(one) == json.dumps(other)
    assert (exact(one) == exact(other)) == same
    assert exact(one).isprintable()


@pytest.mark.parametrize(
    "text", ["M\u00fcller", "\u0418\u0432\u0430\u043d\u043e\u0432", "\u65e5\u672c", "O\u2019Neil 3"]
)
def test_names_of_people_stay_as_they_are_written(text: str) -> None:
    assert exact(text) == text


# -- what is shown of an act ---------------------------------------------------------------------------


def screen(store: Store, row: QuestionRow) -> str:
    """Give what `ripieno inbox show` shows at a terminal."""
    into = io.StringIO()
    show_asked(Console(file=into, force_terminal=True, width=200, color_system=None), asked_for(store, row))
    return into.getvalue()


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("visit, path nowhere", "what  visit, path nowhere"),
        ("visit ", 'what  "visit "'),
        ("v\u0456sit\x1b[2J\x07\x9b31m", 'what  "v\\u0456sit\\u001b[2J\\u0007\\u009b31m"'),
        ("1", 'what  "1"'),
    ],
)
async def test_whoever_is_asked_sees_each_argument_as_it_is(tmp_path: Path, what: str, shown: str) -> None:
    system = Elsewhere()
    workflow = Workflow("bookings", sequential(uses(tool(system.book), what=what)))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        said = screen(host.store, question)
        await reply(host, question, YES, by=EVE)
        await ended(host, run)
    assert shown in [line.strip() for line in said.splitlines()]
    assert all(letter.isprintable() for letter in said.replace("\n", ""))
    assert list(system.booked.values()) == [f"{what} #1"]


async def test_an_argument_is_hidden_neither_by_others_nor_by_its_length(tmp_path: Path) -> None:
    @tool
    def send(**named: str) -> str:
        return named["to"]

    given = {f"field_{number}": "x" * 500 for number in range(30)} | {"to": "y" * (LONGEST + 7)}
    workflow = Workflow("letters", sequential(uses(send, **given)))
    ask = ASK.replace('"book"', '"send"')
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ask), workflow) as host:
        said = screen(host.store, await asked(host, await begin(host, workflow)))
    assert all(f"{name}  " in said for name in given)
    assert " and 7 letters more: --output json" in said


def test_nothing_that_is_shown_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = "a\x1b]0;owned\x07\x1b[2J\u202eb\x9b1m"
    note(f"{text}\nfurther")
    written = capsys.readouterr().err
    for shown in (clean(text).plain, cell(in_words({text: [text]})), written.replace("\n", "")):
        assert shown.isprintable(), shown
    assert "\nfurther" in written


# -- arguments that are put in place of others -----------------------------------------------------------


@pytest.mark.parametrize("edit", ["visit ", "v\u0456sit", "\uff56isit", "vi\u200bsit", "Visit"])
async def test_arguments_that_only_look_the_same_are_proposed_anew_by_who_changed_them(
    tmp_path: Path, edit: str
) -> None:
    system = Elsewhere()
    workflow = booking(system)
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        first = await asked(host, run)
        await parked(host, run)
        await reply(host, first, {"proceed": True, "arguments": {"what": edit}}, by=BOB)
        again = await asked(host, run, "approval/2")
        await parked(host, run)
        assert system.calls == []
        with pytest.raises(NotAllowedError):
            await reply(host, again, YES, by=BOB)
        assert f"what  {exact(edit)}" in screen(host.store, again)
        await reply(host, again, YES, by=EVE)
        await ended(host, run)
    assert list(system.booked.values()) == [f"{edit} #1"]


async def test_the_same_arguments_in_another_order_are_the_same_act(tmp_path: Path) -> None:
    told = list[dict[str, Any]]()

    @tool
    def book(what: str, where: str) -> str:
        told.append({"what": what, "where": where})
        return "booked"

    workflow = Workflow("bookings", sequential(uses(book, what="visit", where="ward")))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        same = {"where": "ward", "what": "visit"}
        await reply(host, await asked(host, run), {"proceed": True, "arguments": same}, by=BOB)
        await ended(host, run)
    assert told == [{"what": "visit", "where": "ward"}]


@pytest.mark.parametrize("amount", [100.0, "100", True])
async def test_a_number_in_another_form_is_another_act_or_none(tmp_path: Path, amount: Any) -> None:
    told = list[Any]()

    @tool
    def book(amount: int) -> str:
        told.append(amount)
        return "booked"

    workflow = Workflow("bookings", sequential(uses(book, amount=100)))
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        try:
            await reply(host, question, {"proceed": True, "arguments": {"amount": amount}}, by=BOB)
        except InputError:
            assert (await host.store.question(question.number)).state == "open"
            assert told == []
            return
        again = await asked(host, run, "approval/2")
        await parked(host, run)
        assert told == []
        await reply(host, again, YES, by=EVE)
        await ended(host, run)
    assert [type(one) for one in told] == [type(amount)]


# -- names of principals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        *(
            "\u0430da",
            "ada\u200b",
            "\uff41da",
            "a\u0301da",
            "ada\n",
            "ada ",
            "",
            "a/b",
            "a:b",
            "role:x",
            "a" * 129,
        ),
        *("ada\x1b[31m", "\u202eada", ".ada", "@ada", "ada\x00", "ad\u00e1"),
    ],
    ids=ascii,
)
def test_nobody_has_a_name_that_looks_like_another_ones(name: str) -> None:
    with pytest.raises(InputError):
        Principal("person", name)


async def test_roles_that_look_like_the_one_that_is_asked_are_not_it(tmp_path: Path) -> None:
    system = Elsewhere()
    workflow = booking(system)
    alike = ("Treasurer", "treasurer ", "tre\u0430surer", "\uff54reasurer", "treasurer\u200b", "TREASURER")
    async with governed(tmp_path / "home", gate_of(tmp_path / "policies", ask=ASK), workflow) as host:
        run = await begin(host, workflow)
        question = await asked(host, run)
        await parked(host, run)
        for role in alike:
            with pytest.raises(NotAllowedError):
                await reply(host, question, YES, by=Principal("person", "mallory", roles=frozenset({role})))
    assert system.calls == []
