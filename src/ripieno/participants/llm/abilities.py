"""What a model can do, and what it costs, as far as it can be told without asking it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from ripieno.participants.llm.clients import CLIENTS
from ripieno.participants.llm.models import ModelEntry
from ripieno.participants.llm.rates import UNKNOWN, price

__all__ = ["Abilities", "abilities"]

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Abilities:
    """What there is to know of a model before it is asked."""

    tools: bool
    structured_output: bool
    """Whether the provider itself holds it to a schema; else a tool stands for its answer."""
    streaming: bool
    thinking: bool
    price: tuple[str, str] | None
    """US dollars for a million tokens sent and written; None where no price is known."""
    prices: str
    """Whose prices these are."""

    def document(self) -> dict[str, Any]:
        """Give it as programs read it."""
        sent, written = self.price or (None, None)
        return {
            "tools": self.tools,
            "structured_output": self.structured_output,
            "streaming": self.streaming,
            "thinking": self.thinking,
            "price": None if self.price is None else {"input": sent, "output": written},
            "prices": self.prices,
        }


def abilities(entry: ModelEntry) -> Abilities:
    """Give what is known of a model; raises `DefinitionError` where its client cannot be made."""
    from pydantic_ai.usage import RequestUsage  # noqa: PLC0415 - loaded where a model is looked at

    profile = cast("dict[str, Any]", CLIENTS.shape(entry).profile)
    sent = price(entry, RequestUsage(input_tokens=MILLION))
    written = price(entry, RequestUsage(output_tokens=MILLION))
    known = UNKNOWN not in (sent.by, written.by)
    return Abilities(
        bool(profile.get("supports_tools", True)),
        bool(profile.get("supports_json_schema_output")),
        streaming=True,
        thinking=bool(profile.get("supports_thinking") or profile.get("thinking_always_enabled")),
        price=(shown(sent.micros), shown(written.micros)) if known else None,
        prices=sent.by if known else UNKNOWN,
    )


def shown(micros: int) -> str:
    """Give millionths of a dollar as dollars."""
    return f"{Decimal(micros) / MILLION:f}"
