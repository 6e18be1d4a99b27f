"""`ripieno policy explain`: why an act is decided so, and what would let it go on."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, write
from ripieno.cli.policy_versions import chosen_library
from ripieno.cli.policy_whatif import past_acts
from ripieno.cli.session import find_run, opened
from ripieno.cli.settings import Settings
from ripieno.identity.reading import read_run
from ripieno.model.errors import InputError, NotFoundError, Place, nearest
from ripieno.model.provenance import in_words

if TYPE_CHECKING:
    from ripieno.mediation.policy.explanation import Explanation
    from ripieno.mediation.policy.past import PastAct
    from ripieno.model.gate import Action, Gate

__all__ = ["explain_act", "show_explanation"]

VISIT: Final = re.compile(r"@\d+")

VERDICTS: Final = {
    "allow": ("✓ allowed", "green"),
    "ask": ("◐ waits for approval", "yellow"),
    "deny": ("✗ denied", "red"),
}


def explain_act(
    run: str | None = None,
    path: str | None = None,
    /,
    *,
    act: Path | None = None,
    pack: str | None = None,
    policies: Path | None = None,
    version: str | None = None,
    options: Options = DEFAULTS,
) -> int:
    """Show why an act is decided so, and what would let it go on: one of a run, or one that is written down.

    It is decided by the policies that are in force, unless others are named.

    Parameters
    ----------
    run
        The run's id, its short end, or its business key.
    path
        The path of the act as `runs events` shows it, or its end without visits: pay/tool/1.
    act
        A file with an act in YAML or JSON, as tests of policies have them.
    pack
        The pack that it is decided under, where the act's workflow names none.
    policies
        A folder of policies to decide by.
    version
        A version of the policies to decide by, as ripieno policy versions shows it or an event names it.

    """
    from ripieno.mediation.policy import PolicyGate  # noqa: PLC0415 - Cedar takes its time
    from ripieno.mediation.policy.explanation import explain  # noqa: PLC0415 - the same

    settings = options.settle()
    gate = PolicyGate(chosen_library(settings, policies, version))
    if pack is not None and pack not in gate.library.packs:
        msg = f"no policy pack is called {pack!r}{nearest(pack, gate.library.packs)}"
        raise NotFoundError(msg, remedy=f"there are {', '.join(sorted(gate.library.packs))}")
    if act is not None and run is None:
        action, was = written_act(act, pack), None
    elif act is None and run is not None and path is not None:
        was = asyncio.run(past_act(settings, run, path, pack, gate))
        action = was.action
    else:
        msg = "expected a run and the path of an act, or --act with a file"
        raise InputError(msg, remedy="ripieno runs events RUN shows the paths")
    show_explanation(settings, action, explain(gate, action), was)
    return Exit.OK


async def past_act(settings: Settings, run: str, path: str, pack: str | None, gate: Gate) -> PastAct:
    """Find the last decision about an act of a run; raises `NotFoundError`."""
    async with opened(settings) as store:
        row = await find_run(settings, store, run)
        await read_run(store, row, "policy explain", by=settings.principal)
        found: list[PastAct] = []
        async for _, acts in past_acts(store, [row], pack, gate):
            found = [prepared(one) for one in acts if is_at(one.path, path)]
    if not found:
        msg = f"no act of run {row.id[-6:]} is at {path!r}"
        raise NotFoundError(msg, remedy="ripieno runs events RUN shows the paths")
    return found[-1]


def prepared(act: PastAct) -> PastAct:
    """Give an act whose arguments are read while the log is open."""
    if act.action.given is None:
        return act
    arguments = act.action.given()
    return replace(act, action=replace(act.action, given=lambda: arguments))


def is_at(path: str, wanted: str) -> bool:
    """Tell whether a path is the one that is meant, or ends so where visits are left out."""
    bare = VISIT.sub("", path)
    return wanted in {path, bare} or bare.endswith(f"/{wanted}")


def written_act(act: Path, pack: str | None) -> Action:
    """Read an act from a file; raises `InputError`."""
    import yaml  # noqa: PLC0415 - only where an act is written

    from ripieno.mediation.policy.acts import read_act  # noqa: PLC0415 - Cedar takes its time

    try:
        found = yaml.safe_load(act.read_text(encoding="utf-8"))
        return read_act(found, Place(str(act))).action(pack)
    except (OSError, ValueError, yaml.YAMLError) as error:
        msg = f"{act}: cannot be read as an act: {error}"
        raise InputError(msg, remedy="docs/concepts/policy.md shows how acts are written") from error


def show_explanation(
    settings: Settings, action: Action, found: Explanation, was: PastAct | None = None
) -> None:
    """Show a decision, its policies, and what would change it; `was` is what was decided then."""
    decision = found.decision
    values = {} if was is None or was.traced is None else dict(was.traced.document["from"])
    document = {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "policies": [{"id": one.id, "place": str(one.place), "reason": one.reason} for one in found.policies],
        "approvers": [one.name for one in decision.approvers],
        "goes_on": list(found.goes_on),
        "values": values,
        "version": decision.version,
        "was": None if was is None else {"verdict": was.verdict, "policies": was.policies, "event": was.seq},
    }
    if settings.output != "table":
        write(settings.output, document, None)
        return
    screen = console(sys.stdout)
    word, colour = VERDICTS[decision.verdict]
    subject = f"{action.subject.kind} {action.subject.name}"
    verb = action.kind if action.verb == action.kind else f"{action.kind} ({action.verb})"
    screen.print(
        Text.assemble((word, colour), ": ", clean(f"{verb} of {subject}", style="bold")), soft_wrap=True
    )
    if was is not None:
        by = ", ".join(was.policies or ()) or ("no policy" if was.policies is not None else "not recorded")
        screen.print(Text(f"  was: {was.verdict}, by {by} (event {was.seq})", style="dim"), soft_wrap=True)
    for one in found.policies:
        said = f"{one.effect} {one.id} ({one.place})" + (f": {one.reason}" if one.reason else "")
        screen.print(Text.assemble("  ", clean(said)), soft_wrap=True)
    if decision.verdict != "allow":
        for name, one in values.items():
            screen.print(Text.assemble("  ", (name, "bold"), " is ", clean(in_words(one))), soft_wrap=True)
    if decision.reason and not found.policies:
        screen.print(Text.assemble("  ", clean(decision.reason)), soft_wrap=True)
    for way in found.goes_on:
        screen.print(Text.assemble("  goes on if ", clean(way)), soft_wrap=True)
    if decision.verdict == "deny" and not found.goes_on:
        screen.print(Text("  nobody can approve it: it takes other policies", style="dim"), soft_wrap=True)
