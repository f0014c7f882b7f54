"""Growth curves as a picture: an SVG file of panels with logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from benchmarks.record import Curve

WIDTH, HEIGHT = 480, 330
MARGIN_LEFT, MARGIN_TOP, MARGIN_RIGHT, MARGIN_BOTTOM = 60, 34, 16, 70
COLOURS = ("#0b5fa5", "#6aaed6", "#d9822b", "#5c8a3c", "#9a4a9a")

# More than these on an axis, and only its decades are marked.
MOST_MARKS = 7

Point = tuple[float, float]


def svg(curves: Sequence[Curve], columns: int = 2) -> str:
    """All curves, a panel each, so many side by side."""
    rows = -(-len(curves) // columns)
    panels = [
        f'<g transform="translate({i % columns * WIDTH},{i // columns * HEIGHT})">{_panel(c)}</g>'
        for i, c in enumerate(curves)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
    )
    return "\n".join([head, *panels, "</svg>", ""])


def _panel(curve: Curve) -> str:
    points = [point for line in curve.lines.values() for point in line]
    across = _Axis([x for x, _ in points], MARGIN_LEFT, WIDTH - MARGIN_RIGHT)
    up = _Axis([y for _, y in points], HEIGHT - MARGIN_BOTTOM, MARGIN_TOP)
    parts = [_text(WIDTH / 2, 18, curve.title, "middle", 12)]
    for value in across.ticks():
        x = across.at(value)
        parts.append(_line(x, MARGIN_TOP, x, HEIGHT - MARGIN_BOTTOM))
        parts.append(_text(x, HEIGHT - MARGIN_BOTTOM + 14, _short(value), "middle"))
    for value in up.ticks():
        y = up.at(value)
        parts.append(_line(MARGIN_LEFT, y, WIDTH - MARGIN_RIGHT, y))
        parts.append(_text(MARGIN_LEFT - 5, y + 4, _short(value), "end"))
    parts.append(_text(WIDTH / 2, HEIGHT - MARGIN_BOTTOM + 29, curve.x, "middle"))
    parts.append(_text(MARGIN_LEFT, MARGIN_TOP - 4, curve.y, "start", 10))
    room = (WIDTH - MARGIN_LEFT - MARGIN_RIGHT) / max(1, len(curve.lines))
    for i, (name, line) in enumerate(curve.lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        parts.append(_path(line, across, up, colour))
        at, below = MARGIN_LEFT + i * room, HEIGHT - 18
        parts.append(f'<rect x="{at:.0f}" y="{below - 8}" width="9" height="9" fill="{colour}"/>')
        parts.append(_text(at + 12, below, name, "start", 9.5))
    return "".join(parts)


class _Axis:
    """From the marks 1, 2 and 5 about the values, between two places; logarithmic."""

    def __init__(self, values: Sequence[float], start: float, stop: float) -> None:
        least, most = min(values), max(values)
        powers = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 2)
        marks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
        self._low = max(mark for mark in marks if mark <= least * (1.0 + 1e-9))
        self._high = min(mark for mark in marks if mark >= most and mark > self._low)
        self._marks = [mark for mark in marks if self._low <= mark <= self._high]
        self._start, self._stop = start, stop

    def at(self, value: float) -> float:
        share = math.log(value / self._low) / math.log(self._high / self._low)
        return self._start + share * (self._stop - self._start)

    def ticks(self) -> list[float]:
        decades = [mark for mark in self._marks if abs(math.log10(mark) % 1.0) < 1e-9]
        return decades if len(self._marks) > MOST_MARKS else self._marks


def _path(points: Sequence[Point], across: _Axis, up: _Axis, colour: str) -> str:
    places = [(across.at(x), up.at(y)) for x, y in points]
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y in places
    )
    return f'<polyline points="{steps}" fill="none" stroke="{colour}" stroke-width="1.8"/>{dots}'


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="#ddd"/>'


def _text(x: float, y: float, words: str, anchor: str, size: float = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(words)}</text>"
    )


def _short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
