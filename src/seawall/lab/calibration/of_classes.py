"""Ranges, daily volatilities and haircuts of a model's classes, from bars of their members."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from seawall.basics.errors import PoorHistory
from seawall.lab.calibration.days import DAY_NS, Days, days_of
from seawall.lab.calibration.garch import garch_vol
from seawall.lab.calibration.guards import RawTargets
from seawall.lab.calibration.lengths import require_days
from seawall.lab.calibration.measured import Measured
from seawall.lab.calibration.proposals import Proposal
from seawall.lab.calibration.ranges import RangePath, range_path
from seawall.lab.calibration.settings import CalibrationSettings
from seawall.lab.calibration.shocks import depth_factor
from seawall.margin.classes import UnderlyingClass, known_class
from seawall.margin.haircuts import Haircuts
from seawall.margin.model import Levels, MarginModel
from seawall.market.history import MarketHistory
from seawall.products.instruments import STABLECOINS

# A history that ends earlier says nothing of today.
_STALE_NS = 2 * DAY_NS


@dataclass(frozen=True, slots=True)
class Estimated:
    """One underlying's days and what the range law makes of them."""

    underlying: str
    days: Days
    path: RangePath


def estimated(
    history: MarketHistory, as_of_ns: int, settings: CalibrationSettings, market: Measured
) -> dict[str, Estimated]:
    """The range law of every underlying with bars, on days that end at the time of ``as_of_ns``.

    Raises PoorHistory for days fewer than ``least_days`` and for bars that end more than two days
    before, and what :func:`range_path` and :func:`garch_vol` raise.
    """
    found: dict[str, Estimated] = {}
    for name, bars in history.bars.items():
        days = days_of(bars, closing_ns=as_of_ns)
        if as_of_ns - int(days.end_ns[-1]) > _STALE_NS:
            raise PoorHistory(
                "the last whole day of bars ended more than two days before",
                where=f"price history of {name}",
                remedy="Give a history up to the time of the calibration, or an earlier time.",
            )
        require_days(days, settings.ranges)
        depth = 1.0
        if name in market.depth_usd and name in settings.reference_depth_usd:
            reference = settings.reference_depth_usd[name]
            depth = depth_factor(market.depth_usd[name], reference, settings.depth)
        today = 0.0
        if settings.volatility != "ewma":
            today = garch_vol(days.log_return, settings.volatility, name).vol_rel
        path = range_path(
            days, settings.ranges, depth_factor=_today(days, depth), vol_today_rel=today
        )
        found[name] = Estimated(underlying=name, days=days, path=path)
    return found


