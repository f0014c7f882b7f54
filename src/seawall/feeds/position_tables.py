"""Tables of positions of many accounts, to numbers.

A row that cannot be margined is a fault: its number, and the error that a book of it alone would
raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import array_fields
from seawall.basics.decimals import MAX_PRICE, parse_decimal
from seawall.basics.errors import (
    DuplicatePosition,
    InputError,
    SeawallError,
    located,
)
from seawall.feeds.holdings import instrument_of
from seawall.feeds.position_frames import REQUIRED
from seawall.market.snapshot import MarketSnapshot
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import Derivative, Future, Instrument
from seawall.products.markets import is_signed
from seawall.products.portfolio import MAX_QUANTITY, Portfolio, Position
from seawall.risk.accounts import Columns, Instruments, one_unit, repeated
from seawall.risk.assumptions import ENTRY_MAX_FACTOR, MAX_POSITION_USD, assumptions

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_UNKNOWN = -1
# Floats are written with as many digits as it takes to tell them apart.
_FLOAT_DECIMALS = 400


@dataclass(frozen=True, slots=True)
class HeldInstruments:
    """What a table holds: every name that can be margined, joined with the market.

    ``place`` maps names as they are given to places of ``joined``. ``price_usd`` of one unit,
    ``mark`` of futures (NaN of all else) and ``signed``, whether prices are of either sign, have
    shape [N] and are read-only. ``market`` has what is not listed valued by its surface. What a
    model cannot margin is in ``refused`` with the reason, by its names as they are given.
    """

    market: MarketSnapshot
    joined: Instruments
    place: Mapping[str, int]
    price_usd: Floats
    mark: Floats
    signed: Flags
    refused: Mapping[str, SeawallError] = field(default_factory=dict[str, SeawallError])

    def __post_init__(self) -> None:
        for values in array_fields(self).values():
            values.flags.writeable = False


def held_instruments(names: Iterable[str], market: MarketSnapshot) -> HeldInstruments:
    """Look up what a table holds; names that cannot be margined are left to their rows.

    What the market does not list is valued by its surface.
    """
    spelt: dict[str, Instrument] = {}
    for name in names:
        try:
            spelt[name] = instrument_of(name, name)
        except InputError:
            continue
    market = with_unlisted(market, spelt.values())
    known: dict[str, Instrument] = {}
    for each in spelt.values():
        try:
            assumptions(one_unit(each, market), market)
        except InputError:
            continue
        known[each.name] = each
    number = {name: place for place, name in enumerate(known)}
    return HeldInstruments(
        market=market,
        joined=Instruments.joined(tuple(known.values()), market),
        place={name: number[each.name] for name, each in spelt.items() if each.name in number},
        price_usd=np.array([_price_usd(each, market) for each in known.values()]),
        mark=np.array([_mark(each, market) for each in known.values()]),
        signed=np.array([is_signed(each.underlying) for each in known.values()], dtype=np.bool_),
    )


def names_by_place(held: HeldInstruments) -> tuple[str, ...]:
    """A name of each instrument, by its place in ``joined``."""
    by_place = {place: name for name, place in held.place.items()}
    return tuple(by_place[place] for place in range(len(by_place)))


def _price_usd(instrument: Instrument, market: MarketSnapshot) -> float:
    if isinstance(instrument, Derivative):
        return market.level_usd(instrument.underlying)
    return market.asset_usd(instrument)


def _mark(instrument: Instrument, market: MarketSnapshot) -> float:
    return market.forward(instrument) if isinstance(instrument, Future) else np.nan


@dataclass(frozen=True, slots=True)
class PositionTable:
    """Positions as columns; ``accounts`` are names, in the order of their first rows."""

    accounts: pl.Series
    columns: Columns

    def only(self, stays: Flags) -> PositionTable:
        """The accounts that stay, shape [A], and what they hold."""
        import polars as pl

        left = self.columns.at(np.flatnonzero(stays[self.columns.account]))
        place = np.cumsum(stays) - 1
        return PositionTable(
            self.accounts.filter(pl.Series(stays[: len(self.accounts)])),
            replace(left, account=place[left.account]),
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that cannot be margined, as it is told, and why."""

    row: int
    account: str
    instrument: str
    error: SeawallError


