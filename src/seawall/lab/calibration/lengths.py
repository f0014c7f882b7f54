"""Whether histories are long enough to calibrate by, and what short or torn ones leave unsaid."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seawall.basics.errors import PoorHistory
from seawall.lab.calibration.days import DAY_NS, Days
from seawall.lab.calibration.settings import RangeSettings


def require_days(days: Days, settings: RangeSettings) -> None:
    """See that a calibration has days enough to know more than one kind of market by.

    Raises PoorHistory for fewer whole days than ``least_days``, or ``long_run_days`` if fewer.
    """
    least = min(settings.least_days, settings.long_run_days)
    count = days.end_ns.size
    if count < least:
        raise PoorHistory(
            f"{count:,} whole days of history, and {least:,} are needed to calibrate",
            where=f"price history of {days.underlying}",
            remedy=f"Give a longer history of {days.underlying}, or set ranges.least_days.",
        )


def length_warnings(histories: Iterable[Days], settings: RangeSettings) -> list[str]:
    """Whose long run and stress are of fewer days than asked for, and where days are missing."""
    told: list[str] = []
    for days in histories:
        count = days.end_ns.size
        if count < settings.long_run_days:
            told.append(
                f"{days.underlying}: long run and stress from {count:,} days since "
                f"{_date(int(days.end_ns[0]) - DAY_NS)}; {settings.long_run_days:,} are asked for."
            )
        missing = np.diff(days.end_ns) // DAY_NS - 1
        torn = np.flatnonzero(missing)
        if torn.size:
            lost, last = int(missing.sum()), int(days.end_ns[int(torn[-1]) + 1]) - DAY_NS
            told.append(
                f"{days.underlying}: {lost:,} {'day is' if lost == 1 else 'days are'} missing, the "
                f"last before {_date(last)}; a wild time among them "
                "is not in the numbers."
            )
    return told


def _date(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[D]"))
