"""What a server asks while it is called: put to a person where the project says who, else refused.

By the protocol of 2026-07-28 a call that needs something ends by saying so and is made again with the answer,
so that a person may take days. Before, a server asks within the call: it is told that nobody answered yet,
and where the call may be repeated it is made anew with the answer once there is one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from ripieno.connectors.mcp.definition import canonical
from ripieno.connectors.mcp.sampling import NOT_HAD, prompt_digest, prompt_of
from ripieno.connectors.mcp.server import McpServer, Sampling
from ripieno.mediation.validation.patterns import bounded
from ripieno.mediation.validation.schemas import check_schema
from ripieno.model.errors import DefinitionError

if TYPE_CHECKING:
    from mcp_types import (
        CreateMessageRequestParams,
        CreateMessageResult,
        ElicitRequestParams,
        ElicitResult,
        ErrorData,
    )

__all__ = ["ANSWERS", "ASKS", "SAMPLE", "Asked", "Elicited", "answered", "asked_of", "question_form"]

ASKS: Final = "mcp_asks"
"""Under which a result says that the server wants to know something first."""

SAMPLE: Final = "sample"
"""Under which one of these things is a prompt for a model."""

ANSWERS: Final = "mcp_answers"
"""The argument that a call is made again with; nobody but the platform gives it."""

ROUNDS: Final = 5
"""So often may a server ask within one act."""

CONFIDING: Final = re.compile(
    r"pass[ _-]?(word|phrase|code|wd)|\bpin\b|secret|credential|api[ _-]?key|seed[ _-]?phrase|\bmfa\b|\b2fa\b"
    r"|(access|auth|bearer|refresh)[ _-]?token|private[ _-]?key|card[ _-]?number|credit[ _-]?card"
    r"|\bcvv\b|\bcvc\b|social security|\bssn\b|\botp\b|one[ _-]?time",
    re.IGNORECASE,
)
"""What no server may ask by a form (specification: "servers MUST NOT request sensitive information")."""


FORBIDDING: Final = re.compile(
    r"\b(do not|don't|never) (give|enter|share|send|provide)\b[^.;:!?]{0,80}", re.IGNORECASE
)
"""Where a form says what is not to be told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a server wants to know."""

    message: str
    form: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """The same for the same question."""
        return hashlib.sha256(canonical([self.message, self.form])).hexdigest()[:24]

    def document(self) -> dict[str, Any]:
        """Give it as it stands in a result."""
        return {"message": self.message, "form": dict(self.form)}

    def objection(self) -> str | None:
        """Say why nobody is asked this; None where there is nothing against it."""
        said = [self.message]
        properties = cast("Mapping[str, Any]", self.form.get("properties") or {})
        for name, field_ in properties.items():
            said.append(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " "))
            if isinstance(field_, Mapping):
                about = cast("Mapping[str, Any]", field_)
                said += [str(about.get(key, "")) for key in ("title", "description", "format")]
        for text in said:
            if (hit := CONFIDING.search(FORBIDDING.sub("", text))) is not None:
                return f"it asks for what is confidential ({hit[0]!r})"
        try:
            check_schema(self.form, "what it asks for")
        except DefinitionError as error:
            return error.message
        return None


def asked_of(params: ElicitRequestParams) -> Asked | str:
    """Give what is asked for, or why that is put to nobody."""
    if params.mode != "form":
        return f"it asks that somebody opens {params.url!r}, which is not passed on"
    asked = Asked(
        params.message, bounded(params.requested_schema, keep=lambda _: False)
    )  # people are no match for them
    return asked.objection() or asked


def question_form(asks: Mapping[str, Any]) -> dict[str, Any]:
    """Give the form for a person: to answer, or to decline, each thing that is asked."""
    named = {key: cast("Mapping[str, Any]", one) for key, one in asks.items()}
    fields = {key: {**one["form"], "title": one["message"]} for key, one in named.items()}
    answer: dict[str, Any] = next(iter(fields.values()))
    if len(fields) > 1:
        answer = {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
    return {
        "type": "object",
        "properties": {
            "proceed": {"type": "boolean", "description": "whether the server is told at all"},
            "answer": answer,
        },
        "required": ["proceed"],
        "if": {"properties": {"proceed": {"const": True}}},
        "then": {"required": ["answer"]},
        "additionalProperties": False,
    }


def answered(asks: Mapping[str, Any], value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Give what the server is told of each thing it asked; None: nobody answered in time."""
    if value is None:
        return {key: {"action": "cancel"} for key in asks}
    if not value["proceed"]:
        return {key: {"action": "decline"} for key in asks}
    said = value["answer"]
    each = {next(iter(asks)): said} if len(asks) == 1 else said
    return {
        key: {"action": "accept", "content": {**defaults(one["form"]), **each[key]}}
        for key, one in asks.items()
    }


def defaults(form: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values that a server wants for what is left out."""
    fields = cast("Mapping[str, Mapping[str, Any]]", form.get("properties") or {})
    return {name: about["default"] for name, about in fields.items() if "default" in about}


@dataclass(slots=True)
class Elicited:
    """What is asked within one call by a protocol before 2026-07-28, and what is known already."""

    known: Mapping[str, Mapping[str, Any]]
    may_ask: bool
    """Whether people may be asked."""
    sampling: Sampling | None = None
    """Whether a model may be asked, and how much of it."""
    asked: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    refused: list[str] = field(default_factory=list[str])

    def answer(self, params: ElicitRequestParams) -> ElicitResult:
        """Tell the server what is known, or that nobody has answered."""
        from mcp_types import ElicitResult  # noqa: PLC0415 - heavy

        found = asked_of(params)
        if isinstance(found, str):
            self.refused.append(found)
            return ElicitResult(action="decline")
        if found.digest in self.known:
            return ElicitResult.model_validate(self.known[found.digest])
        if self.may_ask:
            self.asked[found.digest] = found.document()
        else:
            self.refused.append("nobody is named who answers it")
        return ElicitResult(action="cancel")

    def sample(self, params: CreateMessageRequestParams) -> CreateMessageResult | ErrorData:
        """Tell the server what a model said, or that it has not been asked yet, or will not be."""
        from mcp_types import CreateMessageResult, ErrorData  # noqa: PLC0415 - heavy

        if self.sampling is None:
            found = "a call that writes is not made again with what a model says"
        else:
            found = prompt_of(params, self.sampling)
        if isinstance(found, str):
            self.refused.append(found)
            return ErrorData(code=NOT_HAD, message=found)
        key = prompt_digest(found)
        if key in self.known:
            return CreateMessageResult.model_validate(self.known[key])
        self.asked[key] = {SAMPLE: found}
        return ErrorData(code=NOT_HAD, message="no model has answered yet")


def refused(server: McpServer, why: Iterable[str]) -> str:
    """Say that a server asked for what it does not get."""
    objections = "; ".join(why)
    return f"MCP server {server.name} asked for something before it goes on, and did not get it: {objections}"