def _today(days: Days, depth: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A measured depth is today's: it says nothing of the days before."""
    factors = np.ones(days.end_ns.size)
    factors[-1] = depth
    return factors


def class_proposals(
    model: MarginModel, found: Mapping[str, Estimated], settings: CalibrationSettings
) -> Iterator[Proposal]:
    """Ranges, volatility and haircut of every class of which a member has a history.

    A class is as wide as its widest member, and no narrower than before while it holds for others.
    """
    for each in model.classes:
        members = [
            one
            for name, one in found.items()
            if name not in STABLECOINS and known_class(name, model.classes) is each
        ]
        if members:
            untold = ", ".join(without_history(each, found))
            yield from _ranges(each, members, model.levels, settings, untold)
            yield _daily_vol(f"classes.{each.name}.daily_vol_rel", members, settings, untold)
            yield from _haircut(each, members, untold)
    coins = [one for name, one in found.items() if name in STABLECOINS]
    if coins and isinstance(model.collateral, Haircuts):
        untold = ", ".join(sorted(STABLECOINS - found.keys()))
        yield _daily_vol("collateral.stablecoin.daily_vol_rel", coins, settings, untold)


def without_history(each: UnderlyingClass, told: Collection[str]) -> list[str]:
    """What a class holds for and ``told`` does not name, in words; no list ends a market."""
    names = [name for name in each.members if name not in told and name not in STABLECOINS]
    names += [f"all of {market}" for market in each.markets]
    return [*names, "all that no class names"] if each.takes_the_rest else names


def _ranges(
    each: UnderlyingClass,
    members: list[Estimated],
    levels: Levels,
    settings: CalibrationSettings,
    untold: str,
) -> Iterator[Proposal]:
    raw = widest_of([_range_targets(one.path, levels) for one in members])
    widest = max(members, key=lambda one: float(_range_targets(one.path, levels).target[-1]))
    for side, most in (("up", 10.0), ("down", 0.99)):
        yield Proposal(
            key=f"classes.{each.name}.price_range_{side}_rel",
            target=float(raw.target[-1]),
            long_run=float(raw.long_run[-1]),
            stressed=float(raw.stressed[-1]),
            cause=_cause(widest),
            factors=_range_factors(widest, levels, settings),
            most=most,
            path=raw,
            untold=untold,
        )


def _range_targets(path: RangePath, levels: Levels) -> RawTargets:
    """max(slow range / mm factor, fast range / im factor): one range whose levels hold both."""
    fast = path.fast_targets()
    return RawTargets(
        at_ns=path.at_ns,
        target=np.maximum(path.slow_rel / levels.mm_factor, fast.target / levels.im_factor),
        long_run=fast.long_run / levels.im_factor,
        stressed=fast.stressed / levels.im_factor,
    )


def _range_factors(
    one: Estimated, levels: Levels, settings: CalibrationSettings
) -> tuple[tuple[str, float, str], ...]:
    path, ranges = one.path, settings.ranges
    days = f"{one.days.end_ns.size} days of {one.underlying}"
    kurtosis = float(path.kurtosis[-1])
    tail = "not known yet: the fattest tail" if np.isnan(kurtosis) else f"kurtosis {kurtosis:.3g}"
    kind = f"EWMA of λ {ranges.lambda_vol:g}"
    if settings.volatility != "ewma":
        kind = f"larger of {kind} and {settings.volatility}"
    return (
        ("volatility", float(path.vol_rel[-1]), f"a day's, {kind}, {days}"),
        ("long-run volatility", float(path.long_run_vol_rel[-1]), f"a day's, {days}"),
        ("stressed volatility", float(path.stressed_vol_rel[-1]),
         f"worst {ranges.stressed_window_days} days known"),
        ("tail index", float(path.nu[-1]), f"ν = 4 + 6/excess, {tail}"),
        ("quantile", float(path.quantile_im[-1]),
         f"{ranges.confidence_im:.4g} of the path's worst point, {ranges.quantile}"),
        ("slow range", float(path.slow_rel[-1]),
         f"long-run volatility at {ranges.confidence_mm:.4g}, for maintenance"),
        ("depth factor", float(path.depth_factor[-1]), "reference over measured depth, at least 1"),
        ("regime factor", float(path.regime_factor[-1]), f"stress {path.stress[-1]:.2f} of 1"),
        ("fast range", float(path.fast_rel[-1]),
         "max(slow, volatility·√h·quantile)·depth·regime, for initial"),
        ("initial over maintenance", levels.im_factor / levels.mm_factor,
         "the model's levels: the range is max(slow, fast / this)"),
    )  # fmt: skip


def _daily_vol(
    key: str, members: list[Estimated], settings: CalibrationSettings, untold: str
) -> Proposal:
    raw = widest_of([one.path.vol_targets() for one in members])
    widest = max(members, key=lambda one: float(one.path.vol_rel[-1]))
    return Proposal(
        key=key,
        target=float(raw.target[-1]),
        long_run=float(raw.long_run[-1]),
        stressed=float(raw.stressed[-1]),
        cause=_cause(widest),
        factors=(
            ("volatility", float(widest.path.vol_rel[-1]), f"a day's, of {widest.underlying}"),
            ("long-run volatility", float(widest.path.long_run_vol_rel[-1]), "a day's"),
        ),
        path=raw,
        untold=untold,
    )


def widest_of(members: list[RawTargets]) -> RawTargets:
    """At each time of any member the largest number of those that were known then."""
    times = np.unique(np.concatenate([each.at_ns for each in members]))
    most = {name: np.zeros(times.size) for name in ("target", "long_run", "stressed")}
    for each in members:
        places = np.searchsorted(times, each.at_ns)
        for name, numbers in most.items():
            numbers[places] = np.maximum(numbers[places], getattr(each, name))
    return RawTargets(at_ns=times, **most)


def _haircut(each: UnderlyingClass, members: list[Estimated], untold: str) -> Iterator[Proposal]:
    """The liquidity haircut, wider by the depth factor; none where no depth was measured."""
    thinnest = max(members, key=lambda one: float(one.path.depth_factor[-1]))
    factor = float(thinnest.path.depth_factor[-1])
    if factor > 1.0 and each.spot_haircut_rel > 0.0:
        yield Proposal(
            key=f"classes.{each.name}.spot_haircut_rel",
            target=each.spot_haircut_rel * factor,
            long_run=None,
            stressed=None,
            cause=f"depth of {thinnest.underlying} below its reference",
            factors=(("depth factor", factor, "reference over measured depth, at least 1"),),
            most=1.0,
            untold=untold,
        )


def _cause(one: Estimated) -> str:
    vol, long_run = float(one.path.vol_rel[-1]), float(one.path.long_run_vol_rel[-1])
    return f"volatility of {one.underlying} {vol:.2%} a day, {long_run:.2%} in the long run"
