"""A provider of models that outlives the processes of a test."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

from agents.agent_in_pieces import PORT
from providers.replies import Script
from providers.server import Provider, serving

__all__ = ["elsewhere"]


class Elsewhere:
    """The provider, in a thread of its own."""

    def __init__(self, script: Script) -> None:
        self.provider: Provider | None = None
        self._script = script
        self._up, self._down = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        async with serving(self._script) as self.provider:
            self._loop = asyncio.get_running_loop()
            self._up.set()
            await self._down.wait()

    def start(self) -> Provider:
        """Have it serve."""
        self._thread.start()
        self._up.wait()
        assert self.provider is not None
        return self.provider

    def stop(self) -> None:
        """Have it end."""
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join()


@contextmanager
def elsewhere(script: Script) -> Generator[Provider]:
    """Serve by a script until the block is left; `agent_in_pieces.settle` tells processes of it."""
    there = Elsewhere(script)
    provider = there.start()
    os.environ[PORT], os.environ["PROVIDER_KEY"] = str(provider.port), "sk-only-for-tests-0123456789"
    yield provider
    there.stop()
