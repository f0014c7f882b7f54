"""What legs are worth: as shares of their notional when the book was struck.

Options are Black-76 on a forward that starts at 1. Their modelled volatilities are one shape,
SSVI, at every tenor and scaled to the index of implied volatility; chains that were recorded bring
their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import COINS, ETH_VOL_RATIO, Panel
from benchmarks.frontier.portfolios import Book, Leg, legs_of
from seawall.basics.time import DAYS_PER_YEAR
from seawall.pricing import black76

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# The shape of the modelled smile: puts a little dearer, curvature of one-month coin options.
SKEW, CURVATURE = -0.15, 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """Legs and books over days; D days, L legs, B books.

    ``sigma`` [D, L] is each option's volatility when struck, 1 of other legs; ``basis`` [D, L] that
    of futures a year, else 0; ``quantity`` [D, B, L] with hedges; ``value`` [D, L] what a leg is
    worth at the start; ``leg_known`` [D, L] whether a leg has its prices and parameters, ``known``
    [D, B] whether every leg of a book has.
    """

    days_ns: NDArray[np.int64]
    legs: tuple[Leg, ...]
    books: tuple[Book, ...]
    sigma: Floats
    basis: Floats
    quantity: Floats
    value: Floats
    leg_known: Flags
    known: Flags

    @property
    def coin(self) -> NDArray[np.intp]:
        """Each leg's coin as its place in ``COINS``; shape [L]."""
        return np.array([COINS.index(leg.coin) for leg in self.legs], dtype=np.intp)

    @property
    def gross(self) -> Floats:
        """Each book's gross notional; shape [D, B]."""
        return np.abs(self.quantity).sum(axis=2)

    def rows(self, keep: slice) -> Table:
        """Some of the days."""
        names = ("days_ns", "sigma", "basis", "quantity", "value", "leg_known", "known")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})


def smile(log_moneyness: Floats, tenor_years: Floats, atm_vol: Floats) -> Floats:
    """The modelled volatility; arguments broadcast. SSVI with the power law of exponent ½."""
    theta = atm_vol**2 * tenor_years
    scaled = CURVATURE / np.sqrt(theta * (1.0 + theta)) * log_moneyness
    root = np.sqrt((scaled + SKEW) ** 2 + 1.0 - SKEW**2)
    return atm_vol * np.sqrt(0.5 * (1.0 + SKEW * scaled + root))


def atm_of(coin: str, vol: Floats) -> Floats:
    """A coin's at-the-money volatility from BTC's index of it."""
    return vol * (ETH_VOL_RATIO if coin == "ETH" else 1.0)


def worth(
    leg: Leg, price: Floats, sigma: Floats, basis: Floats, start_basis: Floats, elapsed_days: Floats
) -> Floats:
    """A leg's value where its coin costs ``price`` times what it did; arguments broadcast."""
    left = np.maximum(leg.tenor_days - elapsed_days, 0.0) / DAYS_PER_YEAR
    if leg.kind == "perpetual":
        return np.asarray(price, dtype=np.float64)
    if leg.kind == "future":
        whole = leg.tenor_days / DAYS_PER_YEAR
        return price * np.exp(basis * left - start_basis * whole)
    return black76.price(price, leg.moneyness, sigma, left, leg.kind == "call")


def tabulate(panel: Panel, books: Sequence[Book]) -> Table:
    """The table of some books over a panel, options at modelled volatilities."""
    legs = legs_of(books)
    count = panel.days_ns.size
    sigma, basis = np.ones((count, len(legs))), np.zeros((count, len(legs)))
    known = np.ones((count, len(legs)), dtype=np.bool_)
    for place, leg in enumerate(legs):
        column = COINS.index(leg.coin)
        known[:, place] = np.isfinite(panel.moves[:, :, column]).all(axis=1)
        if leg.is_option:
            known[:, place] &= np.isfinite(panel.vol) & np.isfinite(panel.vol_ratio).all(axis=1)
            atm = np.where(known[:, place], atm_of(leg.coin, panel.vol), 1.0)
            years = np.asarray(leg.tenor_days / DAYS_PER_YEAR)
            sigma[:, place] = smile(np.log(leg.moneyness), years, atm)
        elif leg.kind == "future":
            both = np.isfinite(panel.basis[:, column]) & np.isfinite(panel.basis_end[:, column])
            known[:, place] &= both
            basis[:, place] = np.where(both, panel.basis[:, column], 0.0)
    return table_of(panel.days_ns, legs, books, sigma, basis, known)


def table_of(
    days_ns: NDArray[np.int64],
    legs: tuple[Leg, ...],
    books: Sequence[Book],
    sigma: Floats,
    basis: Floats,
    known: Flags,
) -> Table:
    """The table of legs whose volatilities are given; hedges take out the options' delta."""
    one = np.ones(days_ns.size)
    value = np.stack(
        [
            worth(g, one, sigma[:, i], basis[:, i], basis[:, i], 0.0 * one)
            for i, g in enumerate(legs)
        ],
        axis=1,
    )
    quantity = np.zeros((days_ns.size, len(books), len(legs)))
    book_known = np.ones((days_ns.size, len(books)), dtype=np.bool_)
    for row, book in enumerate(books):
        for leg, size in book.legs:
            place = legs.index(leg)
            quantity[:, row, place] += size
            book_known[:, row] &= known[:, place]
            if book.hedged and leg.is_option:
                delta = black76.greeks(
                    one, leg.moneyness, sigma[:, place], leg.tenor_days / DAYS_PER_YEAR,
                    leg.kind == "call",
                ).delta  # fmt: skip
                quantity[:, row, legs.index(Leg("perpetual", leg.coin))] -= size * delta
    return Table(days_ns, legs, tuple(books), sigma, basis, quantity, value, known, book_known)
