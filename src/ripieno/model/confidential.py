"""Values that are recorded nowhere: which are known in this process, and where they occur.

A value is looked for as it stands and as other forms carry it: escaped in JSON, once or twice, in URLs,
in HTML, in hexadecimal and in base64, also within something longer. What is cut into pieces, encrypted,
compressed or spelt otherwise is not found.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from threading import Lock
from typing import Any, Final, cast
from urllib.parse import quote, quote_plus

from ripieno.model.value import encode

__all__ = ["CONFIDENTIAL", "LEAST", "Confidential"]

LEAST: Final = 8
"""Bytes; a shorter value would be found in what has nothing to do with it."""

KEPT_EACH: Final = 8
"""So many of the latest values of one name are looked for: what was replaced may still come back."""

UNSTABLE_START: Final = (0, 2, 3)
"""How many characters of base64 depend on what stands 0, 1 or 2 bytes before a value."""

PERCENT: Final = re.compile(r"%[0-9A-F]{2}")


class Confidential:
    """Values by their names. What is found of them is replaced by the name in brackets."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, ...]] = {}
        self._forms: tuple[tuple[bytes, str], ...] = ()
        self._lock = Lock()
        """Protects the above while a value is added; readers take what stands."""

        self.known = False
        """True once there is anything to look for."""

    def hold(self, name: str, value: str) -> None:
        """Look for a value from now on; raises `ValueError` for one that is too short to be told apart."""
        if len(value.strip().encode("utf-8", "surrogatepass")) < LEAST:
            msg = f"{name}: expected at least {LEAST} bytes"
            raise ValueError(msg)
        with self._lock:
            known = tuple(one for one in self._values.get(name, ()) if one != value)
            self._values[name] = (*known, value)[-KEPT_EACH:]
            found: dict[bytes, str] = {}
            for each, values in self._values.items():
                found.update((form, each) for one in values for form in forms(one))
            self._forms = tuple(sorted(found.items(), key=lambda item: -len(item[0])))
            self.known = bool(self._forms)

    def found(self, data: bytes) -> tuple[str, ...]:
        """Give the names of the values that occur in data, in order."""
        return tuple(sorted({name for form, name in self._forms if form in data}))

    def cover(self, text: str) -> str:
        """Give a text with the name in place of each value."""
        data = text.encode("utf-8", "surrogatepass")
        for form, name in self._forms:
            if form in data:
                data = data.replace(form, f"[{name}]".encode())
        return data.decode("utf-8", "surrogatepass")

    def without(self, value: Any) -> Any:
        """Give decoded JSON with the name in place of each value, in keys and numbers too.

        Where one still occurs in the whole, over the borders of its parts, nothing but the names is left.
        """
        clean = self._within(value)
        left = self.found(encode(clean))
        return " ".join(f"[{name}]" for name in left) if left else clean

    def _within(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.cover(value)
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {self.cover(name): self._within(one) for name, one in fields.items()}
        if isinstance(value, list):
            return [self._within(one) for one in cast("list[Any]", value)]
        text = str(value)
        covered = self.cover(text)
        return value if covered == text else covered


CONFIDENTIAL: Final = Confidential()
"""Those of this process, whichever host, run and tenant has asked for them."""


def forms(value: str) -> set[bytes]:
    """Give the forms under which a value may occur, each at least as long as can be told apart."""
    found: set[bytes] = set()
    for text in {value, value.strip()}:
        data = text.encode("utf-8", "surrogatepass")
        found |= {data, data.hex().encode(), data.hex().upper().encode(), *in_base64(data)}
        for written in (*in_python(text), *in_json(text), html.escape(text), *in_urls(data)):
            found.add(written.encode("utf-8", "surrogatepass"))
    return {form for form in found if len(form) >= LEAST}


def in_python(text: str) -> Iterator[str]:
    """Give a text as it stands in what `repr` gives, whichever quotes are around it, and in JSON of that."""
    for shown in (repr(text)[1:-1], ascii(text)[1:-1]):
        for quoted in (shown, shown.replace("\\'", "'"), shown.replace("\\'", "'").replace("'", "\\'")):
            yield quoted
            yield from in_json(quoted)


def in_json(text: str) -> Iterator[str]:
    """Give a text as it stands within a JSON string, and within JSON that is itself such a string."""
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]


def in_urls(data: bytes) -> Iterator[str]:
    """Give data as it stands in a path, in a query and in a form."""
    for written in (quote(data), quote(data, safe=""), quote_plus(data)):
        yield written
        yield PERCENT.sub(lambda found: found.group().lower(), written)


def in_base64(data: bytes) -> Iterator[bytes]:
    """Give the characters that data has in base64, whatever stands before and after it."""
    for before, unstable in enumerate(UNSTABLE_START):
        whole = (before + len(data)) * 8 // 6
        written = base64.b64encode(bytes(before) + data)[unstable:whole]
        yield written
        yield written.translate(bytes.maketrans(b"+/", b"-_"))
