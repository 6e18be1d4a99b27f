"""Requests side by side share pools of a bounded size, whose connections are used again or closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from ripieno.resilience.http import client
from ripieno.resilience.pools import LASTING, WIDTH, pooled

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class House:
    """A server that counts who is connected, and answers when it is told to."""

    def __init__(self) -> None:
        self.here = self.ever = self.asked = 0
        self.answers, self._changed = asyncio.Event(), asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.here, self.ever = self.here + 1, self.ever + 1
        self._changed.set()
        try:
            while b"\r\n\r\n" in await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                self._changed.set()
                await self.answers.wait()
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.here -= 1
            self._changed.set()
            writer.close()

    async def until(self, field: str, count: int) -> None:
        while getattr(self, field) != count:
            self._changed.clear()
            await self._changed.wait()


@asynccontextmanager
async def house() -> AsyncGenerator[tuple[House, str, Any, list[Any]]]:
    """Give a house, its address, a client of it, and the pools that were made for that."""
    there, made = House(), list[Any]()

    def make() -> httpx.AsyncHTTPTransport:
        made.append(httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None)))
        return made[-1]

    async with await asyncio.start_server(there.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with client(transport=pooled(httpx, make)) as sender:
            yield there, f"http://127.0.0.1:{port}", sender, made
        await there.until("here", 0)


async def test_as_many_go_at_once_as_are_asked_and_few_connections_stay() -> None:
    many = (LASTING + 2) * WIDTH
    async with house() as (there, address, sender, made):
        asked = [asyncio.create_task(sender.get(address)) for _ in range(many)]
        await there.until("asked", many)
        assert (there.here, len(made)) == (many, LASTING + 2)
        there.answers.set()
        assert {one.text for one in await asyncio.gather(*asked)} == {"ok"}
        await there.until("here", LASTING * WIDTH)
        await asyncio.gather(*(sender.get(address) for _ in range(WIDTH)))
        assert (there.ever, len(made)) == (many, LASTING + 2), "connections are used again"


async def test_who_gives_up_or_fails_leaves_the_place_to_others() -> None:
    async with house() as (there, address, sender, made):
        asked = [asyncio.create_task(sender.get(address)) for _ in range(WIDTH)]
        await there.until("asked", WIDTH)
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        for _ in range(WIDTH):
            with pytest.raises(httpx.UnsupportedProtocol):
                await sender.get("gopher://127.0.0.1/")
        there.answers.set()
        assert (await sender.get(address)).text == "ok"
        assert len(made) == 1


async def test_an_answer_is_over_once_however_often_it_is_closed() -> None:
    async with house() as (there, address, sender, made):
        there.answers.set()
        async with sender.stream("GET", address) as answer:
            stream = answer.stream
            assert [piece async for piece in answer.aiter_bytes()] == [b"ok"]
        await stream.aclose()
        there.answers.clear()
        asked = [asyncio.create_task(sender.get(address)) for _ in range(WIDTH + 1)]
        await there.until("asked", WIDTH + 2)
        assert len(made) == 2, "one that was counted as over twice would have made room for a 33rd"
        there.answers.set()
        await asyncio.gather(*asked)
