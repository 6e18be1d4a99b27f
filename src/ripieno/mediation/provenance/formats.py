"""Values that are written in several ways: what they are in one, and where they stand in a text.

Addresses, numbers, dates, account and telephone numbers. Beside them what is written so that it cannot be
read at once: percent, HTML, Base64 and hexadecimal encodings, which are read as well.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Final
from urllib.parse import unquote_plus

from ripieno.mediation.provenance.words import LEAST

__all__ = ["Written", "addressed", "decodings", "is_address", "written"]

Written = tuple[str, int, int]
"""A value in its one form, and where it stands in the normalised text."""

EMAIL: Final = re.compile(r"[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9](?:[a-z0-9-]{0,62}\.){1,8}[a-z]{2,24}")
DISPLAYED: Final = re.compile(r"[^<>@]{0,128}<\s*([^\s<>@]+@[^\s<>@]+)\s*>")
URL: Final = re.compile(r"(?:https?://|www\.)[^\s\"'<>()\[\]{}|\\^`]{4,2048}")
DIGIT: Final = re.compile(r"[0-9]")
IBAN: Final = re.compile(
    r"(?<![a-z0-9])[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,4})?(?![a-z0-9])"
)
DIGITS: Final = re.compile(r"(?<![\w.,])\+?\(?[0-9](?:[ ()./-]{0,2}[0-9]){7,19}(?![\w])")
GROUPED: Final = re.compile(
    r"(?<![\w.,'])[0-9]{1,3}(?:(?:,[0-9]{3})+|(?:'[0-9]{3})+)(?:\.[0-9]+)?(?![\w,'])|(?<![\w.,])[0-9]+\.[0-9]+(?![\w.])"
)
GROUPED_ELSEWHERE: Final = re.compile(
    r"(?<![\w.,'])[0-9]{1,3}(?:(?:\.[0-9]{3})+|(?:[ '][0-9]{3})+)(?:,[0-9]+)?(?![\w,.'])"
)
"""With points, blanks or apostrophes between thousands, and a comma before the fraction."""
SEPARATOR: Final = {".": re.compile("[,']"), ",": re.compile("[. ']")}

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
MONTH: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
MONTH_IN: Final = re.compile("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec")
ISO: Final = re.compile(r"(?<![0-9])([12][0-9]{3})[-/.]([01]?[0-9])[-/.]([0-3]?[0-9])(?![0-9])")
NUMERIC: Final = re.compile(r"(?<![0-9])([0-3]?[0-9])[-/.]([0-3]?[0-9])[-/.]([12][0-9]{3})(?![0-9])")
DAY_FIRST: Final = re.compile(
    rf"(?<![0-9])([0-3]?[0-9])(?:st|nd|rd|th)?\.?\s+({MONTH})\.?,?\s+([12][0-9]{{3}})"
)
MONTH_FIRST: Final = re.compile(rf"\b({MONTH})\.?\s+([0-3]?[0-9])(?:st|nd|rd|th)?,?\s+([12][0-9]{{3}})")

ENCODED: Final = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
PARTED_HEX: Final = re.compile(r"(?:0x|\\x)?[0-9A-Fa-f]{2}(?:(?:[:, -]|, |0x|\\x|, ?0x)[0-9A-Fa-f]{2}){7,}")
PARTS_HEX: Final = re.compile(r"0x|\\x|[:, -]")
BASE32: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z2-7]{13,}={0,6}(?![A-Za-z0-9])")
ESCAPED: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}
TAG: Final = re.compile(r"<[^<>]{0,500}>")
SOFT_BREAK: Final = re.compile(r"=\r?\n")
QUOTED: Final = re.compile(r"(?:=[0-9A-Fa-f]{2})+")
PUNYCODE: Final = re.compile(r"xn--[a-z0-9-]{1,59}", re.IGNORECASE)
READABLE: Final = re.compile(r"[\x20-\x7e\t\r\n\u00a0-\U0010ffff]*")


def written(plain: str) -> Iterator[Written]:
    """Give the values of known forms in a normalised text."""
    if "@" in plain:
        for found in EMAIL.finditer(plain):
            yield f"@{found[0]}", found.start(), found.end()
    if "://" in plain or "www." in plain:
        for found in URL.finditer(plain):
            address = found[0].rstrip(".,;:!?/")
            yield f"u{address}", found.start(), found.start() + len(address)
    if DIGIT.search(plain):
        yield from accounts(plain)
        yield from numbers(plain)
        yield from dates(plain)


def accounts(plain: str) -> Iterator[Written]:
    """Give account, card and telephone numbers, without what groups their digits."""
    for found in IBAN.finditer(plain):
        compact = found[0].replace(" ", "").replace("-", "")
        if sum(map(str.isdigit, compact)) >= LEAST:
            yield f"i{compact}", found.start(), found.end()
    for found in DIGITS.finditer(plain):
        yield "#" + "".join(filter(str.isdigit, found[0])), found.start(), found.end()


def numbers(plain: str) -> Iterator[Written]:
    """Give large numbers, without separators and needless zeros."""
    for form, fraction_mark in ((GROUPED, "."), (GROUPED_ELSEWHERE, ",")):
        yield from large(form, plain, fraction_mark)


def large(form: re.Pattern[str], plain: str, fraction_mark: str) -> Iterator[Written]:
    """Give the numbers of one way of writing them."""
    for found in form.finditer(plain):
        whole, _, fraction = SEPARATOR[fraction_mark].sub("", found[0]).partition(fraction_mark)
        number = f"{whole}.{fraction}".rstrip("0").rstrip(".") if fraction else whole
        if sum(map(str.isdigit, number)) >= LEAST:
            yield f"n{number}", found.start(), found.end()


def dates(plain: str) -> Iterator[Written]:
    """Give the dates in a text; where day and month cannot be told apart, both that it may be."""
    for found in ISO.finditer(plain):
        yield from day(found, found[1], found[2], found[3])
    for found in NUMERIC.finditer(plain):
        yield from day(found, found[3], found[2], found[1])
        yield from day(found, found[3], found[1], found[2])
    if not MONTH_IN.search(plain):
        return
    for found in DAY_FIRST.finditer(plain):
        yield from day(found, found[3], str(MONTHS[found[2]]), found[1])
    for found in MONTH_FIRST.finditer(plain):
        yield from day(found, found[3], str(MONTHS[found[1]]), found[2])


def day(found: re.Match[str], year: str, month: str, number: str) -> Iterator[Written]:
    """Give a date in its one form; nothing for what is none."""
    try:
        yield f"d{date(int(year), int(month), int(number)).isoformat()}", found.start(), found.end()
    except ValueError:
        return


def addressed(text: str) -> str:
    """Give the address of a text that is one with a name beside it: `Ada <ada@example.com>`."""
    found = DISPLAYED.fullmatch(text.strip())
    return text if found is None else found[1]


def is_address(text: str) -> bool:
    """Tell whether a text is an e-mail address and nothing else."""
    return EMAIL.fullmatch(addressed(text).strip().lower()) is not None


def decodings(text: str) -> Iterator[str]:
    """Give what a text says where it is, or holds, something encoded; linear in its length.

    A long text is read in one way, all that may be encoded in it at once: each by itself would cost too much.
    """
    if len(text) > LONG:
        read = text
        for decode in WRITTEN_SO:
            read = decode(read)
        yield from differing(text, read)
    else:
        for decode in WRITTEN_SO:
            yield from differing(text, decode(text))
    yield from packed(text)


def packed(text: str) -> Iterator[str]:
    """Give what stands in a text as numbers or letters of a code."""
    for found in ENCODED.finditer(text):
        yield from readable(found[0], base64_of)
    for found in HEX.finditer(text):
        yield from readable(found[0], bytes.fromhex)
    for found in PARTED_HEX.finditer(text):
        yield from readable(PARTS_HEX.sub("", found[0]), bytes.fromhex)
    for found in BASE32.finditer(text):
        yield from readable(found[0], base32_of)


def differing(text: str, decoded: str) -> Iterator[str]:
    """Give what was decoded where it says something else."""
    if decoded != text:
        yield decoded


def base64_of(text: str) -> bytes:
    """Decode either alphabet, padded or not; raises `ValueError`."""
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(bare) % 4 == 1:
        raise binascii.Error
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def base32_of(text: str) -> bytes:
    """Decode it, padded or not; raises `ValueError`."""
    bare = text.rstrip("=")
    return base64.b32decode(bare + "=" * (-len(bare) % 8))


def unescaped(found: re.Match[str]) -> str:
    """Give the character that an escape stands for, as JSON and programs write them."""
    number = found[1] or found[2]
    return chr(int(number, 16)) if number else CONTROLS.get(found[3], found[3])


def quoted_printable(text: str) -> str:
    """Give a text without the soft breaks and escapes that mail puts into it: RFC 2045."""
    return QUOTED.sub(
        lambda found: bytes.fromhex(found[0].replace("=", "")).decode("utf-8", "replace"),
        SOFT_BREAK.sub("", text),
    )


def international(found: re.Match[str]) -> str:
    """Give a part of a domain in its own letters: RFC 3492."""
    try:
        return found[0][4:].encode("ascii").decode("punycode")
    except ValueError:
        return found[0]


def without_tags(text: str) -> str:
    """Give a text without its tags."""
    return TAG.sub("", text) if "<" in text else text


def without_escapes(text: str) -> str:
    """Give a text with what its escapes stand for."""
    return ESCAPED.sub(unescaped, text) if "\\" in text else text


def without_quoting(text: str) -> str:
    """Give a text with what its quoted-printable parts stand for."""
    return quoted_printable(text) if "=" in text else text


def without_percent(text: str) -> str:
    """Give a text with what its percent escapes stand for."""
    return unquote_plus(text) if "%" in text else text


def in_own_letters(text: str) -> str:
    """Give a text with its domains in their own letters."""
    return PUNYCODE.sub(international, text) if "xn--" in text.lower() else text


WRITTEN_SO: Final[tuple[Callable[[str], str], ...]] = (
    without_tags,
    html.unescape,
    without_quoting,
    without_escapes,
    without_percent,
    in_own_letters,
)
"""What takes one way of writing a text back; what it does not find it leaves as it is."""

LONG: Final = 2_000
"""A text of more characters is read in all of these ways at once."""


def readable(text: str, decode: Callable[[str], bytes]) -> Iterator[str]:
    """Give what was decoded where it is a text that somebody could have written."""
    try:
        decoded = decode(text).decode("utf-8")
    except ValueError:
        return
    if len(decoded) >= LEAST and READABLE.fullmatch(decoded):
        yield decoded
