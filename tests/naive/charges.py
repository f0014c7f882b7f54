"""Floors, charges, equity and haircuts of docs/models/prbm.md as loops over legs."""

from __future__ import annotations

import math

from tests.naive.market import coin_balance, coin_profit, delta_coin, in_array, market_class


def floor(legs, parameters):
    """The least scanning risk of one underlying's legs."""
    S = legs[0]["S"]
    short_calls = short_puts = gross = 0.0
    for leg in legs:
        if leg["kind"] != "spot":
            gross += abs(leg["q"])
        if leg["kind"] == "option" and leg["q"] < 0.0:
            if leg["is_call"]:
                short_calls += -leg["q"]
            else:
                short_puts += -leg["q"]
    gross += abs(coin_balance(legs))
    shorts = max(short_calls, short_puts)
    return S * max(
        parameters["short_option_minimum"] * shorts,
        parameters["gross_floor"] * gross,
    )


def liquidity(legs, parameters):
    """Close-out cost of one underlying's legs."""
    numbers = parameters["liquidity"]
    S = legs[0]["S"]
    kind = market_class(legs[0]["underlying"], parameters)
    spreads = net_delta = 0.0
    for leg in legs:
        if leg["kind"] == "option":
            spread = numbers["of_mark"] * leg["mark"] + numbers["half_spread_rel"] * S
            if leg["q"] > 0.0:
                spread = min(spread, leg["mark"])
            spreads += abs(leg["q"]) * spread
        if leg["kind"] != "spot":
            net_delta += leg["q"] * delta_coin(leg)
    net_delta += min(coin_balance(legs), 0.0)
    N = S * abs(net_delta)
    impact = numbers["impact"] * kind["sigma_day"] * math.sqrt(N / kind["adv_usd"])
    return spreads + numbers["half_spread_rel"] * N + impact * N


def basis(legs, parameters):
    """Charge for deltas of one underlying that hedge each other across expiries."""
    numbers = parameters["basis"]
    S = legs[0]["S"]
    net, move = {"spot": 0.0}, {"spot": 0.0}
    for leg in legs:
        if leg["kind"] == "spot":
            bucket, bucket_move = "spot", 0.0
        else:
            bucket = "perpetual" if leg["kind"] == "perpetual" else leg["expiry"]
            bucket_move = max(numbers["min_move"], numbers["annual_move"] * math.sqrt(leg["T"]))
        net[bucket] = net.get(bucket, 0.0) + leg["q"] * delta_coin(leg)
        net["spot"] += leg["q"] * coin_profit(leg)
        move[bucket] = bucket_move
    gross = sum(abs(delta) for delta in net.values())
    if gross == 0.0:
        return 0.0
    hedged = 1.0 - abs(sum(net.values())) / gross
    return hedged * sum(abs(net[bucket]) * S * move[bucket] for bucket in net)


def market_value(leg):
    """What a leg adds to equity, USD."""
    if leg["kind"] in ("cash", "stablecoin", "spot"):
        return leg["q"] * leg["S"]
    if leg["kind"] == "option":
        return leg["q"] * leg["mark"]
    if leg["entry"] is None:
        return 0.0
    if leg["inverse"]:
        return leg["q"] * leg["S"] * (leg["F"] / leg["entry"] - 1.0)
    return leg["q"] * (leg["F"] - leg["entry"]) * leg["c"]


def haircut(leg, parameters, model):
    """Haircut on a leg's value, USD; ``model`` decides what counts as collateral."""
    value = market_value(leg)
    if value <= 0.0 or leg["kind"] == "cash":
        return 0.0
    array_model = model in ("prbm", "risk-based-collateral")
    if leg["kind"] in ("perpetual", "future"):
        if model == "isolated":
            return value
        if leg["paid_in"] == "USD":
            return 0.0
        if leg["paid_in"] == "coin":
            return value * coin_cut(leg, parameters, array_model)
        return value * stablecoin_cut(parameters)
    if leg["kind"] == "option":
        return 0.0 if array_model else value
    if leg["kind"] == "spot":
        return value * coin_cut(leg, parameters, array_model)
    return value * stablecoin_cut(parameters)


def stablecoin_cut(parameters):
    """Haircut of a stablecoin, a share of its value."""
    numbers = parameters["haircut"]
    volatile = numbers["sds"] * numbers["stable_sigma"] * math.sqrt(1.0)
    return max(numbers["stable_min"], volatile + numbers["stable_spread"])


def coin_cut(leg, parameters, array_model):
    """Haircut of a coin, a share of its value: less where scenarios shock it already."""
    kind = market_class(leg["underlying"], parameters)
    if array_model:
        return kind["haircut"]
    volatile = parameters["haircut"]["sds"] * kind["sigma_day"] * math.sqrt(1.0)
    return max(kind["range"], volatile + kind["haircut"])


def collateral(legs, parameters, model):
    """Equity, haircuts and margin value, with one row a leg: name → (value, haircut)."""
    rows = {leg["name"]: (market_value(leg), haircut(leg, parameters, model)) for leg in legs}
    equity = sum(value for value, _ in rows.values())
    haircuts = sum(cut for _, cut in rows.values())
    return {
        "collateral_rows": rows,
        "equity": equity,
        "haircuts": haircuts,
        "margin_value": equity - haircuts,
    }


def by_underlying(legs):
    """Legs that move with an underlying, grouped by it."""
    books = {}
    for leg in legs:
        if in_array(leg):
            books.setdefault(leg["underlying"], []).append(leg)
    return books


def state(initial, maintenance, margin_value, parameters):
    """MM ratio (infinite without margin value) and the account's state."""
    ratio = maintenance / margin_value if margin_value > 0.0 else math.inf
    if margin_value < 0.0 or (ratio >= 1.0 and maintenance > 0.0):
        return ratio, "liquidation"
    if margin_value < initial:
        return ratio, "reduce-only"
    if parameters["warning_ratio"] <= ratio < math.inf:
        return ratio, "warning"
    return ratio, "healthy"
