"""The market as a history tells it: an index, forwards, and a modelled volatility surface.

A perpetual stands at its index. A future or an option's forward is S·exp(b·T) with the basis b last
told, 0 where none is. Volatilities are those of an SSVI surface of flat term: at the money the
volatility last told (an index of 30 days, such as DVOL), around it a stated skew and curvature that
do not change. Where an option is held, everything that follows is marked as modelled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter, InputError, PoorHistory
from seawall.basics.time import YEAR_SECONDS, epoch_ns, instant_of_ns, isoformat_utc, tenor_years
from seawall.feeds.synthetic_surface import ssvi_variance
from seawall.market.history import MarketHistory, PriceBars, Times
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey, slice_key
from seawall.pricing.black76 import price
from seawall.products.contracts import option
from seawall.products.instruments import (
    CASH,
    STABLECOINS,
    Derivative,
    Expiring,
    Instrument,
    Option,
    Perpetual,
    is_money,
)

Floats = NDArray[np.float64]

NS = 1_000_000_000
"""Nanoseconds a second."""

# A ladder of strikes around the forward, in standard deviations, so that a smile has its wings.
_LADDER_SD = np.linspace(-4.0, 4.0, 17)

MODELLED = (
    "Option volatilities are modelled: at the money a volatility index of about 30 days at every "
    "tenor, around it SSVI with skew {skew:g} and curvature {curvature:g}."
)


class SurfaceShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the modelled smile looks like: ``skew`` is SSVI's ρ, ``curvature`` its η.

    Raises BadParameter where the surface would admit arbitrage.
    """

    skew: float = -0.1
    curvature: float = 0.85

    def __post_init__(self) -> None:
        free = 0.0 < self.curvature * (1.0 + abs(self.skew)) <= 2.0
        if not (abs(self.skew) < 1.0 and free):
            raise BadParameter(
                f"skew {self.skew} with curvature {self.curvature} admits arbitrage",
                where="modelled volatility surface",
                remedy="Keep |skew| < 1 and curvature · (1 + |skew|) above 0 and at most 2.",
            )

    def vol(self, log_moneyness: Floats, atm_vol: Floats, tenor_years: Floats) -> Floats:
        """Volatility (decimal) at ln(K / F), for an at-the-money one and a tenor > 0; broadcast."""
        variance = ssvi_variance(log_moneyness, atm_vol**2 * tenor_years, self.skew, self.curvature)
        return np.sqrt(variance / tenor_years)

    @property
    def told(self) -> str:
        """What every output on modelled volatilities repeats."""
        return MODELLED.format(skew=self.skew, curvature=self.curvature)


