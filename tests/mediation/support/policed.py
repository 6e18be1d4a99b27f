"""A house with policies, people and tools, of which everything that really happened is known.

Policy files, directory, store, gate and host are the real ones. What policy says is told by `law`; whatever
happens that it did not allow raises `PassedError` where the house is next looked at.
"""

from __future__ import annotations

import asyncio
import atexit
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tests.mediation.support.law import Act, Given, Law, Rule

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import opened, serving, snapshot
from ripieno import Call, Context, Workflow, sequential, tool
from ripieno.identity import administration
from ripieno.identity.directory import Directory
from ripieno.journal.records import QuestionRow, RunRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.sqlite.snapshot import SqliteAudit
from ripieno.journal.verify import verify
from ripieno.kernel.commands import asked_for
from ripieno.mediation.policy import PolicyGate, load_library
from ripieno.model.errors import RipienoError, ToolError
from ripieno.model.principal import Principal
from ripieno.participants.function import Function

__all__ = ["PEOPLE", "House", "PassedError"]

T = TypeVar("T")

PEOPLE: Mapping[str, tuple[str, ...]] = {
    "person:ada": ("clerk",),
    "person:bob": ("treasurer",),
    "person:eve": ("treasurer", "boss"),
    "person:fay": ("treasurer", "operator"),
    "person:carl": (),
    "person:op": ("operator",),
    "person:medic": ("break-glass",),
    "service:billing": (),
    "agent:helper": ("clerk",),
}
OWNER = Principal("person", "owner", every_role=True)
WORKFLOW = "errands"


class PassedError(AssertionError):
    """Something happened that policy did not allow."""


@dataclass(frozen=True)
class Done:
    """One entry of the other system: what it was really told to do."""

    run: str
    path: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """An approval that was asked for, as it was shown."""

    row: QuestionRow
    run: str
    path: str
    tool: str
    arguments: Mapping[str, Any]
    role: str | None
    barred: frozenset[str]
    under: frozenset[str]


def as_it_is(gate: PolicyGate) -> PolicyGate:
    """Give the gate as it is shipped."""
    return gate


@cache
def peopled() -> Path:
    """Give a data folder in which everybody is entered with their roles: made once, and copied."""
    home = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home, ignore_errors=True)

    async def made() -> None:
        async with opened(home, SqliteStore) as store:
            for who, roles in PEOPLE.items():
                await administration.enter(store, who, by=OWNER)
                if roles:
                    await administration.grant(store, who, roles, by=OWNER)

    with asyncio.Runner() as runner:
        runner.run(made())
    return home


