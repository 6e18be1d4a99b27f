"""Sequences of operations over a policed house, as hypothesis makes them up."""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, ClassVar, cast

from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from tests.mediation.support.law import CATALOGUE, PERMITS, Act, Given, Key, Rule
from tests.mediation.support.operations import ASK_TWO, ASKING, BOTH, CHOICES, OPERATIONS, calls
from tests.mediation.support.policed import OWNER, PEOPLE, WORKFLOW, House, as_it_is

from ripieno.identity import administration
from ripieno.identity.api_keys import create_key, revoke_key
from ripieno.identity.credential import Credential
from ripieno.identity.delegation import effective
from ripieno.identity.reading import read_run
from ripieno.identity.sign_in import sign_in
from ripieno.journal.identity import KeyScope
from ripieno.journal.records import RunRow
from ripieno.kernel import tasks
from ripieno.kernel.absences import set_absence
from ripieno.kernel.commands import answer, cancel
from ripieno.kernel.emergency import break_glass
from ripieno.kernel.forks import fork
from ripieno.kernel.inventory import find_agent, reinstate, retire
from ripieno.kernel.operators import answer_instead, limit, pause, resume, skip
from ripieno.kernel.retries import retry
from ripieno.kernel.rollback import roll_back
from ripieno.kernel.stopping import release, stop
from ripieno.model.principal import Principal

__all__ = ["Approvals", "Sequences", "searched"]


