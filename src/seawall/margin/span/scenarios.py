"""The 16 scenarios of SPAN and the seven points of its composite delta.

Source: CME's public description of the SPAN calculation. Scenarios are numbered from 1 on.
"""

from __future__ import annotations

import msgspec

__all__ = ["DELTA_POINTS", "PAIRED", "SCENARIOS", "Scenario"]


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``price`` move in price scan ranges, ``vol`` move in volatility scan ranges.

    ``extreme`` moves are in multiples of the house's extreme move, and its cover is taken of them.
    """

    price: float
    vol: float
    extreme: bool = False


SCENARIOS = (
    *(
        Scenario(price=thirds / 3.0, vol=vol)
        for thirds in (0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0)
        for vol in (1.0, -1.0)
    ),
    Scenario(price=1.0, vol=0.0, extreme=True),
    Scenario(price=-1.0, vol=0.0, extreme=True),
)
"""By number less 1: seven prices, each with volatility up and down, and two extreme moves."""

PAIRED = (2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 15, 16)
"""The scenario of the same price and the other volatility, by number less 1; extremes their own."""

DELTA_POINTS = (
    (0.0, 0.270),
    (1.0 / 3.0, 0.217),
    (-1.0 / 3.0, 0.217),
    (2.0 / 3.0, 0.111),
    (-2.0 / 3.0, 0.111),
    (1.0, 0.037),
    (-1.0, 0.037),
)
"""Price move in price scan ranges and weight; the weights sum to 1."""
