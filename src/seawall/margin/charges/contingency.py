"""What contracts, coins and naked options cost whatever the scenarios say, and a low stablecoin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.margin.charges.by_class import of_class
from seawall.margin.parameters import Rates
from seawall.market.needs import Need
from seawall.products.instruments import STABLECOINS
from seawall.risk.book import CALL, FUTURE, PERPETUAL, UnderlyingBook

Floats = NDArray[np.float64]

_PARTS = ("contracts", "coins", "naked_options")
"""What rates are of, as it stands in rows."""


class ContingencyRates(Rates, frozen=True, kw_only=True):
    """Shares of the index S: of each future and perpetual of either side, of each coin held
    outright or owed, and of each naked option.
    """

    contracts_rel: float
    coins_rel: float
    naked_options_rel: float

    def each(self) -> tuple[float, ...]:
        """In the order of their rows."""
        return self.contracts_rel, self.coins_rel, self.naked_options_rel


class LossDepeg(Rates, frozen=True, kw_only=True):
    """A ``stablecoin`` below ``threshold_usd`` raises the factor of initial margin.

    (``threshold_usd`` − its price)⁺·``factor`` times what is ``of``: the worst loss alone, or that
    and the contingency in maintenance. A stablecoin without a price costs 1 USD. Raises
    BadParameter for what is no stablecoin.
    """

    stablecoin: str
    threshold_usd: float
    factor: float
    of: Literal["worst-loss", "loss-and-contingency"]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stablecoin not in STABLECOINS:
            raise BadParameter(
                f"{self.stablecoin} is no stablecoin",
                where="contingency.depeg",
                remedy=f"Name one of {', '.join(sorted(STABLECOINS))}.",
            )


class ContingencyCharge(NamedCharge, frozen=True, kw_only=True, tag="contingency"):
    """Shares of the index for contracts, coins and naked options, netting nothing else.

    Naked of an expiry and strike, of which c calls and p puts are held: max(0, −(c + p)) where one
    is held long and the other short, for together they are a future; else what is short of either.
    ``initial`` and ``maintenance`` by class of the underlying; ``depeg`` in initial margin only.
    Raises BadParameter for an initial rate below that of maintenance, or classes that differ.
    Source: static and other contingencies of Derive's portfolio margin, docs/models/derive-pm2.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    initial: Mapping[str, ContingencyRates]
    maintenance: Mapping[str, ContingencyRates]
    depeg: LossDepeg | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        odd = self.initial.keys() ^ self.maintenance.keys() or {
            name
            for name, initial in self.initial.items()
            if any(
                high < low
                for high, low in zip(initial.each(), self.maintenance[name].each(), strict=True)
            )
        }
        if odd:
            raise BadParameter(
                f"the rates of {', '.join(sorted(odd))} are missing at one level, or lower in "
                "initial margin than in maintenance",
                where="contingency",
                remedy="Give both levels the same classes, and initial rates that are no lower.",
            )

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount each for contracts, coins, naked options and the stablecoin. Raises
        BadParameter for a class without rates.
        """
        name = on.book.underlying
        found = [
            ChargeAmount(f"contingency/{part}/{name}", float(high.sum()), float(low.sum()))
            for part, high, low in zip(_PARTS, *self._parts(on), strict=True)
        ]
        if self.depeg is not None:
            held = on.worst_loss + self._of_contingency(sum(each.maintenance for each in found))
            low = self._raised(on) * held
            found.append(ChargeAmount(f"contingency/depeg/{name}", low, 0.0))
        return tuple(found)

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each leg's own, of what nets what it brings to it, and of the worst loss its part."""
        high, low = (parts.sum(axis=0) for parts in self._parts(on))
        if self.depeg is not None:
            high = high + self._raised(on) * (worst_shares + self._of_contingency(1.0) * low)
        return ChargeShares.of_degree_one(high, low)

    def _parts(self, on: Charged) -> tuple[Floats, Floats]:
        """What each leg brings to each part, initial and maintenance; shapes [3, M] in USD."""
        book = on.book
        contract = np.isin(book.kind, (PERPETUAL, FUTURE))
        sign = np.sign(book.coin_balance)
        units = np.array(
            [
                np.where(contract, np.abs(book.quantity), 0.0),
                sign * book.coins,
                _naked(book),
            ]
        )
        usd = book.level_usd * units
        high = of_class(self.initial, on.numbers.name, "contingency.initial")
        low = of_class(self.maintenance, on.numbers.name, "contingency.maintenance")
        return np.array(high.each())[:, None] * usd, np.array(low.each())[:, None] * usd

    def _of_contingency(self, amount: float) -> float:
        """As much of the contingency as the stablecoin makes dearer."""
        depeg = self.depeg
        return amount if depeg is not None and depeg.of != "worst-loss" else 0.0

    def _raised(self, on: Charged) -> float:
        """What the stablecoin adds to the factor of initial margin."""
        depeg = self.depeg
        if depeg is None:
            return 0.0
        price = on.liquidity.stable_usd.get(depeg.stablecoin, 1.0)
        return max(0.0, depeg.threshold_usd - price) * depeg.factor


def _naked(book: UnderlyingBook) -> Floats:
    """What each row brings to the naked options of its expiry and strike, which they add up to;
    shape [M], below 0 where it covers one.
    """
    out = np.zeros(book.quantity.size)
    strikes: dict[tuple[int, float, bool], list[int]] = {}
    for row in np.flatnonzero(book.is_option).tolist():
        key = int(book.bucket[row]), float(book.strike[row]), bool(book.inverse[row])
        strikes.setdefault(key, []).append(row)
    for listed in strikes.values():
        rows = np.array(listed)
        quantity, call = book.quantity[rows], book.kind[rows] == CALL
        calls, puts = float(quantity[call].sum()), float(quantity[~call].sum())
        if calls * puts < 0.0:
            out[rows] = -quantity if calls + puts < 0.0 else 0.0
        else:
            short = np.where(call, calls < 0.0, puts < 0.0)
            out[rows] = np.where(short, -quantity, 0.0)
    return out
