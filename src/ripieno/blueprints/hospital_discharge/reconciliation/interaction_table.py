"""Drug with drug: an illustrative table, own wording, each row with its source."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.blueprints.hospital_discharge.reconciliation.findings import Severity

__all__ = ["BEERS", "INTERACTIONS", "Interaction"]

BEERS = "AGS Beers Criteria 2023 (J Am Geriatr Soc 2023;71:2052-2081)"


@dataclass(frozen=True, slots=True)
class Interaction:
    """Two tags (ingredients or classes) that should not meet unnoticed."""

    one: str
    other: str
    severity: Severity
    advice: str
    source: str
    above_mg: float | None = None
    """The rule holds only when one unit of `one` is stronger than this, or states no strength."""


_BLEEDING = "Bleeding risk rises; avoid, or monitor closely with gastroprotection."
_WARFARIN = "Coumadin prescribing information, section 7"
_LANOXIN = "Lanoxin prescribing information, section 7"
_ZOCOR = "Zocor prescribing information, sections 2, 4 and 5.1"
_POTASSIUM_LOSS = "Potassium loss sensitises the heart to digoxin; check potassium and magnesium."
_KIDNEY = "The diuretic and antihypertensive effect falls and the kidney is at risk; avoid or monitor."

INTERACTIONS: tuple[Interaction, ...] = (
    Interaction("warfarin", "NSAID", "major", _BLEEDING, f"{_WARFARIN}; {BEERS}"),
    Interaction("warfarin", "antiplatelet", "major", _BLEEDING, _WARFARIN),
    Interaction("warfarin", "DOAC", "contraindicated", "Two anticoagulants; stop one.", _WARFARIN),
    Interaction("warfarin", "amiodarone", "major", "INR rises for weeks; reduce warfarin.", _WARFARIN),
    Interaction("warfarin", "azole", "major", "INR rises; check it within days.", _WARFARIN),
    Interaction("warfarin", "macrolide", "major", "INR rises; check it within days.", _WARFARIN),
    Interaction("warfarin", "fluoroquinolone", "major", "INR rises; check it within days.", _WARFARIN),
    Interaction("warfarin", "sulfonamide antibiotic", "major", "INR rises; choose another.", _WARFARIN),
    Interaction("warfarin", "metronidazole", "major", "INR rises; choose another.", _WARFARIN),
    Interaction("warfarin", "SSRI", "moderate", "Bleeding risk rises; watch for it.", _WARFARIN),
    Interaction(
        "warfarin",
        "simvastatin",
        "minor",
        "INR may rise a little; check it.",
        "Zocor prescribing information, section 7",
    ),
    Interaction("DOAC", "NSAID", "major", _BLEEDING, "Eliquis prescribing information, section 7"),
    Interaction("DOAC", "antiplatelet", "major", _BLEEDING, "Eliquis prescribing information, section 7"),
    Interaction("clopidogrel", "NSAID", "moderate", _BLEEDING, "Plavix prescribing information, section 7"),
    Interaction(
        "clopidogrel",
        "CYP2C19 inhibitor",
        "major",
        "Less clopidogrel is activated; use pantoprazole.",
        "Plavix prescribing information, section 7",
    ),
    Interaction(
        "digoxin", "verapamil", "major", "Digoxin level rises and the heart slows; reduce digoxin.", _LANOXIN
    ),
    Interaction("digoxin", "amiodarone", "major", "Digoxin level rises; reduce digoxin.", _LANOXIN),
    Interaction("digoxin", "macrolide", "major", "Digoxin level rises; measure it.", _LANOXIN),
    Interaction("digoxin", "loop diuretic", "moderate", _POTASSIUM_LOSS, _LANOXIN),
    Interaction("digoxin", "thiazide", "moderate", _POTASSIUM_LOSS, _LANOXIN),
    Interaction(
        "verapamil",
        "beta blocker",
        "major",
        "Bradycardia, heart block and heart failure; avoid together.",
        "Calan prescribing information, Precautions, Drug interactions",
    ),
    Interaction(
        "diltiazem",
        "beta blocker",
        "moderate",
        "Bradycardia and heart block; monitor.",
        "Cardizem prescribing information, Precautions, Drug interactions",
    ),
    Interaction(
        "simvastatin",
        "verapamil",
        "major",
        "Risk of myopathy: not above 10 mg of simvastatin daily.",
        _ZOCOR,
        10,
    ),
    Interaction(
        "simvastatin",
        "diltiazem",
        "major",
        "Risk of myopathy: not above 10 mg of simvastatin daily.",
        _ZOCOR,
        10,
    ),
    Interaction(
        "simvastatin",
        "amlodipine",
        "moderate",
        "Risk of myopathy: not above 20 mg of simvastatin daily.",
        _ZOCOR,
        20,
    ),
    Interaction(
        "simvastatin",
        "amiodarone",
        "moderate",
        "Risk of myopathy: not above 20 mg of simvastatin daily.",
        _ZOCOR,
        20,
    ),
    Interaction("simvastatin", "strong CYP3A4 inhibitor", "contraindicated", "Rhabdomyolysis.", _ZOCOR),
    Interaction("simvastatin", "erythromycin", "contraindicated", "Rhabdomyolysis.", _ZOCOR),
    Interaction("simvastatin", "gemfibrozil", "contraindicated", "Rhabdomyolysis.", _ZOCOR),
    Interaction(
        "nitrate",
        "PDE5 inhibitor",
        "contraindicated",
        "Severe fall in blood pressure.",
        "Viagra prescribing information, section 4.1",
    ),
    Interaction(
        "ACE inhibitor",
        "ARB",
        "major",
        "Kidney injury and high potassium; one of them is enough.",
        f"Cozaar prescribing information, section 7; {BEERS}",
    ),
    Interaction(
        "ACE inhibitor",
        "potassium-sparing diuretic",
        "moderate",
        "Potassium rises; check it within a week.",
        "Aldactone prescribing information, section 7",
    ),
    Interaction(
        "ARB",
        "potassium-sparing diuretic",
        "moderate",
        "Potassium rises; check it within a week.",
        "Aldactone prescribing information, section 7",
    ),
    Interaction(
        "potassium-sparing diuretic",
        "potassium supplement",
        "major",
        "Potassium rises; avoid together.",
        "Aldactone prescribing information, section 7",
    ),
    Interaction("ACE inhibitor", "NSAID", "moderate", _KIDNEY, "Zestril prescribing information, section 7"),
    Interaction("ARB", "NSAID", "moderate", _KIDNEY, "Cozaar prescribing information, section 7"),
    Interaction("loop diuretic", "NSAID", "moderate", _KIDNEY, "Naprosyn prescribing information, section 7"),
    Interaction("thiazide", "NSAID", "moderate", _KIDNEY, "Naprosyn prescribing information, section 7"),
    Interaction("SSRI", "NSAID", "moderate", _BLEEDING, "Zoloft prescribing information, section 7"),
    Interaction("systemic corticosteroid", "NSAID", "moderate", "Ulcer risk; avoid or protect.", BEERS),
    Interaction(
        "methotrexate",
        "NSAID",
        "major",
        "Methotrexate level rises; avoid or monitor.",
        "Naprosyn prescribing information, section 7",
    ),
    Interaction(
        "methotrexate",
        "trimethoprim",
        "major",
        "Marrow suppression; avoid.",
        "Trexall prescribing information, section 7",
    ),
    Interaction(
        "lithium",
        "NSAID",
        "major",
        "Lithium level rises; avoid or measure.",
        "Lithium carbonate prescribing information, section 7",
    ),
    Interaction("lithium", "ACE inhibitor", "major", "Lithium level rises; avoid or measure.", BEERS),
    Interaction("lithium", "loop diuretic", "major", "Lithium level rises; avoid or measure.", BEERS),
    Interaction(
        "lithium",
        "thiazide",
        "major",
        "Lithium level rises; avoid or measure.",
        "Lithium carbonate prescribing information, section 7",
    ),
    Interaction(
        "opioid",
        "benzodiazepine",
        "major",
        "Sedation and respiratory depression; avoid together.",
        f"FDA boxed warning of opioids and benzodiazepines; {BEERS}",
    ),
    Interaction(
        "opioid",
        "gabapentinoid",
        "major",
        "Sedation and respiratory depression; avoid together.",
        f"FDA Drug Safety Communication, 19 December 2019; {BEERS}",
    ),
    Interaction(
        "tramadol",
        "SSRI",
        "major",
        "Serotonin syndrome and seizures.",
        "Ultram prescribing information, section 7",
    ),
    Interaction(
        "allopurinol",
        "azathioprine",
        "major",
        "Marrow suppression; cut azathioprine to a third or less.",
        "Imuran prescribing information, Precautions, Drug interactions",
    ),
    Interaction(
        "theophylline",
        "ciprofloxacin",
        "major",
        "Theophylline level rises; avoid.",
        "Cipro prescribing information, section 7",
    ),
    Interaction(
        "long-acting beta agonist",
        "non-selective beta blocker",
        "moderate",
        "Each blunts the other, with bronchospasm; choose a cardioselective one.",
        "Serevent Diskus prescribing information, section 7",
    ),
    Interaction(
        "bisphosphonate",
        "NSAID",
        "minor",
        "Both irritate the upper gut; use with caution.",
        "Fosamax prescribing information, section 7",
    ),
)
