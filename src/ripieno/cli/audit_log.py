"""`ripieno audit log`: what happened outside runs, and who read what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from cyclopts import Parameter

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, listing, note, words, write
from ripieno.cli.runs.times import when
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.evidence.run_report import newest_first, runs_named
from ripieno.identity.administration import ADMINISTRATOR
from ripieno.journal.sqlite import ReadOnlyStore
from ripieno.journal.store import Store
from ripieno.kernel.allowed import ROLE, may_read_log
from ripieno.kernel.clock import moment
from ripieno.kernel.emergency import reason_in
from ripieno.kernel.stopping import SYSTEM_ROLE
from ripieno.model.errors import NotAllowedError
from ripieno.model.event import Event
from ripieno.model.ids import short
from ripieno.model.principal import Principal
from ripieno.model.stop import EVERYTHING
from ripieno.model.value import decode

__all__ = ["show_log"]

AUDITOR: Final = "auditor"
WHO: Final = ("by", "principal")
RUNS_SHOWN: Final = 3
TIMES: Final = frozenset({"expires", "since", "until"})
DIGEST: Final = re.compile("[0-9a-f]{64}")
DIGITS: Final = 12
"""Of a digest, as versions are shown elsewhere."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted."""

    kinds: Sequence[str] = ()
    by: str | None = None
    run: str | None = None
    since: int | None = None
    until: int | None = None

    def fits(self, event: Event) -> bool:
        """Tell whether an event is wanted."""
        body = event.body
        return (
            (
                not self.kinds
                or any(event.kind == kind or event.kind.startswith(f"{kind}.") for kind in self.kinds)
            )
            and (self.by is None or self.by in [body.get(name) for name in WHO])
            and (self.run is None or self.run in runs_in(event))
            and (self.until is None or event.at < self.until)
        )


def show_log(
    *,
    kind: Annotated[Sequence[str], Parameter(negative="")] = (),
    by: str | None = None,
    run: str | None = None,
    since: str | None = None,
    until: str | None = None,
    limit: int = 50,
    system: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> int:
    """Show what happened in the tenant outside runs, newest first: changes, logins, reads of labelled data.

    It is for role auditor, administrator or operator. Reading it is not an event.

    Parameters
    ----------
    kind
        A kind of event or the beginning of one, such as data.read, login or key.
    by
        Who did it, or whom it is about, such as person:ada.
    run
        Only reads of this run: its id, its short end, or its business key.
    since
        At or after: a time such as 2026-11-22T17:00, or as long ago as 2h.
    until
        Before.
    limit
        How many at most.
    system
        The system's own log in place of the tenant's: master keys, deleted tenants, restores, stops of
        everything. It is for role system-operator.

    """
    wanted = Filter(
        tuple(kind),
        by if by is None or ":" in by else f"person:{by}",
        run,
        None if since is None else when(since),
        None if until is None else when(until),
    )
    return asyncio.run(_show(options.settle(), wanted, limit, system=system))


async def _show(settings: Settings, wanted: Filter, limit: int, *, system: bool) -> int:
    async with opened(settings) as store:
        await check_reader(store, settings.principal, "audit log")
        tenant = settings.principal.tenant
        if system:
            tenant = of_system(settings.principal)
        if wanted.run is not None:
            found = (await store.find(settings.principal.tenant, wanted.run)).id
            wanted = Filter(wanted.kinds, wanted.by, found, wanted.since, wanted.until)
        documents: list[dict[str, Any]] = []
        async for event in newest_first(store, tenant):
            if len(documents) >= limit or (wanted.since is not None and event.at < wanted.since):
                break
            if wanted.fits(event):
                documents.append(document(store, event))
    shown = listing("event", "at (UTC)", "kind", "who", "", right=("event",))
    for one in documents:
        shown.add_row(
            str(one["seq"]),
            clean(one["at"][:19], style="dim"),
            clean(one["kind"], style="bold"),
            clean(one["who"] or ""),
            clean(said(one)),
        )
    write(settings.output, documents, shown if documents else None)
    if not documents:
        note("nothing of that kind is in the log")
    return Exit.OK


def of_system(by: Principal) -> str:
    """Give what the system's own log is called, for whoever may read it; else `NotAllowedError`."""
    if by.holds(SYSTEM_ROLE):
        return EVERYTHING
    msg = f"the system's log is for role {SYSTEM_ROLE!r}; {by.id} does not hold it"
    raise NotAllowedError(msg)


async def check_reader(store: Store, by: Principal, what: str) -> None:
    """Raise `NotAllowedError` for whoever may not read the tenant's log.

    Policy decides, and a denial is in the log. On a disk that can only be read nothing can be recorded: there
    it is for the roles that the pack `standard` names.
    """
    if not isinstance(store, ReadOnlyStore):
        await may_read_log(store, by, what)
        return
    by.check_scope("data.read")
    if not any(by.holds(role) for role in (AUDITOR, ADMINISTRATOR, ROLE)):
        msg = f"the tenant's log is for role {AUDITOR!r}, {ADMINISTRATOR!r} or {ROLE!r}; {by.id} holds none"
        raise NotAllowedError(msg)


def runs_in(event: Event) -> Sequence[str]:
    """Give the runs that an event is about."""
    body = event.body
    return [*runs_named(body), *([body["run"]] if "run" in body else [])]


def document(store: Store, event: Event) -> dict[str, Any]:
    """Give an event as programs read it, with its reason."""
    body = dict(event.body)
    reason = body.pop("reason", None)
    return {
        "seq": event.seq,
        "at": moment(event.at).isoformat(),
        "kind": event.kind,
        "who": next((body[name] for name in WHO if body.get(name) is not None), None),
        "reason": None if reason is None else reason_in(store, decode(store.payload(event.stream, reason))),
        "body": body,
    }


def brief(name: str, value: Any) -> str:
    """Give a value as people read it: times as times, and of digests what tells them apart."""
    if name in TIMES and isinstance(value, int):
        return f"{moment(value):%Y-%m-%dT%H:%M}"
    if isinstance(value, str) and DIGEST.fullmatch(value):
        return value[:DIGITS]
    return words(value)


def said(one: dict[str, Any]) -> str:
    """Say in a line what an event is about."""
    runs = runs_named(one["body"])
    left_out = {"about", "by", "verifier", "pins", "hour", "mark", "settings", "policies", "policy"}
    left_out |= {"runs"} if runs else set()
    parts = [
        f"{name} {brief(name, value)}"
        for name, value in one["body"].items()
        if name not in left_out and value not in (None, [], {}) and value != one["who"]
    ]
    if runs:
        more = f" and {len(runs) - RUNS_SHOWN} more" if len(runs) > RUNS_SHOWN else ""
        parts.append(f"runs {', '.join(short(run) for run in runs[:RUNS_SHOWN])}{more}")
    if one["reason"] is not None:
        parts.append(f"because: {one['reason']}")
    return "; ".join(parts)
