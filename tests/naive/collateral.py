"""Collateral of docs/collateral.md as loops over legs: haircuts, pegs, caps, what is outside."""

from __future__ import annotations

import math

from tests.naive.market import class_name, coin_profit, delta_coin, market_class


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


def hedged_share(its_legs):
    """Of the coins of one underlying that are held, the share that contracts and debts hedge."""
    held, delta = 0.0, 0.0
    for leg in its_legs:
        if leg["kind"] == "spot" and leg["q"] > 0.0:
            held += leg["q"] * leg["value"] / leg["S"]
        else:
            delta += leg["q"] * (delta_coin(leg) + coin_profit(leg))
    if delta >= 0.0:
        return 0.0
    return 1.0 if -delta >= held else -delta / held


def split(its_legs, parameters):
    """One underlying's legs in two lists: what scenarios move, and what is collateral alone."""
    inside, away = [], []
    share = hedged_share(its_legs)
    for leg in its_legs:
        part = 1.0
        if leg["kind"] == "spot" and leg["q"] > 0.0:
            if leg["asset"] in ("lp", "rwa"):
                part = 0.0
            elif class_name(leg["underlying"], parameters) == "other":
                part = share
        if part > 0.0:
            inside.append(leg | {"q": leg["q"] * part})
        if part < 1.0:
            away.append(leg | {"q": leg["q"] * (1.0 - part)})
    return inside, away


def by_underlying(legs):
    """Legs that are no money, grouped by underlying."""
    books = {}
    for leg in legs:
        if leg["kind"] not in ("cash", "stablecoin"):
            books.setdefault(leg["underlying"], []).append(leg)
    return books


def in_array(legs, parameters):
    """Underlyings that scenarios move, each with its legs."""
    books = {name: split(its, parameters)[0] for name, its in by_underlying(legs).items()}
    return {name: its for name, its in books.items() if its}


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
        if leg["paid_in"] in ("USD", "INR"):
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
    kept, away = [leg for leg in legs if leg["kind"] in ("cash", "stablecoin")], []
    for its_legs in by_underlying(legs).values():
        inside, beside = split(its_legs, parameters)
        kept += inside
        away += beside
    rows, rest = {}, 0.0
    for underlying, its_legs in by_underlying(kept).items():
        if underlying.endswith(".IN"):
            value = sum(market_value(leg) for leg in its_legs)
            cut = stressed(*parameters["foreign_cash"], parameters)
            rows[f"currency/{underlying}"] = (0.0, abs(value) * cut)
    for leg in kept:
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
        path = f"outside/{name}" if leg["asset"] == "coin" else name
        rows[path] = (value, rate * value)
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
