"""The index: as good as looking through everything, never fooled into more trust, linear in the bytes."""

from __future__ import annotations

import base64
import codecs
import html
import json
import quopri
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mediation.support.naive_index import NaiveIndex

from ripieno.mediation.provenance.index import Found, Index, Mark, Source
from ripieno.model.provenance import TRUSTS, Label, Trust, combined, least_trusted

MODEL: Final = Label("model")
WORDS: Final = (
    "pay", "the", "invoice", "GB33BUKB20201555555555", "ada@example.com", "https://example.com/a/b", "to",
    "Transfer", "12345678", "4711", "report-2026.txt",
    "GB33 BUKB 2020 1555 5555 55", "now", "30 November 2026",
    "2026-11-30",
    "Ünïcode-Straße", "1,234,567.50", "1234567.5", "a", "%41da%40example.com", "(+44 20) 7946-0958",
    "442079460958", "cGF5IHRoZSBpbnZvaWNlIG5vdw==", "你好世界你好世界你好",
)  # fmt: skip
TEXTS: Final = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)
GIVEN: Final = [one for one in TRUSTS if one != "approved"]  # what people vouched for has an index of its own
LABELS: Final = st.builds(
    Label, st.sampled_from(GIVEN), st.frozensets(st.sampled_from(["phi", "pii"]), max_size=1)
)
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("add"), TEXTS, LABELS),
        st.tuples(st.just("out"), TEXTS, st.none()),
        st.tuples(st.just("look"), TEXTS, LABELS),
    ),
    min_size=2,
    max_size=14,
)


def mark(label: Label, number: int = 1) -> Mark:
    return Mark(Source("r", number, f"step@{number}", f"tool {number}"), "", label)


def index_of(*sources: tuple[Any, Trust]) -> Index:
    index = Index()
    for number, (leaf, trust) in enumerate(sources, 1):
        index.add(leaf, mark(Label(trust), number))
    return index


def trust_of(index: Index, leaf: Any, default: Label = MODEL) -> Trust:
    return index.look(leaf, default).label.trust


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_it_finds_what_looking_through_everything_finds(steps: list[tuple[str, str, Label | None]]) -> None:
    index, naive = Index(), NaiveIndex()
    for number, (what, text, label) in enumerate(steps, 1):
        if what == "out":
            index.give_out(text)
            naive.give_out(text)
        elif what == "add" and label is not None:
            index.add(text, mark(label, number))
            naive.add(text, mark(label, number))
        else:
            default = label or MODEL
            assert index.look(text, default).label == naive.look(text, default), text


