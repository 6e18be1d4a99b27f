"""A server that is a command: started in a session of its own, spoken with over its stdin and stdout.

What it writes to stderr goes to the log. A message beyond the bound ends it, as does its end of stdout.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

from ripieno.connectors.mcp.server import McpServer
from ripieno.model.confidential import CONFIDENTIAL

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

__all__ = ["over_stdio"]

INHERITED: Final = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER")
"""Of this process's environment; secrets stand in the rest."""

ENDS_WITHIN: Final = 2.0
"""Seconds that it has to end by itself once its stdin is closed, and again once it is told to."""

LONGEST_LINE: Final = 2_000
"""So much of a line of stderr goes to the log."""

GARBAGE: Final = 100
"""So many lines that are no messages are passed over; some servers print what belongs to stderr."""

log = structlog.get_logger("ripieno.connectors.mcp")


@asynccontextmanager
async def over_stdio(
    server: McpServer, environment: Mapping[str, str], ended: Callable[[str], None]
) -> AsyncGenerator[TransportStreams]:
    """Start the command; `ended` is told, in a line, when it can be spoken with no more.

    Raises `OSError` where it cannot be started.
    """
    import anyio  # noqa: PLC0415 - as mcp, which brings it along

    process = await asyncio.create_subprocess_exec(
        *server.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**{name: os.environ[name] for name in INHERITED if name in os.environ}, **environment},
        cwd=server.folder,
        start_new_session=True,
        limit=server.max_bytes,
    )
    to_session, from_server = anyio.create_memory_object_stream[Any](0)
    to_server, from_session = anyio.create_memory_object_stream[Any](0)
    pipes = Pipes(server, process, ended)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pipes.read, to_session)
            tasks.start_soon(pipes.write, from_session)
            tasks.start_soon(pipes.listen)
            try:
                yield from_server, to_server
            finally:
                tasks.cancel_scope.cancel()
    finally:
        for stream in (to_session, from_server, to_server, from_session):
            stream.close()
        with anyio.CancelScope(shield=True):
            await stop(process)


class Pipes:
    """The three pipes of a process."""

    def __init__(
        self, server: McpServer, process: asyncio.subprocess.Process, ended: Callable[[str], None]
    ) -> None:
        self._server, self._process, self._ended = server, process, ended
        self._last = ""

    async def read(self, to_session: Any) -> None:
        """Pass on what it says, message by message, and end with it."""
        from mcp.shared.message import SessionMessage  # noqa: PLC0415 - heavy
        from mcp_types import jsonrpc_message_adapter  # noqa: PLC0415 - heavy

        stdout, garbage = self._process.stdout, 0
        assert stdout is not None, "started with pipes"
        async with to_session:
            while True:
                try:
                    line = await stdout.readline()
                except ValueError:
                    self._ended(f"it sent a message of more than {self._server.max_bytes:,} bytes")
                    return
                if not line:
                    self._ended(await self._how())
                    return
                try:
                    message = jsonrpc_message_adapter.validate_json(line, by_name=False)
                except ValueError:
                    garbage += 1
                    log.warning("mcp_server_sent_no_message", server=self._server.name, line=shown(line))
                    if garbage >= GARBAGE:
                        self._ended(f"it sent {garbage} lines that are no messages")
                        return
                    continue
                await to_session.send(SessionMessage(message))

    async def write(self, from_session: Any) -> None:
        """Pass on what it is told."""
        stdin = self._process.stdin
        assert stdin is not None, "started with pipes"
        try:
            async with from_session:
                async for told in from_session:
                    text = told.message.model_dump_json(by_alias=True, exclude_unset=True)
                    stdin.write(text.encode() + b"\n")
                    await stdin.drain()
        except OSError:
            self._ended(await self._how())

    async def listen(self) -> None:
        """Log what it writes to stderr."""
        stderr = self._process.stderr
        assert stderr is not None, "started with pipes"
        while True:
            try:
                line = await stderr.readline()
            except ValueError:  # longer than any message: what was read of it is gone
                continue
            if not line:
                return
            self._last = shown(line)
            if self._last:
                log.info("mcp_server_says", server=self._server.name, line=self._last)

    async def _how(self) -> str:
        """Say how it ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN):
                await self._process.wait()
        code = self._process.returncode
        how = "it closed its stdout" if code is None else f"it ended with {code}"
        return f"{how}: {self._last}" if self._last else how


def shown(line: bytes) -> str:
    """Give a line as it goes to the log: without secrets, without what moves a cursor, of bounded length."""
    text = line[: 4 * LONGEST_LINE].decode("utf-8", "replace").strip()
    clean = "".join(one if one.isprintable() else " " for one in CONFIDENTIAL.cover(text))
    return clean if len(clean) <= LONGEST_LINE else f"{clean[:LONGEST_LINE]}…"


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a process and whatever it has started, as the protocol says: stdin first, then by signals."""
    if process.stdin is not None:
        process.stdin.close()
    for signal_ in (None, signal.SIGTERM, signal.SIGKILL):
        if signal_ is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal_)
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN):
                await process.wait()
                break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has left behind
    transport = getattr(process, "_transport", None)  # open while a grandchild holds a pipe, and warns then
    if transport is not None:
        transport.close()
