"""A remote agent is the one whose card was approved, and is shown a secret as that asks for it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from a2a.types import a2a_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response

from kernel.scenarios.house import (
    asked,
    begin,
    ended,
    reply,
    serving,
)
from participants.agent_peer import Peer, peering
from ripieno import (
    Cost,
    Workflow,
    person,
    remote_agent,
    role,
)
from ripieno.kernel import commands
from ripieno.mediation.secrets import SECRETS
from ripieno.model.errors import DefinitionError
from ripieno.workflows.load import load_file


@pytest.fixture
async def peer() -> AsyncGenerator[Peer]:
    async with peering() as found:
        yield found


def calling(peer: Peer, **settings: Any) -> Workflow:
    return Workflow("care", remote_agent("triage", url=peer.url, card=peer.digest, **settings))


# -- the card --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("proceed", [True, False])
async def test_another_card_is_sent_nothing_until_an_operator_lets_it(
    tmp_path: Path,
    peer: Peer,
    proceed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    workflow = calling(peer)
    peer.card["skills"][0]["description"] = "does more by now"
    peer.on_send = lambda _: pb.Message(message_id="m", role=pb.ROLE_AGENT, parts=[pb.Part(text="ok")])
    async with serving(tmp_path, workflow) as host:
        run = await begin(host, workflow, "go")
        question = await asked(host, run, "ask")
        assert question.role == "operator"
        assert commands.asked_for(host.store, question).about["published"] == peer.digest
        assert peer.messages == []
        await reply(host, question, {"proceed": proceed})
        outcome = await ended(host, run)
    assert (outcome.status, len(peer.messages)) == (("complete", 1) if proceed else ("escalated", 0))


@pytest.mark.parametrize(
    "card",
    [[], {"name": "x"}, {"supportedInterfaces": "no"}, {"name": "x", "version": [1]}],
    ids=["list", "no interface", "garbage", "another kind"],
)
async def test_what_is_no_card_is_sent_nothing(tmp_path: Path, peer: Peer, card: Any) -> None:
    workflow = calling(peer)
    peer.card = card
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert outcome.status == "failed"
    assert "agent card" in (outcome.reason or "")
    assert peer.messages == []


async def test_an_interface_that_is_not_spoken_here_is_named(tmp_path: Path, peer: Peer) -> None:
    peer.card["supportedInterfaces"][0]["protocolBinding"] = "CARRIER-PIGEON"
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert "speaks CARRIER-PIGEON" in (outcome.reason or "")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "ftp://x", "card": "sha256:" + "0" * 64}, "http or https"),
        ({"url": "https://a:b@x", "card": "sha256:" + "0" * 64}, "holds a user"),
        ({"url": "http://agents.example", "card": "sha256:" + "0" * 64, "secret": "secret://env/K"}, "https"),
        ({"url": "https://x", "card": "latest"}, "digest"),
        ({"url": "https://x", "card": "sha256:" + "0" * 64, "scopes": ["a"]}, "needs a secret"),
        ({"url": "https://x", "card": "sha256:" + "0" * 64, "on_uncertain": "hope"}, "on_uncertain"),
        ({"url": "https://x", "card": "sha256:" + "0" * 64, "asks": person("?")}, "principal"),
        ({"url": "https://x", "card": "sha256:" + "0" * 64, "asks": [role("a"), role("b")]}, "due"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_declared(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        remote_agent("triage", **settings)
    assert told in f"{refusal.value} {refusal.value.remedy}"


def test_a_file_and_python_give_the_same_workflow(tmp_path: Path) -> None:
    card = "sha256:" + "ab" * 32
    file = tmp_path / "care.yaml"
    file.write_text(
        f"""
workflow: care
participants:
  triage:
    remote:
      url: https://agents.example/triage
      card: {card}
      secret: secret://env/TRIAGE_KEY
      client_id: us
      scopes: [ask]
      asks: [{{role: clinician, due: 4h}}, {{person: ada}}]
      streaming: true
      timeout: 90s
      look: 10s
      on_uncertain: verify
      cost: {{cost_usd: 0.5}}
      data: [phi]
