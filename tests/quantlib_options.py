"""American options and their market as QuantLib holds them; a year is 365 days."""

from __future__ import annotations

import QuantLib as ql  # noqa: N813

TODAY = ql.Date(1, ql.January, 2025)
YEAR = ql.Actual365Fixed()


def process(spot: float, vol: float, rate: float, pays: float) -> ql.BlackScholesMertonProcess:
    """A spot under one volatility, rate and yield."""
    ql.Settings.instance().evaluationDate = TODAY

    def curve(level: float) -> ql.YieldTermStructureHandle:
        return ql.YieldTermStructureHandle(ql.FlatForward(TODAY, level, YEAR))

    surface = ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, YEAR)
    return ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)),
        curve(pays),
        curve(rate),
        ql.BlackVolTermStructureHandle(surface),
    )


def american_option(strike: float, days: int, is_call: bool) -> ql.VanillaOption:
    """An option that may be exercised at any time for ``days`` from today."""
    kind = ql.Option.Call if is_call else ql.Option.Put
    return ql.VanillaOption(
        ql.PlainVanillaPayoff(kind, strike), ql.AmericanExercise(TODAY, TODAY + days)
    )
