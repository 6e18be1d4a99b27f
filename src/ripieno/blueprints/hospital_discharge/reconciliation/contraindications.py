"""Drug with condition, kidney function or age: an illustrative table, each row with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ripieno.blueprints.hospital_discharge.condition_classes import ConditionClass, in_class
from ripieno.blueprints.hospital_discharge.reconciliation.findings import Finding, Severity
from ripieno.blueprints.hospital_discharge.reconciliation.ingredients import Ingredient
from ripieno.blueprints.hospital_discharge.reconciliation.interaction_table import BEERS
from ripieno.blueprints.hospital_discharge.reconciliation.kidney import Kidney
from ripieno.blueprints.hospital_discharge.reconciliation.medications import Drug
from ripieno.blueprints.hospital_discharge.summary_model import Summary
from ripieno.model.outcome import Evidence

__all__ = ["CONTRAINDICATIONS", "Contraindication", "contraindications", "kidney_matters"]


@dataclass(frozen=True, slots=True)
class Contraindication:
    """A tag that does not go with a condition, a low eGFR or an age; all that are set must hold."""

    drug: str
    severity: Severity
    advice: str
    source: str
    condition: ConditionClass | None = None
    egfr_below: float | None = None
    egfr_from: float | None = None
    age_from: int | None = None
    unless: str | None = None
    """A tag whose presence among the active medications answers the concern."""


_HF = "2022 AHA/ACC/HFSA Heart Failure Guideline (Circulation 2022;145:e895-e1032)"
_NAPROSYN = "Naprosyn prescribing information"
_METFORMIN = "Glucophage prescribing information, section 4 and 5.1"
_OESTROGEN = "Combined oral contraceptives, prescribing information, section 4"
_OLDER = "Strongly anticholinergic: confusion and falls; avoid in older adults."


def _with(
    drug: str, condition: ConditionClass, severity: Severity, advice: str, source: str
) -> Contraindication:
    return Contraindication(drug, severity, advice, source, condition=condition)


def _kidney(drug: str, below: float, severity: Severity, advice: str, source: str) -> Contraindication:
    return Contraindication(drug, severity, advice, source, egfr_below=below)


CONTRAINDICATIONS: tuple[Contraindication, ...] = (
    _with(
        "NSAID", "heart failure", "major", "Fluid retention, worse heart failure; stop.", f"{_HF}; {BEERS}"
    ),
    _with("non-dihydropyridine", "heart failure", "major", "Weakens the heart; not with low EF.", _HF),
    _with("thiazolidinedione", "heart failure", "major", "Fluid retention; stop.", "Actos boxed warning"),
    _with("NSAID", "gastrointestinal bleeding", "major", "Bleeding; avoid.", BEERS),
    _with("NSAID", "coronary heart disease", "moderate", "Infarction risk.", f"{_NAPROSYN}, boxed warning"),
    _with("NSAID", "chronic kidney disease", "moderate", "Kidney injury.", f"{_NAPROSYN}, section 5"),
    _with("NSAID", "pregnancy", "major", "Harm to the fetus from week 20.", f"{_NAPROSYN}, section 5"),
    _with("ACE inhibitor", "pregnancy", "contraindicated", "Harm to the fetus.", "Zestril boxed warning"),
    _with("ARB", "pregnancy", "contraindicated", "Harm to the fetus.", "Cozaar boxed warning"),
    _with(
        "warfarin",
        "pregnancy",
        "contraindicated",
        "Harm to the fetus; mechanical valves excepted.",
        "Coumadin prescribing information, section 4",
    ),
    _with(
        "non-selective beta blocker",
        "asthma",
        "contraindicated",
        "Bronchospasm.",
        "Coreg prescribing information, section 4",
    ),
    _with("tramadol", "epilepsy", "major", "Seizures.", "Ultram prescribing information, section 5"),
    _with("oestrogen contraceptive", "migraine with aura", "contraindicated", "Stroke risk.", _OESTROGEN),
    _with("oestrogen contraceptive", "stroke", "contraindicated", "Thrombosis.", _OESTROGEN),
    _with("oestrogen contraceptive", "coronary heart disease", "contraindicated", "Thrombosis.", _OESTROGEN),
    Contraindication(
        "oestrogen contraceptive",
        "contraindicated",
        "Stroke risk with any migraine over 35.",
        _OESTROGEN,
        condition="migraine",
        age_from=36,
    ),
    _kidney("metformin", 30, "contraindicated", "Lactic acidosis; stop.", _METFORMIN),
    Contraindication(
        "metformin",
        "moderate",
        "Weigh benefit and risk; usually half the dose.",
        "Glucophage prescribing information, section 2",
        egfr_from=30,
        egfr_below=45,
    ),
    _kidney("NSAID", 30, "major", "Avoid in advanced kidney disease.", f"{_NAPROSYN}, section 5; {BEERS}"),
    _kidney("dabigatran", 30, "major", "Accumulates; avoid or reduce.", BEERS),
    _kidney("potassium-sparing diuretic", 30, "major", "High potassium.", BEERS),
    _kidney("nitrofurantoin", 30, "major", "Lung and nerve damage, no effect.", BEERS),
    _kidney(
        "bisphosphonate",
        35,
        "moderate",
        "Not recommended below 35 mL/min.",
        "Fosamax prescribing information, section 8",
    ),
    _kidney(
        "oxaliplatin",
        30,
        "moderate",
        "Reduce the dose in severe renal impairment.",
        "Eloxatin prescribing information, section 2",
    ),
    _kidney(
        "digoxin",
        30,
        "moderate",
        "Accumulates; reduce the dose and measure.",
        "Lanoxin prescribing information, sections 2 and 8",
    ),
    _kidney(
        "thiazide",
        30,
        "moderate",
        "Little effect at this kidney function; review.",
        "Hydrochlorothiazide prescribing information, Warnings",
    ),
    Contraindication("first-generation antihistamine", "moderate", _OLDER, BEERS, age_from=65),
    Contraindication("benzodiazepine", "moderate", "Falls and delirium; avoid.", BEERS, age_from=65),
    Contraindication("sulfonylurea", "moderate", "Low blood sugar; prefer others.", BEERS, age_from=65),
    Contraindication(
        "NSAID",
        "moderate",
        "Gastrointestinal bleeding over 75; avoid long use, or protect the stomach.",
        BEERS,
        age_from=76,
        unless="PPI",
    ),
)


def contraindications(drugs: Sequence[Drug], summary: Summary, kidney: Kidney | None) -> list[Finding]:
    """Check every ingredient that works in the whole body against conditions, kidneys and age."""
    tags = frozenset[str]().union(*(ingredient.tags for drug in drugs for ingredient in drug.ingredients))
    found: dict[tuple[str, Contraindication], Finding] = {}
    for drug in drugs:
        for ingredient in () if drug.local else drug.ingredients:
            for rule in CONTRAINDICATIONS:
                if rule.drug not in ingredient.tags or rule.unless in tags:
                    continue
                evidence = _grounds(rule, summary, kidney)
                if evidence:
                    found.setdefault((ingredient.name, rule), _finding(rule, drug, ingredient, evidence))
    return list(found.values())


def kidney_matters(drugs: Sequence[Drug]) -> list[Drug]:
    """Give the medications whose use or dose depends on kidney function, by the table."""
    renal = {rule.drug for rule in CONTRAINDICATIONS if rule.egfr_below is not None}
    return [drug for drug in drugs if any(renal & ingredient.tags for ingredient in drug.ingredients)]


def _grounds(rule: Contraindication, summary: Summary, kidney: Kidney | None) -> list[Evidence]:
    """Give what makes the rule hold for this person; empty when any part of it does not."""
    grounds: list[Evidence] = []
    if rule.condition is not None:
        present = in_class(rule.condition, summary.conditions)
        if not present:
            return []
        grounds += [Evidence(f"Active condition: {item.text}", item.reference) for item in present]
    if rule.egfr_below is not None:
        if kidney is None or not (rule.egfr_from or 0) <= kidney.egfr < rule.egfr_below:
            return []
        grounds.append(Evidence(f"eGFR {kidney.egfr:g} {kidney.unit} ({kidney.basis})", kidney.reference))
    if rule.age_from is not None:
        age = summary.patient.age
        if age is None or age < rule.age_from:
            return []
        grounds.append(Evidence(f"Age {age} on {summary.as_of}", summary.patient.reference))
    return grounds


def _finding(rule: Contraindication, drug: Drug, ingredient: Ingredient, grounds: list[Evidence]) -> Finding:
    against = _against(rule)
    return Finding(
        kind="contraindication",
        severity=rule.severity,
        title=f"{ingredient.name} with {against}",
        advice=rule.advice,
        source=rule.source,
        medications=[drug.reference],
        confidence=drug.normalised.confidence,
        method="medication normalised, table row matched",
        evidence=[
            Evidence(f"{ingredient.name} is active: {drug.text}", drug.reference),
            *grounds,
            Evidence(f"{ingredient.name} with {against}: {rule.advice}", rule.source),
        ],
    )


def _against(rule: Contraindication) -> str:
    parts: list[str] = []
    if rule.condition:
        parts.append(rule.condition)
    if rule.egfr_below is not None:
        parts.append(f"eGFR under {rule.egfr_below:g}")
    if rule.age_from is not None:
        parts.append(f"age {rule.age_from} or over")
    return " and ".join(parts)