class Sequences(RuleBasedStateMachine):
    """Everything that anybody may try, in any order."""

    tally: ClassVar[Counter[str]] = Counter()
    gate = staticmethod(as_it_is)
    policies: ClassVar[list[Rule]] = [*CATALOGUE, *ASKING, *ASKING]
    left_out: frozenset[str] = frozenset()
    """Operations that are not tried."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.house = House(self.folder, self.gate)
        self.keys: list[Key] = []
        self.ended: set[tuple[str, str]] = set()

    def teardown(self) -> None:
        try:
            self.house.close()
        finally:
            type(self).tally += self.house.tally
            shutil.rmtree(self.folder)

    @rule(
        what=st.sampled_from([name for name, (often, _) in OPERATIONS.items() for _ in range(often)]),
        seed=st.integers(0, 2**32 - 1),
    )
    def somebody_tries(self, what: str, seed: int) -> None:
        """Let somebody try something, with arguments that follow from the seed."""
        if what in self.left_out:
            return
        operation, random = getattr(self, what), Random(seed)  # noqa: S311 - for a test
        drawn: dict[str, Any] = {}
        for name in inspect.signature(operation).parameters:
            of = OPERATIONS[what][1].get(name, name)
            choices = self.policies if of == "rule" else CHOICES.get(of, BOTH)
            drawn[name] = calls(random) if name == "calls" else random.choice(choices)
        note(f"{what}({', '.join(f'{name}={value!r}' for name, value in drawn.items())})")
        operation(**drawn)

    # -- policies ----------------------------------------------------------------------------------

    @initialize(which=st.sampled_from(ASKING))
    def begin_with_a_policy_and_a_run(self, which: Rule) -> None:
        self.house.law.everywhere = {which.name: which}
        self.house.change_policies()
        ada = self.house.principal("person:ada")
        assert ada is not None, "she may start runs"
        self._start(ada, [("pay", "x", 1), ("pay", "y", 9)], "start")

    def add_a_policy(self, which: Rule, own: bool, alone: bool) -> None:  # noqa: FBT001 - drawn by its name
        law = self.house.law
        if alone:
            law.broken, law.permits, law.own, law.everywhere = set(), set(PERMITS), {}, {}
        (law.own if own else law.everywhere)[which.name] = which
        self.house.change_policies()

    def take_out_a_permit_or_break_a_file(self, which: Rule, part: Any) -> None:
        law = self.house.law
        if part == "permit":
            law.permits = law.permits ^ {which}
        else:
            law.broken ^= {part}
        self.house.change_policies()

    # -- who there is --------------------------------------------------------------------------------

    def say_who_holds_what(self, who: str, role: str, group: str, what: str, gives: bool) -> None:  # noqa: FBT001 - drawn by its name
        store, law = self.house.store, self.house.law
        held: set[str] = {"role": law.direct[who], "group": law.groups[who], "meaning": law.mapped[group]}[
            what
        ]
        name = group if what == "group" else role
        if gives == (name in held):
            return
        act = {
            ("role", True): lambda: administration.grant(store, who, [role], by=OWNER),
            ("role", False): lambda: administration.revoke(store, who, [role], by=OWNER),
            ("group", True): lambda: administration.join(store, who, [group], by=OWNER),
            ("group", False): lambda: administration.leave(store, who, [group], by=OWNER),
            ("meaning", True): lambda: administration.map_group(store, group, role, by=OWNER),
            ("meaning", False): lambda: administration.unmap_group(store, group, role, by=OWNER),
        }[what, gives]
        if self._administered(act()):
            held ^= {name}

    def _administered(self, act: Awaitable[object]) -> bool:
        """Let the owner change who there is, where the policies over all packs can be used."""
        broken = "everywhere" in self.house.law.broken
        return self.house.tried(act, "administer", "the policies are broken" if broken else None) is not None

    def suspend_or_grant_oneself(self, who: str, role: str, own: bool) -> None:  # noqa: FBT001 - drawn by its name
        store, law = self.house.store, self.house.law
        by = self.house.principal(who)
        if own and by is not None:
            act = administration.grant(store, who, [role], by=by)
            self.house.tried(act, "grant oneself", "nobody here is an administrator")
        elif by is None:
            if self._administered(administration.resume(store, who, by=OWNER)):
                law.suspended -= {who}
        elif self._administered(administration.suspend(store, who, by=OWNER, reason="an audit")):
            law.suspended |= {who}

    # -- runs ----------------------------------------------------------------------------------------

    def start(self, starter: str, calls: list[Any]) -> None:
        if by := self.house.principal(starter):
            self._start(by, calls, "start")

    def an_agent_starts_for_somebody(self, person: str, calls: list[Any]) -> None:
        agent, other = self.house.principal("agent:helper"), self.house.principal(person)
        if agent and other:
            self._start(effective(agent, other), calls, "start for another")

    def _start(self, by: Principal, calls: list[Any], what: str) -> None:
        house, act = self.house, Act("run.start")
        acting = (by.id, by.roles)
        asks = [one.name for one in house.law.asking(act, acting)]
        otherwise = house.law.denies(act, acting) or (f"{asks} ask" if asks else None)
        if not by.scope.covers("run.start"):
            otherwise = "the key is not good for it"
        if created := house.tried(house.host.start(house.workflow, calls, principal=by), what, otherwise):
            house.begun(created[0].row, by.id)
        house.quiet()

    def make_use_or_revoke_a_key(
        self, number: int, what: str, expires: int | None, acts: str | None, calls: list[Any]
    ) -> None:
        house, suspended = self.house, "service:billing" in self.house.law.suspended
        if not suspended and (what == "make" or not self.keys):
            at = None if expires is None else house.clock.now() + expires * 1_000_000
            scope = KeyScope(acts=None if acts is None else (acts,))
            making = create_key(
                house.store, house.clock, "service:billing", by=OWNER, scope=scope, expires_at=at
            )
            if made := house.tried(making, "make a key", None):
                self.keys.append(Key(made[0].text, made[0].row.id, at))
        if not self.keys:
            return
        key = self.keys[number % len(self.keys)]
        if what == "revoke":
            revoking = revoke_key(house.store, key.id, by=OWNER)
            key.revoked |= house.tried(revoking, "revoke a key", None) is not None
        expired = key.expires_at is not None and house.clock.now() >= key.expires_at
        otherwise = "the key is good for nothing" if key.revoked or expired or suspended else None
        come = sign_in(house.store, house.clock, OWNER, Credential("key", key.text))
        if came := house.tried(come, "come by a key", otherwise):
            self._start(came[0], calls, "start by a key")

    # -- approvals -----------------------------------------------------------------------------------

    def somebody_approves_who_may(self, number: int, edits: bool, amount: int, which: int) -> None:  # noqa: FBT001 - drawn by its name
        task = self.house.task_at(number)
        if task is None:
            return
        who = [one for one in PEOPLE if self.house.right(one, task)]
        if who:
            self._answer(who[which % len(who)], number, "edit" if edits else "yes", amount, instead=False)

    def anybody_approves(self, who: str, number: int, said: str, amount: int, instead: bool) -> None:  # noqa: FBT001 - drawn by its name
        self._answer(who, number, said, amount, instead=instead)

    def somebody_edits_what_another_has_approved(self, starter: str, amount: int, which: int) -> None:
        """Ask for two, and let the second of them approve something else: then both are asked anew."""
        law, by = self.house.law, self.house.principal(starter)
        law.broken, law.permits, law.own = set(), set(PERMITS), {}
        law.everywhere = {ASK_TWO.name: ASK_TWO}
        self.house.change_policies()
        if by is None:
            return
        before = len(self.house.runs)
        self._start(by, [("pay", "x", 7)], "start")
        for said in ("yes", "edit", "yes", "yes") if len(self.house.runs) > before else ():
            task = self.house.task_at(0)
            if task is None or task.run != self.house.runs[-1]:
                return
            who = [one for one in PEOPLE if one not in task.barred and self.house.right(one, task)]
            if who:
                self._answer(who[which % len(who)], 0, said, amount, instead=False)

    def who_may_not_approves(self, who: str, number: int) -> None:
        """Let somebody approve who holds no role for it, and for whom nobody has lent one."""
        task = self.house.task_at(number)
        if task is not None and self.house.right(who, task) is None:
            self._answer(who, number, "yes", 1, instead=False)

    def _answer(self, who: str, number: int, said: str, amount: int, *, instead: bool) -> None:
        house, by, task = self.house, self.house.principal(who), self.house.task_at(number)
        if by is None or task is None:
            return
        edit = {**task.arguments, "amount": amount} if said == "edit" and task.arguments else None
        value: dict[str, Any] = {"proceed": said != "no"} | ({} if edit is None else {"arguments": edit})
        act = Act("run.command", verb="answer") if instead else Act("task.answer", verb="answer")
        otherwise = house.law.denies(act, (who, by.roles))
        if otherwise is None and house.right(who, task) is None:
            otherwise = f"{who} may not approve as {task.role}"
        if otherwise is None and who == house.starters[task.run]:
            otherwise = f"{who} approves what is for them"
        if instead:
            answering = answer_instead(
                house.store, house.clock, task.row, by=by, value=value, reason="they are slow"
            )
        else:
            answering = answer(house.store, house.clock, task.row, by=by, value=value)
        given = house.given(task, who, edit)
        if house.tried(answering, "approve in another's stead" if instead else "approve", otherwise):
            self._heard(given, said)
        house.quiet()

    def _heard(self, given: Given, said: str) -> None:
        if said != "no":
            self.house.law.given.append(given)

    def break_the_glass(self, who: str, number: int) -> None:
        house, by, task = self.house, self.house.principal(who), self.house.task_at(number)
        if by is None or task is None:
            return
        otherwise = house.law.denies(Act("task.answer", verb="break-glass"), (who, by.roles))
        if otherwise is None and who == house.starters[task.run]:
            otherwise = "nobody passes what is for them"
        act = break_glass(house.store, house.clock, task.row, by=by, reason="a fire")
        given = house.given(task, who, glass=True)
        if house.tried(act, "break glass", otherwise):
            house.law.given.append(given)
        house.quiet()

    def move_a_task(self, who: str, to: str, number: int, way: str) -> None:
        house, by, task = self.house, self.house.principal(who), self.house.task_at(number)
        if by is None or task is None:
            return
        store, clock, row = house.store, house.clock, task.row
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "claim": lambda: tasks.claim(store, clock, row, by=by),
            "take over": lambda: tasks.claim(store, clock, row, by=by, take_over=True),
            "delegate": lambda: tasks.delegate(store, clock, row, by=by, to=to),
            "release": lambda: tasks.release(store, clock, row, by=by),
        }
        right = None if who in task.barred else house.right(who, task)
        if house.tried(ways[way](), way, house.law.denies(Act("task.answer", verb="move"), (who, by.roles))):
            if right is not None and way == "delegate":
                house.lent.setdefault(task.row.number, {})[to] = right
            elif right is not None and way != "release":
                house.claimed.setdefault(task.row.number, set()).add(who)

    def reassign_a_task(self, who: str, to: str, number: int) -> None:
        house, by, task = self.house, self.house.principal(who), self.house.task_at(number)
        if by is None or task is None:
            return
        act = tasks.reassign(house.store, house.clock, task.row, by=by, to=to, reason="they are better at it")
        house.tried(act, "reassign", house.law.denies(Act("task.answer", verb="move"), (who, by.roles)))

    def be_away(self, who: str, person: str, other: str) -> None:
        house, by = self.house, self.house.principal(who)
        if by is None:
            return
        now = house.clock.now()
        act = set_absence(
            house.store,
            house.clock,
            by=by,
            person=person,
            substitute=other,
            from_at=now,
            until_at=now + 7_200_000_000,
        )
        otherwise = None if person == who or by.holds("operator") else "it is another's absence"
        if house.tried(act, "be away", otherwise) and person == who:
            house.away.append((person, other))

    # -- commands ------------------------------------------------------------------------------------

    def command(self, who: str, number: int, verb: str) -> None:
        house, by, run = self.house, self.house.principal(who), self.house.run_at(number)
        if by is None or run is None:
            return
        store, clock = house.store, house.clock
        verbs: dict[str, Callable[[], Awaitable[object]]] = {
            "cancel": lambda: cancel(store, clock, run, by=by),
            "pause": lambda: pause(store, clock, run, by=by),
            "resume": lambda: resume(store, clock, run, by=by),
            "skip": lambda: skip(store, clock, run, "desk", by=by, reason="it is done by hand"),
            "limit": lambda: limit(store, clock, run, {"tokens": 9}, by=by),
        }
        act = Act("run.command", verb=verb)
        if house.tried(verbs[verb](), verb, house.law.denies(act, (who, by.roles))):
            if verb in {"cancel", "pause"}:
                house.law.halted.add(run.id)
            elif verb == "resume" and (run.id, "cancel") not in self.ended:
                house.law.halted.discard(run.id)
            if verb == "cancel":
                self.ended.add((run.id, "cancel"))
        house.quiet()

    def begin_again_or_undo(self, who: str, number: int, verb: str) -> None:
        house, by, run = self.house, self.house.principal(who), self.house.run_at(number)
        if by is None or run is None:
            return
        store, clock, acting = house.store, house.clock, (who, by.roles)
        verbs: dict[str, Callable[[], Awaitable[RunRow]]] = {
            "retry": lambda: retry(store, clock, run, by=by),
            "fork": lambda: fork(store, clock, run, by=by),
            "roll back": lambda: roll_back(store, clock, run, by=by, reason="it was wrong"),
        }
        otherwise = None
        if verb != "fork":
            otherwise = house.law.denies(Act("run.command", verb=verb), acting)
        if verb != "roll back":
            otherwise = otherwise or house.law.denies(Act("run.start"), acting)
        if row := house.tried(verbs[verb](), verb, otherwise):
            house.begun(row[0], who)
        house.quiet()

    def stop_or_release(self, who: str, what: Any, stands: bool) -> None:  # noqa: FBT001 - drawn by its name
        house, by = self.house, self.house.principal(who)
        if by is None:
            return
        kind, name = what
        act = (
            stop(house.store, kind, name, by=by, reason="a fire")
            if stands
            else release(house.store, kind, name, by=by)
        )
        if house.tried(act, "stop", self._tenant_wide(by)):
            (house.law.stopped.add if stands else house.law.stopped.discard)((kind, name))
        house.quiet()

    def _tenant_wide(self, by: Principal) -> str | None:
        if "everywhere" in self.house.law.broken:
            return "the policies over all packs are broken"
        return None if by.holds("operator") else f"{by.id} is no operator"

    def retire_or_reinstate(self, who: str, acts: bool) -> None:  # noqa: FBT001 - drawn by its name
        house, by = self.house, self.house.principal(who)
        if by is None:
            return
        desk = house.do(find_agent(house.store, "default", f"{WORKFLOW}/desk"))
        act = (reinstate if acts else retire)(house.store, desk, by=by, reason="a newer one is there")
        house.tried(act, "say who may act", self._tenant_wide(by))
        house.quiet()

    def read(self, who: str, number: int) -> None:
        house, by, run = self.house, self.house.principal(who), self.house.run_at(number)
        if by is None or run is None:
            return
        otherwise = house.law.denies(Act("data.read"), (who, by.roles))
        house.tried(read_run(house.store, run, "runs show", by=by), "read", otherwise)

    # -- what befalls a machine ------------------------------------------------------------------------

    def machine_fails(self, how: str) -> None:
        if how == "die in a call":
            self.house.dies_in_a_call = True
            return
        (self.house.die if how == "die" else self.house.restart)()
        self.house.quiet()

    def time_passes(self, seconds: int) -> None:
        self.house.clock.turn(seconds)
        self.house.quiet()


class Approvals(Sequences):
    """The same, but for what soon brings everything to a standstill: more is asked, and more is approved."""

    policies: ClassVar[list[Rule]] = [one for one in CATALOGUE if one.act == "tool.call"]
    left_out = frozenset(
        {
            "take_out_a_permit_or_break_a_file",
            "stop_or_release",
            "retire_or_reinstate",
            "suspend_or_grant_oneself",
            "make_use_or_revoke_a_key",
            "read",
        }
    )


def searched(
    machine: type[Sequences], *, examples: int, steps: int, shrink: bool = False, begin: int | None = None
) -> Counter[str]:
    """Run so many sequences of so many operations; give how often each thing happened in them.

    They are the same each time, and others where it is to `begin` elsewhere. Raises `PassedError` with the
    sequence of operations by which something passed that must not.
    """
    if begin is not None:
        machine = cast("type[Sequences]", seed(begin)(type(machine.__name__, (machine,), {})))
    machine.tally = Counter()
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(machine, settings=how, _min_steps=steps)
    return machine.tally
