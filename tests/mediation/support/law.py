"""What policies and people say at a moment, told without Cedar, gate or directory: small, and plainly right.

A test changes it in step with the real policy files, roles and approvals, and asks it about everything
that really happened.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CATALOGUE", "PERMITS", "Act", "Given", "Key", "Law", "Rule"]


@dataclass(frozen=True, repr=False)
class Rule:
    """One policy that may be in force: a permit of a kind of act, or a forbid with its conditions."""

    name: str
    act: str
    effect: Literal["permit", "forbid"] = "forbid"
    tool: str | None = None
    above: int | None = None
    """Applies to amounts above this."""
    verb: str | None = None
    other_than: str | None = None
    """Applies to every verb but this."""
    person: str | None = None
    """Applies to this person alone."""
    but: str | None = None
    """Applies to people who do not hold this role."""
    role: str | None = None
    """A permit: for whoever holds it."""
    ask: str | None = None
    """Whose approval lifts it: a role."""
    count: int = 1
    due: str = ""
    said: str = ""
    """Changes its text, and nothing else."""

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def text(self) -> str:
        """Write it in Cedar."""
        upon = {"run.start": "Workflow", "task.answer": "Task", "run.command": "Run", "data.read": "Run"}
        kind = "Participant" if self.act == "participant.work" else upon.get(self.act, "Tool")
        resource = f'== Tool::"{self.tool}"' if self.tool else f"is {kind}"
        who = (
            f' == Person::"{self.person}"' if self.person else f' in Role::"{self.role}"' if self.role else ""
        )
        when = [
            f"context has arguments.amount && context.arguments.amount > {self.above}"
            if self.above is not None
            else "",
            f'context.verb == "{self.verb}"' if self.verb else "",
            f'context.verb != "{self.other_than}"' if self.other_than else "",
            f'principal is Person && !(principal in Role::"{self.but}")' if self.but else "",
        ]
        conditions = " && ".join(part for part in when if part)
        head = f'{self.effect} (principal{who}, action == Action::"{self.act}", resource {resource})'
        count = f"{self.count} of " if self.count > 1 else ""
        lines = [f'@id("{self.name}")']
        lines += [f'@reason("{self.said}")'] if self.said else []
        lines += [f'@approval("{count}role:{self.ask}{self.due}")'] if self.ask else []
        return "\n".join([*lines, head + (f" when {{ {conditions} }};" if conditions else ";")])

    def holds(self, act: Act, who: str, roles: frozenset[str]) -> bool:
        """Tell whether it applies to an act of one who acts."""
        amount = (act.arguments or {}).get("amount")
        person = who.startswith("person:")
        return (
            self.act == act.kind
            and self.tool in {None, act.tool}
            and self.verb in {None, act.verb}
            and (self.other_than is None or self.other_than != act.verb)
            and (self.above is None or (amount is not None and amount > self.above))
            and (self.person is None or who == f"person:{self.person}")
            and (self.role is None or self.role in roles)
            and (self.but is None or (person and self.but not in roles))
        )


PERMITS = (
    Rule("start", "run.start", "permit"),
    Rule("work", "participant.work", "permit"),
    Rule("call", "tool.call", "permit"),
    Rule("undo", "tool.undo", "permit"),
    Rule("command", "run.command", "permit", role="operator"),
    Rule("answer", "task.answer", "permit", other_than="break-glass"),
    Rule("break-glass", "task.answer", "permit", verb="break-glass", role="break-glass"),
    Rule("read", "data.read", "permit"),
)
"""What the pack of the workflow permits; each may be taken out."""

CATALOGUE = (
    Rule("nobody-pays", "tool.call", tool="pay"),
    Rule("little-is-paid", "tool.call", tool="pay", above=5),
    Rule("clerks-pay", "tool.call", tool="pay", but="clerk"),
    Rule("clerks-start", "run.start", but="clerk"),
    Rule("carl-starts-nothing", "run.start", person="carl"),
    Rule("ask-to-pay", "tool.call", tool="pay", ask="treasurer"),
    Rule("ask-to-pay", "tool.call", tool="pay", ask="treasurer", said="as the auditors want it"),
    Rule("ask-two-to-pay-much", "tool.call", tool="pay", above=5, ask="treasurer", count=2),
    Rule("ask-the-boss", "tool.call", ask="boss", due=", due 1h"),
    Rule("ask-to-undo", "tool.undo", ask="boss"),
    Rule("nothing-is-undone", "tool.undo"),
    Rule("bob-answers-nothing", "task.answer", person="bob"),
    Rule("no-glass-is-broken", "task.answer", verb="break-glass"),
    Rule("nothing-is-cancelled", "run.command", verb="cancel"),
    Rule("nothing-is-retried", "run.command", verb="retry"),
    Rule("nothing-is-resumed", "run.command", verb="resume"),
    Rule("desk-is-idle", "participant.work"),
    Rule("clerks-read", "data.read", but="clerk"),
)


@dataclass(frozen=True)
class Act:
    """One act, as far as any rule reads it."""

    kind: str
    tool: str | None = None
    verb: str | None = None
    arguments: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Given:
    """One answer to an approval that policies asked for."""

    run: str
    path: str
    tool: str
    arguments: Mapping[str, Any]
    """What was approved: as it was shown, or as it was edited."""
    by: str
    role: str | None
    """Which role was asked."""
    entitled: bool
    """Whether whoever gave it might: the role as it stood, lent by one who had it, or in an emergency."""
    counts_for: str
    """Whose right it was: who gave it, or who lent it to them."""
    emergency: bool
    edited: bool
    under: frozenset[str]
    """The texts of the policies that asked, when they asked."""


@dataclass
class Key:
    """One API key."""

    text: str
    id: str
    expires_at: int | None = None
    revoked: bool = False


@dataclass
class Law:
    """Everything that decides, as it stands at this moment."""

    permits: set[Rule] = field(default_factory=lambda: set(PERMITS))
    everywhere: dict[str, Rule] = field(default_factory=dict[str, Rule])
    """Forbids over all packs, by name."""
    own: dict[str, Rule] = field(default_factory=dict[str, Rule])
    """Forbids of the workflow's pack."""
    broken: set[Literal["everywhere", "own"]] = field(default_factory=set[Literal["everywhere", "own"]])
    direct: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set[str]))
    groups: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set[str]))
    mapped: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set[str]))
    suspended: set[str] = field(default_factory=set[str])
    given: list[Given] = field(default_factory=list[Given])
    stopped: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    halted: set[str] = field(default_factory=set[str])
    """Runs that were cancelled or paused."""

    def roles(self, who: str) -> frozenset[str]:
        """Give the roles that somebody holds now."""
        if who in self.suspended:
            return frozenset()
        return frozenset(self.direct[who]).union(*(self.mapped[group] for group in self.groups[who]))

    def forbidding(self, act: Act, *acting: tuple[str, frozenset[str]]) -> list[Rule]:
        """Give every forbid that applies to an act by those who act together."""
        rules = [*self.everywhere.values(), *self.own.values()]
        return [rule for rule in rules if any(rule.holds(act, *one) for one in acting)]

    def denies(self, act: Act, *acting: tuple[str, frozenset[str]]) -> str | None:
        """Say why an act must not happen whoever approves it; None where it may."""
        if self.broken:
            return f"the policies {sorted(self.broken)} are broken"
        for who, roles in acting:
            if not any(rule.holds(act, who, roles) for rule in self.permits):
                return f"nothing permits {act.kind} to {who}"
        return next((rule.name for rule in self.forbidding(act, *acting) if rule.ask is None), None)

    def asking(self, act: Act, *acting: tuple[str, frozenset[str]]) -> list[Rule]:
        """Give the policies that ask for an approval of an act."""
        return [rule for rule in self.forbidding(act, *acting) if rule.ask is not None]

    def editors(self, run: str, path: str, tool: str) -> tuple[tuple[str, frozenset[str]], ...]:
        """Give who has put other arguments in place in one act, with what they hold: they propose it too."""
        who = dict.fromkeys(
            one.by for one in self.given if one.edited and (one.run, one.path, one.tool) == (run, path, tool)
        )
        return tuple((one, self.roles(one)) for one in who)

    def lacks(self, asking: Iterable[Rule], run: str, path: str, act: Act, starter: str) -> str | None:
        """Say which approval an act lacks that these ask for; None where it has all of them."""
        asking = list(asking)
        of_it = [one for one in self.given if (one.run, one.path, one.tool) == (run, path, act.tool)]
        barred = {starter, *(one.by for one in of_it if one.edited)}
        texts = frozenset(rule.text() for rule in asking)
        counted = [
            one
            for one in of_it
            if one.arguments == act.arguments and one.entitled and one.under == texts and one.by not in barred
        ]
        if any(one.emergency for one in counted):
            return None
        for rule in asking:
            if len({one.counts_for for one in counted if one.role == rule.ask}) < rule.count:
                return f"{rule.name} lacks an approval; there are {of_it}"
        return None
