"""A book flattened to plain dictionaries of floats, one a position: what the oracle reads.

Nothing here is shared with the engine: the snapshot's columns are looked up by hand.
"""

from __future__ import annotations

import itertools
import math

from tests.naive import bachelier, early
from tests.naive.black76 import greeks, price

DAYS_PER_YEAR = 365.0
SECONDS_PER_YEAR = 31_536_000.0
STABLECOINS = ("USDC", "USDT", "DAI", "USDE", "USDS", "PYUSD", "FDUSD", "TUSD", "USDP")
# Prices of either sign, and the least that a relative move of them is of: docs/instruments.md.
LEAST_LEVEL_USD = {"CL.CME": 20.0}
_ASSETS = {
    "SpotAsset": "coin",
    "Stock": "coin",
    "Wrapper": "wrapper",
    "LpShare": "lp",
    "RealWorldAsset": "rwa",
}


def asset_price_usd(instrument, snapshot):
    kind = type(instrument).__name__
    if instrument.name == "USD":
        return 1.0
    if kind == "Stablecoin":
        return snapshot.stable_usd.get(instrument.name, 1.0)
    return snapshot.index_usd[instrument.name]


def forward_of(contract, snapshot):
    """The contract's forward or mark in its quote currency."""
    if contract.name in snapshot.futures:
        return snapshot.futures[contract.name]
    if type(contract).__name__ == "Perpetual":
        return snapshot.index_usd[contract.underlying] / currency_usd(contract, snapshot)
    return snapshot.forwards[contract.underlying, contract.settlement, contract.expiry]


def currency_usd(contract, snapshot):
    """USD per unit of the currency in which prices of the contract are quoted."""
    if contract.settlement in (contract.underlying, "USD"):
        return 1.0
    if contract.settlement in snapshot.index_usd:
        return snapshot.index_usd[contract.settlement]
    return snapshot.stable_usd.get(contract.settlement, 1.0)


def legs(portfolio, snapshot):
    """One dictionary a position.

    ``kind`` is cash, stablecoin, spot, perpetual, future or option; ``q`` the signed quantity;
    ``S`` USD per coin; ``L`` what a relative move is of, USD; ``signed`` whether prices may be
    negative; ``F``, ``K`` in quote currency; ``c`` USD per unit of the contract's price; ``T``
    years; ``D`` what a unit of an option's payoff is worth today; ``early`` what values an American
    option, else None; ``value`` the model value of one unit in USD; ``mark`` what the venue says
    one option is worth in USD (``value`` where it says nothing); ``asset`` what kind of asset a leg
    is that is held outright.
    """
    return [_leg(position, snapshot) for position in portfolio.positions]


def _leg(position, snapshot):
    instrument = position.instrument
    kinds = {
        "Wrapper": "spot",
        "LpShare": "spot",
        "RealWorldAsset": "spot",
        "Cash": "cash",
        "Stablecoin": "stablecoin",
        "SpotAsset": "spot",
        "Stock": "spot",
        "Perpetual": "perpetual",
        "DatedFuture": "future",
        "Option": "option",
    }
    kind = kinds[type(instrument).__name__]
    if getattr(instrument, "wraps", "") in STABLECOINS:
        kind = "stablecoin"
    leg = {
        "name": instrument.name,
        "kind": kind,
        "q": float(position.quantity),
        "entry": None if position.entry_price is None else float(position.entry_price),
        "asset": _ASSETS.get(type(instrument).__name__),
    }
    if leg["kind"] in ("cash", "stablecoin"):
        return leg | {"S": asset_price_usd(instrument, snapshot)}
    if leg["kind"] == "spot":
        return leg | _held_outright(instrument, snapshot)
    S = snapshot.index_usd[instrument.underlying]
    F = forward_of(instrument, snapshot)
    inverse = instrument.settlement == instrument.underlying
    c = S / F if inverse else currency_usd(instrument, snapshot)
    leg |= {"underlying": instrument.underlying, "inverse": inverse, "S": S, "F": F, "c": c}
    least = LEAST_LEVEL_USD.get(instrument.underlying)
    leg |= {"signed": least is not None, "L": S if least is None else max(abs(S), least)}
    leg["paid_in"] = "coin" if inverse else instrument.settlement
    if leg["kind"] == "perpetual":
        return leg | {"value": c * F, "expiry": None, "T": 0.0}
    leg["expiry"] = instrument.expiry
    leg["T"] = (instrument.expiry - snapshot.as_of).total_seconds() / SECONDS_PER_YEAR
    leg["physical"] = instrument.delivery == "physical"
    if leg["kind"] == "future":
        return leg | {"value": c * F}
    return leg | _option_terms(instrument, snapshot, leg)


