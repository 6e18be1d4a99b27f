"""`ripieno doctor`: whether this machine and this data folder are fit to answer for runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from rich.text import Text

from ripieno.cli.definitions import load_registered
from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, duration, listing, write
from ripieno.cli.session import opened
from ripieno.cli.settings import Settings
from ripieno.journal.feeding import Feeding
from ripieno.journal.places import is_there, only_readable
from ripieno.journal.records import RunFilter, VersionRow
from ripieno.journal.sequencer import Sequencer
from ripieno.journal.store import Store
from ripieno.kernel.clock import MICROSECONDS, SystemClock
from ripieno.model.errors import RipienoError
from ripieno.model.ids import short
from ripieno.model.provenance import CLASSES

if TYPE_CHECKING:
    from ripieno.mediation.secrets.reference import Reference

__all__ = ["Check", "doctor"]

Verdict = Literal["well", "warning", "wrong"]

OLDEST_SQLITE: Final = (3, 37, 0)
"""STRICT tables."""
LITTLE_SPACE: Final = 500_000_000
STUCK_SECONDS: Final = 300
SLOW_FSYNC_SECONDS: Final = 0.05
FSYNCS: Final = 5
SIGNS: Final = {"well": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}
MEMORY_FILESYSTEMS: Final = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def doctor(*, options: Options = DEFAULTS) -> int:
    """Check this machine and the data folder; say what to do where something is wrong.

    Exit code 1 when something is wrong, 0 when all is well or only noteworthy.
    """
    settings = options.settle()
    checks = [python(), sqlite(), *models(), *folder(settings.home)]
    if is_there(settings.home):
        checks += asyncio.run(runs(settings))
    table = listing("", "", "", "")
    for check in checks:
        sign, style = SIGNS[check.verdict]
        table.add_row(
            Text(sign, style=style), check.name, clean(check.found), clean(check.remedy, style="yellow")
        )
    documents = [
        {"check": item.name, "verdict": item.verdict, "found": item.found, "remedy": item.remedy}
        for item in checks
    ]
    write(settings.output, documents, table)
    return Exit.FAILED if any(check.verdict == "wrong" for check in checks) else Exit.OK


def python() -> Check:
    """Look at the interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", "well", f"{version} at {sys.executable}")


def sqlite() -> Check:
    """Look at the SQLite that Python was built with."""
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return Check("SQLite", "wrong", found, "a Python with SQLite 3.37 or newer is needed")
    threads = {0: "single-threaded", 1: "multi-threaded", 3: "serialised"}[sqlite3.threadsafety]
    return Check("SQLite", "well", f"{found}, {threads}")


def models() -> Iterator[Check]:
    """Look which models agents could ask here, and whether they may be shown health records."""
    from ripieno.participants.llm.found import found_models  # noqa: PLC0415 - only here

    try:
        found = found_models()
    except RipienoError as error:
        yield Check("models", "wrong", str(error), error.remedy or "")
        return
    for one in found:
        said = f"{one.name}: {one.because}"
        what, _, remedy = one.lacks.partition(": ")
        if one.lacks:
            yield Check("model", "warning", f"{said}; {what}", remedy)
        else:
            whole = set(CLASSES).issubset(one.approved_for)
            approved = "all classes of data" if whole else ", ".join(one.approved_for)
            yield Check("model", "well", f"{said}; approved for {approved}")
    if not found:
        none = "none is declared, no key of a provider is set, no Ollama answers: rules work without"
        yield Check("models", "well", none)


