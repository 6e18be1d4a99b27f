"""There is one path to every act: the package is walked for a second one.

What is looked for is found by what it does, not by how it is named: everything that writes to the store,
calls a tool, asks the gate or reaches out of the process. What does so without a decision stands here by
name, with the reason, and nothing stands here that is not there any more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import pytest

from kernel.support.package_walk import CHECKS, Function, files, functions

STORES = ("store", "host.store", "self.store", "self._store", "execution.store", "self._execution.store")
"""What a store is called by those who have one."""

UNDECIDED: Final[Mapping[tuple[str, str, str], str]] = {
    (
        "anchoring/done_since.py",
        "change",
        "change_memories",
    ): "let when it was forgotten; a restore repeats it",
    ("anchoring/done_since.py", "repeat", "remove_documents"): "let when removed; a restore repeats it",
    ("anchoring/done_since.py", "delete", "delete_tenant"): "let when it was deleted; a restore repeats it",
    ("anchoring/done_since.py", "erase", "erase"): "let when it was erased; a restore repeats it",
    ("anchoring/done_since.py", "repeat", "hold"): "let when it was held; a restore repeats it",
    ("anchoring/done_since.py", "repeat", "unhold"): "let when it was released; a restore repeats it",
    (
        "anchoring/restore.py",
        "written",
        "mark",
    ): "a folder put back, by whoever has the machine and the backup",
    ("anchoring/restore.py", "written", "remark"): "the same",
    ("anchoring/restore.py", "written", "tell"): "the same",
    ("anchoring/serving.py", "keep", "record"): "what the process itself found",
    ("anchoring/serving.py", "record", "record"): "what the process itself found",
    ("cli/db.py", "record", "record"): "what whoever has the machine and its database did to that",
    ("cli/worker.py", "at_rest", "fire_timers"): "time passes",
    ("connectors/memory/memory.py", "_forget", "change_memories"): "a claimed call, let by the gate",
    ("connectors/memory/memory.py", "_remember", "remember"): "a claimed call, let by the gate",
    ("connectors/memory/memory.py", "_restore", "change_memories"): "a claimed undo, let by the gate",
    ("connectors/memory/memory.py", "_take_back", "change_memories"): "a claimed undo, let by the gate",
    ("identity/administration.py", "change", "change_principal"): "called by what was let change it",
    ("identity/reading.py", "read_runs", "record"): "a list of runs is recorded; what one holds is decided",
    ("identity/sign_in.py", "known", "change_principal"): "the groups that a provider names of who signs in",
    ("identity/sign_in.py", "noted", "note_login"): "that somebody came",
    ("identity/sign_in.py", "refused", "record"): "that somebody was turned away",
    ("kernel/allowed.py", "decided", "record"): "the denial itself",
    ("kernel/allowed.py", "refusing", "record"): "the refusal itself",
    ("kernel/approving.py", "bear", "create"): "asks for the approval that the gate wants; does nothing else",
    ("kernel/approving.py", "enter", "register"): "what such runs are of",
    ("kernel/approving.py", "used", "send"): "uses up an approval, right before what it approves",
    ("kernel/approving.py", "withdraw", "send"): "ends what asks for an approval that is void",
    ("kernel/awaited_runs.py", "_cancel", "send"): "a run cancels the child run that it began",
    ("kernel/births.py", "bear", "create"): "a child run, let start by the gate in its parent",
    ("kernel/births.py", "bear_undo", "create"): "a run that takes back: let by the command, or owed",
    ("kernel/conclusion.py", "conclude", "acquire"): "a run without code ends as it was told to",
    ("kernel/conclusion.py", "conclude", "release"): "ownership",
    ("kernel/conclusion.py", "end", "append"): "a run without code ends as it was told to",
    ("kernel/conclusion.py", "end", "fold"): "a run without code ends as it was told to",
    ("kernel/execution.py", "_settle", "park"): "ownership",
    ("kernel/execution.py", "append", "append"): "the run's own chain, behind every act of it",
    ("kernel/execution.py", "fold", "fold"): "what was let come in",
    ("kernel/host.py", "_look", "fire_timers"): "time passes",
    ("kernel/host.py", "_run", "release"): "ownership",
    ("kernel/host.py", "_take", "acquire"): "ownership",
    ("kernel/host.py", "_take", "release"): "ownership",
    ("kernel/host.py", "enter", "register"): "by the leave of whoever starts or registers it",
    ("kernel/messages.py", "send", "send"): "puts into an inbox what those who call it were let give",
    ("kernel/operators.py", "set_aside", "fold"): "called by what was let pause it",
    ("kernel/operators.py", "set_aside", "park"): "called by what was let pause it",
    ("kernel/operators.py", "set_aside", "release"): "called by what was let pause it",
    ("kernel/undo_turns.py", "end_first", "send"): "a run that is rolled back is cancelled before",
    ("resilience/systems.py", "told", "record"): "what the process itself found",
    ("retention/remembered.py", "forget_over", "change_memories"): "time passes",
    ("retention/encrypting.py", "begun", "record"): "called by what was let have other keys encrypt",
    ("retention/encrypting.py", "encrypt_all", "encrypt_anew"): "the same",
    ("retention/rotation.py", "begun", "begin_rotation"): "called by what was let rotate the master key",
    ("retention/rotation.py", "rewrap", "rewrap_runs"): "the same",
    ("retention/rotation.py", "rewrap", "rewrap_tenants"): "the same",
    ("retention/sweeping.py", "_erase", "erase"): "by the rule of whoever was let say how long data is kept",
}
"""What writes to the store without asking the gate itself, and why it may."""


@cache
def writers() -> frozenset[str]:
    """Give what the store has to write by: whatever hands something to its writer."""
    return frozenset(
        node.name
        for name, nodes in files()
        if name.startswith(("journal/sql/", "journal/sqlite/"))
        for kind in nodes
        if isinstance(kind, ast.ClassDef)
        for node in kind.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and ("self._writer.perform" in ast.unparse(node) or "self._writer.append" in ast.unparse(node))
    )


def writes(function: Function, known: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Give where a function writes to a store, and by what."""
    for line, name, of in function.calls():
        if name in known and of in STORES:
            yield line, name


