"""Discount factors and dividends: small tables without a time of their own.

Discount factors: ``T, DF``, years from the snapshot and the factor; with a ``currency`` column of
that currency, else of USD. Dividends: ``underlying, ex_date, amount``, what one share pays to who
holds it before that day's open, in the currency of its market. Both are read whole, and every row
that is none is an error: left out it would change the price of all that is later.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime

import numpy as np

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadNumber, UnrecognisedFile
from seawall.feeds.tables import Table, collect, numbered, text
from seawall.market.carry import CarryQuotes, DiscountCurve, Dividend
from seawall.market.forwards import MAX_RATE, MIN_RATE
from seawall.products.assets import CURRENCIES
from seawall.products.instruments import CASH
from seawall.products.markets import ShareMarket, ends_at, is_index, market_of

RATE_COLUMNS = ("T", "DF")
DIVIDEND_COLUMNS = ("underlying", "ex_date", "amount")
"""The columns by which each is recognised."""

MAX_ROWS = 100_000
MAX_TENOR_YEARS = 100.0


def read_rates(table: Table, at: datetime | None) -> list[CarryQuotes]:
    """The discount curves. Raises BadNumber for a row that is none or a tenor told twice."""
    factors: dict[str, dict[float, float]] = {}
    for row in _rows(table, (*RATE_COLUMNS, "currency")):
        where, currency = f"{table.name} row {row['row']}", row.get("currency") or CASH
        tenor, factor = (_number(row, name, where) for name in RATE_COLUMNS)
        known = factors.setdefault(currency, {})
        possible = (
            0.0 <= tenor <= MAX_TENOR_YEARS
            and factor > 0.0
            and MIN_RATE * tenor <= -math.log(factor) <= MAX_RATE * tenor
        )
        if currency not in CURRENCIES or not possible or tenor in known:
            raise BadNumber(
                f"the discount factor {row['DF']} of {currency} for {row['T']} years cannot be one",
                where=where,
                remedy=f"Give each tenor once, in years, at most {MAX_TENOR_YEARS:g}, a factor "
                f"of a rate between {MIN_RATE:.0%} and {MAX_RATE:.0%} a year, and a currency such "
                "as USD.",
            )
        known[tenor] = factor
    curves: dict[str, DiscountCurve] = {}
    for currency, known in factors.items():
        tenors = sorted(known.keys() - {0.0})
        if tenors:
            curves[currency] = DiscountCurve(
                np.array(tenors), np.array([known[tenor] for tenor in tenors])
            )
    if not curves:
        raise UnrecognisedFile(
            "it has no discount factor",
            where=table.name,
            remedy="Give rows of years above 0 and factors, such as 0.25,0.9886.",
        )
    return [CarryQuotes(source=table.name, curves=curves, warnings=table.warnings)]


def read_dividends(table: Table, at: datetime | None) -> list[CarryQuotes]:
    """The dividends. Raises BadNumber for a row that is none or a day told twice."""
    told: dict[str, dict[date, float]] = {}
    for row in _rows(table, DIVIDEND_COLUMNS):
        where, share = f"{table.name} row {row['row']}", row["underlying"] or ""
        amount, day = _number(row, "amount", where), _date(row["ex_date"], where)
        known = told.setdefault(share, {})
        pays = isinstance(market_of(share), ShareMarket) and not is_index(share)
        if not pays or not amount >= 0.0 or day in known:
            raise BadNumber(
                f"the dividend {row['amount']} of {share or 'nothing'} on {day} cannot be one",
                where=where,
                remedy="Give each day of a share once, such as NVDA.US,2025-03-12,0.01.",
            )
        known[day] = amount
    dividends = {
        share: tuple(
            Dividend(ends_at(market, day, at_open=True), known[day]) for day in sorted(known)
        )
        for share, known in told.items()
        if (market := market_of(share)) is not None
    }
    if not dividends:
        raise UnrecognisedFile(
            "it has no dividend",
            where=table.name,
            remedy="Give rows such as NVDA.US,2025-03-12,0.01.",
        )
    return [CarryQuotes(source=table.name, dividends=dividends, warnings=table.warnings)]


def _rows(table: Table, columns: tuple[str, ...]) -> list[dict[str, str | None]]:
    """All rows as text, by column, with their number."""
    wanted = {name: text(table, name) for name in columns if name in table.schema}
    rows = collect(table, numbered(table, wanted).head(MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise UnrecognisedFile(
            f"it has more than {MAX_ROWS} rows",
            where=table.name,
            remedy="Give a curve or the dividends of the shares that are held.",
        )
    return [*rows.iter_rows(named=True)]


def _number(row: Mapping[str, str | None], name: str, where: str) -> float:
    return float(parse_decimal(row[name] or "", name, where))


def _date(written: str | None, where: str) -> date:
    try:
        return datetime.fromisoformat(written or "").date()
    except ValueError:
        raise BadNumber(
            f"{written!r:.40} is no date", where=where, remedy="Give it as 2025-03-12."
        ) from None
