"""Ray: one worker and two on the same accounts."""

from __future__ import annotations

from benchmarks.frame import Effort
from benchmarks.record import Section, with_ratios
from benchmarks.sections.accounts import POSITIONS
from benchmarks.sections.batch import COLUMNS, whole

KEY, LOCAL, ONE, TWO = "ray", "local, one worker", "Ray, one worker", "Ray, two workers"
ACCOUNTS = 1_000_000


def sections(effort: Effort) -> list[Section]:
    """One section; the peak is that of the process that asks, not of its workers."""
    size = 200 if effort.quick else ACCOUNTS
    rows = [
        whole(LOCAL, size, ("--workers", "1")),
        whole(ONE, size, ("--engine", "ray", "--workers", "1")),
        whole(TWO, size, ("--engine", "ray", "--workers", "2")),
    ]
    section = Section(
        key=KEY,
        title=f"Ray, prbm, {size:,} accounts x {POSITIONS} positions",
        unit="",
        rows=with_ratios(rows, COLUMNS[0]),
        columns=COLUMNS,
    )
    return [section]