def test_whatever_writes_to_the_store_asked_the_gate_before_or_stands_here_by_name() -> None:
    known, undecided, decided = writers(), set[tuple[str, str, str]](), 0
    assert {"send", "record", "create", "stop", "deploy", "change_principal", "set_budget"} <= known
    for function in functions("journal/", "blueprints/"):
        for line, name in writes(function, known):
            if function.asked_before(line):
                decided += 1
            else:
                undecided.add((function.file, function.node.name, name))
    assert undecided == set(UNDECIDED)
    assert decided > 20, "the walk finds what is decided"


def test_nobody_has_the_stores_methods_by_another_name() -> None:
    """Such as `put = store.send`, or a store that is called something else."""
    known = writers() - {"append", "record", "register", "release", "stop", "create", "move", "acquire"}
    found = {
        f"{name}:{node.lineno} {ast.unparse(node)}"
        for name, nodes in files(("journal/", "blueprints/"))
        for node in nodes
        if isinstance(node, ast.Attribute)
        and node.attr in known
        and ast.unparse(node.value) not in STORES
        and not isinstance(node.value, ast.Name | ast.Attribute | ast.Call)
    }
    assert found == set()
    bound = {
        f"{name}:{node.lineno}"
        for name, nodes in files(("journal/", "blueprints/"))
        for node in nodes
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.Return)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr in writers()
        and ast.unparse(node.value.value) in STORES
    }
    assert bound == set()


