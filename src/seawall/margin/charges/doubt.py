"""Penalties in initial margin for prices in doubt: those of the oracle, and that of the cash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import (
    ChargeAmount,
    Charged,
    ChargeShares,
    Holder,
    NamedCharge,
    PositionCharge,
)
from seawall.market.needs import Need
from seawall.products.instruments import STABLECOINS
from seawall.risk.book import PERPETUAL, UnderlyingBook
from seawall.risk.sums import PerUnit

Floats = NDArray[np.float64]


class ConfidenceCharge(PositionCharge, frozen=True, kw_only=True, tag="confidence"):
    """Below a threshold of confidence c: (1 − c)·``factor``·S for each unit that depends on it.

    Units of futures and perpetuals of either side, of short options, and of coins held or owed. c
    is the least of what the market tells of the underlying and of the contract by its name;
    ``default_confidence`` where neither is told. Source: StandardManager of Derive's protocol,
    OracleContingencyParams.
    """

    head: ClassVar[str] = "confidence"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.CONFIDENCE})
    perpetual_threshold: float
    option_threshold: float
    spot_threshold: float
    factor: float
    default_confidence: float

    def __post_init__(self) -> None:
        super().__post_init__()
        shares = (
            self.perpetual_threshold,
            self.option_threshold,
            self.spot_threshold,
            self.default_confidence,
        )
        if max(shares) > 1.0:
            raise BadParameter(
                f"a threshold or the default is {max(shares)}",
                where="confidence",
                remedy="Give shares between 0 and 1.",
            )

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of short options, and of either side of all else."""
        book = on.book
        confidence = confidences(book, on.liquidity.confidence, self.default_confidence)
        threshold = np.where(
            book.is_option,
            self.option_threshold,
            np.where(book.is_spot, self.spot_threshold, self.perpetual_threshold),
        )
        doubt = np.where(confidence < threshold, (1.0 - confidence) * self.factor, 0.0)
        penalty = doubt * book.level_usd * np.where(book.is_spot, book.unit_coins, 1.0)
        return _initial(penalty, book)


class ExpiryConfidenceCharge(NamedCharge, frozen=True, kw_only=True, tag="expiry-confidence"):
    """Below a threshold of confidence c: (1 − c)·``factor``·S for each option of an expiry, long
    ones too, each future and perpetual, and of what coins held outright or owed are worth.

    c of an expiry's options is the least that the market tells of any of them and of the index, of
    all else that of its own and of the index; and for kinds of ``through_perpetual`` also that of
    each perpetual held, which hedges them. ``default_confidence`` where neither is told. In initial
    margin. Source: confidence contingency of Derive's portfolio margin, docs/models/derive-pm2.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.CONFIDENCE})
    threshold: float
    factor: float
    default_confidence: float
    through_perpetual: tuple[Literal["options", "coins"], ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(self.threshold, self.default_confidence) > 1.0:
            raise BadParameter(
                "a threshold or the default above 1",
                where="expiry-confidence",
                remedy="Give shares between 0 and 1.",
            )

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per position that costs something."""
        cost = self._costs_usd(on)
        return tuple(
            ChargeAmount(
                f"confidence/{on.book.positions[row].instrument.name}", float(cost[row]), 0.0
            )
            for row in np.flatnonzero(cost).tolist()
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each position's own."""
        cost = self._costs_usd(on)
        return ChargeShares.of_degree_one(cost, np.zeros(cost.size))

    def _costs_usd(self, on: Charged) -> Floats:
        """What each position costs; shape [M]."""
        book = on.book
        confidence = confidences(book, on.liquidity.confidence, self.default_confidence)
        hedge = float(confidence[book.kind == PERPETUAL].min(initial=1.0))
        for bucket in np.unique(book.bucket[book.is_option]).tolist():
            rows = book.is_option & (book.bucket == bucket)
            confidence[rows] = confidence[rows].min()
        for kind, rows in (("options", book.is_option), ("coins", book.is_spot)):
            if kind in self.through_perpetual:
                confidence[rows] = np.minimum(confidence[rows], hedge)
        size = np.where(book.is_spot, book.value_usd, book.quantity * book.level_usd)
        doubt = np.where(confidence < self.threshold, (1.0 - confidence) * self.factor, 0.0)
        return doubt * np.abs(size)


class DepegCharge(PositionCharge, frozen=True, kw_only=True, tag="depeg"):
    """A stablecoin below ``threshold_usd`` makes what is paid in it dearer to carry.

    (``threshold_usd`` − price)⁺·``factor``·S for each short option and each future or perpetual of
    either side. Contracts paid in anything else pay nothing. Source: StandardManager of Derive's
    protocol, DepegParams.
    """

    head: ClassVar[str] = "depeg"
    needs: ClassVar[frozenset[Need]] = frozenset()
    threshold_usd: float
    factor: float

    def rates(self, on: Holder) -> tuple[PerUnit, PerUnit]:
        """Of short options, and of either side of futures and perpetuals."""
        book = on.book
        pegged = np.array(
            [position.instrument.settlement in STABLECOINS for position in book.positions]
        )
        below = np.maximum(self.threshold_usd - book.unit_usd, 0.0)
        penalty = np.where(pegged & ~book.is_spot, self.factor * below * book.level_usd, 0.0)
        return _initial(penalty, book)


def confidences(book: UnderlyingBook, told: Mapping[str, float], default: float) -> Floats:
    """The lesser of confidence in the index and in each row's own price; shape [M]."""
    index = told.get(book.underlying, default)
    own = [told.get(position.instrument.name, index) for position in book.positions]
    return np.minimum(np.array(own, dtype=np.float64), index)


def _initial(penalty: Floats, book: UnderlyingBook) -> tuple[PerUnit, PerUnit]:
    """A penalty per unit in initial margin alone, of options when they are short."""
    initial = PerUnit(np.where(book.is_option, 0.0, penalty), penalty)
    return initial, PerUnit.gross(np.zeros(penalty.size))
