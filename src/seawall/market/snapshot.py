"""The market at one instant, immutable, and the only market the risk rooms see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze, pickled
from seawall.basics.errors import BadNumber, ExpiredInstrument, InputError, MissingQuote
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.basics.text import printable
from seawall.basics.time import isoformat_utc
from seawall.market.carry import Carry
from seawall.market.history import MarketHistory
from seawall.market.liquidity import Liquidity
from seawall.market.memo import Memo
from seawall.market.nearest import nearest_listed
from seawall.products.assets import CURRENCIES
from seawall.products.instruments import (
    CASH,
    STABLECOINS,
    Asset,
    DatedFuture,
    Derivative,
    Expiring,
    Option,
    Perpetual,
    Stablecoin,
)
from seawall.products.markets import is_price, is_signed, level_of

T = TypeVar("T")

SliceKey = tuple[str, str, datetime]
"""Underlying, settlement currency and expiry: what one volatility slice belongs to."""


def slice_key(contract: Expiring) -> SliceKey:
    """The key of the slice, and of the forward, of a contract that expires."""
    return contract.underlying, contract.settlement, contract.expiry


@dataclass(frozen=True, slots=True)
class OptionSlice:
    """The listed options of one underlying, settlement and expiry; arrays have shape [n].

    ``forward`` and ``strike`` in USD (inverse) or settlement currency (linear) per coin; ``vol``
    decimal; ``vol_unit`` of options on a signed underlying, whose prices and strikes are of either
    sign, what a volatility of 1 is in quote currency, their normal volatility being vol·vol_unit,
    and None of all others; ``mark`` the venue's price in quote units, NaN where it gave none;
    ``observed_s`` the time of its quote in seconds since 1970 UTC, NaN where unknown; ``atm_vol``
    the volatility interpolated at the forward; ``discount`` what a unit of the quote currency paid
    at expiry is worth today; ``carry`` what American options are valued by beside it, None of
    European ones; ``fixed`` what settlement by an average has already fixed of the forward, in its
    price, and ``rate_per_year`` the rate that a venue tells beside the discount factor, both None
    where nobody tells them; ``warnings`` says what a report that holds one of them must repeat. The
    last ``added`` rows are no part of the smile: they were asked of the surface
    (:mod:`seawall.market.unlisted`). Raises BadNumber for a number that is not one of these.
    """

    key: SliceKey
    forward: float
    names: tuple[str, ...]
    strike: NDArray[np.float64]
    is_call: NDArray[np.bool_]
    vol: NDArray[np.float64]
    mark: NDArray[np.float64]
    observed_s: NDArray[np.float64]
    atm_vol: float
    added: int = 0
    discount: float = 1.0
    carry: Carry | None = None
    warnings: tuple[str, ...] = ()
    vol_unit: float | None = None
    fixed: float | None = None
    rate_per_year: float | None = None

    __reduce__ = pickled

    def __post_init__(self) -> None:
        freeze(self, len(self.names))
        underlying, settlement, expiry = self.key
        numbers = np.concatenate([[self.atm_vol, self.discount], self.vol])
        prices = np.append(self.strike, self.forward)
        marked = np.isnan(self.mark) | ((self.mark >= 0.0) & np.isfinite(self.mark))
        if is_signed(underlying):
            sound = self.vol_unit is not None and np.isfinite(prices).all()
            numbers = np.append(numbers, self.vol_unit or 0.0)
        else:
            sound = self.vol_unit is None and _are_positive(prices)
        if not (sound and _are_positive(numbers) and marked.all()):
            raise BadNumber(
                "a forward, strike, volatility or discount factor that is not finite and positive, "
                "a mark < 0, or a unit of volatility that is missing or of no use",
                where=f"option slice of {underlying} in {settlement} for {isoformat_utc(expiry)}",
                remedy="Leave out the rows whose numbers are damaged.",
            )
        told = (self.fixed or 0.0, self.rate_per_year or 0.0)
        if not (np.isfinite(told).all() and 0.0 <= told[0] <= abs(self.forward)):
            raise BadNumber(
                f"a fixed part of {self.fixed} of the forward, or a rate of {self.rate_per_year}",
                where=f"option slice of {underlying} in {settlement} for {isoformat_utc(expiry)}",
                remedy="Give a fixed part between 0 and the forward, and a finite rate.",
            )

    @property
    def smile_rows(self) -> slice:
        """The rows that make the smile, and with it ``atm_vol``."""
        return slice(0, len(self.names) - self.added)


@dataclass(frozen=True, slots=True)
class Unlisted:
    """What no source lists and was asked for all the same; :mod:`seawall.market.unlisted`.

    ``valued`` maps names of options and futures to how they are valued, what a report that holds
    them must repeat; ``beyond`` names that cannot be valued to why, and what to do. ``forwards``
    are the expiries whose forward is interpolated in time, ``smiles`` those whose slice is the
    surface's. The mappings are read-only copies of what was given.
    """

    valued: Mapping[str, str] = field(default_factory=dict[str, str])
    beyond: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    forwards: frozenset[SliceKey] = frozenset()
    smiles: frozenset[SliceKey] = frozenset()

    __reduce__ = pickled

    def __post_init__(self) -> None:
        for name in ("valued", "beyond"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


_PRICES = ("index_usd", "stable_usd", "forwards", "futures")
_MAPPINGS = (*_PRICES, "slices", "option_rows", "refused", "dropped", "half_spreads")


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Prices, forwards and volatilities as of one UTC instant.

    ``index_usd`` maps underlyings, and every other asset that is neither USD nor a stablecoin, to
    USD per unit; ``stable_usd`` stablecoins to USD; ``futures`` listed perpetuals and futures to
    their mark in quote currency; ``forwards`` (underlying, settlement, expiry) to a forward in
    quote currency; ``slices`` the same key to the option slice; ``option_rows`` an option's name to
    its slice and row; ``warnings`` says what a report on this market must repeat; ``refused`` maps
    underlyings whose prices contradict each other to what is wrong; ``dropped`` names that the
    sources quote, but not so that they can be used, to the reason; ``liquidity`` what was told
    beside prices; ``given`` assets whose price was given and stands in no file; ``unlisted`` what
    is here although no source lists it; ``half_spreads`` half of what bid and ask are apart, by
    name in quote units, of what has both; ``history`` what was known of the past. The mappings are
    read-only copies of what was given. Raises BadNumber for a price that is not finite and > 0, or
    of a signed underlying not finite.
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
    unlisted: Unlisted = field(default_factory=Unlisted)
    half_spreads: Mapping[str, float] = field(default_factory=dict[str, float])
    history: MarketHistory = field(default_factory=MarketHistory)
    _memos: dict[type, Memo[Any]] = field(
        default_factory=dict[type, Memo[Any]], init=False, repr=False, compare=False
    )

    __reduce__ = pickled

    def __post_init__(self) -> None:
        object.__setattr__(self, "warnings", tuple(map(printable, self.warnings)))
        for name in _MAPPINGS:
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        if self.liquidity.stable_usd != self.stable_usd:
            told = replace(self.liquidity, stable_usd=self.stable_usd)
            object.__setattr__(self, "liquidity", told)
        for name in _PRICES:
            prices: Mapping[str | SliceKey, float] = getattr(self, name)
            for what, value in prices.items():
                if not (_are_positive(value) or _is_signed_price(what, value)):
                    raise BadNumber(
                        f"the price of {what} is {value}",
                        where=f"{self.where}, {name}",
                        remedy="Give finite prices above 0, and leave out what has none.",
                    )

    @property
    def where(self) -> str:
        """The snapshot named for messages."""
        return f"snapshot of {isoformat_utc(self.as_of)}"

    def memo(self, of: type[T]) -> Memo[T]:
        """What has been worked out of instruments in this snapshot, by the type of the result."""
        known = self._memos.get(of)
        return self._memos.setdefault(of, Memo()) if known is None else known

    def spot_usd(self, underlying: str) -> float:
        """Index price in USD per coin. Raises MissingQuote, BadNumber if it is refused."""
        self.require_sound(underlying)
        try:
            return self.index_usd[underlying]
        except KeyError:
            raise MissingQuote(
                f"no index price of {underlying}{self._dropped_of(underlying)}",
                where=self.where,
                remedy=self._how_to_price(underlying),
            ) from None

    def level_usd(self, underlying: str) -> float:
        """What relative moves of an underlying are of, in USD per coin, > 0: its price, of a
        signed one at least its least level. Raises MissingQuote, BadNumber if it is refused.
        """
        return level_of(underlying, self.spot_usd(underlying))

    def currency_usd(self, currency: str) -> float:
        """USD per unit of a settlement currency; a stablecoin without a price counts as 1.

        Raises MissingQuote for foreign cash without a price, and for what is neither cash nor a
        known stablecoin.
        """
        if currency == CASH:
            return 1.0
        if currency in CURRENCIES and currency in self.index_usd:
            return self.index_usd[currency]
        if currency in CURRENCIES:
            raise MissingQuote(
                f"no price of {currency} in USD",
                where=self.where,
                remedy=self._how_to_price(currency),
            )
        if currency not in STABLECOINS:
            raise MissingQuote(
                f"no price of {currency} in USD, which is neither {CASH} nor a known stablecoin",
                where=self.where,
                remedy=f"Use contracts settled in their coin, {CASH} or one of "
                f"{', '.join(sorted(STABLECOINS))}.",
            )
        return self.stable_usd.get(currency, 1.0)

    def asset_usd(self, asset: Asset) -> float:
        """USD per unit of an asset held outright, which is its own and never that of what it is a
        claim on. Raises MissingQuote, BadNumber.
        """
        if isinstance(asset, Stablecoin) or asset.name == CASH:
            return self.currency_usd(asset.name)
        return self.spot_usd(asset.name)

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
        ExpiredInstrument, BadNumber for a refused underlying, InputError for a quanto.
        """
        _refuse_unmargined(contract)
        self.require_sound(contract.underlying)
        if isinstance(contract, Perpetual):
            mark = self.futures.get(contract.name)
            if mark is not None:
                return mark
            unit = 1.0 if contract.is_inverse else self.currency_usd(contract.settlement)
            return self.spot_usd(contract.underlying) / unit
        self._require_alive(contract)
        if isinstance(contract, DatedFuture) and contract.name in self.futures:
            return self.futures[contract.name]
        try:
            return self.forwards[slice_key(contract)]
        except KeyError:
            why, remedy = self._why_missing(
                contract, "", "Add a chain or futures file that lists this expiry."
            )
            raise MissingQuote(
                f"no forward of {contract.underlying} for {isoformat_utc(contract.expiry)}, "
                f"needed by {contract.name}{why}",
                where=self.where,
                remedy=remedy,
            ) from None

    def option_row(self, option: Option) -> tuple[OptionSlice, int]:
        """The slice and row that list an option.

        Raises MissingQuote, ExpiredInstrument, BadNumber for a refused underlying, InputError for
        a quanto.
        """
        _refuse_unmargined(option)
        self.require_sound(option.underlying)
        self._require_alive(option)
        try:
            key, row = self.option_rows[option.name]
        except KeyError:
            why, remedy = self._why_missing(
                option, ", which is not listed", "Use a snapshot that lists it."
            )
            raise MissingQuote(
                f"no implied volatility of {option.name}{why}", where=self.where, remedy=remedy
            ) from None
        return self.slices[key], row

    def _how_to_price(self, underlying: str) -> str:
        """What to do about an underlying without an index: most often it is misspelt."""
        alike = [name for name in self.index_usd if name.casefold() == underlying.casefold()]
        if alike:
            return f"Write {alike[0]}."
        return did_you_mean(
            nearest_name(underlying, {*self.index_usd, *STABLECOINS, CASH}),
            f"Add a file that carries it or give it: --price {underlying}=VALUE.",
        )

    def _why_missing(self, contract: Expiring, otherwise: str, remedy: str) -> tuple[str, str]:
        """Why a contract has no quote, to be added to what is then missing, and what to do."""
        name = contract.name
        if name in self.dropped:
            return f": {self.dropped[name]}", "Correct its quote or use another snapshot."
        why = otherwise
        if name in self.unlisted.beyond:
            beyond, remedy = self.unlisted.beyond[name]
            why = f", which is not listed: {beyond}"
        return why, did_you_mean(nearest_listed(contract, self), remedy)

    def _dropped_of(self, underlying: str) -> str:
        """The first quote of an underlying that was left out, and why."""
        names = (name for name in self.dropped if re.split("[-_]", name)[0] == underlying)
        return next((f"; {name} was left out: {self.dropped[name]}" for name in names), "")

    def require_sound(self, underlying: str) -> None:
        """Raise BadNumber if the prices of an underlying contradict each other."""
        if underlying in self.refused:
            raise BadNumber(
                self.refused[underlying],
                where=self.where,
                remedy=f"Correct the files, or give the index: --price {underlying}=VALUE.",
            )

    def _require_alive(self, contract: Expiring) -> None:
        if contract.expiry <= self.as_of:
            raise ExpiredInstrument(
                f"{contract.name} expired at {isoformat_utc(contract.expiry)}",
                where=self.where,
                remedy="Leave it out at this time or use an earlier snapshot.",
            )


def _refuse_unmargined(contract: Derivative) -> None:
    """A quanto pays a coin that moves too, and no scenario here moves it with the price; and what
    may be worth less than nothing pays nobody.
    """
    if contract.is_inverse and is_signed(contract.underlying):
        raise InputError(
            f"{contract.name} pays in {contract.underlying}, whose price may be negative",
            where="instrument",
            remedy="Use contracts that are settled in money.",
        )
    if contract.quanto_rate is not None:
        raise InputError(
            f"{contract.name} is a quanto, which is not margined: no scenario moves "
            f"{contract.settlement}, which it pays, together with {contract.underlying}",
            where="instrument",
            remedy="Leave it out of the book, and margin it where it is held.",
        )


def _is_signed_price(what: str | SliceKey, value: float) -> bool:
    """Whether a price that is not positive can be one of the underlying, forward or future."""
    name = what[0] if isinstance(what, tuple) else what
    return is_price(name.partition("_")[0], value)


def _are_positive(values: float | NDArray[np.float64]) -> bool:
    return bool(np.all(np.isfinite(values) & (np.asarray(values) > 0.0)))