@dataclass(frozen=True, slots=True)
class HistoricalMarkets:
    """Markets of a history at any instant. Each is made of what was known then, of nothing later.

    Raises PoorHistory, from every method, where the history does not tell what is asked.
    """

    history: MarketHistory
    shape: SurfaceShape

    def until(self, at_ns: int) -> HistoricalMarkets:
        """The same with nothing that was told after an instant."""
        history = self.history
        series = (history.vols, history.funding_per_day, history.basis_per_year)
        lasts = [bars.end_ns for bars in history.bars.values()]
        lasts += [each.at_ns for mapping in series for each in mapping.values()]
        if all(not times.size or times[-1] <= at_ns for times in lasts):
            return self
        return replace(self, history=history.until(at_ns))

    def bars(self, underlying: str) -> PriceBars:
        """The bars of an underlying."""
        try:
            return self.history.bars[underlying]
        except KeyError:
            raise PoorHistory(
                f"no prices of {underlying}",
                where="price history",
                remedy=f"Add a file with its bars; there are {', '.join(self.history.bars)}.",
            ) from None

    def spot_usd(self, underlying: str, at_ns: int) -> float:
        """The close of the last bar that had ended."""
        bars = self.bars(underlying)
        after = int(np.searchsorted(bars.end_ns, at_ns, side="right"))
        if not after:
            raise PoorHistory(
                f"no price of {underlying} by {isoformat_utc(instant_of_ns(at_ns))}",
                where="price history",
                remedy="Begin later, or add earlier bars.",
            )
        return float(bars.close[after - 1])

    def atm_vols(self, underlying: str, times_ns: Times) -> Floats:
        """The volatility last told at each time, decimal, shape [n]."""
        series = self.history.vols.get(underlying)
        found = np.full(times_ns.size, np.nan) if series is None else series.at(times_ns)
        if not (np.isfinite(found) & (found > 0.0)).all():
            first = isoformat_utc(instant_of_ns(int(times_ns[0])))
            raise PoorHistory(
                f"no volatility of {underlying} at {first}, which its options need",
                where="volatility history",
                remedy="Add a volatility index of it with --history, or begin where there is one; "
                "recorded chains (--market) need none where they tell every option.",
            )
        return found

    def bases_per_year(self, underlying: str, times_ns: Times) -> Floats:
        """The basis last told at each time, 0 before the first and where none is told; [n]."""
        series = self.history.basis_per_year.get(underlying)
        return np.zeros(times_ns.size) if series is None else np.nan_to_num(series.at(times_ns))

    def forward(self, underlying: str, at: datetime, expiry: datetime) -> float:
        """The forward of an expiry in USD."""
        at_ns = epoch_ns(at)
        basis = float(self.bases_per_year(underlying, np.array([at_ns]))[0])
        growth = basis * tenor_years(at, expiry)
        return self.spot_usd(underlying, at_ns) * float(np.exp(growth))

    def log_carries(self, contract: Derivative, times_ns: Times) -> Floats:
        """ln(F / S) at each time, 0 of a perpetual and after expiry; shape [n]."""
        if not isinstance(contract, Expiring):
            return np.zeros(times_ns.size)
        tenors = tenors_years(contract.expiry, times_ns)
        return self.bases_per_year(contract.underlying, times_ns) * tenors

    def option_vols(self, option: Option, log_moneyness: Floats, times_ns: Times) -> Floats:
        """The modelled volatility at each time before expiry; shape of ``log_moneyness`` [3, n]."""
        tenors = tenors_years(option.expiry, times_ns)
        return self.shape.vol(log_moneyness, self.atm_vols(option.underlying, times_ns), tenors)

    def snapshot(self, at: datetime, instruments: Iterable[Instrument]) -> MarketSnapshot:
        """The market at an instant in which all the instruments are listed, with the history.

        Raises PoorHistory, and InputError for what a history of prices cannot value.
        """
        asked = [each for each in instruments if not is_money(each)]
        require_supported(asked)
        at_ns = epoch_ns(at)
        index = {each.underlying: self.spot_usd(each.underlying, at_ns) for each in asked}
        futures, forwards = dict[str, float](), dict[SliceKey, float]()
        strikes: dict[SliceKey, list[Option]] = {}
        for each in asked:
            if isinstance(each, Perpetual):
                futures[each.name] = index[each.underlying]
            if isinstance(each, Expiring):
                key = slice_key(each)
                forwards[key] = self.forward(each.underlying, at, each.expiry)
            if isinstance(each, Option):
                strikes.setdefault(slice_key(each), []).append(each)
        slices = {k: self._slice(k, at, forwards[k], held) for k, held in strikes.items()}
        settled = {each.settlement for each in asked} & STABLECOINS
        return MarketSnapshot(
            as_of=at,
            index_usd=index,
            stable_usd=dict.fromkeys(settled, 1.0),
            forwards=forwards,
            futures=futures,
            slices=slices,
            option_rows={
                name: (key, row) for key, s in slices.items() for row, name in enumerate(s.names)
            },
            warnings=(self.shape.told,) if slices else (),
            liquidity=Liquidity(funding_per_day=self.funding_per_day(asked, at_ns)),
            history=self.until(at_ns).history,
        )

    def funding_per_day(self, instruments: Iterable[Instrument], at_ns: int) -> dict[str, float]:
        """The funding last told of each perpetual of which any is."""
        told = self.history.funding_per_day
        found = {
            each.name: float(told[each.underlying].at(np.array([at_ns]))[0])
            for each in instruments
            if isinstance(each, Perpetual) and each.underlying in told
        }
        return {name: rate for name, rate in found.items() if np.isfinite(rate)}

    def _slice(
        self, key: SliceKey, at: datetime, forward: float, held: list[Option]
    ) -> OptionSlice:
        """The held options of an expiry among a ladder of strikes, calls of it."""
        underlying, settlement, expiry = key
        tenor = np.array([tenor_years(at, expiry)])
        atm = self.atm_vols(underlying, np.array([epoch_ns(at)]))
        rungs = forward * np.exp(_LADDER_SD * atm * np.sqrt(tenor))
        ladder = [option(underlying, settlement, expiry, rounded(k), "call") for k in rungs]
        listed = {each.name: each for each in (*ladder, *held)}
        rows = sorted(listed.values(), key=lambda each: (each.strike, each.right))
        strike = np.array([each.strike for each in rows])
        is_call = np.array([each.is_call for each in rows])
        vol = self.shape.vol(np.log(strike / forward), atm, tenor)
        # As venues tell them: of options that pay in coin in coins.
        unit = forward if settlement == underlying else 1.0
        return OptionSlice(
            key=key,
            forward=forward,
            names=tuple(each.name for each in rows),
            strike=strike,
            is_call=is_call,
            vol=vol,
            mark=price(forward, strike, vol, tenor, is_call) / unit,
            observed_s=np.full(strike.size, at.timestamp()),
            atm_vol=float(atm[0]),
        )


def require_supported(instruments: Iterable[Instrument]) -> None:
    """Raise InputError for what cannot be valued by a price, a basis and a volatility."""
    for each in instruments:
        american = isinstance(each, Option) and each.exercise != "european"
        quanto = getattr(each, "quanto_rate", None) is not None
        paid = each.settlement in (CASH, each.underlying, *STABLECOINS)
        if american or quanto or not paid or each.underlying in STABLECOINS:
            raise InputError(
                f"{each.name} cannot be valued along a history of prices",
                where="book to backtest",
                remedy="Hold perpetuals, futures, European options and coins outright.",
            )


def rounded(strike: float) -> float:
    """A strike of four digits, so that its name is one that can be read."""
    return float(f"{strike:.4g}")


def tenors_years(expiry: datetime, times_ns: Times) -> Floats:
    """Years from each time to an expiry, 0 after it; shape [n]."""
    return np.maximum(epoch_ns(expiry) - times_ns, 0) / NS / YEAR_SECONDS
