"""What a resident book is handed, checked at its doors."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

from seawall.basics.errors import InputError
from seawall.margin.resident.state import State
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Instrument, is_money
from seawall.products.names import parse_name
from seawall.products.portfolio import Number, Portfolio
from seawall.report.build import require
from seawall.report.what_if import parse_trade
from seawall.risk.resident import MONEY
from seawall.risk.trades import Trade

# Sizes of numbers, and places of Decimals, for which no rule of a trade refuses any.
_LEAST_PLAIN, _MOST_PLAIN, _PLACES = 1e-12, 1e15, 12


def several(given: object) -> list[Any]:
    """What was handed in as several things. Raises InputError for text and for what is one."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InputError(
            f"{given!r:.60} is no list",
            where="MarginBook",
            remedy="Give a list of portfolios, and instruments as a list of names.",
        )
    return [*cast("Iterable[Any]", given)]


def checked_portfolios(portfolios: object) -> list[Portfolio]:
    """Raise InputError for what is no portfolio, or an account twice."""
    given = [portfolios] if isinstance(portfolios, Portfolio) else several(portfolios)
    names: set[str] = set()
    for each in given:
        require(each, Portfolio)
        if each.account in names:
            raise InputError(
                f"account {each.account!r} is given twice",
                where="portfolios",
                remedy="Give each account one portfolio.",
            )
        names.add(each.account)
    return given


def instrument_of(given: object) -> Instrument:
    """An instrument, or one of that name. Raises InputError for what is neither."""
    return given if isinstance(given, Instrument) else parse_name(_text(given))


def trade_of(instrument: str, quantity: Number, price: Number | None) -> Trade:
    """Raises what :func:`seawall.report.what_if.parse_trade` raises."""
    name = _text(instrument)
    return parse_trade((name, quantity) if price is None else (name, quantity, price))


def _text(name: object) -> str:
    if isinstance(name, str):
        return name
    raise InputError(
        f"{name!r:.60} is no name of an instrument",
        where="MarginBook",
        remedy="Give it as text, such as BTC-PERPETUAL.",
    )


def home_named(underlying: object, state: State, market: MarketSnapshot) -> str:
    """The part that a tick of an underlying, or of money, is of. Raises InputError for neither."""
    if isinstance(underlying, str):
        if underlying in state.place:
            return underlying
        if underlying in market.index_usd and not _is_money(underlying):
            return underlying
        if _is_money(underlying):
            return MONEY
    raise InputError(
        f"{underlying!r:.60} is no underlying that the book or the market knows",
        where="MarginBook",
        remedy=f"Name one of {', '.join(sorted(state.place))}, or tick_all.",
    )


def _is_money(name: str) -> bool:
    try:
        return is_money(parse_name(name))
    except InputError:
        return False


def positive(refresh_every: int) -> int:
    """A number of fills. Raises InputError for none."""
    # Programs hand in what they have; True is a number too.
    if type(refresh_every) is int and refresh_every > 0:
        return refresh_every
    raise InputError(
        f"refresh_every is {refresh_every!r:.40}",
        where="MarginBook",
        remedy="Give a number of fills, 1 or more.",
    )


def is_plain(number: object) -> bool:
    """Whether a number is one that floats trade as Decimals do; its parser tells what is none."""
    if isinstance(number, bool) or not isinstance(number, float | int | Decimal):
        return False
    try:
        if isinstance(number, Decimal) and number != round(number, _PLACES):
            return False
        return _LEAST_PLAIN < abs(number) < _MOST_PLAIN
    except (ArithmeticError, ValueError):
        return False
