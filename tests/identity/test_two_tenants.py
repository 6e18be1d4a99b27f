"""Two tenants in one data folder never see each other's anything: not in a read, not in a refusal."""

from __future__ import annotations

import asyncio
import inspect
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from gates import shipped_gate
from identity.openid import AUDIENCE
from ripieno.cli.catalogue import COMMANDS, Entry
from ripieno.cli.dispatch import dispatch
from ripieno.connectors.documents.adding import add
from ripieno.identity import administration, api_keys, providers
from ripieno.identity.providers import Provider
from ripieno.journal.budgets import month_of
from ripieno.journal.deployments import AgentState
from ripieno.journal.memory import MemoryRow, Space
from ripieno.journal.records import RunFilter
from ripieno.journal.retention import RetentionRow
from ripieno.journal.sqlite import SqliteStore
from ripieno.journal.store import Store
from ripieno.journal.tasks import Absence
from ripieno.kernel.clock import SystemClock
from ripieno.kernel.home import data_folder
from ripieno.kernel.host import Host
from ripieno.kernel.stopping import stop
from ripieno.mediation.policy import load_library, stages
from ripieno.model.ids import short
from ripieno.model.principal import Principal
from ripieno.workflows.load import load_workflow

ACME: Final = Principal("person", "acme-owner", "acme", every_role=True)
BETA: Final = Principal("person", "beta-owner", "beta", every_role=True)
WORD: Final = "acme"
"""Stands in all that the one tenant has; the other one must never be shown it."""

FLOW: Final = """workflow: {0}-flow
owner: {0}-team
data: [phi]
participants: {{{0}-asks: {{human: {{role: {0}-role, title: "{0} asks"}}}}}}
flow: {{sequential: [{0}-asks]}}
"""


@dataclass(frozen=True)
class Sample:
    """A data folder, and what one tenant has in it."""

    home: Path
    run: str
    key: str
    policies: str


async def fill(home: Path) -> Sample:
    """Give both tenants a workflow, a run that waits, and one of everything else."""
    store = SqliteStore(data_folder(home), shipped_gate())
    await store.open()
    samples: dict[str, tuple[str, str, str]] = {}
    try:
        async with Host(store) as host:
            for by in (BETA, ACME):
                samples[by.tenant] = await furnish(host, by, home.parent)
    finally:
        await store.close()
    return Sample(home, *samples["acme"])


async def furnish(host: Host, by: Principal, folder: Path) -> tuple[str, str, str]:
    """Give a tenant one of everything, all of it named after it; give a run's id, a key's, and policies."""
    name, store, clock = by.tenant, host.store, SystemClock()
    file = folder / f"{name}-flow.yaml"
    file.write_text(FLOW.format(name))
    workflow = load_workflow(str(file))
    run = (await host.start(workflow, {"who": name}, principal=by, key=f"{name}-case")).row.id
    await host.rest(run)
    await administration.grant(store, f"{name}-clerk", [f"{name}-role"], by=by, reason=f"{name} hires")
    await administration.map_group(store, f"{name}-group", f"{name}-role", by=by)
    await providers.trust(store, Provider(f"https://{name}.test", (AUDIENCE,)), by=by)
    key = (await api_keys.create_key(store, clock, f"service:{name}-service", by=by)).row.id
    now = clock.now()
    away = Absence(
        f"{name}-away", name, f"person:{name}-a", f"person:{name}-b", now, now + 10**12, by.id, now
    )
    await store.set_absence(away)
    await store.drain(name, f"{name}-other", by.id, f"{name} moves")
    await stop(store, "tool", f"{name}-tool", by=by, reason=f"{name} alarm")
    await store.hold(name, "workflow", f"{name}-flow", by=by.id, reason=f"{name} is sued")
    await store.set_retention(name, RetentionRow(f"{name}-data", 5, None, by.id), f"{name} keeps")
    await store.set_budget(name, f"{name}-team", 5, hard=True, by=by.id, at=now)
    paper = folder / f"{name}-thing.md"
    paper.write_text(f"{name} says\n", "utf-8")
    assert (await add(store, "handbook", [paper], by=by)).added
    remembered = MemoryRow(
        *(name, f"{name}-thing", "", f"{name}-notes", f"{name}-flow/{name}-asks", f"{name}.id", run, name),
        *("1" * 64, "2" * 64, now, now + 10**12, None, by.id),
        call=name,
    )
    await store.remember(remembered, Space(f"{name}-notes", f"{name}-subject"))
    await store.set_agent_state(name, AgentState(f"{name}-flow", f"{name}-asks", "retired", by.id, name))
    await store.declare_compatible(name, workflow.version, f"{name}-newer", by.id)
    policies = folder / f"{name}-policies"
    policies.mkdir()
    (policies / f"{name}.cedar").write_text(f'@id("{name}") permit (principal, action, resource);')
    await stages.register(store, library := load_library(policies), by=by, reason=f"{name} begins")
    return run, key, library.version


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return asyncio.run(fill(tmp_path_factory.mktemp("both") / "home"))


