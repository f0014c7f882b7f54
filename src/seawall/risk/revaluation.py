"""From a book and a scenario set to the risk array, by full revaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadNumber, BadParameter
from seawall.basics.time import DAYS_PER_YEAR, YEAR_SECONDS
from seawall.kernels.revalue import revalue
from seawall.market.slices import listed_smile, strike_places
from seawall.pricing.discounting import discount_left
from seawall.risk.american import unit_gains
from seawall.risk.book import CALL, FUTURE, PERPETUAL, UnderlyingBook
from seawall.risk.joint_scenarios import JointScenarios
from seawall.risk.numeraire import in_settlement_coin
from seawall.risk.scenarios import Grid, ListedCells, PriceSteps, ScenarioSet
from seawall.risk.shocks import Instant, VolMove

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RiskArray:
    """PnL of one unit of each instrument of an underlying in each scenario, in USD, + gain.

    ``unit_pnl_usd`` has shape [M, I·C]: instants × cells, cells running fastest. Damping is not
    applied here: it belongs to the net of the underlying. ``in_coin`` says that what pays in coin
    is measured in coin (:mod:`seawall.risk.numeraire`). Raises BadNumber naming the instrument if a
    value is not finite.
    """

    book: UnderlyingBook
    scenarios: ScenarioSet
    instants: tuple[Instant, ...]
    unit_pnl_usd: Floats
    in_coin: bool = False

    def __post_init__(self) -> None:
        shape = (len(self.book.positions), len(self.instants) * self.scenarios.price_rel.size)
        freeze(self, *shape)
        if not np.isfinite(self.unit_pnl_usd).all():
            row = int(np.flatnonzero(~np.isfinite(self.unit_pnl_usd).all(axis=1))[0])
            raise BadNumber(
                f"{self.book.positions[row].instrument.name} cannot be revalued",
                where=self.book.positions[row].where,
                remedy="Its forward, strike or volatility is out of range in the snapshot.",
            )

    @property
    def cells(self) -> int:
        """How many cells there are at each instant."""
        return self.scenarios.price_rel.size

    @property
    def coin_moves_rel(self) -> Floats:
        """What a coin earned gains in each cell, as a share of the index; shape [I·C]."""
        moves = np.tile(self.scenarios.price_rel, len(self.instants))
        return np.zeros(moves.size) if self.in_coin else moves

    def rows(self, keep: Sequence[int]) -> RiskArray:
        """The same array with only the given rows.

        The instants stay. Where nothing that is left expires, the instant after expiry says over
        again what the horizon says, and the earlier of equal instants counts.
        """
        kept = self.unit_pnl_usd[np.asarray(keep, dtype=np.intp)]
        return replace(self, book=self.book.rows(keep), unit_pnl_usd=kept)


Smile = Literal["sticky-strike", "sticky-delta", "worst"]
FuturesMove = Literal["by-own-price", "by-index"]

_BY_STRIKE = (Instant.NOW, Instant.HORIZON, Instant.POST_EXPIRY)
_BY_DELTA = (
    Instant.NOW_STICKY_DELTA,
    Instant.HORIZON_STICKY_DELTA,
    Instant.POST_EXPIRY_STICKY_DELTA,
)


class Black76Revaluation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="black-76"
):
    """Options by Black-76 on their expiry's forward, by Bachelier's model where prices are of
    either sign; everything else moves one to one.

    ``smile`` says how volatilities go with the price: ``sticky-strike`` each strike keeps its own,
    ``sticky-delta`` the smile goes along with the forward, ``worst`` a cell counts under whichever
    of the two the underlying's net loses more. ``futures`` of a move x go by x of their own price
    or by x of the index. ``numeraire`` says in what profit is measured: in ``usd`` at the shocked
    price, or in the ``settlement-coin`` at today's index.

    ``settlement_average_s`` is over how many seconds before expiry a venue averages its index to
    settle by; 0 where it takes one price. Of what expires within them the part of the forward that
    is fixed moves no more: as large a share of it as of the seconds has passed, where the market
    tells no price. Source: forward feed of Derive's protocol, docs/models/derive-pm2.md.
    """

    smile: Smile
    futures: FuturesMove = "by-own-price"
    numeraire: Literal["usd", "settlement-coin"] = "usd"
    settlement_average_s: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.settlement_average_s) and self.settlement_average_s >= 0.0):
            raise BadParameter(
                f"settlement_average_s is {self.settlement_average_s}",
                where="revaluation",
                remedy="Give seconds of at least 0; 0 where settlement takes one price.",
            )

    def array(
        self, book: UnderlyingBook, grid: Grid | JointScenarios, scenarios: ScenarioSet
    ) -> RiskArray:
        """Revalue every instrument of the book in every scenario at every instant.

        The instant after expiry is added only when something expires within the horizon. Raises
        BadNumber naming the instrument if a value is not finite.
        """
        horizon_years = grid.horizon_days / DAYS_PER_YEAR
        expiring = book.has_expiry & (book.tenor_years <= horizon_years)
        count = 3 if expiring.any() else 2
        tenor = np.zeros((len(book.positions), count))
        tenor[:, 0] = book.tenor_years
        tenor[:, 1:] = np.maximum(book.tenor_years - horizon_years, 0.0)[:, None]
        discount = discount_left(book.discount[:, None], book.tenor_years[:, None], tenor)
        settled = np.zeros(tenor.shape, dtype=np.bool_)
        settled[:, 2:] = expiring[:, None]
        live, levels = _live_share(book, self.settlement_average_s), self._levels(book)
        times = (tenor, discount, settled)
        instants: tuple[Instant, ...] = ()
        found: list[Floats] = []
        if self.smile != "sticky-delta":
            # The unmoved volatility, and of the others those that some cell takes.
            vol, index = _sticky_strike_vols(book, grid, scenarios)
            instants += _BY_STRIKE[:count]
            found.append(_revalued(book, levels, scenarios, live, *times, vol, index))
        if self.smile != "sticky-strike":
            vol, index = _sticky_delta_vols(book, grid, scenarios)
            instants += _BY_DELTA[:count]
            found.append(_revalued(book, levels, scenarios, live, *times, vol, index))
        if grid.time_passes == "alone":
            for each in found:
                _time_alone(each.reshape(len(book.positions), count, -1), scenarios)
        unit_pnl, in_coin = np.concatenate(found, axis=1), self.numeraire == "settlement-coin"
        if in_coin:
            unit_pnl = in_settlement_coin(book, scenarios, unit_pnl)
        return RiskArray(book, scenarios, instants, unit_pnl, in_coin)

    def _levels(self, book: UnderlyingBook) -> Floats:
        """What each row's price moves with; shape [M]."""
        if self.futures == "by-own-price":
            return book.level
        future = np.isin(book.kind, (PERPETUAL, FUTURE))
        return np.where(future, book.level_usd / book.unit_usd, book.level)


