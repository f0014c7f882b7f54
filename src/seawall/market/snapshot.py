"""The market at one instant, immutable, and the only market the risk rooms see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadNumber, ExpiredInstrument, MissingQuote
from seawall.basics.time import isoformat_utc
from seawall.market.liquidity import Liquidity
from seawall.products.instruments import (
    CASH,
    STABLECOINS,
    Cash,
    DatedFuture,
    Derivative,
    EuropeanOption,
    Perpetual,
    SpotAsset,
    Stablecoin,
)

SliceKey = tuple[str, str, datetime]
"""Underlying, settlement currency and expiry: what one volatility slice belongs to."""


@dataclass(frozen=True, slots=True)
class OptionSlice:
    """The listed options of one underlying, settlement and expiry; arrays have shape [n].

    ``forward`` and ``strike`` in USD (inverse) or settlement currency (linear) per coin; ``vol``
    decimal; ``mark`` the venue's price in quote units, NaN where it gave none;
    ``atm_vol`` the volatility interpolated at the forward. Raises BadNumber for a number that is
    not one of these.
    """

    key: SliceKey
    forward: float
    names: tuple[str, ...]
    strike: NDArray[np.float64]
    is_call: NDArray[np.bool_]
    vol: NDArray[np.float64]
    mark: NDArray[np.float64]
    atm_vol: float

    def __post_init__(self) -> None:
        freeze(self, len(self.names))
        numbers = np.concatenate([[self.forward, self.atm_vol], self.strike, self.vol])
        marked = np.isnan(self.mark) | ((self.mark >= 0.0) & np.isfinite(self.mark))
        if not (_are_positive(numbers) and marked.all()):
            underlying, settlement, expiry = self.key
            raise BadNumber(
                "a forward, strike or volatility that is not finite and positive, or a mark < 0",
                where=f"option slice of {underlying} in {settlement} for {isoformat_utc(expiry)}",
                remedy="Leave out the rows whose numbers are damaged.",
            )


_PRICES = ("index_usd", "stable_usd", "forwards", "futures")
_MAPPINGS = (*_PRICES, "slices", "option_rows", "refused", "dropped")


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Prices, forwards and volatilities as of one UTC instant.

    ``index_usd`` maps underlyings to USD per coin; ``stable_usd`` stablecoins to USD; ``futures``
    listed perpetuals and futures to their mark in quote currency; ``forwards`` (underlying,
    settlement, expiry) to a forward in quote currency; ``slices`` the same key to the option slice;
    ``option_rows`` an option's name to its slice and row; ``warnings`` says what a report on this
    market must repeat; ``refused`` maps underlyings whose prices contradict each other to what is
    wrong; ``dropped`` names that the sources quote, but not so that they can be used, to the
    reason; ``liquidity`` what was told beside prices; ``given`` assets whose price was given and
    stands in no file. The mappings are read-only copies of what was given. Raises BadNumber for a
    price that is not finite and positive.
    """

    as_of: datetime
    index_usd: Mapping[str, float]
    stable_usd: Mapping[str, float]
    forwards: Mapping[SliceKey, float]
    futures: Mapping[str, float]
    slices: Mapping[SliceKey, OptionSlice]
    option_rows: Mapping[str, tuple[SliceKey, int]]
    warnings: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    dropped: Mapping[str, str] = field(default_factory=dict[str, str])
    liquidity: Liquidity = field(default_factory=Liquidity)
    given: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in _MAPPINGS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in _PRICES:
            prices: Mapping[object, float] = getattr(self, name)
            for what, value in prices.items():
                if not _are_positive(value):
                    raise BadNumber(
                        f"the price of {what} is {value}",
                        where=f"{self.where}, {name}",
                        remedy="Give finite prices above 0, and leave out what has none.",
                    )

    @property
    def where(self) -> str:
        """The snapshot named for messages."""
        return f"snapshot of {isoformat_utc(self.as_of)}"

    def spot_usd(self, underlying: str) -> float:
        """Index price in USD per coin. Raises MissingQuote, BadNumber if it is refused."""
        self._require_sound(underlying)
        try:
            return self.index_usd[underlying]
        except KeyError:
            raise MissingQuote(
                f"no index price of {underlying}{self._dropped_of(underlying)}",
                where=self.where,
                remedy=self._how_to_price(underlying),
            ) from None

    def currency_usd(self, currency: str) -> float:
        """USD per unit of a settlement currency; a stablecoin without a price counts as 1.

        Raises MissingQuote for what is neither cash nor a known stablecoin.
        """
        if currency == CASH:
            return 1.0
        if currency not in STABLECOINS:
            raise MissingQuote(
                f"no price of {currency} in USD, which is neither {CASH} nor a known stablecoin",
                where=self.where,
                remedy=f"Use contracts settled in their coin, {CASH} or one of "
                f"{', '.join(sorted(STABLECOINS))}.",
            )
        return self.stable_usd.get(currency, 1.0)

    def asset_usd(self, asset: Cash | Stablecoin | SpotAsset) -> float:
        """USD per unit of an asset held outright. Raises MissingQuote, BadNumber."""
        if isinstance(asset, SpotAsset):
            return self.spot_usd(asset.name)
        return self.currency_usd(asset.name)

    def quote_usd(self, contract: Derivative) -> float:
        """USD value today of one unit of the contract's price (per unit of quantity).

        Prices of an inverse contract are carried in USD per coin of forward and paid in coin,
        so one unit is worth index / forward; of a linear one, the price of its settlement coin.
        """
        if not contract.is_inverse:
            return self.currency_usd(contract.settlement)
        return self.spot_usd(contract.underlying) / self.forward(contract)

    def forward(self, contract: Derivative) -> float:
        """Forward or mark of the contract in its quote currency per coin.

        A listed future or perpetual is at its own mark; a perpetual without one at its index; an
        option or unlisted future at its expiry's forward. Raises MissingQuote,
        ExpiredInstrument, BadNumber for a refused underlying.
        """
        self._require_sound(contract.underlying)
        if isinstance(contract, Perpetual):
            mark = self.futures.get(contract.name)
            if mark is not None:
                return mark
            unit = 1.0 if contract.is_inverse else self.currency_usd(contract.settlement)
            return self.spot_usd(contract.underlying) / unit
        self._require_alive(contract)
        if isinstance(contract, DatedFuture) and contract.name in self.futures:
            return self.futures[contract.name]
        key = (contract.underlying, contract.settlement, contract.expiry)
        try:
            return self.forwards[key]
        except KeyError:
            raise MissingQuote(
                f"no forward of {contract.underlying} for {isoformat_utc(contract.expiry)}, "
                f"needed by {contract.name}{self._dropped(contract.name)}",
                where=self.where,
                remedy="Add a chain or futures file that lists this expiry.",
            ) from None

    def option_row(self, option: EuropeanOption) -> tuple[OptionSlice, int]:
        """The slice and row that list an option.

        Raises MissingQuote, ExpiredInstrument, BadNumber for a refused underlying.
        """
        self._require_sound(option.underlying)
        self._require_alive(option)
        try:
            key, row = self.option_rows[option.name]
        except KeyError:
            why = self._dropped(option.name)
            raise MissingQuote(
                f"no implied volatility of {option.name}{why or ', which is not listed'}",
                where=self.where,
                remedy="Correct its quote or use another snapshot."
                if why
                else "Use a snapshot that lists it; unlisted strikes are not interpolated.",
            ) from None
        return self.slices[key], row

    def _how_to_price(self, underlying: str) -> str:
        """What to do about an underlying without an index: most often it is misspelt."""
        alike = [name for name in self.index_usd if name.casefold() == underlying.casefold()]
        if alike:
            return f"Write {alike[0]}."
        return f"Add a file that carries it or give it: --price {underlying}=VALUE."

    def _dropped(self, name: str) -> str:
        """Why a name's quote was left out, to be added to what is then missing."""
        return f": {self.dropped[name]}" if name in self.dropped else ""

    def _dropped_of(self, underlying: str) -> str:
        """The first quote of an underlying that was left out, and why."""
        names = (name for name in self.dropped if re.split("[-_]", name)[0] == underlying)
        return next((f"; {name} was left out: {self.dropped[name]}" for name in names), "")

    def _require_sound(self, underlying: str) -> None:
        if underlying in self.refused:
            raise BadNumber(
                self.refused[underlying],
                where=self.where,
                remedy=f"Correct the files, or give the index: --price {underlying}=VALUE.",
            )

    def _require_alive(self, contract: DatedFuture | EuropeanOption) -> None:
        if contract.expiry <= self.as_of:
            raise ExpiredInstrument(
                f"{contract.name} expired at {isoformat_utc(contract.expiry)}",
                where=self.where,
                remedy="Remove it from the book or use an earlier snapshot.",
            )


def _are_positive(values: float | NDArray[np.float64]) -> bool:
    return bool(np.all(np.isfinite(values) & (np.asarray(values) > 0.0)))
