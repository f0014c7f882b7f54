"""American options of one expiry: what values them beside strike and volatility.

They are valued on the spot and its dividends, not on a forward: what may be exercised early is the
share of the day. As time passes with nothing else moving the forward stays, as it does for European
options, so that the spot goes along its carry and falls at ex-dates.
Source: docs/risk.md, "American options".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seawall.pricing.american import MAX_TOTAL_SD, greeks, implied_vol, price
from seawall.pricing.results import Greeks

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class EarlyExercise:
    """Spot in quote currency, years to expiry, the interest rate and the share's yield a year, and
    its dividends to come: rows [d, 2] of years and amounts.
    """

    spot: float
    tenor_years: float
    rate: float
    dividend_yield: float
    dividends: Floats

    def value(self, strike: Floats, vol: Floats, is_call: Flags) -> Floats:
        """Values in quote currency; arguments of one shape."""
        return self.on_spots(np.asarray(self.spot), strike, vol, is_call)

    def on_spots(self, spot: Floats, strike: Floats, vol: Floats, is_call: Flags) -> Floats:
        """As :meth:`value` at other spots; arguments broadcast against each other.

        Cells that differ by the spot alone cost little when they stand beside each other.
        """
        return price(spot, strike, self._within(vol), *self._terms(is_call))

    def implied_vol(self, premium: Floats, strike: Floats, is_call: Flags) -> Floats:
        """Volatility at which options are worth ``premium``; shape [n], NaN where there is none."""
        return implied_vol(premium, self.spot, strike, *self._terms(is_call)).sigma

    def greeks(self, strike: Floats, vol: Floats, is_call: Flags) -> Greeks:
        """Sensitivities to the spot, volatility, and time while the forward stays; shape [n]."""
        found = greeks(self.spot, strike, self._within(vol), *self._terms(is_call))
        drift = (self.rate - self.dividend_yield) * self.spot
        return replace(found, theta_per_year=found.theta_per_year + drift * found.delta)

    def _terms(self, is_call: Flags) -> tuple[float, float, float, Flags, Floats]:
        return self.tenor_years, self.rate, self.dividend_yield, is_call, self.dividends

    def _within(self, vol: Floats) -> Floats:
        """Volatilities that can be priced: above, values are at their bounds to 2e-9."""
        most = MAX_TOTAL_SD / np.sqrt(self.tenor_years) if self.tenor_years > 0.0 else np.inf
        return np.minimum(vol, most * (1.0 - 1e-12))

    def with_left(self, left_years: float) -> EarlyExercise:
        """The same with so many years left of ``tenor_years`` and the forward where it is."""
        passed = self.tenor_years - left_years
        growth = self.rate - self.dividend_yield
        coming = self.dividends[self.dividends[:, 0] <= self.tenor_years]
        gone = coming[coming[:, 0] <= passed]
        # F = S·e^{bT} − Σ D·e^{b(T − t)} now and then, with fewer dividends to come.
        paid = float(gone[:, 1] @ np.exp(growth * (passed - gone[:, 0])))
        left = self.dividends - np.array([passed, 0.0])
        return replace(
            self,
            spot=self.spot * float(np.exp(growth * passed)) - paid,
            tenor_years=left_years,
            dividends=left[left[:, 0] > 0.0],
        )
