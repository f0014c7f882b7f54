"""The readers, each with what must hold of what it accepts.

A door takes the bytes of an input and the file they are written in, and returns whether what was
read is margined too: False where the margin is refused with a reason, None where nothing is to
margin. It raises the reader's own error, or AssertionError where what was accepted is not what
stands in the bytes, or its margin is none.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from seawall.basics.errors import AmbiguousSnapshot, SeawallError
from seawall.basics.time import parse_utc
from seawall.cli.prices import parse_prices
from seawall.feeds.books import read_portfolios
from seawall.feeds.glance import named_instruments
from seawall.feeds.market import read_quotes
from seawall.feeds.models import read_model
from seawall.market.quotes import FutureQuotes, OptionQuotes
from seawall.products.instruments import Instrument, Option
from seawall.products.markets import is_signed
from seawall.products.names import parse_name
from seawall.report.what_if import parse_trade
from tests.fuzz import plain
from tests.fuzz.margins import (
    book_of,
    is_margined,
    is_margined_after,
    market_with,
    own_book,
    own_market,
)
from tests.fuzz.refusals import check_printable, check_refusal

LATER = datetime(2200, 1, 1, tzinfo=UTC)
_GZIP = b"\x1f\x8b"
_TABLE_STARTS = (b"{", b"[", b"PK\x03\x04", b"PAR1")


def _csv_text(content: bytes) -> str | None:
    """The text of a CSV, gzipped or not; None for what is of another form."""
    unpacked = gzip.decompress(content) if content.startswith(_GZIP) else content
    starts = unpacked.removeprefix(b"\xef\xbb\xbf").lstrip()
    return None if starts.startswith(_TABLE_STARTS) else unpacked.decode("utf-8-sig")


# ---------------------------------------------------------------------------------- books


def _book(content: bytes, path: Path) -> bool:
    portfolios = read_portfolios(path, market=own_market())
    for portfolio in portfolios:
        check_printable(portfolio.warnings)
        assert portfolio.account.isprintable()
        for held in portfolio.positions:
            assert held.quantity.is_finite()
            assert held.entry_price is None or held.entry_price > 0
            assert parse_name(held.instrument.name) == held.instrument
    text = _csv_text(content)
    if text is not None and "contracts" not in text.lower():
        found = [
            (p.account, held.instrument, Fraction(held.quantity), _fraction(held.entry_price))
            for p in portfolios
            for held in p.positions
        ]
        assert _sorted(found) == _sorted(_written_positions(text)), "not what the text says"
    margined = [is_margined(each, own_market()) for each in portfolios]
    return all(margined)


def _fraction(number: Decimal | None) -> Fraction | None:
    return None if number is None else Fraction(number)


def _sorted(found: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(found, key=repr)


def _written_positions(text: str) -> list[tuple[str, Instrument, Fraction | None, Fraction | None]]:
    # In a book a carriage return alone ends a row, in a table of quotes it is a part of its cell.
    header, *rows = plain.rows(text.replace("\r\n", "\n").replace("\r", "\n"))
    columns = [name.lower() for name in header]
    found = []
    for row in rows:
        cells = dict(zip(columns, row, strict=False))
        entry = cells.get("entry_price", "")
        found.append(
            (
                cells.get("account", "main"),
                parse_name(cells["instrument"]),
                plain.number(cells["quantity"]),
                plain.number(entry) if entry else None,
            )
        )
    return found


# --------------------------------------------------------------------------------- quotes

SETTLED = "MTM SETTLEMENT PRICE"
"""A column in which futures and, in rows of their own, their underlyings stand."""

# Columns in which a number of the quotes may stand.
_COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "mark": ("mark_price", "futures_price", "settlement_price", SETTLED),
        "bid": ("bid_price", "best_bid_price"),
        "ask": ("ask_price", "best_ask_price"),
        "iv": ("mark_iv", "iv"),
        "forward": ("underlying_price",),
        "index": ("index_price", "underlying_price"),
    }
)


def _quotes(content: bytes, path: Path) -> bool:
    try:
        quotes = read_quotes(path)
    except AmbiguousSnapshot:
        quotes = read_quotes(path, LATER)
    for found in quotes:
        check_printable(found.warnings)
        if isinstance(found, OptionQuotes | FutureQuotes):
            _check_numbers(found)
    text = _csv_text(content)
    if text is not None:
        rows = plain.table(text)
        for found in quotes:
            if isinstance(found, OptionQuotes | FutureQuotes):
                _check_written(found, rows)
    try:
        market = market_with(quotes)
    except SeawallError as error:
        check_refusal(error)
        return False
    check_printable(market.warnings)
    numbers = [(s.forward, *s.vol, s.atm_vol) for s in market.slices.values()]
    assert np.isfinite(np.concatenate([*numbers, [*market.futures.values()]])).all()
    return is_margined(book_of(market), market)


def _check_numbers(found: OptionQuotes | FutureQuotes) -> None:
    """They are finite, and negative only where prices may be: of an option not even there."""
    signed = np.array([is_signed(each.underlying) for each in found.instruments], dtype=bool)
    for name, values in vars_of(found).items():
        if isinstance(values, np.ndarray) and values.dtype == np.float64:
            assert not np.isinf(values).any(), f"{name} is infinite"
            free = signed & (name in ("forward", "index") or isinstance(found, FutureQuotes))
            assert not (values[~free] < 0.0).any(), f"{name} is negative"


def vars_of(found: object) -> dict[str, Any]:
    """The fields of a slotted dataclass."""
    return {name: getattr(found, name) for name in getattr(type(found), "__slots__", ())}


def _check_written(found: OptionQuotes | FutureQuotes, rows: Sequence[Mapping[str, str]]) -> None:
    """The numbers of every quote stand together in one row of the text."""
    given = {
        role: values for role in _COLUMNS if (values := getattr(found, role, None)) is not None
    }
    cells = [
        {role: _values(row, columns, role) for role, columns in _COLUMNS.items()} for row in rows
    ]
    if any(SETTLED in row for row in rows):
        indices = {value for row in cells for value in row["mark"]}
        cells = [row | {"index": indices} for row in cells]
    for place, contract in enumerate(found.instruments):
        told = {role: float(values[place]) for role, values in given.items()}
        assert any(
            all(math.isnan(value) or value in row[role] for role, value in told.items())
            for row in cells
        ), f"no row says {told} of {contract.name}"


def _values(row: Mapping[str, str], columns: Sequence[str], role: str) -> set[float]:
    """What the cells say; an implied volatility may be in percent."""
    numbers = [plain.number(row[column]) for column in columns if column in row]
    found = {float(number) for number in numbers if number is not None and abs(number) < 1e300}
    if role != "iv":
        return found
    # A column is divided by multiplying it.
    return found | {value / 100.0 for value in found} | {value * 0.01 for value in found}


def _glance(content: bytes, path: Path) -> None:
    for name in named_instruments(str(path)):
        assert isinstance(name, str)


# --------------------------------------------------------------------------------- models


def _model(content: bytes, path: Path) -> bool:
    model = read_model(path)
    for leaf in _leaves(msgspec.to_builtins(model)):
        assert leaf == leaf, "a number of the model is NaN"
        assert not isinstance(leaf, str) or leaf.isprintable(), f"not printable: {leaf!r}"
    return is_margined(own_book(), own_market(), model)


def _leaves(node: Any) -> Iterable[object]:
    """Everything in it that holds nothing else."""
    if not isinstance(node, dict | list | tuple):
        yield node
        return
    for each in node.values() if isinstance(node, dict) else node:
        yield from _leaves(each)


# ---------------------------------------------------------------------------------- texts


def _as_argument(content: bytes) -> str:
    """The text as a program would be handed it by a shell."""
    return content.decode("utf-8", "surrogateescape").replace("\0", "")


def _name(content: bytes, _: Path) -> None:
    instrument = parse_name(_as_argument(content))
    assert parse_name(instrument.name) == instrument, "its canonical name is another instrument"
    assert instrument.name.isascii()
    if isinstance(instrument, Option):
        assert 0.0 < instrument.strike < 1e12


def _price(content: bytes, _: Path) -> bool:
    text = _as_argument(content)
    [(asset, value)] = parse_prices([text]).items()
    name, _, written = text.partition("=")
    assert asset == name.strip()
    number = plain.number(written.strip())
    beyond = number is None and math.isinf(value)  # which no market takes
    assert beyond or (number is not None and _same(value, number)), f"{written!r} became {value}"
    return is_margined(own_book(), market_with([], {asset: value}))


def _same(value: float, number: Fraction) -> bool:
    try:
        return value == float(number)
    except OverflowError:
        return math.isinf(value)


def _trade(content: bytes, _: Path) -> bool:
    text = _as_argument(content)
    trade = parse_trade(text)
    name, _, rest = text.rpartition(":")
    quantity, _, price = rest.partition("@")
    assert parse_name(name.strip()) == trade.instrument
    assert plain.number(quantity.strip()) == Fraction(trade.quantity)
    written = plain.number(price.strip()) if price else None
    assert written == _fraction(trade.price)
    return is_margined_after(own_book(), trade, own_market())


def _time(content: bytes, _: Path) -> None:
    text = _as_argument(content).strip()
    instant = parse_utc(text)
    assert instant.tzinfo is UTC
    assert text.isascii()
    day, hours = text[:10], text[11:13]
    if text[4:5] == "-" and text[7:8] == "-" and hours.isdigit():
        local = datetime.fromisoformat(f"{day}T{hours}:00+00:00")
        assert abs(instant - local) < timedelta(hours=25)


DOORS: Mapping[str, Callable[[bytes, Path], bool | None]] = MappingProxyType(
    {
        "book": _book,
        "quotes": _quotes,
        "glance": _glance,
        "model": _model,
        "name": _name,
        "price": _price,
        "trade": _trade,
        "time": _time,
    }
)
"""By the names that seeds use."""
