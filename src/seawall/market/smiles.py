"""One expiry's smile: its listed volatilities, and a volatility for the strikes between and near.

A fitted SVI slice gives the shape; what it misses at the listed strikes is carried over to the
strikes between them, so that the smile passes through every listed volatility and no unlisted one
jumps next to it. Beyond the outermost strikes the slice goes on, scaled as at the outermost, as far
as the listed strikes can tell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import MissingQuote
from seawall.basics.time import isoformat_utc, tenor_years
from seawall.market.snapshot import OptionSlice
from seawall.pricing.svi import SviSlice
from seawall.pricing.svi_fit import FitStatus, SviFit, fit_svi

Floats = NDArray[np.float64]

# A strike counts as within reach up to this multiple of the widest listed |ln(K / F)|.
MAX_REACH = 1.5
# Two strikes tell a slope and nothing of how it bends: fewer than this are not extrapolated.
LEAST_EXTRAPOLATED = 3
# A volatility of what is not listed is believed up to this multiple of the greatest listed one of
# the smiles that tell it, and down to this part of the least.
MAX_VOL_RATIO = 2.0
# Errors are weighted by vega over the greatest vega, but the wings by at least this: by vega alone
# the far strikes, which scenarios bring to the money, were left free by tens of vol points.
LEAST_WEIGHT = 0.3
# A slice whose rms error is more than this part of the volatility at the forward has another shape
# than its strikes, and is not used. On recorded chains of coins it is 0.27 at most, in a crash.
MAX_RMS_ERROR_REL = 0.5
# A listed strike's own logarithm may differ from itself by so much.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Smile:
    """The listed volatilities of one expiry, by ascending strike; arrays have shape [n], n ≥ 1.

    ``forward`` and ``strike`` in quote currency per coin, ``vol`` decimal, ``tenor_years`` > 0;
    ``observed`` is the oldest quote's time, None where the quotes do not tell. The slice is fitted
    when it is first asked for, and kept.
    """

    expiry: datetime
    tenor_years: float
    forward: float
    strike: Floats
    vol: Floats
    observed: datetime | None
    _fit: list[SviFit] = field(default_factory=list[SviFit], init=False, repr=False)

    def __post_init__(self) -> None:
        freeze(self, len(self.strike))

    @property
    def log_moneyness(self) -> Floats:
        """ln(K / F) of the listed strikes, shape [n]."""
        return np.log(self.strike / self.forward)

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest ln(K / F) for which a volatility is given.

        No farther from the outermost strikes than these are apart: strikes that all lie far from
        the forward say nothing of what is near it.
        """
        k = self.log_moneyness
        first, last = float(k[0]), float(k[-1])
        if k.size < LEAST_EXTRAPOLATED:
            return first, last
        widest, apart = MAX_REACH * max(abs(first), abs(last)), last - first
        return max(-widest, first - apart), min(widest, last + apart)

    def age_s(self, as_of: datetime) -> float | None:
        """Seconds from the oldest quote to ``as_of``, None where unknown."""
        return None if self.observed is None else (as_of - self.observed).total_seconds()

    def fit(self) -> SviFit:
        """The SVI slice of the listed strikes, or why there is none.

        One that is far from its strikes counts as not fitted.
        """
        if not self._fit:
            k, w = self.log_moneyness, self.vol**2 * self.tenor_years
            deviation = self.vol * math.sqrt(self.tenor_years)
            # φ(d₁) over its greatest value: vega over the greatest vega.
            vega = np.exp(-0.5 * (0.5 * deviation - k / deviation) ** 2)
            # dw = 2 vol T dvol: an error of w becomes one of volatility.
            weight = (np.maximum(vega, LEAST_WEIGHT) / (2.0 * self.vol * self.tenor_years)) ** 2
            fit = fit_svi(k, w, weight)
            if fit.slice is not None:
                rms = float(np.sqrt(np.mean(self._errors(fit.slice) ** 2)))
                if rms > MAX_RMS_ERROR_REL * float(np.interp(0.0, k, self.vol)):
                    fit = SviFit(FitStatus.NOT_FITTED, None)
            self._fit.append(fit)
        return self._fit[0]

    def _errors(self, fitted: SviSlice) -> Floats:
        """Fitted minus listed volatility at the listed strikes, decimal, shape [n]."""
        return np.sqrt(fitted.total_variance(self.log_moneyness) / self.tenor_years) - self.vol

    def total_variance(self, k: Floats) -> Floats:
        """vol² · T at log-moneyness of any shape; same shape, > 0.

        The slice times the ratio of listed to fitted total variance, which is linear in
        log-moneyness between the listed strikes and flat beyond. Without a slice the listed total
        variance itself is.
        """
        listed, variance = self.log_moneyness, self.vol**2 * self.tenor_years
        fitted = self.fit().slice
        if fitted is None:
            return np.interp(k, listed, variance)
        ratio = variance / fitted.total_variance(listed)
        return fitted.total_variance(k) * np.interp(k, listed, ratio)

    def vols(self, strike: Floats) -> Floats:
        """Volatility (decimal) of strikes > 0, shape [m]; a listed strike's is its own.

        Raises MissingQuote for a strike beyond reach, or whose volatility is far from all listed.
        """
        k = np.log(strike / self.forward)
        require_within(self.reach, k, strike, self.expiry)
        vol = np.sqrt(self.total_variance(k) / self.tenor_years)
        place = np.minimum(np.searchsorted(self.strike, strike), self.strike.size - 1)
        vol = np.where(self.strike[place] == strike, self.vol[place], vol)
        require_believable(vol, (self,), strike, self.expiry)
        return vol

    def beyond_listed(self, k: Floats) -> NDArray[np.bool_]:
        """Where log-moneyness k lies outside the listed strikes; same shape."""
        listed = self.log_moneyness
        return (k < listed[0]) | (k > listed[-1])

    def errors_vol_points(self) -> Floats:
        """Fitted minus listed volatility at the listed strikes in vol points, shape [n].

        Zero without a slice: the interpolation passes through the listed strikes.
        """
        fitted = self.fit().slice
        return np.zeros(self.strike.size) if fitted is None else 100.0 * self._errors(fitted)

    @property
    def rms_error_vol_points(self) -> float:
        """Root of the mean square of :meth:`errors_vol_points`."""
        return float(np.sqrt(np.mean(self.errors_vol_points() ** 2)))


