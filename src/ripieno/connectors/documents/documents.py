"""A collection of documents as a tool: `search` gives the passages that fit a question best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ripieno.connectors.connector import Connector, Overrides
from ripieno.connectors.ranking import MOST_WORDS, bm25, words_of
from ripieno.connectors.store_acts import StoreAct, nothing, takes
from ripieno.connectors.tool import Tool
from ripieno.journal.documents import Postings
from ripieno.kernel.housed import here
from ripieno.model.action import Call
from ripieno.model.decimals import decimal
from ripieno.model.errors import DefinitionError, StoreError
from ripieno.model.event import Json
from ripieno.model.provenance import SourceTrust, declared_label
from ripieno.model.value import decode

__all__ = ["Documents", "ranked"]

LARGEST: Final = 50
SEARCH: Final = takes(
    ["query"],
    query={
        "type": "string",
        "minLength": 1,
        "maxLength": 400,
        "description": "A few words of what is to be known",
    },
)


class Documents(Connector):
    """The documents of a collection that `ripieno documents add` has entered, as the tool `search`.

    about: what they are, for whoever may search them: `the staff handbook`.
    trust: `trusted` where somebody answers for all that stands in them; untrusted unless declared.
    data: the classes of data that they hold.
    most: how many passages are given at once.
    """

    kind = "documents"

    def __init__(
        self,
        name: str,
        *,
        about: str | None = None,
        trust: SourceTrust | None = None,
        data: Sequence[str] = (),
        most: int = 5,
        version: str = "1",
        pin: str | None = None,
        allow: Sequence[str] = ("*",),
        overrides: Mapping[str, Overrides] | None = None,
    ) -> None:
        if not 1 <= most <= LARGEST:
            msg = f"documents {name}: between 1 and {LARGEST} passages are given at once, got {most!r}"
            raise DefinitionError(msg)
        self.about, self.most = about, most
        self.trust: SourceTrust | None
        self.trust, self.data = declared_label(f"documents {name}", trust, data)
        super().__init__(name, version=version, pin=pin, allow=allow, overrides=overrides)

    @property
    def search(self) -> Tool:
        """The tool that searches them."""
        return self.tool("search")

    def offers(self) -> Sequence[str]:
        """Give the name of its tool."""
        return ("search",)

    def make(self, name: str) -> Tool:
        """Give it."""
        about = (
            f"Search {self.about or f'the documents of {self.name}'} by a few words."
            f" Gives up to {self.most} passages with their sources, the best first."
        )
        act = StoreAct(name, self._search, input_schema=SEARCH, description=about)
        return Tool(
            act,
            effect="read",
            on_uncertain=act.asking(nothing),
            trust=self.trust,
            data=self.data,
            outside=False,
        )

    def settings(self) -> Mapping[str, Json]:
        """Give it as it stands in a workflow file."""
        found: dict[str, Json] = {"most": self.most}
        if self.about is not None:
            found["about"] = self.about
        if self.trust is not None:
            found["trust"] = self.trust
        if self.data:
            found["data"] = list(self.data)
        return found

    def interface(self) -> Json:
        """Give what its tool is, and which documents it searches."""
        return {"tools": super().interface(), "documents": dict(self.settings())}

    async def _search(self, arguments: Mapping[str, Any], call: Call) -> Any:
        at = here(call)
        tenant, store = at.run.tenant, at.store
        words = list(dict.fromkeys(words_of(arguments["query"])))[:MOST_WORDS]
        postings = store.postings(tenant, self.name, words)
        found: list[dict[str, Any]] = []
        for (document, number), score in ranked(postings)[: self.most]:
            try:
                passage = decode(store.passage(tenant, self.name, document, number))
            except StoreError:  # removed since it was found
                continue
            if passage["collection"] == self.name:  # whatever the index says of it
                del passage["collection"]
                found.append({**passage, "score": round(score, 4)})
        call.noted["retrieved"] = {
            "documents": self.name,
            "scores": [decimal(one["score"]) for one in found],
            "among": postings.passages,
        }
        return {"passages": found}


def ranked(postings: Postings) -> list[tuple[tuple[str, int], float]]:
    """Give documents and numbers of passages with their scores, the best first (BM25)."""
    counted: dict[tuple[str, int], Counter[str]] = {}
    often: dict[str, list[tuple[str, int]]] = {}
    lengths: dict[tuple[str, int], int] = {}
    for one in postings.found:
        word, where = str(one.word), (one.document, one.number)
        counted.setdefault(where, Counter())[word] = one.times
        often.setdefault(word, []).append(where)
        lengths[where] = one.length
    words = sorted(often, key=int)
    scores = bm25(words, counted, often, lengths, whole=(postings.passages, postings.words))
    return sorted(scores.items(), key=lambda one: (-one[1], one[0]))
