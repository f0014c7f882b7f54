"""What it costs to wait: discount curves of currencies and dividends of shares.

They are told beside quotes and have no time of their own: factors are by tenor from the snapshot,
dividends by their ex-dates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import BadNumber, InputError
from seawall.basics.time import tenor_years
from seawall.pricing.discounting import rate_per_year

Floats = NDArray[np.float64]
GROWTH_STEPS = 50
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True, eq=False)
class DiscountCurve:
    """Discount factors by ascending tenor in years > 0; both of shape [n], n ≥ 1.

    Raises BadNumber for tenors out of order and for factors that are not finite and positive.
    """

    tenor_years: Floats
    factor: Floats

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, len(self.tenor_years))
        tenors, numbers = np.append(0.0, self.tenor_years), np.append(self.tenor_years, self.factor)
        ordered = bool((np.diff(tenors) > 0.0).all())
        if not (tenors.size > 1 and ordered and (np.isfinite(numbers) & (numbers > 0.0)).all()):
            raise BadNumber(
                "tenors that do not ascend, or a discount factor that is not finite and positive",
                where="discount curve",
                remedy="Give ascending tenors in years and positive factors.",
            )

    def at(self, tenor_years: float) -> float:
        """The factor of a tenor > 0: its logarithm is linear in time from 1 at tenor 0, and beyond
        the last tenor the last rate goes on.
        """
        last = float(self.tenor_years[-1])
        tenors, logs = np.append(0.0, self.tenor_years), np.append(0.0, np.log(self.factor))
        inside = float(np.interp(min(tenor_years, last), tenors, logs))
        return math.exp(inside * max(tenor_years / last, 1.0))


@dataclass(frozen=True, slots=True)
class Dividend:
    """What one share pays to who holds it before ``ex``, in the share's currency, ≥ 0."""

    ex: datetime
    amount: float


@dataclass(frozen=True, slots=True)
class Carry:
    """What who waits to exercise is paid or foregoes: dividends by ascending ex-date, and a yield a
    year, continuously compounded, for what they do not tell (borrowing a share costs it).
    """

    yield_per_year: float
    dividends: tuple[Dividend, ...]

    def schedule(self, as_of: datetime) -> Floats:
        """Years to each ex-date after ``as_of`` and the amount; shape [d, 2]."""
        rows = [(tenor_years(as_of, each.ex), each.amount) for each in self.dividends]
        return np.array([row for row in rows if row[0] > 0.0]).reshape(-1, 2)


def forward_of(
    spot: float, discount: float, carry: Carry, expiry: datetime, as_of: datetime
) -> float:
    """Where a spot goes by its carry: F = S·e^{bT} − Σ D·e^{b(T − t)}, b = r − q, over the
    dividends until expiry; ≤ 0 where they are more than the share is worth.
    """
    tenor, schedule = tenor_years(as_of, expiry), carry.schedule(as_of)
    growth = float(rate_per_year(discount, tenor)) - carry.yield_per_year
    schedule = schedule[schedule[:, 0] <= tenor]
    paid = float(schedule[:, 1] @ np.exp(growth * (tenor - schedule[:, 0])))
    return spot * math.exp(growth * tenor) - paid


def carry_of(
    forward: float,
    spot: float,
    discount: float,
    expiry: datetime,
    dividends: tuple[Dividend, ...],
    as_of: datetime,
) -> Carry:
    """The carry that takes a spot to its forward, as :func:`forward_of` has it: the dividends, and
    the yield that explains the rest.
    """
    known = Carry(0.0, dividends)
    tenor = tenor_years(as_of, expiry)
    schedule = known.schedule(as_of)
    schedule = schedule[schedule[:, 0] <= tenor]
    growth = 0.0
    for _ in range(GROWTH_STEPS):  # dividends are a small part of a share, and the map contracts
        paid = float(schedule[:, 1] @ np.exp(growth * (tenor - schedule[:, 0])))
        growth = math.log((forward + paid) / spot) / tenor
    return Carry(float(rate_per_year(discount, tenor)) - growth, dividends)


@dataclass(frozen=True, slots=True)
class CarryQuotes:
    """Discount curves by currency and dividends by share, by ascending ex-date, of one source."""

    source: str
    curves: Mapping[str, DiscountCurve] = field(default_factory=dict[str, DiscountCurve])
    dividends: Mapping[str, tuple[Dividend, ...]] = field(
        default_factory=dict[str, tuple[Dividend, ...]]
    )
    warnings: tuple[str, ...] = ()


def merged_carry(tables: Iterable[CarryQuotes]) -> CarryQuotes:
    """What several sources tell, as one. Raises InputError for what two of them tell."""
    curves: dict[str, DiscountCurve] = {}
    dividends: dict[str, tuple[Dividend, ...]] = {}
    warnings: list[str] = []
    for table in tables:
        _add(curves, table.curves, "the discount curve", table.source)
        _add(dividends, table.dividends, "the dividends", table.source)
        warnings += table.warnings
    return CarryQuotes("market", curves, dividends, tuple(warnings))


def _add(known: dict[str, Told], told: Mapping[str, Told], what: str, source: str) -> None:
    for name, value in told.items():
        if name in known:
            raise InputError(
                f"{what} of {name} stands in two files",
                where=source,
                remedy="Give one file of each.",
            )
        known[name] = value