@pytest.mark.parametrize(
    ("called", "by"),
    [
        ("change", {"identity/administration.py"}),
        ("set_aside", {"kernel/operators.py"}),
        ("send", {"kernel/commands.py", "kernel/emergency.py", "kernel/modes.py", "kernel/operators.py"}),
        ("bear_undo", {"kernel/rollback.py", "kernel/undo_runs.py"}),
        ("end_first", {"kernel/rollback.py", "kernel/undo_turns.py"}),
    ],
)
def test_what_writes_for_others_is_called_by_those_who_asked(called: str, by: set[str]) -> None:
    callers = [
        (function, line)
        for function in functions("journal/", "patterns/", "participants/", "mediation/")
        for line, name, of in function.calls()
        if (name, of) == (called, "") and function.node.name != called and function.file in by
    ]
    assert {function.file for function, _ in callers} == by
    from_within = {"kernel/undo_runs.py", "kernel/undo_turns.py"}
    unasked = [
        function.place
        for function, line in callers
        if function.file not in from_within and not function.asked_before(line)
    ]
    assert unasked == []
    importing = {
        name
        for name, nodes in files()
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith(("ripieno.kernel.messages", "ripieno.kernel.undo_turns"))
        and any(one.name == called for one in node.names)
    }
    assert importing <= by, "and by nobody else"


def test_whoever_may_be_named_as_the_one_who_acts_is_put_to_the_gate() -> None:
    """Each function that takes `by` leads to a check, by itself or through another one that takes it."""
    reads = {
        "_rows",  # of tasks, to whoever began them
        "begun",  # of a rotation, by what was let rotate
        "check_shown",
        "noted",
        "plan_of",
        "read_runs",
        "refusing",
        "rehearsal_of",
        "standing",
        "standings",
    }
    of_a_task = {"claim", "comment", "delegate", "reassign", "reassign_all", "release"}  # all through `_move`
    concerned = [
        function
        for function in functions("journal/", "model/", "mediation/")
        if isinstance(function.node, ast.AsyncFunctionDef) and takes_a_principal(function.node)
    ]
    good = set(CHECKS)
    while True:
        found = {one.node.name for one in concerned if any(name in good for _, name, _ in one.calls())}
        if found <= good:
            break
        good |= found
    left = {one.node.name for one in concerned if one.node.name not in good}
    of_an_approval = {"used", "withdraw"}  # before the gate's word counts, or where it does not any more
    assert left - reads - of_a_task - of_an_approval - {"change", "send"} == set()
    [move] = [one for one in functions() if one.place.endswith(" _move") and one.file == "kernel/tasks.py"]
    assert move.asked_before(next(line for line, name, _ in move.calls() if name == "move"))


def takes_a_principal(node: ast.AsyncFunctionDef) -> bool:
    arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return any(
        one.arg in {"by", "principal"}
        and one.annotation is not None
        and "Principal" in ast.unparse(one.annotation)
        for one in arguments
    )


# -- within a run -----------------------------------------------------------------------------------------


def test_tools_are_called_in_one_place_and_claimed_in_two_that_both_hold_a_permit() -> None:
    """Whatever is called `call` or `verify` on anything stands here; `Call` is made where a claim is."""
    found = {
        (function.file, name, of)
        for function in functions("blueprints/", "proof/", "mediation/policy/")
        for _, name, of in function.calls()
        if name in {"call", "verify"}
        and not of.startswith("EventProof")
        and of not in {"", "context", "self.context", "super()"}
    }
    assert found == {
        ("connectors/tool.py", "call", "handler"),
        ("connectors/tool.py", "call", "self.handler"),
        ("connectors/tool.py", "call", "self"),  # by itself, in tests and scripts: within a run it refuses
        ("kernel/effects.py", "call", "claim"),
        ("kernel/guarding.py", "call", "guard"),  # which is
        ("resilience/outgoing.py", "call", "self._tool"),
        ("kernel/guarding.py", "call", "tool"),
        ("kernel/beginning.py", "call", "root"),
        ("kernel/proposals.py", "call", "self"),
        ("kernel/tracing.py", "call", "proposals"),
        ("kernel/uncertain.py", "call", "claim"),
        ("kernel/uncertain.py", "verify", "self._tool"),
    } | {one for one in found if one[2].endswith("context") and one[1] == "call"}
    made = {
        function.file
        for function in functions("mediation/provenance/")  # has calls of its own: those in the log
        for _, name, _ in function.calls()
        if name == "Call"
    }
    assert made == {"kernel/claims.py", "connectors/tool.py"}, "the second by itself, as above"
    sending = {
        name
        for name, nodes in files()
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        and node.module == "ripieno.kernel.guarding"
        and "send" in {one.name for one in node.names}
    }
    assert sending == {"kernel/effects.py"}
    claiming = {
        function.file: function
        for function in functions("evidence/")
        if ("Effect", "") in {(name, of) for _, name, of in function.calls()}
    }
    assert claiming.keys() == {"kernel/acts.py", "kernel/undo.py"}
    for file, function in claiming.items():
        assert "permit" in {name for _, name, _ in function.calls()}, file


