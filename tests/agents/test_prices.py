"""What a request costs is what its prices say, to the millionth of a dollar, however it is worked out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.usage import RequestUsage

from ripieno.model.spending import micros
from ripieno.participants.llm.models import ModelEntry, read
from ripieno.participants.llm.rates import listed, most, price

LISTED = (
    ("openai", "gpt-5-mini"),
    ("anthropic", "claude-haiku-4-5"),
    ("google", "gemini-2.5-pro"),  # dearer where a request is long
    ("mistral", "mistral-large-latest"),
)


@given(
    st.sampled_from(LISTED),
    st.integers(0, 400_000),
    st.integers(0, 400_000),
    st.integers(0, 10_000),
)
def test_listed_prices_are_those_of_the_list(
    model: tuple[str, str], fresh: int, cached: int, written: int
) -> None:
    entry = ModelEntry(":".join(model), *model)
    usage = RequestUsage(input_tokens=fresh + cached, cache_read_tokens=cached, output_tokens=written)
    known, found = listed(entry, usage), price(entry, usage)
    assert known is not None
    assert found.micros == micros(known)
    assert found.by.startswith("genai-prices ")
    assert most(entry, fresh + cached, written).cost >= found.micros, "more than this is never spent"


def test_a_project_has_the_last_word() -> None:
    said = {"openai:gpt-5-mini": {"price": {"input": "1", "output": "10", "cache_read": "0.1"}}}
    entry = read(said, "ripieno.toml")["openai:gpt-5-mini"]
    usage = RequestUsage(input_tokens=1_000_000, cache_read_tokens=400_000, output_tokens=100_000)
    assert price(entry, usage).micros == micros(Decimal("0.6") + Decimal("0.04") + 1)
    assert price(entry, usage).by == "project"


@pytest.mark.parametrize("model", [("ollama", "llama3.2"), ("openai", "no-such-model")])
def test_what_nobody_knows_the_price_of_is_said_to_be_unknown(model: tuple[str, str]) -> None:
    entry = ModelEntry(":".join(model), *model)
    assert price(entry, RequestUsage(input_tokens=5)).by == "unknown"
    assert most(entry, 5, 5).tokens == 10
