"""The same workflow with agents: each drafts in its mode, the rules cross-check it, a clinician decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final, get_args
from urllib.parse import quote

from ripieno.blueprints.hospital_discharge.agents.chart import chart
from ripieno.blueprints.hospital_discharge.agents.cross_check import (
    check_reconciliation,
    check_summary,
    reconcile,
)
from ripieno.blueprints.hospital_discharge.agents.drafts import ReconciliationDraft, SummaryDraft, drafted
from ripieno.blueprints.hospital_discharge.agents.notes import Notes
from ripieno.blueprints.hospital_discharge.agents.notes import notes as notes_of_stay
from ripieno.blueprints.hospital_discharge.package import DischargePackage
from ripieno.blueprints.hospital_discharge.reconciliation import Reconciliation
from ripieno.blueprints.hospital_discharge.reconciliation import reconcile as reconcile_medications
from ripieno.blueprints.hospital_discharge.summary_model import Document, Summary
from ripieno.blueprints.hospital_discharge.timing import LateArrangement, Timing
from ripieno.blueprints.hospital_discharge.workflow import (
    THRESHOLD,
    billed,
    check_record,
    clinician,
    coordinate,
    in_time,
    late,
    packaged,
    summarise,
    timing,
    withheld,
)
from ripieno.mediation.provenance.sentences import sentence_with
from ripieno.model.errors import DefinitionError, DeniedError
from ripieno.model.limits import Limits
from ripieno.model.mode import Mode
from ripieno.model.outcome import Evidence, Outcome
from ripieno.model.participant import Context
from ripieno.participants.function import Function, function
from ripieno.participants.human import Human, human, role
from ripieno.participants.llm.agent import Agent
from ripieno.participants.llm.models import identifier
from ripieno.patterns.base import Stage
from ripieno.patterns.branch import branch, when
from ripieno.patterns.concurrent import concurrent
from ripieno.patterns.resolvers import merge
from ripieno.patterns.sequential import Sequential, sequential
from ripieno.workflows.workflow import Data, Replaces, Workflow

__all__ = ["MODE", "RECORDED", "with_agents"]

MODE: Final[Mode] = "suggest"
"""What agents do unless it is said: they suggest, and nothing of it counts before a clinician approves it.

