"""A tail measure of joint scenarios as a margin, in loops: docs/risk.md, word by word."""

from __future__ import annotations

from tests.naive import charges
from tests.naive.collateral import in_array
from tests.naive.market import legs
from tests.naive.scan import expires_within, unit_pnl
from tests.naive.tail import expected_shortfall, path_worst, value_at_risk


def naive_tail(portfolio, snapshot, moves, parameters, measure, confidence):
    """The measure, each underlying's own, the floors, and maintenance without charges.

    ``moves`` maps an underlying to its paths: each a list of pairs, the price's relative move and
    the volatility's, one a point.
    """
    book = in_array(legs(portfolio, snapshot), parameters)
    pnl = {name: _paths(its_legs, moves[name], parameters) for name, its_legs in book.items()}
    of = {"es": expected_shortfall, "var": value_at_risk}[measure]
    names = sorted(pnl)
    together = [
        [sum(points) for points in zip(*paths, strict=True)]
        for paths in zip(*(pnl[name] for name in names), strict=True)
    ]
    found = of(path_worst(together), confidence) if names else 0.0
    floors = {name: charges.floor(book[name], parameters) for name in names}
    return {
        "measure": found,
        "own": {name: of(path_worst(pnl[name]), confidence) for name in names},
        "floors": floors,
        "risk": max(found, sum(floors.values())),
        "pnl": pnl,
    }


def _paths(its_legs, paths, parameters):
    """What is gained at each point of each path, at the worst instant."""
    instants = ["now", "horizon"]
    if any(expires_within(leg, parameters) for leg in its_legs):
        instants.append("post-expiry")
    return [
        [
            min(
                sum(
                    leg["q"] * unit_pnl(leg, price, vol, instant, "sticky-delta", parameters)
                    for leg in its_legs
                )
                for instant in instants
            )
            for price, vol in path
        ]
        for path in paths
    ]
