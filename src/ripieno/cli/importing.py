"""`ripieno agents import`: an agent that exists, wrapped, in the inventory, and in a shadow at first."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import yaml
from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.importing_objects import Found, by_object
from ripieno.cli.importing_tools import by_mcp, by_openapi
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, show, write
from ripieno.cli.session import unserved
from ripieno.cli.settings import Settings
from ripieno.kernel.allowed import check_change
from ripieno.model.errors import InputError, RefusedError
from ripieno.participants.remote.card import changes, check_url, digest_of, fetch_card, parsed
from ripieno.workflows.fields import REFERENCE
from ripieno.workflows.load import load_workflow

__all__ = ["import_agent"]

Kind = Literal["a2a", "mcp", "openapi", "object"]
ODD: Final = re.compile(r"[^a-z0-9]+")
DESCRIBED: Final = re.compile(r"openapi.*|.*\.ya?ml", re.IGNORECASE)
"""What documents of services are called."""


def import_agent(
    source: str,
    /,
    *,
    role: str,
    name: str | None = None,
    owner: str | None = None,
    secret: str | None = None,
    kind: Kind | None = None,
    model: str | None = None,
    allow: Annotated[list[str] | None, Parameter(negative=())] = None,
    reads: Annotated[bool, Parameter(negative="")] = False,
    into: Path = Path(),
    approve: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Wrap an agent as a workflow in which people act and it works beside them; enter it in the inventory.

    What it can reach that does not pass the gate is listed.

    Parameters
    ----------
    source
        The address of an agent that speaks A2A; the package.module:attribute of a LangGraph graph or of a
        Microsoft Agent Framework agent; the address or command of an MCP server; an OpenAPI document.
    role
        Who acts while the agent is in its shadow.
    name
        What it is called here; its own name otherwise.
    owner
        Who answers for it.
    secret
        A reference such as secret://env/TRIAGE_KEY to what it knows us by.
    kind
        What it is. Otherwise an address ending in /mcp is an MCP server; a file, or an address such as
        .../openapi.json, an OpenAPI document; any other address an agent that speaks A2A.
    model
        Which model uses the tools of an MCP server or the operations of an OpenAPI document.
    allow
        Of these, only such as orders_*. May be given several times.
    reads
        Somebody answers for it that to ask this agent changes nothing. Otherwise a shadow asks it nothing.
    into
        The folder to write to.
    approve
        Take what it says of itself now in place of what was approved before.

    """
    settings = options.settle()
    if kind is None:
        kind = kind_of(source)
    if kind == "a2a":
        found = asyncio.run(by_a2a(source, name, secret=secret, reads=reads))
    elif kind == "mcp":
        found = asyncio.run(by_mcp(source, slug(name or "tools"), model, allow or ()))
    elif kind == "openapi":
        stem = Path(urlsplit(source).path if "://" in source else source).stem
        found = asyncio.run(by_openapi(source, slug(name or stem), model, allow or (), secret=secret))
    else:
        found = by_object(source, slug(name or source.partition(":")[2]), Path.cwd())
    file = into / f"{found.name}.yaml"
    kept = into / f"{found.name}.approved.json"
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else None
    changed = None if before is None else changes(before, found.approved)
    if before is not None and not changed:
        note(f"{found.name} is as it was approved")
    elif before is not None and not approve:
        told(settings, found, changed=changed, wrote=())
        fields = ", ".join(changed or ())
        msg = f"{found.name} is not what was approved: {fields} changed; nothing was written"
        raise RefusedError(msg, remedy="look at it, and take it with --approve")
    if before is not None:
        text = file.read_text(encoding="utf-8").replace(digest_of(before), found.digest)
    elif file.exists():
        msg = f"{file} exists already; nothing was written"
        raise RefusedError(msg, remedy="--name gives it another name, --into another folder")
    else:
        text = written(found, role, owner)
    into.mkdir(parents=True, exist_ok=True)
    for beside, content in found.beside.items():
        (into / beside).write_text(content, encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    kept.write_text(json.dumps(found.approved, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    version = asyncio.run(entered(settings, file))
    told(
        settings,
        found,
        changed=changed,
        wrote=(file, kept, *(into / one for one in found.beside)),
        version=version,
    )
    return Exit.OK


def kind_of(source: str) -> Kind:
    """Tell what people mean by a source."""
    if "://" in source:
        path = urlsplit(source).path.rstrip("/")
        described = bool(DESCRIBED.fullmatch(path.rpartition("/")[2]))
        return "mcp" if path.endswith("/mcp") else "openapi" if described else "a2a"
    if Path(source).is_file():
        return "openapi"
    if REFERENCE.fullmatch(source):
        return "object"
    msg = (
        f"expected the address of an agent, 'package.module:attribute' or an OpenAPI document, got {source!r}"
    )
    raise InputError(msg, remedy="--kind says what it is")


async def by_a2a(url: str, name: str | None, *, secret: str | None, reads: bool) -> Found:
    """Read the card of an agent that speaks A2A."""
    if find_spec("a2a") is None:
        msg = "agents that speak A2A need the extra 'a2a', which is not installed"
        raise InputError(msg, remedy="pip install 'ripieno[a2a]'")
    check_url(url, name or url, secret=secret is not None)
    raw = await fetch_card(url)
    card = parsed(raw)
    digest = digest_of(raw)
    settings: dict[str, Any] = {"url": url, "card": digest}
    if secret is not None:
        settings["secret"] = secret
    if reads:
        settings["effect"] = "read"
    host = urlsplit(url).hostname
    beyond = [
        f"{skill.name or skill.id}: the models, tools and data that it uses at {host} are not seen here"
        for skill in card.skills
    ]
    addresses: list[str] = [one.url for one in card.supported_interfaces]
    elsewhere = {urlsplit(one).hostname or one for one in addresses} - {host}
    also = "another host than that of its card"
    beyond += [f"what it is sent goes to {one}, {also}" for one in sorted(elsewhere)]
    beyond += [f"the extension {one.uri}" for one in card.capabilities.extensions]
    beyond.append(f"what becomes of what it is sent, once {host} has it")
    return Found(
        kind="a2a",
        name=slug(name or card.name),
        about=card.description,
        source=url,
        digest=digest,
        can=[f"{skill.name or skill.id}: {skill.description}" for skill in card.skills],
        beyond=beyond,
        participant={"remote": settings},
        approved=raw,
    )


def slug(name: str) -> str:
    """Give a name that a workflow and a participant can bear."""
    found = ODD.sub("-", name.lower()).strip("-")[:60]
    return found if found[:1].isalpha() else f"agent-{found}".rstrip("-")


def written(found: Found, role: str, owner: str | None) -> str:
    """Give the workflow in which it is wrapped: people act, and it works beside them."""
    document: dict[str, Any] = {
        "workflow": found.name,
        **({} if owner is None else {"owner": owner}),
        "purpose": found.about or f"what {found.name} does",
        **({"connectors": dict(found.connectors)} if found.connectors else {}),
        "participants": {
            found.name: {**found.participant, "mode": "shadow", "person": "person-in-charge"},
            "person-in-charge": {"human": {"role": role}},
        },
        "flow": {"step": found.name},
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


async def entered(settings: Settings, file: Path) -> str:
    """Enter the workflow in the inventory; give its version."""
    workflow = load_workflow(str(file))
    async with unserved(settings) as host:
        given = {"version": workflow.version}
        by = await check_change(
            host.store, workflow.name, settings.principal, "register", given=given, reason=None
        )
        await host.enter(workflow, by)
    return workflow.version


def told(
    settings: Settings,
    found: Found,
    *,
    changed: Sequence[str] | None,
    wrote: Sequence[Path],
    version: str | None = None,
) -> None:
    """Say what was found, what was written, and what does not pass the gate."""
    document = {
        "agent": found.name,
        "kind": found.kind,
        "source": found.source,
        "digest": found.digest,
        "can": list(found.can),
        "changed": None if changed is None else list(changed),
        "beyond_the_gate": list(found.beyond),
        "mode": "shadow",
        "wrote": [str(file) for file in wrote],
        "version": version,
    }
    if settings.output != "table":
        write(settings.output, document, None)
        return
    screen = console(sys.stdout)
    screen.print(Text.assemble((found.name, "bold"), "  ", (found.kind, "dim"), "  in a shadow at first"))
    table = listing("", "")
    for title, lines in (("can", found.can), ("does not pass the gate", found.beyond)):
        for number, line in enumerate(lines):
            table.add_row(Text("" if number else title, style="dim"), clean(line))
    table.add_row(Text("digest", style="dim"), found.digest)
    for file in wrote:
        table.add_row(Text("wrote", style="dim"), str(file))
    show(screen, table)
