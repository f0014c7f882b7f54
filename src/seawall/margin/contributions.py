"""What each leg of a book brings to its requirement: marginal and Euler contributions.

*Marginal*: the requirement less that of the book without the leg, by full recomputation. They do
not add up. *Euler*: leg times slope, q_i·∂R/∂q_i, of each step of the waterfall, derived
analytically through the active cells; they add up to the step. Formulas: docs/explain.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.charges import (
    BasisCharge,
    Charge,
    LiquidityCharge,
    NotionalCharge,
    StandardOptionCharge,
)
from seawall.margin.floors import Floor, ShortOptionMinimum
from seawall.margin.fold import Direction, Unit
from seawall.margin.model import MarginModel
from seawall.margin.offsets import Combination
from seawall.margin.requirement import MarginRequirement, RequirementStep, margin_requirement
from seawall.risk.book import CALL, PUT, SPOT_BUCKET, Book, UnderlyingBook
from seawall.risk.revaluation import RiskArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MarginalContribution:
    """What removing one leg would save, in USD; negative where the leg hedges the others."""

    underlying: str
    instrument: str
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class EulerContribution:
    """One leg's share of each step, in USD; negative where the leg hedges the others.

    ``charges_initial`` and ``charges_maintenance`` hold the shares of charges of degree one,
    ``impact`` that of the liquidity charge's market impact, which grows faster than the book.
    """

    underlying: str
    instrument: str
    scanning_risk: float
    decorrelation: float
    floor: float
    im_factor: float
    charges_initial: float
    charges_maintenance: float
    impact: float

    @property
    def maintenance(self) -> float:
        """Share of the maintenance margin."""
        scanning = self.scanning_risk + self.decorrelation + self.floor
        return scanning + self.charges_maintenance + self.impact

    @property
    def initial(self) -> float:
        """Share of the initial margin."""
        scanning = self.scanning_risk + self.decorrelation + self.floor + self.im_factor
        return scanning + self.charges_initial + self.impact


@dataclass(frozen=True, slots=True)
class EulerAllocation:
    """A requirement shared out among its legs.

    The contributions and ``unallotted`` (steps of charges without a known slope) add up to the
    requirement.
    """

    legs: tuple[EulerContribution, ...]
    unallotted: tuple[RequirementStep, ...]


def marginal_contributions(book: Book, model: MarginModel) -> tuple[MarginalContribution, ...]:
    """Requirement less requirement without the leg, for each leg in the array, in book order.

    Raises what :func:`seawall.margin.requirement.margin_requirement` raises.
    """
    whole = margin_requirement(book, model)
    found: list[MarginalContribution] = []
    for part in book.underlyings:
        for row, position in enumerate(part.positions):
            rest = margin_requirement(_without(book, part, row), model)
            found.append(
                MarginalContribution(
                    part.underlying,
                    position.instrument.name,
                    whole.initial - rest.initial,
                    whole.maintenance - rest.maintenance,
                )
            )
    return tuple(found)


def _without(book: Book, part: UnderlyingBook, row: int) -> Book:
    keep = [other for other in range(len(part.positions)) if other != row]
    rest = [part.rows(keep)] if keep else []
    parts = [p for each in book.underlyings for p in (rest if each is part else [each])]
    return replace(book, underlyings=tuple(parts))


def euler_contributions(book: Book, model: MarginModel) -> EulerAllocation:
    """The requirement shared out among the legs in the array, in book order.

    Where several cells, directions or floors are equally bad the one that the report names
    tells the slope. Raises what :func:`seawall.margin.requirement.margin_requirement` raises.
    """
    requirement = margin_requirement(book, model)
    legs = [_Shares(part, np.zeros((6, len(part.positions)))) for part in book.underlyings]
    by_underlying = {shares.book.underlying: shares for shares in legs}
    arrays = {array.book.underlying: array for array in requirement.arrays}
    for before, after in zip(requirement.combinations, requirement.floored, strict=True):
        _share_group(before, after, model.floors, arrays, by_underlying)
    amounts = {step.path: step for step in requirement.steps}
    allotted = {path for charge in model.charges for path in _share_charge(charge, legs, amounts)}
    return EulerAllocation(
        legs=tuple(leg for shares in legs for leg in shares.contributions(model.levels.im_factor)),
        unallotted=_left_over(requirement, allotted),
    )


@dataclass(frozen=True, slots=True)
class _Shares:
    """Shares of the legs of one underlying while they are added up; ``steps`` [6, M] in USD."""

    book: UnderlyingBook
    steps: Floats

    @property
    def row(self) -> dict[str, int]:
        """Place of each leg by its instrument's name."""
        return {position.instrument.name: i for i, position in enumerate(self.book.positions)}

    def contributions(self, im_factor: float) -> list[EulerContribution]:
        """The shares by leg."""
        over = (im_factor - 1.0) * self.steps[: _FLOOR + 1].sum(axis=0)
        return [
            EulerContribution(
                underlying=self.book.underlying,
                instrument=position.instrument.name,
                scanning_risk=float(self.steps[_SCANNING, i]),
                decorrelation=float(self.steps[_DECORRELATION, i]),
                floor=float(self.steps[_FLOOR, i]),
                im_factor=float(over[i]),
                charges_initial=float(self.steps[_INITIAL, i]),
                charges_maintenance=float(self.steps[_MAINTENANCE, i]),
                impact=float(self.steps[_IMPACT, i]),
            )
            for i, position in enumerate(self.book.positions)
        ]


