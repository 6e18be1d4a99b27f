"""Finds where the values of one act come from, by the history of its run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from ripieno.mediation.provenance.detectors import classes_in
from ripieno.mediation.provenance.formats import is_address
from ripieno.mediation.provenance.histories import Histories
from ripieno.mediation.provenance.history import History
from ripieno.mediation.provenance.index import Found, Mark, Match, Source, together
from ripieno.mediation.provenance.leaves import keys, leaves, place
from ripieno.mediation.provenance.visits import visit_of
from ripieno.mediation.provenance.words import text_of
from ripieno.model.provenance import (
    TRUSTS,
    Carried,
    Label,
    OpenSource,
    RunLog,
    Traced,
    Trust,
    combined,
    least_trusted,
)

__all__ = ["RunTracer", "tracer"]

TOLD: Final = 100
"""So many values of one act are told of one by one; what they come to together is always told."""

OPEN: Final = 20
"""So many sources that nobody answers for are told of, for people to look through."""

READ: Final[WeakKeyDictionary[RunLog, Histories]] = WeakKeyDictionary()


def tracer(log: RunLog, run: str) -> RunTracer:
    """Give what finds where the values of a run's acts come from."""
    histories = READ.get(log)
    if histories is None:
        histories = READ[log] = Histories(log)
    return RunTracer(histories, run)


class RunTracer:
    """Finds where the values of one run's acts come from."""

    def __init__(self, histories: Histories, run: str) -> None:
        self._histories = histories
        self._run = run
        self.work = 0
        """How many windows and forms were looked at so far: what it has cost, whatever the machine."""

    async def trace(self, carried: Carried) -> Traced:
        """Find it for one act, by all that is committed of its run.

        Its history is kept at hand among those of all runs: where these are too large together, the one that
        was asked for the longest ago is let go, and read anew.
        """

        def whole(history: History) -> Traced:
            found = Trace(history, carried).whole()
            self.work = history.index.work
            return found

        return await self._histories.looked(self._run, carried.open, whole)


