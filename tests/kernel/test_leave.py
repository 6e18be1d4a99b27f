"""What was let happen says by which policies, and under which version of them: as what was denied does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kernel.scenarios.hand_clock import HandClock
from kernel.scenarios.house import OPERATOR, asked, begin, ended, events, parked, reply, serving
from ripieno import Host, Workflow, function, human, sequential
from ripieno.identity import administration, api_keys, providers
from ripieno.identity.providers import Provider
from ripieno.identity.reading import read_run
from ripieno.kernel import operators, tasks
from ripieno.kernel.absences import clear_absences, set_absence
from ripieno.kernel.commands import cancel
from ripieno.kernel.deployments import promote, protect
from ripieno.kernel.forks import fork
from ripieno.kernel.inventory import find_agent, reinstate, retire
from ripieno.kernel.modes import set_mode_of_version
from ripieno.kernel.stopping import release, stop

CLERK = human("clerk", role="clerk")


@function(pure=True)
def work(given: object) -> object:
    return given


FLOW = Workflow(
    "flow", sequential(work.mode("auto", person=human("worker", role="clerk")), CLERK), data=["phi"]
)
YES = {"proceed": True}


async def of_tenant(host: Host) -> list[Mapping[str, Any]]:
    """Give what was done in the tenant by somebody, without what nobody decides about."""
    found = await host.store.events(await host.store.tenant_stream("default"))
    return [{"kind": one.kind, **one.body} for one in found if "by" in one.body]


def unsaid(done: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give what does not say by which policies it was let happen, and under which version."""
    return [one["kind"] for one in done if not one.get("policies") or len(one.get("policy", "")) != 16]


async def test_each_command_to_a_run_says_in_its_event_what_let_it_be_given(tmp_path: Path) -> None:
    async with serving(tmp_path, FLOW) as host:
        store, clock, by = host.store, host.clock, OPERATOR
        run = await begin(host, FLOW)
        question = await asked(host, run)
        await parked(host, run)
        await tasks.claim(store, clock, question, by=by)
        await tasks.comment(store, clock, question, by=by, text="soon")
        await operators.pause(store, clock, await store.run(run), by=by, reason="wait")
        await operators.resume(store, clock, await store.run(run), by=by)
        await reply(host, question, YES)
        await ended(host, run)
        gone = await begin(host, FLOW)
        await asked(host, gone)
        await cancel(store, clock, await store.run(gone), by=by)
        await ended(host, gone)
        again = await fork(store, clock, await store.run(run), by=by)
        kinds = ("run.started", "answered", "message", "task")
        found = [one for of in (run, gone, again.id) for one in await events(host, of, *kinds)]
        done = [{"kind": f"{one.kind} {one.body.get('what', '')}", **one.body} for one in found]
    assert unsaid(done) == []
    assert {one["kind"].strip() for one in done} == {
        "answered answer",
        "message cancel",
        "message pause",
        "message continue",
        "run.started",
        "task claim",
        "task comment",
    }
    by_kind = {one["kind"].strip(): one["policies"] for one in done}
    assert by_kind["message pause"] == ["operators-command-runs"]
    assert by_kind["answered answer"] == ["tasks-are-answered"]


async def test_each_change_of_the_tenant_says_in_its_event_what_let_it_be_made(tmp_path: Path) -> None:
    clock = HandClock()
    async with serving(tmp_path, FLOW, clock=clock) as host:
        store, by = host.store, OPERATOR
        run = await begin(host, FLOW)
        await parked(host, run)
        row = await store.run(run)
        await read_run(store, row, "runs show", by=by)
        [version] = await store.versions("default", "flow")
        await promote(store, version, "production", by=by)
        await protect(store, "flow", by=by, reason="careful")
        await operators.drain(store, "flow", by=by, reason="full")
        await operators.undrain(store, "flow", by=by)
        await stop(store, "workflow", "flow", by=by, reason="odd")
        await release(store, "workflow", "flow", by=by)
        agent = await find_agent(store, "default", "clerk")
        await retire(store, agent, by=by, reason="replaced")
        await reinstate(store, agent, by=by, reason="needed")
        await set_mode_of_version(store, version, "work", "manual", by=by, reason="try")
        await administration.enter(store, "ben", by=by)
        await administration.grant(store, "ben", ["clerk"], by=by)
        await administration.map_group(store, "ward", "nurse", by=by)
        await administration.unmap_group(store, "ward", "nurse", by=by)
        made = await api_keys.create_key(store, clock, "service:billing", by=by)
        await api_keys.revoke_key(store, made.row.id, by=by)
        await providers.trust(store, Provider("https://id.example.org", audience=("us",)), by=by)
        await providers.distrust(store, "https://id.example.org", by=by)
        later = clock.now() + 3_600_000_000
        await set_absence(
            store, clock, by=by, person="ben", substitute="eve", from_at=clock.now(), until_at=later
        )
        await clear_absences(store, clock, by=by, person="ben")
        done = await of_tenant(host)
    assert unsaid(done) == []
    assert {one["kind"] for one in done} >= {
        "absence.set",
        "absence.cleared",
        "agent.status",
        "data.read",
        "group.mapped",
        "group.unmapped",
        "key.created",
        "key.revoked",
        "principal.changed",
        "provider.distrusted",
        "provider.trusted",
        "stop.released",
        "stop.set",
        "workflow.deployed",
        "workflow.drained",
        "workflow.mode",
        "workflow.protected",
        "workflow.registered",
        "workflow.undrained",
    }
