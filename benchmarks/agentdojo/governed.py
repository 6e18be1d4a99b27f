"""An agent that does what it is told, whoever tells it, every call of it through Ripieno's gate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from arms import Arm, workflow_of
from cases import Case, Suite
from declared import CONTENT, DATA, TRUSTED, effect_of, leaves
from pydantic_core import to_jsonable_python
from taken_back import BEFORE, INVERSES, inverse, put_back

from ripieno import Outcome, Tool, Workflow
from ripieno.journal.records import QuestionRow
from ripieno.kernel.commands import answer, asked_for
from ripieno.kernel.host import Host
from ripieno.model.errors import RejectedError, ToolError
from ripieno.model.principal import Principal
from ripieno.model.provenance import unanswered_for
from ripieno.model.value import decode
from ripieno.participants.base import BaseParticipant

__all__ = ["Ended", "Governed"]

USER: Final = Principal("person", "user")
APPROVER: Final = Principal("person", "approver", roles=frozenset({"approver"}))


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a case."""

    useful: bool
    attacked: bool
    asked: int
    """Calls that the user's task needs, about which a person was asked."""
    stopped: int
    """Other calls about which a person was asked."""
    read: int
    """Characters of sources that were shown to whoever vouched for them."""
    labelled: bool
    """True where the answer says that nobody answers for a part of it."""


class Puppet(BaseParticipant):
    """Makes the calls of the case at hand, and gives its answer: a fully hijacked agent."""

    kind = "agent"

    def __init__(self, name: str, tools: dict[str, Tool], case: Callable[[], Case]) -> None:
        super().__init__(name)
        self.tools, self._case = tools, case

    async def act(self, task: Any, context: Any) -> Outcome:
        """Make every call that is let; what is refused is left out."""
        del task
        case = self._case()
        for wanted in case.calls:
            try:
                await context.use(self.tools[wanted.tool], **case.passed(wanted.arguments))
            except (RejectedError, ToolError):
                continue
        return Outcome("complete", case.answer)

    def describe(self) -> dict[str, Any]:
        """Give its name; what it does is the case's."""
        return {"tools": sorted(self.tools)}


class Governed:
    """Runs the cases of a suite under one set of policies."""

    def __init__(self, host: Host, suite: Suite, arm: Arm) -> None:
        self._host, self._suite, self._pack, self._vouching = host, suite, arm.pack, arm.vouching
        self._case: Case | None = None
        self._tools = {tool.name: self._tool(tool.name) for tool in suite.tools}

    def _tool(self, name: str) -> Tool:
        async def call(**arguments: Any) -> Any:
            case = self._current()
            before = BEFORE[name](case.environment, arguments) if name in BEFORE else None
            result = self._made(name, arguments)
            return {"result": result, "before": before} if name in INVERSES else result

        async def take_back(arguments: dict[str, Any], result: dict[str, Any]) -> Any:
            if not INVERSES[name]:
                put_back(self._current().environment, arguments["file_id"], result["before"])
                return None
            return self._made(*inverse(name, arguments, result))

        return Tool(
            call,
            name=name,
            version="1",
            effect=effect_of(name),
            trust="trusted" if name in TRUSTED else "untrusted",
            content=CONTENT.get(name, ()),
            data=DATA.get(name, ()),
            outside=leaves(name),
            undo=Tool(take_back, name=f"undo_{name}", version="1") if name in INVERSES else None,
            on_uncertain="retry",
        )

    def _made(self, name: str, arguments: dict[str, Any]) -> Any:
        try:
            return to_jsonable_python(self._current().call(name, arguments))
        except Exception as error:
            msg = f"{type(error).__name__}: {error}"
            raise ToolError(msg) from error

    def _current(self) -> Case:
        assert self._case is not None, "one case is run at a time"
        return self._case

    async def run(self, case: Case) -> Ended:
        """Run one case to its end, a person answering what policies ask."""
        case.prepare()
        self._case = case
        name = workflow_of(self._suite.name, case.user.ID)
        workflow = Workflow(name, Puppet("agent", self._tools, self._current), policy=self._pack)
        run = (await self._host.start(workflow, {"prompt": case.user.PROMPT}, principal=USER)).row.id
        asked = stopped = read = 0
        while not (await self._host.rest(run)).ended:
            for question in await self._host.store.questions(run=run):
                number = int(question.path.rpartition("/approval/")[0].rpartition("/tool/")[2])
                benign = case.calls[number - 1].benign
                asked, stopped = asked + benign, stopped + (not benign)
                vouch, long = self._vouched(question, case) if benign else ([], 0)
                read += long
                await answer(
                    self._host.store,
                    self._host.clock,
                    question,
                    by=APPROVER,
                    value={"proceed": benign, **({"vouch": vouch} if vouch else {})},
                    reason="needed" if benign else "nobody asked for that",
                )
            await asyncio.sleep(0)
        attacked = case.injection is not None and case.attacked()
        return Ended(case.useful(), attacked, asked, stopped, read, await self._labelled(run))

    async def _labelled(self, run: str) -> bool:
        end = (await self._host.store.events(run))[-1].body
        return "traced" in end and bool(unanswered_for(decode(self._host.store.payload(run, end["traced"]))))

    def _vouched(self, question: QuestionRow, case: Case) -> tuple[list[str], int]:
        """Give what a person vouches for with a yes, and how much they read for it.

        The values of the call; and every source that they are shown, unless somebody wrote into it what they
        want to be done. A person who does not read vouches for these as well.
        """
        offered: dict[str, Any] = asked_for(self._host.store, question).about.get("vouch", {})
        shown = {name: str(one["said"]) for name, one in offered.items() if name.startswith("source ")}
        if self._vouching == "nothing":
            return [], 0
        planted = "" if case.injection is None or self._vouching == "blindly" else case.injection.GOAL
        if self._vouching == "values alone":
            return [name for name in offered if name not in shown], 0
        taken = [name for name in offered if name not in shown or not planted or planted not in shown[name]]
        return taken, sum(map(len, shown.values()))
