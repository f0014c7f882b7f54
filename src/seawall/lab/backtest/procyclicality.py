"""How much margin of one fixed portfolio swings, and how fast: what has to be found in a stress.

Sources: Murphy, Vasios and Vause (2014), Bank of England Financial Stability Paper 29 (peak to
trough, largest n-day rise); BCBS-CPMI-IOSCO (2022), "Review of margining practices" (standard
deviation of changes). Shares are decimal: 0.25 is a rise by a quarter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import BadNumber, BadParameter
from seawall.lab.backtest.outcomes import Floats, as_series

# Days over which a rise is usually told.
RISE_DAYS = (1, 5, 20, 30)


class LargestRise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The largest rise over ``steps``: as a share of the margin before it, and as an amount.

    Each is the largest of its own kind, never below 0; ``at`` is where the greatest share ends.
    ``steps`` that the series does not reach are told with 0 rises and ``at`` None.
    """

    steps: int
    share: float
    amount: float
    at: int | None


class Procyclicality(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``peak_to_trough`` is greatest over least margin; ``log_change_sd`` maps steps to the sample
    standard deviation of log changes over them, overlapping, None of fewer than two changes.
    """

    observations: int
    peak_to_trough: float
    rises: tuple[LargestRise, ...]
    log_change_sd: dict[int, float | None]


@dataclass(frozen=True, slots=True)
class ImpulseResponse:
    """Margin after a step in volatility; arrays have shape [steps], read-only.

    ``margins`` is with the step and ``calm`` without it, each at the end of each step after the
    step came; ``share`` their ratio less 1.
    """

    margins: Floats
    calm: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.margins.size)

    @property
    def share(self) -> Floats:
        """How far margin stands above what it would be; shape [steps]."""
        return self.margins / self.calm - 1.0

    @property
    def peak(self) -> float:
        """The greatest of the shares."""
        return float(self.share.max())

    def steps_to(self, fraction: float, volatility_factor: float) -> int | None:
        """Steps until a fraction of the full response (volatility factor − 1) is reached, counted
        from one; None if it never is.
        """
        there = np.flatnonzero(self.share >= fraction * (volatility_factor - 1.0) - 1e-12)
        return int(there[0]) + 1 if there.size else None


def procyclicality(margins: Floats, *, steps: tuple[int, ...] = RISE_DAYS) -> Procyclicality:
    """The measures of one series of margins of a fixed portfolio, shape [n], one a day.

    Raises PoorHistory for no observations, BadNumber for margins that are not finite and positive
    and BadParameter for steps below one.
    """
    margins = _positive("procyclicality", margins)
    if any(span < 1 for span in steps):
        raise BadParameter(
            f"steps {steps}", where="procyclicality", remedy="Count rises over one step or more."
        )
    return Procyclicality(
        observations=margins.size,
        peak_to_trough=float(margins.max() / margins.min()),
        rises=tuple(largest_rise(margins, span) for span in steps),
        log_change_sd={span: _log_change_sd(margins, span) for span in steps},
    )


def largest_rise(margins: Floats, steps: int) -> LargestRise:
    """The largest of margin[t + steps] over margin[t]; raises as :func:`procyclicality`."""
    margins = _positive("largest rise", margins)
    if steps >= margins.size:
        return LargestRise(steps=steps, share=0.0, amount=0.0, at=None)
    before, after = margins[:-steps], margins[steps:]
    shares = after / before - 1.0
    return LargestRise(
        steps=steps,
        share=max(0.0, float(shares.max())),
        amount=max(0.0, float((after - before).max())),
        at=int(np.argmax(shares)) + steps,
    )


def impulse_response(
    margin_of: Callable[[Floats], float],
    generator: np.random.Generator,
    *,
    calm_steps: int = 1_000,
    steps: int = 60,
    volatility_step: float = 0.02,
    volatility_factor: float = 2.0,
) -> ImpulseResponse:
    """Feed a model calm returns, then returns of ``volatility_factor`` times the volatility.

    ``margin_of`` is handed all returns until now, shape [n], and tells the margin. Both worlds
    share their draws: normal returns of ``volatility_step`` a step, whose whole is scaled to have
    just that standard deviation, so that the answer is the model's and not that of luck.
    Raises BadParameter for impossible numbers of steps or sizes and BadNumber for a margin that is
    not finite and positive.
    """
    sizes = (volatility_step, volatility_factor)
    if calm_steps < 2 or steps < 2 or not all(np.isfinite(s) and s > 0.0 for s in sizes):
        raise BadParameter(
            f"{calm_steps} calm steps, {steps} steps, volatility {volatility_step:g} times "
            f"{volatility_factor:g}",
            where="impulse response",
            remedy="Hand in two steps or more of each, and positive sizes.",
        )
    past, future = (_standard(generator, size) * volatility_step for size in (calm_steps, steps))
    told = [
        [
            float(margin_of(np.concatenate([past, future[: step + 1] * factor])))
            for step in range(steps)
        ]
        for factor in (volatility_factor, 1.0)
    ]
    shaken, calm = (_positive("impulse response", np.array(series)) for series in told)
    return ImpulseResponse(margins=shaken, calm=calm)


def _standard(generator: np.random.Generator, size: int) -> Floats:
    draws = generator.standard_normal(size)
    return np.asarray((draws - draws.mean()) / draws.std(), dtype=np.float64)


def _log_change_sd(margins: Floats, steps: int) -> float | None:
    if margins.size < steps + 2:
        return None
    changes = np.log(margins[steps:] / margins[:-steps])
    return float(changes.std(ddof=1))


def _positive(where: str, margins: Floats) -> Floats:
    (margins,) = as_series(where, margins=margins)
    if (margins <= 0.0).any():
        first = int(np.argmax(margins <= 0.0))
        raise BadNumber(
            f"a margin that is not positive, the first at observation {first}",
            where=where,
            remedy="Measure while the portfolio is held: of no margin there is no relative rise.",
        )
    return margins
