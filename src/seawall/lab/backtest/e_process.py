"""Evidence against a margin that may be looked at every day: e-backtests.

Source: Wang, Wang and Ziegel, "E-backtesting". Under a true forecast each backtest e-statistic has
a mean of at most 1, whatever the law of losses, so money that bets on it does not grow on average:
the chance that it ever reaches 1/δ is at most δ (Ville), however often one looks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import BadNumber, BadParameter
from seawall.lab.backtest.outcomes import Floats, as_series, require_rate

# How the share of money to bet is chosen from what is known before the loss: from past e-values
# ("gree"), or from past losses held against today's forecast ("grel", which needs fewer like days).
Betting = Literal["gree", "grel"]
MOST_BET = 0.5
# Losses that "grel" remembers.
MEMORY = 500


class EMonitor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one margin so far; :meth:`update` makes the next one.

    ``log_e`` is the natural logarithm of the e-process, ``highest_log_e`` of its greatest value
    until now, at least 0. ``fixed_bet`` is used in place of ``betting`` if given. The rest is what
    the next bet is chosen from.
    """

    rate: float
    betting: Betting = "grel"
    fixed_bet: float | None = None
    observations: int = 0
    log_e: float = 0.0
    highest_log_e: float = 0.0
    sum_above: float = 0.0
    sum_above_squared: float = 0.0
    past_losses: tuple[float, ...] = ()

    def update(self, loss: float, var: float, es: float | None = None) -> EMonitor:
        """The monitor after one more loss; of no ``es`` the value at risk alone is tested.

        Raises BadNumber for numbers that are not finite and for an expected shortfall that is not
        above the value at risk, BadParameter for an impossible rate or bet.
        """
        require_rate(self.rate, "e-process")
        if self.betting not in ("gree", "grel"):
            raise BadParameter(
                f"betting {self.betting!r}", where="e-process", remedy='Choose "gree" or "grel".'
            )
        value = e_statistic(loss, var, es, self.rate)
        log_e = self.log_e + math.log1p(self.bet(var, es) * (value - 1.0))
        return msgspec.structs.replace(
            self,
            observations=self.observations + 1,
            log_e=log_e,
            highest_log_e=max(self.highest_log_e, log_e),
            sum_above=self.sum_above + value - 1.0,
            sum_above_squared=self.sum_above_squared + (value - 1.0) ** 2,
            past_losses=(*self.past_losses, loss)[-MEMORY:] if self.betting == "grel" else (),
        )

    def bet(self, var: float, es: float | None = None) -> float:
        """The share bet on the next loss, before it is known; between 0 and a half.

        The expected growth of ln(1 + λ(e − 1)) by its first two terms is greatest at
        mean(e − 1)/mean((e − 1)²).
        """
        if self.fixed_bet is not None:
            require_rate(self.fixed_bet, "e-process, bet")
            return self.fixed_bet
        if self.betting == "gree":
            above, squared = self.sum_above, self.sum_above_squared
        else:
            past = _e_values(np.array(self.past_losses), var, es, self.rate) - 1.0
            above, squared = float(past.sum()), float((past**2).sum())
        return min(MOST_BET, max(0.0, above / squared)) if squared > 0.0 else 0.0

    @property
    def e_value(self) -> float:
        """The e-process now: money that was 1 at the beginning."""
        return math.exp(self.log_e)

    def warns(self, chance: float) -> bool:
        """Whether the process ever reached 1/chance, which a true margin does with at most that
        chance. Raises BadParameter for an impossible chance.
        """
        require_rate(chance, "e-process, chance of a false alarm")
        return self.highest_log_e >= -math.log(chance)


@dataclass(frozen=True, slots=True)
class EPath:
    """An e-process over time; shape [n] each, read-only.

    ``bets`` is the share bet before each loss and ``log_e`` the natural logarithm after it.
    """

    bets: Floats
    log_e: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, self.bets.size)


def e_statistic(loss: float, var: float, es: float | None, rate: float) -> float:
    """[loss > var]/rate of a value at risk; (loss − var)⁺/(rate·(es − var)) of expected shortfall.

    Raises BadNumber for numbers that are not finite and es that is not above var.
    """
    given = (loss, var, *(() if es is None else (es,)))
    if not all(math.isfinite(number) for number in given) or (es is not None and es <= var):
        raise BadNumber(
            f"loss {loss:g}, value at risk {var:g}, expected shortfall {es}",
            where="e-process",
            remedy="All must be finite, and expected shortfall above value at risk.",
        )
    return float(_e_values(np.array([loss]), var, es, rate)[0])


def e_process(
    losses: Floats,
    var: Floats,
    rate: float,
    *,
    es: Floats | None = None,
    betting: Betting = "grel",
    fixed_bet: float | None = None,
) -> EPath:
    """The e-process of series of shape [n]; of no ``es`` the value at risk alone is tested.

    Raises PoorHistory for no observations and what :meth:`EMonitor.update` raises.
    """
    told = {} if es is None else {"es": es}
    losses, var, *rest = as_series("e-process", losses=losses, var=var, **told)
    monitor = EMonitor(rate=rate, betting=betting, fixed_bet=fixed_bet)
    bets, logs = np.empty(losses.size), np.empty(losses.size)
    for at, (loss, value) in enumerate(zip(losses.tolist(), var.tolist(), strict=True)):
        shortfall = float(rest[0][at]) if rest else None
        bets[at] = monitor.bet(value, shortfall)
        monitor = monitor.update(loss, value, shortfall)
        logs[at] = monitor.log_e
    return EPath(bets=bets, log_e=logs)


def _e_values(losses: Floats, var: float, es: float | None, rate: float) -> Floats:
    if es is None:
        return (losses > var) / rate
    return np.maximum(losses - var, 0.0) / (rate * (es - var))
