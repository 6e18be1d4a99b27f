"""Who keeps secrets: what one of them has to be able to do, and what they share."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NoReturn, cast

from ripieno.mediation.secrets.reference import Reference
from ripieno.model.errors import DefinitionError, SecretError

__all__ = ["Provider", "field_of", "lacking", "refuse"]


class Provider(ABC):
    """One place where secrets are kept.

    Errors name the reference and what to do, never anything that was read.
    """

    name: ClassVar[str]
    """As it stands in references."""
    shape: ClassVar[str]
    """How its references look, for messages."""
    waits: ClassVar[bool] = True
    """False for one that answers at once; any other is asked in a thread."""

    @abstractmethod
    def fits(self, reference: Reference) -> bool:
        """Tell whether a reference has the shape of this provider's, when a tool is declared."""

    @abstractmethod
    def read(self, reference: Reference) -> str:
        """Give the value; raises `SecretError` where there is none or it cannot be had."""

    def check(self, reference: Reference) -> None:
        """Raise `DefinitionError` for a reference that this provider cannot know."""
        if not self.fits(reference):
            msg = f"{str(reference)!r} is no reference of {self.name!r}"
            raise DefinitionError(msg, remedy=f"it looks like {self.shape}")


def refuse(reference: Reference, why: str, remedy: str) -> NoReturn:
    """Raise `SecretError` for a secret that cannot be had, without what led to it."""
    msg = f"{reference} cannot be had: {why}; {remedy}"
    raise SecretError(msg) from None


def lacking(reference: Reference, package: str, extra: str) -> NoReturn:
    """Raise `SecretError` for a provider whose package is not installed."""
    refuse(reference, f"{package} is not installed", f"pip install 'ripieno[{extra}]'")


def field_of(text: str, reference: Reference) -> str:
    """Give the field that a reference names of a JSON object, or the text itself where it names none."""
    if reference.field is None:
        return text
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        refuse(reference, "it is not JSON", "leave out the field, or store a JSON object")
    value = cast("dict[str, Any]", found).get(reference.field) if isinstance(found, dict) else None
    return text_of(value, reference)


def text_of(value: object, reference: Reference) -> str:
    """Give the value of a field, which has to be text."""
    if not isinstance(value, str):
        refuse(reference, "it has no such field with text in it", "look at the names of its fields")
    return value
