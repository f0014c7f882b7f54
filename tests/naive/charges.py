"""Floors, charges and states of docs/models/prbm.md as loops over legs."""

from __future__ import annotations

import math
import re

from tests.naive.market import coin_balance, coin_profit, delta_coin, market_class
from tests.naive.scan import directional, scan_underlying


def floor(legs, parameters):
    """The least scanning risk of one underlying's legs."""
    S = legs[0]["L"]
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


def liquidity(legs, parameters, told):
    """Close-out cost of one underlying's legs."""
    numbers = parameters["liquidity"]
    S = legs[0]["L"]
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
    adv_usd = told.adv_usd.get(legs[0]["underlying"], kind["adv_usd"])
    impact = numbers["impact"] * kind["sigma_day"] * math.sqrt(N / adv_usd)
    return spreads + numbers["half_spread_rel"] * N + impact * N


def basis(legs, parameters):
    """Charge for deltas of one underlying that hedge each other across expiries."""
    numbers = parameters["basis"]
    S = legs[0]["L"]
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


def concentration(legs, worst_loss, parameters, told):
    """Charge for a large part of all contracts there are; ``worst_loss`` with floors."""
    numbers = parameters["concentration"]
    S = legs[0]["L"]
    contracts = [leg for leg in legs if leg["kind"] != "spot"]
    gross = sum(abs(leg["q"]) for leg in contracts)
    if gross == 0.0:
        return 0.0
    listed = {
        name: coins
        for name, coins in told.open_interest.items()
        if parts_of(name)[0] == legs[0]["underlying"]
    }
    total = sum(listed.values())
    if total == 0.0:
        total = market_class(legs[0]["underlying"], parameters)["open_interest_usd"] / S
        listed = {}
    most = worst_loss * (min(1.0, gross / total) - numbers["free"])
    for leg in contracts:
        _, day, strike = parts_of(leg["name"])
        if day == "PERPETUAL":
            continue
        same_day = [other for other in contracts if parts_of(other["name"])[1] == day]
        groups = [(same_day, lambda name, day=day: parts_of(name)[1] == day)]
        if leg["kind"] == "option":
            same_strike = [o for o in same_day if parts_of(o["name"])[2] == strike]
            groups.append((same_strike, lambda n, d=day, k=strike: parts_of(n)[1:] == (d, k)))
        for members, belongs in groups:
            there = sum(coins for name, coins in listed.items() if belongs(name))
            held = sum(abs(member["q"]) for member in members)
            there = max(there, numbers["least_cluster"] * total)
            # Coins that a contract has earned are no part of the contract.
            bare = [{**member, "entry": None} for member in members]
            alone = max(directional(scan_underlying(bare, parameters)))
            part = min(alone, worst_loss) * (min(1.0, held / there) - numbers["free"])
            most = max(most, part)
    return numbers["factor"] * max(0.0, most)


def parts_of(name):
    """Underlying, day and strike of a contract's name; the strike is None where it has none."""
    occ = re.fullmatch(r"(SPXW|KO)(\d\d)(\d\d)(\d\d)[CP](\d{8})", name)
    if occ:
        month = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"[3 * int(occ[3]) - 3 : 3 * int(occ[3])]
        underlying = {"SPXW": "SPX.US", "KO": "KO.US"}[occ[1]]
        return underlying, f"{int(occ[4])}{month}{occ[2]}", int(occ[5]) / 1_000.0
    pair, day, *rest = name.split("-")
    return (
        pair.split("_")[0],
        day,
        float(rest[0].replace("D", ".").replace("M", "-")) if rest else None,
    )


def funding(legs, parameters, told):
    """What the perpetuals of one underlying may pay more over the horizon."""
    cost = 0.0
    for leg in legs:
        if leg["kind"] != "perpetual":
            continue
        rate = told.funding_per_day.get(leg["name"])
        pays = rate is None or rate == 0.0 or (rate > 0.0) == (leg["q"] > 0.0)
        if pays:
            notional = abs(leg["q"]) * (leg["L"] if leg["signed"] else leg["F"] * leg["c"])
            cost += parameters["funding"]["shock"] * parameters["horizon_days"] * notional
    return cost


def oracle(legs, parameters, told):
    """What a doubtful or old index may be wrong by."""
    numbers = parameters["oracle"]
    underlying = legs[0]["underlying"]
    doubt = 1.0 - told.confidence.get(underlying, 1.0)
    late = told.index_age_s.get(underlying, 0.0) - numbers["grace_s"]
    sigma = market_class(underlying, parameters)["sigma_day"]
    if late > 0.0:
        doubt += numbers["sds"] * sigma * math.sqrt(late / 86_400.0)
    coins = sum(abs(leg["q"]) for leg in legs if leg["kind"] != "spot")
    owed = coin_balance(legs)
    return doubt * legs[0]["L"] * (coins - owed if owed < 0.0 else coins)


def utilisation(legs, worst_loss, parameters, told):
    """What a pool that is nearly used up adds; ``worst_loss`` with floors."""
    numbers = parameters["utilisation"]
    used = told.pool_utilisation.get(legs[0]["underlying"], 0.0)
    if used <= numbers["knee"]:
        return 0.0
    return worst_loss * numbers["full"] * (used - numbers["knee"]) / (1.0 - numbers["knee"])


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
