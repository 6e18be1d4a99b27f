"""The card of an agent: what it is, where it is reached, and each workflow as a skill."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from a2a.types import a2a_pb2 as pb

from ripieno.api.mcp.workflows import Offered, input_schema

__all__ = ["card_for"]

MODES: Final = ("application/json", "text/plain")
SCHEME: Final = "ripieno"


def card_for(
    served: Sequence[Offered], url: str, path: str, *, pushes: bool, inputs: bool = False, keys: bool = True
) -> pb.AgentCard:
    """Give the card of these workflows at an address; with `inputs`, what each takes stands in it.

    Without `keys` whoever comes is let in.
    """
    one = served[0] if len(served) == 1 else None
    about = "Governed workflows: each skill starts one; people may be asked on the way."
    card = pb.AgentCard(
        name="ripieno" if one is None else one.name,
        description=about if one is None else purpose(one),
        version=version("ripieno") if one is None else one.workflow.version[:12],
        capabilities=pb.AgentCapabilities(
            streaming=True, push_notifications=pushes, extended_agent_card=True
        ),
        default_input_modes=MODES,
        default_output_modes=MODES,
        skills=[skill(each, inputs=inputs) for each in served],
    )
    for binding, end in (("JSONRPC", "rpc"), ("HTTP+JSON", "rest")):
        card.supported_interfaces.add(
            url=f"{url}{path}/{end}", protocol_binding=binding, protocol_version="1.0"
        )
    if not keys:
        return card
    about_keys = "an API key (ripieno keys create) or a token of a trusted provider"
    scheme = pb.HTTPAuthSecurityScheme(scheme="bearer", description=about_keys)
    card.security_schemes[SCHEME].http_auth_security_scheme.CopyFrom(scheme)
    requirement = card.security_requirements.add()
    requirement.schemes[SCHEME].SetInParent()
    return card


def purpose(served: Offered) -> str:
    """Say what a workflow is for."""
    return served.workflow.purpose or f"Runs the workflow {served.name}"


def skill(served: Offered, *, inputs: bool) -> pb.AgentSkill:
    """Give a workflow as a skill."""
    about, schema = purpose(served), input_schema(served.workflow)
    if inputs and schema is not None:
        about = f"{about}. Its input, by JSON Schema: {json.dumps(dict(schema))}"
    return pb.AgentSkill(
        id=served.name,
        name=served.name,
        description=about,
        tags=["workflow", f"risk:{served.workflow.risk}"],
        input_modes=MODES,
        output_modes=MODES,
    )
