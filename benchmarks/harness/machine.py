"""The facts about the machine without which a figure means nothing, and how busy others kept it."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Effort", "Machine", "look_at"]

SYNCS = 200
PAGE = b"\0" * 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the figures were measured on."""

    system: str
    cores: int
    memory_gb: float
    python: str
    sqlite: str
    filesystem: str
    fsync_median_ms: float
    fsync_p99_ms: float
    """Of appending one page of 4 KiB and syncing it, as a write-ahead log does."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Seconds so far: by the clock, of all cores, and of this process with its children."""

    wall_s: float
    all_cpu_s: float
    own_cpu_s: float

    @classmethod
    def now(cls) -> Effort:
        """Read the clocks."""
        machine, own = psutil.cpu_times(), os.times()
        # Steal is what neighbours of a virtual machine took; only some systems count it.
        all_cpu_s = machine.user + machine.system + getattr(machine, "steal", 0.0)
        own_cpu_s = own.user + own.system + own.children_user + own.children_system
        return cls(time.perf_counter(), all_cpu_s, own_cpu_s)

    def share_of_others(self) -> float:
        """Give the share of all cores that anything else used since: above a few percent, measure again."""
        now = Effort.now()
        others = (now.all_cpu_s - self.all_cpu_s) - (now.own_cpu_s - self.own_cpu_s)
        return max(0.0, others / ((now.wall_s - self.wall_s) * (psutil.cpu_count() or 1)))


def sync_latencies_ms(folder: Path) -> list[float]:
    """Append a page and sync it, again and again, and give how long each took."""
    probe = folder / "fsync.probe"
    latencies: list[float] = []
    with probe.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            before = time.perf_counter()
            file.write(PAGE)
            os.fsync(file.fileno())
            latencies.append((time.perf_counter() - before) * 1e3)
    probe.unlink()
    return latencies


def filesystem_of(folder: Path) -> str:
    """Name the kind of file system a folder is on; a memory file system makes durability free."""
    holding = [
        partition
        for partition in psutil.disk_partitions(all=True)
        if folder.resolve().is_relative_to(partition.mountpoint)
    ]
    return max(holding, key=lambda partition: len(partition.mountpoint)).fstype if holding else "unknown"


def look_at(folder: Path) -> Machine:
    """Gather the facts; `folder` is on the disk that the contenders write to."""
    latencies = sync_latencies_ms(folder)
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cores=psutil.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        filesystem=filesystem_of(folder),
        fsync_median_ms=round(statistics.median(latencies), 3),
        fsync_p99_ms=round(statistics.quantiles(latencies, n=100)[98], 3),
    )
