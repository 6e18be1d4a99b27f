"""`ripieno policy register`, `promote`, `share`, `rollback`, `versions`, `show`, `diff`: what decides."""

from __future__ import annotations

import asyncio
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from cyclopts import Parameter
from rich.text import Text

from ripieno.cli.exits import Exit
from ripieno.cli.options import DEFAULTS, Options
from ripieno.cli.output import clean, console, listing, note, write
from ripieno.cli.policy import loaded
from ripieno.cli.session import opened, opened_or_new
from ripieno.cli.settings import Settings
from ripieno.journal.places import is_there
from ripieno.model.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from ripieno.journal.policies import PolicySet, PolicyStage
    from ripieno.journal.store import Store
    from ripieno.mediation.policy.library import Library
    from ripieno.mediation.policy.stages import Record

__all__ = [
    "FILES",
    "chosen_library",
    "compare_sets",
    "promote_policies",
    "register_policies",
    "roll_back_policies",
    "share_policies",
    "show_policies",
    "show_versions",
]

LENGTH: Final = 12
"""Digits of a version that people see."""

FILES: Final = "files"
"""What stands for the policies as files, in the place of a version."""

Force = Annotated[bool, Parameter(negative="")]
To = Annotated[Literal["draft", "staging", "production"], Parameter(name=["--to", "--stage"])]


def register_policies(
    folder: Path | None = None, /, *, reason: str | None = None, options: Options = DEFAULTS
) -> int:
    """Keep the policies, with the packs that ship, as a draft in the log: a version that can be promoted.

    Parameters
    ----------
    folder
        A folder of policies; `policies` beside the data folder when left out.
    reason
        Why, for the log.

    """
    return asyncio.run(_register(options.settle(), folder, reason))


async def _register(settings: Settings, folder: Path | None, reason: str | None) -> int:
    from ripieno.mediation.policy.stages import register  # noqa: PLC0415 - Cedar takes its time

    library = drafted(settings, folder)
    async with opened_or_new(settings) as store:
        new = await register(store, library, by=settings.principal, reason=reason)
    table = listing("", "")
    table.add_row(clean(library.version[:LENGTH], style="bold"), "registered" if new else "was there already")
    write(settings.output, {"version": library.version, "new": new}, table)
    return Exit.OK


def drafted(settings: Settings, folder: Path | None) -> Library:
    """Load the policies of a folder, called as at their own place: a version says what, not where."""
    from ripieno.mediation.policy import load_library, policy_folder  # noqa: PLC0415 - Cedar takes its time

    if folder is None:
        return loaded(settings, None)
    library = loaded(settings, folder)  # raises where there is no such folder
    if library.problems:
        return library
    return load_library(folder, shown=policy_folder(settings.home).name)


def promote_policies(
    version: str,
    /,
    *,
    to: To,
    reason: str,
    force: Force = False,
    options: Options = DEFAULTS,
) -> int:
    """Put a version of the policies into a stage; what is in production decides from the next decision on.

    Parameters
    ----------
    version
        The version, or the beginning of it.
    to
        staging, where it can be given a share of new runs; production; or draft, which takes it out of its
        stage: out of production, the files decide again.
    reason
        Why, for the log.
    force
        Also where nobody could change policies any more.

    """
    return asyncio.run(_promote(options.settle(), version, to, reason, force=force))


async def _promote(settings: Settings, version: str, to: str, reason: str, *, force: bool) -> int:
    from ripieno.mediation.policy.stages import find_set, promote, withdraw  # noqa: PLC0415 - Cedar again

    async with opened(settings) as store:
        by = settings.principal
        kept = await find_set(store, by.tenant, version)
        if to == "draft":
            files = loaded(settings, None)
            left = await withdraw(store, kept.version, files, by=by, reason=reason, force=force)
            if left == "production":
                note("the files decide again")
        else:
            stage: Any = to
            shown(settings, await promote(store, kept, stage, by=by, reason=reason, force=force))
            return Exit.OK
    table = listing("", "")
    table.add_row(clean(kept.version[:LENGTH], style="bold"), "draft")
    write(settings.output, {"version": kept.version, "stage": "draft", "share": 0}, table)
    return Exit.OK


def share_policies(part: str, /, *, reason: str, options: Options = DEFAULTS) -> int:
    """Let the version in staging decide for a share of the new runs; the one in production for the rest.

    Parameters
    ----------
    part
        In per cent, such as 10%; 0 takes the share away, also from runs that began with it.
    reason
        Why, for the log.

    """
    number = part.strip().removesuffix("%").strip()
    if not number.isdecimal():
        msg = f"expected a share in per cent such as '10%', got {part!r}"
        raise InputError(msg)
    return asyncio.run(_share(options.settle(), int(number), reason))


