"""The volatility surface of one underlying and settlement: volatilities of what is not listed.

In a listed expiry the smile of that expiry tells. Between two expiries total variance is linear in
time at equal log-forward-moneyness k = ln(K / F), so that no calendar arbitrage enters between
smiles that admit none; before the first the volatility at k is the first's, and beyond the last
the forward variance between the last two goes on. Forwards are log-linear in time.

A listed option keeps its own volatility: the surface answers only for what the snapshot lacks.
Source: Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14
(2014), lemma 2.1 (calendar) and section 5.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadNumber, ExpiredInstrument, InputError, MissingQuote
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.basics.time import UtcTime, isoformat_utc, tenor_years
from seawall.market.smiles import Smile, require_believable, require_within, smile_of
from seawall.market.snapshot import MarketSnapshot
from seawall.pricing.svi import Interval, calendar_violations
from seawall.pricing.svi_fit import FitStatus
from seawall.products.markets import is_signed

Floats = NDArray[np.float64]

OpenInterval = tuple[float | None, float | None]
"""An interval as it is reported: None where it goes on for ever, since JSON knows no infinity."""


@dataclass(frozen=True, slots=True, eq=False)
class ForwardCurve:
    """Forwards in quote currency by ascending tenor in years, both of shape [n], n ≥ 1.

    The first is the index at tenor 0 where the snapshot has one.
    """

    tenor_years: Floats
    forward: Floats

    def __post_init__(self) -> None:
        freeze(self, len(self.tenor_years))

    def covers(self, tenor_years: float) -> bool:
        """Whether the tenor lies between the first and the last."""
        return bool(self.tenor_years[0] <= tenor_years <= self.tenor_years[-1])

    def at(self, tenor_years: float) -> float:
        """The forward at a tenor that the curve covers, log-linear in time."""
        return math.exp(float(np.interp(tenor_years, self.tenor_years, np.log(self.forward))))

    def forward_of(self, expiry: datetime, tenor_years: float, where: str) -> float:
        """As :meth:`at`. Raises MissingQuote, with ``where``, for an expiry that is not covered."""
        if self.covers(tenor_years):
            return self.at(tenor_years)
        first, last = self.tenor_years[[0, -1]]
        raise MissingQuote(
            f"no forward for {isoformat_utc(expiry)}, {tenor_years:.4g} years away: the curve goes "
            f"from {first:.4g} to {last:.4g} years",
            where=where,
            remedy="Add a chain or futures file that lists expiries on both sides of it.",
        )


class SliceReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How well one expiry's slice follows its strikes, and what arbitrage remains.

    ``forward`` in quote currency per coin; ``atm_vol`` the smile's volatility there, decimal.
    Errors are fitted minus listed volatility in vol points at the listed strikes, None without a
    slice. ``butterfly`` are intervals of log-moneyness where the fitted slice has g < 0, over all
    reals, an end of None for a wing without one; ``calendar`` those where it is below the expiry
    before, within the listed strikes of both. ``age_s`` is the snapshot's time minus the oldest
    quote's in seconds, None where unknown.
    """

    expiry: UtcTime
    forward: float
    atm_vol: float
    status: FitStatus
    strikes: int
    rms_error_vol_points: float | None
    max_error_vol_points: float | None
    butterfly: tuple[OpenInterval, ...]
    calendar: tuple[OpenInterval, ...]
    age_s: float | None


