"""Classes of data that a value gives away by its form: small rules, with a checksum wherever there is one.

A detector is a net beneath declarations, no substitute for them: a name or a diagnosis has no form.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ripieno.mediation.provenance.words import LONGEST, text_of

__all__ = ["DETECTORS", "Detector", "classes_in", "detected"]


@dataclass(frozen=True, slots=True)
class Detector:
    """One form of data."""

    name: str
    data: str
    """The class of data that it shows."""
    form: re.Pattern[str]
    check: Callable[[str], bool] = lambda _: True
    """What has to hold of what has the form."""

    def finds(self, text: str) -> bool:
        """Tell whether a text holds it."""
        return any(self.check(found[found.lastindex or 0]) for found in self.form.finditer(text))


def digits(text: str) -> list[int]:
    """Give the digits of a text."""
    return [int(one) for one in text if one.isdecimal()]


def luhn(text: str) -> bool:
    """Tell whether the last digit checks the others: ISO/IEC 7812-1."""
    found = digits(text)
    total = sum(
        digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)  # noqa: PLR2004 - as the standard has it
        for place, digit in enumerate(reversed(found))
    )
    return len(set(found)) > 1 and total % 10 == 0


def iban(text: str) -> bool:
    """Tell whether the check digits fit: ISO 13616."""
    compact = re.sub(r"[ -]", "", text).upper()
    if not 15 <= len(compact) <= 34:  # noqa: PLR2004 - as the standard has it
        return False
    return int("".join(str(int(one, 36)) for one in compact[4:] + compact[:4])) % 97 == 1


def social_security(text: str) -> bool:
    """Tell whether a number may have been given out: area, group and serial of the United States."""
    area, group, serial = re.split(r"[- ]", text)
    return area not in {"000", "666"} and not area.startswith("9") and group != "00" and serial != "0000"


def health_service(text: str) -> bool:
    """Tell whether the tenth digit checks the others: the NHS number, modulus 11."""
    found = digits(text)
    check = (
        11 - sum(digit * weight for digit, weight in zip(found[:9], range(10, 1, -1), strict=True)) % 11
    ) % 11
    return check == found[9] and len(set(found)) > 1


def provider(text: str) -> bool:
    """Tell whether the last digit checks the others: the NPI, with its prefix 80840."""
    return luhn("80840" + text)


def random_looking(text: str) -> bool:
    """Tell whether a text is as even a mix of letters and digits as only chance makes it."""
    counts = Counter(text)
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
    kinds = (any(map(str.isdigit, text)), any(map(str.islower, text)), any(map(str.isupper, text)))
    return entropy >= 3.0 and sum(kinds) >= 2  # noqa: PLR2004 - a word of a language has less


BEFORE: Final = r"(?<![A-Za-z0-9])"
AFTER: Final = r"(?![A-Za-z0-9])"

EMAIL: Final = r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"
TELEPHONE: Final = (
    r"(?<![\w.+])(?:"
    r"\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?(?:[0-9]{2,4}[ .-]?){2,4}[0-9]{2,4}"
    r"|\([0-9]{3}\) ?[0-9]{3}-[0-9]{4}|[0-9]{3}-[0-9]{3}-[0-9]{4}"
    r")(?![\w-])"
)
ACCOUNT: Final = BEFORE + r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?" + AFTER
CARD: Final = (
    r"(?<![0-9.])(?:[3-6][0-9]{3}(?:[ -]?[0-9]{4}){2}[ -]?[0-9]{1,7}"
    r"|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5})(?![0-9.])"
)
SOCIAL_SECURITY: Final = r"(?<![0-9-])([0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{3} [0-9]{2} [0-9]{4})(?![0-9-])"
RECORD: Final = (
    r"(?i)\b(?:mrn|medical record(?: (?:no|number))?)\b\.?\s{0,3}[:#]?\s{0,3}"
    r"(?=[A-Z0-9-]*[0-9])[A-Z0-9-]{5,14}\b"
)
NHS: Final = r"(?i)\bnhs\b[^0-9\n]{0,20}([0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4})(?![0-9])"
NPI: Final = r"(?i)\bnpi\b[^0-9\n]{0,12}([12][0-9]{9})(?![0-9])"
DIAGNOSIS: Final = (
    r"(?i)\b(?:icd(?:-?10)?(?:-?cm)?|diagnos[ei]s|dx)\b[^\n]{0,24}?\b"
    r"([A-TV-Z][0-9][0-9A-B](?:\.[0-9A-Z]{1,4})?)\b"
)
PRIVATE_KEY: Final = r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----"
ACCESS_KEY: Final = (
    BEFORE + r"(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,}"
    r"|glpat-[A-Za-z0-9_-]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|sk_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|sk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}|AIza[A-Za-z0-9_-]{35}|npm_[A-Za-z0-9]{36}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})" + AFTER
)
SIGNED: Final = r"(?<![\w.-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}"
WRITTEN_OUT: Final = (
    r"(?i)\b(?:password|passwd|pwd|secret|api[_ -]?key|access[_ -]?token|auth[_ -]?token)\b"
    r"[\"']?\s{0,3}(?::|=|\bis\b)\s{0,3}[\"']?([^\s\"',;]{8,128})"
)
IN_ADDRESS: Final = r"(?i)\b[a-z][a-z0-9+.-]{1,15}://[^\s:/@]{1,64}:([^\s@/]{3,128})@"

DETECTORS: Final = (
    Detector("e-mail address", "pii", re.compile(EMAIL)),
    Detector("telephone number", "pii", re.compile(TELEPHONE)),
    Detector("IBAN", "pii", re.compile(ACCOUNT), iban),
    Detector("payment card", "pii", re.compile(CARD), luhn),
    Detector("social security number", "pii", re.compile(SOCIAL_SECURITY), social_security),
    Detector("medical record number", "phi", re.compile(RECORD)),
    Detector("NHS number", "phi", re.compile(NHS), health_service),
    Detector("provider number", "phi", re.compile(NPI), provider),
    Detector("diagnosis code", "phi", re.compile(DIAGNOSIS)),
    Detector("private key", "secret", re.compile(PRIVATE_KEY)),
    Detector("access key", "secret", re.compile(ACCESS_KEY)),
    Detector("signed token", "secret", re.compile(SIGNED)),
    Detector("password", "secret", re.compile(WRITTEN_OUT), random_looking),
    Detector("key in an address", "secret", re.compile(IN_ADDRESS)),
)


def detected(leaf: Any) -> Iterator[Detector]:
    """Give the detectors that find something in a leaf."""
    text = text_of(leaf)
    if len(text) < 6:  # noqa: PLR2004 - no form is shorter
        return
    yield from (one for one in DETECTORS if one.finds(text))


def classes_in(leaf: Any) -> frozenset[str]:
    """Give the classes of data that a leaf gives away; what is too long to be looked through may hold any."""
    if len(text_of(leaf)) > LONGEST:
        return frozenset(one.data for one in DETECTORS)
    return frozenset(one.data for one in detected(leaf))