_SCANNING, _DECORRELATION, _FLOOR, _INITIAL, _MAINTENANCE, _IMPACT = range(6)
_DIRECTIONS: tuple[Direction, Direction] = ("up", "down")


# ---- scanning risk


def _share_group(
    before: Combination,
    after: Combination,
    floors: tuple[Floor, ...],
    arrays: dict[str, RiskArray],
    legs: dict[str, _Shares],
) -> None:
    """Scanning risk, decorrelation and floors of one group.

    R = D + (1 − ρ)(ΣM − D), so a unit counts with its loss in the active direction and with
    1 − ρ of what its own worst direction loses more; with floors likewise, and the floor's share
    is the difference.
    """
    for unit, raised in zip(before.units, after.units, strict=True):
        shares = legs[unit.book.underlying]
        place = shares.row
        rows = np.array([place[p.instrument.name] for p in unit.book.positions], dtype=np.intp)
        array = arrays[unit.book.underlying]
        losses: dict[Direction, Floats] = {
            d: _loss_shares(unit, d, array, rows) for d in _DIRECTIONS
        }
        least = _floor_shares(floors, unit.book)
        lifted: dict[Direction, Floats] = {
            d: least if raised.toward(d) > unit.toward(d) else losses[d] for d in _DIRECTIONS
        }
        active, extra = _combined(before, unit, losses)
        active_lifted, extra_lifted = _combined(after, raised, lifted)
        shares.steps[_SCANNING, rows] += active
        shares.steps[_DECORRELATION, rows] += extra
        shares.steps[_FLOOR, rows] += active_lifted + extra_lifted - active - extra


def _combined(
    group: Combination, unit: Unit, losses: dict[Direction, Floats]
) -> tuple[Floats, Floats]:
    """Shares of a unit in D and in decorrelation."""
    active = group.direction
    more = round(unit.worst - unit.toward(active), NOISE_DECIMALS)
    own: Direction = active if more <= 0.0 else "down" if active == "up" else "up"
    return losses[active], (1.0 - group.rho.maintenance) * (losses[own] - losses[active])


def _loss_shares(
    unit: Unit, direction: Direction, array: RiskArray, rows: NDArray[np.intp]
) -> Floats:
    """Each leg's loss in the worst cell of a direction, damped; they add up to the unit's."""
    # Shares of a loss that is only noise of float64 would be large and cancel.
    if round(unit.toward(direction), NOISE_DECIMALS) == 0.0:
        return np.zeros(rows.size)
    cells = unit.cells
    cell = cells.worst(direction)
    column = int(cells.instant[cell]) * cells.scenarios.price_rel.size + cell
    pnl = unit.book.quantity * array.unit_pnl_usd[rows, column]
    return -pnl * cells.scenarios.damping[cell]


def _floor_shares(floors: tuple[Floor, ...], book: UnderlyingBook) -> Floats:
    """Each leg's share of the greatest floor; of equal ones the first."""
    if not floors:
        return np.zeros(len(book.positions))
    floor = max(floors, key=lambda f: f.amount(book))
    rate_usd = floor.rate_rel * book.spot_usd
    if isinstance(floor, ShortOptionMinimum):
        short = np.maximum(-book.quantity, 0.0)
        sides = [np.where(book.kind == kind, short, 0.0) for kind in (CALL, PUT)]
        return rate_usd * max(sides, key=lambda side: float(side.sum()))
    contracts = np.where(book.is_spot, 0.0, np.abs(book.quantity))
    return rate_usd * (contracts + np.sign(book.coin_balance) * _coins(book))


