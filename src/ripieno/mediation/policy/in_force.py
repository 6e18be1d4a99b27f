"""Which policies decide, at this moment and for whom: what a tenant has in production, else the files.

Files that change are heeded within `CHECK_SECONDS` + `SETTLE_SECONDS`, what another process promotes within
`CHECK_SECONDS`, and what this one promotes at once. What cannot be loaded denies, with the reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import structlog

from ripieno.journal.policies import PolicyBook, Standing
from ripieno.journal.store import Store
from ripieno.mediation.pack_names import policy_folder
from ripieno.mediation.policy.gate import PolicyGate, unusable
from ripieno.mediation.policy.library import Library, load_library
from ripieno.mediation.policy.regions import elsewhere
from ripieno.mediation.policy.texts import library_from, text_of
from ripieno.mediation.policy.watching import Watch
from ripieno.model.errors import NotFoundError, RipienoError
from ripieno.model.gate import Action, Decision, Tracing
from ripieno.model.provenance import RunLog, Tracer

__all__ = ["InForce", "kept_library"]

log = structlog.get_logger(__name__)


class InForce:
    """The gate of a data folder: decides about each act by the policies that are in force for it."""

    def __init__(self, home: Path, store: Store | None = None) -> None:
        """`store`: whose stages count, and which keeps the text of each set that is decided by."""
        self._store = store
        self._book = PolicyBook(list) if store is None else store.policy_book
        self._folder = policy_folder(home)
        self._watch = Watch(self._folder)
        self._files = PolicyGate(load_library(self._folder))
        self._promoted: dict[str, PolicyGate] = {}
        """Sets that are in a stage, by version, as they are needed."""
        self._known: Mapping[str, Standing] = {}
        self._kept: set[tuple[str, str]] = set()
        """Tenants and versions of which the log has the text."""
        self._version = self._files.version

    @property
    def version(self) -> str:
        """Changes whenever a decision may."""
        if self._watch.due or self._book.known is not self._known:
            self._heed()
        return self._version

    def decide(self, action: Action) -> Decision:
        """Decide about one act, by what is in force for it; never raises."""
        self._heed()
        tenant = action.actor.principal.tenant
        if self._store is not None and self._store.regions.standing:
            reason = elsewhere(action, self._store.regions)
            if reason is not None:
                return Decision("deny", version=self._version, reason=reason)
        gate = self._files
        if self._known:
            try:
                gate = self._chosen(tenant, action.candidate)
            except RipienoError as error:
                return Decision("deny", version=self._version, reason=unusable(error))
        if (tenant, gate.version) not in self._kept:
            self._keep(tenant, gate)
        return gate.decide(action)

    def traces(self, action: Action) -> frozenset[Tracing]:
        """Tell what the policies in force for an act read of where its values come from."""
        self._heed()
        try:
            return self._chosen(action.actor.principal.tenant, action.candidate).traces(action)
        except RipienoError:  # and it is denied
            return frozenset()

    def tracer(self, log: RunLog, run: str) -> Tracer:
        """Give what finds where the values of a run's acts come from."""
        return self._files.tracer(log, run)

    def _chosen(self, tenant: str, candidate: str | None) -> PolicyGate:
        """Give what decides for a tenant: a candidate for runs that began under it, while it is one."""
        held = self._known.get(tenant)
        if held is None or held.production is None:
            return self._files
        staged = held.candidate
        on_trial = candidate is not None and staged is not None and staged.version == candidate
        version = candidate if on_trial and candidate is not None else held.production.version
        found = self._promoted.get(version)
        if found is None:
            assert self._store is not None, "only a store has stages"
            found = self._promoted[version] = PolicyGate(kept_library(self._store, tenant, version))
        return found

    def _keep(self, tenant: str, gate: PolicyGate) -> None:
        """Let the log have what is decided by, for whoever asks one day what it said."""
        self._kept.add((tenant, gate.version))
        if self._store is not None:
            self._store.note_policies(tenant, gate.version, text_of(gate.library))

    # -- what changes -----------------------------------------------------------------------------

    def _heed(self) -> None:
        """Take notice of what has changed, where it is time to look."""
        if self._watch.due:
            self._book.look()
            if self._watch.changed():
                self._load()
        if self._book.known is not self._known:
            self._known = self._book.known
            stages = [stage for held in self._known.values() for stage in (held.production, held.staging)]
            versions = {stage.version for stage in stages if stage is not None}
            self._promoted = {one: gate for one, gate in self._promoted.items() if one in versions}
            self._renew()

    def _load(self) -> None:
        """Read the files anew; what is wrong with them is said at once, and denies from now on."""
        library = load_library(self._folder, like=self._files.library)
        if library.version == self._files.version:
            return
        self._files = PolicyGate(library)
        self._renew()
        log.info("policies read anew", version=library.version[:16])
        for problem in library.problems:
            log.error("policies cannot be used", problem=str(problem))

    def _renew(self) -> None:
        """Give what decides now a version of its own."""
        if not self._known:
            self._version = self._files.version
            return
        said = sorted(
            (tenant, stage.stage, stage.version, stage.share)
            for tenant, held in self._known.items()
            for stage in (held.production, held.staging)
            if stage is not None
        )
        self._version = hashlib.sha256(f"{self._files.version}\n{said}".encode()).hexdigest()


def kept_library(store: Store, tenant: str, version: str) -> Library:
    """Give a set as the log keeps it; raises `NotFoundError`, or `StoreError` where its text is gone."""
    for kept in store.policy_sets(tenant):
        if kept.version == version:
            return library_from(store.policy_text(tenant, kept), version)
    msg = f"no policies {version[:12]} are kept in the log"
    raise NotFoundError(msg, remedy="ripieno policy versions shows those that are")
