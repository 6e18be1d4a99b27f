"""The rules as the agents' cross-check: where the two disagree, a clinician sees both sides and decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ripieno.blueprints.hospital_discharge.agents.chart import Chart
from ripieno.blueprints.hospital_discharge.agents.drafts import (
    DraftFinding,
    ReconciliationDraft,
    SummaryDraft,
    drafted,
)
from ripieno.blueprints.hospital_discharge.agents.notes import Notes
from ripieno.blueprints.hospital_discharge.fhir import Condition, open_record
from ripieno.blueprints.hospital_discharge.reconciliation import Finding, Reconciliation, confidence_of
from ripieno.blueprints.hospital_discharge.summary_model import Summary
from ripieno.model.outcome import Confidence, Evidence, Outcome
from ripieno.participants.function import function

__all__ = ["BY_AGENT", "check_reconciliation", "check_summary", "reconcile"]

AGREED: Final = Confidence(0.95, "the agent and the rules agree")
DIFFERING: Final = Confidence(0.5, "the agent and the rules differ")
BY_AGENT: Final = "drafted by an agent, found by no rule"
"""How a finding came about that the rules do not have."""


@function(pure=True)
def check_summary(  # noqa: PLR0917 - bound by name
    input: dict[str, Any],  # noqa: A002 - bound by this name
    summarise: Summary,
    chart: Chart,
    notes: Notes,
    drafted_by: str,
    summary_agent: SummaryDraft,
) -> Outcome:
    """Compare which conditions are active for the agent and for the rules; the payer is the gate's affair."""
    record = open_record(input)
    same = {one.reference: _identity(one) for one in record.all(Condition)}
    texts = {one.reference: one.text for one in chart.conditions}
    theirs = {same[one]: one for one in summary_agent.conditions if one in same}
    ours = {same[one.reference]: one.reference for one in summarise.conditions}
    texts.update({one.reference: one.text for one in summarise.conditions})
    unknown = [one for one in summary_agent.conditions if one not in same]
    differences = [
        *(f"no such condition in the record, says only the agent: {one}" for one in unknown),
        *(
            f"active for the agent alone: {texts.get(one, one)}"
            for key, one in theirs.items()
            if key not in ours
        ),
        *(f"active for the rules alone: {texts[one]}" for key, one in ours.items() if key not in theirs),
    ]
    evidence = [
        Evidence(
            f"The draft of {drafted_by}",
            _places([note.reference for note in notes.notes]),
            summary_agent.narrative,
        ),
        Evidence(
            "Active, says the agent",
            _places(theirs.values()),
            _listed(texts.get(one, one) for one in theirs.values()),
        ),
        Evidence(
            "Active, say the rules", _places(ours.values()), _listed(texts[one] for one in ours.values())
        ),
    ]
    if summary_agent.payer is not None:
        said = Evidence("A note names who pays", summary_agent.payer.reference, summary_agent.payer.name)
        evidence.append(said)
    return _compared(summary_agent, differences, evidence)


@function(pure=True)
def check_reconciliation(
    chart: Chart,
    reconcile_by_rules: Reconciliation,
    drafted_by: str,
    reconciliation_agent: ReconciliationDraft,
) -> Outcome:
    """Compare what the agent and the rules have found, by the medications that each finding is about."""
    texts = {one.reference: one.text for one in chart.medications}
    same = {also: drug.reference for drug in reconcile_by_rules.medications for also in drug.also}
    theirs = {_about(one.medications, same): one for one in reconciliation_agent.findings}
    ours = {_about(one.medications, same): one for one in reconcile_by_rules.findings}
    unknown = {one for found in theirs for one in found if one not in texts}
    differences = [
        *(f"no such medication in the record, says only the agent: {one}" for one in sorted(unknown)),
        *(f"found by the agent alone: {_shown(one)}" for about, one in theirs.items() if about not in ours),
        *(
            f"found by the rules alone: {_shown(one)}"
            for about, one in ours.items()
            if about not in theirs and one.severity != "minor"
        ),
        *(
            f"{one.title}: {theirs[about].severity} for the agent, {one.severity} for the rules"
            for about, one in ours.items()
            if about in theirs and (theirs[about].severity == "minor") != (one.severity == "minor")
        ),
    ]
    evidence = [
        *(
            Evidence(f"{drafted_by.capitalize()}: {_shown(one)}", _places(one.medications), one.advice)
            for one in theirs.values()
        ),
        *(Evidence(f"The rules: {_shown(one)}", one.source, one.advice) for one in ours.values()),
        *(item for one in ours.values() for item in one.evidence),
    ]
    both = [f"both have found {_shown(one)}" for about, one in ours.items() if about in theirs]
    rules = confidence_of(reconcile_by_rules)
    return _compared(reconciliation_agent, differences, evidence, rules=rules, agreed=both)


@function(pure=True)
def reconcile(reconcile_by_rules: Reconciliation, review_medications: Any) -> Reconciliation:
    """Add to what the rules have found what the review alone has; nothing of the rules' is taken away."""
    rules = reconcile_by_rules
    draft = drafted(ReconciliationDraft, review_medications)
    if draft is None:
        note = "No agent has looked at the medications: the rules alone have."
        return rules.model_copy(update={"notes": [*rules.notes, note]})
    same = {also: drug.reference for drug in rules.medications for also in drug.also}
    known = {_about(one.medications, same) for one in rules.findings}
    more = [
        Finding(
            kind=one.kind,
            severity=one.severity,
            title=one.title,
            advice=one.advice,
            source="a review that no rule confirms",
            medications=one.medications,
            confidence=DIFFERING.value,
            method=BY_AGENT,
            evidence=[Evidence(one.title, reference) for reference in one.medications],
        )
        for one in draft.findings
        if _about(one.medications, same) not in known
    ]
    return rules.model_copy(update={"findings": [*rules.findings, *more]})


def _compared(
    draft: SummaryDraft | ReconciliationDraft,
    differences: list[str],
    evidence: list[Evidence],
    *,
    rules: float = 1.0,
    agreed: Sequence[str] = (),
) -> Outcome:
    """Give a draft as sure as the two are together: what the rules alone would ask about is still asked."""
    told = [Evidence("The two differ", "the agent and the rules", one) for one in differences]
    found = DIFFERING if differences else AGREED
    if rules < found.value:
        found = Confidence(rules, f"{found.method}; the rules are no surer")
    return Outcome(
        "complete",
        draft,
        confidence=found,
        evidence=list(dict.fromkeys([*told, *evidence])),
        reason="; ".join([*differences, *agreed]) or None,
    )


def _identity(condition: Condition) -> str:
    code = condition.code
    return condition.reference if code is None else code.code_in(_SNOMED) or code.label.casefold()


_SNOMED: Final = "http://snomed.info/sct"


def _about(medications: Iterable[str], same: Mapping[str, str]) -> frozenset[str]:
    return frozenset(same.get(one, one) for one in medications)


def _shown(finding: DraftFinding | Finding) -> str:
    return f"{finding.title} ({finding.severity})"


def _places(references: Iterable[str]) -> str:
    return ", ".join(references) or "the chart"


def _listed(texts: Iterable[str]) -> str:
    return "; ".join(texts) or "none"
