"""Oracle of the four models: slow, obvious, written from docs/models/prbm.md alone.

Every function takes a portfolio, a snapshot and the plain dictionary of parameters and returns
unrounded USD floats: ``rows`` path → (initial, maintenance), ``initial``, ``maintenance``,
``equity``, ``haircuts``, ``margin_value``, ``mm_ratio``, ``state`` and what led there.
"""

from __future__ import annotations

from tests.naive.charges import (
    basis,
    concentration,
    floor,
    funding,
    liquidity,
    oracle,
    state,
    utilisation,
)
from tests.naive.collateral import collateral, in_array, market_value
from tests.naive.market import class_name, legs, market_class
from tests.naive.scan import cross_underlying, directional, group_of, scan_underlying

# What counts at both levels, and what counts in initial margin alone.
MAINTENANCE_CHARGES = ("liquidity", "basis", "concentration")
INITIAL_CHARGES = ("funding", "oracle", "utilisation")


def naive_prbm(portfolio, snapshot, parameters):
    """The house model. Also returns ``underlyings`` and ``groups`` with every intermediate."""
    book = legs(portfolio, snapshot)
    books = in_array(book, parameters)
    underlyings = {}
    for underlying, its_legs in books.items():
        table = scan_underlying(its_legs, parameters)
        up, down = directional(table)
        least = floor(its_legs, parameters)
        underlyings[underlying] = {
            "cells": table,
            "M_up": up,
            "M_down": down,
            "floor": least,
            **_charges(its_legs, max(up, down, least), parameters, snapshot.liquidity),
        }
    groups = {}
    for underlying in books:
        groups.setdefault(group_of(underlying, parameters), {"members": []})["members"].append(
            underlying
        )
    rows = {}
    sum_r = sum_r_initial = sum_r_unfloored = 0.0
    for name, group in groups.items():
        group |= _group(group["members"], underlyings, parameters)
        for member in group["members"]:
            m_active = underlyings[member]["M_up" if group["active"] == "up" else "M_down"]
            rows[f"scanning_risk/{member}"] = (m_active, m_active)
        decorrelation = (1.0 - group["rho"]) * (group["sum_m"] - group["D"])
        rows[f"decorrelation/{name}"] = (decorrelation, decorrelation)
        raised = group["R_floored"] - group["R"]
        rows[f"floor/{name}"] = (raised, raised)
        apart = group["R_initial"] - group["R_floored"]
        rows[f"correlation_collapse/{name}"] = (apart, 0.0)
        sum_r += group["R_floored"]
        sum_r_initial += group["R_initial"]
        sum_r_unfloored += group["R"]
    for underlying, figures in underlyings.items():
        for charge in MAINTENANCE_CHARGES:
            rows[f"{charge}/{underlying}"] = (figures[charge], figures[charge])
        for charge in INITIAL_CHARGES:
            rows[f"{charge}/{underlying}"] = (figures[charge], 0.0)
    rows["im_factor"] = ((parameters["initial_factor"] - 1.0) * sum_r_initial, 0.0)
    charges = sum(u[charge] for u in underlyings.values() for charge in MAINTENANCE_CHARGES)
    opening = sum(u[charge] for u in underlyings.values() for charge in INITIAL_CHARGES)
    return _finish(
        rows,
        parameters["initial_factor"] * sum_r_initial + charges + opening,
        sum_r + charges,
        collateral(book, parameters, "prbm", snapshot.liquidity),
        parameters,
    ) | {"underlyings": underlyings, "groups": groups, "R": sum_r_unfloored, "R_floored": sum_r}


def _charges(its_legs, worst_loss, parameters, told):
    """Every charge by name; a model has those that its parameters name, and none of the others."""
    amounts = {
        "liquidity": lambda: liquidity(its_legs, parameters, told),
        "basis": lambda: basis(its_legs, parameters),
        "concentration": lambda: concentration(its_legs, worst_loss, parameters, told),
        "funding": lambda: funding(its_legs, parameters, told),
        "oracle": lambda: oracle(its_legs, parameters, told),
        "utilisation": lambda: utilisation(its_legs, worst_loss, parameters, told),
    }
    return {name: amount() if name in parameters else 0.0 for name, amount in amounts.items()}


def _group(members, underlyings, parameters):
    plain, raised = {}, {}
    for member in members:
        figures = underlyings[member]
        plain[member] = (figures["M_up"], figures["M_down"])
        raised[member] = (
            max(figures["M_up"], figures["floor"]),
            max(figures["M_down"], figures["floor"]),
        )
    rho = parameters["rho"]
    rule = cross_underlying(plain, rho)
    return rule | {
        "rho": rho,
        "R_floored": cross_underlying(raised, rho)["R"],
        "R_initial": cross_underlying(raised, parameters.get("rho_initial", rho))["R"],
    }


