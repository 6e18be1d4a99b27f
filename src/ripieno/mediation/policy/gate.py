"""The gate that decides by policy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from traceback import extract_tb

import structlog

from ripieno.mediation.pack_names import policy_folder
from ripieno.mediation.policy.library import DEFAULT_PACK, Library, load_library
from ripieno.mediation.policy.rules import Rules
from ripieno.mediation.policy.rulings import decision
from ripieno.mediation.provenance.tracing import tracer
from ripieno.model.errors import RipienoError
from ripieno.model.gate import Action, Decision, Tracing
from ripieno.model.provenance import RunLog, Tracer

__all__ = ["PolicyGate", "default_gate", "policy_folder"]

log = structlog.get_logger(__name__)


class PolicyGate:
    """Decides about acts by the Cedar policies of a library; what cannot be decided is denied.

    Which pack holds is what the act's workflow declares as `policy`, else `standard`.
    """

    def __init__(self, library: Library, *, default_pack: str = DEFAULT_PACK) -> None:
        self.library = library
        self.default_pack = default_pack

    @property
    def version(self) -> str:
        """Changes whenever a decision may."""
        return self.library.version

    def decide(self, action: Action) -> Decision:
        """Decide about one act; never raises."""
        try:
            return self._decide(action)
        except RipienoError as error:
            return Decision("deny", version=self.version, reason=unusable(error))
        except Exception as error:  # noqa: BLE001 - a gate that fails is shut
            # what it says, and the values around it, may be of the arguments
            reason = f"could not be decided: {type(error).__name__}"
            place = extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            told = {"act": action.kind, "subject": action.subject.name}
            log.error(reason, at=where, **told)  # noqa: TRY400 - see above
            return Decision("deny", version=self.version, reason=reason)

    def traces(self, action: Action) -> frozenset[Tracing]:
        """Tell what the policies that may concern an act read of where its values come from."""
        try:
            return self.rules(action).shard(action).traces(action.actor)
        except RipienoError:  # and it is denied
            return frozenset()

    def tracer(self, log: RunLog, run: str) -> Tracer:
        """Give what finds where the values of a run's acts come from."""
        return tracer(log, run)

    def rules(self, action: Action) -> Rules:
        """Give the policies that hold for an act; raises `PolicyError` or `NotFoundError`."""
        declared = None if action.workflow is None else action.workflow.facts.get("policy")
        return self.library.rules(str(declared) if declared else self.default_pack)

    def _decide(self, action: Action) -> Decision:
        rules = self.rules(action)
        actor = action.actor
        shard = rules.shard(action)
        ruling = shard.ruling(action, actor.principal)
        if actor.on_behalf_of is None:
            found = ruling.decided or decision(action, [ruling], rules.version)
        else:
            others = [shard.ruling(action, one) for one in actor.chain[1:]]
            found = decision(action, [ruling, *others], rules.version)
        return found if found.general == shard.general else replace(found, general=shard.general)


def unusable(error: RipienoError) -> str:
    """Say why policies cannot be used, and what to do."""
    remedy = error.remedy or "ripieno policy check shows all that is wrong"
    where = f"{error.place}: " if error.place else ""
    return f"the policies cannot be used: {where}{error.message} ({remedy})"


def default_gate(home: Path) -> PolicyGate:
    """Give the gate of a data folder: the shipped packs, and `policies` beside it."""
    return PolicyGate(load_library(policy_folder(home)))
