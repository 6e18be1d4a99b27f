"""What a property test tries follows from the test alone, whatever others have loaded in its process."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

NUMBERS = [1_000_003 * n for n in range(1, 500)]


def made_up() -> list[int]:
    """Give the examples that a property test is tried with."""
    examples: list[int] = []

    @settings(max_examples=400, derandomize=True, database=None)
    @given(st.integers(0, 2**32 - 1))
    def tried(number: int) -> None:
        examples.append(number)

    tried()
    return examples


def test_a_module_that_is_loaded_changes_nothing_of_what_is_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made_up()
    source = tmp_path / "full_of_numbers.py"
    source.write_text(f"NUMBERS = {NUMBERS}\n", encoding="utf-8")
    spec = spec_from_file_location(source.stem, source)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, source.stem, module)
    assert made_up() == before
