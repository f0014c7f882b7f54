"""What each book lost on its way, hour by hour, and what closing it out cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import COINS, HOURS, Panel
from benchmarks.frontier.legs import Table, atm_of, smile, worth
from benchmarks.frontier.portfolios import Leg
from seawall.basics.time import DAYS_PER_YEAR
from seawall.pricing import black76

Floats = NDArray[np.float64]

HORIZONS_HOURS = (1, 4, 24)
# Close-out: half the spread, and impact = factor · daily volatility · √(size / daily volume).
HALF_SPREAD_REL = 0.0005
OPTION_HALF_SPREAD_OF_MARK = 0.01
IMPACT_FACTOR = 0.8
DAILY_VOLUME_USD = {"BTC": 5e9, "ETH": 5e9, "SOL": 500e6}


@dataclass(frozen=True, slots=True)
class Losses:
    """The greatest loss within each horizon, as shares of notional, ≥ 0 and NaN where unknown.

    ``by_horizon`` has shape [D, B] for each number of hours; ``cost`` [D, B] is the close-out cost
    that they hold.
    """

    by_horizon: dict[int, Floats]
    cost: Floats


def leg_path(leg: Leg, table: Table, panel: Panel) -> Floats:
    """A leg's gain since the start at each hour's close, low and high; [D, H, 3], NaN as unknown.

    Low and high are instants at which every coin of a book is at its hour's low or high: all fall
    or rise together. Volatility goes with the moneyness, a future's basis in a straight line.
    """
    column, place = COINS.index(leg.coin), table.legs.index(leg)
    price = panel.ratio[..., column]
    hours = price.shape[1]
    elapsed = (np.arange(1, hours + 1) / HOURS)[None, :, None]
    start = table.value[:, place, None, None]
    none = np.zeros((1, 1, 1))
    if leg.kind == "future":
        begin, end = panel.basis[:, column], panel.basis_end[:, column]
        on_way = begin[:, None, None] + (end - begin)[:, None, None] * elapsed
        return worth(leg, price, none, on_way, begin[:, None, None], elapsed) - start
    if not leg.is_option:
        return price - start
    found = np.full(price.shape, np.nan)
    fine = np.isfinite(price).all(axis=(1, 2)) & np.isfinite(panel.vol)
    fine &= np.isfinite(panel.vol_ratio).all(axis=1)
    atm = atm_of(leg.coin, panel.vol[fine, None, None]) * panel.vol_ratio[fine, :, None]
    left = (leg.tenor_days - elapsed) / DAYS_PER_YEAR
    sigma = smile(np.log(leg.moneyness / price[fine]), left, atm)
    found[fine] = worth(leg, price[fine], sigma, none, none, elapsed) - start[fine]
    return found


def path_losses(table: Table, panel: Panel, daily_vol: Floats) -> Losses:
    """Path-worst losses of every book; ``daily_vol`` [D, C] is known at each day's start."""
    days, hours = panel.ratio.shape[:2]
    gains = np.zeros((days, len(table.legs), hours * 3))
    for place, leg in enumerate(table.legs):
        gains[:, place] = leg_path(leg, table, panel).reshape(days, -1)
    total = np.matmul(table.quantity, np.nan_to_num(gains)).reshape(days, -1, hours, 3)
    worst = np.maximum.accumulate(-total.min(axis=3), axis=2)
    cost = close_out_cost(table, daily_vol)
    unknown = ~table.known
    cost = np.where(unknown, np.nan, cost)
    return Losses(
        {
            hour: np.where(unknown, np.nan, np.maximum(worst[:, :, hour - 1], 0.0) + cost)
            for hour in HORIZONS_HOURS
        },
        cost,
    )


def close_out_cost(table: Table, daily_vol: Floats) -> Floats:
    """Half spreads and the square-root impact of the net delta in each coin; [D, B], ≥ 0.

    Source of the law: docs/charges.md, the liquidity charge.
    """
    cost = np.zeros(table.quantity.shape[:2])
    delta = np.ones((table.days_ns.size, len(table.legs)))
    for place, leg in enumerate(table.legs):
        size = np.abs(table.quantity[:, :, place])
        if leg.is_option:
            years = leg.tenor_days / DAYS_PER_YEAR
            call = leg.kind == "call"
            sigma = table.sigma[:, place]
            delta[:, place] = black76.greeks(1.0, leg.moneyness, sigma, years, call).delta
            cost += size * OPTION_HALF_SPREAD_OF_MARK * table.value[:, place, None]
        else:
            cost += size * HALF_SPREAD_REL
    book_size = np.array([book.size_usd for book in table.books])
    for column, coin in enumerate(COINS):
        own = table.coin == column
        net = np.abs(np.matmul(table.quantity[:, :, own], delta[:, own, None])[..., 0])
        share = net * book_size / DAILY_VOLUME_USD[coin]
        vol = np.nan_to_num(daily_vol[:, column])[:, None]
        cost += net * IMPACT_FACTOR * vol * np.sqrt(share)
    return cost