async def _share(settings: Settings, part: int, reason: str) -> int:
    from ripieno.mediation.policy.stages import share  # noqa: PLC0415 - Cedar takes its time

    async with opened(settings) as store:
        shown(settings, await share(store, part, by=settings.principal, reason=reason))
    return Exit.OK


def roll_back_policies(*, reason: str, force: Force = False, options: Options = DEFAULTS) -> int:
    """Take the last change back: a candidate loses its share, else what was in production before decides.

    Parameters
    ----------
    reason
        Why, for the log.
    force
        Also where nobody could change policies any more.

    """
    return asyncio.run(_roll_back(options.settle(), reason, force=force))


async def _roll_back(settings: Settings, reason: str, *, force: bool) -> int:
    from ripieno.mediation.policy.stages import roll_back  # noqa: PLC0415 - Cedar takes its time

    async with opened(settings) as store:
        shown(settings, await roll_back(store, by=settings.principal, reason=reason, force=force))
    return Exit.OK


def shown(settings: Settings, put: PolicyStage) -> None:
    """Show what a stage holds now."""
    table = listing("", "", "")
    table.add_row(clean(put.version[:LENGTH], style="bold"), put.stage, f"{put.share} %")
    write(settings.output, {"version": put.version, "stage": put.stage, "share": put.share}, table)


# -- what there is -----------------------------------------------------------------------------------


def show_versions(*, options: Options = DEFAULTS) -> int:
    """Show the versions of the policies: stage, share of new runs, and how changes went.

    Kept is every version that has ever decided, and every one that was registered. The change-fail rate is
    the part of the changes that were rolled back, counted from the log.
    """
    return asyncio.run(_show_versions(options.settle()))


async def _show_versions(settings: Settings) -> int:
    from ripieno.mediation.policy.stages import record  # noqa: PLC0415 - Cedar takes its time

    async with opened(settings) as store:
        found = await record(store, settings.principal.tenant)
    table = listing("version", "stage", "share", "since", "by", "changes", "back")
    for kept, one in found.versions:
        table.add_row(
            kept.version[:LENGTH],
            Text(stage_of(kept, one.stage), style="bold" if one.stage else "dim"),
            f"{one.share} %" if one.stage else "",
            "" if one.since is None else f"{one.since.astimezone():%Y-%m-%d %H:%M}",
            clean(kept.by),
            str(one.changes),
            str(one.failed_changes),
        )
    write(settings.output, versions_document(found), table)
    if found.fail_rate is not None:
        rate = f"{found.fail_rate:.0%} ({found.failed_changes} of {found.changes} rolled back)"
        note(f"change-fail rate: {rate}")
    if all(one.stage != "production" for _, one in found.versions):
        note("no version is in production: the files decide")
    return Exit.OK


def stage_of(kept: PolicySet, stage: str | None) -> str:
    """Give the word for where a version stands."""
    return stage or ("draft" if kept.state == "registered" else "was files")


def versions_document(found: Record) -> dict[str, object]:
    """Give it as programs read it."""
    return {
        "changes": found.changes,
        "failed_changes": found.failed_changes,
        "change_fail_rate": found.fail_rate,
        "versions": [
            {
                "version": kept.version,
                "state": kept.state,
                "stage": stage_of(kept, one.stage),
                "share": one.share,
                "since": None if one.since is None else one.since.isoformat(),
                "by": kept.by or None,
                "changes": one.changes,
                "failed_changes": one.failed_changes,
            }
            for kept, one in found.versions
        ],
    }


def show_policies(version: str, /, *, pack: str | None = None, options: Options = DEFAULTS) -> int:
    """Show what a version of the policies says: one of `policy versions`, or one that an event names.

    Parameters
    ----------
    version
        The version, or the beginning of it.
    pack
        Only what holds under this pack.

    """
    return asyncio.run(_show(options.settle(), version, pack))


