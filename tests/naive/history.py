"""Bars out of rows, one at a time: what reading a history must give."""

from __future__ import annotations

Row = tuple[int, float, float, float, float]
"""Time, open, high, low, close."""


def bars(rows: list[Row], step: int) -> list[Row]:
    """One bar of each beginning: worst extremes, open and close of the widest; times are ends."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    joined: list[Row] = []
    for start in sorted(found):
        several = found[start]
        widest = max(several, key=lambda row: row[2] - row[3])
        high = max(row[2] for row in several)
        low = min(row[3] for row in several)
        joined.append((start + step, widest[1], high, low, widest[4]))
    return joined


def longer(rows: list[Row], step: int, times: int) -> list[Row]:
    """Bars of ``times`` bars, of ends that are multiples of their length; none where one lacks."""
    by_end = {row[0]: row for row in rows}
    length = step * times
    last = max(by_end) + length
    found: list[Row] = []
    for end in range(length, last, length):
        inside = [by_end.get(end - step * back) for back in reversed(range(times))]
        own = [row for row in inside if row is not None]
        if len(own) == times:
            high, low = max(row[2] for row in own), min(row[3] for row in own)
            found.append((end, own[0][1], high, low, own[-1][4]))
    return found


def median(numbers: list[float]) -> float:
    """The middle number, or the mean of the middle two."""
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2.0
