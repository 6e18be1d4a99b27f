"""How systems turn their pages: a link in header or answer, a cursor, an offset, a page's number."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

from ripieno.connectors.rest.errors import InDoubtError
from ripieno.model.errors import DefinitionError, nearest
from ripieno.model.event import Json

__all__ = [
    "Cursor",
    "LinkHeader",
    "NextLink",
    "Offset",
    "Page",
    "PageNumber",
    "Paging",
    "found_at",
    "read_paging",
]

KINDS: Final[dict[str, Callable[..., Paging]]] = {}
"""Ways of turning pages by their names in files; filled below."""
LINK: Final = re.compile(r"<([^<>]*)>((?:\s*;\s*[^,;\"=]+(?:=(?:\"[^\"]*\"|[^\",;]*))?)*)")


@dataclass(frozen=True, slots=True)
class Page:
    """What stands on one page, and how the next is asked for."""

    items: Sequence[Any]
    next: str | Mapping[str, str] | None
    """The address of the next page, or the parameters that change; None for the last."""


class Paging(ABC):
    """One way of turning pages."""

    kind: ClassVar[str]
    may_be_empty: ClassVar[bool] = False
    """True where an empty page may be followed by others."""

    def first(self) -> Sequence[tuple[str, str]]:
        """Give the parameters of the first request."""
        return ()

    def describe(self) -> dict[str, Json]:
        """Give it as it stands in a definition."""
        return {self.kind: {name: value for name, value in vars(self).items() if value != ""}}

    @abstractmethod
    def page(self, document: Any, headers: Mapping[str, str], number: int) -> Page:
        """Read an answer; `number` counts the pages from 1."""


@dataclass(frozen=True)
class LinkHeader(Paging):
    """The header `Link` with `rel="next"` (RFC 8288), as GitHub and GitLab give it."""

    items: str = ""
    """Where the items stand, a dotted path; empty for an answer that is their list."""
    kind = "link_header"
    may_be_empty = True

    def page(self, document: Any, headers: Mapping[str, str], number: int) -> Page:
        """Look for the link."""
        del number
        return Page(listed(document, self.items), next_of(headers.get("link", "")))


@dataclass(frozen=True)
class NextLink(Paging):
    """A link in the answer, such as `@odata.nextLink` of Graph, `nextRecordsUrl` of Salesforce."""

    link: str
    items: str = ""
    kind = "next_link"
    may_be_empty = True

    def page(self, document: Any, headers: Mapping[str, str], number: int) -> Page:
        """Look for the link."""
        del headers, number
        link = found_at(document, self.link)
        return Page(listed(document, self.items), link if isinstance(link, str) and link else None)


@dataclass(frozen=True)
class Cursor(Paging):
    """A word in the answer that is given back as a parameter."""

    parameter: str
    cursor: str
    """Where the word stands, such as `meta.next_cursor`."""
    items: str = ""
    kind = "cursor"
    may_be_empty = True

    def page(self, document: Any, headers: Mapping[str, str], number: int) -> Page:
        """Look for the word."""
        del headers, number
        word = found_at(document, self.cursor)
        more = {self.parameter: str(word)} if word not in (None, "", False) else None
        return Page(listed(document, self.items), more)


@dataclass(frozen=True)
class Offset(Paging):
    """So many from a position on; the last page has fewer."""

    offset: str = "offset"
    limit: str = "limit"
    size: int = 100
    items: str = ""
    kind = "offset"

    def first(self) -> Sequence[tuple[str, str]]:
        """Ask from the beginning."""
        return ((self.limit, str(self.size)), (self.offset, "0"))

    def page(self, document: Any, headers: Mapping[str, str], number: int) -> Page:
        """Go on behind what was given, while pages are full."""
        del headers
        items = listed(document, self.items)
        more = {self.offset: str(number * self.size)} if len(items) >= self.size else None
        return Page(items, more)


@dataclass(frozen=True)
class PageNumber(Paging):
    """Pages by number; the last has fewer items."""

    page_parameter: str = "page"
    size_parameter: str = "per_page"
    size: int = 100
    begin: int = 1
    items: str = ""
    kind = "page_number"

    def first(self) -> Sequence[tuple[str, str]]:
        """Ask for the first page."""
        return ((self.size_parameter, str(self.size)), (self.page_parameter, str(self.begin)))

    def page(self, document: Any, headers: Mapping[str, str], number: int) -> Page:
        """Go on while pages are full."""
        del headers
        items = listed(document, self.items)
        more = {self.page_parameter: str(self.begin + number)} if len(items) >= self.size else None
        return Page(items, more)


def read_paging(whose: str, said: Paging | Mapping[str, Any]) -> Paging:
    """Give a way of turning pages, also as a file writes it: `{offset: {items: orders}}`."""
    if isinstance(said, Paging):
        return said
    kind = next(iter(said), "")
    known = KINDS.get(kind)
    if known is None or len(said) != 1:
        msg = f"{whose}: pages are turned by one of {', '.join(KINDS)}, got {kind!r}{nearest(kind, KINDS)}"
        raise DefinitionError(msg)
    try:
        return known(**(said[kind] or {}))
    except TypeError as error:
        msg = f"{whose}: {kind}: {str(error).partition(') ')[2] or error}"
        raise DefinitionError(msg) from None


def next_of(header: str) -> str | None:
    """Give the link of the next page in a `Link` header."""
    for found in LINK.finditer(header[:20_000]):
        for parameter in found[2].split(";"):
            name, _, value = parameter.strip().partition("=")
            if name.lower() == "rel" and "next" in value.strip('"').lower().split():
                return found[1]
    return None


def found_at(document: Any, path: str) -> Any:
    """Give what stands at a dotted path, or under a name that has dots itself; None for nothing."""
    whole: dict[str, Any] = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    if path in whole:
        return whole[path]
    found: Any = cast("Any", document)
    for part in path.split(".") if path else ():
        found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
    return found


def listed(document: Any, path: str) -> list[Any]:
    """Give the items of an answer; raises `InDoubtError` where there is no list."""
    found = found_at(document, path)
    if found is None and isinstance(document, dict):
        return []
    if not isinstance(found, list):
        msg = f"expected a list {f'at {path!r} ' if path else ''}in the answer"
        raise InDoubtError(msg, failure="server")
    return cast("list[Any]", found)


KINDS.update({one.kind: one for one in (LinkHeader, NextLink, Cursor, Offset, PageNumber)})