def _live_share(book: UnderlyingBook, average_s: float) -> Floats:
    """The share of each row's price that still moves, at most 1; shape [M]."""
    share = np.ones(len(book.positions))
    left_s = book.tenor_years * YEAR_SECONDS
    within = book.has_expiry & (left_s < average_s)
    share[within] = left_s[within] / max(average_s, 1.0)
    for number, listed in enumerate(book.slices):
        if listed.fixed is not None:
            share[book.slice == number] = 1.0 - listed.fixed / listed.forward
    return share


def _time_alone(unit_pnl_usd: Floats, scenarios: ScenarioSet) -> None:
    """Of arrays [M, I, C], in place: later instants say again what now says, but in base cells."""
    moved = ~scenarios.base
    unit_pnl_usd[:, 1:, moved] = unit_pnl_usd[:, :1, moved]


def _revalued(
    book: UnderlyingBook,
    level: Floats,
    scenarios: ScenarioSet,
    live_share: Floats,
    tenor_years: Floats,
    discount: Floats,
    settled: NDArray[np.bool_],
    vol: Floats,
    vol_index: NDArray[np.int64],
) -> Floats:
    """Unit PnL in USD, shape [M, I·C], of volatilities [M, V] of which each cell takes one."""
    moves = scenarios.price_rel
    if (live_share == 1.0).all():
        return _moved(book, level, moves, tenor_years, discount, settled, vol, vol_index)
    out = np.empty((len(book.positions), tenor_years.shape[1] * moves.size))
    for share in np.unique(live_share).tolist():
        rows = np.flatnonzero(live_share == share)
        own = (tenor_years[rows], discount[rows], settled[rows], vol[rows])
        out[rows] = _moved(book.rows(rows.tolist()), level[rows], share * moves, *own, vol_index)
    return out


