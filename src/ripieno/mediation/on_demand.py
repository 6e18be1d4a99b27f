"""The gate of a data folder, loaded at the first decision: reading and helping need none."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno.model.gate import Action, Decision, Tracing
from ripieno.model.provenance import RunLog, Tracer

if TYPE_CHECKING:
    from ripieno.mediation.policy import PolicyGate

__all__ = ["FolderGate"]


class FolderGate:
    """Decides by the policies of a data folder and its project."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def load(self) -> None:
        """Load it now: whoever serves runs will need it."""
        _ = self._gate

    @property
    def version(self) -> str:
        """Changes whenever a decision may."""
        return self._gate.version

    def decide(self, action: Action) -> Decision:
        """Decide about one action."""
        return self._gate.decide(action)

    def traces(self, action: Action) -> frozenset[Tracing]:
        """Tell what policies read of where the values of an act come from."""
        return self._gate.traces(action)

    def tracer(self, log: RunLog, run: str) -> Tracer:
        """Give what finds where the values of a run's acts come from."""
        return self._gate.tracer(log, run)

    @cached_property
    def _gate(self) -> PolicyGate:
        from ripieno.mediation.policy import default_gate  # noqa: PLC0415 - a fifth of a second

        return default_gate(self._home)