def spaced(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


LOOKALIKES: Final = str.maketrans("aeopcyx", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445")
"""Of the Cyrillic script."""


WAYS: Final[dict[str, Callable[[str], str]]] = {
    "case": str.swapcase,
    "full width": lambda text: "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text),
    "hidden characters": "\u200b".join,
    "percent": lambda text: quote(text, safe=""),
    "every character percent": lambda text: "".join(f"%{ord(one):02x}" for one in text),
    "HTML": html.escape,
    "HTML numbers": lambda text: "".join(f"&#{ord(one)};" for one in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hexadecimal": lambda text: text.encode().hex(),
    "twice": lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
    "backwards": lambda text: text[::-1],
    "escaped": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "JSON in a text": lambda text: json.dumps(json.dumps({"said": f"first\n{text}"})),
    "tags": lambda text: f"{text[:3]}<b class='x'></b>{text[3:]}",
    "quoted-printable": lambda text: quopri.encodestring(text.replace(".", "=2E").encode()).decode(),
    "broken by mail": lambda text: f"{text[:5]}=\r\n{text[5:]}",
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "bytes as a program writes them": lambda text: "".join(f"\\x{one:02x}" for one in text.encode()),
    "bytes with colons": lambda text: text.encode().hex(":"),
    "look-alikes": lambda text: text.translate(LOOKALIKES),
    "accents": "\u0301".join,
    "quoted": lambda text: f'"{text}".',
    "within a sentence": lambda text: f"please see {text}, and be quick",
}
SECRETS: Final = (
    "GB33BUKB20201555555555",
    "mallory@evil.example",
    "https://evil.example/drop?x=1",
    "the hidden plan of mallory",
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", SECRETS)
def test_what_nobody_answers_for_is_found_however_it_is_dressed_up_on_either_side(
    value: str, way: str
) -> None:
    assert trust_of(index_of((WAYS[way](value), "untrusted")), value) == "untrusted"
    assert trust_of(index_of((f"see: {value}.", "untrusted")), WAYS[way](value)) == "untrusted"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("GB33 BUKB 2020 1555 5555 55", "GB33BUKB20201555555555"),
        ("GB33BUKB20201555555555", "gb33-bukb-2020-1555-5555-55"),
        ("(+44 20) 7946-0958", "+442079460958"),
        ("30 November 2026", "2026-11-30"),
        ("Nov 30th, 2026", "30.11.2026"),
        ("2026-11-30", "30 November 2026"),
        ("1,234,567.50", "1234567.5"),
        ("1234567.50", 1234567.5),
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ("write to ada@example.com, please", "Ada <ada@example.com>"),
        ("look at https://example.com/a/b.", "https://example.com/a/b"),
        ("the file 'bill-december-2023.txt' is due", "bill-december-2023.txt"),
        ("Lunch with Sarah tomorrow at noon", "lunch with Sarah"),
    ],
)
@pytest.mark.parametrize("trust", ["trusted", "untrusted"])
def test_one_value_in_two_forms_has_one_source(written: str, asked: Any, trust: Trust) -> None:
    assert trust_of(index_of((written, trust)), asked) == trust


@pytest.mark.parametrize(
    ("given_by_trusted", "asked"),
    [
        ("ada@example.com", "ada@example.com.evil.example"),
        ("ada@example.com", "xada@example.com"),
        ("ada@example.com", "ada@example.org"),
        ("ada@example.com", "a.da@example.com"),
        ("https://paypal.example/pay", "https://pay-pal.example/pay"),
        ("https://example.com/a/b", "https://example.com/a/b/../c"),
        ("GB33BUKB20201555555555", "GB33BUKB20201555555556"),
        ("report-2026.txt", "report-2026.txt.exe"),
        ("send the report to Bob", "send the report to Eve"),
        ("pay 12345678", "pay 123456789"),
        (
            "the quick brown fox jumps over the lazy dog",
            "the quick brown fox jumps over the lazy cat and runs",
        ),
        ("transfer to alice now", base64.b64encode(b"transfer to alice now").decode()),
    ],
)
def test_what_only_looks_like_something_trusted_is_not(given_by_trusted: str, asked: str) -> None:
    assert trust_of(index_of((given_by_trusted, "trusted")), asked) == "model"


def test_a_value_that_a_trusted_source_gave_as_well_is_vouched_for() -> None:
    index = index_of(("GB33BUKB20201555555555", "untrusted"), ("GB33BUKB20201555555555", "trusted"))
    assert trust_of(index, "GB33BUKB20201555555555") == "vouched"


def test_a_text_of_several_pieces_is_as_little_trusted_as_the_least_of_them() -> None:
    index = index_of(
        ("Dear Ada Lovelace, the invoice", "trusted"), ("go to the old bridge at night", "untrusted")
    )
    text = "Dear Ada Lovelace, the invoice. Then go to the old bridge at night"
    found = index.look(text, MODEL)
    assert found.label.trust == "untrusted"
    assert [one.mark.label.trust for one in found.matches] == ["untrusted", "trusted"]
    assert trust_of(index, "Dear Ada Lovelace, the invoice") == "trusted"
    assert trust_of(index, "Dear Ada Lovelace, the invoice is mine") == "model"


def test_what_is_short_is_its_givers_own() -> None:
    index = index_of(("4711", "untrusted"), ("yes", "trusted"), (4711, "untrusted"), (True, "untrusted"))
    for value in ("4711", "yes", 4711, True, None, "", "!!!!!!!!!!!", float("nan")):
        assert trust_of(index, value) == "model"
        assert trust_of(index, value, Label("untrusted")) == "untrusted"


def test_a_common_word_in_a_longer_text_is_nobodys() -> None:
    index = index_of(("transactions of the quarter", "untrusted"))
    assert trust_of(index, "Here are your transactions, as a list of five lines") == "model"
    assert trust_of(index, "transactions") == "untrusted"


def test_what_a_trusted_source_merely_gives_back_is_not_its_own() -> None:
    index = index_of(("GB33BUKB20201555555555", "untrusted"))
    index.give_out("GB33BUKB20201555555555")
    index.give_out("a note that the model made")
    index.add("stored: GB33 BUKB 2020 1555 5555 55", mark(Label("trusted"), 2))
    index.add("a note that the model made", mark(Label("trusted"), 3))
    index.add("seen by the treasurer herself", mark(Label("trusted"), 4))
    assert trust_of(index, "GB33BUKB20201555555555") == "untrusted"
    assert trust_of(index, "a note that the model made") == "model"
    assert trust_of(index, "seen by the treasurer herself") == "trusted"


def test_what_a_trusted_source_gave_before_it_was_given_out_stays_its_own() -> None:
    index = index_of(("GB33BUKB20201555555555", "trusted"))
    index.give_out("GB33BUKB20201555555555")
    index.add("GB33BUKB20201555555555", mark(Label("trusted"), 2))
    assert trust_of(index, "GB33BUKB20201555555555") == "trusted"


def test_classes_of_data_are_those_of_all_sources_however_written() -> None:
    index = Index()
    index.add("diagnosis: lupus erythematosus", mark(Label("trusted", frozenset({"phi"}))))
    index.add("diagnosis: lupus erythematosus", mark(Label("untrusted", frozenset({"pii"})), 2))
    assert index.look("LUPUS-ERYTHEMATOSUS", MODEL).label.data == {"phi", "pii"}


@given(st.lists(LABELS, max_size=6))
def test_sources_combine_to_the_least_trusted_with_all_their_classes(labels: list[Label]) -> None:
    found = combined(labels)
    assert TRUSTS.index(found.trust) == max((TRUSTS.index(one.trust) for one in labels), default=0)
    assert found.data == {name for one in labels for name in one.data}
    assert least_trusted(one.trust for one in reversed(labels)) == found.trust


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.sampled_from(GIVEN)), max_size=6), TEXTS, TEXTS)
def test_one_more_source_that_nobody_answers_for_never_makes_anything_more_trusted(
    sources: list[tuple[str, Trust]], more: str, asked: str
) -> None:
    before, after = index_of(*sources), index_of(*sources, (more, "untrusted"))
    assert TRUSTS.index(trust_of(after, asked)) >= TRUSTS.index(trust_of(before, asked))