class Trace:
    """One act against what its run has taken in."""

    def __init__(self, history: History, carried: Carried) -> None:
        self._history = history
        self._carried = carried
        self._default = self._by_default()
        self._vouched = history.vouched.under(carried.under)
        self._approved = None if self._vouched is None else self._vouched.index
        self._labels: list[Label] = []
        self._steering: list[Trust] = []
        self._from: dict[str, Any] = {}
        self._detected: dict[str, list[str]] = {}
        self._passes: set[str] = set()
        self._parted: Mapping[tuple[str | int, ...], Mark] = {}
        """Values that make up one that a source gave, together with those beside them."""

    def whole(self) -> Traced:
        """Give what was found."""
        carried = self._carried
        self._parted = self._in_parts()
        provenance = {name: self._of((name,), value) for name, value in carried.arguments.items()}
        for at, key in keys(carried.arguments):
            if len(at) > 1:  # names of parameters are the tool's
                self._note((*at, "(key)"), key, self._look(key, Label("trusted")))
        found = combined(self._labels)
        sources = ordered([label.trust for label in self._labels] or [self._default.trust])
        steering = ordered(self._steering or [self._default.trust])
        shown = ordered(self._shown())
        labels = tuple(sorted(found.data.union(*self._detected.values())))
        passes = tuple(sorted(self._passes)) if carried.detect else None
        document = {
            "provenance": provenance,
            "sources": list(sources),
            "steering": list(steering),
            "shown": list(shown),
            "labels": list(labels),
            **({} if passes is None else {"passes": list(passes)}),
            "from": self._from,
            **({"detected": self._detected} if self._detected else {}),
        }
        return Traced(provenance, sources, steering, shown, labels, passes, document, tuple(self._open()))

    def _look(self, leaf: Any, default: Label) -> Found:
        return self._history.index.look(leaf, default, self._approved)

    def _shown(self) -> set[Trust]:
        """Give what is said of all that the run has taken in, with what people have vouched for."""
        words = set(self._history.shown)
        if self._vouched is None or not self._vouched.sources:
            return words
        if len(self._vouched.sources) == len(self._history.vouched.open) and not self._history.unreadable:
            words.discard("untrusted")
        return {*words, "approved"}

    def _open(self) -> Sequence[OpenSource]:
        """Give what nobody answers for so far; of very much, the latest."""
        known = {} if self._vouched is None else self._vouched.sources
        found = (one for number, one in reversed(self._history.vouched.open.items()) if number not in known)
        return [*islice(found, OPEN)][::-1]

    def _in_parts(self) -> Mapping[tuple[str | int, ...], Mark]:
        given = list(islice(leaves(self._carried.arguments), TOLD))
        if len(given) == 1:
            return {}
        found: dict[tuple[str | int, ...], Mark] = {}
        known = {} if self._vouched is None else self._vouched.sources
        for where, mark in self._history.index.parted([leaf for _, leaf in given]):
            for number in where if mark.source.event not in known else ():
                found[given[number][0]] = together(found.get(given[number][0]), mark)
        return found

    def _by_default(self) -> Label:
        """Give what is said of what matches nothing."""
        carried, history = self._carried, self._history
        if history.unreadable or carried.read is None:
            return history.worst
        if carried.own_accord:
            return Label("model")
        read = [history.label_of(value.ref, value.decode) for value in carried.read]
        within = history.taken.get(visit_of(carried.path))
        return combined([*read, *([] if within is None else [within])])

    def _of(self, at: tuple[str | int, ...], value: Any) -> Any:
        """Give what is said of a value: of a record, for each of its fields."""
        if isinstance(value, Mapping) and value:
            fields = cast("Mapping[str, Any]", value)
            return {str(name): self._of((*at, str(name)), one) for name, one in fields.items()}
        known = self._passed(at, value)
        if known is not None:
            return known.trust
        said: list[Trust] = []
        for inner, leaf in leaves(value):
            found = self._look(leaf, self._default)
            if self._vouched is not None:
                found = self._vouched.value(self._carried.tool, at[0], leaf, found)
            if (part := self._parted.get((*at, *inner))) is not None:
                label = combined([found.label, part.label])
                found = Found(label, (*found.matches, Match(part, "with those beside it")))
            self._note((*at, *inner), leaf, found)
            said.append(found.label.trust)
        return least_trusted(said) if said else self._default.trust

    def _passed(self, at: Sequence[str | int], value: Any) -> Label | None:
        """Give the label of a value that was passed by reference; None for any other."""
        ref = self._carried.references.get(str(at[0])) if len(at) == 1 else None
        ref = value if ref is None and isinstance(value, str) else ref
        known = None if ref is None else self._history.values.get(ref)
        if known is None:
            return None
        source, label = known.source, known.label
        by = [{"how": "reference", "trust": label.trust, **told_source(source)}]
        mark = None if self._vouched is None else self._vouched.sources.get(source.event)
        if mark is not None and label.trust == "untrusted":
            label = Label("approved", label.data)
            by = [told_match(Match(mark, "approved")), *by]
        self._take(at, label)
        self._from[place(at)] = {"trust": label.trust, **told_data(label), "by": by}
        return label

    def _note(self, at: Sequence[str | int], leaf: Any, found: Found) -> None:
        """Note what was found about a leaf."""
        self._take(at, found.label)
        detected = sorted(classes_in(leaf)) if self._carried.detect else []
        if len(self._from) < TOLD and (at[-1] != "(key)" or found.matches):
            self._from[place(at)] = {
                "trust": found.label.trust,
                **told_data(found.label),
                "by": [told_match(match) for match in found.matches] or [self._unmatched()],
            }
        if detected:
            self._detected[place(at)] = detected
            whom = not self._carried.content and is_address(text_of(leaf))
            if self._is_passed_on(at) and not whom and not self._is_of_the_request(found):
                self._passes.update(detected)

    def _take(self, at: Sequence[str | int], label: Label) -> None:
        self._labels.append(label)
        if at[0] not in self._carried.content:
            self._steering.append(label.trust)
        if self._is_passed_on(at):
            self._passes |= label.data

    def _is_passed_on(self, at: Sequence[str | int]) -> bool:
        """Tell whether an argument is declared to be only passed on; where none is, any may be.

        There an e-mail address by itself says to whom, which no detector takes for personal data.
        """
        return not self._carried.content or at[0] in self._carried.content

    def _is_of_the_request(self, found: Found) -> bool:
        """Tell whether it is in the words of the run's own input, and of nothing else."""
        return found.label.trust == "trusted" and all(not match.mark.source.path for match in found.matches)

    def _unmatched(self) -> dict[str, Any]:
        if self._carried.own_accord:
            return {"how": "made up", "trust": self._default.trust}
        return {"how": "derived", "trust": self._default.trust, **self._like}

    @cached_property
    def _like(self) -> dict[str, Any]:
        """Give a source that is as little trusted as what matches nothing, as it is recorded with that."""
        trust, history = self._default.trust, self._history
        read = (history.values.get(value.ref) for value in self._carried.read or ())
        found = next((one.source for one in read if one is not None and one.label.trust == trust), None)
        least = history.index.least
        if found is None and least is not None and least.label.trust == trust:
            found = least.source
        return {} if found is None else {"like": {"trust": trust, **told_source(found)}}


def told_match(match: Match) -> dict[str, Any]:
    """Give a source as it is recorded."""
    mark = match.mark
    return {
        "how": match.how,
        "trust": mark.label.trust,
        **({"at": mark.at} if mark.at else {}),
        **told_source(mark.source),
    }


def told_source(source: Source) -> dict[str, Any]:
    """Give a source's place in the log, and what it is."""
    return {"what": source.what, "run": source.run, "event": source.event, "path": source.path}


def told_data(label: Label) -> dict[str, Any]:
    """Give the classes of data of a value; nothing for none."""
    return {"data": sorted(label.data)} if label.data else {}


def ordered(words: Iterable[Trust]) -> tuple[Trust, ...]:
    """Give words each once, from the most to the least trusted."""
    found = set(words)
    return tuple(word for word in TRUSTS if word in found)
