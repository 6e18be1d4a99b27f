"""Who has a model asked where the other side of a tool wants an answer of one.

The room of agents knows how, which stands above this one; whoever defines workflows says who it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from ripieno.model.errors import ToolError

if TYPE_CHECKING:
    from ripieno.connectors.mcp.server import Sampling
    from ripieno.model.tool import ModelLike
    from ripieno.model.value import Value

__all__ = ["SAMPLERS", "Sampler", "Samplers"]


class Sampler(Protocol):
    """Makes requests to models of what a server asks, and reads what came of them."""

    def model(
        self, sampling: Sampling, prompt: Mapping[str, Any], value: Callable[[object], Value]
    ) -> ModelLike:
        """Give one request to the model that a project names; raises `ToolError` where there is no such."""
        ...

    def answer(self, recorded: Any) -> dict[str, Any]:
        """Give what a model said as MCP has it; raises `InputError` for what no model says."""
        ...


class Samplers:
    """Who it is in this process."""

    def __init__(self) -> None:
        self._load: Callable[[], Sampler] | None = None

    def declare(self, load: Callable[[], Sampler]) -> None:
        """Say what gives it, once it is needed."""
        self._load = load

    @property
    def known(self) -> Sampler:
        """Who it is; raises `ToolError` in a program without workflows, which has no run that could pay."""
        if self._load is None:
            msg = "a server asks for an answer of a model, and nothing that asks models is loaded"
            raise ToolError(msg, failure="bad_request")
        return self._load()


SAMPLERS: Final = Samplers()
