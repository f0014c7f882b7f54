"""From a book and a scenario set to the risk array, by full revaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadNumber
from seawall.basics.time import DAYS_PER_YEAR
from seawall.kernels.revalue import revalue
from seawall.risk.book import UnderlyingBook
from seawall.risk.scenarios import PriceVolGrid, ScenarioSet
from seawall.risk.shocks import Instant, VolMove

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RiskArray:
    """PnL of one unit of each instrument of an underlying in each scenario, in USD, + gain.

    ``unit_pnl_usd`` has shape [M, I·C]: instants × cells, cells running fastest. Damping is not
    applied here: it belongs to the net of the underlying. Raises BadNumber naming the instrument
    if a value is not finite.
    """

    book: UnderlyingBook
    scenarios: ScenarioSet
    instants: tuple[Instant, ...]
    unit_pnl_usd: Floats

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


class Black76Revaluation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="black-76"
):
    """Options by Black-76 on their expiry's forward; everything else moves one to one.

    ``smile`` says how the surface moves with the price: each strike keeps its volatility.
    """

    smile: Literal["sticky-strike"]

    def array(self, book: UnderlyingBook, grid: PriceVolGrid, scenarios: ScenarioSet) -> RiskArray:
        """Revalue every instrument of the book in every scenario at every instant.

        The instant after expiry is added only when something expires within the horizon. Raises
        BadNumber naming the instrument if a value is not finite.
        """
        horizon_years = grid.horizon_days / DAYS_PER_YEAR
        expiring = book.has_expiry & (book.tenor_years <= horizon_years)
        instants = tuple(Instant) if expiring.any() else (Instant.NOW, Instant.HORIZON)
        tenor = np.zeros((len(book.positions), len(instants)))
        tenor[:, 0] = book.tenor_years
        tenor[:, 1:] = np.maximum(book.tenor_years - horizon_years, 0.0)[:, None]
        settled = np.zeros(tenor.shape, dtype=np.bool_)
        if len(instants) > 2:
            settled[:, 2] = expiring
        out = np.empty((len(book.positions), len(instants) * scenarios.price_rel.size))
        revalue(
            book.kind,
            book.inverse,
            book.forward,
            book.strike,
            book.unit_usd,
            book.coin_profit * book.spot_usd,
            vol_table(book, grid),
            tenor,
            settled,
            scenarios.price_rel,
            scenarios.vol_index,
            out,
        )
        return RiskArray(book, scenarios, instants, out)


def vol_table(book: UnderlyingBook, grid: PriceVolGrid) -> Floats:
    """Implied volatility of each row under each volatility move; shape [M, V], order of VolMove.

    Formulas in docs/models/prbm.md. Rows that are not options stay at zero.
    """
    table = np.repeat(book.vol[:, None], len(VolMove), axis=1)
    o = book.is_option
    vol, tenor = book.vol[o], book.tenor_years[o]
    days = tenor * DAYS_PER_YEAR
    weight = grid.tenor_law.weight(days)
    column = {move: i for i, move in enumerate(VolMove)}
    up = np.maximum(grid.vol_up.apply(vol, weight), grid.vol_up_floor)
    table[o, column[VolMove.UP]] = np.maximum(up, vol)
    table[o, column[VolMove.DOWN]] = np.maximum(grid.vol_down.apply(vol, weight), 0.0)
    if grid.skew_tilt is not None:
        sd = book.atm_vol[o] * np.sqrt(tenor)
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
