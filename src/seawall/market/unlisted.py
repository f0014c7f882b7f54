"""Options and futures that no source lists, put into a snapshot by its volatility surface.

They become rows like the listed ones, without a mark, so that whatever values, moves or trades
them needs no surface: volatilities are asked for once, at the snapshot's own prices, and are
sticky by strike from then on. What is listed keeps every number that it had. What was quoted, but
not so that it can be used, stays refused with its reason; so does what lies beyond the surface's
reach. Source: docs/surface.md, "What is valued by it".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from seawall.basics.errors import MissingQuote
from seawall.basics.time import isoformat_utc, tenor_years
from seawall.market.carry import DiscountCurve, carry_of
from seawall.market.slices import vol_at_forward
from seawall.market.smiles import Smile
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey, slice_key
from seawall.market.surface import VolSurface, forward_curve, vol_surface
from seawall.pricing.svi_fit import FitStatus
from seawall.products.instruments import DatedFuture, Expiring, Instrument, Option
from seawall.products.markets import is_signed
from seawall.products.names import contract_name


def with_unlisted(market: MarketSnapshot, instruments: Iterable[Instrument]) -> MarketSnapshot:
    """The snapshot with those of the instruments that it does not list, where the surface tells.

    An option gets the volatility of :func:`seawall.market.surface.vol_surface`; it and a future of
    an expiry without a forward get the log-linear one. ``unlisted`` of the result says what was
    valued and how, and what was not and why. The snapshot itself is returned, and no slice fitted,
    where everything is listed, left out with a reason, expired, or was asked for before. Raises
    BadNumber for an option whose strike is none.
    """
    asked: dict[tuple[str, str], dict[str, Expiring]] = {}
    for each in instruments:
        if isinstance(each, Expiring) and _is_unlisted(each, market):
            asked.setdefault((each.underlying, each.settlement), {})[each.name] = each
    for (underlying, _), contracts in asked.items():
        if is_signed(underlying):
            market = _without(market, contracts)
            continue
        market = _with_forwards(market, [*contracts.values()])
        options = [each for each in contracts.values() if isinstance(each, Option)]
        market = _with_options(market, [o for o in options if slice_key(o) in market.forwards])
    return market


def _without(market: MarketSnapshot, contracts: Iterable[str]) -> MarketSnapshot:
    """The snapshot that knows why it does not value contracts on a signed underlying."""
    why = (
        "no volatility surface and no curve is drawn through prices that may be negative",
        "Use a snapshot that lists it.",
    )
    before = market.unlisted
    beyond = {**before.beyond, **dict.fromkeys(contracts, why)}
    return replace(market, unlisted=replace(before, beyond=beyond))


def _is_unlisted(contract: Expiring, market: MarketSnapshot) -> bool:
    """Whether no source says anything of a contract that is alive and was not asked for before."""
    name, before = contract.name, market.unlisted
    if name in market.dropped or name in before.valued or name in before.beyond:
        return False
    if contract.underlying in market.refused or contract.expiry <= market.as_of:
        return False
    if isinstance(contract, Option):
        return name not in market.option_rows
    key = slice_key(contract)
    # A future without a mark is at the forward that options of its expiry tell.
    return name not in market.futures and (key not in market.forwards or key in before.forwards)


def _with_forwards(market: MarketSnapshot, contracts: Sequence[Expiring]) -> MarketSnapshot:
    """The snapshot with the forwards that contracts of one underlying and settlement lack."""
    forwards: dict[SliceKey, float] = {}
    unreached: dict[SliceKey, tuple[str, str]] = {}
    for key in {slice_key(contract) for contract in contracts} - market.forwards.keys():
        try:
            forwards[key] = _interpolated(key, market)
        except MissingQuote as error:
            unreached[key] = error.what, error.remedy
    before, by_name = market.unlisted, {each.name: each for each in contracts}
    interpolated, known = before.forwards | forwards.keys(), {**market.forwards, **forwards}
    futures = {
        name: f"{_not_listed(name, market)}: taken at the {_forward_text(known[slice_key(each)])}."
        for name, each in by_name.items()
        if isinstance(each, DatedFuture) and slice_key(each) in interpolated
    }
    beyond = {n: unreached[slice_key(c)] for n, c in by_name.items() if slice_key(c) in unreached}
    return replace(
        market,
        forwards=known,
        unlisted=replace(
            before,
            valued={**before.valued, **futures},
            beyond={**before.beyond, **beyond},
            forwards=interpolated,
        ),
    )


def _interpolated(key: SliceKey, market: MarketSnapshot) -> float:
    """The log-linear forward of an expiry. Raises MissingQuote where there is none."""
    future = contract_name(*key)
    if future in market.dropped:
        raise MissingQuote(
            f"the forward of its expiry was left out: {market.dropped[future]}",
            where=market.where,
            remedy="Correct its quote or use another snapshot.",
        )
    tenor = tenor_years(market.as_of, key[2])
    return forward_curve(market, *key[:2]).forward_of(key[2], tenor, market.where)


def _with_options(market: MarketSnapshot, options: Sequence[Option]) -> MarketSnapshot:
    """The snapshot with rows for options of one underlying and settlement and known forwards."""
    if not options:
        return market
    valued: dict[str, str] = {}
    beyond: dict[str, tuple[str, str]] = {}
    found: dict[SliceKey, list[tuple[Option, float]]] = {}
    surface: VolSurface | None = None
    for option in options:
        try:
            surface = surface or vol_surface(market, option.underlying, option.settlement)
            vol, _ = surface.vol(option.expiry, option.strike)
        except MissingQuote as error:
            beyond[option.name] = error.what, error.remedy
            continue
        found.setdefault(slice_key(option), []).append((option, vol))
        valued[option.name] = _how_valued(option, vol, surface, market)
    slices, rows = dict(market.slices), dict(market.option_rows)
    smiles = set(market.unlisted.smiles)
    for key, added in found.items():
        if key not in slices and surface is not None:
            slices[key] = _slice_of(surface, key, market)
            smiles.add(key)
        first = len(slices[key].names)
        slices[key] = _extended(slices[key], added)
        rows |= {option.name: (key, first + place) for place, (option, _) in enumerate(added)}
    before = market.unlisted
    return replace(
        market,
        slices=slices,
        option_rows=rows,
        unlisted=replace(
            before,
            valued={**before.valued, **valued},
            beyond={**before.beyond, **beyond},
            smiles=frozenset(smiles),
        ),
    )


def _slice_of(surface: VolSurface, key: SliceKey, market: MarketSnapshot) -> OptionSlice:
    """The smile of an unlisted expiry, as calls at the strikes of the expiries beside it.

    What is asked for in it is no part of this, so that its volatility at the forward, at today's as
    at a moved one, is the same whatever is held. The forward is itself a strike of it.
    """
    forward, discount = market.forwards[key], _discount_of(key, market)
    beside = next(s for k, s in market.slices.items() if k[:2] == key[:2])
    carry = None
    if beside.carry is not None:
        spot = market.spot_usd(key[0]) / market.currency_usd(key[1])
        dividends = beside.carry.dividends
        carry = carry_of(forward, spot, discount, key[2], dividends, market.as_of)
    listed = np.unique(np.concatenate([smile.strike for smile in surface.smiles_of(key[2])]))
    k, (low, high) = np.log(listed / forward), surface.reach(key[2])
    strike = np.union1d(listed[(k > low) & (k < high)], [forward])
    vol, _ = surface.vols(key[2], strike)
    unknown = np.full(strike.size, np.nan)
    return OptionSlice(
        key=key,
        forward=forward,
        names=tuple(contract_name(*key, level, "call") for level in strike.tolist()),
        strike=strike,
        is_call=np.ones(strike.size, dtype=np.bool_),
        vol=vol,
        mark=unknown,
        observed_s=unknown,
        atm_vol=vol_at_forward(forward, strike, vol),
        discount=discount,
        carry=carry,
    )


def _discount_of(key: SliceKey, market: MarketSnapshot) -> float:
    """The discount factor of an unlisted expiry: its logarithm is linear in time between those of
    the listed ones, from 1 today, and beyond the last the last rate goes on.
    """
    factors = {
        tenor_years(market.as_of, listed.key[2]): listed.discount
        for listed in market.slices.values()
        if listed.key[:2] == key[:2]
    }
    tenors = sorted(factors)
    curve = DiscountCurve(np.array(tenors), np.array([factors[tenor] for tenor in tenors]))
    return curve.at(tenor_years(market.as_of, key[2]))


def _extended(known: OptionSlice, added: Sequence[tuple[Option, float]]) -> OptionSlice:
    """The slice with a row more for each option, at its volatility and without a mark."""
    unknown = np.full(len(added), np.nan)
    return replace(
        known,
        names=(*known.names, *(option.name for option, _ in added)),
        strike=np.append(known.strike, [option.strike for option, _ in added]),
        is_call=np.append(known.is_call, [option.is_call for option, _ in added]),
        vol=np.append(known.vol, [vol for _, vol in added]),
        mark=np.append(known.mark, unknown),
        observed_s=np.append(known.observed_s, unknown),
        added=known.added + len(added),
    )


# ---- what a report says of them


def _not_listed(name: str, market: MarketSnapshot) -> str:
    return f"{name} is not listed at {isoformat_utc(market.as_of)}"


def _forward_text(forward: float) -> str:
    return f"forward {forward:,.8g}, log-linear in time between its neighbours"


def _how_valued(option: Option, vol: float, surface: VolSurface, market: MarketSnapshot) -> str:
    """The sentence that a report on an option valued by the surface repeats."""
    key, smiles = slice_key(option), surface.smiles_of(option.expiry)
    told = [_quality(option, smiles, surface)]
    k = np.log(option.strike / market.forwards[key])
    if any(smile.beyond_listed(k) for smile in smiles):
        told.append("the strike is beyond the listed ones")
    if key in market.unlisted.forwards:
        told.append(_forward_text(market.forwards[key]))
    told.append(_age(smiles, surface))
    return (
        f"{_not_listed(option.name, market)}: valued by the volatility surface at "
        f"{100.0 * vol:.1f} % ({'; '.join(told)})."
    )


def _quality(option: Option, smiles: Sequence[Smile], surface: VolSurface) -> str:
    """Which smiles tell an option's volatility, and how well they follow their strikes."""
    if surface.smile(option.expiry) is not None:
        return f"smile of its expiry {_fit(smiles[0])}"
    several = ", ".join(f"that of {smile.expiry.date()} {_fit(smile)}" for smile in smiles)
    if option.expiry < surface.smiles[0].expiry:
        return f"before the first smile: {several}"
    if option.expiry > surface.smiles[-1].expiry:
        return f"after the last smile: {several}"
    return f"between two smiles: {several}"


def _fit(smile: Smile) -> str:
    """How well a slice follows its strikes."""
    count, fit = smile.strike.size, smile.fit()
    if fit.slice is None:
        return f"of {count} strikes joined by lines, error unknown"
    left = ", with arbitrage left" if fit.status is FitStatus.ARBITRAGE_LEFT else ""
    return f"fits {count} strikes to {smile.rms_error_vol_points:.2g} vol points rms{left}"


def _age(smiles: Sequence[Smile], surface: VolSurface) -> str:
    ages = [smile.age_s(surface.as_of) for smile in smiles]
    known = [age for age in ages if age is not None]
    if len(known) < len(ages):
        return "age of its quotes unknown"
    return f"oldest quote {max(known):.0f} s old"
