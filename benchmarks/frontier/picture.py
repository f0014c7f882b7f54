"""Cost, coverage and procyclicality of every model as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.frontier.statistics import Result

WIDTH, HEIGHT, LEFT, FOOT, TOP = 860, 460, 70, 60, 50
COLOURS = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#999999", "#222222",
    "#994f00", "#006cd1", "#e1be6a", "#40b0a6", "#5d3a9b", "#d35fb7",
)  # fmt: skip
# A circle's radius at a 30-day rise of nothing, and what it grows by with the root of the rise.
RADIUS, RADIUS_PER_ROOT_RISE = 4.0, 14.0


def picture(parts: Sequence[tuple[str, Sequence[Result]]]) -> str:
    """One panel a part: mean margin across, breaches upward, circles as the largest 30-day rise."""
    drawn: list[str] = []
    for place, (title, results) in enumerate(parts):
        drawn += _panel(title, results, place * HEIGHT)
    tall = HEIGHT * len(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {tall}" '
        f'font-family="sans-serif"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(drawn)}</svg>\n"
    )


def _panel(title: str, results: Sequence[Result], top: int) -> list[str]:
    right, base, head = WIDTH - 190, top + HEIGHT - FOOT, top + TOP
    most_cost = 1.1 * max(each.mean_margin_rel for each in results)
    rate = results[0].rate
    most_breach = max(1.3 * rate, 1.15 * max(each.breach_interval[1] for each in results))

    def x(cost: float) -> float:
        return LEFT + cost / most_cost * (right - LEFT)

    def y(breach: float) -> float:
        return base - breach / most_breach * (base - head)

    middle, high, low = (LEFT + right) / 2, y(1.2 * rate), y(0.8 * rate)
    drawn = [
        f'<path d="M{LEFT} {head}V{base}H{right}" fill="none" stroke="#888"/>',
        f'<rect x="{LEFT}" y="{high:.1f}" width="{right - LEFT}" height="{low - high:.1f}" '
        'fill="#228833" opacity="0.12"/>'
        + _text(LEFT, top + 28, title, size=15)
        + _text(right - 4, high - 4, f"target {rate:.1%} within 20 %", anchor="end")
        + _text(middle, base + 42, "mean margin, share of gross notional", anchor="middle")
        + _text(LEFT, head - 8, "breaches, test days; circles grow with the largest 30-day rise"),
    ]
    drawn += [
        _text(x(cost), base + 18, f"{cost:.1%}", anchor="middle") for cost in _ticks(most_cost)
    ]
    drawn += [
        _text(LEFT - 6, y(breach) + 4, f"{breach:.2%}", anchor="end")
        for breach in _ticks(most_breach)
    ]
    for number, each in enumerate(results):
        colour = COLOURS[number % len(COLOURS)]
        here = x(each.mean_margin_rel)
        low, high = map(y, each.breach_interval)
        radius = RADIUS + RADIUS_PER_ROOT_RISE * math.sqrt(each.rise["30"])
        drawn.append(
            f'<path d="M{here:.1f} {low:.1f}V{high:.1f}" stroke="{colour}"/>'
            f'<circle cx="{here:.1f}" cy="{y(each.breach_rate):.1f}" r="{radius:.1f}" '
            f'fill="{colour}" fill-opacity="0.45" stroke="{colour}"/>'
            f'<circle cx="{right + 24}" cy="{head + 20 * number}" r="5" fill="{colour}"/>'
            + _text(right + 36, head + 4 + 20 * number, each.model, size=12)
        )
    return drawn


def _ticks(most: float) -> list[float]:
    """Round numbers from 0, about five of them."""
    rough = most / 5.0
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * each for each in (1.0, 2.0, 2.5, 5.0, 10.0) if unit * each >= rough)
    return [step * place for place in range(int(most / step) + 1)]


def _text(x: float, y: float, told: str, *, size: int = 11, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">'
        f"{escape(told)}</text>"
    )
