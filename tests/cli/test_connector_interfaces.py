"""At the terminal: which connectors a workflow has, what they offer, what a change breaks and whom."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from conftest import Cli

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Desk", "version": "1.2"},
    "servers": [{"url": "https://desk.example"}],
    "paths": {
        "/users": {
            "post": {"operationId": "create", "summary": "Create a user.", "responses": {"201": {}}},
            "get": {"operationId": "list", "summary": "List users."},
        }
    },
}
FILE = """
workflow: onboarding
connectors:
  desk:
    openapi: {document: desk.json, live: "LIVE"}
    tools: {create: {effect: write}}
participants:
  read: {function: {import: "reading:read", pure: true}}
flow: {single_agent: {name: agent, step: read, tools: ["connector:desk/*"]}}
"""


@contextmanager
def shown(document: dict[str, Any]) -> Generator[str]:
    """Serve a document, to commands in processes of their own."""

    class Shows(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the standard library looks for
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the standard library has it
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shows)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/openapi.json"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_change_of_a_service_is_told_with_whom_it_breaks_and_approved_into_a_file(cli: Cli) -> None:
    changed = json.loads(json.dumps(DOCUMENT))
    del changed["paths"]["/users"]["get"]
    changed["paths"]["/users"]["post"]["summary"] = "Create a user, or two."
    cli.write("desk.json", json.dumps(DOCUMENT))
    cli.write("reading.py", "def read(turn):\n    return 1\n")
    with shown(changed) as url:
        cli.write("onboarding.yaml", FILE.replace("LIVE", url))
        cli.ok("workflows", "register", "onboarding.yaml")
        [listed] = json.loads(cli.ok("connectors", "list", "onboarding.yaml", "--output", "json").out)
        assert (listed["connector"], listed["kind"], listed["version"]) == ("desk", "openapi", "1.2")
        assert listed["tools"] == ["list", "create"]
        [pinned] = listed["pinned_by"]
        assert (pinned["workflow"], pinned["digest"]) == ("onboarding", listed["digest"])
        assert cli.ok("connectors", "pin", "onboarding.yaml:desk").out == f"pin: {listed['digest']}\n"
        tools = json.loads(cli.ok("connectors", "show", "onboarding.yaml:desk", "--output", "json").out)
        assert [(one["tool"], one["effect"]) for one in tools] == [
            ("desk.list", "read"),
            ("desk.create", "write"),
        ]
        told = cli.run("connectors", "diff", "onboarding.yaml:desk", "--output", "json")
        assert told.code == 1
        found = json.loads(told.out)
        assert [(one["tool"], one["change"], one["breaking"]) for one in found["changes"]] == [
            ("list", "is gone", True),
            ("create", "is described otherwise", False),
        ]
        assert [one["workflow"] for one in found["affects"]] == ["onboarding"]
        refused = cli.run("connectors", "approve", "onboarding.yaml:desk")
        assert refused.code != 0
        assert "breaks" in refused.out
        cli.ok("connectors", "approve", "onboarding.yaml:desk", "--yes")
    [written] = [one for one in cli.folder.glob("desk.*.json") if one.name != "desk.json"]
    assert json.loads(written.read_text("utf-8")) == changed
    assert cli.run("connectors", "diff", "desk.json", written.name).code == 1
    assert cli.ok("connectors", "diff", "desk.json", "desk.json").out == ""
    for wrong, said in (
        (("connectors", "show", "onboarding.yaml:dsk"), "did you mean 'desk'"),
        (("connectors", "show", "desk"), "expected workflow.yaml:name"),
        (("connectors", "diff", "desk.json"), "with what?"),
    ):
        failed = cli.run(*wrong)
        assert failed.code != 0
        assert said in failed.err
