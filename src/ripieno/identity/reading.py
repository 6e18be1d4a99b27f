"""Reads of labelled data by people: each is in the tenant's log before anything is shown.

What is labelled is what a workflow, a tool or a workflow within it declares as the classes of data it
touches, and what the run's log tells of (`kernel/labels.py`). Where the read cannot be
recorded the data is not shown. Whoever starts a run, or answers one of its tasks, stands in the run's own
log with that, and is shown what came of it without a further event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from ripieno.journal.records import RunRow
from ripieno.journal.store import Store
from ripieno.kernel.labels import check_shown, classes_of, is_open, listed_by
from ripieno.kernel.verdicts import told
from ripieno.model.errors import StoreError
from ripieno.model.event import Json
from ripieno.model.gate import Decision
from ripieno.model.principal import Principal

__all__ = ["check_read", "classes_of", "is_open", "read_run", "read_runs", "within_reach"]


async def read_run(store: Store, run: RunRow, what: str, *, by: Principal, reason: str | None = None) -> None:
    """Record that `by` is about to be shown what a run holds; nothing for a run without classes of data.

    `what` names the command. Raises `NotAllowedError` for a key that is not good for it, or where policy
    does not let `by` read such data, and `StoreError` where it cannot be recorded.
    """
    by = await check_read(store, run, what, by=by)
    await read_runs(store, [run], what, by=by, reason=reason)


async def check_read(store: Store, run: RunRow, what: str, *, by: Principal) -> Principal:
    """Give `by` with leave to be shown what a run holds, which `read_runs` records; raises as `read_run`."""
    by.check_scope("data.read", run.workflow)
    try:
        return await check_shown(store, run, what, by)
    except StoreError as error:
        raise unrecorded(await classes_of(store, run), error) from error


async def read_runs(
    store: Store, runs: Iterable[RunRow], what: str, *, by: Principal, reason: str | None = None
) -> None:
    """Record that `by` is about to be shown something of several runs, as one event.

    A list tells that there are runs, and how they stand; policy decides about what one of them holds. The
    event names the policies that let it be shown, and the runs of which it is not as `kept`.
    """
    by.check_scope("data.read")
    labelled = {run.id: (run, names) for run in runs if (names := await classes_of(store, run))}
    if not labelled:
        return
    classes = sorted({name for _, names in labelled.values() for name in names})
    body: dict[str, Json] = {"what": what, "by": by.id, "runs": [*labelled], "classes": [*classes]}
    if by.leave is None:
        body |= await leave_of_list(store, [run for run, _ in labelled.values()], what, by)
    try:
        await store.record(by.tenant, "data.read", body, reason=reason)
    except StoreError as error:
        raise unrecorded(classes, error) from error


async def leave_of_list(store: Store, runs: Sequence[RunRow], what: str, by: Principal) -> dict[str, Json]:
    """Give by what policies a list shows what runs hold, and which of them it keeps to itself."""
    policies: set[str] = set()
    versions: set[str] = set()
    kept: list[Json] = []
    for run in runs:
        decisions = await listed_by(store, run, what, by)
        if decisions is None:
            kept.append(run.id)
        for one in decisions or ():
            policies.update(one.policies)
            versions.add(one.version)
    version = versions.pop() if len(versions) == 1 else store.gate.version  # of several packs: of them all
    said = told(Decision("allow", tuple(sorted(policies)), version))
    if kept:
        said["kept"] = kept
    return said


def unrecorded(classes: Sequence[str], error: StoreError) -> StoreError:
    """Give the error that tells why data is not shown."""
    labels = ", ".join(classes)
    msg = f"{labels} data is not shown, since that it was read cannot be recorded: {error.message}"
    return StoreError(msg, remedy=error.remedy)


class OfWorkflow(Protocol):
    """What belongs to a workflow: a run, a version, a participant."""

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        ...


Row = TypeVar("Row", bound=OfWorkflow)


def within_reach(rows: Sequence[Row], by: Principal) -> list[Row]:
    """Give the runs, versions or participants that a credential is good for."""
    return [row for row in rows if by.scope.reaches(row.workflow)]