def _coins(book: UnderlyingBook) -> Floats:
    """Coins that each leg brings to the coin balance."""
    return book.quantity * (book.is_spot + book.coin_profit)


# ---- charges


def _share_charge(
    charge: Charge, legs: Iterable[_Shares], amounts: dict[str, RequirementStep]
) -> list[str]:
    """Share out every step of one charge; returns the paths that are.

    Charges on market numbers (concentration, funding, oracle, utilisation) are left whole.
    """
    done: list[str] = []
    for shares in legs:
        book = shares.book
        if isinstance(charge, LiquidityCharge):
            path = f"liquidity/{book.underlying}"
            spread, impact = _liquidity_shares(charge, book, amounts[path].maintenance)
            shares.steps[_INITIAL] += spread
            shares.steps[_MAINTENANCE] += spread
            shares.steps[_IMPACT] += impact
            done.append(path)
        elif isinstance(charge, BasisCharge):
            path = f"basis/{book.underlying}"
            if path in amounts:
                basis = _basis_shares(charge, book)
                shares.steps[_INITIAL] += basis
                shares.steps[_MAINTENANCE] += basis
                done.append(path)
        elif isinstance(charge, NotionalCharge | StandardOptionCharge):
            done += _own_shares(charge, shares, amounts)
    return done


def _own_shares(
    charge: NotionalCharge | StandardOptionCharge,
    shares: _Shares,
    amounts: dict[str, RequirementStep],
) -> list[str]:
    """Charges of single positions are wholly their own; returns their paths."""
    head = "notional" if isinstance(charge, NotionalCharge) else "standard_option"
    paths = {f"{head}/{name}": row for name, row in shares.row.items()}
    own = {path: row for path, row in paths.items() if path in amounts}
    for path, row in own.items():
        shares.steps[_INITIAL, row] += amounts[path].initial
        shares.steps[_MAINTENANCE, row] += amounts[path].maintenance
    return list(own)


def _liquidity_shares(
    charge: LiquidityCharge, book: UnderlyingBook, amount_usd: float
) -> tuple[Floats, Floats]:
    """Shares of the spreads, which are of degree one, and of the impact, which is of degree 1.5.

    q_i·∂/∂q_i of N^1.5 adds up to 1.5 times it; each share is that over 1.5: in proportion to the
    leg's part of the net delta N.
    """
    half_spread = charge.half_spreads_usd(book)
    options = np.where(book.is_option, np.abs(book.quantity) * half_spread, 0.0)
    coins = np.where(book.is_spot, 0.0, book.quantity * book.delta)
    if book.coin_balance < 0.0:
        coins = coins + _coins(book)
    net = float(coins.sum())
    if net == 0.0:
        return options, np.zeros_like(options)
    notional = book.spot_usd * np.sign(net) * coins
    spread = options + charge.half_spread_rel * notional
    impact = max(0.0, amount_usd - float(spread.sum()))
    return spread, impact * coins / net


def _basis_shares(charge: BasisCharge, book: UnderlyingBook) -> Floats:
    """Shares of S·h·W with W = Σ|Δ_e|·m_e, h = 1 − |n| / G, n = ΣΔ_e and G = Σ|Δ_e|.

    ∂/∂Δ_e = S·(h·sgn Δ_e·m_e + W/G·(|n|/G·sgn Δ_e − sgn n)), and a leg brings q·Δ to its
    bucket and its coin profit to spot.
    """
    delta = book.net_delta_by_bucket
    gross, net = float(np.abs(delta).sum()), float(delta.sum())
    spot, move = book.buckets.index(SPOT_BUCKET), charge.moves_rel(book)
    hedged = max(0.0, 1.0 - abs(net) / gross)
    weight, side = float(np.abs(delta) @ move), np.sign(delta)
    # Quotients of like sizes: the square of a small G would vanish.
    tilt = weight / gross * (abs(net) / gross * side - np.sign(net))
    slope = hedged * side * move + tilt
    brought = book.quantity * book.delta * slope[book.bucket]
    return book.spot_usd * (brought + book.quantity * book.coin_profit * slope[spot])


def _left_over(requirement: MarginRequirement, allotted: set[str]) -> tuple[RequirementStep, ...]:
    """Steps of charges that were not shared out."""
    scanning = ("scanning_risk", "decorrelation", "floor", "im_factor")
    return tuple(
        step
        for step in requirement.steps
        if step.path.split("/")[0] not in scanning and step.path not in allotted
    )
