"""What a run has taken in, so that any value can be looked up in it at the cost of its own length.

Two tables. What trusted sources gave is kept as it stands, punctuation and all: only that makes a value
trusted. What others gave is kept by its letters and digits alone, decoded where it was encoded: however it
was dressed up, it is found. So a transformation that is overlooked never makes anything more trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ripieno.mediation.provenance.formats import addressed, decodings, written
from ripieno.mediation.provenance.words import LEAST, LONGEST, Text, Window, Word, text_of, windows
from ripieno.model.provenance import TRUSTS, Label, Trust, combined, least_trusted

__all__ = ["MOST_KEPT", "Found", "How", "Index", "Mark", "Match", "Source", "together"]

How = Literal[
    "reference",
    "exact",
    "contained",
    "in part",
    "another form",
    "decoded",
    "with those beside it",
    "not looked through",
    "made up",
    "derived",
    "approved",
]

WHOLE: Final = "="
FORM: Final = "\0"
DEEPEST: Final = 2
"""So often is decoded what was encoded."""
MOST: Final = 4
"""So many sources of one value are told of."""
MOST_KEPT: Final = 1_000_000
"""So many windows and forms are kept of a run; what comes after is treated as what is too long."""
BRIEFEST: Final = 64
PARTS: Final = 8
"""Over so many values in a row one is sought that was taken apart."""


@dataclass(frozen=True, slots=True)
class Source:
    """One thing that a run has taken in."""

    run: str
    event: int
    path: str
    what: str
    """Such as `tool mail.read`, `input`, `answer of person:ada`."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """Where a piece of text comes from, and what is said of it; one object for all windows of a leaf."""

    source: Source
    at: str
    """Where in what the source gave."""
    label: Label


@dataclass(frozen=True, slots=True)
class Match:
    """A source of a value, and how that was seen."""

    mark: Mark
    how: How


@dataclass(frozen=True, slots=True)
class Found:
    """Where a value comes from."""

    label: Label
    matches: tuple[Match, ...] = ()
    """What decided comes first."""


Marks = tuple[Mark, ...]


class Index:
    """What was taken in by one run; only ever added to."""

    def __init__(self, *, most: int = MOST_KEPT, longest: int = LONGEST) -> None:
        self._trusted: dict[str, Marks] = {}
        self._others: dict[str, Marks] = {}
        self._given_out: set[str] = set()
        """Windows of what calls were given that no trusted source had given as it stands."""
        self._to_note: list[str] = []
        """What calls were given since a trusted source gave something: noted once one does."""
        self._anything_given = False
        """True once a call was given more than can be noted: then all may be an echo."""
        self._left_out: Mark | None = None
        """The first thing that was not looked through, with what is said of all that was not."""
        self._least: Mark | None = None
        """The first of the least trusted that came in, with the classes of data of all that did."""
        self._most, self._longest = most, longest
        self.work = 0
        """How many windows and forms were entered or looked up: what it has cost, whatever the machine."""

    @property
    def least(self) -> Mark | None:
        """The first of the least trusted that came in."""
        return self._least

    @property
    def size(self) -> int:
        """How many windows and forms are kept."""
        return len(self._trusted) + len(self._others) + len(self._given_out)

    # -- what comes in ----------------------------------------------------------------------------

    def add(self, leaf: Any, mark: Mark) -> None:
        """Take in a leaf that a source gave."""
        raw = text_of(leaf)
        self._least = together(self._least, mark)
        if len(raw) > self._longest or self.size >= self._most:
            if mark.label.trust != "trusted" or mark.label.data:
                self._left_out = together(self._left_out, mark)
            return
        text = Text(raw)
        if text.short:
            return
        if mark.label.trust in ("trusted", "vouched", "approved"):
            self._add_trusted(text, mark)
        if mark.label.trust != "trusted" or mark.label.data:
            self._add_others(raw, text, (mark,), 0)

    def _add_trusted(self, text: Text, mark: Mark) -> None:
        """Enter what is trusted, but for what it may merely echo."""
        echoed = self._echoed(text)
        clean = [not any(echoed[one] for one in within) for within in words_within(text)]
        marks = (mark,)
        for wide in (False, True):
            for window in windows(text.pieces, wide=wide, between=" ", both=True):
                if all(clean[window.start : window.end]):
                    self._enter(self._trusted, window.text, marks)
        for form, start, end in written(text.plain):
            if not any(echoed[number] for number in numbers(text.words, start, end)):
                self._enter(self._trusted, FORM + form, marks)
        if not any(echoed):
            self._enter(self._trusted, whole(text), marks)

    def echoes(self, leaf: Any) -> bool:
        """Tell whether anything in a text was given to a call before, and not by a trusted source first."""
        raw = text_of(leaf)
        return len(raw) > self._longest or any(self._echoed(Text(raw)))

    def _echoed(self, text: Text) -> list[bool]:
        self._note_given()
        echoed = [self._anything_given] * len(text.words)
        if self._given_out:
            for window in windows(text.words, wide=False):
                self.work += 1
                if window.text in self._given_out:
                    echoed[window.start : window.end] = [True] * (window.end - window.start)
            for form, start, end in written(text.plain):
                self.work += 1
                if FORM + form in self._given_out:
                    for number in numbers(text.words, start, end):
                        echoed[number] = True
        return echoed

    def _add_others(self, raw: str, text: Text, marks: Marks, depth: int) -> None:
        for wide in (False, True):
            for window in windows(text.words, wide=wide):
                self._enter(self._others, window.text, marks)
        for form, _, _ in written(text.plain):
            self._enter(self._others, FORM + form, marks)
        self._enter(self._others, WHOLE + text.squeezed, marks)
        if depth < DEEPEST:
            for decoded in decodings(raw):
                inner = Text(decoded)
                if not inner.short:
                    self._add_others(decoded, inner, marks, depth + 1)

    def _enter(self, table: dict[str, Marks], key: str, marks: Marks) -> None:
        """Enter a key; of each kind of source the first one is kept."""
        self.work += 1
        known = table.get(key)
        if known is None:
            table[key] = marks
        elif all(one.label != marks[0].label for one in known):
            table[key] = known + marks

    def give_out(self, leaf: Any) -> None:
        """Note what a call is given: a trusted source that gives it back may merely echo it."""
        raw = text_of(leaf)
        if len(raw) < LEAST or self._anything_given:
            return
        if len(raw) > self._longest or len(self._to_note) >= self._most:
            self._anything_given = True
            self._to_note.clear()
        else:
            self._to_note.append(raw)

    def _note_given(self) -> None:
        """Note what calls were given up to now; nothing trusted has come in since."""
        while self._to_note:
            if self.size >= self._most:
                self._anything_given = True
                self._to_note.clear()
                return
            self._note(Text(self._to_note.pop()))

    def _note(self, text: Text) -> None:
        if text.short:
            return
        covered = self.covering(text)
        for window in windows(text.words, wide=False):
            if not all(covered[window.start : window.end]):
                self._given_out.add(window.text)
        for form, start, end in written(text.plain):
            if not all(covered[number] for number in numbers(text.words, start, end)):
                self._given_out.add(FORM + form)

    # -- what goes out ----------------------------------------------------------------------------

    def look(self, leaf: Any, default: Label, approved: Index | None = None) -> Found:
        """Find where a leaf comes from; what matches nothing is as `default` says.

        approved: what somebody has vouched for, which counts where a word is of nothing better.
        """
        raw = text_of(leaf)
        if len(raw) > self._longest:
            return self._unseen(default)
        text = Text(addressed(raw))
        if text.short:
            return Found(default)
        covered, touched = self.covering(text), self._touched(text)
        if self._left_out is not None:
            rest = (self._left_out,)
            touched = [merged(others, rest) for others in touched]
        vouched = [None] * len(covered) if approved is None else approved.covering(text)
        inner = () if all(vouched) else tuple(self._hidden(raw, text))
        words: list[Trust] = [
            approved_of(word_of(by, others, default.trust), ok)
            for by, others, ok in zip(covered, touched, vouched, strict=True)
        ]
        trust = least_trusted([*words, *(one.label.trust for one in inner)])
        marks = [mark for found in (*covered, *touched) for mark in found or ()]
        unmatched = any(not by and not others for by, others in zip(covered, touched, strict=True))
        data = frozenset[str]().union(*(mark.label.data for mark in (*marks, *inner)))
        if unmatched:
            data |= default.data
        by = next((found[0] for found in vouched if found), None) if trust == "approved" else None
        matches = self._matches(text, covered, touched, inner)
        return Found(Label(trust, data), (*([Match(by, "approved")] if by else []), *matches))

    def _hidden(self, raw: str, text: Text) -> Iterator[Mark]:
        """Give the sources, none of them trusted, of what a value holds that is not read off it at once."""
        yield from self._inner(raw, 0)
        if text.brief:
            yield from (mark for found in self._touched(Text(raw[::-1])) for mark in found or ())

    def _unseen(self, default: Label) -> Found:
        """Find what is said of what is too long to be looked through: it may be of all that came in."""
        if self._least is None:
            return Found(default)
        return Found(combined([default, self._least.label]), (Match(self._least, "not looked through"),))

    def parted(self, leaves: Sequence[Any]) -> Iterator[tuple[range, Mark]]:
        """Give where a few brief values in a row make up one that a source gave, none of them trusted."""
        texts = [Text(raw) if len(raw := text_of(leaf)) <= BRIEFEST else None for leaf in leaves]
        for start, first in enumerate(texts):
            joined = "" if first is None else first.squeezed
            for end, text in enumerate(texts[start + 1 : start + PARTS], start + 2):
                if not joined or text is None or not text.squeezed:
                    break
                joined += text.squeezed
                if len(joined) >= LEAST:
                    for mark in self._made_up_of(joined):
                        yield range(start, end), mark

    def _made_up_of(self, joined: str) -> Iterator[Mark]:
        for key in (joined, WHOLE + joined, *(FORM + form for form, _, _ in written(joined))):
            yield from (mark for mark in self._find(self._others, key) or ())

    def covering(self, text: Text) -> list[Marks | None]:
        """Give for each word the trusted sources that gave it as it stands, with what is around it."""
        covered: list[Marks | None] = [None] * len(text.words)
        if not self._trusted:
            return covered
        within = words_within(text)
        for window in self._looked(text, text.pieces, " "):
            found = self._find(self._trusted, window.text)
            if found:
                for number in (one for piece in within[window.start : window.end] for one in piece):
                    covered[number] = covered[number] or found
        self._forms(text, self._trusted, covered)
        if found := self._find(self._trusted, whole(text)):
            covered = [by or found for by in covered]
        return covered

    def _touched(self, text: Text) -> list[Marks | None]:
        """Give for each word the other sources that gave it, however it was written there."""
        touched: list[Marks | None] = [None] * len(text.words)
        if not self._others:
            return touched
        for window in self._looked(text, text.words, ""):
            found = self._find(self._others, window.text)
            if found:
                for number in range(window.start, window.end):
                    if touched[number] is not found:
                        touched[number] = merged(touched[number], found)
        self._forms(text, self._others, touched)
        if found := self._find(self._others, WHOLE + text.squeezed):
            touched = [merged(others, found) for others in touched]
        return touched

    def _forms(self, text: Text, table: dict[str, Marks], into: list[Marks | None]) -> None:
        for form, start, end in written(text.plain):
            found = self._find(table, FORM + form)
            if found:
                for number in numbers(text.words, start, end):
                    into[number] = merged(into[number], found)

    def _find(self, table: dict[str, Marks], key: str) -> Marks | None:
        self.work += 1
        return table.get(key)

    def _looked(self, text: Text, words: Sequence[Word], between: str) -> Iterator[Window]:
        """Give the windows in which a value is looked for."""
        if text.brief:
            yield from windows(words, wide=False, between=between, both=True)
            return
        for number, word in enumerate(words):
            if telling(word.text):
                yield Window(word.text, number, number + 1)
        yield from windows(words, wide=True, between=between, both=True)

    def _inner(self, raw: str, depth: int) -> Iterator[Mark]:
        """Give the sources, none of them trusted, of what a value holds in an encoding."""
        if depth >= DEEPEST:
            return
        for decoded in decodings(raw):
            text = Text(decoded)
            if not text.short:
                for found in self._touched(text):
                    yield from found or ()
                yield from self._inner(decoded, depth + 1)

    def _matches(
        self,
        text: Text,
        covered: Sequence[Marks | None],
        touched: Sequence[Marks | None],
        inner: Sequence[Mark],
    ) -> Iterator[Match]:
        """Give the sources of a value, those that nobody answers for first."""
        counts: dict[Mark, int] = {}
        for found in (*touched, *covered):
            for mark in found or ():
                counts[mark] = counts.get(mark, 0) + 1
        exact = {
            *(self._others.get(WHOLE + text.squeezed) or ()),
            *((self._trusted and self._trusted.get(whole(text))) or ()),
        }
        forms = {
            mark
            for form, _, _ in written(text.plain)
            for table in (self._others, self._trusted)
            for mark in table.get(FORM + form) or ()
        }
        for mark in sorted(counts, key=lambda one: (-RANKS[one.label.trust], one.source.event, one.at))[
            :MOST
        ]:
            full = counts[mark] >= len(text.words)
            how: How = "exact" if mark in exact else "contained" if full else "in part"
            if mark in forms and not full:
                how = "another form"
            if mark is self._left_out:
                how = "not looked through"
            yield Match(mark, how)
        for mark in dict.fromkeys(inner):
            if mark not in counts:
                yield Match(mark, "decoded")


def together(known: Mark | None, more: Mark) -> Mark:
    """Give the first of the least trusted, with the classes of data of both."""
    if known is None:
        return more
    label = combined([known.label, more.label])
    if label == known.label:
        return known
    return replace(known if known.label.trust == label.trust else more, label=label)


RANKS: Final = {word: rank for rank, word in enumerate(TRUSTS)}


def word_of(covered: Marks | None, touched: Marks | None, default: Trust) -> Trust:
    """Give what is said of one word by those who gave it."""
    others: list[Trust] = [mark.label.trust for mark in touched or () if mark.label.trust != "trusted"]
    if covered:
        firm = any(mark.label.trust == "trusted" for mark in covered)
        return "trusted" if firm and not others else "vouched"
    return least_trusted(others) if others else default


def approved_of(word: Trust, vouched: Marks | None) -> Trust:
    """Give what is said of a word that somebody may have vouched for."""
    return "approved" if vouched and word in ("model", "untrusted") else word


def merged(known: Marks | None, more: Marks) -> Marks:
    """Give sources together, of each kind the one that came first."""
    if known is None or known is more:
        return more
    if len(known) == len(more) == 1 and known[0].label == more[0].label:
        return known if known[0].source.event <= more[0].source.event else more
    first = {one.label: one for one in known}
    for one in more:
        other = first.get(one.label)
        if other is None or one.source.event < other.source.event:
            first[one.label] = one
    return tuple(first.values())


def whole(text: Text) -> str:
    """Give the key of a whole text as it stands."""
    return WHOLE + " ".join(piece.text for piece in text.pieces)


def telling(text: str) -> bool:
    """Tell whether a word is one that nobody writes by chance: an address, an id, a file's name."""
    return len(text) >= LEAST and not text.isalpha()


def words_within(text: Text) -> list[range]:
    """Give for each piece which words are in it."""
    found: list[range] = []
    number = 0
    for piece in text.pieces:
        while number < len(text.words) and text.words[number].start < piece.start:
            number += 1
        first = number
        while number < len(text.words) and text.words[number].end <= piece.end:
            number += 1
        found.append(range(first, number))
    return found


def numbers(words: Sequence[Word], start: int, end: int) -> Iterable[int]:
    """Give the numbers of the words that stand between two places."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) // 2
        if words[middle].end <= start:
            low = middle + 1
        else:
            high = middle
    number = low
    while number < len(words) and words[number].start < end:
        yield number
        number += 1