@pytest.fixture
def sample(filled: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sample:
    """Give a copy of the folder, for the commands of the other tenant."""
    shutil.copytree(filled.home, tmp_path / "home", ignore=shutil.ignore_patterns("doorbells", "owners"))
    for variable, value in (("HOME", tmp_path / "home"), ("TENANT", "beta"), ("PRINCIPAL", "beta-owner")):
        monkeypatch.setenv(f"RIPIENO_{variable}", str(value))
    monkeypatch.chdir(tmp_path)
    return Sample(tmp_path / "home", filled.run, filled.key, filled.policies)


# -- what the store gives --------------------------------------------------------------------------------

READS: Final[dict[str, Callable[[SqliteStore], Any]]] = {
    "absences": lambda store: store.absences("beta", after=0),
    "agent_states": lambda store: store.agent_states("beta"),
    "budgets": lambda store: store.budgets("beta", month_of(SystemClock().now())),
    "changes": lambda store: store.changes("beta", "workflow.registered"),
    "compatible": lambda store: store.compatible("beta", "any"),
    "deployments": lambda store: store.deployments("beta"),
    "drained": lambda store: store.drained("beta"),
    "documents": lambda store: store.documents("beta"),
    "of_tenant": lambda store: store.of_tenant("beta", store.documents("beta")[0].about),
    "passage": lambda store: store.passage("beta", "handbook", store.documents("beta")[0].document, 0),
    "postings": lambda store: store.postings("beta", "handbook", ["says", "acme"]),
    "group_roles": lambda store: store.group_roles("beta"),
    "holds": lambda store: store.holds("beta"),
    "keys": lambda store: store.keys("beta"),
    "last_acts": lambda store: store.last_acts("beta", 100),
    "logins": lambda store: store.logins("beta"),
    "memories": lambda store: store.memories("beta", None, 0, 100),
    "memories_over": lambda store: store.memories_over("beta", 2**62, 100),
    "memory": lambda store: store.memory("beta", "beta-thing"),
    "modes": lambda store: store.modes("beta", "any"),
    "policy_sets": lambda store: store.policy_sets("beta"),
    "policy_stages": lambda store: store.policy_stages("beta"),
    "policy_text": lambda store: store.policy_text("beta", store.policy_sets("beta")[0]),
    "principals": lambda store: store.principals("beta"),
    "processes": lambda store: store.processes("beta"),
    "protected": lambda store: store.protected("beta"),
    "providers": lambda store: store.providers("beta"),
    "questions": lambda store: store.questions(tenant="beta", state=None),
    "over": lambda store: store.over("beta", "any", 2**62, 100),
    "retention": lambda store: store.retention("beta"),
    "unerased": lambda store: store.unerased("beta", 100),
    "runs": lambda store: store.runs(RunFilter("beta")),
    "runs_by_version": lambda store: store.runs_by_version("beta", "acme-flow", besides=""),
    "tenant_head": lambda store: store.tenant_head("beta"),
    "versions": lambda store: store.versions("beta"),
}
WRITES: Final = frozenset(
    {
        "change_principal",
        "clear_budget",
        "set_budget",
        "declare_compatible",
        "deploy",
        "distrust_provider",
        "drain",
        "find",
        "let_go",
    }
    | {"map_group", "note_login", "protect", "record", "revoke_key", "set_agent_state", "stop"}
    | {"erase", "hold", "unhold", "reason_of", "set_retention", "clear_retention"}
    | {"pin", "unpin", "delete_tenant", "change_memories", "remove_documents"}
    | {"deploy_policies", "note_policies", "register_policies", "withdraw_policies"}
    | {"tenant_stream", "undrain", "unmap_group", "unprotect"}
)
"""They change one tenant's, or are asked for by a name: what they say of another's is below."""


def test_every_read_of_the_store_for_a_tenant_is_among_these() -> None:
    of_tenants = {
        name
        for name, method in inspect.getmembers(Store, inspect.isfunction)
        if "tenant" in inspect.signature(method).parameters
    }
    assert of_tenants - WRITES <= set(READS)


@pytest.mark.parametrize("read", READS)
async def test_what_the_store_gives_of_a_tenant_holds_nothing_of_another(sample: Sample, read: str) -> None:
    store = SqliteStore(sample.home, shipped_gate())
    await store.open()
    try:
        found = READS[read](store)
        if inspect.isawaitable(found):
            found = await found
    finally:
        await store.close()
    assert WORD not in repr(found)
    assert sample.run not in repr(found)


# -- what commands show ----------------------------------------------------------------------------------

Words = tuple[str, ...]

SHOWN: Final[dict[Words, Words]] = {
    ("runs", "list"): (),
    ("inbox", "list"): ("--all",),
    ("inbox", "away", "list"): (),
    ("workflows", "list"): (),
    ("agents", "list"): (),
    ("breakers",): (),
    ("stops",): (),
    ("holds", "list"): (),
    ("documents", "list"): (),
    ("memory", "list"): (),
    ("retention", "list"): (),
    ("retention", "apply"): ("--dry-run",),
    ("budgets", "list"): (),
    ("principals", "list"): (),
    ("groups", "list"): (),
    ("keys", "list"): ("--all",),
    ("providers", "list"): (),
    ("policy", "versions"): (),
    ("audit", "emergencies"): ("--all",),
    ("audit", "log"): ("--limit", "1000"),
    ("audit", "report"): ("--period", "4w"),
    ("audit", "key"): (),
    ("audit", "checkpoint"): (),
    ("doctor",): (),
    ("config", "view"): (),
}
"""Commands that list, and what shows the most."""

PROBED: Final[dict[Words, Words]] = {
    ("runs", "show"): ("RUN",),
    ("runs", "events"): ("RUN",),
    ("runs", "why"): ("RUN", "one/tool/1", "x"),
    ("runs", "watch"): ("RUN",),
    ("runs", "pause"): ("RUN",),
    ("runs", "resume"): ("RUN",),
    ("runs", "cancel"): ("RUN", "--reason", "x"),
    ("runs", "mode"): ("RUN", "one", "auto"),
    ("runs", "skip"): ("RUN", "one", "--reason", "x"),
    ("runs", "answer"): ("RUN", "--result", "1", "--reason", "x"),
    ("runs", "limit"): ("RUN", "tokens=5"),
    ("runs", "signal"): ("RUN", "one"),
    ("runs", "retry"): ("RUN",),
    ("runs", "rollback"): ("RUN", "--dry-run"),
    ("runs", "erase"): ("RUN", "--reason", "x"),
    ("runs", "fork"): ("RUN",),
    ("runs", "migrate"): ("RUN",),
    ("inbox", "show"): ("TASK",),
    ("inbox", "answer"): ("TASK", "1"),
    ("inbox", "approve"): ("TASK",),
    ("inbox", "reject"): ("TASK",),
    ("inbox", "claim"): ("TASK",),
    ("inbox", "release"): ("TASK",),
    ("inbox", "delegate"): ("TASK", "bob"),
    ("inbox", "reassign"): ("TASK", "bob", "--reason", "x"),
    ("inbox", "comment"): ("TASK", "x"),
    ("inbox", "away", "clear"): ("--person", "PERSON"),
    ("workflows", "show"): ("FLOW",),
    ("workflows", "drain"): ("FLOW", "--reason", "x"),
    ("workflows", "undrain"): ("FLOW",),
    ("workflows", "mode"): ("FLOW", "one", "auto"),
    ("workflows", "promote"): ("FLOW", "--to", "production"),
    ("workflows", "share"): ("FLOW", "10%"),
    ("workflows", "rollback"): ("FLOW", "--reason", "x"),
    ("workflows", "protect"): ("FLOW", "--reason", "x"),
    ("workflows", "unprotect"): ("FLOW", "--reason", "x"),
    ("workflows", "agreement"): ("FLOW",),
    ("workflows", "deployments"): ("FLOW",),
    ("policy", "promote"): ("POLICY", "--to", "staging", "--reason", "x"),
    ("policy", "show"): ("POLICY",),
    ("policy", "diff"): ("POLICY",),
    ("agents", "show"): ("AGENT",),
    ("agents", "suspend"): ("AGENT", "--reason", "x"),
    ("agents", "resume"): ("AGENT", "--reason", "x"),
    ("agents", "retire"): ("AGENT", "--reason", "x"),
    ("budgets", "clear"): ("--team", "TEAM"),
    ("stop",): ("run", "RUN", "--reason", "x"),
    ("release",): ("tool", "TOOL"),
    ("retention", "clear"): ("--data", "FLOW", "--reason", "x"),
    ("documents", "remove"): ("handbook", "MEMORY", "--reason", "x"),
    ("memory", "show"): ("MEMORY",),
    ("memory", "forget"): ("MEMORY", "--reason", "x"),
    ("holds", "set"): ("run", "RUN", "--reason", "x"),
    ("holds", "release"): ("workflow", "FLOW", "--reason", "x"),
    ("principals", "show"): ("PERSON",),
    ("principals", "revoke"): ("PERSON", "ROLE"),
    ("principals", "resume"): ("PERSON",),
    ("groups", "unmap"): ("GROUP", "ROLE"),
    ("keys", "revoke"): ("KEY",),
    ("providers", "distrust"): ("ISSUER",),
    ("audit", "log"): ("--run", "RUN"),
    ("audit", "report"): ("--run", "RUN"),
    ("audit", "export"): ("--run", "RUN", "--to", "log.export"),
    ("audit", "prove"): ("RUN", "1", "--to", "one.proof"),
    ("audit", "review"): ("TASK", "--said", "it was right"),
}
"""Commands that are given a name, and with what else."""

ELSEWHERE: Final[frozenset[Words]] = frozenset[Words](
    {
        ("demo",),
        ("documents", "add"),
        ("init",),
        ("budgets", "set"),
        ("retention", "set"),
        ("keys", "rotate"),
        ("audit", "rotate-key"),
        ("tenants", "delete"),
        ("tenants", "pin"),
        ("tenants", "unpin"),
        ("run",),
        ("worker",),
        ("serve",),
        ("agents", "import"),
        ("connectors", "diff"),
        ("connectors", "list"),
        ("connectors", "pin"),
        ("connectors", "show"),
        ("models", "check"),
        ("connectors", "approve"),
        ("connectors", "sign-in"),
        ("connectors", "sign-out"),
        ("check",),
        ("schema",),
        ("audit", "verify"),
        ("backup",),
        ("restore",),
        ("db", "status"),
        ("db", "migrate"),
        ("db", "move"),
    }
    | {("policy", "check"), ("policy", "test"), ("policy", "explain"), ("policy", "whatif")}
    | {("policy", "register"), ("policy", "share"), ("policy", "rollback")}
    | {("inbox", "reassign-all"), ("inbox", "away", "set"), ("workflows", "register")}
    | {("workflows", "compatible"), ("principals", "add"), ("principals", "grant"), ("groups", "map")}
    | {("principals", "suspend"), ("keys", "create"), ("providers", "trust")}
)
"""They read files, enter what is one's own, or read the whole folder, for whoever operates it."""


def leaves(entries: tuple[Entry, ...], above: Words = ()) -> Iterator[Words]:
    for entry in entries:
        if entry.children:
            yield from leaves(entry.children, (*above, entry.name))
        else:
            yield (*above, entry.name)


def test_every_command_is_among_these() -> None:
    assert set(leaves(COMMANDS)) - ELSEWHERE <= set(SHOWN) | set(PROBED)


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
@pytest.mark.parametrize("output", ["table", "json"])
def test_a_list_holds_nothing_of_another_tenant(
    sample: Sample, command: Words, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatch([*command, *SHOWN[command], "--output", output])
    said = "".join(capsys.readouterr())
    assert WORD not in said
    assert short(sample.run) not in said


@pytest.mark.parametrize("command", PROBED, ids=" ".join)
def test_what_another_tenant_has_is_refused_in_the_words_of_what_is_not_there(
    sample: Sample, command: Words, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = {
        "RUN": sample.run,
        "TASK": "t-2",
        "FLOW": "acme-flow",
        "AGENT": "acme-asks",
        "TOOL": "acme-tool",
        "TEAM": "acme-team",
        "PERSON": "person:acme-clerk",
        "ROLE": "acme-role",
        "GROUP": "acme-group",
        "KEY": sample.key,
        "ISSUER": "https://acme.test",
        "POLICY": sample.policies,
        "MEMORY": "acme-thing",
    }
    nobodys = {
        "RUN": "0" * 32,
        "TASK": "t-9",
        "FLOW": "zzzz-flow",
        "AGENT": "zzzz-asks",
        "TOOL": "zzzz-tool",
        "TEAM": "zzzz-team",
        "PERSON": "person:zzzz-clerk",
        "ROLE": "zzzz-role",
        "GROUP": "zzzz-group",
        "KEY": "zzzzzzzzzz",
        "ISSUER": "https://zzzz.test",
        "POLICY": "0" * 64,
        "MEMORY": "zzzz-thing",
    }

    def said(names: dict[str, str]) -> str:
        code = dispatch([*command, *(names.get(word, word) for word in PROBED[command])])
        text = re.sub(r" \(did you mean '[^']*beta[^']*'\?\)", "", "".join(capsys.readouterr()))
        assert "unexpected" not in text
        for word in sorted(names, key=lambda word: -len(names[word])):
            text = text.replace(names[word], word)
        return f"{code}: {text.replace(names['RUN'][-6:], 'SHORT')}"

    assert said(theirs) == said(nobodys)