@dataclass(frozen=True, slots=True, eq=False)
class VolSurface:
    """Volatility and forward for any strike and expiry near the listed ones.

    ``smiles`` by ascending expiry, at least one. A slice is fitted when it is first needed.
    """

    underlying: str
    settlement: str
    as_of: datetime
    smiles: tuple[Smile, ...]
    curve: ForwardCurve

    @property
    def where(self) -> str:
        """The surface named for messages."""
        return (
            f"volatility surface of {self.underlying} in {self.settlement}, "
            f"{isoformat_utc(self.as_of)}"
        )

    def smile(self, expiry: datetime) -> Smile | None:
        """The smile of a listed expiry, None for another."""
        return next((smile for smile in self.smiles if smile.expiry == expiry), None)

    def forward(self, expiry: datetime) -> float:
        """Forward in quote currency: a listed expiry's own, otherwise log-linear in time.

        Raises ExpiredInstrument, and MissingQuote for an expiry outside the curve.
        """
        tenor = self._tenor(expiry)
        listed = self.smile(expiry)
        if listed is not None:
            return listed.forward
        return self.curve.forward_of(expiry, tenor, self.where)

    def vol(self, expiry: datetime, strike: float) -> tuple[float, float]:
        """Volatility (decimal) and forward (quote currency) of a strike and an expiry.

        Raises ExpiredInstrument; MissingQuote for a strike or an expiry beyond reach, or a
        volatility far from all listed; BadNumber for a strike that is not finite and positive.
        """
        vols, forward = self.vols(expiry, np.array([strike], dtype=np.float64))
        return float(vols[0]), forward

    def vols(self, expiry: datetime, strike: Floats) -> tuple[Floats, float]:
        """As :meth:`vol` for strikes of shape [n] in one expiry; volatilities of that shape."""
        good = np.isfinite(strike) & (strike > 0.0)
        if not good.all():
            raise BadNumber(
                f"the strike {strike[np.argmin(good)]} has no volatility",
                where=self.where,
                remedy="Give finite strikes above 0.",
            )
        forward = self.forward(expiry)
        listed = self.smile(expiry)
        if listed is not None:
            return listed.vols(strike), forward
        tenor, k = self._tenor(expiry), np.log(strike / forward)
        reach = self.reach(expiry)
        require_within(reach, k, strike, expiry)
        # An expiry whose own volatility at the forward is unknown cannot be put into a snapshot.
        require_within(reach, np.zeros(1), np.array([forward]), expiry)
        vol = np.sqrt(self._total_variance(tenor, k) / tenor)
        require_believable(vol, self.smiles_of(expiry), strike, expiry)
        return vol, forward

    def reach(self, expiry: datetime) -> tuple[float, float]:
        """The least and the greatest ln(K / F) for which an expiry has a volatility.

        A listed expiry's own; else linear in √T between those, flat outside: a smile widens as the
        square root of time, and so does what is listed. Raises ExpiredInstrument.
        """
        root = math.sqrt(self._tenor(expiry))
        roots = np.sqrt([smile.tenor_years for smile in self.smiles])
        lows, highs = zip(*(smile.reach for smile in self.smiles), strict=True)
        return float(np.interp(root, roots, lows)), float(np.interp(root, roots, highs))

    def smiles_of(self, expiry: datetime) -> tuple[Smile, ...]:
        """The smiles that tell the volatilities of an expiry: its own where it is listed, else
        those on both sides, the first before all and the last two after all.
        """
        after = bisect_left([smile.expiry for smile in self.smiles], expiry)
        if after < len(self.smiles) and self.smiles[after].expiry == expiry:
            return (self.smiles[after],)
        if 0 < after < len(self.smiles):
            return self.smiles[after - 1 : after + 1]
        return self.smiles[:1] if after == 0 else self.smiles[-2:]

    def _total_variance(self, tenor: float, k: Floats) -> Floats:
        """Total variance of an unlisted tenor at log-moneyness k, shape [n]."""
        after = bisect_left([smile.tenor_years for smile in self.smiles], tenor)
        first, last = self.smiles[0], self.smiles[-1]
        if after == 0:
            return first.total_variance(k) * (tenor / first.tenor_years)
        if after < len(self.smiles):
            before, next_one = self.smiles[after - 1], self.smiles[after]
            share = (tenor - before.tenor_years) / (next_one.tenor_years - before.tenor_years)
            return (1.0 - share) * before.total_variance(k) + share * next_one.total_variance(k)
        if len(self.smiles) == 1:
            return last.total_variance(k) * (tenor / last.tenor_years)
        before, level = self.smiles[-2], last.total_variance(k)
        rate = (level - before.total_variance(k)) / (last.tenor_years - before.tenor_years)
        # Where the last two cross there is no forward variance; variance does not shrink with time.
        return level + np.maximum(rate, 0.0) * (tenor - last.tenor_years)

    def reports(self) -> tuple[SliceReport, ...]:
        """One report per listed expiry, ascending; fits every slice."""
        earlier = (None, *self.smiles[:-1])
        return tuple(map(self._report, self.smiles, earlier))

    def _report(self, smile: Smile, before: Smile | None) -> SliceReport:
        fit = smile.fit()
        worst = float(np.abs(smile.errors_vol_points()).max())
        atm_vol, _ = self.vol(smile.expiry, smile.forward)
        return SliceReport(
            expiry=smile.expiry,
            forward=smile.forward,
            atm_vol=atm_vol,
            status=fit.status,
            strikes=smile.strike.size,
            rms_error_vol_points=None if fit.slice is None else smile.rms_error_vol_points,
            max_error_vol_points=None if fit.slice is None else worst,
            butterfly=() if fit.slice is None else _reported(fit.slice.butterfly_violations()),
            calendar=() if before is None else _reported(_crossings(before, smile)),
            age_s=smile.age_s(self.as_of),
        )

    def _tenor(self, expiry: datetime) -> float:
        tenor = tenor_years(self.as_of, expiry)
        if not tenor > 0.0:
            raise ExpiredInstrument(
                f"the expiry {isoformat_utc(expiry)} is not after the snapshot",
                where=self.where,
                remedy="Ask for a later expiry or use an earlier snapshot.",
            )
        return tenor


