"""What the index of provenance promises, said plainly: every value is held against every source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ripieno.mediation.provenance.formats import addressed, decodings, written
from ripieno.mediation.provenance.index import Mark
from ripieno.mediation.provenance.words import BRIEF, FEW, LEAST, WIDE, WIDE_WORDS, Text, Word, text_of
from ripieno.model.provenance import TRUSTS, Label, Trust

__all__ = ["NaiveIndex"]


@dataclass
class NaiveIndex:
    """Keeps what came in as it came, and looks through all of it for each question."""

    taken: list[tuple[str, Mark, frozenset[str]]] = field(
        default_factory=list[tuple[str, Mark, frozenset[str]]]
    )
    """Each text, its mark, and the windows that calls had been given by then."""
    given_out: set[str] = field(default_factory=set[str])

    def add(self, leaf: Any, mark: Mark) -> None:
        self.taken.append((text_of(leaf), mark, frozenset(self.given_out)))

    def give_out(self, leaf: Any) -> None:
        text = Text(text_of(leaf))
        if len(text.squeezed) < LEAST:
            return
        covered = self.covered(text)
        for start, end in spans(text.words, LEAST, 1):
            if not all(covered[start:end]):
                self.given_out.add("".join(word.text for word in text.words[start:end]))
        for form, start, end in written(text.plain):
            if not all(covered[number] for number in words_at(text, start, end)):
                self.given_out.add(f"form {form}")

    def look(self, leaf: Any, default: Label) -> Label:
        raw = text_of(leaf)
        text = Text(addressed(raw))
        if len(text.squeezed) < LEAST:
            return default
        covered, touched = self.covered(text), self.touched(text)
        inner = [mark for decoded in deep(raw) for marks in self.touched(Text(decoded)) for mark in marks]
        if text.brief:
            inner += [mark for marks in self.touched(Text(raw[::-1])) for mark in marks]
        words: list[Trust] = [
            word(by, others, default.trust) for by, others in zip(covered, touched, strict=True)
        ]
        trust = worst([*words, *(one.label.trust for one in inner)])
        marks = [mark for found in (*covered, *touched) for mark in found] + inner
        data = frozenset[str]().union(*(mark.label.data for mark in marks))
        if any(not by and not others for by, others in zip(covered, touched, strict=True)):
            data |= default.data
        return Label(trust, data)

    def covered(self, text: Text) -> list[list[Mark]]:
        """Give for each word the trusted sources of it, with all that is around it."""
        found: list[list[Mark]] = [[] for _ in text.words]
        for raw, mark, out in self.taken:
            source = Text(raw)
            if mark.label.trust not in {"trusted", "vouched"} or len(source.squeezed) < LEAST:
                continue
            echoed = echoed_words(source, out)
            clean = [not any(echoed[n] for n in words_of(source, piece)) for piece in source.pieces]
            keys = {
                joined(source.pieces[a:b], " ")
                for least, count in ((LEAST, 1), (WIDE, WIDE_WORDS))
                for a, b in both(source.pieces, least, count)
                if all(clean[a:b])
            }
            forms = {
                form
                for form, start, end in written(source.plain)
                if not any(echoed[n] for n in words_at(source, start, end))
            }
            whole = None if any(echoed) else joined(source.pieces, " ")
            for number in self.hit(text, text.pieces, " ", keys, forms, whole, joined(text.pieces, " ")):
                found[number].append(mark)
        return found

    def touched(self, text: Text) -> list[list[Mark]]:
        """Give for each word the other sources of it."""
        found: list[list[Mark]] = [[] for _ in text.words]
        for raw, mark, _ in self.taken:
            if (mark.label.trust == "trusted" and not mark.label.data) or len(Text(raw).squeezed) < LEAST:
                continue
            for said in (raw, *deep(raw)):
                source = Text(said)
                if len(source.squeezed) < LEAST:
                    continue
                keys = {
                    joined(source.words[a:b], "")
                    for least, count in ((LEAST, 1), (WIDE, WIDE_WORDS))
                    for a, b in spans(source.words, least, count)
                }
                forms = {form for form, _, _ in written(source.plain)}
                for number in self.hit(text, text.words, "", keys, forms, source.squeezed, text.squeezed):
                    found[number].append(mark)
        return found

    @staticmethod
    def hit(  # noqa: PLR0917 - a source as three sets, and a value
        text: Text,
        parts: Sequence[Word],
        between: str,
        keys: set[str],
        forms: set[str],
        whole: str | None,
        own: str,
    ) -> set[int]:
        """Give the numbers of the words of a value that are found in a source."""
        found: set[int] = set()
        brief = len(text.words) <= FEW or len(text.squeezed) < BRIEF
        for wide in (False, True):
            if wide and brief:
                continue
            for start, end in both(parts, WIDE if wide else LEAST, WIDE_WORDS if wide else 1):
                key = joined(parts[start:end], between)
                alone = end - start == 1 and not key.isalpha() and len(key) >= LEAST
                if key in keys and (wide or brief or alone):
                    found |= {n for part in parts[start:end] for n in words_of(text, part)}
        for form, start, end in written(text.plain):
            if form in forms:
                found |= set(words_at(text, start, end))
        if whole is not None and own == whole:
            found |= set(range(len(text.words)))
        return found


def joined(words: Sequence[Word], between: str) -> str:
    return between.join(one.text for one in words)


def spans(words: Sequence[Word], least: int, count: int) -> set[tuple[int, int]]:
    """Give from each word on the shortest run that is enough."""
    return {found for start in range(len(words)) for found in first(words, least, count, start)}


def first(words: Sequence[Word], least: int, count: int, start: int) -> Iterator[tuple[int, int]]:
    for end in range(start + 1, len(words) + 1):
        if enough(words[start:end], least, count):
            yield start, end
            return


def both(words: Sequence[Word], least: int, count: int) -> set[tuple[int, int]]:
    """Give those, and the shortest that end with each word."""
    found = spans(words, least, count)
    for end in range(1, len(words) + 1):
        starts = [start for start in range(end) if enough(words[start:end], least, count)]
        if starts:
            found.add((max(starts), end))
    return found


def enough(words: Sequence[Word], least: int, count: int) -> bool:
    return len(words) >= count and sum(len(one.text) for one in words) >= least


def words_of(text: Text, part: Word) -> list[int]:
    return [n for n, one in enumerate(text.words) if part.start <= one.start and one.end <= part.end]


def words_at(text: Text, start: int, end: int) -> list[int]:
    return [n for n, one in enumerate(text.words) if one.start < end and one.end > start]


def echoed_words(text: Text, out: frozenset[str]) -> list[bool]:
    echoed = [False] * len(text.words)
    for start, end in spans(text.words, LEAST, 1):
        if joined(text.words[start:end], "") in out:
            echoed[start:end] = [True] * (end - start)
    for form, start, end in written(text.plain):
        if f"form {form}" in out:
            for number in words_at(text, start, end):
                echoed[number] = True
    return echoed


def deep(raw: str, left: int = 2) -> Iterator[str]:
    """Give all that is encoded in a text, and in that."""
    for decoded in decodings(raw) if left else ():
        if len(Text(decoded).squeezed) >= LEAST:
            yield decoded
            yield from deep(decoded, left - 1)


def word(covered: Sequence[Mark], touched: Sequence[Mark], default: Trust) -> Trust:
    others: list[Trust] = [one.label.trust for one in touched if one.label.trust != "trusted"]
    if covered:
        return "trusted" if not others and any(one.label.trust == "trusted" for one in covered) else "vouched"
    return worst(others) if others else default


def worst(words: list[Trust]) -> Trust:
    return TRUSTS[max(TRUSTS.index(one) for one in words)]