def _held_outright(instrument, snapshot):
    """A wrapper is so many coins of what it wraps as it is worth."""
    value = asset_price_usd(instrument, snapshot)
    underlying = getattr(instrument, "wraps", instrument.name)
    S = snapshot.index_usd[underlying]
    found = {"underlying": underlying, "S": S, "F": S, "c": value / S, "value": value}
    found |= {"signed": False, "L": S}
    found["components"] = getattr(instrument, "components", None)
    return found


def _option_terms(option, snapshot, leg):
    key, row = snapshot.option_rows[option.name]
    column = snapshot.slices[key]
    is_call = option.right == "call"
    sigma = float(column.vol[row])
    american = early.terms(option, column, snapshot, leg) if option.exercise == "american" else None
    if american is None:
        terms = leg | {"K": option.strike, "is_call": is_call, "vol_unit": column.vol_unit}
        value = column.discount * worth(terms, leg["F"], sigma, leg["T"])
    else:
        value = early.value(american, american["S"], option.strike, sigma, is_call)
    value *= leg["c"]
    quoted = float(column.mark[row])
    unit = leg["S"] if leg["inverse"] else currency_usd(option, snapshot)
    return {
        "K": option.strike,
        "K_usd": option.strike * (1.0 if leg["inverse"] else unit),
        "is_call": is_call,
        "D": column.discount,
        "early": american,
        "vol_unit": column.vol_unit,
        "sigma": sigma,
        "sigma_atm": float(column.atm_vol),
        "smile": smile_of(column),
        "value": value,
        "mark": value if math.isnan(quoted) else quoted * unit,
    }


def worth(option, forward, sigma, tenor):
    """An option's value in quote currency: Bachelier's where prices may be negative."""
    if option["signed"]:
        normal = sigma * option["vol_unit"]
        return bachelier.value(forward, option["K"], normal, tenor, option["is_call"])
    return price(forward, option["K"], sigma, tenor, option["is_call"])


def moved(leg, move):
    """The forward after a relative move."""
    return leg["F"] + leg["L"] / leg["c"] * move if leg["signed"] else leg["F"] * (1.0 + move)


def smile_of(column):
    """What an expiry lists: ascending pairs of log-strike and mean volatility there; of the strike
    itself where it may be negative.
    """
    by_strike = {}
    for strike, vol in zip(column.strike, column.vol, strict=True):
        place = math.log(strike) if column.vol_unit is None else float(strike)
        by_strike.setdefault(place, []).append(float(vol))
    return [(place, sum(vols) / len(vols)) for place, vols in sorted(by_strike.items())]


def smile_at(smile, place):
    """The smile at a log-strike: straight between those listed, flat beyond them."""
    if place <= smile[0][0]:
        return smile[0][1]
    for (left, low), (right, high) in itertools.pairwise(smile):
        if place <= right:
            return low + (high - low) * (place - left) / (right - left)
    return smile[-1][1]


def coin_profit(leg):
    """Coins of unrealised profit of one unit: they are paid in coin and stay in coin."""
    if leg["kind"] in ("perpetual", "future") and leg["inverse"] and leg["entry"] is not None:
        return leg["F"] / leg["entry"] - 1.0
    return 0.0


def coin_balance(legs):
    """Coins held outright, owed and earned but not settled."""
    coins = 0.0
    for leg in legs:
        coins += leg["q"] * (delta_coin(leg) if leg["kind"] == "spot" else coin_profit(leg))
    return coins


def delta_coin(leg):
    """USD value gained per unit and per USD of index when forward and index move together."""
    if leg["signed"]:
        if leg["kind"] != "option":
            return 1.0
        normal = leg["sigma"] * leg["vol_unit"]
        slope = bachelier.delta(leg["F"], leg["K"], normal, leg["T"], leg["is_call"])
        return leg["D"] * slope
    slope = 1.0
    if leg["kind"] == "option" and leg["early"] is not None:
        return early.delta(leg["early"], leg["K"], leg["sigma"], leg["is_call"])
    if leg["kind"] == "option":
        slope = greeks(leg["F"], leg["K"], leg["sigma"], leg["T"], leg["is_call"])["delta"]
        slope *= leg["D"]
    return leg["c"] * leg["F"] * slope / leg["S"]


def class_name(underlying, parameters):
    """The class that names an underlying, or that of its market, or the rest."""
    of_market = parameters["markets"].get(underlying[-3:], "other")
    return parameters["members"].get(underlying, of_market)


def market_class(underlying, parameters):
    """The numbers of an underlying's class."""
    return parameters["classes"][class_name(underlying, parameters)]
