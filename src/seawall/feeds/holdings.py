"""What files of positions say, before it is counted in units: holdings, and accounts of them.

An inverse future or perpetual has a size in USD, and its coins are that size over the mark. The
mark is the market's where one is given, and otherwise the one that the file tells; without either
the position cannot be counted, and the error says what to give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadNumber, InputError, MissingQuote, UnknownInstrument
from seawall.feeds.messages import Entry
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Future, Instrument
from seawall.products.names import ContractSpec, parse_name
from seawall.products.portfolio import Portfolio, Position

DEFAULT_ACCOUNT = "main"

_MOST_DIGITS = 24
# Programs write what is left of a sum of floats as 5.6e-17, all digits of it.
_MOST_DECIMALS = 60


@dataclass(frozen=True, slots=True)
class Holding:
    """A position as a file gives it: ``size`` in units of the underlying, or in USD; + long.

    ``mark`` is the price the file tells of it. ``entry_price`` as in a position.
    """

    instrument: Instrument
    size: Decimal
    where: str
    in_usd: bool = False
    mark: Decimal | None = None
    entry_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Accounts:
    """The holdings of each account, and what a report on any of them must repeat."""

    held: Mapping[str, Sequence[Holding]]
    warnings: tuple[str, ...] = ()


def portfolios_of(accounts: Accounts, market: MarketSnapshot | None) -> tuple[Portfolio, ...]:
    """The accounts, counted in units of the underlying.

    Raises MissingQuote for a size in USD without a mark, BadNumber, DuplicatePosition,
    EmptyPortfolio.
    """
    return tuple(
        Portfolio(
            account=account,
            positions=tuple(_position(holding, market) for holding in held),
            warnings=accounts.warnings,
        )
        for account, held in accounts.held.items()
    )


def _position(holding: Holding, market: MarketSnapshot | None) -> Position:
    quantity = holding.size / _mark(holding, market) if holding.in_usd else holding.size
    return Position(
        instrument=holding.instrument,
        quantity=quantity,
        entry_price=holding.entry_price,
        where=holding.where,
    )


def _mark(holding: Holding, market: MarketSnapshot | None) -> Decimal:
    contract = holding.instrument
    if market is not None and isinstance(contract, Future):
        try:
            return Decimal(repr(float(market.forward(contract))))
        except InputError:  # not listed there, expired: to be said when it is margined
            if holding.mark is None:
                raise
    if holding.mark is None:
        raise MissingQuote(
            f"{contract.name} is given in USD, which without its mark are no coins",
            where=holding.where,
            remedy="Give the market with the book (market=), or the mark in the row.",
        )
    return holding.mark


def of_contracts(
    instrument: Instrument,
    contracts: Decimal,
    spec: ContractSpec,
    where: str,
    *,
    mark: Decimal | None = None,
    entry_price: Decimal | None = None,
) -> Holding:
    """So many contracts, + long, each of the size that ``spec`` says."""
    return Holding(
        instrument=instrument,
        size=contracts * spec.size,
        where=where,
        in_usd=spec.unit == "USD",
        mark=mark,
        entry_price=entry_price if isinstance(instrument, Future) else None,
    )


def netted(
    holdings: Iterable[Holding], balances: Iterable[Holding] = ()
) -> tuple[list[Holding], tuple[str, ...]]:
    """Long and short legs of one contract as the one net position they are, and what was netted.

    The legs' profit on the part that cancels is settled: it no longer depends on the mark, and is
    added to the ``balances``, in the currency that the contract pays in. What is left keeps the
    entry price of its leg. Holdings of zero are left out. Raises InputError where only one of two
    legs has an entry price.
    """
    legs: list[Holding] = []
    cash = list(balances)
    said: list[str] = []
    places: dict[str, int] = {}
    for holding in holdings:
        name, currency = holding.instrument.name, holding.instrument.settlement
        place = places.setdefault(name, len(legs))
        if place == len(legs) or legs[place].size * holding.size >= 0:
            legs.append(holding)
            continue
        other = legs[place]
        long, short = (other, holding) if other.size > 0 else (holding, other)
        profit = _settled_profit(long, short)
        larger = long if long.size + short.size > 0 else short
        legs[place] = replace(larger, size=long.size + short.size)
        cash.append(Holding(parse_name(currency), profit, where=holding.where))
        said.append(
            f"{name} is held long and short and was netted; the profit between its legs, "
            f"{profit:.8g} {currency}, counts as cash."
        )
    return [leg for leg in legs if leg.size] + _summed(cash), tuple(said)


def _settled_profit(long: Holding, short: Holding) -> Decimal:
    """Of the part of two legs that cancels, in the currency that the contract pays in."""
    if not isinstance(long.instrument, Future):
        return Decimal(0)
    bought, sold = long.entry_price, short.entry_price
    if bought is None and sold is None:
        return Decimal(0)
    if bought is None or sold is None:
        raise InputError(
            f"{long.instrument.name} is held long and short, and only one leg has an entry price",
            where=f"{long.where} and {short.where}",
            remedy="Give the entry prices of both or of neither.",
        )
    closed = min(long.size, -short.size)
    if long.in_usd:
        return closed * (1 / bought - 1 / sold)
    rate = long.instrument.quanto_rate
    return closed * (sold - bought) * (1 if rate is None else Decimal(repr(rate)))


def _summed(balances: Iterable[Holding]) -> list[Holding]:
    """Amounts of the same asset added up."""
    found: dict[str, Holding] = {}
    for held in balances:
        known = found.get(held.instrument.name)
        size = held.size if known is None else known.size + held.size
        found[held.instrument.name] = replace(held, size=size)
    return [held for held in found.values() if held.size]


def instrument_of(name: str | None, where: str) -> Instrument:
    """The instrument of a name. Raises UnknownInstrument that says where it stands."""
    try:
        return parse_name(name or "")
    except UnknownInstrument as error:
        raise UnknownInstrument(error.what, where=where, remedy=error.remedy) from None


def decimal_of(entry: Entry, key: str, where: str) -> Decimal | None:
    """The number under a key; None where there is none.

    Raises BadNumber for what is no number (truth values, lists), or larger than anything held.
    """
    value = entry.get(key)
    if value is None or value == "":
        return None
    text = value if isinstance(value, str) else str(value).lower()
    return sane(parse_decimal(text.strip(), key, where, _MOST_DECIMALS), key, where)


def price_of(entry: Entry, key: str, where: str) -> Decimal | None:
    """As :func:`decimal_of`, and None for zero, by which venues say that there is no price.

    Raises BadNumber for a negative one too.
    """
    price = decimal_of(entry, key, where)
    if price is not None and price < 0:
        raise BadNumber(
            f"{key} {price} is no price", where=where, remedy="Give a positive number, or none."
        )
    return price or None


def sane(number: Decimal, what: str, where: str) -> Decimal:
    """The number, where it can be calculated with. Raises BadNumber for one beyond all sizes."""
    if number.adjusted() > _MOST_DIGITS:
        raise BadNumber(
            f"{what} {number} is larger than anything held", where=where, remedy="Check its unit."
        )
    return number
