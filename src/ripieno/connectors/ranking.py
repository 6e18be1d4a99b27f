"""Which of several texts fit a query best: BM25 (Robertson and Zaragoza, 2009), reckoned in memory.

The weights of words are kept above zero, as a word that most of a few texts hold is no reason against one.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

__all__ = ["MOST_WORDS", "Ranked", "best", "bm25", "words_of"]

K = TypeVar("K", bound=Hashable)
WORD: Final = re.compile(r"\w+")
MOST_WORDS: Final = 64
"""So many words of a query are looked for."""
SATURATION, LENGTH = 1.2, 0.75
"""The usual constants."""


class Ranked(NamedTuple):
    """A text that fits."""

    position: int
    """Among those that were given."""
    score: float
    """The higher, the better it fits; 0 where nothing was asked for."""


def bm25(
    words: Iterable[str],
    counted: Mapping[K, Mapping[str, int]],
    often: Mapping[str, Collection[K]],
    lengths: Mapping[K, int],
    *,
    whole: tuple[int, int] | None = None,
) -> dict[K, float]:
    """Give how well each text fits that holds any of these words.

    counted: how often each text has each word. often: which texts have a word. lengths: of each, in words.
    whole: how many texts there are and how many words they have, where not all are given.
    """
    count, length = whole or (len(counted), sum(lengths.values()))
    average = length / max(1, count)
    scores: dict[K, float] = {}
    for word in dict.fromkeys(words):
        holding = often.get(word, ())
        weight = math.log(1 + (count - len(holding) + 0.5) / (len(holding) + 0.5))
        for one in holding:
            times = counted[one][word]
            bound = times + SATURATION * (1 - LENGTH + LENGTH * lengths[one] / average)
            scores[one] = scores.get(one, 0.0) + weight * times * (SATURATION + 1) / bound
    return scores


def words_of(text: str) -> list[str]:
    """Give the words of a text as they are looked for: without case and accents."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    return WORD.findall("".join(one for one in parted if not unicodedata.combining(one)))


def best(texts: Sequence[str], query: str, most: int) -> list[Ranked]:
    """Give those of the texts that hold any word of a query, the best first."""
    counted = {position: Counter(words_of(text)) for position, text in enumerate(texts)}
    often: dict[str, list[int]] = {}
    for position, words in counted.items():
        for word in words:
            often.setdefault(word, []).append(position)
    lengths = {position: words.total() for position, words in counted.items()}
    scores = bm25(words_of(query)[:MOST_WORDS], counted, often, lengths)
    return [Ranked(one, scores[one]) for one in sorted(scores, key=lambda one: (-scores[one], one))[:most]]
