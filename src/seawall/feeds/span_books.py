"""Books of contracts as a SPAN file lists them, and what they require by that file.

A row names a contract by what the file tells of it, as far as that is needed to mean one alone:
``product``, ``expiry`` (CCYYMM or CCYYMMDD; an option's own, else the future's period), ``strike``,
``right`` (C or P, blank for a future), and where several remain ``exchange``, ``type`` and
``future``; or by its whole name in ``contract``. ``quantity`` is in contracts, long +. Rows of an
``account`` belong together.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from difflib import SequenceMatcher
from heapq import nsmallest
from pathlib import Path

from seawall.basics.errors import BadNumber, UnknownInstrument, UnrecognisedFile
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.feeds.files import WRITE_AGAIN, as_path, read_text
from seawall.feeds.span_files import AccountClass, read_span
from seawall.feeds.span_house import ContractKey, SpanFile, strike_text
from seawall.margin import span
from seawall.report.span import SpanMargin, span_margin

__all__ = ["BookRow", "read_span_book", "span_file_margins"]

MAX_BOOK_BYTES = 64 * 1024**2
_KEYS = ("exchange", "product", "type", "right", "future")
_COLUMNS = (*_KEYS, "contract", "expiry", "strike", "quantity", "account")
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class BookRow:
    """One row of a book: what it tells of a contract, blanks left out, and how many are held."""

    told: tuple[tuple[str, str], ...]
    quantity: float
    account: str
    where: str

    def means(self, key: ContractKey) -> bool:
        """Whether the contract is as the row tells."""
        return all(_told_of(key, name) == value for name, value in self.told)


def _told_of(key: ContractKey, name: str) -> str:
    if name == "contract":
        return key.name
    return key.last_period if name == "expiry" else str(getattr(key, name))


def read_span_book(path: str | Path) -> tuple[BookRow, ...]:
    """The rows of a CSV file. Raises UnreadableFile, UnrecognisedFile for a column that is not
    known or missing, BadNumber for a quantity or strike that is none.
    """
    file = as_path(path)
    reader = csv.DictReader(io.StringIO(read_text(file, "CSV", MAX_BOOK_BYTES)))
    header = [name.strip() for name in reader.fieldnames or ()]
    unknown = [name for name in header if name not in _COLUMNS]
    if unknown or "quantity" not in header or not {"contract", "product"} & set(header):
        raise UnrecognisedFile(
            f"column {unknown[0]!r:.40} is not known" if unknown else "no such columns",
            where=file.name,
            remedy=f"Give product or contract, and quantity; known are {', '.join(_COLUMNS)}.",
        )
    rows = [
        _row(dict(zip(header, row.values(), strict=False)), f"{file.name} row {number}")
        for number, row in enumerate(reader, 2)
    ]
    if not rows:
        raise UnrecognisedFile("it has no row", where=file.name, remedy="Give a position.")
    return tuple(rows)


def _row(cells: Mapping[str, str | None], where: str) -> BookRow:
    own = {name: (value or "").strip() for name, value in cells.items()}
    strike = own.get("strike", "")
    if strike:
        own["strike"] = strike_text(_decimal(strike, "strike", where))
    if "product" in own and not own.get("contract"):
        # A future has neither: a blank there says so.
        told = {name: own.get(name, "") for name in ("right", "strike")}
    else:
        told = {}
    told |= {name: own[name] for name in (*_KEYS, "contract", "expiry", "strike") if own.get(name)}
    if not own.get("product") and not own.get("contract"):
        raise BadNumber("no contract is named", where=where, remedy="Fill product or contract.")
    return BookRow(
        told=tuple(told.items()),
        quantity=float(_decimal(own["quantity"], "quantity", where)),
        account=own.get("account") or "main",
        where=where,
    )


def _decimal(text: str, name: str, where: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or abs(found) > Decimal(10) ** 15:
        raise BadNumber(
            f"{name} is {text!r:.40}, which is no number", where=where, remedy="Correct it."
        )
    return found


def span_file_margins(
    path: str | Path,
    book: str | Path,
    policy: span.ClearingPolicy,
    account_class: AccountClass = "speculator",
) -> tuple[SpanMargin, ...]:
    """What each account of a book requires by a file, of which only the contracts held are kept.

    Raises UnknownInstrument for a row that means no contract or several, and what reading raises.
    """
    rows = read_span_book(book)
    house = read_span(path, policy, account_class, lambda key: any(r.means(key) for r in rows))
    named = [(row, _meant(row, house, path)) for row in rows]
    accounts = dict.fromkeys(row.account for row in rows)
    day = _day(house.business_date, as_path(path).name)
    return tuple(
        span_margin(
            [
                span.Holding(contract=key.name, quantity=row.quantity)
                for row, key in named
                if row.account == account
            ],
            house.parameters,
            account=account,
            clearing_house=house.complex,
            business_date=day,
            account_class=account_class,
            left_out=house.left_out,
        )
        for account in accounts
    )


def _day(text: str, where: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadNumber(
            f"the business date is {text!r:.20}, which is no day", where=where, remedy=WRITE_AGAIN
        ) from None


def _meant(row: BookRow, house: SpanFile, path: str | Path) -> ContractKey:
    found = [key for key in house.keys if row.means(key)]
    if len(found) == 1:
        return found[0]
    told = ", ".join(f"{name} {value or 'blank'}" for name, value in row.told)
    if found:
        names = ", ".join(key.name for key in found[:_SHOWN])
        what, remedy = f"{told} means several contracts: {names}", "Tell them apart by more keys."
    else:
        what = f"{told} is no contract of the file"
        left_out = "; ".join(house.left_out[:_SHOWN])
        why = f" Left out of it: {left_out}." if left_out else ""
        remedy = f"{_instead(row, path, house)}Correct the row, or leave it out.{why}"
    raise UnknownInstrument(what, where=row.where, remedy=remedy)


def _instead(row: BookRow, path: str | Path, house: SpanFile) -> str:
    """The contracts of the row's product that are nearest to what it tells, or the product that
    was probably meant. The file is read once more for them: only keys are held, of one product.
    """
    told = dict(row.told)
    own = {told["product"]} if "product" in told else set(told["contract"].split())
    of_product: set[ContractKey] = set()
    products: set[str] = set()

    def look(key: ContractKey) -> bool:
        products.add(key.product)
        if key.product in own:
            of_product.add(key)
        return False

    read_span(path, house.parameters.policy, wanted=look)
    near = nsmallest(_SHOWN, of_product, key=lambda key: (*_distance(told, key), key.name))
    if near:
        return f"Nearest in the file: {', '.join(key.name for key in near)}. "
    return did_you_mean(nearest_name(told.get("product", ""), products), "")


def _distance(told: Mapping[str, str], key: ContractKey) -> tuple[float, ...]:
    """How far a contract is from what is told: first in kind, then in months, then in strike."""
    if "contract" in told:
        return (-SequenceMatcher(None, told["contract"], key.name).ratio(),)
    other = sum(_told_of(key, n) != told[n] for n in ("exchange", "type", "right") if n in told)
    expiry, strike = told.get("expiry", ""), told.get("strike", "")
    months = abs(_months(expiry) - _months(key.last_period)) if expiry else 0
    away = abs(Decimal(strike) - Decimal(key.strike)) if strike and key.strike else 0
    return float(other), float(months), float(away)


def _months(period: str) -> int:
    """Months of a period CCYYMM…, 0 where it is none."""
    digits = period[:6]
    return int(digits[:4]) * 12 + int(digits[4:]) if len(digits) == 6 and digits.isdigit() else 0
