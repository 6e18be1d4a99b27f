"""Detectors: each finds what has its form and holds its check, and lets pass what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.mediation.provenance.detectors import DETECTORS, classes_in, detected

TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
FOUND = {
    "e-mail address": ["ada@example.com", "write to Ada.Lovelace+1@mail.example.co.uk."],
    "telephone number": ["+44 20 7946 0958", "call (212) 555-0100 now", "212-555-0100", "+1 (212) 555-0100"],
    "IBAN": ["GB33BUKB20201555555555", "to DE89 3704 0044 0532 0130 00, please"],
    "payment card": ["4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"],
    "social security number": ["SSN 078-05-1120", "219 09 9999"],
    "medical record number": ["MRN: 00482913", "medical record number 12-34567", "mrn A1234567"],
    "NHS number": ["NHS number 943 476 5919", "nhs: 9434765919"],
    "provider number": ["NPI 1234567893"],
    "diagnosis code": ["diagnosis E11.9", "ICD-10-CM: I25.10", "Dx: J45.909"],
    "private key": ["-----BEGIN RSA PRIVATE KEY-----\nMIIE", "-----BEGIN PRIVATE KEY-----"],
    "access key": ["AKIAIOSFODNN7EXAMPLE", TOKEN, f"token={TOKEN};", "xoxb-123456789012-abcdef"],
    "signed token": ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"],
    "password": ["password: kX9#mQ2vL7pw", 'api_key="9f8A7d6C5b4E3a2F"', "the password is Tr0ub4dor&3x"],
    "key in an address": ["postgres://app:s3cr3t@db.example.com/app"],
}
PASSED = [
    "",
    "Ada Lovelace has an appointment at noon",
    "user@localhost",
    "@example on the web",
    "order 2026-11-30-00017",
    "2026-11-30 10:30:00",
    "version 1.2.3.4",
    "1234567890",
    "GB33BUKB20201555555556",
    "INVOICE2026 DEPT 0042",
    "4111 1111 1111 1112",
    "0000 0000 0000 0000",
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "123-00-4567",
    "12-345-6789",
    "NHS number 943 476 5918",
    "NPI 1234567890",
    "room E11.9 on the second floor",
    "MRN unknown",
    "password: please-choose",
    "the secret is out there",
    "password is required",
    "sk-short",
    "https://example.com/a?b=c",
    "a UUID 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "-----BEGIN PUBLIC KEY-----",
    "amount 12,345.67 EUR",
]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in FOUND.items() for text in texts])
def test_a_detector_finds_its_form(name: str, text: str) -> None:
    assert name in {one.name for one in detected(text)}


def test_every_detector_is_tried() -> None:
    assert set(FOUND) == {one.name for one in DETECTORS}


@pytest.mark.parametrize("text", PASSED)
def test_what_only_looks_like_it_passes(text: str) -> None:
    assert [one.name for one in detected(text)] == []


def test_numbers_are_read_as_well() -> None:
    assert classes_in(4111111111111111) == {"pii"}
    assert classes_in(4111111111111112) == frozenset()
    assert classes_in(None) == classes_in(2.5) == frozenset()


@settings(max_examples=200, deadline=None)
@given(st.integers(10**15, 10**16 - 1))
def test_of_random_card_numbers_those_pass_whose_last_digit_does_not_fit(number: int) -> None:
    digits = [int(one) for one in str(number)]
    total = sum(sum(divmod(one * 2, 10)) if at % 2 == 0 else one for at, one in enumerate(digits))
    shown = "payment card" in {one.name for one in detected(str(number))}
    assert shown == (total % 10 == 0 and digits[0] in {3, 4, 5, 6} and len(set(digits)) > 1)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=4000))
def test_no_text_makes_them_fail(text: str) -> None:
    assert classes_in(text) <= {"pii", "phi", "secret"}


@pytest.mark.parametrize(
    "text", ["a." * 20000, "1 " * 20000, "a@" * 20000, "GB33 " * 10000, "eyJ" * 12000, "-" * 50000]
)
def test_no_text_makes_them_slow(text: str) -> None:
    """Ends within the time that any test may take; a form that backtracks would take hours."""
    assert classes_in(text) <= {"pii", "phi", "secret"}
