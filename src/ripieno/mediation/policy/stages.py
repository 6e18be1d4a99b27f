"""Putting sets of policies in force: registered, promoted, shared, rolled back; and what came of each change.

A set that is registered is a draft. One set can be in staging, and decide for a share of the new runs; one is
in production, and decides for all else. While none is in production, the files decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ripieno.identity.directory import Directory
from ripieno.journal.deployments import Stage
from ripieno.journal.policies import PolicySet, PolicyStage
from ripieno.journal.store import Store
from ripieno.kernel.allowed import check_policy_change, policy_change
from ripieno.kernel.change_fails import VersionRecord, count
from ripieno.kernel.clock import moment
from ripieno.kernel.deployments import Past, stack
from ripieno.kernel.shares import WHOLE
from ripieno.mediation.policy.gate import PolicyGate
from ripieno.mediation.policy.in_force import kept_library
from ripieno.mediation.policy.library import Library
from ripieno.mediation.policy.problems import PolicyError
from ripieno.mediation.policy.texts import text_of
from ripieno.model.errors import InputError, NotFoundError, RefusedError
from ripieno.model.principal import Principal

__all__ = [
    "Record",
    "find_set",
    "history",
    "promote",
    "record",
    "register",
    "roll_back",
    "share",
    "withdraw",
]


async def register(store: Store, library: Library, *, by: Principal, reason: str | None = None) -> bool:
    """Keep a set of policies as a draft of the tenant of `by`; False when it was there.

    Raises `PolicyError` for one that could not be used.
    """
    by = await check_policy_change(
        store, by, "register", library.version, given={"version": library.version}, reason=reason
    )
    if library.problems:
        raise PolicyError(library.problems)
    return await store.register_policies(
        by.tenant, library.version, text_of(library), by=by.id, reason=reason
    )


async def promote(
    store: Store, kept: PolicySet, stage: Stage, *, by: Principal, reason: str, force: bool = False
) -> PolicyStage:
    """Put a registered set into a stage, in place of the one there.

    What is in production decides from the next decision on, also for what is under way. A set that goes from
    staging to production gives up the share it had. Raises `RefusedError` where it stands there already, and
    without `force` where nobody could change policies any more.
    """
    by = await check_policy_change(
        store,
        by,
        "promote",
        kept.version,
        given={"version": kept.version, "to": stage, "force": force},
        reason=reason,
    )
    check_reason(reason)
    if kept.state != "registered":
        msg = f"policies {kept.version[:12]} are kept because they once decided, and were never registered"
        raise RefusedError(msg, remedy="register them: ripieno policy register FOLDER")
    now = store.policy_stages(by.tenant)
    before = now.production if stage == "production" else now.staging
    if before is not None and before.version == kept.version:
        msg = f"{kept.version[:12]} is in {stage} already"
        raise RefusedError(msg)
    library = usable(store, by.tenant, kept.version)
    if stage == "production" and not force:
        check_keepers(store, library, by)
    new = PolicyStage(stage, kept.version, WHOLE if stage == "production" else 0, by.id)
    put = await store.deploy_policies(by.tenant, new, "promote", before, reason=reason)
    candidate = now.candidate
    if stage == "production" and candidate is not None and candidate.version == kept.version:
        over = replace(candidate, share=0, by=by.id)
        await store.deploy_policies(by.tenant, over, "share", candidate, reason=reason)
    return put


async def withdraw(
    store: Store, version: str, files: Library, *, by: Principal, reason: str, force: bool = False
) -> Stage:
    """Make a set a draft again, and give the stage that it was in; out of production, the files decide.

    Raises `RefusedError` where it is in no stage; where another waits in staging for production to go; and
    without `force` where nobody could change policies any more.
    """
    by = await check_policy_change(
        store, by, "withdraw", version, given={"version": version, "force": force}, reason=reason
    )
    check_reason(reason)
    now = store.policy_stages(by.tenant)
    for held in (now.staging, now.production):
        if held is not None and held.version == version:
            break
    else:
        msg = f"{version[:12]} is a draft already"
        raise RefusedError(msg)
    if held.stage == "production":
        if now.candidate is not None:
            msg = f"{now.candidate.version[:12]} decides for {now.candidate.share} % of new runs"
            raise RefusedError(msg, remedy="take its share away first: ripieno policy share 0")
        if not force:
            check_keepers(store, files, by)
    await store.withdraw_policies(by.tenant, held, by.id, reason)
    return held.stage


async def share(store: Store, part: int, *, by: Principal, reason: str) -> PolicyStage:
    """Let the set in staging decide for a share of the new runs, in per cent; 0 takes it away.

    A run that began under it is decided by it as long as it has a share, and then by what is in production.
    Raises `InputError` for no such share, and `RefusedError` where nothing is in staging or in production.
    """
    now = store.policy_stages(by.tenant)
    by = await check_policy_change(
        store, by, "share", now.staging.version if now.staging else "*", given={"share": part}, reason=reason
    )
    check_reason(reason)
    if not 0 <= part <= WHOLE:
        msg = f"expected a share from 0 to {WHOLE} per cent, got {part}"
        raise InputError(msg)
    if now.staging is None or now.production is None:
        lacks = "staging" if now.staging is None else "production"
        msg = f"no policies are in {lacks}"
        raise RefusedError(msg, remedy=f"ripieno policy promote VERSION --to {lacks} --reason WHY")
    if now.staging.version == now.production.version:
        msg = f"{now.staging.version[:12]} is in production already, and decides for every run"
        raise RefusedError(msg)
    new = replace(now.staging, share=part, by=by.id)
    return await store.deploy_policies(by.tenant, new, "share", now.staging, reason=reason)


async def roll_back(store: Store, *, by: Principal, reason: str, force: bool = False) -> PolicyStage:
    """Take the last change of what decides back, and give what decides now.

    A candidate loses its share. Without one, production gets the set that it had before the one it has: asked
    again, the one before that. Raises `RefusedError` where there was none before.
    """
    tenant = by.tenant
    now = store.policy_stages(tenant)
    by = await check_policy_change(
        store,
        by,
        "rollback",
        now.production.version if now.production else "*",
        given={"force": force},
        reason=reason,
    )
    check_reason(reason)
    if now.candidate is not None:
        over = replace(now.candidate, share=0, by=by.id)
        return await store.deploy_policies(tenant, over, "roll back", now.candidate, reason=reason)
    if now.production is None:
        msg = "no policies are in production: the files decide"
        raise RefusedError(msg)
    before = in_production(await history(store, tenant))
    if len(before) < 2:  # noqa: PLR2004 - the one there is and the one before it
        version = now.production.version[:12]
        msg = f"{version} is the first set of policies in production"
        remedy = f"ripieno policy promote {version} --to draft --reason WHY lets the files decide again"
        raise RefusedError(msg, remedy=remedy)
    library = usable(store, tenant, before[-2])
    if not force:
        check_keepers(store, library, by)
    new = replace(now.production, version=before[-2], by=by.id)
    return await store.deploy_policies(tenant, new, "roll back", now.production, reason=reason)


# -- what is checked before ------------------------------------------------------------------------------


def check_reason(reason: str) -> None:
    """Raise `InputError` for a change without a reason."""
    if not reason.strip():
        msg = "changing which policies decide needs a reason"
        raise InputError(msg)


def usable(store: Store, tenant: str, version: str) -> Library:
    """Give a set that is kept; raises `PolicyError` for one that this version of Ripieno cannot use."""
    library = kept_library(store, tenant, version)
    if library.problems:
        raise PolicyError(library.problems)
    return library


def check_keepers(store: Store, library: Library, by: Principal) -> None:
    """Raise `RefusedError` where nobody who is known could change policies any more."""
    gate, directory = PolicyGate(library), Directory(store)
    known = [row.id for row in store.principals(by.tenant) if row.status == "active"]
    everybody = [by, *(directory.principal(by.tenant, one) for one in known if one != by.id)]
    said = [gate.decide(policy_change(one, "promote", library.version)) for one in everybody]
    if not any(one.verdict == "allow" for one in said):
        who = f"{by.id} nor anybody in the directory" if len(everybody) > 1 else f"{by.id}, who asks for it,"
        lack = "neither" if len(everybody) > 1 else "not even"
        msg = f"under {library.version[:12]} {lack} {who} may change policies: {said[0].reason}"
        raise RefusedError(msg, remedy="permit policy.change to somebody, or say --force and why")


async def find_set(store: Store, tenant: str, version: str) -> PolicySet:
    """Give the kept set that people mean by the beginning of its version; raises `NotFoundError`."""
    found = [one for one in store.policy_sets(tenant) if one.version.startswith(version)]
    if len(found) > 1:
        msg = f"{version!r} fits {len(found)} sets of policies"
        raise InputError(msg, remedy="give more of it")
    if not found:
        msg = f"no policies {version!r} are kept in the log"
        raise NotFoundError(msg, remedy="ripieno policy versions shows those that are")
    return found[0]


# -- what was done ---------------------------------------------------------------------------------------


async def history(store: Store, tenant: str) -> list[Past]:
    """Give every change of what decides, oldest first, from the log."""
    return [Past(event) for event in await store.changes(tenant, "policy.deployed", "policy.withdrawn")]


def in_production(past: Sequence[Past]) -> list[str]:
    """Give the sets that a rollback would go through since the files decided last, the present one last."""
    ends = [
        number
        for number, change in enumerate(past)
        if change.event.kind == "policy.withdrawn" and change.body["stage"] == "production"
    ]
    since = past[ends[-1] + 1 :] if ends else past
    return stack([change for change in since if change.event.kind == "policy.deployed"])


@dataclass(frozen=True, slots=True)
class Record:
    """What became of the sets of policies of a tenant."""

    versions: Sequence[tuple[PolicySet, VersionRecord]]
    """The latest first."""

    @property
    def changes(self) -> int:
        """How often a set decided for runs that it did not decide for before."""
        return sum(one.changes for _, one in self.versions)

    @property
    def failed_changes(self) -> int:
        """How many of these were rolled back."""
        return sum(one.failed_changes for _, one in self.versions)

    @property
    def fail_rate(self) -> float | None:
        """The part of the changes that were rolled back; None while there was none."""
        return self.failed_changes / self.changes if self.changes else None


async def record(store: Store, tenant: str) -> Record:
    """Give what became of every set of policies that is kept, counted from the log and nothing else."""
    kept = store.policy_sets(tenant)
    past = await history(store, tenant)
    events = {} if not kept else await times(store, tenant)
    found = {one.version: VersionRecord(one.version, since=moment(events[one.event])) for one in kept}
    count(found, past)
    now = store.policy_stages(tenant)
    for held in (now.staging, now.production):
        if held is not None:
            one = found[held.version]
            one.stage, one.share, one.since = held.stage, held.share, moment(events[held.event])
    if now.production is not None and now.candidate is not None:
        found[now.production.version].share -= now.candidate.share
    return Record([(one, found[one.version]) for one in kept])


async def times(store: Store, tenant: str) -> dict[int, int]:
    """Give when sets of policies were registered and deployed, by the events that say so."""
    return {event.seq: event.at for event in await store.changes(tenant, "policy.kept", "policy.deployed")}
