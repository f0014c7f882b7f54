"""What one unit of each position is worth by the model, and how it moves: the Greeks of a book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.time import DAYS_PER_YEAR
from seawall.kernels.revalue import CALL_KIND
from seawall.market.early import EarlyExercise
from seawall.pricing import bachelier, black76
from seawall.pricing.discounting import rate_per_year

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UnitTerms:
    """What values one unit of each position; columns of :class:`seawall.risk.book.UnderlyingBook`,
    of shape [M]. ``american`` has the rows that are American options; ``signed`` whether prices are
    of either sign, and options valued by Bachelier's model instead of Black-76.
    """

    kind: NDArray[np.int64]
    forward: Floats
    strike: Floats
    vol: Floats
    vol_unit: Floats
    tenor_years: Floats
    discount: Floats
    unit_usd: Floats
    american: Mapping[int, EarlyExercise]
    signed: bool

    def __post_init__(self) -> None:
        freeze(self, len(self.kind))

    @property
    def is_option(self) -> Flags:
        """Rows that are options."""
        return self.kind >= CALL_KIND

    @property
    def european(self) -> tuple[Floats, Floats, Floats, Floats, Flags, Floats]:
        """Arguments of the European formula of the rows that are options."""
        o = self.is_option
        is_call = self.kind[o] == CALL_KIND
        return (
            self.forward[o],
            self.strike[o],
            self.vol[o] * self.vol_unit[o],
            self.tenor_years[o],
            is_call,
            self.discount[o],
        )

    def one(self, row: int) -> tuple[Floats, Floats, Flags]:
        """Strike, volatility and whether it is a call, of one row; of shape [1]."""
        only = slice(row, row + 1)
        return self.strike[only], self.vol[only], self.kind[only] == CALL_KIND


def option_values(terms: UnitTerms) -> Floats:
    """Model value of one option in quote currency, shape [M]; 0 of all else."""
    value = np.zeros(terms.kind.size)
    model = bachelier if terms.signed else black76
    value[terms.is_option] = model.price(*terms.european)
    for row, early in terms.american.items():
        value[row] = early.value(*terms.one(row))[0]
    return value


def unit_greeks(terms: UnitTerms, spot_usd: float) -> dict[str, Floats]:
    """The columns of sensitivities per unit held, by name: ``delta``, ``gamma``, ``vega_usd`` and
    ``theta_usd`` as in :class:`seawall.risk.book.UnderlyingBook`.
    """
    unit, o = terms.unit_usd, terms.is_option
    # A unit of price moves with the forward, and the forward with the index: dF/dS = F / S, or of
    # prices of either sign as many USD as the index.
    slope = 1.0 / unit if terms.signed else terms.forward / spot_usd
    delta, gamma = unit * slope, np.zeros_like(unit)
    vega, theta = np.zeros_like(unit), np.zeros_like(unit)
    if o.any():
        model = bachelier if terms.signed else black76
        g = model.greeks(*terms.european)
        # A discounted value also earns its rate.
        rate = rate_per_year(terms.discount[o], terms.tenor_years[o])
        carry = rate * model.price(*terms.european)
        delta[o] *= g.delta
        gamma[o] = unit[o] * slope[o] ** 2 * g.gamma
        vega[o] = unit[o] * terms.vol_unit[o] * g.vega_per_unit_vol / 100.0
        theta[o] = unit[o] * (g.theta_per_year + carry) / DAYS_PER_YEAR
    for row, early in terms.american.items():
        # Its delta is to the spot itself, in the quote currency on both sides.
        g = early.greeks(*terms.one(row))
        delta[row] = g.delta[0]
        gamma[row] = g.gamma[0] / unit[row]
        vega[row] = unit[row] * g.vega_per_unit_vol[0] / 100.0
        theta[row] = unit[row] * g.theta_per_year[0] / DAYS_PER_YEAR
    return {"delta": delta, "gamma": gamma, "vega_usd": vega, "theta_usd": theta}