def smile_of(listed: OptionSlice, as_of: datetime) -> Smile:
    """The smile of a snapshot's slice.

    Of a call and a put of one strike the out-of-the-money one tells for both. A quote without a
    time leaves the smile without one.
    """
    rows = listed.smile_rows
    out_of_money = listed.is_call[rows] == (listed.strike[rows] >= listed.forward)
    order = np.lexsort((~out_of_money, listed.strike[rows]))
    strike, first = np.unique(listed.strike[rows][order], return_index=True)
    oldest = float(listed.observed_s[rows].min())
    return Smile(
        expiry=listed.key[2],
        tenor_years=tenor_years(as_of, listed.key[2]),
        forward=listed.forward,
        strike=strike,
        vol=listed.vol[rows][order][first],
        observed=datetime.fromtimestamp(oldest, UTC) if math.isfinite(oldest) else None,
    )


def require_within(reach: tuple[float, float], k: Floats, strike: Floats, expiry: datetime) -> None:
    """Raise MissingQuote, naming the first strike whose ln(K / F) lies outside ``reach``."""
    low, high = reach
    beyond = (k < low - _ROUNDING) | (k > high + _ROUNDING)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise MissingQuote(
            f"the strike {strike[row]:.10g} lies {k[row]:+.4g} from the forward in logarithm, "
            f"beyond the {low:+.4g} to {high:+.4g} to which listed strikes tell a volatility",
            where=_where(expiry),
            remedy="Use a snapshot that lists strikes nearer to it.",
        )


def require_believable(
    vol: Floats, smiles: Sequence[Smile], strike: Floats, expiry: datetime
) -> None:
    """Raise MissingQuote, naming the first strike whose volatility is far from all listed."""
    listed = np.concatenate([smile.vol for smile in smiles])
    low, high = float(listed.min()), float(listed.max())
    far = (vol < low / MAX_VOL_RATIO) | (vol > high * MAX_VOL_RATIO)
    if far.any():
        row = int(np.argmax(far))
        raise MissingQuote(
            f"the strike {strike[row]:.10g} would have a volatility of {vol[row]:.4g}, more than a "
            f"factor of {MAX_VOL_RATIO:g} outside the listed {low:.4g} to {high:.4g}",
            where=_where(expiry),
            remedy="Use a snapshot that lists it.",
        )


def _where(expiry: datetime) -> str:
    return f"volatility surface, expiry {isoformat_utc(expiry)}"
