"""What a test says, and what series must be before any test sees them.

Losses are positive where money is lost, margins are what was held against them: an exceedance (or
breach) is a loss greater than the margin. ``rate`` is the share of exceedances that the margin
promises: 0.01 at 99 % coverage.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special as _special

from seawall.basics.errors import BadNumber, BadParameter, PoorHistory

Floats = NDArray[np.float64]
Hits = NDArray[np.bool_]

# scipy tells no types of its special functions; every use converts what it needs.
special = cast("Any", _special)


class Outcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One test of one hypothesis.

    ``hypothesis`` is what was tested in words; ``statistic`` the number and ``law`` what it follows
    under the hypothesis; ``p_value`` how likely a statistic at least as extreme is. Where a test
    cannot be made both are None and ``note`` says why; else it may say what to be wary of.
    """

    test: str
    hypothesis: str
    law: str
    observations: int
    statistic: float | None
    p_value: float | None
    note: str = ""

    def rejects(self, level: float) -> bool:
        """Whether the hypothesis is rejected at a level such as 0.05; no test rejects nothing."""
        return self.p_value is not None and self.p_value < level


def chi_squared(statistic: float, freedom: int) -> float:
    """The chance that a chi-squared variable exceeds the statistic."""
    return float(special.chdtrc(freedom, max(statistic, 0.0)))


def normal_cdf(z: float) -> float:
    """The standard normal distribution function."""
    return float(special.ndtr(z))


def bare(test: str, hypothesis: str, law: str, observations: int, note: str) -> Outcome:
    """The outcome of a test that the series does not allow."""
    return Outcome(
        test=test,
        hypothesis=hypothesis,
        law=law,
        observations=observations,
        statistic=None,
        p_value=None,
        note=note,
    )


def require_rate(rate: float, where: str) -> None:
    """Raise BadParameter unless a rate lies strictly between 0 and 1."""
    if not 0.0 < rate < 1.0:
        raise BadParameter(
            f"a rate of {rate:g}, which is not between 0 and 1",
            where=where,
            remedy="State the share of exceedances that the margin allows, 0.01 for 99 % coverage.",
        )


def as_series(where: str, **series: Floats) -> tuple[Floats, ...]:
    """The named series as float64 of one length.

    Raises PoorHistory for no observations, BadNumber for numbers that are not finite and for series
    of more than one dimension or unlike lengths.
    """
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in series.items()}
    sizes = {name: values.shape for name, values in arrays.items()}
    if len(set(sizes.values())) > 1 or any(len(shape) != 1 for shape in sizes.values()):
        told = ", ".join(f"{name} {shape}" for name, shape in sizes.items())
        raise BadNumber(
            f"series of unlike lengths: {told}",
            where=where,
            remedy="Hand in series of one dimension that tell the same times, one number each.",
        )
    for name, values in arrays.items():
        if values.size == 0:
            raise PoorHistory(
                f"no {name}", where=where, remedy="Test a period that has observations."
            )
        if not np.isfinite(values).all():
            first = int(np.flatnonzero(~np.isfinite(values))[0])
            raise BadNumber(
                f"{name} that are not finite, the first at observation {first}",
                where=where,
                remedy="Leave the time out of every series: a gap is neither breach nor cover.",
            )
    return tuple(arrays.values())


def as_margins(where: str, margins: Floats) -> None:
    """Raise BadNumber for a negative margin."""
    below = np.flatnonzero(margins < 0.0)
    if below.size:
        raise BadNumber(
            f"a negative margin, the first at observation {int(below[0])}",
            where=where,
            remedy="A requirement is at least zero: check the sign of the series.",
        )


def as_hits(hits: Hits, where: str) -> Hits:
    """Exceedances as a boolean series. Raises PoorHistory if empty, BadNumber if not 0 or 1."""
    array = np.asarray(hits)
    (numbers,) = as_series(where, exceedances=array.astype(np.float64))
    if not np.isin(numbers, (0.0, 1.0)).all():
        raise BadNumber(
            "an exceedance that is neither true nor false",
            where=where,
            remedy="Hand in whether each loss was greater than its margin.",
        )
    return numbers.astype(np.bool_)


def exceedances(losses: Floats, margins: Floats) -> Hits:
    """Whether each loss is greater than its margin; shape [n].

    Raises PoorHistory for no observations and BadNumber for numbers that are not finite, unlike
    lengths or a negative margin.
    """
    losses, margins = as_series("exceedances", losses=losses, margins=margins)
    as_margins("exceedances", margins)
    return losses > margins
