"""`ripieno policy explain`: why an act is decided so, and what would let it go on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, write
from ripieno.cli.policy import loaded
from ripieno.cli.settings import Settings
from ripieno.model.errors import InputError, NotFoundError, Place, nearest

if TYPE_CHECKING:
    from ripieno.mediation.policy.explanation import Explanation
    from ripieno.model.gate import Action

__all__ = ["explain_act", "show_explanation"]

VERDICTS: Final = {
    "allow": ("✓ allowed", "green"),
    "ask": ("◐ waits for approval", "yellow"),
    "deny": ("✗ denied", "red"),
}


def explain_act(
    *, act: Path, pack: str | None = None, policies: Path | None = None, options: Options = DEFAULTS
) -> int:
    """Show why an act is decided so, and what would let it go on.

    Parameters
    ----------
    act
        A file with an act in YAML or JSON, as tests of policies have them.
    pack
        The pack that it is decided under, where the act's workflow names none.
    policies
        The folder of policies; `policies` beside the data folder when left out.

    """
    from ripieno.mediation.policy import PolicyGate  # noqa: PLC0415 - Cedar takes its time
    from ripieno.mediation.policy.explanation import explain  # noqa: PLC0415 - the same

    settings = options.settle()
    gate = PolicyGate(loaded(settings, policies))
    if pack is not None and pack not in gate.library.packs:
        msg = f"no policy pack is called {pack!r}{nearest(pack, gate.library.packs)}"
        raise NotFoundError(msg, remedy=f"there are {', '.join(sorted(gate.library.packs))}")
    action = written_act(act, pack)
    show_explanation(settings, action, explain(gate, action))
    return Exit.OK


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


def show_explanation(settings: Settings, action: Action, found: Explanation) -> None:
    """Show a decision, its policies, and what would change it."""
    decision = found.decision
    document = {
        "verdict": decision.verdict,
        "reason": decision.reason,
        "policies": [{"id": one.id, "place": str(one.place), "reason": one.reason} for one in found.policies],
        "approvers": [one.name for one in decision.approvers],
        "goes_on": list(found.goes_on),
        "version": decision.version,
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
    for one in found.policies:
        said = f"{one.effect} {one.id} ({one.place})" + (f": {one.reason}" if one.reason else "")
        screen.print(Text.assemble("  ", clean(said)), soft_wrap=True)
    if decision.reason and not found.policies:
        screen.print(Text.assemble("  ", clean(decision.reason)), soft_wrap=True)
    for way in found.goes_on:
        screen.print(Text.assemble("  goes on if ", clean(way)), soft_wrap=True)
    if decision.verdict == "deny" and not found.goes_on:
        screen.print(Text("  nobody can approve it: it takes other policies", style="dim"), soft_wrap=True)
