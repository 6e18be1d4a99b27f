"""Connections in pools of a bounded size, so that what a request costs does not grow with how many there are.

A pool looks through all its connections at each request, and again at the end of each: a thousand side by
side would spend more on that than on all else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["WIDTH", "pooled"]

WIDTH: Final = 32
"""How many requests are under way in a pool at most."""

LASTING: Final = 3
"""So many pools keep their connections open when nothing is under way in them."""


@dataclass(slots=True, eq=False)
class Pool:
    """A transport, and how many requests are under way in it."""

    transport: Any
    busy: int = 0


class Pools:
    """As many pools as are needed."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._pools: list[Pool] = []

    def enter(self) -> Pool:
        """Give the first that has room, with a place taken in it."""
        pool = next((one for one in self._pools if one.busy < WIDTH), None)
        if pool is None:
            pool = Pool(self._make())
            self._pools.append(pool)
        pool.busy += 1
        return pool

    async def leave(self, pool: Pool) -> None:
        """Give up a place; a pool of many that is not needed any more is closed."""
        pool.busy -= 1
        if pool.busy == 0 and pool in self._pools[LASTING:]:
            self._pools.remove(pool)
            await pool.transport.aclose()

    async def close(self) -> None:
        """Close all of them."""
        while self._pools:
            await self._pools.pop().transport.aclose()


def pooled(module: Any, make: Callable[[], Any]) -> Any:
    """Give a transport of a library over as many pools as are needed, each made by `make`.

    A request goes to the first that has room, so that open connections are used again, and those beyond
    the first few are closed once nothing is under way in them.
    """
    base: type[Any] = module.AsyncBaseTransport
    pools, counted = Pools(make), counting(module)

    class Pooled(base):
        """Sends each request by a pool that has room."""

        async def handle_async_request(self, request: Any) -> Any:
            """Send a request; its place in the pool is kept until its answer is closed."""
            pool = pools.enter()
            try:
                response = await pool.transport.handle_async_request(request)
            except BaseException:
                await pools.leave(pool)
                raise
            response.stream = counted(response.stream, lambda: pools.leave(pool))
            return response

        async def aclose(self) -> None:
            """Close all pools."""
            await pools.close()

    return Pooled()


def counting(module: Any) -> Any:
    """Give the class of what an answer consists of that tells once when it is closed."""
    base: type[Any] = module.AsyncByteStream

    class Counted(base):
        """An answer as it comes."""

        def __init__(self, stream: Any, over: Callable[[], Awaitable[None]]) -> None:
            self._stream = stream
            self._over: Callable[[], Awaitable[None]] | None = over

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self._stream.__aiter__()

        async def aclose(self) -> None:
            """Close it, and give up its place."""
            over, self._over = self._over, None
            if over is None:
                return
            try:
                await self._stream.aclose()
            finally:
                await over()

    return Counted
