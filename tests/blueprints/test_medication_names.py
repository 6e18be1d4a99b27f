"""From codes, names, brands and combinations to ingredients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_builder import bundle, order, stay, summary_of

from ripieno.blueprints.hospital_discharge import reconcile
from ripieno.blueprints.hospital_discharge.fhir import Concept
from ripieno.blueprints.hospital_discharge.fhir.elements import Coding
from ripieno.blueprints.hospital_discharge.reconciliation.ingredients import BY_NAME, INGREDIENTS, NAMES
from ripieno.blueprints.hospital_discharge.reconciliation.normalise import normalise, normalise_words
from ripieno.blueprints.hospital_discharge.reconciliation.products import (
    COMBINED_NAMES,
    PRODUCTS,
    RXNORM,
)


@pytest.mark.parametrize(
    ("text", "ingredients"),
    [
        ("Warfarin Sodium 5 MG Oral Tablet", ["warfarin"]),
        ("Lasix 40mg", ["furosemide"]),
        ("24 HR metoprolol succinate 100 MG Extended Release Oral Tablet [Toprol]", ["metoprolol"]),
        ("Amoxicillin 250 MG / Clavulanate 125 MG Oral Tablet", ["amoxicillin", "clavulanic acid"]),
        ("lisinopril/hydrochlorothiazide 20/12.5", ["lisinopril", "hydrochlorothiazide"]),
        ("Bactrim DS", ["sulfamethoxazole", "trimethoprim"]),
        ("10 ML Furosemide 10 MG/ML Injection", ["furosemide"]),
        ("NDA020800 0.3 ML Epinephrine 1 MG/ML Auto-Injector", ["epinephrine"]),
        ("PARACETAMOL 500 mg", ["acetaminophen"]),
        ("[Aleve]", ["naproxen"]),
        ("diphenhydrAMINE Hydrochloride 25 MG Oral Tablet", ["diphenhydramine"]),
    ],
)
def test_a_product_text_is_read_down_to_its_ingredients(text: str, ingredients: list[str]) -> None:
    normalised = normalise_words(text)
    assert normalised.known
    assert [ingredient.name for ingredient in normalised.ingredients] == ingredients


@pytest.mark.parametrize("text", ["", "Herbal drops", "notwarfarin", "warfarinoid", "5 MG Oral Tablet"])
def test_what_no_table_knows_is_unknown_with_confidence_nought(text: str) -> None:
    normalised = normalise_words(text)
    assert not normalised.known
    assert normalised.confidence == 0
    assert normalised.unknown


def test_a_combination_with_an_unknown_part_is_not_known() -> None:
    normalised = normalise_words("Warfarin 5 MG / Mystery 3 MG Oral Tablet")
    assert [ingredient.name for ingredient in normalised.ingredients] == ["warfarin"]
    assert normalised.unknown == ("mystery 3 mg oral tablet",)
    assert not normalised.known


def test_a_code_that_contradicts_the_text_is_a_conflict_and_both_are_checked() -> None:
    concept = Concept(coding=[Coding(system=RXNORM, code="855332")], text="Naproxen 220 MG")
    normalised = normalise(concept)
    assert normalised.conflict == "the code means warfarin, the text naproxen"
    assert {ingredient.name for ingredient in normalised.ingredients} == {"warfarin", "naproxen"}


def test_a_conflict_is_shown_to_a_clinician() -> None:
    record = bundle(stay(), order("Naproxen 220 MG", code="855332"))
    outcome = reconcile(record, summary_of(record))
    assert outcome.below(0.85)
    assert outcome.output.findings[0].kind == "unknown medication"


def test_the_tables_agree_with_each_other() -> None:
    assert len(BY_NAME) == len(INGREDIENTS)
    assert len(NAMES) == sum(1 + len(ingredient.aliases) for ingredient in INGREDIENTS)
    known = [ingredient.rxcui for ingredient in INGREDIENTS if ingredient.rxcui]
    assert len(known) == len(set(known))
    for names in (*PRODUCTS.values(), *COMBINED_NAMES.values()):
        assert set(names) <= set(BY_NAME)
    assert not set(COMBINED_NAMES) & set(NAMES)


@given(st.text())
def test_no_text_makes_the_reader_fail(text: str) -> None:
    normalised = normalise_words(text)
    assert normalised.known or normalised.unknown


@given(st.sampled_from(sorted(NAMES)), st.sampled_from(["{} 10 MG Oral Tablet", "{}", "Oral {}, 2 daily"]))
def test_every_name_is_found_in_a_product_text(name: str, shape: str) -> None:
    assert NAMES[name] in normalise_words(shape.format(name.upper())).ingredients
