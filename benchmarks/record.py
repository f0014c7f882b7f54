"""What a run found, its file and its tables.

``benchmarks/results/latest.json`` holds one Run:

- ``schema``: the number of this form, ``SCHEMA``;
- ``conditions``: machine, versions, commit, load and sizes, each a text;
- ``sections``: for each job its ``key``, ``title``, ``unit``, the names of its ``columns`` and its
  ``rows``. A row has a ``name``, ``figures`` by column, its ``ratio`` (first column over that of
  the first row, which is ours; null where there is none), how many ``runs`` its medians are of, by
  how much its answer ``differs`` from ours at most, in the answer's unit (null where no number),
  and a ``note``: why a peer is not present, that it disagrees, or what share of the job it did.
  ``facts`` are single numbers of the job, by name;
- ``curves``: for each growth curve its ``title``, ``x`` and ``y`` labels and, by line, points
  [x, y];
- ``goals``: for each its ``goal``, the ``found`` figure (null: not measured), ``reached`` (null
  where not measured) and ``remark``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

SCHEMA = 1
MEDIAN = ("median", "least", "most")


@dataclass(frozen=True, slots=True)
class Row:
    """One contender's figures."""

    name: str
    figures: Mapping[str, float] = field(default_factory=dict[str, float])
    ratio: float | None = None
    runs: int = 0
    differs: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One job, ours first."""

    key: str
    title: str
    unit: str
    rows: Sequence[Row]
    columns: Sequence[str] = MEDIAN
    facts: Mapping[str, float] = field(default_factory=dict[str, float])

    def figure(self, name: str, column: str | None = None) -> float | None:
        """A row's figure, in the section's first column unless named; None where it has none."""
        column = column or self.columns[0]
        return next((row.figures.get(column) for row in self.rows if row.name == name), None)


@dataclass(frozen=True, slots=True)
class Curve:
    """How a figure grows: points (x, y) by line, both axes logarithmic."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal beside what the run found."""

    goal: str
    found: str | None
    reached: bool | None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one run found."""

    conditions: Mapping[str, str]
    sections: Sequence[Section]
    curves: Sequence[Curve]
    goals: Sequence[Goal]
    schema: int = SCHEMA

    def section(self, key: str) -> Section | None:
        """The section with this key, or None."""
        return next((section for section in self.sections if section.key == key), None)

    def save(self, path: Path) -> None:
        """Write the run as JSON that people can read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


def with_ratios(rows: Sequence[Row], column: str) -> list[Row]:
    """The same rows with the ratio of each to the first, where both have the column."""
    ours = rows[0].figures.get(column) if rows else None
    return [replace(row, ratio=_ratio(row.figures.get(column), ours)) for row in rows]


def _ratio(figure: float | None, ours: float | None) -> float | None:
    return figure / ours if figure is not None and ours else None


def table(section: Section) -> str:
    """A section as text."""
    width = max([30, *(len(row.name) for row in section.rows)])
    wide = {column: max(12, len(column) + 2) for column in section.columns}
    head = "".join(f"{column:>{room}}" for column, room in wide.items())
    lines = [
        f"{section.title} [{section.unit}]" if section.unit else section.title,
        f"  {'':<{width}}{head}{'ratio':>10}{'differs':>10}",
    ]
    for row in section.rows:
        cells = "".join(
            f"{number(row.figures[column]) if column in row.figures else '':>{room}}"
            for column, room in wide.items()
        )
        ratio = f"{row.ratio:>8.2f} x" if row.ratio is not None else " " * 10
        differs = f"{row.differs:>10.1e}" if row.differs is not None else " " * 10
        lines.append(f"  {row.name:<{width}}{cells}{ratio}{differs}  {row.note}".rstrip())
    lines += [f"  {name}: {number(value)}" for name, value in section.facts.items()]
    return "\n".join(lines)


def curve_table(curve: Curve) -> str:
    """A curve as text, a line of the picture in a row."""
    across = sorted({x for line in curve.lines.values() for x, _ in line})
    width = max([30, *map(len, curve.lines)])
    head = "".join(f"{x:>13,.0f}" for x in across)
    lines = [f"growth over {curve.title} [{curve.y}]", f"  {curve.x:<{width}}{head}"]
    for name, points in curve.lines.items():
        found = dict(points)
        cells = "".join(f"{number(found[x]) if x in found else '':>13}" for x in across)
        lines.append(f"  {name:<{width}}{cells}".rstrip())
    return "\n".join(lines)


def conditions_table(conditions: Mapping[str, str]) -> str:
    """The conditions as text."""
    width = max(map(len, conditions))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in conditions.items())


def goals_table(goals: Sequence[Goal]) -> str:
    """The goals as text."""
    said = {True: "reached", False: "not reached", None: "not measured"}
    width = max((len(goal.goal) for goal in goals), default=0)
    lines = ["goals"]
    for goal in goals:
        line = (
            f"  {goal.goal:<{width}}  {said[goal.reached]:<13} {goal.found or '':<16} {goal.remark}"
        )
        lines.append(line.rstrip())
    return "\n".join(lines)


def number(value: float) -> str:
    """Four digits, without powers of ten where a reader does better without."""
    if value == 0.0 or not 1e-4 <= abs(value) < 1e7:
        return f"{value:.3g}"
    return f"{value:,.{max(0, 3 - len(str(int(abs(value)))) + 1)}f}"
