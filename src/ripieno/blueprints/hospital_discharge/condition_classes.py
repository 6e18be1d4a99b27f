"""Groups of diagnoses that rules speak of, by SNOMED CT code and, failing that, by words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ripieno.blueprints.hospital_discharge.summary_model import Diagnosis

__all__ = ["ConditionClass", "classes_of", "in_class"]

ConditionClass = Literal[
    "acute coronary syndrome",
    "alcohol or drug use",
    "appendicitis",
    "asthma",
    "atrial fibrillation",
    "cancer",
    "chronic kidney disease",
    "COPD",
    "coronary heart disease",
    "dental",
    "diabetes",
    "epilepsy",
    "gastrointestinal bleeding",
    "heart failure",
    "hypertension",
    "migraine",
    "migraine with aura",
    "pneumonia",
    "pregnancy",
    "stroke",
]


@dataclass(frozen=True, slots=True)
class _Group:
    name: ConditionClass
    codes: frozenset[str]
    words: tuple[str, ...]
    unless: tuple[str, ...] = ()
    """Words that show the text means something else."""


def _group(name: ConditionClass, codes: str, *words: str, unless: tuple[str, ...] = ()) -> _Group:
    return _Group(name, frozenset(codes.split()), words, unless)


_GROUPS = (
    _group(
        "acute coronary syndrome",
        "22298006 401303003 401314000 394659003",
        "myocardial infarction",
        "acute coronary syndrome",
        unless=("history", "old "),
    ),
    _group(
        "alcohol or drug use", "55680006 7200002 191816009", "drug overdose", "opioid abuse", "alcoholism"
    ),
    _group("appendicitis", "74400008 47693006", "appendicitis", "rupture of appendix"),
    _group("asthma", "195967001 233678006", "asthma"),
    _group("atrial fibrillation", "49436004 282825002", "atrial fibrillation"),
    _group(
        "cancer",
        "363346000 94260004 363406005 254837009 254637007 109838007 93761005",
        "malignant",
        "carcinoma",
        "cancer",
        unless=("history", "screening", "suspected"),
    ),
    _group(
        "chronic kidney disease",
        "709044004 431855005 431856006 433144002 431857002 433146000 127013003",
        "chronic kidney disease",
        "diabetic renal disease",
    ),
    _group(
        "COPD",
        "13645005 87433001 185086009",
        "copd",
        "chronic obstructive",
        "emphysema",
        "chronic bronchitis",
    ),
    _group(
        "coronary heart disease",
        "53741008 414545008 22298006 399211009 401303003 401314000",
        "coronary heart disease",
        "ischemic heart disease",
        "ischaemic heart disease",
        "myocardial infarction",
    ),
    _group("dental", "196416002", "impacted molar"),
    _group(
        "diabetes",
        "44054006 46635009 73211009",
        "diabetes",
        unless=("prediabetes", "insipidus", "history", "gestational"),
    ),
    _group("epilepsy", "84757009 128613002", "epilepsy", "seizure disorder"),
    _group(
        "gastrointestinal bleeding",
        "74474003 13200003 6072007 397825006",
        "peptic ulcer",
        "gastric ulcer",
        "duodenal ulcer",
        "gastrointestinal hemorrhage",
        "gastrointestinal haemorrhage",
    ),
    _group("heart failure", "88805009 84114007 42343007 85232009 417996009 418304008", "heart failure"),
    _group("hypertension", "38341003 59621000", "hypertension", unless=("pulmonary", "portal")),
    _group("migraine", "37796009 124171000119105 56097005 4473006", "migraine"),
    _group("migraine with aura", "4473006", "migraine with aura"),
    _group("pneumonia", "233604007 385093006", "pneumonia", unless=("history",)),
    _group("pregnancy", "72892002 77386006", "pregnancy", unless=("history", "termination", "postpartum")),
    _group("stroke", "230690007 422504002 266257000", "stroke", "transient ischemic attack"),
)


def classes_of(diagnosis: Diagnosis) -> list[ConditionClass]:
    """Give the groups a diagnosis belongs to; a known code decides, words only where no code does."""
    if diagnosis.code is not None:
        coded: list[ConditionClass] = [g.name for g in _GROUPS if diagnosis.code in g.codes]
        if coded:
            return coded
    text = diagnosis.text.casefold()
    return [
        group.name
        for group in _GROUPS
        if any(word in text for word in group.words) and not any(word in text for word in group.unless)
    ]


def in_class(name: ConditionClass, diagnoses: list[Diagnosis]) -> list[Diagnosis]:
    """Give the diagnoses of one group."""
    return [diagnosis for diagnosis in diagnoses if name in classes_of(diagnosis)]
