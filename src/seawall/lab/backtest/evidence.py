"""The e-process of one series of a walk: how much evidence there is against what margins promise.

Windows that overlap tell one loss several times, which the bound of e-processes does not bear: of
them those count that begin when the last one that counts has ended, from the first on.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from seawall.lab.backtest.e_process import EMonitor
from seawall.lab.backtest.outcomes import Floats

# A true margin warns with at most this chance, however long one looks.
WARNS_AT = 0.05
_MOST_LOG = math.log(sys.float_info.max)


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``e_value`` after the last of ``observations`` (None beyond float64), and the greatest.

    ``warned_at`` is when the window ended that first brought it to 1/:data:`WARNS_AT`.
    """

    observations: int
    e_value: float | None
    highest_e_value: float | None
    warned_at: datetime | None


def evidence(
    at: Sequence[datetime], losses: Floats, margins: Floats, horizon: timedelta, rate: float
) -> Evidence:
    """The e-process of windows that begin ``at`` and last ``horizon``; arrays are [n].

    Of windows that overlap those count that begin when the last one that counts has ended. Raises
    what :meth:`~seawall.lab.backtest.e_process.EMonitor.update` raises.
    """
    monitor, warned_at, free = EMonitor(rate=rate), None, None
    for began, loss, margin in zip(at, losses.tolist(), margins.tolist(), strict=True):
        if free is not None and began < free:
            continue
        free = began + horizon
        monitor = monitor.update(loss, margin)
        if warned_at is None and monitor.warns(WARNS_AT):
            warned_at = free
    return Evidence(
        observations=monitor.observations,
        e_value=_money(monitor.log_e),
        highest_e_value=_money(monitor.highest_log_e),
        warned_at=warned_at,
    )


def _money(log_e: float) -> float | None:
    return math.exp(log_e) if log_e < _MOST_LOG else None
