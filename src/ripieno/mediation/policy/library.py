"""All policies there are: the packs that ship with Ripieno, and what a folder of one's own adds.

A folder of policies holds `*.cedar` files, which hold under every pack, and folders of `*.cedar` files, each
a pack of that name. A pack is put together when it is first asked for, from the texts as they were loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from ripieno.mediation.policy.lint import check_policy, conflicts, duplicates
from ripieno.mediation.policy.packs import SHIPPED, Pack, Source, read_pack, sources_in
from ripieno.mediation.policy.policies import Policy, parse
from ripieno.mediation.policy.problems import PolicyError
from ripieno.mediation.policy.rules import Rules
from ripieno.model.errors import DefinitionError, NotFoundError, Place, nearest

__all__ = ["DEFAULT_PACK", "Library", "load_library"]

DEFAULT_PACK: Final = "standard"
"""What holds where a workflow names no pack, and for acts outside of any workflow."""


class Library:
    """Policies by the pack under which they hold."""

    def __init__(
        self, packs: Sequence[Pack], everywhere: Sequence[Source] = (), *, like: Library | None = None
    ) -> None:
        """`like`: another one, of which what is the same is not read again."""
        self.given = tuple(packs)
        """All packs, also one whose name another has."""
        self.everywhere = tuple(everywhere)
        """What holds under every pack."""
        self.packs: Mapping[str, Pack] = {pack.name: pack for pack in reversed(packs)}
        self.version = version_of(packs, everywhere)
        """Changes with every change of a text."""
        self._twice = {one.name: one for one in packs if self.packs[one.name] is not one}
        self._read: dict[tuple[str, str], tuple[Policy, ...] | PolicyError] = {}
        if like is not None:
            texts = {(one.name, one.text) for one in self.sources}
            self._read |= like.read_of(texts)
        self._rules: dict[str, Rules | PolicyError] = {}

    def rules(self, pack: str) -> Rules:
        """Give what holds under a pack; raises `PolicyError` for one that cannot be used, `NotFoundError`."""
        found = self._rules.get(pack)
        if found is None:
            if pack not in self.packs:
                msg = f"no policy pack is called {pack!r}{nearest(pack, self.packs)}"
                raise NotFoundError(msg, remedy=f"there are {', '.join(sorted(self.packs))}")
            found = self._rules[pack] = self._assemble(pack)
        if isinstance(found, PolicyError):
            raise found
        return found

    def read_of(
        self, texts: Iterable[tuple[str, str]]
    ) -> Mapping[tuple[str, str], tuple[Policy, ...] | PolicyError]:
        """Give what came of reading files, of those that were read, by name and text."""
        return {key: self._read[key] for key in texts if key in self._read}

    @property
    def sources(self) -> Iterator[Source]:
        """Give all files, each pack's after those that hold everywhere."""
        yield from self.everywhere
        for pack in self.given:
            yield from pack.sources

    @property
    def problems(self) -> tuple[DefinitionError, ...]:
        """Give all that is wrong in any pack, each thing once."""
        found: dict[str, DefinitionError] = {}
        for name in sorted(self.packs):
            try:
                self.rules(name)
            except PolicyError as error:
                found |= {str(one): one for one in error.problems}
        return PolicyError(found.values()).problems if found else ()

    def _assemble(self, name: str) -> Rules | PolicyError:
        problems: list[DefinitionError] = []
        policies: list[Policy] = []
        sources = list(self.everywhere)
        for part in self._lineage(name):
            problems += self._problems_of(part)
            sources += part.sources
        for source in sources:
            found = self._read_once(source)
            if isinstance(found, PolicyError):
                problems += found.problems
            else:
                policies += found
        problems += duplicates(policies)
        problems += conflicts(policies)
        problems += [one for part in self._lineage(name) for one in self._unknown(part)]
        return PolicyError(problems) if problems else Rules(policies)

    def _lineage(self, name: str) -> Iterable[Pack]:
        """Give a pack and all it builds on, each once."""
        found: dict[str, Pack] = {}
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in found and one in self.packs:
                found[one] = self.packs[one]
                waiting += found[one].extends
        return found.values()

    def _problems_of(self, pack: Pack) -> Iterator[DefinitionError]:
        if pack.problem is not None:
            yield pack.problem
        if pack.name in self._twice:
            place = Place(self._twice[pack.name].shown)
            msg = f"a pack called {pack.name!r} ships with Ripieno"
            yield DefinitionError(msg, place=place, remedy="rename the folder, or extend that pack")

    def _unknown(self, pack: Pack) -> Iterator[DefinitionError]:
        for name in pack.extends:
            if name not in self.packs:
                msg = f"no policy pack is called {name!r}{nearest(name, self.packs)}"
                remedy = f"there are {', '.join(sorted(self.packs))}"
                yield DefinitionError(msg, place=pack.about_place, remedy=remedy)

    def _read_once(self, source: Source) -> tuple[Policy, ...] | PolicyError:
        """Read and check a file by itself, however many packs it holds under."""
        found = self._read.get((source.name, source.text))
        if found is None:
            try:
                found = read(source)
            except PolicyError as error:
                found = error
            self._read[source.name, source.text] = found
        return found


def read(source: Source) -> tuple[Policy, ...]:
    """Read a file and check each of its policies by itself; raises `PolicyError`."""
    if source.problem is not None:
        raise PolicyError([source.problem])
    return sound(source.text, source.name)


@lru_cache(maxsize=256)
def sound(text: str, name: str) -> tuple[Policy, ...]:
    """Read and check a text; one that was found sound is known by whichever library holds it next."""
    policies = parse(text, name)
    problems = [problem for policy in policies for problem in check_policy(policy)]
    if problems:
        raise PolicyError(problems)
    return tuple(policies)


def load_library(
    folder: Path | None = None, *, shown: str | None = None, like: Library | None = None
) -> Library:
    """Load the shipped packs, and what a folder of one's own adds; `shown` is what places call the folder.

    Nothing is raised for what cannot be used: whoever asks for it is told. Of what is the same in `like`
    nothing is read again.
    """
    packs = [read_pack(one, f"packs/{one.name}") for one in sorted(SHIPPED.iterdir()) if one.is_dir()]
    if folder is None:
        return Library(packs, like=like)
    called = shown or folder.name
    try:
        own = sorted(folder.iterdir())
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not folder.is_symlink():
            return Library(packs, like=like)
        # it is there, and may forbid what the packs permit
        problem = DefinitionError(f"cannot be read: {error}", place=Place(called))
        return Library(packs, [Source(called, "", problem)], like=like)
    own = [one for one in own if one.is_dir() and any(one.glob("*.cedar"))]
    packs += [read_pack(one, f"{called}/{one.name}") for one in own]
    return Library(packs, sources_in(folder, called), like=like)


def version_of(packs: Iterable[Pack], everywhere: Iterable[Source]) -> str:
    """Give the digest of all that decides."""
    whole = hashlib.sha256()
    for pack in packs:
        whole.update(hashlib.sha256(f"{pack.name}\n{pack.extends}\n{pack.problem}".encode()).digest())
        for source in pack.sources:
            whole.update(hashlib.sha256(f"{source.name}\n{source.text}\n{source.problem}".encode()).digest())
    for source in everywhere:
        whole.update(hashlib.sha256(f"{source.name}\n{source.text}\n{source.problem}".encode()).digest())
    return whole.hexdigest()