def naive_hybrid(portfolio, snapshot, parameters):
    """The house model, and at each level at least what ``cross`` asks."""
    house = naive_prbm(portfolio, snapshot, parameters)
    other = naive_cross(portfolio, snapshot, parameters)
    more = tuple(max(0.0, other[level] - house[level]) for level in ("initial", "maintenance"))
    rows = house["rows"] | {"hybrid/cross": more}
    account = {k: house[k] for k in ("equity", "haircuts", "margin_value")}
    initial, maintenance = house["initial"] + more[0], house["maintenance"] + more[1]
    return house | _finish(rows, initial, maintenance, account, parameters)


def naive_risk_based_collateral(portfolio, snapshot, parameters):
    """Each position's own worst loss over the grid; no netting, no charges."""
    book = legs(portfolio, snapshot)
    rows = {}
    for leg in (leg for its_legs in in_array(book, parameters).values() for leg in its_legs):
        own = max(directional(scan_underlying([leg], parameters)))
        least = 0.0
        if leg["kind"] == "option" and leg["q"] < 0.0:
            least = parameters["short_option_minimum"] * leg["L"] * -leg["q"]
        path = f"{leg['underlying']}/{leg['name']}"
        rows[f"scanning_risk/{path}"] = (own, own)
        rows[f"floor/{path}"] = (max(least - own, 0.0), max(least - own, 0.0))
    maintenance = sum(row[1] for row in rows.values())
    rows["im_factor"] = ((parameters["initial_factor"] - 1.0) * maintenance, 0.0)
    account = collateral(book, parameters, "risk-based-collateral", snapshot.liquidity)
    return _fixed(rows, account, parameters)


def naive_isolated(portfolio, snapshot, parameters):
    """Fixed percentages per position; profits and options held are locked in their positions."""
    return _fixed_percentages(portfolio, snapshot, parameters, "isolated")


def naive_cross(portfolio, snapshot, parameters):
    """Fixed percentages per position on one account balance."""
    return _fixed_percentages(portfolio, snapshot, parameters, "cross")


def naive_collateral_factor(portfolio, snapshot, parameters):
    """Assets for a share of their value, debts divided by a factor of their own."""
    rows, equity, haircuts = {}, 0.0, 0.0
    for leg in legs(portfolio, snapshot):
        value = market_value(leg)
        equity += value
        counted, initial, maintenance = parameters["factor"][_kind(leg, parameters)]
        if value >= 0.0:
            haircuts += value * (1.0 - counted)
        else:
            rows[f"borrow/{leg['name']}"] = (-value / initial + value, -value / maintenance + value)
    account = {"equity": equity, "haircuts": haircuts, "margin_value": equity - haircuts}
    return _fixed(rows, account, parameters)


def _kind(leg, parameters):
    """By which factor a leg's value counts."""
    if leg["kind"] == "stablecoin":
        return "stablecoin"
    if leg["kind"] == "cash":
        return "cash" if leg["name"] == "USD" else "foreign-cash"
    if leg["kind"] == "option" and leg["q"] > 0.0:
        return "long-options"
    if leg["kind"] in ("perpetual", "future") and not leg["inverse"]:
        money = {"USD": "cash", "INR": "foreign-cash"}
        return money.get(leg["paid_in"], "stablecoin")
    return class_name(leg["underlying"], parameters)


def _fixed_percentages(portfolio, snapshot, parameters, model):
    book = legs(portfolio, snapshot)
    rows = {}
    for leg in book:
        if leg["kind"] == "option":
            rows[f"standard_option/{leg['name']}"] = _standard_option(leg, parameters)
        elif leg["kind"] in ("perpetual", "future") or (leg["kind"] == "spot" and leg["q"] < 0.0):
            notional = abs(leg["q"]) * (leg["L"] if leg["signed"] else leg["value"])
            rate = market_class(leg["underlying"], parameters)["range"]
            initial = parameters["initial_factor"] * rate * notional
            rows[f"notional/{leg['name']}"] = (initial, rate * notional)
    account = collateral(book, parameters, model, snapshot.liquidity)
    return _fixed(rows, account, parameters)


def _standard_option(leg, parameters):
    """Initial and maintenance of an option by itself; what is held long is paid for."""
    if leg["q"] >= 0.0:
        return 0.0, 0.0
    numbers = parameters["standard_option"]
    S, level, quantity = leg["S"], leg["L"], -leg["q"]
    out_of_the_money = leg["K_usd"] - S if leg["is_call"] else S - leg["K_usd"]
    out_of_the_money = max(0.0, out_of_the_money)
    initial = max(numbers["rate"] - out_of_the_money / level, numbers["least_rate"])
    maintenance = numbers["maintenance_rate"]
    if not leg["is_call"]:
        maintenance = max(maintenance, numbers["maintenance_rate"] * leg["mark"] / level)
        initial = max(initial, maintenance)
    return initial * level * quantity, maintenance * level * quantity


def _fixed(rows, account, parameters):
    initial = sum(row[0] for row in rows.values())
    maintenance = sum(row[1] for row in rows.values())
    return _finish(rows, initial, maintenance, account, parameters)


def _finish(rows, initial, maintenance, account, parameters):
    ratio, word = state(initial, maintenance, account["margin_value"], parameters)
    return account | {
        "rows": rows,
        "initial": initial,
        "maintenance": maintenance,
        "mm_ratio": ratio,
        "state": word,
    }
