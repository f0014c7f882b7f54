"""Euler contributions: leg times slope, q_i·∂R/∂q_i, of each step of the waterfall.

Derived analytically through the active cells; they add up to the step. Floors and charges have
their slopes beside their amounts. Formulas: docs/explain.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.charges import Charged
from seawall.margin.charges.base import NamedCharge
from seawall.margin.collateral import in_array
from seawall.margin.combinations import Combination
from seawall.margin.floors import Floor, floor_shares
from seawall.margin.fold import DIRECTIONS, Direction, Fold, Unit
from seawall.margin.model import Levels, MarginModel
from seawall.margin.offsets import PointGroup
from seawall.margin.requirement import (
    RequirementStep,
    charge_steps,
    level_steps,
    margin_requirement,
    money_steps,
)
from seawall.risk.book import Book, UnderlyingBook
from seawall.risk.revaluation import RiskArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LevelShares:
    """A leg's share of something at each level and its leg times slope, in USD."""

    initial: float
    maintenance: float
    slope_initial: float
    slope_maintenance: float


NOTHING_MORE = LevelShares(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class EulerContribution:
    """One leg's share of each step, in USD; negative where the leg hedges the others.

    ``charges_*`` hold the shares of charges, ``charge_slopes_*`` leg times slope of the same, which
    is another number where a charge does not grow in step with the book; ``offset`` is what one
    point by point takes away (less than nothing, mostly); ``im_factor`` and
    ``mm_factor`` are shares of what the factors of the levels add, ``im_factor_slope`` and
    ``mm_factor_slope`` leg times slope of that.
    """

    underlying: str
    instrument: str
    scanning_risk: float
    decorrelation: float
    floor: float
    correlation_collapse: float
    im_factor: float
    mm_factor: float
    im_factor_slope: float
    mm_factor_slope: float
    charges_initial: float
    charges_maintenance: float
    charge_slopes_initial: float
    charge_slopes_maintenance: float
    offset: float = 0.0
    hybrid: LevelShares = NOTHING_MORE

    @property
    def maintenance(self) -> float:
        """Share of the maintenance margin."""
        found = self._scanning + self.charges_maintenance + self.mm_factor
        return found + self.hybrid.maintenance

    @property
    def initial(self) -> float:
        """Share of the initial margin."""
        found = self._opening + self.charges_initial + self.im_factor
        return found + self.hybrid.initial

    @property
    def slope_maintenance(self) -> float:
        """Leg times slope of the maintenance margin, q·∂/∂q, without what is unallotted."""
        found = self._scanning + self.charge_slopes_maintenance + self.mm_factor_slope
        return found + self.hybrid.slope_maintenance

    @property
    def slope_initial(self) -> float:
        """Leg times slope of the initial margin, q·∂/∂q, without what is unallotted."""
        found = self._opening + self.charge_slopes_initial + self.im_factor_slope
        return found + self.hybrid.slope_initial

    @property
    def _scanning(self) -> float:
        return self.scanning_risk + self.decorrelation + self.offset + self.floor

    @property
    def _opening(self) -> float:
        return self._scanning + self.correlation_collapse


@dataclass(frozen=True, slots=True)
class EulerAllocation:
    """A requirement shared out among its legs.

    The contributions and ``unallotted`` (steps of charges without a known slope, and of those on
    money, which is no leg) add up to the requirement.
    """

    legs: tuple[EulerContribution, ...]
    unallotted: tuple[RequirementStep, ...]

    @property
    def unallotted_initial(self) -> float:
        """Initial margin that is no leg's."""
        return sum(step.initial for step in self.unallotted)

    @property
    def unallotted_maintenance(self) -> float:
        """Maintenance margin that is no leg's."""
        return sum(step.maintenance for step in self.unallotted)


def euler_contributions(book: Book, model: MarginModel) -> EulerAllocation:
    """The requirement shared out among the legs in the array, in book order.

    Where several cells, directions or floors are equally bad the one that the report names
    tells the slope. Raises what :func:`seawall.margin.requirement.margin_requirement` raises.
    """
    book = in_array(book, model.classes)
    if pair := model.pair():
        return _shared_hybrid(book, *pair)
    requirement = margin_requirement(book, model)
    legs = {part.underlying: _Legs.none_yet(part) for part in book.underlyings}
    arrays = {array.book.underlying: array for array in requirement.arrays}
    for before, after in zip(requirement.combinations, requirement.floored, strict=True):
        if model.fold is not None:
            _share_group(before, after, model.fold, model.floors, arrays, legs)
    unallotted = [
        step
        for charge in model.charges
        for on in requirement.charged
        if not legs[on.book.underlying].share_charge(charge, on)
        for step in charge_steps([charge], (on,))
    ]
    unallotted += money_steps(book, model)
    if model.levels.of == "requirement":
        added = level_steps((), unallotted, model.levels)
        unallotted += [step for step in added if step.initial or step.maintenance]
    return EulerAllocation(
        legs=tuple(leg for found in legs.values() for leg in found.contributions(model.levels)),
        unallotted=tuple(unallotted),
    )


def _shared_hybrid(book: Book, first: MarginModel, second: MarginModel) -> EulerAllocation:
    """The shares of the first model, and at a level where the second asks more what each leg's
    share of that is beyond its share of the first.
    """
    one, other = (euler_contributions(book, model) for model in (first, second))
    totals = [margin_requirement(book, model) for model in (first, second)]
    initial = float(totals[1].initial > totals[0].initial)
    maintenance = float(totals[1].maintenance > totals[0].maintenance)
    legs = tuple(
        replace(
            leg,
            hybrid=LevelShares(
                initial * (more.initial - leg.initial),
                maintenance * (more.maintenance - leg.maintenance),
                initial * (more.slope_initial - leg.slope_initial),
                maintenance * (more.slope_maintenance - leg.slope_maintenance),
            ),
        )
        for leg, more in zip(one.legs, other.legs, strict=True)
    )
    # What neither model shares out stays so, and the step that leads from one to the other is what
    # the shares of its legs leave of it.
    left = (
        initial * (other.unallotted_initial - one.unallotted_initial),
        maintenance * (other.unallotted_maintenance - one.unallotted_maintenance),
    )
    rest = (RequirementStep(f"hybrid/{second.name}", *left),) if any(left) else ()
    return EulerAllocation(legs=legs, unallotted=(*one.unallotted, *rest))


@dataclass(frozen=True, slots=True)
class _Legs:
    """Shares of the legs of one underlying while they are added up; arrays [M] in USD.

    ``worst`` are those of M with floors, which charges take.
    """

    book: UnderlyingBook
    scanning_risk: Floats
    decorrelation: Floats
    offset: Floats
    floor: Floats
    correlation_collapse: Floats
    worst: Floats
    charges_initial: Floats
    charges_maintenance: Floats
    charge_slopes_initial: Floats
    charge_slopes_maintenance: Floats

    @classmethod
    def none_yet(cls, book: UnderlyingBook) -> _Legs:
        """Nothing shared out so far."""
        return cls(book, *np.zeros((10, len(book.positions))))

    def share_charge(self, charge: NamedCharge, on: Charged) -> bool:
        """Share out one more charge; False where no slope of it is derived."""
        shares = charge.shares(on, self.worst)
        if shares is None:
            return False
        self.charges_initial[:] += shares.initial
        self.charges_maintenance[:] += shares.maintenance
        self.charge_slopes_initial[:] += shares.slope_initial
        self.charge_slopes_maintenance[:] += shares.slope_maintenance
        return True

    def contributions(self, levels: Levels) -> Iterator[EulerContribution]:
        """The shares by leg."""
        scanning = self.scanning_risk + self.decorrelation + self.offset + self.floor
        opening, more, less = (
            scanning + self.correlation_collapse,
            levels.im_factor,
            levels.mm_factor,
        )
        all_of_it = float(levels.of == "requirement")
        im_factor = (more - 1.0) * (opening + all_of_it * self.charges_initial)
        im_slope = (more - 1.0) * (opening + all_of_it * self.charge_slopes_initial)
        mm_factor = (less - 1.0) * (scanning + all_of_it * self.charges_maintenance)
        mm_slope = (less - 1.0) * (scanning + all_of_it * self.charge_slopes_maintenance)
        for row, position in enumerate(self.book.positions):
            yield EulerContribution(
                underlying=self.book.underlying,
                instrument=position.instrument.name,
                scanning_risk=float(self.scanning_risk[row]),
                decorrelation=float(self.decorrelation[row]),
                floor=float(self.floor[row]),
                correlation_collapse=float(self.correlation_collapse[row]),
                im_factor=float(im_factor[row]),
                mm_factor=float(mm_factor[row]),
                im_factor_slope=float(im_slope[row]),
                mm_factor_slope=float(mm_slope[row]),
                charges_initial=float(self.charges_initial[row]),
                charges_maintenance=float(self.charges_maintenance[row]),
                charge_slopes_initial=float(self.charge_slopes_initial[row]),
                charge_slopes_maintenance=float(self.charge_slopes_maintenance[row]),
                offset=float(self.offset[row]),
            )


def _share_group(
    before: Combination,
    after: Combination,
    fold: Fold,
    floors: tuple[Floor, ...],
    arrays: Mapping[str, RiskArray],
    legs: Mapping[str, _Legs],
) -> None:
    """Scanning risk, decorrelation, floors and collapse of one group.

    R = D + (1 − ρ)(ΣM − D), so a unit counts with its loss in the active direction and with
    1 − ρ of what its own worst direction loses more; with floors likewise, and the floor's share
    is the difference. A lower ρ in initial margin counts more of the same. Of a group that is added
    up point by point the worst point counts, and what of it the active direction has is taken off.
    """
    for unit, raised in zip(before.units, after.units, strict=True):
        shares, whole = legs[unit.book.underlying], arrays[unit.book.underlying]
        array, rows = fold.effective(whole), _rows(whole.book, unit.book)
        if before.taken is not None:  # without decorrelation
            own = unit.book.quantity, array.unit_pnl_usd[rows]
            part = unit.cells.parts_over(before.taken, *own)
            shares.scanning_risk[rows] += part
            least = floor_shares(floors, unit.book)
            if after.risk > before.risk:
                shares.floor[rows] += least - part
            worst = max(DIRECTIONS, key=unit.toward)
            own_worst = least if raised.worst > unit.worst else unit.cells.parts(worst, *own)
            shares.worst[rows] += own_worst
            continue
        losses: dict[Direction, Floats] = {
            d: unit.cells.parts(d, unit.book.quantity, array.unit_pnl_usd[rows]) for d in DIRECTIONS
        }
        least = floor_shares(floors, unit.book)
        if unit.least > least.sum():
            least = fold.least_shares(whole)[rows]
        lifted: dict[Direction, Floats] = {
            d: least if raised.toward(d) > unit.toward(d) else losses[d] for d in DIRECTIONS
        }
        active, worst = losses[before.direction], losses[_own(before, unit)]
        active_lifted, worst_lifted = lifted[after.direction], lifted[_own(after, raised)]
        if before.points is not None:
            here, there = (
                _share_of_points(group, before.points, unit, array.unit_pnl_usd[rows], share)
                for group, share in ((before, active), (after, active_lifted))
            )
            if after.offset > 0.0 and after.least_sum > after.point_loss:
                there = least
            shares.scanning_risk[rows] += active
            shares.offset[rows] += here - active
            shares.floor[rows] += there - here
            shares.worst[rows] += worst_lifted
            continue
        extra = (1.0 - before.rho.maintenance) * (worst - active)
        extra_lifted = (1.0 - after.rho.maintenance) * (worst_lifted - active_lifted)
        shares.scanning_risk[rows] += active
        shares.decorrelation[rows] += extra
        shares.floor[rows] += active_lifted + extra_lifted - active - extra
        apart = after.rho.maintenance - after.rho.initial
        shares.correlation_collapse[rows] += apart * (worst_lifted - active_lifted)
        shares.worst[rows] += worst_lifted


def _share_of_points(
    group: Combination, points: PointGroup, unit: Unit, unit_pnl_usd: Floats, active: Floats
) -> Floats:
    """Each row's part of what a group loses at its worst point; shape [M] in USD.

    ``active`` are the parts of the direction sum, which count where that has no offset.
    """
    if group.offset == 0.0:
        return active
    cell = group.worst_point
    column = int(unit.cells.instant[cell]) * unit.cells.scenarios.price_rel.size + cell
    gained = unit.cells.damped[cell] > 0.0
    counted = unit.cells.scenarios.damping[cell] * (points.gains_rel if gained else 1.0)
    return -unit.book.quantity * unit_pnl_usd[:, column] * counted


def _rows(whole: UnderlyingBook, book: UnderlyingBook) -> NDArray[np.intp]:
    """Where the positions of a unit stand in the book of their underlying."""
    place = {position.instrument.name: row for row, position in enumerate(whole.positions)}
    return np.array([place[p.instrument.name] for p in book.positions], dtype=np.intp)


def _own(group: Combination, unit: Unit) -> Direction:
    """The direction that is worse for a unit itself; the group's active one where both are."""
    more = round(unit.worst - unit.toward(group.direction), NOISE_DECIMALS)
    if more <= 0.0:
        return group.direction
    return "down" if group.direction == "up" else "up"
