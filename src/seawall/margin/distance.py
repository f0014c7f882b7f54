"""Liquidation prices: how far an underlying may move, all else equal, before maintenance is gone.

Every price tried is a full recomputation: the market moved, the book joined with it, requirement
and collateral computed anew; only underlyings that did not move keep their risk arrays. Formulas
and limits: docs/explain.md, "Liquidation prices".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.collateral import in_array
from seawall.margin.fold import Direction
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement, risk_arrays
from seawall.market.snapshot import MarketSnapshot
from seawall.risk.book import Book, UnderlyingBook
from seawall.risk.moved import moved_book
from seawall.risk.revaluation import RiskArray

Floats = NDArray[np.float64]

LOWEST_MOVE_REL, HIGHEST_MOVE_REL = -0.999, 10.0
"""How far is searched; a crossing beyond is none. A signed underlying goes as far down as up."""

TOLERANCE_REL = 1e-6
"""A liquidation price is exact to this share of itself."""

# Steps of the ladder in log-price; of a signed underlying in ln(1 + |x|), x shares of its level.
# Dips of an excess are as wide as the options that make them, σ√T or the gap between their strikes;
# strikes lie closest near the money.
_NEAR_STEP, _FAR_STEP, _NEAR = 0.01, 0.04, 0.5
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, slots=True)
class LiquidationPrice:
    """The first move of one underlying in one direction at which the account is liquidated.

    ``price_usd`` index price at which excess_maintenance is 0, ``distance_rel`` the size of the
    move to it, a share of the price or of the level (≥ 0, 0 when the account is in liquidation
    already); both None where no move between ``LOWEST_MOVE_REL`` and ``HIGHEST_MOVE_REL``
    liquidates.
    """

    underlying: str
    direction: Direction
    price_usd: float | None
    distance_rel: float | None


def liquidation_prices(
    book: Book, market: MarketSnapshot, model: MarginModel
) -> tuple[LiquidationPrice, ...]:
    """The liquidation prices of each underlying of a book, up and then down.

    ``market`` is the one that the book was joined with. Raises what
    :func:`seawall.margin.requirement.margin_requirement` raises.
    """
    found: list[LiquidationPrice] = []
    here, arrays = _headroom(book, model), risk_arrays(in_array(book, model.classes), model)
    for part in book.underlyings:
        held = _held(part, market)

        def excess(
            log_move: float, part: UnderlyingBook = part, held: MarketSnapshot = held
        ) -> float:
            move = _move_rel(part, log_move)
            return _headroom(moved_book(book, held, part.underlying, move), model, arrays)

        for direction in ("up", "down"):
            at = 0.0 if here <= 0.0 else _first_crossing(excess, here, _ladder(part, direction))
            price = None if at is None else _price_usd(part, at)
            distance = None if at is None else abs(_move_rel(part, at))
            found.append(LiquidationPrice(part.underlying, direction, price, distance))
    return tuple(found)


def _move_rel(part: UnderlyingBook, log_move: float) -> float:
    """The relative move of a log-move; of a signed underlying the same size either way."""
    if part.is_signed:
        return math.copysign(math.expm1(abs(log_move)), log_move)
    return math.expm1(log_move)


def _price_usd(part: UnderlyingBook, log_move: float) -> float:
    """The index after a log-move."""
    if part.is_signed:
        return part.spot_usd + part.level_usd * _move_rel(part, log_move)
    return part.spot_usd * math.exp(log_move)


def excess_maintenance(book: Book, model: MarginModel) -> float:
    """Margin value less maintenance margin in USD, unrounded.

    Raises what :func:`seawall.margin.requirement.margin_requirement` raises.
    """
    value, maintenance = _standing(book, model)
    return value - maintenance


def _standing(
    book: Book, model: MarginModel, known: Iterable[RiskArray] = ()
) -> tuple[float, float]:
    holdings = model.collateral.holdings(book, model.classes)
    value = sum(holding.value - holding.haircut for holding in holdings)
    return value, margin_requirement(book, model, known).maintenance


def _headroom(book: Book, model: MarginModel, known: Iterable[RiskArray] = ()) -> float:
    """excess_maintenance without noise of float64; ≤ 0 exactly where the state is liquidation.

    ``known`` as in :func:`seawall.margin.requirement.margin_requirement`.
    """
    value, maintenance = _standing(book, model, known)
    excess = round(value - maintenance, NOISE_DECIMALS)
    # Who has nothing and must hold nothing is in no liquidation.
    empty = excess == 0.0 and round(maintenance, NOISE_DECIMALS) <= 0.0
    return math.inf if empty else excess


def _held(part: UnderlyingBook, market: MarketSnapshot) -> MarketSnapshot:
    """The market with only what the positions of one underlying look up in it.

    Whole slices are kept, since their volatility at the forward is asked of all their strikes.
    """
    names = {position.instrument.name for position in part.positions}
    rows = {name: at for name, at in market.option_rows.items() if name in names}
    keys = {key for key, _ in rows.values()}
    return replace(
        market,
        slices={key: s for key, s in market.slices.items() if key in keys},
        option_rows=rows,
        forwards={key: f for key, f in market.forwards.items() if key[0] == part.underlying},
        futures={name: mark for name, mark in market.futures.items() if name in names},
    )


def _ladder(part: UnderlyingBook, direction: Direction) -> Floats:
    """Log-moves to try, outwards from zero: even steps, and where a held option is at the money.

    Close to expiry the excess is least at strikes, however near to each other these lie.
    """
    sign, options = (1.0 if direction == "up" else -1.0), part.is_option
    strike, forward = part.strike[options], part.forward[options]
    if part.is_signed:
        end = sign * math.log1p(HIGHEST_MOVE_REL)
        at_strike = sign * (strike - forward) / part.level[options]
        at_strike = np.log1p(np.maximum(at_strike, 0.0))
    else:
        end = math.log1p(HIGHEST_MOVE_REL if direction == "up" else LOWEST_MOVE_REL)
        at_strike = np.log(strike / forward) * sign
    near = np.arange(_NEAR_STEP, _NEAR, _NEAR_STEP)
    far = np.arange(_NEAR, abs(end), _FAR_STEP)
    inside = at_strike[(at_strike > 0.0) & (at_strike < abs(end))]
    return sign * np.unique(np.concatenate([near, far, inside, [abs(end)]]))


def _first_crossing(
    excess: Callable[[float], float], here: float, ladder: Iterable[float]
) -> float | None:
    """The first log-move of the ladder's side at which ``excess`` is no longer positive.

    Between rungs a dip shows as a rung lower than both neighbours, or as two alike that are; the
    least value there is sought. Returns the end of the last bracket at which the excess is ≤ 0,
    within TOLERANCE_REL.
    """
    before, low, level_before, level = 0.0, 0.0, here, here
    for move in map(float, ladder):
        found = excess(move)
        if found > 0.0 and level < level_before and level <= found:
            dip = _dip(excess, (before, low, move), (level_before, level, found))
            if dip is not None:
                return _bisect(excess, before, dip)
        if found <= 0.0:
            return _bisect(excess, low, move)
        before, low, level_before, level = low, move, level, found
    return None


def _dip(
    excess: Callable[[float], float],
    moves: tuple[float, float, float],
    levels: tuple[float, float, float],
) -> float | None:
    """A move within a bracket at which the excess is ≤ 0, by golden section; None if none is.

    A dip of straight sides reaches below its lowest rung by at most the fall to it; only where
    twice that would reach zero is it worth looking.
    """
    start, _, end = moves
    fall = max(levels[0], levels[2]) - levels[1]
    if not math.isfinite(fall) or levels[1] > 2.0 * fall:
        return None
    left, right = end - _GOLDEN * (end - start), start + _GOLDEN * (end - start)
    at_left, at_right = excess(left), excess(right)
    while abs(end - start) > TOLERANCE_REL:
        if min(at_left, at_right) <= 0.0:
            return left if at_left <= 0.0 else right
        if at_left < at_right:
            end, right, at_right = right, left, at_left
            left = end - _GOLDEN * (end - start)
            at_left = excess(left)
        else:
            start, left, at_left = left, right, at_right
            right = start + _GOLDEN * (end - start)
            at_right = excess(right)
    return None


def _bisect(excess: Callable[[float], float], above: float, below: float) -> float:
    """The end at which the excess is ≤ 0 of a bracket narrowed to TOLERANCE_REL."""
    while abs(below - above) > TOLERANCE_REL:
        middle = 0.5 * (above + below)
        if excess(middle) > 0.0:
            above = middle
        else:
            below = middle
    return below
