"""`ripieno models`: which models the project knows, whether they answer, what they can do and cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, write
from ripieno.cli.session import serving
from ripieno.cli.settings import Settings
from ripieno.model.errors import DefinitionError
from ripieno.model.value import decode

if TYPE_CHECKING:
    from ripieno.kernel.host import Host
    from ripieno.participants.llm.models import ModelEntry

__all__ = ["check_models"]

WORKFLOW: Final = "models-check"
ANSWER_TOKENS: Final = 64
CAN: Final = {"tools": "tools", "structured_output": "schemas", "streaming": "streams", "thinking": "thinks"}


def check_models(*names: str, offline: bool = False, options: Options = DEFAULTS) -> int:
    """Ask each model one short question, as a run: exit code 1 when one does not answer.

    Models are those of the nearest ripieno.toml upwards, and those that are named here.

    Parameters
    ----------
    names
        Models, as agents name them, such as openai:gpt-5; all of the project's when left out.
    offline
        Ask nothing: say what they can do and cost.

    """
    settings = options.settle()
    found = asyncio.run(checked(settings, names, offline=offline))
    if not found:
        note("the project declares no model: [models.fast] in ripieno.toml, or name one here")
        write(settings.output, [], None)
        return Exit.OK
    table = listing("model", "is", "answers", "can", "$ per 1M in / out", "prices of")
    for one in found:
        can = ", ".join(word for name, word in CAN.items() if one.get(name))
        cost = one.get("price")
        table.add_row(
            clean(one["name"], style="bold"),
            clean(one["model"] or ""),
            clean(one["problem"] or ("not asked" if offline else "yes")),
            clean(can),
            clean(f"{cost['input']} / {cost['output']}" if cost else "unknown"),
            clean(one.get("prices") or "", style="dim"),
        )
    write(settings.output, found, table)
    return Exit.FAILED if any(one["problem"] for one in found) else Exit.OK


async def checked(settings: Settings, names: tuple[str, ...], *, offline: bool) -> list[dict[str, Any]]:
    """Give what is known of each model, and what became of asking it."""
    from ripieno.participants.llm.models import MODELS  # noqa: PLC0415 - only who looks at models loads them

    found: list[dict[str, Any]] = []
    reachable: list[ModelEntry] = []
    for name in names or tuple(MODELS.declared):
        document, entry = looked_at(name)
        found.append(document)
        if entry is not None:
            reachable.append(entry)
    if reachable and not offline:
        async with serving(settings) as host:
            for entry in reachable:
                problem = await asked(host, settings, entry)
                [one] = [one for one in found if one["name"] == entry.name]
                one["reachable"], one["problem"] = problem is None, problem
    return found


def looked_at(name: str) -> tuple[dict[str, Any], ModelEntry | None]:
    """Give what is known of a model without asking it; None in place of one that cannot be asked."""
    from ripieno.participants.llm.abilities import abilities  # noqa: PLC0415 - as above
    from ripieno.participants.llm.models import MODELS  # noqa: PLC0415 - as above

    document: dict[str, Any] = {"name": name, "model": None, "reachable": None, "problem": None}
    try:
        entry = MODELS.find(name)
        document |= {"model": entry.id, "approved_for": list(entry.approved_for), "region": entry.region}
        document |= abilities(entry).document()
    except DefinitionError as error:
        remedy = f"; {error.remedy}" if error.remedy else ""
        return {**document, "reachable": False, "problem": f"{error.message}{remedy}"}, None
    return document, entry


async def asked(host: Host, settings: Settings, entry: ModelEntry) -> str | None:
    """Ask a model, as a run of its own; give what keeps it from answering."""
    from ripieno.participants.llm.agent import Agent  # noqa: PLC0415 - as above
    from ripieno.workflows.workflow import Workflow  # noqa: PLC0415 - as above

    probe = Agent("probe", model=entry.name, settings={"max_tokens": ANSWER_TOKENS}, timeout="60s", rounds=1)
    created = await host.start(Workflow(WORKFLOW, probe), "Say ok.", principal=settings.principal)
    outcome = await host.outcome(created.row.id)
    results = [one for one in await host.store.events(created.row.id) if one.kind == "result"]
    if any(one.body["status"] == "done" for one in results):  # whatever it said, it did
        return None
    last = results[-1].body.get("error") if results else None
    said = outcome.reason if last is None else decode(host.store.payload(created.row.id, str(last)))
    return str(said)
