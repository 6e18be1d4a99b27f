"""A tool whose other side wants to know something first: a person is asked, and it is called again.

The call that ended in a question is a call as any other, and so is the one with the answer: each is decided,
claimed and recorded. Between them the run waits as for any person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ripieno.kernel.acts import decoded, use
from ripieno.kernel.questions import ask
from ripieno.model.participant import Answer, ToolLike
from ripieno.model.quotation import Quoted
from ripieno.model.tool import Eliciting

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["settled_with"]


async def settled_with(
    scope: Scope, tool: ToolLike, asking: Eliciting, arguments: Mapping[str, Any], output: Any
) -> Any:
    """Give what a tool gave in the end, once all that it asked was answered, or nobody did in time."""
    quotes = {name: value.text for name, value in arguments.items() if isinstance(value, Quoted)}
    while (question := asking.asks({**arguments, **decoded(arguments), **quotes}, output)) is not None:
        if scope.effects.withheld:  # nobody is asked by a shadow
            answer = Answer(expired=True)
        else:
            answer = await ask(scope, question, scope.next("ask"))
        arguments = {**arguments, **asking.goes_on(arguments, output, answer)}
        output = await use(scope, scope.next("tool"), tool, arguments)
    return output