def folder(home: Path) -> Iterator[Check]:
    """Look at the data folder: who may read it, how much room there is, whether a write is kept."""
    if not home.is_dir():
        yield Check("data folder", "well", f"{home}: not there yet, the first run makes it")
        return
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        yield Check("data folder", "warning", f"{home}: others may look in ({mode:04o})", f"chmod 700 {home}")
    else:
        yield Check("data folder", "well", f"{home}, yours alone")
    key = home / "master.key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Check("master key", "wrong", "others may read it", f"chmod 600 {key}")
    elif key.exists():
        found = "yours alone; without it nothing can be read: keep a copy elsewhere"
        yield Check("master key", "well", found)
    free = shutil.disk_usage(home).free
    room = f"{free / 1e9:.1f} GB free"
    if free < LITTLE_SPACE:
        yield Check("disk space", "wrong", room, "make room: a run that cannot be recorded does not go on")
    else:
        yield Check("disk space", "well", room)
    yield durability(home)


def durability(home: Path) -> Check:
    """Look at what a durable write costs here; hardly anything means that it is not durable."""
    kind = filesystem(home)
    probe = home / f".probe-{os.getpid()}"
    try:
        with probe.open("wb") as file:
            began = time.perf_counter()
            for _ in range(FSYNCS):
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
            each = (time.perf_counter() - began) / FSYNCS
    except OSError as error:
        return Check("durability", "wrong", f"cannot write: {error.strerror}", "make the folder writable")
    finally:
        with contextlib.suppress(OSError):  # it could not be made, and was told above
            probe.unlink()
    found = f"synchronous=FULL, fsync {each * 1000:.1f} ms" + (f" on {kind}" if kind else "")
    if kind in MEMORY_FILESYSTEMS:
        return Check("durability", "warning", found, "the folder is in memory: set RIPIENO_HOME to a disk")
    if each > SLOW_FSYNC_SECONDS:
        return Check("durability", "warning", found, "slow: every durable step waits for it")
    return Check("durability", "well", found)


