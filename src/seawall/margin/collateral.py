"""What an account's holdings are worth as collateral: market value less haircuts.

Every holding stands either in the array, where scenarios move it and only its liquidity is cut, or
outside it, where its volatility is cut too; nothing in both. Formulas: docs/collateral.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from seawall.margin.classes import UnderlyingClass, class_of
from seawall.products.instruments import (
    Cash,
    Instrument,
    LpShare,
    RealWorldAsset,
    SpotAsset,
    Stablecoin,
    Stock,
    Wrapper,
)
from seawall.risk.book import Book, UnderlyingBook

Classes = tuple[UnderlyingClass, ...]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HoldingValue:
    """Market value in USD of one kind of holding and the haircut on it (≥ 0).

    A haircut of its own (``depeg``, ``supply_cap``, ``cap``) has the value 0.
    """

    path: str
    value: float
    haircut: float


def in_array(book: Book, classes: Classes) -> Book:
    """The book with what is in the array alone: all that a requirement is taken on.

    Of a coin that no class names its holdings are scaled to the share that contracts and debts
    hedge (docs/collateral.md), and left out where that is none. A book of which the rest has been
    left out stays as it is, whatever the classes: one model decides. Raises BadParameter when no
    class takes an underlying.
    """
    if book.array_only:
        return book
    parts = tuple(
        part if shares is None else part.scaled(shares)
        for part in book.underlyings
        for shares in [_shares_in_array(part, classes)]
        if shares is None or shares.any()
    )
    return replace(book, underlyings=parts, array_only=True)


def outside_array(book: Book, classes: Classes) -> tuple[UnderlyingBook, ...]:
    """What is collateral only, which no scenario moves: all that :func:`in_array` leaves out.

    Raises BadParameter when no class takes an underlying.
    """
    if book.array_only:
        return ()
    return tuple(
        part.scaled(1.0 - shares)
        for part in book.underlyings
        for shares in [_shares_in_array(part, classes)]
        if shares is not None
    )


def _shares_in_array(part: UnderlyingBook, classes: Classes) -> Floats | None:
    """The share of each row that is in the array, shape [M]; 1 but for what is held outright, and
    None where it is 1 of all.
    """
    held = part.is_spot & (part.quantity >= 0.0)
    if not held.any():
        return None
    shares = np.ones(len(part.positions))
    outright = (part.positions[row].instrument for row in np.flatnonzero(held).tolist())
    if any(isinstance(asset, LpShare | RealWorldAsset) for asset in outright):
        shares[held] = 0.0
    elif class_of(part.underlying, classes).takes_the_rest:
        shares[held] = _hedged_share(part, held)
    return None if (shares == 1.0).all() else shares


def _hedged_share(part: UnderlyingBook, held: NDArray[np.bool_]) -> float:
    """φ = min(H, max(0, −Δ)) / H: of H coins held those that the net delta Δ of all else hedges.

    Unrealised coin profit is all else: it is the contract's, as it is in the array.
    """
    deltas = part.quantity * (part.delta + part.coin_profit)
    coins, others = float(deltas[held].sum()), float(deltas[~held].sum())
    return min(coins, max(0.0, -others)) / coins if coins > 0.0 else 0.0


def holdings_of(book: UnderlyingBook, rate: Floats) -> list[HoldingValue]:
    """What an underlying's positions are worth, a row for each asset held outright, one for options
    and one for unrealised profit; positive values are cut by ``rate``, shape [M].
    """
    spot, option = book.is_spot, book.is_option
    cut = rate * np.maximum(book.value_usd, 0.0)
    outright = [
        HoldingValue(
            kind_path(book.positions[row].instrument), float(book.value_usd[row]), float(cut[row])
        )
        for row in np.flatnonzero(spot).tolist()
    ]
    groups = (("options", option), ("unrealised", ~spot & ~option))
    return outright + [
        HoldingValue(
            f"{path}/{book.underlying}", float(book.value_usd[rows].sum()), float(cut[rows].sum())
        )
        for path, rows in groups
        if rows.any()
    ]


_HEADS: Mapping[type, str] = MappingProxyType(
    {
        Cash: "cash",
        Stablecoin: "stablecoin",
        SpotAsset: "spot",
        Wrapper: "wrapper",
        LpShare: "lp_share",
        RealWorldAsset: "rwa",
        Stock: "stock",
    }
)


def kind_path(held: Instrument) -> str:
    """The path of the row of what is held outright."""
    return f"{_HEADS[type(held)]}/{held.name}"


def outside_path(held: Instrument) -> str:
    """The path of the row of what is outside: its own, of which a part may be in the array too."""
    divided = isinstance(held, SpotAsset | Stock | Wrapper)
    return f"outside/{held.name}" if divided else kind_path(held)
