"""The clients of providers, made once per process and key: a connection is kept for as long as it is used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from ripieno.mediation.secrets.secret import Secret
from ripieno.participants.llm.models import ModelEntry
from ripieno.participants.llm.providers import Built, build

if TYPE_CHECKING:
    from pydantic_ai.models import Model

__all__ = ["CLIENTS", "Clients"]


class Clients:
    """Models ready to be asked, each with its client; those of an event loop go with it."""

    def __init__(self) -> None:
        self._by_loop: WeakKeyDictionary[Any, dict[tuple[ModelEntry, str | None], Built]] = (
            WeakKeyDictionary()
        )
        self._shapes: dict[ModelEntry, Model] = {}

    def model(self, entry: ModelEntry, key: Secret | None) -> Model:
        """Give a model that can be asked; raises `DefinitionError`."""
        revealed = None if key is None else key.reveal()
        known = self._by_loop.setdefault(asyncio.get_running_loop(), {})
        found = known.get((entry, revealed))
        if found is None:
            for one in [one for one in known if one[0] == entry]:  # a key that was renewed
                del known[one]
            found = known[entry, revealed] = build(entry, revealed)
        return found.model

    async def close(self) -> None:
        """Close the connections that were made in this event loop."""
        for built in self._by_loop.pop(asyncio.get_running_loop(), {}).values():
            await built.close()

    def shape(self, entry: ModelEntry) -> Model:
        """Give a model that tells what it can do, and is never asked; raises `DefinitionError`."""
        found = self._shapes.get(entry)
        if found is None:
            found = self._shapes[entry] = build(entry, None).model
        return found


CLIENTS: Final = Clients()
"""Those of this process."""
