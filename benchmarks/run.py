"""`python run.py`: measures every contender and scenario and writes `results/latest.md` and `.json`.

Exits non-zero on an error only, never on a figure. A contender that fails is shown in its table, and the
others are measured all the same; what was measured is written in any case.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.machine import Effort, look_at
from harness.report import Comparison, Report
from harness.rounds import Bench, CallError, found_in
from harness.shape import QUICK, SHAPES

RESULTS = Path(__file__).parent / "results"


def options() -> argparse.Namespace:
    """Read the command line."""
    contenders, scenarios = found_in("contenders"), found_in("scenarios")
    parser = argparse.ArgumentParser(description="Measure Ripieno and its peers side by side.")
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures mean nothing")
    parser.add_argument("--rounds", type=int, default=3, help="rounds to take medians over (default 3)")
    parser.add_argument("--concurrency", type=int, default=100, help="runs in flight at once (default 100)")
    parser.add_argument("--shape", choices=SHAPES, nargs="+", default=list(SHAPES), help="these shapes only")
    parser.add_argument("--only", choices=contenders, nargs="+", default=contenders, help="these contenders")
    sizes = sorted({str(size) for every in SHAPES.values() for size in every})
    parser.add_argument("--size", choices=sizes, nargs="+", default=sizes, help="these sizes only")
    parser.add_argument("--scenario", choices=scenarios, nargs="*", default=scenarios, help="these only")
    parser.add_argument("--name", default="", help="of the files in results/ (default latest, or quick)")
    return parser.parse_args()


def measured(chosen: argparse.Namespace, folder: Path) -> Report:
    """Measure everything asked for."""
    started, effort, machine = datetime.now(UTC), Effort.now(), look_at(folder)
    bench = Bench(folder=folder, concurrency=chosen.concurrency)
    entries = [bench.describe(name) for name in chosen.only]
    if not chosen.quick:
        bench.rounds(entries[:1], QUICK[0], 1)  # warms the disk's and the interpreter's caches
    comparisons: list[Comparison] = []
    for shape in chosen.shape:
        of_shape = [entry for entry in entries if entry.description.shape == shape]
        for size in QUICK if chosen.quick else [it for it in SHAPES[shape] if str(it) in chosen.size]:
            able = [entry for entry in of_shape if entry.takes(size)]
            if able:
                beside = Effort.now()
                rounds = bench.rounds(able, size, 1 if chosen.quick else chosen.rounds)
                others = beside.share_of_others()
                it = Comparison(shape=shape, size=size, entries=able, rounds=rounds, share_of_others=others)
                comparisons.append(it)
    scenarios = [bench.scenario(name, quick=chosen.quick) for name in chosen.scenario]
    return Report(
        quick=chosen.quick,
        started=started.strftime("%Y-%m-%d %H:%M UTC"),
        machine=machine,
        concurrency=chosen.concurrency,
        comparisons=comparisons,
        scenarios=scenarios,
        share_of_others=effort.share_of_others(),
    )


def main() -> int:
    """Measure, write, print, and give the exit code."""
    chosen = options()
    RESULTS.mkdir(exist_ok=True)
    try:
        with TemporaryDirectory(prefix="data-", dir=RESULTS) as folder:
            report = measured(chosen, Path(folder))
    except CallError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    name = chosen.name or ("quick" if chosen.quick else "latest")
    (RESULTS / f"{name}.json").write_text(json.dumps(report.as_json(), indent=2) + "\n")
    (RESULTS / f"{name}.md").write_text(report.as_markdown())
    print(report.as_markdown(), end="")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
