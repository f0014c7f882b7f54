"""Was the mean loss beyond the margin as told? Tests of expected shortfall forecasts.

Losses, value at risk and expected shortfall are amounts of loss, shape [n] each, of one unit;
``rate`` is the share of losses beyond the value at risk.
Sources: Acerbi and Székely (2014), "Backtesting expected shortfall", and (2017), "General
properties of backtestable statistics"; McNeil and Frey (2000); Nolde and Ziegel (2017).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from seawall.basics.errors import BadNumber, BadParameter
from seawall.lab.backtest.outcomes import (
    Floats,
    Outcome,
    as_series,
    bare,
    chi_squared,
    normal_cdf,
    require_rate,
    special,
)

WHERE = "expected shortfall"


def forecasts(losses: Floats, var: Floats, es: Floats, rate: float) -> tuple[Floats, ...]:
    """The three series, checked.

    Raises PoorHistory for no observations, BadNumber for numbers that are not finite, unlike
    lengths, an expected shortfall below the value at risk or not positive, and BadParameter for an
    impossible rate.
    """
    require_rate(rate, WHERE)
    losses, var, es = as_series(WHERE, losses=losses, var=var, es=es)
    wrong = np.flatnonzero((es < var) | (es <= 0.0))
    if wrong.size:
        raise BadNumber(
            f"an expected shortfall below the value at risk or not positive, the first at "
            f"observation {int(wrong[0])}",
            where=WHERE,
            remedy="Hand in both as amounts of loss, positive where money is lost.",
        )
    return losses, var, es


def shortfall_gap(losses: Floats, var: Floats, es: Floats, rate: float) -> Floats:
    """es − var − (loss − var)⁺/rate; shape [n], its mean 0 of true forecasts, below 0 of an
    expected shortfall that is too small. Raises as :func:`forecasts`.
    """
    losses, var, es = forecasts(losses, var, es, rate)
    return es - var - np.maximum(losses - var, 0.0) / rate


def acerbi_szekely(
    losses: Floats,
    var: Floats,
    es: Floats,
    rate: float,
    generator: np.random.Generator,
    *,
    degrees: float | None = None,
    draws: int = 10_000,
) -> tuple[Outcome, ...]:
    """Z1, Z2 and the relative minimally biased statistic; below 0 the shortfall was too small.

    Z1 = 1 − mean of loss/es where the margin was exceeded; Z2 = 1 − Σ loss/es where exceeded,
    divided by n·rate; the third is the mean of ``shortfall_gap``/es. The p-values are one-sided
    shares of ``draws`` under independent losses of centre 0 whose law is normal, or Student's of
    ``degrees`` of freedom; a scale that changes from day to day, if the forecasts follow it, does
    not matter. Raises as :func:`forecasts`, and BadParameter for at most 1 degree.
    """
    gap = shortfall_gap(losses, var, es, rate)
    losses, var, es = forecasts(losses, var, es, rate)
    law = "normal" if degrees is None else f"Student's t, {degrees:g} degrees of freedom"
    hits = losses > var
    ratios = (losses / es)[hits]
    found = (
        1.0 - float(ratios.mean()) if ratios.size else None,
        1.0 - float(ratios.sum()) / (losses.size * rate),
        float((gap / es).mean()),
    )
    simulated = acerbi_szekely_draws(losses.size, rate, generator, degrees=degrees, draws=draws)
    names = ("Acerbi-Székely Z1", "Acerbi-Székely Z2", "Acerbi-Székely minimally biased")
    outcomes: list[Outcome] = []
    for name, statistic, column in zip(names, found, simulated, strict=True):
        words = {
            "test": name,
            "hypothesis": f"the mean loss in the worst {rate:.3%} is at most what was told",
            "law": f"{draws:,} draws of a {law} law",
        }
        if statistic is None:
            note = "There is no exceedance."
            outcomes.append(bare(**words, observations=losses.size, note=note))
            continue
        known = column[np.isfinite(column)]
        outcomes.append(
            Outcome(
                **words,
                observations=losses.size,
                statistic=statistic,
                p_value=float((1 + (known <= statistic).sum()) / (1 + known.size)),
            )
        )
    return tuple(outcomes)


def acerbi_szekely_draws(
    observations: int,
    rate: float,
    generator: np.random.Generator,
    *,
    degrees: float | None = None,
    draws: int = 10_000,
) -> tuple[Floats, Floats, Floats]:
    """Z1, Z2 and the minimally biased statistic of series under a true model; shape [draws] each.

    Only the tail is drawn: a binomial number of exceedances, each a quantile of the law beyond its
    value at risk. Z1 is NaN of a series without exceedances. Raises BadParameter for an impossible
    rate and for at most 1 degree of freedom, which has no expected shortfall.
    """
    require_rate(rate, WHERE)
    var, es = _tail_of(rate, degrees)
    counts = generator.binomial(observations, rate, size=draws)
    tails = rate * generator.uniform(size=int(counts.sum()))
    beyond = -(special.ndtri(tails) if degrees is None else special.stdtrit(degrees, tails))
    ends = np.append(0, np.cumsum(counts))
    sums = np.diff(np.append(0.0, np.cumsum(beyond))[ends])
    first = np.divide(sums, counts * es, out=np.full(draws, np.nan), where=counts > 0)
    second = sums / (observations * rate * es)
    over = sums - counts.astype(np.float64) * var
    third = ((es - var) - over / (observations * rate)) / es
    return 1.0 - first, 1.0 - second, third


def mcneil_frey(
    losses: Floats,
    var: Floats,
    es: Floats,
    rate: float,
    *,
    scales: Floats | None = None,
    generator: np.random.Generator | None = None,
    draws: int = 1_000,
) -> Outcome:
    """Exceedance residuals: loss − es where the value at risk was exceeded, over ``scales`` (the
    forecast volatilities) if given. t = √m mean / standard deviation; one-sided.

    The law is standard normal, or with a ``generator`` that of residuals resampled about their
    mean. Raises as :func:`forecasts`.
    """
    losses, var, es = forecasts(losses, var, es, rate)
    sizes = _scales(scales, losses)
    residuals = ((losses - es) / sizes)[losses > var]
    words = {
        "test": f"McNeil-Frey{' standardised' if scales is not None else ''} residuals",
        "hypothesis": "the mean loss beyond the margin is at most what was told",
        "law": "standard normal" if generator is None else f"{draws:,} resampled series",
    }
    if residuals.size < 2 or residuals.std() == 0.0:
        note = "There are too few unlike exceedances."
        return bare(**words, observations=losses.size, note=note)
    statistic = float(_t(residuals[np.newaxis])[0])
    if generator is None:
        p_value = normal_cdf(-statistic)
    else:
        centred = residuals - residuals.mean()
        found = _t(centred[generator.integers(0, centred.size, size=(draws, centred.size))])
        known = found[np.isfinite(found)]
        p_value = float((1 + (known >= statistic).sum()) / (1 + known.size))
    return Outcome(
        **words,
        observations=losses.size,
        statistic=statistic,
        p_value=p_value,
        note=f"{residuals.size} exceedances",
    )


def conditional_calibration(
    losses: Floats,
    var: Floats,
    es: Floats,
    rate: float,
    *,
    kind: Literal["simple", "general"] = "simple",
    sides: Literal[1, 2] = 2,
    scales: Floats | None = None,
) -> Outcome:
    """Nolde and Ziegel's test of both forecasts by their identification functions
    V1 = rate − [loss > var] and V2 = var − es + (loss − var)⁺/rate, which have mean 0.

    ``general`` weighs them by what was known: two-sided ((es − var)/rate · V1 + V2)/scale,
    one-sided V1, V1·|var|, V2 and V2/scale; ``scales`` are forecast volatilities, es where not
    given. Two-sided: n·mean' (V'V/n)⁻¹ mean, chi-squared. One-sided: each t = √n mean/√(mean of
    squares) against the normal's upper tail, put together by Hommel's rule; as in the published
    test a value at risk that is too large counts against as well. Raises as :func:`forecasts`, and
    BadParameter for another kind or number of sides.
    """
    gap = shortfall_gap(losses, var, es, rate)
    losses, var, es = forecasts(losses, var, es, rate)
    if kind not in ("simple", "general") or sides not in (1, 2):
        raise BadParameter(
            f"kind {kind!r} with {sides} sides",
            where="conditional calibration",
            remedy='Choose "simple" or "general" and 1 or 2 sides.',
        )
    sizes = es if scales is None else _scales(scales, losses)
    first, second = rate - (losses > var).astype(np.float64), -gap
    if kind == "simple":
        tested = np.column_stack([first, second])
    elif sides == 2:
        tested = (((es - var) / rate * first + second) / sizes)[:, np.newaxis]
    else:
        tested = np.column_stack([first, first * np.abs(var), second, second / sizes])
    statistic, p_value, law = _wald(tested) if sides == 2 else _hommel(tested)
    return Outcome(
        test=f"Nolde-Ziegel {kind}, {'two' if sides == 2 else 'one'}-sided",
        hypothesis=f"value at risk and expected shortfall at {rate:.3%} are true",
        law=law,
        observations=losses.size,
        statistic=statistic,
        p_value=p_value,
    )


def _wald(tested: Floats) -> tuple[float, float, str]:
    size, wide = tested.shape
    mean = tested.mean(axis=0)
    # The pseudo-inverse: without an exceedance the columns of a flat forecast tell one thing.
    inverse: Floats = np.asarray(np.linalg.pinv(tested.T @ tested / size), dtype=np.float64)
    statistic = size * float(mean @ inverse @ mean)
    law = f"chi-squared, {wide} degree{'s' if wide > 1 else ''} of freedom"
    return statistic, chi_squared(statistic, wide), law


def _hommel(tested: Floats) -> tuple[float, float, str]:
    size, wide = tested.shape
    t = np.sqrt(size) * tested.mean(axis=0) / np.sqrt((tested**2).mean(axis=0))
    ordered = np.sort(np.array([normal_cdf(-float(one)) for one in t]))
    ranks = np.arange(1.0, wide + 1.0)
    p_value = min(1.0, float(wide * (1.0 / ranks).sum() * (ordered / ranks).min()))
    return float(t.max()), p_value, f"{wide} standard normals, Hommel's rule"


def _t(samples: Floats) -> Floats:
    """√m mean / standard deviation (divisor m − 1) of each row; NaN or infinite of equal ones."""
    spread = samples.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(samples.shape[1]) * samples.mean(axis=1) / spread)


def _scales(scales: Floats | None, losses: Floats) -> Floats:
    if scales is None:
        return np.ones(losses.size)
    _, sizes = as_series(WHERE, losses=losses, scales=scales)
    if (sizes <= 0.0).any():
        raise BadNumber(
            "a scale that is not positive",
            where=WHERE,
            remedy="Hand in the forecast volatility of each loss.",
        )
    return sizes


def _tail_of(rate: float, degrees: float | None) -> tuple[float, float]:
    """Value at risk and expected shortfall of the standard normal or Student's law."""
    if degrees is None:
        z = float(special.ndtri(rate))
        return -z, float(np.exp(-z * z / 2.0) / np.sqrt(2.0 * np.pi)) / rate
    if not degrees > 1.0:
        raise BadParameter(
            f"{degrees:g} degrees of freedom",
            where=WHERE,
            remedy="A Student's law has an expected shortfall with more than 1 degree.",
        )
    q = float(special.stdtrit(degrees, rate))
    log_density = special.gammaln((degrees + 1.0) / 2.0) - special.gammaln(degrees / 2.0)
    log_density -= (degrees + 1.0) / 2.0 * np.log1p(q * q / degrees)
    density = float(np.exp(log_density) / np.sqrt(degrees * np.pi))
    return -q, density / rate * (degrees + q * q) / (degrees - 1.0)