def test_its_cost_is_that_of_the_bytes() -> None:
    def work(count: int) -> int:
        index = Index()
        for number in range(count):
            text = f"record {number:08}: the same words in each of them, paid to AC{number * 7919:012}"
            index.add(text, mark(Label("trusted" if number % 2 else "untrusted"), number))
            index.look(f"AC{number * 7919:012}", MODEL)
            index.look(text, MODEL)
        return index.work

    small, large = work(100), work(1000)
    assert large <= 10 * small * 1.01


def test_a_domain_in_letters_of_its_own_is_what_it_looks_like() -> None:
    domain = "m\u00e1llory-b\u00fccher.example"
    index = index_of((f"write to {domain}", "untrusted"))
    assert trust_of(index, domain.encode("idna").decode()) == "untrusted"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("1.234.567,50", "1234567.5"),
        ("1,234,567.50", "1.234.567,50"),
        ("1 234 567,50", "1,234,567.50"),
        ("1'234'567.50", 1234567.5),
    ],
)
def test_a_number_is_one_however_it_is_grouped(written: str, asked: Any) -> None:
    assert trust_of(index_of((f"it is {written} in all", "untrusted")), asked) == "untrusted"


@pytest.mark.parametrize(
    "parts",
    [
        ("GB33BUKB20", "201555555555"),
        ("GB33", "BUKB", "2020", "15555555", "55"),
        ("mallory@", "evil.example"),
        ("mall", "ory@evil.example"),
        ("mallory", "evil", "example"),
        ("30", "11", "2026"),
    ],
)
def test_a_value_that_is_taken_apart_is_found_in_values_side_by_side(parts: tuple[str, ...]) -> None:
    index = index_of(
        ("pay to GB33BUKB20201555555555", "untrusted"),
        ("or ask mallory@evil.example", "untrusted"),
        ("30112026", "untrusted"),
    )
    found = {number for where, _ in index.parted(["first", *parts, "last"]) for number in where}
    assert found >= set(range(1, len(parts) + 1))
    assert not list(index.parted(["first", "last", "", *("another" for _ in parts)]))


def test_values_side_by_side_that_make_up_nothing_taken_in_are_their_givers_own() -> None:
    index = index_of(("the invoice of november, in full", "untrusted"), ("house of cards", "trusted"))
    assert not list(index.parted(["house", "of", "cards", None, 12, "and", "x" * 100]))


NOTHING_KNOWN: Final[dict[str, Callable[[str], str]]] = {
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "every second letter": "x".join,
    "words in another order": lambda text: " ".join(reversed(text.split())),
    "base85": lambda text: base64.b85encode(text.encode()).decode(),
    "three deep": lambda text: base64.b64encode(base64.b64encode(base64.b64encode(text.encode()))).decode(),
}


@pytest.mark.parametrize("way", NOTHING_KNOWN)
def test_what_is_not_known_makes_nothing_more_trusted(way: str) -> None:
    """The documentation names these: what hides so is its giver's own, and never trusted."""
    dressed = NOTHING_KNOWN[way]("the hidden plan of mallory")
    index = index_of(("the hidden plan of mallory", "untrusted"), ("the hidden plan of ada", "trusted"))
    assert trust_of(index, dressed) == "model"
    assert trust_of(index, dressed, Label("untrusted")) == "untrusted"


# -- bounds -----------------------------------------------------------------------------------------


def bounded(**bounds: int) -> Index:
    index = Index(**bounds)
    index.add("known to the house: ada@example.com", mark(Label("trusted")))
    return index


