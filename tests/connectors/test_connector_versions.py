"""Two versions of a connector serve side by side: a run finishes on the one that it began with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from loopback import Heard, serving_at
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kernel.scenarios.house import asked, begin, ended, reply, serving
from ripieno.workflows.load import load_workflow

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Desk", "version": "1"},
    "paths": {
        "/v1/users": {
            "post": {
                "operationId": "create",
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
            }
        }
    },
}
CODE = """
from ripieno import Context
from ripieno.connectors.openapi.connector import OpenApi
from pathlib import Path

async def onboard(context: Context):
    return await context.use(desk.tool("create"), body={"name": "ada"})

desk = OpenApi("desk", Path(__file__).parent / "desk.json", base_url="%s")
"""
FILE = """
workflow: onboarding
participants:
  onboard: {function: {import: "%s:onboard", pure: true}}
  clerk: {human: {role: clerk}}
flow: {sequential: [clerk, onboard]}
"""


def release(folder: Path, name: str, document: dict[str, Any], url: str) -> str:
    """Put a release of the workflow into a folder of its own, and give its file."""
    home = folder / name
    home.mkdir()
    (home / "desk.json").write_text(json.dumps(document), "utf-8")
    (home / f"systems_{name}.py").write_text(CODE % url, "utf-8")
    (home / "onboarding.yaml").write_text(FILE % f"systems_{name}", "utf-8")
    return str(home / "onboarding.yaml")


async def test_a_run_in_flight_finishes_on_its_version_of_the_connector(tmp_path: Path) -> None:
    def answer(request: Request, _: bytes) -> Response:
        return JSONResponse({"made": request.url.path})

    heard = Heard(answer)
    async with serving_at(heard.app) as url:
        changed = json.loads(json.dumps(DOCUMENT).replace("/v1/", "/v2/"))
        old = load_workflow(release(tmp_path, "first", DOCUMENT, url))
        new = load_workflow(release(tmp_path, "second", changed, url))
        assert old.version != new.version
        assert old.pins["connectors"] != new.pins["connectors"]
        data = tmp_path / "data"
        async with serving(data, old) as host:
            begun = await begin(host, old)
            question = await asked(host, begun, "clerk")
        async with serving(data, old, new) as host:
            later = await begin(host, new)
            await reply(host, await asked(host, later, "clerk"), {"proceed": True})
            await ended(host, later)
            await reply(host, question, {"proceed": True})
            assert (await ended(host, begun)).ok
    assert heard.asked == ["POST /v2/users", "POST /v1/users"]
