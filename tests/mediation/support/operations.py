"""Which operations are tried, how often, and from what their arguments are drawn."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.mediation.support.law import CATALOGUE, PERMITS
from tests.mediation.support.policed import PEOPLE, WORKFLOW

__all__ = ["ASKING", "ASK_TWO", "BOTH", "CHOICES", "OPERATIONS", "calls"]

WHO = sorted(PEOPLE)
PERSONS = [who for who in WHO if who.startswith("person:")]
OPERATORS = ["person:op", "person:op", "person:fay", "person:ada"]
"""Who commands what runs, more often than not those who may."""
BOTH = [True, False]
AMOUNTS = [1, 4, 9]
ONE = [0, 0, 0, 1, 1, 2, 3, 4, 5]
ASKING = CATALOGUE[5:9]
ASK_TWO = next(rule for rule in CATALOGUE if rule.count > 1)


def calls(random: Random) -> list[Any]:
    """Make up what a run is to do."""
    return [
        (random.choice(["pay", "pay", "send"]), random.choice(["x", "y"]), random.choice(AMOUNTS))
        for _ in range(random.choice([1, 2]))
    ]


CHOICES: dict[str, list[Any]] = {
    "who": WHO,
    "person": PERSONS,
    "starter": ["person:ada", "person:ada", "person:carl", "person:eve", "service:billing"],
    "operator": OPERATORS,
    "medic": ["person:medic", "person:medic", "person:op", "person:ada"],
    "other": PERSONS,
    "to": [*PERSONS, "role:clerk"],
    "role": ["clerk", "treasurer", "boss", "operator", "break-glass"],
    "group": ["finance", "board"],
    "number": ONE,
    "which": ONE,
    "amount": AMOUNTS,
    "much": [8, 9, 9],
    "alone": [True, False, False],
    "permit": [*PERMITS],
    "part": ["permit", "permit", "own", "everywhere"],
    "held": ["role", "group", "meaning"],
    "key": ["make", "use", "use", "revoke"],
    "expires": [None, 30, 5000],
    "acts": [None, "run.start", "data.read"],
    "said": ["yes", "yes", "no", "edit"],
    "way": ["claim", "take over", "delegate", "delegate", "release"],
    "verb": ["cancel", "pause", "resume", "resume", "skip", "limit"],
    "again": ["retry", "fork", "roll back", "roll back"],
    "stopped": [("workflow", WORKFLOW), ("tool", "pay"), ("tenant", "default")],
    "how": ["restart", "die", "die in a call", "die in a call"],
    "seconds": [1, 61, 3601, 7201],
}
"""What each argument of an operation is drawn from; those that are not named here are true or false."""


OPERATIONS: dict[str, tuple[int, dict[str, str]]] = {
    "add_a_policy": (5, {"which": "rule"}),
    "take_out_a_permit_or_break_a_file": (2, {"which": "permit"}),
    "say_who_holds_what": (2, {"what": "held"}),
    "suspend_or_grant_oneself": (1, {}),
    "start": (3, {}),
    "an_agent_starts_for_somebody": (1, {}),
    "make_use_or_revoke_a_key": (2, {"what": "key"}),
    "somebody_approves_who_may": (8, {}),
    "anybody_approves": (5, {"who": "person"}),
    "somebody_edits_what_another_has_approved": (3, {"amount": "much"}),
    "who_may_not_approves": (3, {"who": "person"}),
    "break_the_glass": (1, {"who": "medic"}),
    "move_a_task": (3, {"who": "person", "to": "other"}),
    "reassign_a_task": (2, {"who": "person"}),
    "be_away": (1, {"who": "person"}),
    "command": (2, {"who": "operator"}),
    "begin_again_or_undo": (2, {"who": "operator", "verb": "again"}),
    "stop_or_release": (1, {"who": "operator", "what": "stopped"}),
    "retire_or_reinstate": (1, {"who": "operator"}),
    "read": (1, {}),
    "machine_fails": (1, {}),
    "time_passes": (1, {}),
}
"""How often each is tried beside the others, and from what its arguments are drawn, if not by their names."""
