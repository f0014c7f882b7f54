"""A moved account, position by position, and liquidation prices by walking there in small steps.

Written from docs/explain.md alone; nothing is shared with the engine but the holders of numbers.
"""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec
import numpy as np

from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio
from tests.naive import early
from tests.naive.black76 import price
from tests.naive.margin import naive_prbm
from tests.naive.market import SECONDS_PER_YEAR, currency_usd, forward_of
from tests.naive.parameters import PRBM


def naive_moved(portfolio, market, underlying, x):
    """The account and the market after the underlying has moved by x, all else equal."""
    forwards, futures, slices = dict(market.forwards), dict(market.futures), dict(market.slices)
    for key in forwards:
        if key[0] == underlying:
            forwards[key] *= 1.0 + x
    for name in futures:
        if name.split("-")[0].split("_")[0] == underlying:
            futures[name] *= 1.0 + x
    for key, column in slices.items():
        if key[0] == underlying:
            slices[key] = _moved_slice(column, market, x)
    index = dict(market.index_usd)
    for name, wraps in {**PRBM["assets"]["wraps"], underlying: underlying}.items():
        if wraps == underlying and name in index:
            index[name] *= 1.0 + x
    after = MarketSnapshot(
        as_of=market.as_of,
        index_usd=index,
        stable_usd=market.stable_usd,
        forwards=forwards,
        futures=futures,
        slices=slices,
        option_rows=market.option_rows,
    )
    held = [_moved_position(p, market, underlying, x) for p in portfolio.positions]
    return Portfolio(account=portfolio.account, positions=tuple(held)), after


def _moved_slice(column, market, x):
    inverse = column.key[0] == column.key[1]
    tenor = (column.key[2] - market.as_of).total_seconds() / SECONDS_PER_YEAR
    forward = column.forward * (1.0 + x)
    marks = []
    for i, strike in enumerate(column.strike):
        terms = strike, column.vol[i], tenor, bool(column.is_call[i])
        old, new = (column.discount * price(each, *terms) for each in (column.forward, forward))
        if column.carry is not None:
            old, new = _early_values(column, i, tenor, market, x)
        if inverse:
            old, new = old / column.forward, new / forward
        mark = column.mark[i] + new - old
        marks.append(mark if math.isnan(mark) else max(mark, 0.0))
    levels = sorted(set(column.strike))
    vols = [np.mean([v for k, v in zip(column.strike, column.vol, strict=True) if k == level])
            for level in levels]  # fmt: skip
    return OptionSlice(
        key=column.key,
        forward=forward,
        names=column.names,
        strike=column.strike,
        is_call=column.is_call,
        vol=column.vol,
        mark=np.array(marks),
        observed_s=column.observed_s,
        atm_vol=float(np.interp(math.log(forward), np.log(levels), vols)),
        discount=column.discount,
        carry=column.carry,
    )


def _early_values(column, row, tenor, market, x):
    """Of one American option, before and after the move of its spot."""
    option = parse_name(column.names[row])
    leg = {"S": market.index_usd[option.underlying], "c": currency_usd(option, market), "T": tenor}
    terms = early.terms(option, column, market, leg)
    rest = float(column.strike[row]), float(column.vol[row]), bool(column.is_call[row])
    return [early.value(terms, terms["S"] * factor, *rest) for factor in (1.0, 1.0 + x)]


def _moved_position(position, market, underlying, x):
    instrument = position.instrument
    if type(instrument).__name__ not in ("Perpetual", "DatedFuture"):
        return position
    if instrument.underlying != underlying:
        return position
    entry = position.entry_price
    if entry is None:
        entry = Decimal(forward_of(instrument, market))
    quantity = position.quantity
    if instrument.settlement == instrument.underlying:
        # so many USD, counted in coins at the new mark
        quantity = quantity / (1 + Decimal(x))
    return msgspec.structs.replace(position, quantity=quantity, entry_price=entry)


def naive_excess(portfolio, market, underlying, x):
    """excess_maintenance under the house model after a move by x, in USD."""
    told = naive_prbm(*naive_moved(portfolio, market, underlying, x), PRBM)
    return told["margin_value"] - told["maintenance"]


def first_under_water(portfolio, market, underlying, steps):
    """The first of the moves at which the excess is not positive, and the one before; or None."""
    before = 0.0
    for x in steps:
        if naive_excess(portfolio, market, underlying, x) <= 0.0:
            return before, x
        before = x
    return None