def read_positions(
    frame: pl.DataFrame, held: HeldInstruments, most_faults: int | None = None
) -> tuple[PositionTable, list[Fault]]:
    """The positions of a frame, and its faults in the order of rows; ``frame`` is as
    :func:`seawall.feeds.position_frames.position_frame` makes it.

    An account with a fault is no part of the table: what is left of it would be another account.
    With ``most_faults``, that many of bad rows and of repeated ones are named at most, and where
    they are the table is not to be used.
    """

    names = frame["account"].unique(maintain_order=True).drop_nulls()
    names = names.filter(_are_names(names))
    columns = Columns(
        account=_codes(frame["account"], names),
        instrument=_places(frame["instrument"], held),
        quantity=_floats(frame["quantity"]),
        entry_price=_floats(frame["entry_price"]),
    )
    sound = _are_sound(columns, len(names), held) & ~_is_garbled(frame["entry_price"])
    faults: dict[int, Fault] = {}
    for place in np.flatnonzero(~sound).tolist():
        if len(faults) == most_faults:
            break
        fault = _fault(frame.row(place, named=True), held)
        if fault is None:
            sound[place] = True
        else:
            faults[place] = fault
    good = np.flatnonzero(sound)
    for first, again in good[repeated(columns.at(good), len(names))][:most_faults].tolist():
        faults[again] = _duplicate(frame, first, again)
    table = PositionTable(names, columns)
    if not faults:
        return table, []
    # Rows of no account are one more.
    stays = np.ones(len(names) + 1, dtype=np.bool_)
    stays[columns.account[list(faults)]] = stays[-1] = False
    return table.only(stays), [faults[place] for place in sorted(faults)]


def _are_sound(columns: Columns, accounts: int, held: HeldInstruments) -> Flags:
    """Rows in which nothing is wrong for sure; the rest has a closer look. Shape [P]."""
    quantity, entry = columns.quantity, columns.entry_price
    known = columns.instrument != _UNKNOWN
    place = np.where(known, columns.instrument, 0)
    if not held.joined.part.size:
        return np.zeros(quantity.size, dtype=np.bool_)
    size = np.abs(quantity)
    sound = known & (columns.account < accounts) & (size < float(MAX_QUANTITY))
    sound &= size * held.price_usd[place] <= MAX_POSITION_USD
    mark = held.mark[place]
    # Of prices of either sign a ratio says nothing.
    far = held.signed[place] | (
        np.maximum(entry, mark) > ENTRY_MAX_FACTOR * np.minimum(entry, mark)
    )
    odd = ~((entry > 0.0) & (entry < MAX_PRICE)) | (np.isfinite(mark) & far)
    return sound & (np.isnan(entry) | ~odd)


def _fault(row: Mapping[str, Any], held: HeldInstruments) -> Fault | None:
    """What is wrong with a row, as a book of it alone would say; None if nothing is."""
    where = f"row {row['row']}"
    account, name = (str(row[key] if row[key] is not None else "") for key in REQUIRED[:2])
    try:
        if not _is_name(account):
            raise InputError(
                f"{account!r} is not the name of an account",
                where=where,
                remedy="Name the account in every row.",
            )
        here = f"{where}, account {account}"
        with located(here, where):
            assumptions(_position(row), held.market)
    except InputError as error:
        return Fault(int(row["row"]), account, name, error)
    if name in held.place:
        return None
    if name in held.refused:
        return Fault(int(row["row"]), account, name, held.refused[name].located(here, where))
    error = InputError(
        f"one unit of {name} cannot be margined",
        where=here,
        remedy="Margin this account by itself.",
    )
    return Fault(int(row["row"]), account, name, error)


