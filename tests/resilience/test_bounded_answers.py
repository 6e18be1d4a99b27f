"""No more of an answer is read than it may have, whether its size is said before or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest

from ripieno.resilience.http import client


@asynccontextmanager
async def answering(head: bytes, body: bytes) -> AsyncGenerator[str]:
    async def answer(incoming: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        await incoming.readuntil(b"\r\n\r\n")
        out.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head + b"\r\n" + body)
        await out.drain()
        out.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("head", "body", "said"),
    [
        (b"Content-Length: 2000\r\n", b"", "more than 1,000 bytes"),
        (b"", b"x" * 2_000, "more than 1,000 bytes"),
        (b"Content-Encoding: gzip\r\n", b"x", "packed by gzip"),
    ],
    ids=["said", "unsaid", "packed"],
)
async def test_an_answer_that_is_too_large_is_not_read(head: bytes, body: bytes, said: str) -> None:
    async with answering(head, body) as url, client(most_bytes=1_000) as http:
        with pytest.raises(httpx.RemoteProtocolError, match=said):
            await http.get(url)


async def test_one_that_fits_is_and_may_be_packed_where_that_is_said() -> None:
    packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00"
    async with answering(b"Content-Encoding: gzip\r\n", packed) as url:
        async with client(most_bytes=1_000, packed=True) as http:
            assert (await http.get(url)).text == "hello"
        async with client(most_bytes=10, packed=True) as http:
            with pytest.raises(httpx.RemoteProtocolError, match="more than 10 bytes"):
                await http.get(url)