def test_no_visit_begins_and_no_run_is_made_but_by_a_decision() -> None:
    """A participant acts in one place; runs are made by four functions that were let, and one that asks."""
    acting = {
        function.file
        for function in functions()
        for _, name, of in function.calls()
        if (name, of) == ("act", "participant")
    }
    assert "kernel/scope.py" in acting
    creating = {
        (function.file, function.node.name)
        for function in functions("blueprints/")
        for _, name, of in function.calls()
        if name == "create" and of.rpartition(".")[2] == "store"
    }
    assert creating == {
        ("kernel/approving.py", "bear"),
        ("kernel/births.py", "bear"),
        ("kernel/births.py", "bear_undo"),
        ("kernel/forks.py", "begin"),
        ("kernel/host.py", "_start"),
    }


def test_the_gate_is_asked_in_two_places_both_of_which_record_what_it_says() -> None:
    asking = {
        (function.file, function.node.name)
        for function in functions("mediation/")
        for _, name, of in function.calls()
        if name == "decide" and of.endswith("gate")
    }
    assert asking == {("kernel/approving.py", "put"), ("kernel/proposals.py", "_put")}


# -- reads ------------------------------------------------------------------------------------------------

OPENED: Final[Mapping[str, str]] = {
    "api/a2a/tasks.py": "for whoever began the run, and the tasks of it that they may answer",
    "cli/demo/injection.py": "what was proposed in the run that the demonstration has begun itself",
    "cli/models.py": "what became of the run that it has begun itself, to ask a model",
    "cli/audit_log.py": "reasons in the tenant's log, for who may read that",
    "cli/policy_whatif.py": "arguments, for policies to read; none is shown",
    "cli/run.py": "whether the input given is the one that was recorded",
    "cli/runs/show.py": "after `read_run`",
    "cli/runs/why.py": "after `read_run`",
    "connectors/memory/stored.py": "what is recalled, by a call that the gate let; else after `read_runs`",
    "evidence/outcomes.py": "for those below",
    "evidence/run_report.py": "for those below",
    "evidence/telling.py": "for those below",
}
"""What opens values of the log outside of the kernel, and for whom."""

TELLING: Final = frozenset({"outcome_of", "report_run", "tell", "take_in"})
"""What gives values of a run to those who ask for its story."""


def test_values_of_a_run_are_opened_for_those_who_were_let_read_them() -> None:
    opening = {
        function.file
        for function in functions("journal/", "kernel/", "blueprints/", "proof/")
        for _, name, of in function.calls()
        if name in {"payload", "sealed"} and of in STORES
    }
    opening |= {
        name
        for name, nodes in files(("journal/", "kernel/", "blueprints/", "proof/"))
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        and node.module == "ripieno.kernel.erased"
        and "value_of" in {one.name for one in node.names}
    }
    assert opening == set(OPENED)
    reading = {
        name
        for name, nodes in files(("evidence/",))
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("ripieno.evidence.")
        and TELLING & {one.name for one in node.names}
    }
    assert "cli/runs/show.py" in reading
    for file in reading:
        asked = {name for one in functions() if one.file == file for _, name, _ in one.calls()}
        assert asked & {"read_run", "read_runs", "check_shown"}, f"{file} tells the story of a run"
