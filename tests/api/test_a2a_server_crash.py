"""`ripieno serve --a2a` as a process of its own: killed, and started again, its tasks are what they were."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

FLOW = """
workflow: asks
participants:
  clerk: {human: {role: clerk, title: "may it be paid?"}}
flow: {step: clerk}
"""


@asynccontextmanager
async def served(home: Path, *, killed: bool) -> AsyncGenerator[str]:
    """Give the address of a server; end it in the end, or kill it."""
    command = [sys.executable, "-m", "ripieno.cli", "serve", "--a2a", "asks.yaml", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *command,
        "--without-keys",
        cwd=home,
        env={**os.environ, "RIPIENO_HOME": str(home / "data"), "NO_COLOR": "1"},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        said = ""
        while (found := re.search(r"serves asks at (http://\S+)", said)) is None:
            line = await process.stderr.readline()
            assert line, said
            said += line.decode()
        yield found[1]
    finally:
        process.send_signal(signal.SIGKILL if killed else signal.SIGTERM)
        code = await process.wait()
    assert code == (-signal.SIGKILL if killed else 0)


async def call(url: str, method: str, params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with httpx.AsyncClient(headers={"A2A-Version": "1.0"}, timeout=20) as http:
        return (await http.post(f"{url}/a2a/rpc", json=body)).json()["result"]


async def test_tasks_are_what_they_were_after_the_server_was_killed(tmp_path: Path) -> None:
    (tmp_path / "asks.yaml").write_text(FLOW)
    message = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "200 EUR"}]}
    async with served(tmp_path, killed=True) as url:
        task = (await call(url, "SendMessage", {"message": message}))["task"]
    async with served(tmp_path, killed=False) as url:
        assert await call(url, "GetTask", {"id": task["id"]}) == task
        again = {**message, "messageId": "m-2", "taskId": task["id"], "parts": [{"text": "yes"}]}
        done = (await call(url, "SendMessage", {"message": again}))["task"]
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert done["status"]["state"] == "TASK_STATE_COMPLETED"
