"""The sets of policies that are compared, each as a pack that workflows name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from cases import Case, Suite

__all__ = ["ARMS", "Arm", "Vouching", "workflow_of", "write_packs"]

Vouching = Literal["nothing", "values alone", "what they read", "blindly"]
"""What a person vouches for who approves a call: nothing; its values; these, and sources in which they see
nothing injected; or whatever they are offered."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A set of policies, and what a person vouches for under it."""

    pack: str
    vouching: Vouching = "nothing"


ARMS: Final[Mapping[str, Arm]] = {
    "allow-all": Arm("allow-all"),
    "tool-permissions": Arm("tool-permissions"),
    "strict": Arm("strict", "values alone"),
    "strict, act by act": Arm("strict"),
    "strict, with sources": Arm("strict-with-sources", "what they read"),
    "strict, with sources, read by nobody": Arm("strict-with-sources", "blindly"),
}
"""`strict` ships with Ripieno; the others are written here, to compare with."""


def workflow_of(suite: str, user: str) -> str:
    """Give the name of the workflow that a user's task is."""
    return f"{suite}-{user}".replace("_", "-")


def write_packs(policies: Path, suites: Sequence[Suite]) -> None:
    """Write what to compare with.

    All is permitted; each task may call the tools that it needs; `strict`, with sources vouched for as well.
    Tool permissions are given at their best: whoever gave them knew, task by task, which tools the right way
    through it calls. Nobody does; it is what such permissions could reach at most.
    """
    everything = policies / "allow-all"
    everything.mkdir(parents=True)
    everything.joinpath("all.cedar").write_text(
        '@id("all")\npermit (principal, action, resource);\n', encoding="utf-8"
    )
    sources = policies / "strict-with-sources"
    sources.mkdir()
    shipped = Path(str(files("ripieno.mediation.policy"))) / "packs" / "strict"
    for file in shipped.glob("*.cedar"):
        text = file.read_text("utf-8").replace('@vouch("values")', '@vouch("values, sources")')
        sources.joinpath(file.name).write_text(text, encoding="utf-8")
    sources.joinpath("pack.yaml").write_text("extends: [standard]\n", encoding="utf-8")
    permissions = policies / "tool-permissions"
    permissions.mkdir()
    permissions.joinpath("pack.yaml").write_text("extends: [standard]\n", encoding="utf-8")
    permissions.joinpath("tools.cedar").write_text(
        "\n".join(permission(case) for suite in suites for case in suite.user_tasks()),
        encoding="utf-8",
    )


def permission(case: Case) -> str:
    """Give the policy that keeps a user's task from every tool that it does not need."""
    case.prepare()
    name = workflow_of(case.suite.name, case.user.ID)
    tools = sorted({wanted.tool for wanted in case.calls})
    needed = " || ".join(f"resource.name == {json.dumps(tool)}" for tool in tools) or "false"
    return (
        f"@id({json.dumps(name)})\n"
        'forbid (principal, action == Action::"tool.call", resource is Tool)\n'
        f"when {{ context has workflow && context.workflow.name == {json.dumps(name)} }}\n"
        f"unless {{ {needed} }};\n"
    )