def portfolio_of(rows: pl.DataFrame) -> Portfolio:
    """The account that all rows of a frame are of, as a book of it would say.

    Raises what a bad row of it would be a fault for, by the row.
    """
    positions = tuple(map(_position, rows.iter_rows(named=True)))
    return Portfolio(account=str(rows["account"][0]), positions=positions)


def _position(row: Mapping[str, Any]) -> Position:
    where, name = f"row {row['row']}", str(row["instrument"] or "")
    given = {
        key: parse_decimal(_told(row[key]), f"{key} of {name}", where, _FLOAT_DECIMALS)
        for key in ("quantity", "entry_price")
        if key == "quantity" or not _is_none(row[key])
    }
    return Position(
        instrument=instrument_of(name, where),
        quantity=given["quantity"],
        entry_price=given.get("entry_price"),
        where=where,
    )


def _duplicate(frame: pl.DataFrame, first: int, again: int) -> Fault:
    one, other = (frame.row(place, named=True) for place in (first, again))
    names = " and ".join(dict.fromkeys((one["instrument"], other["instrument"])))
    error = DuplicatePosition(
        f"{names} appears twice in account {str(other['account'])!r}"
        if one["instrument"] == other["instrument"]
        else f"{names} are one instrument, twice in account {str(other['account'])!r}",
        where=f"rows {one['row']} and {other['row']}",
        remedy="Merge the two into one net position.",
    )
    return Fault(int(other["row"]), str(other["account"]), str(other["instrument"]), error)


def _are_names(accounts: pl.Series) -> pl.Series:
    """Which of some accounts can be ones; plain letters are found so without a look at each."""
    import polars as pl

    if accounts.dtype.is_integer():
        return pl.repeat(True, len(accounts), dtype=pl.Boolean, eager=True)
    plain = accounts.str.contains("^[ -~]+$")
    others = [account for account in accounts.filter(~plain) if _is_name(account)]
    return plain | accounts.is_in(others)


def _is_name(account: str | int) -> bool:
    return isinstance(account, int) or (bool(account) and account.isprintable())


def _told(value: object) -> str:
    """A number as a book would have it written."""
    return "" if value is None else str(value)


def _is_none(value: object) -> bool:
    """Whether nothing is told: null, a NaN of a column of numbers, or no text."""
    return value is None or value == "" or (isinstance(value, float) and value != value)


def _codes(accounts: pl.Series, names: pl.Series) -> Integers:
    """The place in ``names`` of each account; one more than there are for no name."""
    import polars as pl

    spelt = pl.Enum(names.cast(pl.String))
    codes = accounts.cast(pl.String).cast(spelt, strict=False).to_physical().cast(pl.Int64)
    return codes.fill_null(len(names)).to_numpy()


def _places(instruments: pl.Series, held: HeldInstruments) -> Integers:
    """The place of each instrument among those held; −1 for one that cannot be margined."""
    import polars as pl

    names = instruments.unique().drop_nulls()
    places = np.array([held.place.get(name, _UNKNOWN) for name in names] + [_UNKNOWN])
    codes = instruments.cast(pl.Enum(names)).to_physical().cast(pl.Int64)
    return places[codes.fill_null(len(names)).to_numpy()]


def _floats(numbers: pl.Series) -> Floats:
    """The numbers as float64, NaN where there is none."""
    import polars as pl

    told = numbers.str.strip_chars() if numbers.dtype == pl.String else numbers
    return told.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()


def _is_garbled(numbers: pl.Series) -> Flags:
    """Text that is there and is no number; shape [P]."""
    import polars as pl

    if numbers.dtype != pl.String:
        return np.zeros(len(numbers), dtype=np.bool_)
    told = numbers.str.strip_chars()
    return (told.fill_null("") != "").to_numpy() & np.isnan(_floats(numbers))