def vol_surface(market: MarketSnapshot, underlying: str, settlement: str) -> VolSurface:
    """The surface of one underlying and settlement currency of a snapshot, of what it lists.

    Raises MissingQuote where no option is listed, BadNumber for a refused underlying, InputError
    for a signed one: a surface in log-moneyness has no place for prices of either sign.
    """
    market.require_sound(underlying)
    _refuse_signed(underlying, market)
    smiles = [
        smile_of(listed, market.as_of)
        for key, listed in market.slices.items()
        if key[:2] == (underlying, settlement) and key not in market.unlisted.smiles
    ]
    if not smiles:
        raise MissingQuote(
            f"no option on {underlying} settled in {settlement} has a volatility",
            where=f"{market.where}, options on {underlying} in {settlement}",
            remedy=did_you_mean(
                nearest_name(underlying, {key[0] for key in market.slices}),
                "Add an option chain that lists some.",
            ),
        )
    return VolSurface(
        underlying=underlying,
        settlement=settlement,
        as_of=market.as_of,
        smiles=tuple(sorted(smiles, key=lambda smile: smile.expiry)),
        curve=forward_curve(market, underlying, settlement),
    )


def forward_curve(market: MarketSnapshot, underlying: str, settlement: str) -> ForwardCurve:
    """The forwards that a snapshot lists, from the index at tenor 0 where there is one.

    Raises MissingQuote where no forward is listed, or there is no price of the currency, and
    InputError for a signed underlying.
    """
    _refuse_signed(underlying, market)
    nodes = {
        tenor_years(market.as_of, key[2]): forward
        for key, forward in market.forwards.items()
        if key[:2] == (underlying, settlement)
        and key[2] > market.as_of
        and key not in market.unlisted.forwards
    }
    if not nodes:
        raise MissingQuote(
            f"nothing on {underlying} settled in {settlement} has a forward",
            where=market.where,
            remedy="Add a chain or futures file that lists expiries of it.",
        )
    if underlying in market.index_usd:
        unit = 1.0 if settlement == underlying else market.currency_usd(settlement)
        nodes[0.0] = market.spot_usd(underlying) / unit
    tenors = sorted(nodes)
    return ForwardCurve(np.array(tenors), np.array([nodes[tenor] for tenor in tenors]))


def _reported(intervals: Iterable[Interval]) -> tuple[OpenInterval, ...]:
    """Intervals with None for infinite ends."""

    def end(value: float) -> float | None:
        return value if math.isfinite(value) else None

    return tuple((end(low), end(high)) for low, high in intervals)


def unfitted_reports(
    market: MarketSnapshot, underlying: str, settlement: str
) -> tuple[SliceReport, ...]:
    """One report per listed expiry of a signed underlying, ascending: no slice of it is fitted."""
    slices = [
        listed for key, listed in market.slices.items() if key[:2] == (underlying, settlement)
    ]
    return tuple(
        SliceReport(
            expiry=listed.key[2],
            forward=listed.forward,
            atm_vol=listed.atm_vol,
            status=FitStatus.NOT_FITTED,
            strikes=smile.strike.size,
            rms_error_vol_points=None,
            max_error_vol_points=None,
            butterfly=(),
            calendar=(),
            age_s=smile.age_s(market.as_of),
        )
        for listed in sorted(slices, key=lambda listed: listed.key[2])
        for smile in (smile_of(listed, market.as_of),)
    )


def _refuse_signed(underlying: str, market: MarketSnapshot) -> None:
    if is_signed(underlying):
        raise InputError(
            f"no volatility surface is fitted to {underlying}, whose price may be negative",
            where=market.where,
            remedy="Use strikes and expiries that the snapshot lists.",
        )


def _crossings(before: Smile, after: Smile) -> tuple[Interval, ...]:
    """Where the later smile is below the earlier, within the listed strikes of both.

    Between two fitted slices exact; otherwise tested at the listed strikes, each of which is an
    interval of its own.
    """
    low = max(float(smile.log_moneyness[0]) for smile in (before, after))
    high = min(float(smile.log_moneyness[-1]) for smile in (before, after))
    one, two = before.fit().slice, after.fit().slice
    if one is not None and two is not None:
        found = calendar_violations(one, two)
        clipped = ((max(start, low), min(end, high)) for start, end in found)
        return tuple((start, end) for start, end in clipped if start < end)
    k = np.unique(np.concatenate([before.log_moneyness, after.log_moneyness]))
    k = k[(k >= low) & (k <= high)]
    below = k[after.total_variance(k) < before.total_variance(k)]
    return tuple((place, place) for place in below.tolist())
