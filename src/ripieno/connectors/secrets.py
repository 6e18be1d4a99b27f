"""The secrets of a tool: declared by parameter, opened for one call, opened anew when they are refused."""

from __future__ import annotations

from collections.abc import Mapping

from ripieno.connectors.handler import Handler
from ripieno.mediation.secrets.reference import Reference
from ripieno.mediation.secrets.resolver import SECRETS
from ripieno.mediation.secrets.secret import Secret
from ripieno.model.action import Call
from ripieno.model.errors import AuthenticationError, DefinitionError, nearest

__all__ = ["declared_secrets", "refusal", "refuses_secret", "renewed"]

UNAUTHENTICATED = 401
"""What HTTP servers answer to whom they do not know; nothing was done for them."""


def declared_secrets(handler: Handler, declared: Mapping[str, str]) -> dict[str, Reference]:
    """Give the references by parameter; raises `DefinitionError` for one that cannot work."""
    found: dict[str, Reference] = {}
    for parameter, text in declared.items():
        if not handler.takes_secret(parameter):
            hint = nearest(parameter, handler.parameters())
            msg = f"secret {parameter!r}: no parameter of that name{hint}"
            raise DefinitionError(msg, remedy=f"let the function take it: {parameter}: Secret")
        try:
            found[parameter] = SECRETS.reference(text)
        except DefinitionError as error:
            msg = f"secret {parameter!r}: {error.message}"
            raise DefinitionError(msg, remedy=error.remedy) from None
    return found


def refuses_secret(error: Exception) -> bool:
    """Tell whether a call ended as its secret was refused, so that it had no effect."""
    answer = getattr(error, "response", None)
    status = getattr(answer, "status_code", getattr(error, "status_code", None))
    return isinstance(error, AuthenticationError) or status == UNAUTHENTICATED


def refusal(tool: str, error: Exception) -> AuthenticationError:
    """Give what says that a call was refused and so had no effect; our own says why itself."""
    if isinstance(error, AuthenticationError):
        return AuthenticationError(error.message)
    return AuthenticationError(f"{tool}: its secret was refused ({type(error).__name__})")


async def renewed(secrets: Mapping[str, Reference], call: Call) -> bool:
    """Open the secrets of a call anew, and tell whether any of them is another now."""
    changed = False
    for name, reference in secrets.items():
        before: Secret = call.given[name]
        now = await SECRETS.open(reference, anew=True)
        changed = changed or now.reveal() != before.reveal()
        call.given[name] = now
    return changed
