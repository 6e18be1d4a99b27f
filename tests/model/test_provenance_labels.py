"""Labels: how they are declared, combined, written down and said."""

from __future__ import annotations

from typing import Any

import pytest

from ripieno import Workflow, function, tool
from ripieno.model.errors import DefinitionError
from ripieno.model.gate import SHUT, Action, Actor, Subject
from ripieno.model.principal import Principal
from ripieno.model.provenance import Label, Traced, combined, in_words, least_trusted


def test_what_says_nothing_is_untrusted() -> None:
    assert Label.read({}) == Label.read({"trust": "model"}) == Label("untrusted")
    assert Label.read({"trust": "trusted", "data": ["phi"]}) == Label("trusted", frozenset({"phi"}))


def test_a_label_is_read_as_it_was_written() -> None:
    for one in (Label("trusted"), Label("untrusted", frozenset({"phi", "pii"}))):
        assert Label.read(one.document()) == one


def test_several_combine_to_the_least_trusted_and_nothing_is_trusted() -> None:
    assert combined([]) == Label("trusted")
    assert least_trusted(["model", "untrusted", "vouched"]) == "untrusted"
    assert combined([Label("vouched", frozenset({"phi"})), Label("model")]) == Label(
        "model", frozenset({"phi"})
    )


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"trust": "yes"}, "trust must be 'trusted' or 'untrusted', got 'yes'"),
        ({"data": ["pfi"]}, "unknown class of data 'pfi' - did you mean 'phi'?"),
    ],
)
def test_what_is_no_label_is_refused_where_it_is_declared(declared: dict[str, Any], said: str) -> None:
    def look(input: Any) -> Any:  # noqa: A002 - the name of the parameter
        return input

    makers: Any = (tool, function)
    for make in makers:
        with pytest.raises(DefinitionError) as refused:
            make(**declared)(look)
        assert said.partition(" - ")[0] in str(refused.value)
    with pytest.raises(DefinitionError, match="the input of w: trust must be"):
        Workflow("w", function(look), input_trust="perhaps")  # pyright: ignore[reportArgumentType] - what is refused


def test_a_source_is_said_in_a_sentence() -> None:
    by = {
        "how": "exact",
        "trust": "untrusted",
        "what": "tool mail",
        "run": "r",
        "event": 3,
        "path": "a@1/tool/1",
    }
    assert in_words({"trust": "untrusted", "data": ["pii"], "by": [by]}) == (
        "untrusted (pii): tool mail (untrusted), step a@1/tool/1, exact"
    )
    whole = {**by, "path": "", "what": "input by person:ada"}
    made, derived = {"how": "made up", "trust": "model"}, {"how": "derived", "trust": "trusted"}
    assert in_words({"trust": "model", "by": [whole, made, derived]}) == (
        "model: input by person:ada (untrusted), exact; made up by the agent; derived from what was read"
    )
    such = {"how": "derived", "trust": "untrusted", "like": by}
    assert in_words({"trust": "untrusted", "by": [such]}) == (
        "untrusted: derived from what was read, such as tool mail (untrusted), step a@1/tool/1"
    )


def test_what_was_traced_is_read_as_it_was_recorded() -> None:
    document = {
        "provenance": {"to": "model"},
        "sources": ["model"],
        "shown": ["trusted"],
        "labels": ["pii"],
        "from": {"to": {"trust": "model", "by": [{"how": "made up", "trust": "model"}]}},
    }
    found = Traced.read(document)
    assert (found.provenance, found.sources, found.shown, found.labels) == (
        {"to": "model"},
        ("model",),
        ("trusted",),
        ("pii",),
    )
    assert found.for_people() == {"to": "model: made up by the agent"}


def test_where_no_gate_was_given_nothing_is_looked_for() -> None:
    act = Action("tool.call", "tool.call", Actor(Principal("person", "ada")), Subject("tool", "pay"))
    assert SHUT.traces(act) == frozenset()
    with pytest.raises(NotImplementedError):
        SHUT.tracer(None, "r")  # pyright: ignore[reportArgumentType] - nobody asks
