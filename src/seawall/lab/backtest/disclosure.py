"""The public quantitative disclosure of margin, parts 6.4 to 6.8.

Source: CPMI-IOSCO (2015), "Public quantitative disclosure standards for central counterparties".
Figures of one currency over the period of the series, one row a business day and one column an
account.
"""

from __future__ import annotations

import msgspec
import numpy as np

from seawall.basics.errors import BadNumber, PoorHistory
from seawall.lab.backtest.outcomes import Floats
from seawall.lab.backtest.regulation import MarginSetUp


class Disclosure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The figures, by the numbers of the standard.

    6.4: the model, as its set-up tells it. 6.5: ``exceedances_6_5_1`` is how often margin held fell
    below the exposure, ``observations_6_5_2`` accounts times days, ``coverage_6_5_3`` the share
    covered, ``peak_uncovered_6_5_4`` and ``average_uncovered_6_5_5`` amounts beyond the margin
    where it fell short, 0.0 where it never did. 6.6 and 6.7: variation margin paid in by
    participants, the average and the greatest total of a day. 6.8: the greatest total of calls of
    initial margin on a day.
    """

    set_up_6_4: MarginSetUp
    exceedances_6_5_1: int
    observations_6_5_2: int
    coverage_6_5_3: float
    peak_uncovered_6_5_4: float
    average_uncovered_6_5_5: float
    average_variation_margin_6_6_1: float
    peak_variation_margin_6_7_1: float
    peak_initial_margin_call_6_8_1: float


def disclosure(
    set_up: MarginSetUp, losses: Floats, margins: Floats, daily_losses: Floats | None = None
) -> Disclosure:
    """The figures of accounts over days; arrays have shape [days, accounts], or [days] of one.

    ``losses`` are over the close-out period from each day, held against the day's ``margins``;
    ``daily_losses`` from day to day are what variation margin is paid of, ``losses`` themselves
    where the period is one day and none are given. A call of initial margin is a rise of an
    account's margin from the day before. Raises PoorHistory for no observations, BadNumber for
    numbers that are not finite, unlike shapes or a negative margin, and where daily losses are
    needed and not given.
    """
    if daily_losses is None and set_up.horizon_days != 1.0:
        raise BadNumber(
            f"losses over {set_up.horizon_days:g} days alone",
            where="quantitative disclosure",
            remedy="Hand in daily losses as well: variation margin is paid of these.",
        )
    paid_of = losses if daily_losses is None else daily_losses
    tables = [_table(values) for values in (losses, margins, paid_of)]
    _require_tables(tables)
    lost, held, daily = tables
    beyond = (lost - held)[lost > held]
    paid = np.maximum(daily, 0.0).sum(axis=1)
    calls = np.maximum(np.diff(held, axis=0), 0.0).sum(axis=1)
    return Disclosure(
        set_up_6_4=set_up,
        exceedances_6_5_1=beyond.size,
        observations_6_5_2=lost.size,
        coverage_6_5_3=1.0 - beyond.size / lost.size,
        peak_uncovered_6_5_4=float(beyond.max()) if beyond.size else 0.0,
        average_uncovered_6_5_5=float(beyond.mean()) if beyond.size else 0.0,
        average_variation_margin_6_6_1=float(paid.mean()),
        peak_variation_margin_6_7_1=float(paid.max()),
        peak_initial_margin_call_6_8_1=float(calls.max()) if calls.size else 0.0,
    )


def _table(values: Floats) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _require_tables(tables: list[Floats]) -> None:
    where = "quantitative disclosure"
    shapes = {table.shape for table in tables}
    if len(shapes) > 1 or any(len(shape) != 2 for shape in shapes):
        raise BadNumber(
            f"tables of unlike shapes: {sorted(shapes)}",
            where=where,
            remedy="Hand in one row a day and one column an account of every table.",
        )
    if tables[0].size == 0:
        raise PoorHistory("no observations", where=where, remedy="Disclose a period that has some.")
    if not all(np.isfinite(table).all() for table in tables) or (tables[1] < 0.0).any():
        raise BadNumber(
            "a number that is not finite, or a negative margin",
            where=where,
            remedy="Leave an account without a position at 0 loss and 0 margin.",
        )
