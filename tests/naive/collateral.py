"""Collateral of docs/collateral.md as loops over legs: haircuts, pegs, caps, what is outside."""

from __future__ import annotations

import math

from tests.naive.market import market_class


def market_value(leg):
    """What a leg adds to equity, USD."""
    if leg["kind"] in ("cash", "stablecoin"):
        return leg["q"] * leg["S"]
    if leg["kind"] == "spot":
        return leg["q"] * leg["value"]
    if leg["kind"] == "option":
        return leg["q"] * leg["mark"]
    if leg["entry"] is None:
        return 0.0
    if leg["inverse"]:
        return leg["q"] * leg["S"] * (leg["F"] / leg["entry"] - 1.0)
    return leg["q"] * (leg["F"] - leg["entry"]) * leg["c"]


def outside(its_legs, parameters):
    """Whether one underlying's legs are collateral that no scenario moves."""
    for leg in its_legs:
        if leg["kind"] != "spot" or leg["q"] < 0.0:
            return False
    for leg in its_legs:
        if leg["asset"] in ("lp", "rwa"):
            return True
    nameless = its_legs[0]["underlying"] not in parameters["members"]
    return nameless and not its_legs[0]["listed"]


def by_underlying(legs):
    """Legs that are no money, grouped by underlying."""
    books = {}
    for leg in legs:
        if leg["kind"] not in ("cash", "stablecoin"):
            books.setdefault(leg["underlying"], []).append(leg)
    return books


def in_array(legs, parameters):
    """Underlyings that scenarios move, each with its legs."""
    books = by_underlying(legs)
    return {name: its for name, its in books.items() if not outside(its, parameters)}


def stressed(least, sigma, liquidity, parameters):
    """max(floor, z·σ·√horizon + liquidity), never more than all."""
    sds, days = parameters["haircut"]["sds"], parameters["horizon_days"]
    return min(1.0, max(least, sds * sigma * math.sqrt(days) + liquidity))


def stablecoin_cut(parameters):
    """Haircut of a stablecoin, a share of its value."""
    n = parameters["haircut"]
    return stressed(n["stable_min"], n["stable_sigma"], n["stable_spread"], parameters)


def coin_cut(underlying, parameters, array_model):
    """Haircut of a coin, a share of its value: less where scenarios shock it already."""
    kind = market_class(underlying, parameters)
    if array_model:
        return kind["haircut"]
    return stressed(kind["range"], kind["sigma_day"], kind["haircut"], parameters)


def component_cut(name, parameters):
    """Haircut of an asset in a pool, a share of its value."""
    known = parameters["assets"]
    if name == "USD":
        return 0.0
    if name in known["currencies"]:
        return stressed(*parameters["foreign_cash"], parameters)
    if name in known["stablecoins"]:
        return stablecoin_cut(parameters)
    if name in known["rwa"]:
        return stressed(*parameters["rwa"], parameters)
    if name in known["wraps"]:
        return component_cut(known["wraps"][name], parameters) + parameters["depeg"]
    return coin_cut(name, parameters, array_model=False)


def outside_cut(leg, parameters):
    """Haircut of what no scenario moves, a share of its value."""
    if leg["asset"] == "rwa":
        return stressed(*parameters["rwa"], parameters)
    if leg["asset"] == "lp":
        worst = max(component_cut(name, parameters) for name in leg["components"])
        return min(1.0, worst + parameters["lp_share"])
    kind = market_class(leg["underlying"], parameters)
    return stressed(parameters["other_min"], kind["sigma_day"], kind["haircut"], parameters)


def haircut(leg, parameters, model):
    """Haircut on the value of a leg that is money or in the array, USD, its peg apart."""
    value = market_value(leg)
    array_model = model in ("prbm", "risk-based-collateral")
    if leg["kind"] == "cash" and leg["name"] != "USD":
        return abs(value) * stressed(*parameters["foreign_cash"], parameters)
    if value <= 0.0 or leg["kind"] == "cash":
        return 0.0
    if leg["kind"] in ("perpetual", "future"):
        if model == "isolated":
            return value
        if leg["paid_in"] == "USD":
            return 0.0
        if leg["paid_in"] == "coin":
            return value * coin_cut(leg["underlying"], parameters, array_model)
        return value * stablecoin_cut(parameters)
    if leg["kind"] == "option":
        return 0.0 if array_model else value
    if leg["kind"] == "spot":
        return value * coin_cut(leg["underlying"], parameters, array_model)
    return value * stablecoin_cut(parameters)


def collateral(legs, parameters, model, told):
    """Equity, haircuts and margin value; rows name → (value, haircut), where what caps and pegs
    take off have a name of their own.
    """
    away = [
        leg
        for its_legs in by_underlying(legs).values()
        if outside(its_legs, parameters)
        for leg in its_legs
    ]
    rows, rest = {}, 0.0
    for leg in legs:
        if leg in away:
            continue
        value = market_value(leg)
        rows[leg["name"]] = (value, haircut(leg, parameters, model))
        if leg["asset"] == "wrapper":
            rows[f"depeg/{leg['name']}"] = (0.0, parameters["depeg"] * abs(value))
    for value, cut in rows.values():
        rest += value - cut
    counted = {}
    for leg in away:
        name, value = leg["name"], market_value(leg)
        rate = outside_cut(leg, parameters)
        rows[name] = (value, rate * value)
        most = parameters["caps"]["supply"] * parameters["caps"]["supply_usd"]
        if name in told.supply:
            most = parameters["caps"]["supply"] * told.supply[name] * leg["value"]
        counted[name] = (1.0 - rate) * min(value, most)
        rows[f"supply_cap/{name}"] = (0.0, (1.0 - rate) * value - counted[name])
    share = parameters["caps"]["value"]
    for name, own in counted.items():
        others = rest + sum(other for key, other in counted.items() if key != name)
        allowed = share / (1.0 - share) * max(0.0, others)
        rows[f"cap/{name}"] = (0.0, own - min(own, allowed))
    equity = sum(value for value, _ in rows.values())
    haircuts = sum(cut for _, cut in rows.values())
    return {
        "collateral_rows": rows,
        "equity": equity,
        "haircuts": haircuts,
        "margin_value": equity - haircuts,
    }
