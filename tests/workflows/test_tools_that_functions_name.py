"""Which tools a function has is told from what it names, of its module and of what is around it."""

from __future__ import annotations

from ripieno import Context, function, tool
from ripieno.workflows.tools import tools_in


@tool
def of_the_module(what: str) -> str:
    return what


def test_what_is_around_it_counts_as_far_as_it_has_a_value_by_now() -> None:
    def around(what: str) -> str:
        return what

    near = tool(around, name="near")

    @function(pure=True)
    async def works(context: Context) -> str:
        await context.use(of_the_module, what="a")
        await context.use(near, what="b")
        return later

    assert [one.name for one in tools_in(works)] == ["of_the_module", "near"]
    later = "given its value when everybody had looked"
    assert len(tools_in(works)) == 2


def test_a_method_names_what_its_function_names() -> None:
    class Desk:
        async def works(self, context: Context) -> str:
            return str(await context.use(of_the_module, what="a"))

    assert [one.name for one in tools_in(function(pure=True)(Desk().works))] == ["of_the_module"]
