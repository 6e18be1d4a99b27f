"""No sequence of operations lets anybody do what policy forbids.

Policies, roles, approvals, edits, delegations, restarts and commands in any order, over the real store,
gate and host. What may happen is told by a model of its own (`support/law.py`); what did happen is what the
tools were really told to do, and the log has to be sound after each sequence. That the search can fail is
shown by `test_seeded_defects.py`.
"""

from __future__ import annotations

from tests.mediation.support.machine import Approvals, Sequences, searched

DONE = {"start", "asked", "approve", "approved", "done", "denied", "found sound"}
"""What has to happen in a search for it to say anything."""


def test_no_sequence_of_operations_lets_anybody_do_what_policy_forbids() -> None:
    tally = searched(Sequences, examples=12, steps=40)
    assert tally.keys() >= DONE | {"fork", "roll back", "read", "stop", "come by a key"}, sorted(tally)


def test_no_sequence_of_approvals_edits_and_delegations_lets_pass_what_policy_forbids() -> None:
    tally = searched(Approvals, examples=9, steps=40)
    assert tally.keys() >= DONE | {"died in a call"}, sorted(tally)
