"""Texts as they are matched: normalised, cut into words, and into windows of a few words.

A window is the least that is taken for more than chance: eight characters, or within longer texts three
words of sixteen. Equal texts have equal windows, wherever they stand, so that one lookup finds a match.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

__all__ = [
    "BRIEF",
    "FEW",
    "LEAST",
    "LONGEST",
    "WIDE",
    "WIDE_WORDS",
    "Text",
    "Window",
    "Word",
    "normalised",
    "short_form",
    "text_of",
    "windows",
]

LEAST: Final = 8
"""Values of fewer characters count as made up by whoever gives them, unless they are passed by reference."""

LONGEST: Final = 250_000
"""A text of more characters is not looked through: anything may be from there, and it may hold anything."""

FEW: Final = 4
BRIEF: Final = 24
"""A value of so few words or characters is sought in windows of eight characters, others in wider ones."""

WIDE: Final = 16
WIDE_WORDS: Final = 3

WORD: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+"
)
"""Runs of letters and digits; in scripts without spaces, each character."""

MARKED: Final = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|(?:[^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af][\u0300-\u036f\u0483-\u0489\u1dc0-\u1dff\u20d0-\u20f0]*)+"
)
"""The same, with the marks that stand above and below them."""

PIECE: Final = re.compile(r"""[^\s"'`<>()\[\]{},;|=*]+""")
"""What stands together: a path, an address, a name of a file."""

OUTER: Final = ".:!?"
HIDDEN: Final = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Characters that nobody sees."""


LOOKALIKE: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d\u04bb\u0432\u043a\u043c\u043d\u0442\u0457"
    "\u03b1\u03b5\u03bf\u03c1\u03bd\u03b9\u03ba\u03c4\u03c5\u03c7\u0261\u0131\u0142\u00f8\u0111",
    "aeopcyxijsdqwhbkmntiaeopviktuxgilod",
)
"""Letters of other scripts, small ones, that look like Latin ones, and Latin ones with a stroke."""


class Word(NamedTuple):
    """A run of characters, and where it stands in the normalised text."""

    text: str
    start: int
    end: int


class Window(NamedTuple):
    """Some words in a row, from the first up to the one before `end`."""

    text: str
    start: int
    end: int


def text_of(leaf: Any) -> str:
    """Give a leaf as text; numbers without a needless fraction."""
    if isinstance(leaf, str):
        return leaf
    if isinstance(leaf, bool) or leaf is None:
        return ""
    if isinstance(leaf, float) and math.isfinite(leaf):
        return str(int(leaf)) if leaf.is_integer() else format(Decimal(repr(leaf)), "f")
    return str(leaf)


def normalised(text: str) -> str:
    """Give a text in one form of case and Unicode, without what nobody sees."""
    if text.isascii():
        return text.lower()
    return HIDDEN.sub("", unicodedata.normalize("NFKC", text)).casefold()


def folded(word: str) -> str:
    """Give a word of letters as the eye reads them: without accents, look-alikes for what they look like."""
    if word.isascii():
        return word
    parted = unicodedata.normalize("NFKD", word.translate(LOOKALIKE))
    return "".join(one for one in parted if not unicodedata.combining(one)) or word


def short_form(leaf: Any) -> str | None:
    """Give the letters and digits of a leaf that is too short to be told from chance; None for any other."""
    found = ""
    for word in MARKED.finditer(normalised(text_of(leaf))):
        found += folded(word[0])
        if len(found) >= LEAST:
            return None
    return found


class Text:
    """One text, cut up as it is needed."""

    __slots__ = ("_pieces", "plain", "squeezed", "words")

    def __init__(self, text: str) -> None:
        self.plain = normalised(text)
        form = WORD if self.plain.isascii() else MARKED
        self.words = [Word(folded(one[0]), one.start(), one.end()) for one in form.finditer(self.plain)]
        """Letters and digits alone: however it is punctuated, and whatever they only look like."""
        self.squeezed = "".join([word.text for word in self.words])
        self._pieces: list[Word] | None = None

    @property
    def pieces(self) -> list[Word]:
        """With the punctuation within: as it stands."""
        if self._pieces is None:
            self._pieces = list(pieces(self.plain))
        return self._pieces

    @property
    def short(self) -> bool:
        """True for what is too short to be told from chance."""
        return len(self.squeezed) < LEAST

    @property
    def brief(self) -> bool:
        """True for a value of a few words or letters, in which a window of eight characters tells much."""
        return len(self.words) <= FEW or len(self.squeezed) < BRIEF


def pieces(plain: str) -> Iterator[Word]:
    """Give what stands together, without the punctuation around it."""
    for found in PIECE.finditer(plain):
        text = found[0].rstrip(OUTER)
        whole = text.lstrip(OUTER)
        if whole:
            start = found.start() + len(text) - len(whole)
            yield Word(whole, start, start + len(whole))


def windows(words: Sequence[Word], *, wide: bool, between: str = "", both: bool = False) -> Iterator[Window]:
    """Give the windows of a text: from each word on the shortest that is enough.

    wide: of three words and sixteen characters, else of eight characters.
    between: what stands between two words.
    both: also the shortest that end with each word, so that a value is covered to its end.
    """
    least, count = (WIDE, WIDE_WORDS) if wide else (LEAST, 1)
    texts = [word.text for word in words]
    end = length = 0
    for start, first in enumerate(texts):
        while end < len(words) and (length < least or end - start < count):
            length += len(texts[end])
            end += 1
        if length < least or end - start < count:
            break
        yield Window(between.join(texts[start:end]), start, end)
        length -= len(first)
    if not both:
        return
    start = len(words)
    length = 0
    for end in range(len(words), 0, -1):
        while start > 0 and (length < least or end - start < count):
            start -= 1
            length += len(texts[start])
        if length < least or end - start < count:
            break
        yield Window(between.join(texts[start:end]), start, end)
        length -= len(texts[end - 1])
