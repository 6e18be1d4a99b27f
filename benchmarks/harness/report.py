"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from harness.contender import Failure, Measurement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.machine import Machine
    from harness.rounds import Entry
    from harness.scenario import ScenarioResult
    from harness.shape import Shape, Size

__all__ = ["Comparison", "Report", "Row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One contender at one size: medians over the rounds."""

    name: str
    label: str
    persistence: str
    failures: list[str]
    """Of what it failed, in each round in which it did; the figures are of the other rounds."""

    steps_per_s: float | None
    ratio: float | None
    """Steps per second against the contender named, taken within each round, then the median."""

    ratio_least: float | None
    ratio_most: float | None
    cpu_ms_per_step: float | None
    wall_s: float | None
    setup_s: float | None
    peak_rss_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All contenders at one size."""

    shape: Shape
    size: Size
    entries: list[Entry]
    rounds: list[dict[str, Measurement | Failure]]
    share_of_others: float
    """The share of all cores that other processes used while this was measured."""

    @property
    def against(self) -> str:
        """The base of the ratios: the durable LangGraph, where there is none the durable Agent Framework."""
        names = [entry.name for entry in self.entries]
        bases = [
            name
            for peer in ("langgraph_sqlite", "agent_framework_files")
            for name in names
            if name.endswith(peer)
        ]
        return (bases or names)[0]

    def rows(self) -> list[Row]:
        """Give a row for each contender that was measured at this size."""
        return [self._row(entry) for entry in self.entries]

    def _row(self, entry: Entry) -> Row:
        every = [measured[entry.name] for measured in self.rounds]
        mine = [it for it in every if isinstance(it, Measurement)]
        pairs = [(measured[self.against], measured[entry.name]) for measured in self.rounds]
        ratios = [
            base.wall_s / it.wall_s
            for base, it in pairs
            if isinstance(base, Measurement) and isinstance(it, Measurement)
        ]
        steps = self.size.runs * self.size.steps
        return Row(
            name=entry.name,
            label=entry.description.label,
            persistence=entry.description.persistence,
            failures=[it.why for it in every if isinstance(it, Failure)],
            steps_per_s=median(steps / it.wall_s for it in mine),
            ratio=median(ratios),
            ratio_least=min(ratios, default=None),
            ratio_most=max(ratios, default=None),
            cpu_ms_per_step=median(it.cpu_s * 1e3 / steps for it in mine),
            wall_s=median(it.wall_s for it in mine),
            setup_s=median(it.setup_s for it in mine),
            peak_rss_mb=median(it.peak_rss_mb for it in mine),
        )


def median(figures: Iterable[float]) -> float | None:
    """Give the median; None of nothing."""
    found = list(figures)
    return statistics.median(found) if found else None


def table(header: list[str], rows: Iterable[list[str]], *, column: str = "---:") -> list[str]:
    """Give the lines of a Markdown table, the columns after the first aligned as numbers are."""
    ruler = ["---", *[column] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in [header, ruler, *rows]]


def ratio_of(row: Row) -> str:
    """Write the ratio with its spread over the rounds."""
    if row.ratio is None:
        return "not measured"
    return f"{row.ratio:.2f} ({row.ratio_least:.2f} to {row.ratio_most:.2f})"


def cells_of(row: Row) -> list[str]:
    """Give the cells of a row; whoever never finished has none but its name."""
    figures = (row.steps_per_s, row.cpu_ms_per_step, row.peak_rss_mb, row.setup_s)
    if None in figures:
        return [row.label, "failed", "", "", "", ""]
    rate, cpu, rss, setup = figures
    return [row.label, f"{rate:,.0f}", ratio_of(row), f"{cpu:.3f}", f"{rss:.0f}", f"{setup:.2f}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything one bench measured."""

    quick: bool
    started: str
    machine: Machine
    share_of_others: float
    """The share of all cores that other processes used meanwhile."""

    concurrency: int
    comparisons: list[Comparison]
    scenarios: list[ScenarioResult]

    def as_json(self) -> dict[str, object]:
        """Give everything, each round's raw measurement included."""
        return {
            "quick": self.quick,
            "started": self.started,
            "machine": asdict(self.machine),
            "share_of_others": self.share_of_others,
            "concurrency": self.concurrency,
            "contenders": {
                entry.name: asdict(entry.description)
                for comparison in self.comparisons
                for entry in comparison.entries
            },
            "comparisons": [
                {
                    "shape": comparison.shape,
                    "size": asdict(comparison.size),
                    "against": comparison.against,
                    "share_of_others": comparison.share_of_others,
                    "rows": [asdict(row) for row in comparison.rows()],
                    "rounds": [
                        {name: asdict(it) for name, it in measured.items()} for measured in comparison.rounds
                    ],
                }
                for comparison in self.comparisons
            ],
            "scenarios": [asdict(scenario) for scenario in self.scenarios],
        }

    @property
    def failed(self) -> bool:
        """Tell whether any contender failed in any round."""
        return any(row.failures for comparison in self.comparisons for row in comparison.rows())

    def as_markdown(self) -> str:
        """Give the page that people read."""
        lines = ["# Benchmarks", "", *self._preface()]
        for comparison in self.comparisons:
            lines += ["", *self._comparison(comparison)]
        for scenario in self.scenarios:
            cells = [[it.what, f"{it.value:,.4g} {it.unit}", it.goal] for it in scenario.figures]
            lines += ["", f"## {scenario.title}", "", *table(["what", "measured", "goal"], cells)]
        every = (entry for it in self.comparisons for entry in it.entries)
        entries = {
            (entry.description.label, entry.description.persistence): entry for entry in every
        }.values()
        lines += ["", "## What each one keeps", ""]
        lines += table(
            ["contender", "durable when a step is done", "versions"],
            (
                [
                    entry.description.label,
                    entry.description.persistence,
                    ", ".join(f"{name} {at}" for name, at in entry.description.versions.items()),
                ]
                for entry in entries
            ),
            column="---",
        )
        return "\n".join(lines) + "\n"

    def _preface(self) -> list[str]:
        at = self.machine
        lines = ["A smoke run: these figures mean nothing.", ""] if self.quick else []
        return [
            *lines,
            (
                f"{self.started}. {at.system}, {at.cores} cores, {at.memory_gb} GB, Python {at.python}, "
                f"SQLite {at.sqlite}, {at.filesystem}, "
                f"fsync {at.fsync_median_ms} ms (p99 {at.fsync_p99_ms}). "
                f"Anything else used {self.share_of_others:.0%} of the cores. "
                f"At most {self.concurrency} runs in flight."
            ),
        ]

    def _comparison(self, comparison: Comparison) -> list[str]:
        size, shape, rounds = comparison.size, comparison.shape, comparison.rounds
        base = comparison.against.removeprefix(f"{shape}_")
        rows = comparison.rows()
        header = [
            "contender",
            "steps/s",
            f"x {base}",
            "CPU ms/step",
            "peak RSS MB",
            "setup s",
        ]
        title = f"## {shape} {size} (runs x steps), rounds: {len(rounds)}"
        load = f"Anything else used {comparison.share_of_others:.0%} of the cores meanwhile."
        failed = [
            f"{row.label} failed in {len(row.failures)} of {len(rounds)} rounds: {row.failures[-1]}"
            for row in rows
            if row.failures
        ]
        lines = [title, "", load, "", *table(header, map(cells_of, rows))]
        return [*lines, *(line for it in failed for line in ("", it))]
