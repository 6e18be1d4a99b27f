"""`ripieno policy whatif`: past decisions replayed against other policies, with the differences."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.policy_versions import FILES, chosen_library
from ripieno.cli.runs.times import when
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.identity.reading import is_open, read_runs, within_reach
from ripieno.journal.records import RunFilter, RunRow
from ripieno.journal.store import Store
from ripieno.kernel.bulk import hits
from ripieno.model.event import Event
from ripieno.model.gate import SHUT, Gate
from ripieno.model.ids import short
from ripieno.model.principal import Principal
from ripieno.model.value import Value

if TYPE_CHECKING:
    from ripieno.mediation.policy.comparison import Difference
    from ripieno.mediation.policy.library import Library
    from ripieno.mediation.policy.past import Facts, PastAct

__all__ = ["compare_policies", "past_acts"]


def compare_policies(
    *,
    policies: Path | None = None,
    version: str | None = None,
    pack: str | None = None,
    workflow: str | None = None,
    since: str | None = None,
    until: str | None = None,
    run: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Decide again about what was done, by other policies, and show what would be decided otherwise.

    Nothing is done or changed. Exit code 1 when there is a difference.

    Parameters
    ----------
    policies
        The folder of the other policies; those of the project, as they are now, when left out.
    version
        A version of the policies to decide by, as ripieno policy versions shows it or an event names it.
    pack
        Decide under this pack, whatever the workflows name.
    workflow
        Only runs of this workflow.
    since
        Only runs requested at or after 2026-11-22T14:00, or 2h ago.
    until
        Only runs requested before.
    run
        Only this run: its id, its short end, or its business key.

    """
    settings = options.settle()
    wanted = RunFilter(
        workflow=workflow,
        since=None if since is None else when(since),
        until=None if until is None else when(until),
    )
    library = chosen_library(settings, policies, version or FILES)
    return asyncio.run(_compare(settings, library, pack, run, wanted))


async def _compare(
    settings: Settings, library: Library, pack: str | None, run: str | None, wanted: RunFilter
) -> int:
    from ripieno.mediation.policy import PolicyGate  # noqa: PLC0415 - Cedar takes its time
    from ripieno.mediation.policy.comparison import differences  # noqa: PLC0415 - the same

    gate = PolicyGate(library)
    if pack is not None:
        gate.library.rules(pack)
    count, found = 0, list["tuple[RunRow, Difference]"]()
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        rows = (
            within_reach(await hits(store, replace(wanted, tenant=tenant)), settings.principal)
            if run is None
            else [await find_run(settings, store, run)]
        )
        rows = await let_see(store, rows, settings.principal)
        async for row, acts in past_acts(store, rows, pack, gate):
            count += len(acts)
            found += [(row, one) for one in differences(acts, gate)]
    table = listing("run", "act", "of", "was", "would be", "by or because")
    for row, one in found:
        action = one.act.action
        table.add_row(
            short(row.id),
            f"{action.kind} {one.act.path}",
            clean(f"{action.subject.kind} {action.subject.name}"),
            one.act.verdict,
            clean(one.now.verdict, style="bold"),
            clean(one.now.reason or ", ".join(one.now.policies), style="dim"),
        )
    write(settings.output, [document(row, one) for row, one in found], table if found else None)
    note(f"{count} decisions of {len(rows)} run{'' if len(rows) == 1 else 's'}: {len(found)} would be others")
    return Exit.FAILED if found else Exit.OK


async def let_see(store: Store, rows: Sequence[RunRow], by: Principal) -> list[RunRow]:
    """Give the runs whose acts `by` may be shown: policies made for it would tell what they hold."""
    shown = [row for row in rows if await is_open(store, row, "policy whatif", by)]
    await read_runs(store, shown, "policy whatif", by=by)
    if len(shown) < len(rows):
        note(f"left out, since {by.id} may not be shown what they hold: {len(rows) - len(shown)}")
    return shown


async def past_acts(
    store: Store, rows: Sequence[RunRow], pack: str | None = None, gate: Gate = SHUT
) -> AsyncIterator[tuple[RunRow, list[PastAct]]]:
    """Give the acts of runs as the log has them; `pack` stands in for what their workflows name.

    Where the policies of `gate` read what was not read then, where values came from is found by the log.
    """
    from ripieno.mediation.policy.past import acts_of  # noqa: PLC0415 - Cedar takes its time

    known: dict[tuple[str, str], Facts] = {}
    for row in rows:
        if (row.workflow, row.version) not in known:
            known |= {
                (row.workflow, one.version): facts_of(one.version, json.loads(one.about))
                for one in await store.versions(row.tenant, row.workflow)
            }
        facts = dict(known.get((row.workflow, row.version), {}))
        if pack is not None:
            facts["policy"] = pack

        def value(commitment: str, run: str = row.id) -> Any:
            return Value(commitment, store.payload(run, commitment)).decode()

        events = await store.events(row.id)
        yield row, [one async for one in sourced(store, events, acts_of(events, facts, value), gate)]


async def sourced(
    store: Store, events: Sequence[Event], acts: Iterable[PastAct], gate: Gate
) -> AsyncIterator[PastAct]:
    """Give acts with where their values came from, as far as policies read that."""
    from ripieno.mediation.provenance.past import PastSources  # noqa: PLC0415 - only where it is read

    sources: PastSources | None = None
    for one in acts:
        if one.traced is None and one.action.given is not None and gate.traces(one.action):
            sources = sources or PastSources(store, one.action.run or "", events)
            yield one.with_sources(await sources.at(one.seq, one.path, one.action.given()))
        else:
            yield one


def facts_of(version: str, about: Mapping[str, Any]) -> Facts:
    """Give what policies may ask of a workflow, from what is registered of a version."""
    facts: dict[str, Any] = {
        name: about[name] for name in ("owner", "purpose", "risk", "policy") if name in about
    }
    if "data" in about:
        facts["data"] = tuple(about["data"])
    return {**facts, "version": version}


def document(row: RunRow, one: Difference) -> dict[str, Any]:
    """Give a difference as programs read it."""
    action = one.act.action
    return {
        "run_id": row.id,
        "workflow": row.workflow,
        "event": one.act.seq,
        "path": one.act.path,
        "act": action.kind,
        "subject": f"{action.subject.kind} {action.subject.name}",
        "was": one.act.verdict,
        "would_be": one.now.verdict,
        "policies": list(one.now.policies),
        "reason": one.now.reason,
    }