def _moved(
    book: UnderlyingBook,
    level: Floats,
    price_rel: Floats,
    tenor_years: Floats,
    discount: Floats,
    settled: NDArray[np.bool_],
    vol: Floats,
    vol_index: NDArray[np.int64],
) -> Floats:
    """Unit PnL in USD of price moves [C], shape [M, I·C]."""
    out = np.empty((len(book.positions), tenor_years.shape[1] * price_rel.size))
    revalue(
        book.kind,
        book.inverse,
        book.physical,
        book.forward,
        level,
        book.strike,
        book.unit_usd,
        book.coin_profit * book.spot_usd,
        vol * book.vol_unit[:, None],
        tenor_years,
        discount,
        settled,
        price_rel,
        vol_index,
        out,
    )
    for row, early in book.american_rows.items():
        out[row] = book.unit_usd[row] * unit_gains(
            early,
            float(book.strike[row]),
            is_call=bool(book.kind[row] == CALL),
            physical=bool(book.physical[row]),
            vol=vol[row],
            vol_index=vol_index,
            tenor_years=tenor_years[row],
            settled=settled[row],
            price_rel=price_rel,
        )
    return out


def _sticky_strike_vols(
    book: UnderlyingBook, grid: Grid | JointScenarios, scenarios: ScenarioSet
) -> tuple[Floats, NDArray[np.int64]]:
    """Volatilities, the unmoved column first, [M, V], and each cell's column."""
    if isinstance(grid, JointScenarios):
        unmoved = np.broadcast_to(book.vol[:, None], (book.vol.size, scenarios.price_rel.size))
        return _after_unmoved(book, _own_moves(book, unmoved, grid, scenarios))
    # The unmoved volatility, and of the others those that some cell takes.
    used, index = np.unique(np.append(0, scenarios.vol_index), return_inverse=True)
    return vol_table(book, book.vol, grid)[:, used].copy(), index[1:].copy()


