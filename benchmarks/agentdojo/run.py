"""AgentDojo through the gate: what is still useful, what reaches a person, and which attacks get through.

No model takes part. A puppet makes the calls of the right way through each user's task, and then those of the
injected task, as a fully hijacked agent would; only the gate stands between them and the environment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from arms import ARMS, write_packs
from cases import ATTACK, SUITES, VERSION, Case, Suite
from governed import Ended, Governed

from ripieno import open_host

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """What was found of one suite under one set of policies."""

    suite: str
    arm: str
    user_tasks: int
    useful: int
    """User tasks that are done as AgentDojo judges, a person having approved what they need."""
    asked: int
    """Calls of these about which a person was asked."""
    attacks: int
    succeeded: int
    """Attacks that did what was injected."""
    useful_under_attack: int
    stopped: int
    """Injected calls that a person was asked about, and refused."""
    read: int
    """Characters of sources that people were shown who vouched for them, over the user tasks alone."""
    by_answer: int
    """Attacks that are done without any call: by what the agent answers."""
    commit: str
    """What was measured, as git names it."""
    labelled: int = 0
    """Answers of user tasks alone that say of a part that nobody answers for it."""
    labelled_attacks: int = 0
    """The same of attacks that are done by the answer alone."""

    @property
    def line(self) -> str:
        """The row of the table."""
        cells = (
            self.suite,
            self.arm,
            f"{self.useful}/{self.user_tasks} ({share(self.useful, self.user_tasks)})",
            f"{self.asked / self.user_tasks:.2f}",
            f"{self.succeeded}/{self.attacks} ({share(self.succeeded, self.attacks)})",
            f"{self.by_answer}",
            share(self.useful_under_attack, self.attacks),
            f"{self.read / self.asked:,.0f}" if self.asked else "-",
        )
        return f"| {' | '.join(cells)} |"


def share(part: int, whole: int) -> str:
    """Give a part as per cent."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


async def measured(governed: Governed, suite: Suite, arm: str) -> tuple[Row, list[dict[str, object]]]:
    """Run every task and every attack of a suite."""
    alone = await run_all(governed, suite.user_tasks())
    attacked = await run_all(governed, suite.attacks())
    row = Row(
        suite.name,
        arm,
        len(alone),
        sum(ended.useful for _, ended in alone),
        sum(ended.asked for _, ended in alone),
        len(attacked),
        sum(ended.attacked for _, ended in attacked),
        sum(ended.useful for _, ended in attacked),
        sum(ended.stopped for _, ended in attacked),
        sum(ended.read for _, ended in alone),
        sum(case.by_answer_alone for case, _ in attacked),
        commit(),
        sum(ended.labelled for _, ended in alone),
        sum(ended.labelled for case, ended in attacked if case.by_answer_alone),
    )
    details = [
        {"user": case.user.ID, "injection": case.injection and case.injection.ID, **asdict(ended)}
        for case, ended in (*alone, *attacked)
    ]
    return row, details


async def run_all(governed: Governed, cases: Sequence[Case]) -> list[tuple[Case, Ended]]:
    """Run cases one after another."""
    return [(case, await governed.run(case)) for case in cases]


async def main(arms: Sequence[str], names: Sequence[str]) -> None:
    """Measure, and write the table."""
    suites = [Suite(name) for name in names]
    rows: list[Row] = []
    raw: dict[str, list[dict[str, object]]] = {}
    for arm in arms:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            write_packs(home / "policies", suites)
            async with open_host(home / ".ripieno") as host:
                for suite in suites:
                    row, details = await measured(Governed(host, suite, ARMS[arm]), suite, arm)
                    rows.append(row)
                    raw[f"{suite.name} {arm}"] = details
                    print(row.line, flush=True)
                    write(rows, raw)


def commit() -> str:
    """Give what is measured as git names it; nothing outside of a clone."""
    asked = ["git", "describe", "--always", "--dirty"]
    told = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)  # noqa: S603 - no argument of anybody's
    return told.stdout.strip()


def write(rows: Sequence[Row], raw: dict[str, list[dict[str, object]]]) -> None:
    """Write the table as Markdown, and everything as JSON; keep what was measured before and is not now."""
    RESULTS.mkdir(exist_ok=True)
    found = RESULTS / "latest.json"
    before = json.loads(found.read_text("utf-8")) if found.exists() else {"rows": [], "cases": {}}
    known = {(row["suite"], row["arm"]): Row(**row) for row in before["rows"]}
    known |= {(row.suite, row.arm): row for row in rows}
    kept = [known[suite, arm] for arm in ARMS for suite in SUITES if (suite, arm) in known]
    head = (
        "| suite | policies | utility, after approvals | approvals per task | attacks that succeed "
        "| of these by the answer alone | utility under attack | read per approval |"
    )
    table = "\n".join((head, "|---|---|---:|---:|---:|---:|---:|---:|", *(row.line for row in kept)))
    about = (
        f"AgentDojo {version('agentdojo')}, tasks {VERSION}, injections `{ATTACK}`; "
        f"Ripieno {version('ripieno')}\n\n"
    )
    RESULTS.joinpath("latest.md").write_text(about + table + "\n", encoding="utf-8")
    document = {"rows": [asdict(row) for row in kept], "cases": {**before["cases"], **raw}}
    found.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arm", nargs="+", choices=[*ARMS], default=[*ARMS])
    parser.add_argument("--suite", nargs="+", choices=SUITES, default=SUITES)
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    asyncio.run(main(chosen.arm, chosen.suite))
