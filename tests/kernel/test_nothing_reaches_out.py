"""What reaches out of the process stands here by name, with the reason: the rest of the package cannot."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from kernel.support.package_walk import files

OUTSIDE: Final[Mapping[str, str]] = {
    "anchoring/http.py": "publishes checkpoints, which hold hashes",
    "anchoring/receivers.py": "tells others of events, which hold structure and commitments",
    "api/a2a/app.py": "lets others in over HTTP, by their key",
    "api/a2a/card.py": "the form of what is served",
    "api/a2a/door.py": "turns others away",
    "api/a2a/handler.py": "answers those who came in",
    "api/a2a/messages.py": "the form of what they say",
    "api/a2a/push.py": "tells them of their tasks, at addresses that were allowed",
    "api/a2a/tasks.py": "the form of what they are told",
    "api/mcp/http.py": "lets others in over HTTP, by their key",
    "api/mcp/server.py": "answers those who came in",
    "cli/serve.py": "lets others in over stdio, or listens for them",
    "cli/serve_a2a.py": "listens for them",
    "cli/worker.py": "starts processes that serve runs",
    "connectors/mcp/calling.py": "calls a tool of a server, for a call that was claimed",
    "connectors/mcp/connection.py": "connects to such a server, and asks what it offers",
    "connectors/mcp/http.py": "speaks with it over HTTP",
    "connectors/mcp/oauth.py": "has tokens for it from the issuer that the project names",
    "connectors/mcp/stdio.py": "starts it as a command",
    "connectors/openapi/live.py": "looks at the document that a service publishes of itself",
    "connectors/rest/auth.py": "has tokens for a system, for a call that was claimed",
    "connectors/rest/client.py": "calls a system, for a call that was claimed",
    "connectors/rest/errors.py": "the form of answers",
    "connectors/rest/pool.py": "keeps the connections, for the calls above",
    "connectors/rest/throttle.py": "the form of answers",
    "identity/key_sets.py": "fetches the keys of trusted providers",
    "mediation/secrets/vault.py": "opens a secret for a call that was claimed",
    "participants/llm/abilities.py": "what a model can do, told without asking it",
    "participants/llm/agent.py": "the types of models and agents that may be given; loaded for none",
    "participants/llm/answers.py": "the form of an answer",
    "participants/llm/brought.py": "the type of an agent that is brought along, and what is refused of it",
    "participants/llm/call.py": "asks a model once, as the kernel has it done: a call that was claimed",
    "participants/llm/clients.py": "keeps the clients of models, for the call above",
    "participants/llm/found.py": "asks an Ollama where it usually is which models it has; tells it nothing",
    "participants/llm/history.py": "what of a long turn a model is told, in the form of messages",
    "participants/llm/loops.py": "the loop itself, of a model that asks nothing by itself",
    "participants/llm/mind.py": "the model that asks nothing by itself",
    "participants/llm/offered.py": "descriptions of tools",
    "participants/llm/providers.py": "makes the clients of models; sends nothing",
    "participants/llm/sampling.py": "the prompt that a server of tools asks a model with, for the call above",
    "participants/llm/rates.py": "how usage is counted",
    "participants/llm/recorded.py": "the form of messages",
    "participants/llm/recordings.py": "answers that are kept with a package, as a model; asks nobody",
    "participants/llm/retrieved.py": "the form of messages",
    "participants/llm/transcript.py": "what a model was told and said, as the log has it",
    "participants/llm/turn.py": "the form of what a loop wants",
    "participants/remote/access.py": "has tokens for a remote agent, for a call that was claimed",
    "participants/remote/calls.py": "calls a remote agent, for a call that was claimed",
    "participants/remote/card.py": "reads the card that it publishes",
    "telemetry/exporting.py": "tells a collector what was done, without any recorded value",
    "telemetry/metering.py": "counts for the collector",
    "telemetry/signals.py": "the form of what it is told",
}
"""What reaches out of the process, and for what; tools and models are called by the kernel alone."""

NETWORK: Final = frozenset(
    {"aiohttp", "boto3", "botocore", "ftplib", "http", "httpx", "requests", "smtplib", "socket", "ssl"}
    | {"subprocess", "telnetlib", "urllib3", "websockets", "anthropic", "openai", "pydantic_ai", "mcp", "a2a"}
    | {"opentelemetry"}
)


def test_nothing_reaches_out_of_the_process_but_what_stands_here() -> None:
    found = {
        name
        for name, nodes in files(("blueprints/",))
        for node in nodes
        if NETWORK
        & (
            {one.name.partition(".")[0] for one in node.names}
            if isinstance(node, ast.Import)
            else {(node.module or "").partition(".")[0]}
            if isinstance(node, ast.ImportFrom)
            else set()
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "urllib.request")
    }
    assert found == set(OUTSIDE)
