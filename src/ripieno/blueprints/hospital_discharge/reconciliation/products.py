"""Products known by their RxNorm code, and brands that combine several ingredients."""

from __future__ import annotations

__all__ = ["COMBINED_NAMES", "PRODUCTS", "RXNORM"]

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

PRODUCTS: dict[str, tuple[str, ...]] = {
    "106258": ("hydrocortisone",),
    "1043400": ("acetaminophen", "dextromethorphan", "doxylamine"),
    "1049221": ("acetaminophen", "oxycodone"),
    "1049630": ("diphenhydramine",),
    "1094107": ("phenazopyridine",),
    "1310197": ("acetaminophen", "hydrocodone"),
    "1363309": ("chlorpheniramine",),
    "141918": ("terfenadine",),
    "1719286": ("furosemide",),
    "1736776": ("oxaliplatin",),
    "1803932": ("leucovorin",),
    "1870230": ("epinephrine",),
    "197361": ("amlodipine",),
    "197604": ("digoxin",),
    "259255": ("atorvastatin",),
    "309362": ("clopidogrel",),
    "310965": ("ibuprofen",),
    "311989": ("nitrofurantoin",),
    "312961": ("simvastatin",),
    "313782": ("acetaminophen",),
    "315971": ("furosemide",),
    "316049": ("hydrochlorothiazide",),
    "316672": ("simvastatin",),
    "389221": ("etonogestrel",),
    "562251": ("amoxicillin", "clavulanic acid"),
    "665078": ("loratadine",),
    "705129": ("nitroglycerin",),
    "748856": ("drospirenone", "ethinyl estradiol"),
    "749762": ("levonorgestrel", "ethinyl estradiol"),
    "751905": ("norgestimate", "ethinyl estradiol"),
    "757594": ("norethindrone",),
    "807283": ("levonorgestrel",),
    "833036": ("captopril",),
    "849574": ("naproxen",),
    "855332": ("warfarin",),
    "866414": ("metoprolol",),
    "896209": ("fluticasone", "salmeterol"),
    "897718": ("verapamil",),
    "904419": ("alendronic acid",),
    "978950": ("estradiol valerate", "dienogest"),
    "308191": ("amoxicillin",),
    "314076": ("lisinopril",),
    "313988": ("furosemide",),
    "860975": ("metformin",),
}
"""RxNorm code of a product to its ingredients."""

COMBINED_NAMES: dict[str, tuple[str, ...]] = {
    "advair": ("fluticasone", "salmeterol"),
    "augmentin": ("amoxicillin", "clavulanic acid"),
    "bactrim": ("sulfamethoxazole", "trimethoprim"),
    "co-amoxiclav": ("amoxicillin", "clavulanic acid"),
    "co-trimoxazole": ("sulfamethoxazole", "trimethoprim"),
    "jolivette": ("norethindrone",),
    "natazia": ("estradiol valerate", "dienogest"),
    "nyquil": ("acetaminophen", "dextromethorphan", "doxylamine"),
    "percocet": ("acetaminophen", "oxycodone"),
    "seasonique": ("levonorgestrel", "ethinyl estradiol"),
    "septra": ("sulfamethoxazole", "trimethoprim"),
    "trinessa": ("norgestimate", "ethinyl estradiol"),
    "vicodin": ("acetaminophen", "hydrocodone"),
    "yaz": ("drospirenone", "ethinyl estradiol"),
    "zestoretic": ("lisinopril", "hydrochlorothiazide"),
}
"""Brands and common names of combinations, in lower case."""