def filesystem(home: Path) -> str:
    """Give the kind of filesystem a folder is on, where the system tells."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return ""
    resolved = home.resolve()
    fitting = [
        (mount[1], mount[2]) for mount in mounts if resolved.is_relative_to(mount[1].replace("\\040", " "))
    ]
    return max(fitting, key=lambda mount: len(mount[0]), default=("", ""))[1]


async def secrets(store: Store, versions: Sequence[VersionRow]) -> list[Check]:
    """Look whether the secrets of the registered workflows can be had here; nothing of them is said."""
    from ripieno.mediation.secrets.resolver import SECRETS  # noqa: PLC0415 - few need it

    needed: dict[Reference, str] = {}
    for row in versions:
        with contextlib.suppress(RipienoError):  # what cannot be loaded is another matter, told elsewhere
            workflow = await load_registered(store, row)
            if workflow is not None:
                needed.update(dict.fromkeys(workflow.secrets, row.workflow))
    checks: list[Check] = []
    for reference, workflow in needed.items():
        problem = await asyncio.to_thread(SECRETS.problem, reference)
        if problem is not None:
            why, _, remedy = problem.partition("; ")
            checks.append(Check("secret", "warning", f"{workflow}: {why}", remedy))
    if needed and not checks:
        counted = "one secret" if len(needed) == 1 else f"{len(needed)} secrets"
        checks.append(Check("secrets", "well", f"{counted} of registered workflows can be had"))
    return checks


async def left_alone(store: Store, tenant: str, now: int) -> list[Check]:
    """Look which tools and models are left alone for a while, as they failed."""
    from ripieno.resilience.states import breakers  # noqa: PLC0415 - only here

    return [
        Check(
            "breaker",
            "warning",
            f"{one.target} is left alone ({one.failure}) for {duration((one.until - now) / MICROSECONDS)}",
            "ripieno breakers shows all of them",
        )
        for one in await breakers(store, tenant, now)
        if one.state == "open" and one.until is not None
    ]


async def master(settings: Settings, store: Store) -> list[Check]:
    """Look by which master key the keys of runs are wrapped, and whether a rotation is not over."""
    from ripieno.retention.rotation import known  # noqa: PLC0415 - only here

    now, old = await known(store, settings.home)
    said = f"{now.id}, generation {now.generation}, kept by {now.kept_by}"
    if old is None:
        return [Check("keys", "well", f"wrapped by the master key {said}")]
    left = ", ".join(f"{count:,} of {table}" for table, count in store.wrapped_by_others().items() if count)
    found = f"a rotation to the master key {said} is not over: {left or 'nothing'} left"
    return [Check("keys", "warning", found, "ripieno keys rotate --reason … ends it")]


def proof(settings: Settings) -> list[Check]:
    """Look at what was signed of the log, and whether somebody else has it."""
    if only_readable(settings.home):
        return []
    with Sequencer(settings.home) as sequencer:
        newest, told, size = sequencer.checkpoint(), sequencer.sinks(), sequencer.tree.size
        waiting = sequencer.waiting()
    compared = elsewhere(settings)
    with Feeding(settings.home) as feeding:
        untold = [one for one in feeding.cursors().values() if one.failed_at is not None]
    feeds = [
        Check("feeds", "warning", one.problem or one.feed, "it is told again while something serves")
        for one in untold
    ]
    if newest is None:
        none = Check("checkpoints", "well", "none signed yet: ripieno audit checkpoint does")
        return [*feeds, *(compared or [none])]
    behind = "" if newest.size == size and not waiting else ", and there are events after it"
    found = f"{newest.number} covers {newest.size:,} events{behind}"
    failing = [one for one in told.values() if one.failed_at is not None]
    checks = [
        Check("checkpoints", "warning", f"{one.sink}: {one.problem}", "ripieno audit checkpoint tries again")
        for one in failing
    ]
    checks += compared
    if not told:
        found += "; published nowhere outside the data folder: checkpoint_sinks says where"
    return [*feeds, *(checks or [Check("checkpoints", "well", found)])]


def elsewhere(settings: Settings) -> list[Check]:
    """Compare the log with the newest checkpoint of every sink."""
    from ripieno.anchoring.elsewhere import compare  # noqa: PLC0415 - only here
    from ripieno.anchoring.rounds import ForkError  # noqa: PLC0415 - only here

    try:
        problems = compare(settings.home, settings.anchoring)
    except ForkError as error:
        return [Check("checkpoints", "wrong", error.message, error.remedy or "")]
    again = "what it has is compared once it can be asked"
    return [
        Check("checkpoints", "warning", f"{name} was not compared: {problem}", again)
        for name, problem in problems.items()
    ]


async def runs(settings: Settings) -> list[Check]:
    """Look at the store, and for runs that do not go on by themselves."""
    checks: list[Check] = []
    try:
        async with opened(settings) as store:
            checks.append(Check("store", "well", store.described()))
            checks += await master(settings, store)
            tenant, now = settings.principal.tenant, SystemClock().now()
            going = await store.runs(RunFilter(tenant=tenant, statuses=("running",), limit=1000))
            stuck = [row for row in going if now - row.updated_at > STUCK_SECONDS * MICROSECONDS]
            for row in stuck:
                idle = duration((now - row.updated_at) / MICROSECONDS)
                found = f"{short(row.id)} {row.workflow}: nothing happened for {idle}"
                checks.append(Check("run", "warning", found, f"ripieno runs resume {short(row.id)}"))
            for row in await store.runs(
                RunFilter(tenant=tenant, statuses=("blocked", "needs_version"), limit=20)
            ):
                found = f"{short(row.id)} {row.workflow} {row.status}: {row.detail or ''}"
                remedy = f"ripieno runs migrate {short(row.id)} --dry-run"
                checks.append(Check("run", "warning", found, remedy))
            if not any(one.name == "run" for one in checks):
                waiting = len(await store.questions(tenant=tenant))
                people = f", {waiting} wait for a person" if waiting else ""
                checks.append(Check("runs", "well", f"{len(going)} going, none stuck or blocked{people}"))
            checks += await left_alone(store, tenant, now)
            checks += await asyncio.to_thread(proof, settings)
            checks += await secrets(store, await store.versions(tenant))
    except RipienoError as error:
        checks.append(Check("store", "wrong", error.message, error.remedy or ""))
    return checks
