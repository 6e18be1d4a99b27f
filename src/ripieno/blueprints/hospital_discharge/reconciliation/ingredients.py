"""The ingredients that are known: classes, other names and brands, formulary status.

Not a drug dictionary: a small illustrative formulary. A medication outside it is reported as
unknown and lowers the confidence, which is what should happen with anything a table does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BY_NAME", "BY_RXCUI", "INGREDIENTS", "NAMES", "Formulary", "Ingredient"]

Formulary = Literal["listed", "specialist", "not listed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One active substance."""

    name: str
    classes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Brands, other spellings and salts that do not contain the name."""
    rxcui: str | None = None
    """RxNorm concept of the ingredient, where it is certain."""
    formulary: Formulary = "listed"
    instead: str | None = None
    """What the formulary lists in its place."""

    @property
    def tags(self) -> frozenset[str]:
        """What rules may call it: its name and its classes."""
        return frozenset({self.name, *self.classes})


def _row(  # noqa: PLR0917 - the columns of the table below
    name: str,
    classes: str = "",
    aliases: str = "",
    rxcui: str | None = None,
    formulary: Formulary = "listed",
    instead: str | None = None,
) -> Ingredient:
    return Ingredient(name, _words(classes), _words(aliases), rxcui, formulary, instead)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


_HEART = (
    _row("warfarin", "anticoagulant, vitamin K antagonist", "coumadin, jantoven", "11289"),
    _row("apixaban", "anticoagulant, DOAC", "eliquis", "1364430"),
    _row("rivaroxaban", "anticoagulant, DOAC", "xarelto", "1114195"),
    _row("dabigatran", "anticoagulant, DOAC", "pradaxa, dabigatran etexilate"),
    _row("aspirin", "antiplatelet, salicylate", "acetylsalicylic acid, ecotrin", "1191"),
    _row("clopidogrel", "antiplatelet", "plavix", "32968"),
    _row("ticagrelor", "antiplatelet", "brilinta"),
    _row("digoxin", "digitalis", "lanoxin", "3407"),
    _row("amiodarone", "antiarrhythmic", "cordarone, pacerone", "703"),
    _row("verapamil", "calcium channel blocker, non-dihydropyridine", "calan, isoptin, verelan", "11170"),
    _row("diltiazem", "calcium channel blocker, non-dihydropyridine", "cardizem, tiazac", "3443"),
    _row("amlodipine", "calcium channel blocker, dihydropyridine", "norvasc", "17767"),
    _row("nifedipine", "calcium channel blocker, dihydropyridine", "procardia, adalat"),
    _row("metoprolol", "beta blocker", "toprol, lopressor", "6918"),
    _row("atenolol", "beta blocker", "tenormin", "1202"),
    _row("bisoprolol", "beta blocker", "zebeta"),
    _row("carvedilol", "beta blocker, non-selective beta blocker", "coreg", "20352"),
    _row("propranolol", "beta blocker, non-selective beta blocker", "inderal", "8787"),
    _row("lisinopril", "ACE inhibitor", "prinivil, zestril", "29046"),
    _row("captopril", "ACE inhibitor", "capoten", "1998"),
    _row("enalapril", "ACE inhibitor", "vasotec", "3827"),
    _row("ramipril", "ACE inhibitor", "altace", "35296"),
    _row("losartan", "ARB", "cozaar", "52175"),
    _row("valsartan", "ARB", "diovan", "69749"),
    _row("furosemide", "loop diuretic, diuretic, sulfonamide-derived", "lasix, frusemide", "4603"),
    _row("bumetanide", "loop diuretic, diuretic, sulfonamide-derived", "bumex"),
    _row("hydrochlorothiazide", "thiazide, diuretic, sulfonamide-derived", "microzide, hctz", "5487"),
    _row("chlorthalidone", "thiazide, diuretic, sulfonamide-derived", "chlortalidone, thalitone"),
    _row("spironolactone", "potassium-sparing diuretic, diuretic", "aldactone", "9997"),
    _row("potassium chloride", "potassium supplement", "klor-con, k-dur", "8591"),
    _row("nitroglycerin", "nitrate", "glyceryl trinitrate, nitrostat, nitrolingual", "4917"),
    _row("isosorbide mononitrate", "nitrate", "imdur"),
    _row("simvastatin", "statin", "zocor, simvistatin", "36567"),  # `Simvistatin` is Synthea's spelling
    _row("atorvastatin", "statin", "lipitor", "83367"),
    _row("rosuvastatin", "statin", "crestor", "301542"),
    _row("gemfibrozil", "fibrate", "lopid"),
    _row("sildenafil", "PDE5 inhibitor", "viagra, revatio", "136411"),
    _row("tadalafil", "PDE5 inhibitor", "cialis, adcirca"),
)

_PAIN = (
    _row("naproxen", "NSAID", "aleve, naprosyn, anaprox", "7258"),
    _row("ibuprofen", "NSAID", "advil, motrin, nurofen", "5640"),
    _row("diclofenac", "NSAID", "voltaren, cataflam", "3355"),
    _row("ketorolac", "NSAID", "toradol"),
    _row("meloxicam", "NSAID", "mobic", "41493"),
    _row("celecoxib", "NSAID, sulfonamide-derived", "celebrex", "140587"),
    _row("acetaminophen", "", "paracetamol, tylenol, panadol", "161"),
    _row("oxycodone", "opioid", "oxycontin, roxicodone", "7804"),
    _row("hydrocodone", "opioid", "", "5489"),
    _row("morphine", "opioid", "ms contin", "7052"),
    _row("tramadol", "opioid, serotonergic", "ultram", "10689"),
    _row("methotrexate", "antimetabolite", "trexall", "6851"),
    _row("allopurinol", "xanthine oxidase inhibitor", "zyloprim", "519"),
    _row("azathioprine", "thiopurine", "imuran"),
    _row("alendronic acid", "bisphosphonate", "alendronate, fosamax", "46041"),
    _row("prednisone", "systemic corticosteroid, corticosteroid", "deltasone", "8640"),
    _row("dexamethasone", "systemic corticosteroid, corticosteroid", "decadron", "3264"),
    _row("hydrocortisone", "corticosteroid", "cortef, cortaid", "5492"),
)

_INFECTION = (
    _row("amoxicillin", "penicillin, beta-lactam", "amoxil", "723"),
    _row("ampicillin", "penicillin, beta-lactam", "", "733"),
    _row("penicillin V", "penicillin, beta-lactam", "phenoxymethylpenicillin", "7984"),
    _row("penicillin G", "penicillin, beta-lactam", "benzylpenicillin", "7980"),
    _row("piperacillin", "penicillin, beta-lactam", "", formulary="specialist"),
    _row("clavulanic acid", "", "clavulanate"),
    _row("cephalexin", "cephalosporin, beta-lactam", "cefalexin, keflex", "2231"),
    _row("ceftriaxone", "cephalosporin, beta-lactam", "rocephin", "2193"),
    _row("sulfamethoxazole", "sulfonamide antibiotic", "", "10180"),
    _row("trimethoprim", "folate antagonist", "", "10829"),
    _row("nitrofurantoin", "", "macrobid, macrodantin", "7454"),
    _row("ciprofloxacin", "fluoroquinolone", "cipro", "2551"),
    _row("levofloxacin", "fluoroquinolone", "levaquin", "82122"),
    _row("clarithromycin", "macrolide, strong CYP3A4 inhibitor", "biaxin", "21212"),
    _row("erythromycin", "macrolide", "", "4053"),
    _row("azithromycin", "macrolide", "zithromax", "18631"),
    _row("doxycycline", "tetracycline", "vibramycin", "3640"),
    _row("metronidazole", "", "flagyl", "6922"),
    _row("fluconazole", "azole", "diflucan", "4450"),
    _row("itraconazole", "azole, strong CYP3A4 inhibitor", "sporanox"),
    _row("phenazopyridine", "", "pyridium, azo"),
)

_OTHER = (
    _row("metformin", "biguanide", "glucophage", "6809"),
    _row("glipizide", "sulfonylurea", "glucotrol", "4821"),
    _row("glyburide", "sulfonylurea", "glibenclamide, diabeta", "4815"),
    _row("pioglitazone", "thiazolidinedione", "actos", "33738"),
    _row("levothyroxine", "", "synthroid, euthyrox", "10582"),
    _row("omeprazole", "PPI, CYP2C19 inhibitor", "prilosec", "7646"),
    _row("esomeprazole", "PPI, CYP2C19 inhibitor", "nexium", "283742"),
    _row("pantoprazole", "PPI", "protonix", "40790"),
    _row("sertraline", "SSRI, serotonergic", "zoloft", "36437"),
    _row("fluoxetine", "SSRI, serotonergic", "prozac", "4493"),
    _row("citalopram", "SSRI, serotonergic", "celexa", "2556"),
    _row("lithium", "", "lithobid, lithium carbonate", "6448"),
    _row("lorazepam", "benzodiazepine", "ativan", "6470"),
    _row("diazepam", "benzodiazepine", "valium", "3322"),
    _row("alprazolam", "benzodiazepine", "xanax", "596"),
    _row("gabapentin", "gabapentinoid", "neurontin", "25480"),
    _row("diphenhydramine", "first-generation antihistamine", "benadryl", "3498"),
    _row("chlorpheniramine", "first-generation antihistamine", "chlorphenamine, chlor-trimeton", "2400"),
    _row("doxylamine", "first-generation antihistamine", "unisom"),
    _row("loratadine", "", "claritin", "28889"),
    _row("terfenadine", "", "seldane", formulary="withdrawn", instead="loratadine"),
    _row("dextromethorphan", "serotonergic", "delsym", "3289"),
    _row("epinephrine", "sympathomimetic", "adrenaline, epipen", "3992"),
    _row("albuterol", "short-acting beta agonist", "salbutamol, ventolin, proair", "435"),
    _row("salmeterol", "long-acting beta agonist", "serevent", "36117"),
    _row("fluticasone", "inhaled corticosteroid, corticosteroid", "flovent, flonase", "41126"),
    _row("theophylline", "methylxanthine", "theo-24", "10438"),
    _row("ethinyl estradiol", "oestrogen contraceptive", "ethinylestradiol", "4124"),
    _row("estradiol valerate", "oestrogen contraceptive"),
    _row("norgestimate", "progestogen"),
    _row("drospirenone", "progestogen"),
    _row("norethindrone", "progestogen", "norethisterone"),
    _row("levonorgestrel", "progestogen", "mirena"),
    _row("etonogestrel", "progestogen", "nexplanon, implanon"),
    _row("dienogest", "progestogen"),
    _row("leucovorin", "", "folinic acid", "6313", formulary="specialist"),
    _row("oxaliplatin", "platinum", "eloxatin", "32592", formulary="specialist"),
)

INGREDIENTS: tuple[Ingredient, ...] = (*_HEART, *_PAIN, *_INFECTION, *_OTHER)

BY_NAME = {ingredient.name: ingredient for ingredient in INGREDIENTS}

BY_RXCUI = {ingredient.rxcui: ingredient for ingredient in INGREDIENTS if ingredient.rxcui}

NAMES: dict[str, Ingredient] = {
    name.casefold(): ingredient
    for ingredient in INGREDIENTS
    for name in (ingredient.name, *ingredient.aliases)
}
"""Every name, alias and single-ingredient brand, in lower case."""
