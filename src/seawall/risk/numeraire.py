"""Profit measured in the coin in which a contract settles, and told in USD at today's index.

A position that pays in coin is margined in coin by venues that keep an account a currency: what it
gains is worth today's index and not the shocked one, and coins themselves do not move.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.risk.book import UnderlyingBook
from seawall.risk.scenarios import ScenarioSet

Floats = NDArray[np.float64]


def counted_moves(scenarios: ScenarioSet) -> Floats:
    """The price move at which coins of each cell count, shape [C]: its own, of a tail the end of
    the grid on its side.
    """
    moves = scenarios.price_rel.copy()
    centre = moves[: scenarios.grid_shape[0] * scenarios.grid_shape[1]]
    if scenarios.tail_count and centre.size:
        tails = slice(-scenarios.tail_count, None)
        moves[tails] = np.clip(moves[tails], centre.min(), centre.max())
    return moves


def in_settlement_coin(
    book: UnderlyingBook, scenarios: ScenarioSet, unit_pnl_usd: Floats
) -> Floats:
    """``unit_pnl_usd`` [M, I·C] with what pays in coin measured in coin, at today's index in USD.

    An inverse contract worth B USD (a future: 0) that gains g in USD where the price moves by m has
    S·((B + g)/(S·(1 + m)) − B/S) = (g − m·B)/(1 + m); a tail is damped as a loss in USD and turned
    into coin at the end of the grid. Coins held, owed and earned gain nothing. All else stays.

    Source: initial_risk_vectors of Deribit's private/pme/simulate,
    docs/models/deribit-pm-2024-06.md.
    """
    repeated = unit_pnl_usd.shape[1] // scenarios.price_rel.size
    moves = np.tile(scenarios.price_rel, repeated)
    rate = 1.0 + np.tile(counted_moves(scenarios), repeated)
    out = np.where(book.is_spot[:, None], 0.0, unit_pnl_usd)
    own = np.flatnonzero(book.inverse)
    # Coins that have been earned would have moved with the index.
    with_the_index = book.mark_usd[own] + book.coin_profit[own] * book.spot_usd
    gained = unit_pnl_usd[own] - with_the_index[:, None] * moves
    out[own] = gained / rate
    return out
