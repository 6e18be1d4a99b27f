"""Values as they are, for whoever approves them: no two that differ are shown alike, and none hides another.

Plain text and numbers stand as they are. Whatever could be taken for something else stands as JSON: text that
looks like a number, has spaces that nobody sees, or letters that look like others.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from rich.text import Text

__all__ = ["LONGEST", "exact", "fields_of_act"]

LONGEST: Final = 2000
"""Letters of one value; where it is longer, what is shown says how much is not."""

PLAIN: Final = re.compile(r"[^\s\"{\[]\S*(?: \S+)*")
"""Text that nobody takes for anything but itself: nothing of it is a space at an end, or two in a row."""

WORDS: Final = re.compile(r"\w+")


def exact(value: object) -> str:
    """Give a value on one line, so that any other value is another line."""
    if isinstance(value, str) and is_plain(value):
        return value
    written = json.dumps(value, ensure_ascii=False, allow_nan=True, default=str)
    return escaped(written)


def is_plain(text: str) -> bool:
    """Tell whether text can stand without marks."""
    return PLAIN.fullmatch(text) is not None and not is_json(text) and escaped(text) == text


def is_json(text: str) -> bool:
    """Tell whether text would be taken for a number, a truth or nothing."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def escaped(text: str) -> str:
    """Give text in which every letter that cannot be told from another one is named by its number."""
    found = WORDS.sub(lambda word: told_apart(word[0]), text)
    return "".join(letter if is_shown(letter) else named(letter) for letter in found)


def is_shown(letter: str) -> bool:
    """Tell whether a letter is what it looks like by itself."""
    if not letter.isprintable():
        return False
    return letter.isascii() or (
        unicodedata.normalize("NFKC", letter) == letter and not unicodedata.combining(letter)
    )


def told_apart(word: str) -> str:
    """Give a word with letters that pass for Latin ones named, where it is of them or mixes scripts."""
    letters = [letter for letter in word if letter.isalpha()]
    mixes = len({script(letter) for letter in letters}) > 1
    if word.isascii() or not (mixes or all(letter in PASS_FOR_LATIN for letter in letters)):
        return word
    return "".join(letter if script(letter) in NEVER_MISTAKEN else named(letter) for letter in word)


NEVER_MISTAKEN: Final = frozenset({"LATIN", "DIGIT", "LOW"})
"""How the names of letters begin that are what they look like: the low line is one of them."""

PASS_FOR_LATIN: Final = frozenset(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0455\u0458\u0501\u051b\u051d\u04bb\u04cf"
    "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u04ae\u0423"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u03b1\u03b9\u03bd\u03bf\u03c1\u03c5\u03ba\u0585\u057d\u0578\u0570\u0566"
)
"""Letters of Cyrillic, Greek and Armenian of which whole words can be written that look like Latin ones."""


def script(letter: str) -> str:
    """Give the script of a letter, as its name begins."""
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]


def named(letter: str) -> str:
    """Give a letter by its number, as JSON writes it."""
    return json.dumps(letter)[1:-1] if not letter.isascii() else f"\\u{ord(letter):04x}"


def fields_of_act(arguments: object) -> Iterator[Text]:
    """Give the arguments of an act, all of them, each on a line of its own."""
    if not isinstance(arguments, Mapping):
        yield value_of(arguments)
        return
    fields = cast("Mapping[str, Any]", arguments)
    for name, value in fields.items():
        yield Text.assemble("  ", (exact(name), "bold"), "  ", value_of(value))


def value_of(value: object) -> Text:
    """Give one value; of a long one how much of it is not shown."""
    text = exact(value)
    if len(text) <= LONGEST:
        return Text(text)
    more = len(text) - LONGEST
    return Text.assemble(text[:LONGEST], (f" … and {more:,} letters more: --output json", "bold red"))