flow: {{step: triage}}
"""
    )
    agent = remote_agent(
        "triage",
        url="https://agents.example/triage",
        card=card,
        secret="secret://env/TRIAGE_KEY",  # noqa: S106 - a reference
        client_id="us",
        scopes=["ask"],
        asks=[role("clinician", due="4h"), person("ada")],
        streaming=True,
        timeout="90s",
        look="10s",
        on_uncertain="verify",
        cost=Cost(cost_usd="0.5"),
        data=["phi"],
    )
    assert load_file(file).workflow.digest == Workflow("care", agent).digest
    file.write_text(json.dumps(Workflow("care", agent).document()))
    assert load_file(file).workflow.digest == Workflow("care", agent).digest


# -- who calls -------------------------------------------------------------------------------------------


def answering(peer: Peer) -> None:
    peer.on_send = lambda _: pb.Message(message_id="m", role=pb.ROLE_AGENT, parts=[pb.Part(text="ok")])


SCHEMES: dict[str, tuple[dict[str, Any], str, str]] = {
    "header": ({"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}}, "x-key", "{}"),
    "query": ({"apiKeySecurityScheme": {"location": "query", "name": "key"}}, "key", "{}"),
    "cookie": ({"apiKeySecurityScheme": {"location": "cookie", "name": "key"}}, "cookie key", "{}"),
    "bearer": ({"httpAuthSecurityScheme": {"scheme": "bearer"}}, "authorization", "Bearer {}"),
    "basic": (
        {"httpAuthSecurityScheme": {"scheme": "Basic"}},
        "authorization",
        "Basic dXM6c2VjcmV0LW9mLXRyaWFnZQ==",
    ),
}


def holding(folder: Path, text: bytes) -> list[Path]:
    """Give the files in which a text stands."""
    return [file for file in folder.rglob("*") if file.is_file() and text in file.read_bytes()]


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_secret_is_shown_as_the_card_asks_and_recorded_nowhere(
    tmp_path: Path, peer: Peer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared, where, form = SCHEMES[scheme]
    peer.card["securitySchemes"] = {"way": declared}
    peer.card["securityRequirements"] = [{"schemes": {"way": {"list": []}}}]
    monkeypatch.setenv("TRIAGE_KEY", "secret-of-triage")
    SECRETS.forget()
    answering(peer)
    workflow = calling(peer, secret="secret://env/TRIAGE_KEY", client_id="us")  # noqa: S106 - a reference
    async with serving(tmp_path, workflow) as host:
        assert (await ended(host, await begin(host, workflow, "go"))).status == "complete"
    assert not holding(tmp_path, b"secret-of-triage")
    assert peer.seen[-1][where] == form.format("secret-of-triage")


async def test_a_token_is_fetched_for_the_client_kept_and_fetched_anew_once_it_is_refused(
    tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow: dict[str, Any] = {"clientCredentials": {"tokenUrl": f"{peer.url}/token", "scopes": {}}}
    peer.card["securitySchemes"] = {"way": {"oauth2SecurityScheme": {"flows": flow}}}
    peer.card["securityRequirements"] = [{"schemes": {"way": {"list": []}}}]
    monkeypatch.setenv("TRIAGE_KEY", "secret-of-triage")
    SECRETS.forget()
    answering(peer)
    workflow = calling(peer, secret="secret://env/TRIAGE_KEY", client_id="us", scopes=["ask"])  # noqa: S106 - a reference
    async with serving(tmp_path, workflow) as host:
        for _ in range(2):
            assert (await ended(host, await begin(host, workflow, "go"))).status == "complete"
        assert (peer.tokens, peer.seen[-1]["authorization"]) == (1, "Bearer token-number-1")
        assert "scope=ask" in peer.seen[0]["form"]

        def once(request: Request) -> Response | None:
            stale = request.headers["authorization"].endswith("1")
            return Response(status_code=401) if stale else None

        peer.refuse = once
        assert (await ended(host, await begin(host, workflow, "go"))).status == "complete"
    assert (peer.tokens, len(peer.messages)) == (2, 3)


async def test_a_card_that_asks_for_a_secret_that_is_not_declared_is_sent_nothing(
    tmp_path: Path, peer: Peer
) -> None:
    peer.card["securitySchemes"] = {"way": {"httpAuthSecurityScheme": {"scheme": "bearer"}}}
    peer.card["securityRequirements"] = [{"schemes": {"way": {"list": []}}}]
    workflow = calling(peer)
    async with serving(tmp_path, workflow) as host:
        outcome = await ended(host, await begin(host, workflow, "go"))
    assert "asks for way, and no secret is declared" in (outcome.reason or "")
    assert peer.messages == []
