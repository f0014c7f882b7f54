"""`python -m benchmarks`: ours beside named peers on the same inputs in the same run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import environments
from benchmarks.frame import Effort
from benchmarks.record import Section, table
from benchmarks.sections import accounts, implied_vols, risk_arrays, svi_slices

HERE = Path(__file__).parent
QUICK = Effort(rounds=1, turn_seconds=0.0, contender_seconds=0.0, quick=True)

SECTIONS: dict[str, Callable[[Effort], list[Section]]] = {
    "arrays": risk_arrays.sections,
    "accounts": accounts.sections,
    "implied-vol": implied_vols.sections,
    "svi": svi_slices.sections,
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and write the files where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=SECTIONS, help="this section")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    asked = parser.parse_args(words)
    effort = QUICK if asked.quick else Effort()
    if not asked.quick:
        for name in (environments.PEERS, environments.VOLLIB):
            environments.build(name)
    for name in asked.only or SECTIONS:
        for section in SECTIONS[name](effort):
            print(table(section), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
