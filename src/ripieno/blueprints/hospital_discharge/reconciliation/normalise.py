"""From codes and words to ingredients, saying how sure and by which method."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ripieno.blueprints.hospital_discharge.fhir import Concept
from ripieno.blueprints.hospital_discharge.reconciliation.ingredients import (
    BY_NAME,
    BY_RXCUI,
    NAMES,
    Ingredient,
)
from ripieno.blueprints.hospital_discharge.reconciliation.products import (
    COMBINED_NAMES,
    PRODUCTS,
    RXNORM,
)

__all__ = ["Normalised", "normalise", "normalise_words"]

_BY_CODE = 0.99
_BY_WORDS = 0.9

_PARTS = re.compile(r"\s/\s|\s\+\s|\sand\s|;")
_BRAND = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(
    r"(?<![\w-])("
    + "|".join(re.escape(name) for name in sorted([*NAMES, *COMBINED_NAMES], key=len, reverse=True))
    + r")(?![\w])"
)


@dataclass(frozen=True, slots=True)
class Normalised:
    """What a medication is made of, as far as it is known."""

    ingredients: tuple[Ingredient, ...]
    confidence: float
    """0 when nothing is known."""
    method: str
    unknown: tuple[str, ...] = ()
    """Parts of the text that name nothing known."""
    conflict: str | None = None
    """Set where code and text name different ingredients: what each says."""

    @property
    def known(self) -> bool:
        """True when all of it is known and nothing contradicts."""
        return bool(self.ingredients) and not self.unknown and self.conflict is None


def normalise(concept: Concept) -> Normalised:
    """Take the RxNorm code first, else the words; where both speak and differ, say so."""
    words = normalise_words(concept.label)
    coded = _by_code(concept)
    if not coded:
        return words
    if words.known and set(words.ingredients) != set(coded):
        conflict = f"the code means {_listed(coded)}, the text {_listed(words.ingredients)}"
        both = tuple(dict.fromkeys([*coded, *words.ingredients]))
        return Normalised(both, 0.5, "code and text disagree", conflict=conflict)
    return Normalised(coded, _BY_CODE, "RxNorm code")


def normalise_words(text: str) -> Normalised:
    """Find the known names in a product's text; each part of a combination must name one."""
    plain = text.casefold()
    without_brand = _BRAND.sub(" ", plain)
    parts = [part for part in _PARTS.split(without_brand) if part.strip()]
    found: dict[str, Ingredient] = {}
    unknown: list[str] = []
    for part in parts:
        named = _named(part)
        found.update({ingredient.name: ingredient for ingredient in named})
        if not named:
            unknown.append(part.strip())
    if not found:
        found = {ingredient.name: ingredient for ingredient in _named(plain)}
        unknown = [] if found else [text.strip() or "(no text)"]
    if not found:
        return Normalised((), 0.0, "not recognised", tuple(unknown))
    method = "names in the text" if not unknown else "names in a part of the text"
    return Normalised(tuple(found.values()), _BY_WORDS if not unknown else 0.4, method, tuple(unknown))


def _by_code(concept: Concept) -> tuple[Ingredient, ...]:
    code = concept.code_in(RXNORM)
    if code in PRODUCTS:
        return tuple(BY_NAME[name] for name in PRODUCTS[code])
    return (BY_RXCUI[code],) if code in BY_RXCUI else ()


def _named(text: str) -> list[Ingredient]:
    found: list[Ingredient] = []
    for match in _NAME.finditer(text):
        name = match[1]
        combined = COMBINED_NAMES.get(name)
        found += [BY_NAME[part] for part in combined] if combined else [NAMES[name]]
    return found


def _listed(ingredients: tuple[Ingredient, ...]) -> str:
    return " and ".join(ingredient.name for ingredient in ingredients)