In `shadow` nothing of it would count at all, but the clinician would have to write each draft alone.
"""

RECORDED: Final = "recorded:ripieno.blueprints.hospital_discharge"
"""The model whose answers are recorded with this workflow; it is called `recorded` for short."""

MOST_TOKENS: Final = 4000
"""Of an answer, and of what a model may think before it."""

reconcile_by_rules = Function(reconcile_medications, name="reconcile_by_rules", pure=True)


@function(pure=True)
async def bill(  # noqa: PLR0917 - bound by name
    input: dict[str, Any],  # noqa: A002 - bound by this name
    summarise: Summary,
    timing: Timing,
    arranging: LateArrangement,
    notes: Notes,
    review_summary: Any,
    context: Context,
) -> Outcome:
    """Ask the payer for pre-authorisation: the one that a note names, as notes are newer than the record.

    Whether that may be done is decided by the gate, which knows where the name comes from.
    """
    draft = drafted(SummaryDraft, review_summary)
    noted = draft.payer if draft is not None else None
    why_not = withheld(timing, arranging)
    try:
        return await billed(input, summarise, why_not, context, payer=noted.name if noted else None)
    except DeniedError as error:
        assert noted is not None, "of the record's payer may be asked"
        evidence = [Evidence(f"Who is to pay, says the draft: {noted.name}", noted.reference)]
        evidence += [
            Evidence("The note says", note.reference, said)
            for note in notes.notes
            if (said := sentence_with(note.text, noted.name)) is not None
        ]
        evidence.append(Evidence("The gate denied it", "policy", error.message))
        reason = f"denied: to ask {noted.name}, whom a note names"
        return Outcome("escalated", evidence=evidence, reason=reason)


def of_model() -> str:
    """Say who drafts."""
    return "an agent"


def of_recorded() -> str:
    """Say who drafts where nobody does."""
    return "a recorded answer, given by no model"


@function(pure=True)
def package(  # noqa: PLR0917 - bound by name
    summarise: Summary,
    reconcile: Reconciliation,
    arrangements: dict[str, Any] | None,
    timing: Timing,
    arranging: LateArrangement,
    drafted_by: str,
    review_summary: Any,
    clinician: dict[str, Any] | None = None,
) -> DischargePackage:
    """Put everything together into what leaves the hospital with the patient."""
    found = packaged(summarise, reconcile, arrangements, withheld(timing, arranging), clinician)
    draft = drafted(SummaryDraft, review_summary)
    if draft is None:
        return found
    return found.model_copy(update={"course": draft.narrative, "drafted_by": drafted_by})


class Drafting(Sequential):
    """An agent and its cross-check, which give a draft: so does a person in their place, by the same form."""

    def __init__(self, name: str, stages: Sequence[Stage], form: type[Document]) -> None:
        super().__init__(name, stages)
        self._form = form

    def output_form(self) -> Mapping[str, Any]:
        """Give the JSON Schema of the draft."""
        return self._form.model_json_schema()


def with_agents(model: str, mode: Mode = MODE) -> Workflow:
    """Give the workflow with agents that ask `model`, in a mode; raises `DefinitionError`.

    model: as agents name it, such as `ollama:llama3.2`, or `recorded`.
    """
    if mode not in get_args(Mode):
        msg = f"mode must be one of {', '.join(get_args(Mode))}, got {mode!r}"
        raise DefinitionError(msg)
    asked = RECORDED if model == "recorded" else model
    found = identifier(asked)
    recorded = found is not None and found[0] == "recorded"
    summary_agent = Agent(
        "summary_agent",
        model=asked,
        instructions=_instructions("summary"),
        output=SummaryDraft,
        sees=("chart", "notes"),
        settings={"max_tokens": MOST_TOKENS},
    )
    reconciliation_agent = Agent(
        "reconciliation_agent",
        model=asked,
        instructions=_instructions("reconciliation"),
        output=ReconciliationDraft,
        sees=("chart", "notes"),
        settings={"max_tokens": MOST_TOKENS},
    )
    review_summary = Drafting("review_summary", (summary_agent, check_summary), SummaryDraft)
    review_medications = Drafting(
        "review_medications", (reconciliation_agent, check_reconciliation), ReconciliationDraft
    )
    return Workflow(
        "hospital-discharge",
        sequential(
            summarise.escalate(below=THRESHOLD, to=clinician),
            chart,
            notes_of_stay,
            Function(of_recorded if recorded else of_model, name="drafted_by", pure=True),
            review_summary.mode(mode, _writer("summary")).escalate(below=THRESHOLD, to=clinician),
            reconcile_by_rules,
            review_medications.mode(mode, _writer("medications")).escalate(below=THRESHOLD, to=clinician),
            reconcile,
            timing,
            branch({when("timing.historical"): late}, otherwise=in_time, name="arranging"),
            concurrent(coordinate, bill, resolve=merge(), name="arrangements").escalate(
                below=THRESHOLD, to=clinician
            ),
            package,
        ),
        owner="care-transitions",
        purpose="a safe discharge: summary, medication reconciliation, follow-up visits, pre-authorisation",
        risk="high",
        data=[Data.PHI],
        policy="healthcare",
        limits=Limits(deadline="7d", model_calls=20),
        replaces=Replaces(minutes=45, touchpoints=6),
        check_input=check_record,
        source=f"hospital-discharge?model={quote(model, safe=':/@')}&mode={mode}",
    )


def _writer(of: str) -> Human:
    return human(f"clinician_{of}", role="clinician", due="4h", then=role("chief-of-staff"))


def _instructions(of: str) -> str:
    folder = files("ripieno.blueprints.hospital_discharge.agents") / "instructions"
    return (folder / f"{of}.md").read_text(encoding="utf-8")
