"""The scenario grid and the cross-underlying rule as loops: docs/models/prbm.md, word by word."""

from __future__ import annotations

import math

from tests.naive import early
from tests.naive.black76 import intrinsic
from tests.naive.market import (
    DAYS_PER_YEAR,
    coin_profit,
    market_class,
    moved,
    smile_at,
    worth,
)


def scenarios(price_range, parameters):
    """All cells of one underlying: label → (price move, volatility move, damping)."""
    cells = {}
    for fraction in parameters["grid_fractions"]:
        for vol in ("up", "none", "down"):
            cells["grid", price_range * fraction, vol] = (price_range * fraction, vol, 1.0)
    for vol in ("skew+", "skew-", "twist+", "twist-"):
        cells["surface", 0.0, vol] = (0.0, vol, 1.0)
    for move in parameters["tail_moves"]:
        cells["tail", move, "up"] = (move, "up", min(1.0, price_range / abs(move)))
    return cells


def moved_vol(leg, move, way):
    """An option's volatility after a price move, before any shock to it."""
    sigma = leg["sigma"]
    if way == "sticky-strike":
        return sigma
    if leg["signed"]:
        here = leg["K"]
        there = here - leg["L"] / leg["c"] * move
    else:
        here = math.log(leg["K"])
        there = here - math.log(1.0 + move)
    change = smile_at(leg["smile"], there) - smile_at(leg["smile"], here)
    lowest = min(vol for _, vol in leg["smile"])
    return max(sigma + change, min(sigma, lowest))


def shocked_vol(leg, move, vol, way, parameters):
    """An option's volatility in a cell; tenor and moneyness are today's."""
    sigma, days = moved_vol(leg, move, way), leg["T"] * DAYS_PER_YEAR
    law = parameters["vol"]
    power = law["power_short"] if days <= law["reference_days"] else law["power_long"]
    scale = (law["reference_days"] / max(days, law["shortest_days"])) ** power
    if isinstance(vol, float):  # a joint scenario has its own move
        return sigma * (1.0 + vol) ** scale
    if vol == "up":
        raised = sigma * (1.0 + law["up_rel"] * scale)
        return max(raised, law["floor_when_up"], sigma)
    if vol == "down":
        return sigma * max(0.0, 1.0 - law["down_rel"] * scale)
    if vol in ("skew+", "skew-"):
        cut = parameters["skew"]["cut_sd"]
        sd = leg["sigma_atm"] * math.sqrt(leg["T"])
        if leg["signed"]:
            z = (leg["K"] - leg["F"]) / (sd * leg["vol_unit"])
        else:
            z = math.log(leg["K"] / leg["F"]) / sd
        z = min(max(z, -cut), cut)
        tilt = parameters["skew"]["tilt_rel"] * (1.0 if vol == "skew+" else -1.0)
        return sigma * (1.0 + tilt * z)
    if vol in ("twist+", "twist-"):
        term = parameters["term"]
        w = 1.0 - 2.0 * math.log(days / term["centre_days"]) / math.log(
            term["long_days"] / term["centre_days"]
        )
        w = min(max(w, -1.0), 1.0)
        twist = term["twist_rel"] * (1.0 if vol == "twist+" else -1.0)
        return sigma * (1.0 + twist * w)
    return sigma


def expires_within(leg, parameters):
    """Whether a leg is gone after the horizon."""
    if leg["kind"] not in ("future", "option"):
        return False
    return leg["T"] * DAYS_PER_YEAR <= parameters["horizon_days"]


def unit_pnl(leg, move, vol, instant, way, parameters):
    """Gain in USD of one unit of a leg, and of the coins it has earned, in one cell."""
    contract = contract_pnl(leg, move, vol, instant, way, parameters)
    return contract + coin_profit(leg) * leg["S"] * move


def contract_pnl(leg, move, vol, instant, way, parameters):
    """Gain in USD of one unit of a leg in one cell at one instant."""
    if instant == "post-expiry" and expires_within(leg, parameters):
        return settled_pnl(leg, move)
    forward = moved(leg, move)
    if leg["kind"] != "option":
        return leg["c"] * forward - leg["value"]
    passed = 0.0
    if instant != "now":
        passed = min(parameters["horizon_days"] / DAYS_PER_YEAR, leg["T"])
    sigma = shocked_vol(leg, move, vol, way, parameters)
    if leg["early"] is not None:
        then = early.later(leg["early"], passed)
        spot = then["S"] * (1.0 + move)
        value = early.value(then, spot, leg["K"], sigma, leg["is_call"])
    else:
        tenor = leg["T"] - passed
        value = worth(leg, forward, sigma, tenor)
        value *= leg["D"] ** (tenor / leg["T"])
    return leg["c"] * value - leg["value"]


def settled_pnl(leg, move):
    """Gain in USD of one unit that settles at today's forward before the move."""
    delivered = 1.0
    if leg["kind"] == "future":
        settled = leg["F"]
    else:
        settled = intrinsic(leg["F"], leg["K"], leg["is_call"])
        delivered = (1.0 if leg["is_call"] else -1.0) if settled > 0.0 else 0.0
    if leg["physical"]:
        settled += delivered * (moved(leg, move) - leg["F"])
    elif leg["kind"] == "option" and leg["inverse"]:
        settled *= 1.0 + move
    return leg["c"] * settled - leg["value"]


def scan_underlying(legs, parameters):
    """Cells of one underlying's legs.

    Returns label → {"move", "damping", "pnl": {when: damped}, "undamped": {when: …}}; when is an
    instant, and where both ways of the smile are tried also the way.
    """
    price_range = market_class(legs[0]["underlying"], parameters)["range"]
    instants = ["now", "horizon"]
    if any(expires_within(leg, parameters) for leg in legs):
        instants.append("post-expiry")
    smile = parameters.get("smile", "sticky-strike")
    ways = ["sticky-strike", "sticky-delta"] if smile == "worst" else [smile]
    table = {}
    for label, (move, vol, damping) in scenarios(price_range, parameters).items():
        net = {}
        for way in ways:
            for instant in instants:
                when = instant if way == "sticky-strike" else f"{instant}, {way}"
                net[when] = 0.0
                for leg in legs:
                    net[when] += leg["q"] * unit_pnl(leg, move, vol, instant, way, parameters)
        table[label] = {
            "move": move,
            "damping": damping,
            "undamped": net,
            "pnl": {when: damping * pnl for when, pnl in net.items()},
        }
    return table


def directional(table):
    """M↑ and M↓ of one underlying."""
    up = down = 0.0
    for cell in table.values():
        loss = -min(cell["pnl"].values())
        if cell["move"] >= 0.0:
            up = max(up, loss)
        if cell["move"] <= 0.0:
            down = max(down, loss)
    return up, down


def cross_underlying(directions, rho):
    """One correlation group: {underlying: (M↑, M↓)} → ΣM, D, R and the active direction."""
    sum_up = sum(up for up, _ in directions.values())
    sum_down = sum(down for _, down in directions.values())
    sum_m = sum(max(up, down) for up, down in directions.values())
    d = max(sum_up, sum_down)
    return {
        "sum_m": sum_m,
        "D": d,
        "R": (1.0 - rho) * sum_m + rho * d,
        "active": "up" if sum_up - sum_down > 0.5e-6 else "down",
    }


def group_of(underlying, parameters):
    """The correlation group: a named one, or the underlying alone."""
    for name, members in parameters["groups"].items():
        if underlying in members:
            return name
    return underlying