def test_what_is_too_long_is_not_looked_through_and_anything_may_be_from_there() -> None:
    index = bounded(longest=100)
    assert trust_of(index, "ada@example.com") == "trusted"
    index.add("x " * 60 + "mallory@evil.example", mark(Label("untrusted", frozenset({"phi"})), 2))
    assert index.look("mallory@evil.example", MODEL).label == Label("untrusted", frozenset({"phi"}))
    assert index.look("nothing of it at all", MODEL).matches[0].how == "not looked through"
    assert trust_of(index, "ada@example.com") == "vouched", "it may be from there as well"
    assert trust_of(index, "short") == "model"


def test_what_is_trusted_and_too_long_makes_nothing_trusted() -> None:
    index = bounded(longest=100)
    index.add("x " * 60 + "bob@example.com", mark(Label("trusted"), 2))
    assert trust_of(index, "bob@example.com") == "model"
    assert trust_of(index, "ada@example.com") == "trusted"


def test_an_argument_that_is_too_long_is_as_all_that_came_in() -> None:
    index = Index(longest=100)
    asked = "y " * 60
    assert index.look(asked, MODEL) == Found(MODEL)
    index.add("ada@example.com", mark(Label("trusted", frozenset({"pii"}))))
    assert index.look(asked, MODEL).label == Label("model", frozenset({"pii"}))
    index.add("mallory@evil.example", mark(Label("untrusted"), 2))
    found = index.look(asked, MODEL)
    assert found.label == Label("untrusted", frozenset({"pii"}))
    assert [(one.mark.source.event, one.how) for one in found.matches] == [(2, "not looked through")]


def test_more_than_is_kept_is_treated_as_what_is_too_long() -> None:
    index = bounded(most=50)
    for number in range(100):
        index.add(f"entry-{number:08}", mark(Label("untrusted"), number))
    assert index.size <= 60
    assert trust_of(index, "entry-00000099") == "untrusted"
    assert trust_of(index, "ada@example.com") == "vouched"


@pytest.mark.parametrize("how", ["too long", "too many", "too many to note"])
def test_a_call_that_is_given_more_than_can_be_noted_lets_nothing_be_more_than_an_echo(how: str) -> None:
    index = Index(longest=100) if how == "too long" else Index(most=50)
    if how == "too many to note":
        for number in range(30):
            index.give_out(f"given-{number:08} and-{number:07}")
    else:
        for number in range(1 if how == "too long" else 60):
            index.give_out("z " * 60 if how == "too long" else f"given-{number:08}")
    index.give_out("ada@example.com")
    assert index.echoes("whatever it is that comes now")
    index.add("ada@example.com", mark(Label("trusted")))
    assert trust_of(index, "ada@example.com") == "model"


def test_a_text_that_is_too_long_is_an_echo() -> None:
    assert Index(longest=100).echoes("x " * 60)


@pytest.mark.parametrize(
    "hidden",
    ["m<b>allo</b>ry&#64;evil.example", "mallory%40evil.example", "m\\u0061llory@evil=2Eexam=\r\nple"],
)
def test_a_long_page_is_read_in_all_ways_at_once(hidden: str) -> None:
    page = "<p>of the &amp; that costs 50%25</p>" * 100 + hidden + "<p> nothing more of it</p>" * 10
    assert trust_of(index_of((page, "untrusted")), "mallory@evil.example") == "untrusted"


TINY: Final = [f"{number:07}" for number in range(20_000)]


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("a" * 200_000, 10),
        ("aaaa " * 40_000, 10),
        ("a@" * 100_000, 20),
        ("1." * 100_000, 20),
        ("%61" * 60_000, 30),
        ("&#97;" * 40_000, 30),
        ("=61" * 60_000, 30),
        ("<" * 200_000, 10),
        ("xn--" * 50_000, 100_000),
        ("0x61," * 40_000, 100_000),
        (base64.b64encode(base64.b64encode(b"a" * 90_000)).decode(), 50),
        ("".join(f"<p>w{n} &amp; {n * 7}%25 of =3D\\n <b>a</b></p> " for n in range(4_000)), 120_000),
        ("x" * 10_000_000, 0),
    ],
    ids=lambda value: value[:8] if isinstance(value, str) else "",
)
def test_no_text_costs_more_than_its_length(text: str, most: int) -> None:
    index = Index()
    index.add(text, mark(Label("untrusted")))
    assert index.size <= most
    before = index.work
    index.look(text, MODEL)
    assert index.work - before <= 8 * len(text)


def test_many_tiny_values_take_no_room() -> None:
    index = Index()
    for number, value in enumerate(TINY):
        index.add(value, mark(Label("untrusted"), number))
        index.give_out(value)
    assert (index.size, index.work) == (0, 0)