class House:
    """One data folder, its policies, who there is, and a system that remembers what it was told."""

    def __init__(self, folder: Path, gate: Callable[[PolicyGate], PolicyGate] = as_it_is) -> None:
        self.folder = folder
        self.law = Law()
        self.clock = HandClock()
        self.done: dict[str, Done] = {}
        """By idempotency key."""
        self.tally: Counter[str] = Counter()
        """How often each kind of thing happened, so that a test can tell whether it tried anything."""
        self.runs: list[str] = []
        self.starters: dict[str, str] = {}
        self.tasks: dict[int, Task] = {}
        self.lent: dict[int, dict[str, str]] = {}
        """Whose right somebody was lent who may give an approval by that, by its number."""
        self.claimed: dict[int, set[str]] = {}
        """Who has claimed an approval while they might give it, by its number."""
        self.away: list[tuple[str, str]] = []
        """Who is away by their own word, and who stands in."""
        self.dies_in_a_call = False
        self.passed: list[str] = []
        self._wrapped = gate
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._home = folder / "home-0"
        self._homes = 0
        self._alive = 0
        """Which of the processes that there were is the one that lives."""
        self.workflow = Workflow(WORKFLOW, sequential(self._desk()), policy="house", data=["phi"])
        self.write_policies()
        shutil.copytree(peopled(), self._home)
        for who, roles in PEOPLE.items():
            self.law.direct[who] |= set(roles)
        self.do(self.enter())

    # -- processes ---------------------------------------------------------------------------------

    def do(self, act: Awaitable[T]) -> T:
        """Let something happen, and give what came of it."""

        async def awaited() -> T:
            return await act

        return self._loop.run_until_complete(awaited())

    async def enter(self) -> None:
        """Open the data folder as a process does."""
        self.store = await self._stack.enter_async_context(opened(self._home, SqliteStore))
        self.store.gate = self._gate()
        self.host = await self._stack.enter_async_context(
            serving(self._home, self.workflow, clock=self.clock, store=self.store)
        )

    def restart(self) -> None:
        """Close everything and open it anew."""
        self.do(self._stack.aclose())
        self.do(self.enter())

    def die(self) -> None:
        """Go on from what was on disk at this moment, or when it died in a call; the rest is lost."""
        if self._alive == self._homes:
            self._copy()
        self.do(self._stack.aclose())
        self._alive = self._homes
        self._home = self.folder / f"home-{self._homes}"
        self.dies_in_a_call = False
        self.do(self.enter())

    def close(self) -> None:
        """Leave the house, and look whether its log is sound."""
        self.do(self._stack.aclose())
        self._loop.close()
        with SqliteAudit(self._home) as log:
            report = verify(log)
        self.tally["found sound"] += 1
        if not report.sound:
            raise PassedError(str(report))

    @property
    def home(self) -> Path:
        """The data folder of the process that lives."""
        return self._home

    def _copy(self) -> None:
        self._homes += 1
        snapshot(self._home, self.folder / f"home-{self._homes}")

    # -- policies ----------------------------------------------------------------------------------

    def _gate(self) -> PolicyGate:
        return self._wrapped(PolicyGate(load_library(self.folder / "policies")))

    def write_policies(self) -> None:
        """Write the policies that are in force into their files."""
        folder = self.folder / "policies"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "house").mkdir(parents=True)
        permits = sorted(self.law.permits, key=lambda rule: rule.name)
        own = [replace(rule, name=f"{rule.name}-own") for rule in self.law.own.values()]
        parts: dict[str, list[Rule]] = {"house/permits": permits, "house/own": own}
        parts["everywhere"] = [*self.law.everywhere.values()]
        for name, rules in parts.items():
            (folder / f"{name}.cedar").write_text("\n".join(rule.text() for rule in rules), "utf-8")
        if "own" in self.law.broken:
            (folder / "house" / "own.cedar").write_text('@id("half") forbid (principal,', "utf-8")
        if "everywhere" in self.law.broken:
            (folder / "everywhere.cedar").write_bytes(b'@id("x\xff") forbid (principal, action, resource);')

    def change_policies(self) -> None:
        """Let what is in force be read anew by the process that serves."""
        self.write_policies()
        self.store.gate = self._gate()
        self.quiet()

    # -- what really happens -----------------------------------------------------------------------

    def _desk(self) -> Function:
        house = self

        def find(call: Call) -> str | None:
            return "done" if call.key in house.done else None

        def entry(name: str, to: str, amount: int, call: Call) -> str:
            return house.told(name, {"to": to, "amount": amount}, call)

        @tool(on_uncertain=find, timeout="30s")
        def refund(to: str, amount: int, call: Call) -> str:
            return entry("refund", to, amount, call)

        @tool(on_uncertain=find, timeout="30s", undo=refund)
        def pay(to: str, amount: int, call: Call) -> str:
            return entry("pay", to, amount, call)

        @tool(on_uncertain=find, timeout="30s")
        def send(to: str, amount: int, call: Call) -> str:
            return entry("send", to, amount, call)

        tools = {"pay": pay, "send": send}

        async def desk(given: Any, context: Context) -> list[str]:
            found: list[str] = []
            for number, (name, to, amount) in enumerate(given, 1):
                try:
                    found.append(await context.use(tools[name], to=to, amount=amount))
                except ToolError as error:
                    found.append(error.code)
                    if error.code == "denied":
                        house.heard_of_a_denial(number)
            return found

        return Function(desk, name="desk", pure=True)

    def told(self, name: str, arguments: dict[str, Any], call: Call) -> str:
        """Do what a call says, as the other system does; look whether it might."""
        if self._homes > self._alive:
            msg = "whoever calls has died before"
            raise ToolError(msg)
        self._judge(Done(call.run, call.path, name, arguments), call.key)
        self.done[call.key] = Done(call.run, call.path, name, arguments)
        if self.dies_in_a_call:
            self._copy()
        return "done"

    def _judge(self, done: Done, key: str) -> None:
        law, starter = self.law, self.starters.get(done.run, "person:nobody")
        undo = done.path.endswith("/undo")
        act = Act("tool.undo" if undo else "tool.call", done.tool, arguments={} if undo else done.arguments)
        acting = (("service:desk", frozenset[str]()), (starter, law.roles(starter)))
        acting = (*acting, *law.editors(done.run, done.path, done.tool))
        asking = law.asking(act, *acting)
        twice = [other for at, other in self.done.items() if at != key and self._same(other, done)]
        held = {("workflow", WORKFLOW), ("tool", done.tool), ("run", done.run), ("tenant", "default")}
        held |= set() if undo else {("participant", f"{WORKFLOW}/desk")}
        why = (
            law.denies(act, *acting)
            or law.lacks(asking, done.run, done.path, act, starter)
            or ("it was done before" if twice else None)
            or (f"a stop stands: {law.stopped & held}" if law.stopped & held else None)
            or ("its run was halted" if done.run in law.halted and not undo else None)
        )
        self.tally["undone" if undo else "approved" if asking else "done"] += 1
        if why is not None:
            self.passed.append(f"{done} passed: {why}")

    @staticmethod
    def _same(one: Done, other: Done) -> bool:
        return (one.run, one.path, one.tool) == (other.run, other.path, other.tool)

    def heard_of_a_denial(self, number: int) -> None:
        """Look into the log as it is on disk: what a participant hears of stands there."""
        path = self.home / "journal.sqlite"
        with closing(sqlite3.connect(path)) as log:
            rows = log.execute("SELECT envelope FROM events WHERE kind = 'denied'").fetchall()
        self.tally["denied"] += 1
        if not any(f"/tool/{number}/denied".encode() in row[0] for row in rows):
            self.passed.append(f"a denial of call {number} was heard of before it was recorded")

    # -- looking -----------------------------------------------------------------------------------

    def quiet(self) -> None:
        """Wait until nothing goes on any more, and look at what has happened."""
        self.do(self._quiet())
        if self._homes > self._alive:
            self.tally["died in a call"] += 1
            self.die()
            self.clock.turn(61)  # whatever was under way is not any more
            self.do(self._quiet())
        if self.passed:
            raise PassedError(self.passed)

    async def _quiet(self) -> None:
        async with asyncio.timeout(20):
            going = True
            while going:
                await self.store.fire_timers(self.clock.now())
                self.host.ring()
                rows = [await self.host.rest(run) for run in self.runs]
                blocked = [row.detail for row in rows if row.status == "blocked"]
                assert not blocked, blocked
                going = any([(await self.store.run(row.id)).going for row in rows])
        for row in await self.store.questions():
            if row.number not in self.tasks and row.kind == "task":
                self._note(row)

    def _note(self, row: QuestionRow) -> None:
        found = asked_for(self.store, row)
        if not found.barred:
            return  # nothing that a policy asks for
        about = found.about
        name = "refund" if about["path"].endswith("/undo") else about["tool"]
        undo = name == "refund"
        arguments: dict[str, Any] = {} if undo else about["arguments"]
        act = Act("tool.undo" if undo else "tool.call", name, arguments=arguments)
        starter = self.starters[row.run]
        editors = self.law.editors(row.run, about["path"], name)
        starting = (starter, self.law.roles(starter))
        asking = self.law.asking(act, ("service:desk", frozenset()), starting, *editors)
        texts = frozenset(rule.text() for rule in asking)
        self.tasks[row.number] = Task(
            row, row.run, about["path"], name, arguments, row.role, found.barred, texts
        )
        self.tally["asked"] += 1

    def run_at(self, number: int) -> RunRow | None:
        """Give one of the runs that there are."""
        return self.do(self.store.run(self.runs[number % len(self.runs)])) if self.runs else None

    def task_at(self, number: int) -> Task | None:
        """Give one of the approvals that were ever asked for: what is open first, and of these the newest."""
        waits = {row.number for row in self.do(self.store.questions())}
        known = sorted(self.tasks, key=lambda one: (one in waits, one), reverse=True)
        return self.tasks[known[number % len(known)]] if known else None

    # -- who does it -------------------------------------------------------------------------------

    def principal(self, who: str) -> Principal | None:
        """Give somebody with the roles of the directory; None while they are suspended."""
        try:
            return Directory(self.store).principal("default", who)
        except RipienoError:
            assert who in self.law.suspended
            return None

    def tried(self, act: Awaitable[T], what: str, otherwise: str | None) -> tuple[T] | None:
        """Give what came of something that somebody tried, None where they were refused.

        Raises `PassedError` where it went through and must not.
        """
        try:
            found = self.do(act)
        except RipienoError as error:
            self.tally[f"{what}: {error.code}"] += 1
            return None
        self.tally[what] += 1
        if otherwise is not None:
            msg = f"{what} passed: {otherwise}"
            raise PassedError(msg)
        return (found,)

    def right(self, who: str, task: Task) -> str | None:
        """Give whose right it is that somebody may give an approval by: their own, lent, or standing in."""
        if who in self.law.suspended:
            return None
        if task.role in self.law.roles(who):
            return who
        lent = self.lent.get(task.row.number, {})
        if who in lent:
            return lent[who]
        return next((person for person in self._stands_in_for(who) if self._had(person, task)), None)

    def _stands_in_for(self, who: str) -> list[str]:
        """Give everybody who has, by their own word, left to somebody what is theirs."""
        found = [person for person, other in self.away if other == who]
        for one in found:
            found += [person for person, other in self.away if other == one and person not in found]
        return found

    def _had(self, person: str, task: Task) -> bool:
        number = task.row.number
        had = self.claimed.get(number, set()) | self.lent.get(number, {}).keys()
        return person in had or task.role in self.law.roles(person)

    def given(
        self, task: Task, who: str, edit: dict[str, Any] | None = None, *, glass: bool = False
    ) -> Given:
        """Give what the law has to know of an approval that somebody is about to give."""
        edited = edit is not None and edit != task.arguments
        right = who if glass else self.right(who, task)
        might = "break-glass" in self.law.roles(who) if glass else right is not None
        return Given(
            task.run,
            task.path,
            task.tool,
            task.arguments if edit is None else edit,
            who,
            task.role,
            might,
            right or who,
            glass,
            edited,
            task.under,
        )

    def begun(self, run: RunRow, by: str) -> None:
        """Keep in mind whose a run is that was begun."""
        self.runs.append(run.id)
        self.starters[run.id] = by
