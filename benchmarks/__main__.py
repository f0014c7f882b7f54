"""`python -m benchmarks`: ours beside named peers on the same inputs in the same run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks import environments, machine, plot
from benchmarks.frame import Effort
from benchmarks.goals import goals
from benchmarks.growth import curves
from benchmarks.record import Curve, Run, Section, conditions_table, curve_table, goals_table, table

HERE = Path(__file__).parent
QUICK = Effort(rounds=1, turn_seconds=0.0, contender_seconds=0.0, quick=True)

SECTIONS = {
    "arrays": "risk_arrays",
    "accounts": "accounts",
    "latency": "latency",
    "book": "margin_book",
    "implied-vol": "implied_vols",
    "svi": "svi_slices",
    "one-account": "one_account",
    "batch": "batch",
    "ray": "scaling",
    "processes": "processes",
}
GROWTH = "growth"

ABOVE = """# Results

The last run of `make bench ARGS=--write`, as it was printed; `results/latest.json` has the same for
programs. *ratio* is a row's first figure over the first row's, which is ours: a peer below 1 is
faster than we are. *differs* is the most by which a peer's answer differs from ours.
[README.md](README.md) says how to read and repeat this.

![Growth over accounts, positions and scenarios](results/growth.svg)
"""


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and write the files where asked."""
    asked = _asked(words)
    effort = QUICK if asked.quick else Effort()
    if not asked.quick:
        for name in (environments.PEERS, environments.VOLLIB):
            environments.build(name)
    said = machine.conditions()
    _show(conditions_table(said))
    sections: list[Section] = []
    grown: list[Curve] = []
    for name in asked.only or [*SECTIONS, GROWTH]:
        if name == GROWTH:
            grown = curves(effort)
            _show("\n\n".join(map(curve_table, grown)))
            continue
        for section in import_module(f"benchmarks.sections.{SECTIONS[name]}").sections(effort):
            sections.append(section)
            _show(table(section))
    run = Run(said, sections, grown, goals(sections, grown))
    _show(goals_table(run.goals))
    if asked.write:
        write(run, HERE)


def write(run: Run, folder: Path) -> None:
    """RESULTS.md, results/latest.json and results/growth.svg of a run, in a folder."""
    run.save(folder / "results" / "latest.json")
    if run.curves:
        (folder / "results" / "growth.svg").write_text(plot.svg(run.curves), encoding="utf-8")
    tables = [
        conditions_table(run.conditions),
        *map(table, run.sections),
        *map(curve_table, run.curves),
        goals_table(run.goals),
    ]
    text = "\n".join([ABOVE, "```text", "\n\n".join(tables), "```", ""])
    (folder / "RESULTS.md").write_text(text, encoding="utf-8")


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=[*SECTIONS, GROWTH], help="this part")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md and results/")
    asked = parser.parse_args(words)
    if asked.write and (asked.only or asked.quick):
        parser.error("--write is for a whole run: leave --only and --quick out")
    return asked


def _show(text: str) -> None:
    print(text, end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
