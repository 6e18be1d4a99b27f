"""A tool whose other side wants to know something first: that is asked, and it is called again.

The call that ended in a question is a call as any other, and so is the one with the answer: each is decided,
claimed and recorded, as is what a model is asked between them; for a person the run waits as for any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ripieno.kernel.acts import decoded, use
from ripieno.kernel.questions import ask
from ripieno.model.participant import Answer, Question, ToolLike
from ripieno.model.quotation import Quoted
from ripieno.model.tool import Eliciting, ModelWanted

if TYPE_CHECKING:
    from ripieno.kernel.scope import Scope

__all__ = ["settled_with"]


async def settled_with(
    scope: Scope, tool: ToolLike, asking: Eliciting, arguments: Mapping[str, Any], output: Any
) -> Any:
    """Give what a tool gave in the end, once all that it asked was answered, or nobody did in time."""
    quotes = {name: value.text for name, value in arguments.items() if isinstance(value, Quoted)}
    while wanted := asking.asks({**arguments, **decoded(arguments), **quotes}, output):
        answers = [await answered(scope, one, output) for one in wanted]
        arguments = {**arguments, **asking.goes_on(arguments, output, answers)}
        output = await use(scope, scope.next("tool"), tool, arguments)
    return output


async def answered(scope: Scope, wanted: Question | ModelWanted, output: Any) -> Any:
    """Give what a person or a model says to one thing that is asked; raises what a request to a model does.

    What a model is shown is the result by which it was asked for, and as little trusted as that.
    """
    if isinstance(wanted, ModelWanted):
        known = {"asked": scope.value(output).ref, "as": wanted.key}
        return await use(scope, scope.next("model"), wanted.model(scope.value), known)
    if scope.effects.withheld:  # nobody is asked by a shadow
        return Answer(expired=True)
    return await ask(scope, wanted, scope.next("ask"))