def _after_unmoved(book: UnderlyingBook, by_cell: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Volatilities of every cell [M, C] behind the unmoved column, and each cell's column."""
    cells = np.arange(by_cell.shape[1], dtype=np.int64)
    return np.ascontiguousarray(np.column_stack([book.vol, by_cell])), cells + 1


def _sticky_delta_vols(
    book: UnderlyingBook, grid: Grid | JointScenarios, scenarios: ScenarioSet
) -> tuple[Floats, NDArray[np.int64]]:
    """Volatilities of an unshocked column and of every cell, [M, 1 + C], and each cell's column.

    A strike's volatility after a move x is its own plus what the listed smile differs by between
    ln K and ln K − ln(1 + x), and at least the smile's lowest (or its own, if that is lower); of a
    signed underlying between K and K less the move.
    """
    move, place = np.unique(scenarios.price_rel, return_inverse=True)
    vol = np.repeat(book.vol[:, None], move.size, axis=1)
    for number, listed in enumerate(book.slices):
        rows = book.slice == number
        own = listed.smile_rows
        levels, smile = listed_smile(listed.strike[own], listed.vol[own], listed.vol_unit)
        here = strike_places(book.strike[rows], listed.vol_unit)[:, None]
        if listed.vol_unit is None:
            before = here - np.log1p(move)
        else:
            before = here - book.level[rows][:, None] * move / listed.vol_unit
        there = np.interp(before, levels, smile)
        shifted = vol[rows] + there - np.interp(here, levels, smile)
        vol[rows] = np.maximum(shifted, np.minimum(vol[rows], smile.min()))
    if isinstance(grid, JointScenarios):
        return _after_unmoved(book, _own_moves(book, vol[:, place], grid, scenarios))
    by_move = np.stack([vol_table(book, column, grid) for column in vol.T])
    return _after_unmoved(book, by_move[place, :, scenarios.vol_index].T)


def _own_moves(
    book: UnderlyingBook, before: Floats, grid: JointScenarios, scenarios: ScenarioSet
) -> Floats:
    """Volatilities ``before`` [M, C] after each cell's own move: times (1 + move) to the power of
    the tenor's weight, which is above zero whatever the move; shape [M, C].
    """
    if scenarios.vol_rel is None:
        raise ValueError("joint scenarios without moves of volatility")
    weight = grid.tenor_law.weight(book.tenor_years * DAYS_PER_YEAR)
    weight[~book.is_option] = 0.0
    return before * np.exp(weight[:, None] * np.log1p(scenarios.vol_rel))


def vol_table(book: UnderlyingBook, before: Floats, grid: Grid) -> Floats:
    """Implied volatility of each row under each volatility move; shape [M, V], order of VolMove.

    ``before`` [M] is what is shocked. Formulas in docs/models/prbm.md. Rows that are not options
    stay at zero.
    """
    table = np.repeat(before[:, None], len(VolMove), axis=1)
    if isinstance(grid, PriceSteps):
        return table
    o = book.is_option
    vol, tenor = before[o], book.tenor_years[o]
    days = tenor * DAYS_PER_YEAR
    weight = grid.tenor_law.weight(days)
    column = {move: i for i, move in enumerate(VolMove)}
    for shock, move in zip(grid.shocks("vol_up"), (VolMove.UP, VolMove.UP_OTHER), strict=False):
        up = np.maximum(shock.apply(vol, weight, days), grid.vol_up_floor)
        table[o, column[move]] = np.maximum(up, vol)
    for shock, move in zip(
        grid.shocks("vol_down"), (VolMove.DOWN, VolMove.DOWN_OTHER), strict=False
    ):
        table[o, column[move]] = np.maximum(shock.apply(vol, weight, days), 0.0)
    if isinstance(grid, ListedCells):
        if grid.skew is not None:
            # Of a price of either sign the distance in levels, which is the same near the forward.
            strike, forward = book.strike[o], book.forward[o]
            signed = book.is_signed
            k = (strike - forward) / book.level[o] if signed else np.log(strike / forward)
            linear, absolute = grid.skew.factors(k, tenor)
            table[o, column[VolMove.SKEW_LINEAR]] = vol * linear
            table[o, column[VolMove.SKEW_ABSOLUTE]] = vol * absolute
        return table
    if grid.skew_tilt is not None:
        sd = book.atm_vol[o] * np.sqrt(tenor)
        if book.is_signed:
            z = (book.strike[o] - book.forward[o]) / (sd * book.vol_unit[o])
        else:
            z = np.log(book.strike[o] / book.forward[o]) / sd
        tilt = grid.skew_tilt.size_rel * np.clip(z, -grid.skew_tilt.cap_sd, grid.skew_tilt.cap_sd)
        table[o, column[VolMove.SKEW_UP]] = vol * (1.0 + tilt)
        table[o, column[VolMove.SKEW_DOWN]] = vol * (1.0 - tilt)
    if grid.term_twist is not None:
        twist = grid.term_twist
        span = np.log(twist.long_end_days / twist.short_end_days)
        w = np.clip(1.0 - 2.0 * np.log(days / twist.short_end_days) / span, -1.0, 1.0)
        table[o, column[VolMove.TWIST_UP]] = vol * (1.0 + twist.size_rel * w)
        table[o, column[VolMove.TWIST_DOWN]] = vol * (1.0 - twist.size_rel * w)
    return table