async def _show(settings: Settings, version: str, pack: str | None) -> int:
    async with opened(settings) as store:
        library, named = find_library(store, settings.principal.tenant, version)
    from ripieno.mediation.policy.texts import digest_of_pack, files_of  # noqa: PLC0415 - Cedar again

    wanted = pack or named
    if wanted is None:
        files = files_of(library)
    else:
        policies = library.rules(wanted).policies
        names = {policy.place.file for policy in policies}
        files = {name: text for name, text in files_of(library).items() if name in names}
    packs = {one.name: digest_of_pack(one) for one in library.given}
    document = {"version": library.version, "pack": wanted, "packs": packs, "files": files}
    if settings.output != "table":
        write(settings.output, document, None)
        return Exit.OK
    screen = console(sys.stdout)
    screen.print(Text.assemble("version ", (library.version, "bold")), soft_wrap=True)
    if wanted is not None:
        screen.print(Text.assemble("under pack ", clean(wanted, style="bold")), soft_wrap=True)
    for name, digest in packs.items():
        screen.print(Text.assemble("pack ", clean(name), (f" {digest[:LENGTH]}", "dim")), soft_wrap=True)
    for name, text in files.items():
        screen.print(Text.assemble("\n", (f"// {name}", "dim")), soft_wrap=True)
        for line in text.rstrip().splitlines():
            screen.print(Text(plain(line)), soft_wrap=True)
    return Exit.OK


def plain(line: str) -> str:
    """Give a line of a file as it stands, but for control characters."""
    expanded = line.expandtabs(4)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in expanded)


def find_library(store: Store, tenant: str, version: str) -> tuple[Library, str | None]:
    """Give the set of a version, and the pack where the version is what an event says of one.

    Raises `NotFoundError`, and `InputError` where several begin so.
    """
    from ripieno.mediation.policy.in_force import kept_library  # noqa: PLC0415 - Cedar takes its time

    kept = store.policy_sets(tenant)
    found = [one for one in kept if version and one.version.startswith(version)]
    if len(found) > 1:
        msg = f"{version!r} fits {len(found)} sets of policies"
        raise InputError(msg, remedy="give more of it")
    if found:
        return kept_library(store, tenant, found[0].version), None
    for one in kept if version else ():
        library = kept_library(store, tenant, one.version)
        for pack in library.packs:
            if pack_version(library, pack).startswith(version):
                return library, pack
    msg = f"no policies {version!r} are kept in the log"
    raise NotFoundError(msg, remedy="ripieno policy versions shows those that are")


def pack_version(library: Library, pack: str) -> str:
    """Give what events name as the version of what holds under a pack; empty where it cannot be used."""
    from ripieno.mediation.policy.problems import PolicyError  # noqa: PLC0415 - Cedar takes its time

    try:
        return library.rules(pack).version
    except PolicyError:
        return ""


def chosen_library(settings: Settings, folder: Path | None, version: str | None) -> Library:
    """Give the policies of a folder, or of a version; those in force where neither is named."""
    if folder is None:
        return library_in_force(settings, version)
    if version not in {None, FILES}:
        msg = "expected either a folder of policies or a version of them"
        raise InputError(msg)
    return loaded(settings, folder)


def library_in_force(settings: Settings, version: str | None = None) -> Library:
    """Give the policies of a version; without one those that decide for the tenant now."""
    if not is_there(settings.home):
        if version is not None and version != FILES:
            msg = f"nothing has run in {settings.home} yet"
            raise NotFoundError(msg, remedy="--home names another data folder")
        return loaded(settings, None)
    return asyncio.run(_in_force(settings, version))


async def _in_force(settings: Settings, version: str | None) -> Library:
    from ripieno.mediation.policy.in_force import kept_library  # noqa: PLC0415 - Cedar takes its time

    if version == FILES:
        return loaded(settings, None)
    async with opened(settings) as store:
        tenant = settings.principal.tenant
        if version is not None:
            return find_library(store, tenant, version)[0]
        held = store.policy_stages(tenant).production
        return loaded(settings, None) if held is None else kept_library(store, tenant, held.version)


def compare_sets(first: str, second: str = FILES, /, *, options: Options = DEFAULTS) -> int:
    """Show what is different between two versions of the policies. Exit code 1 when anything is.

    Parameters
    ----------
    first
        A version or the beginning of it, or `files` for the policies as files.
    second
        Another one; the files when left out.

    """
    from ripieno.mediation.policy.texts import files_of  # noqa: PLC0415 - Cedar takes its time

    settings = options.settle()
    before, after = (files_of(library_in_force(settings, one)) for one in (first, second))
    lines: list[str] = []
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    for name in changed:
        old, new = before.get(name, ""), after.get(name, "")
        lines += difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"{first}/{name}", f"{second}/{name}", lineterm=""
        )
    if settings.output != "table":
        write(settings.output, {"files": changed, "diff": lines}, None)
        return Exit.FAILED if changed else Exit.OK
    screen = console(sys.stdout)
    for line in lines:
        style = {"+": "green", "-": "red"}.get(line[:1], "")
        screen.print(Text(plain(line), style=style), soft_wrap=True)
    note(f"{len(changed)} file{'' if len(changed) == 1 else 's'} different")
    return Exit.FAILED if changed else Exit.OK
