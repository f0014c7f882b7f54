"""The totals of accounts that stay in memory, from their figures of underlyings and of money."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import requirement_cents
from seawall.kernels.ordering import ordered
from seawall.kernels.resident_totals import FIGURES, TOTALS, totals_of_figures
from seawall.margin.model import MarginModel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_FIRST = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Levels:
    """What a model does at a time with the figures of underlyings: ``rho`` [offsets, 2] in initial
    margin and in maintenance, and both factors, of the requirement or of scanning risk alone.
    """

    rho: Floats
    factors: tuple[float, float, bool]

    @classmethod
    def of(cls, model: MarginModel, as_of: datetime) -> Levels:
        """The levels of a model at a time."""
        found: list[tuple[float, float]] = []
        if model.offsets is not None:
            found = [(rho.initial, rho.maintenance) for rho in model.offsets.rhos(as_of)]
        own = model.levels
        factors = own.im_factor, own.mm_factor, own.of == "requirement"
        return cls(np.array(found, dtype=np.float64).reshape(-1, 2), factors)


class FigureRows(NamedTuple):
    """Rows of figures under each model, with the offsets that they are in (−1 for none).

    ``figures`` [n, FIGURES] and ``offset`` [n] of each model; ``stop`` [1] is n.
    """

    figures: tuple[Floats, ...]
    offset: tuple[Integers, ...]
    stop: Integers

    @classmethod
    def of(
        cls, rows: Sequence[tuple[tuple[Floats, ...], Sequence[int]]], models: int
    ) -> FigureRows:
        """From each part the figures [1, FIGURES] under each model, and its offsets."""
        none = np.zeros((0, FIGURES))
        return cls(
            tuple(np.concatenate([none, *(own[m] for own, _ in rows)]) for m in range(models)),
            tuple(np.array([o[m] for _, o in rows], dtype=np.int64) for m in range(models)),
            np.array([len(rows)]),
        )


def totals_of(rows: FigureRows, levels: Sequence[Levels]) -> tuple[float, ...] | None:
    """The totals of one account, :data:`seawall.kernels.resident_totals.TOTALS` numbers.

    None where only exact arithmetic tells.
    """
    found: tuple[float, ...] | None = None
    for figures, offset, own in zip(rows.figures, rows.offset, levels, strict=True):
        out = np.empty((1, TOTALS))
        totals_of_figures(figures, offset, _FIRST, rows.stop, own.rho, *own.factors, out)
        totals = tuple(out[0].tolist())
        if math.isnan(sum(totals)):  # one of them cannot be rounded
            return None
        found = totals if found is None else tuple(_beyond(np.array([found]), out)[0].tolist())
    return found


def totals_of_many(
    account: Integers,
    figures: Sequence[Floats],
    offset: Sequence[Integers],
    count: int,
    levels: Sequence[Levels],
) -> Floats:
    """The totals [A, TOTALS] of ``count`` accounts from rows of figures [n, FIGURES] under each
    model, whose they are [n], and their offsets [n]. NaN where only exact arithmetic tells.
    """
    order = np.empty_like(account)
    ordered(account, count, np.arange(account.size), order)
    ends = np.searchsorted(account[order], np.arange(count + 1))
    found: Floats | None = None
    for rows, groups, own in zip(figures, offset, levels, strict=True):
        out = np.empty((count, TOTALS))
        totals_of_figures(
            rows[order], groups[order], ends[:-1], ends[1:], own.rho, *own.factors, out
        )
        found = out if found is None else _beyond(found, out)
    return np.zeros((count, TOTALS)) if found is None else found


def _beyond(first: Floats, second: Floats) -> Floats:
    """A hybrid: what the second model asks beyond the first, at each level, as one more row."""
    more = np.maximum(0.0, second[:, :2] - first[:, :2])
    known = np.isfinite(second[:, 2:4])
    cents = requirement_cents(np.where(known, more, 0.0), "margin of an account")
    found = first.copy()
    found[:, :2] += more
    found[:, 2:4] += np.where(known, cents, np.nan)
    return found
