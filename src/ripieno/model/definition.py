"""What is run: the name, version and root participant of a workflow, whoever has made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ripieno.model.limits import Limits
    from ripieno.model.participant import Participant, UndoTool

__all__ = ["Definition"]


class Definition(Protocol):
    """A workflow as the kernel runs it."""

    @property
    def name(self) -> str:
        """Unique within a tenant."""
        ...

    @property
    def version(self) -> str:
        """SHA-256 over the definition's digest and the identity of the code that serves it."""
        ...

    @property
    def pins(self) -> Mapping[str, Any]:
        """The definition's digest, and each participant's declared version and source digest."""
        ...

    @property
    def facts(self) -> Mapping[str, str | int | bool | tuple[str, ...]]:
        """What policies may ask about it: `policy`, `risk`, `owner`, `purpose`, `data`, `version`."""
        ...

    @property
    def source(self) -> str:
        """What loads it again in another process: a file, or `module:attribute`."""
        ...

    @property
    def root(self) -> Participant:
        """The participant that is the whole."""
        ...

    @property
    def bounds(self) -> Limits | None:
        """What the kernel holds every run to; None for a workflow without limits."""
        ...

    @property
    def before_bounds(self) -> Participant | None:
        """What takes the place of root and bounds in a run that began before deadlines were among these."""
        ...

    @property
    def workflows(self) -> Sequence[Definition]:
        """The workflows that its participants run as child runs; whoever serves it serves these as well."""
        ...

    @property
    def about(self) -> Mapping[str, Any]:
        """What the inventory holds of it: owner, purpose, risk, classes of data, and each participant."""
        ...

    async def open_secrets(self) -> Sequence[str]:
        """Open the secrets of its tools, so that they are looked for; give what cannot be had, and why."""
        ...

    @property
    def participants(self) -> frozenset[str]:
        """The names of everyone who may act in it."""
        ...

    def undo_tool(self, reference: str) -> UndoTool | None:
        """Give the tool that takes a call back, by its reference; None when it is not there."""
        ...

    def document(self) -> dict[str, Any]:
        """Give the whole definition under the envelope rule: what its digest covers."""
        ...

    def check_input(self, value: object) -> None:
        """Raise `InputError` when a run cannot start with this input."""
        ...
