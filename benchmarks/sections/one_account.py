"""One account of 50 positions, from plain Python objects to a requirement that explains itself."""

from __future__ import annotations

import numpy as np

import seawall as sw
from benchmarks.frame import Effort, Floats, Job, Ours, measure
from benchmarks.record import Section

KEY, WHOLE = "one account", "objects to report"
LEGS = 50


def holdings(market: sw.MarketSnapshot) -> list[tuple[str, float]]:
    """Cash and listed options of all underlyings, long and short in turn."""
    names = sorted(market.option_rows)
    legs = names[:: len(names) // (LEGS - 1)][: LEGS - 1]
    return [("USDC", 5_000_000.0), *((name, 1.0 if i % 2 else -1.0) for i, name in enumerate(legs))]


def sections(effort: Effort) -> list[Section]:
    """One section: milliseconds, with the market's own work done before as in a service."""
    market, model = sw.synthetic_market(), sw.load_preset("prbm")
    legs = holdings(market)
    book = sw.portfolio(legs)

    def answer(report: sw.MarginReport) -> Floats:
        return np.array([float(report.initial), float(report.maintenance)])

    def explained() -> Floats:
        report = sw.margin(sw.portfolio(legs), market, model)
        assert report.explain(), "a report says something"
        return answer(report)

    job = Job(
        key=KEY,
        title=f"one account of {LEGS} positions under prbm, market prepared",
        unit="ms",
        scale=1e3,
        tolerance=0.0,
    )
    ways = [
        Ours(WHOLE, lambda: answer(sw.margin(sw.portfolio(legs), market, model))),
        Ours("portfolio to report", lambda: answer(sw.margin(book, market, model))),
        Ours("objects to report as text", explained),
    ]
    return [measure(job, ways, {}, effort)]
