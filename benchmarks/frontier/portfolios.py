"""The books: legs struck anew each day at constant tenor, moneyness and size in USD.

A leg's quantity is in units of its notional in USD, + long: 1 of a perpetual gains 1 % of a dollar
when the coin gains 1 %, 1 of an option is on a dollar's worth of the coin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["perpetual", "future", "call", "put"]
BOOK_SIZE_USD = 10e6
CONCENTRATED_SIZE_USD = 200e6
SEED = 20_170_817
RANDOM_BOOKS = 6
HEDGED = "delta-hedged"


@dataclass(frozen=True, slots=True, order=True)
class Leg:
    """One contract by kind, coin, days to expiry and strike over forward (both 0 of perpetuals)."""

    kind: Kind
    coin: str
    tenor_days: float = 0.0
    moneyness: float = 0.0

    @property
    def is_option(self) -> bool:
        """Whether it is an option."""
        return self.kind in ("call", "put")


@dataclass(frozen=True, slots=True)
class Book:
    """A rule for a book: name, family, legs with quantities, and its size in USD.

    ``hedged`` adds a perpetual that takes the delta of the options to zero each day. ``modelled``
    books hold a volatility or a basis that no exchange recorded.
    """

    name: str
    family: str
    legs: tuple[tuple[Leg, float], ...]
    size_usd: float = BOOK_SIZE_USD
    hedged: bool = False

    @property
    def modelled(self) -> bool:
        """Whether some leg's price is modelled rather than recorded."""
        return any(leg.kind != "perpetual" for leg, _ in self.legs)

    @property
    def has_options(self) -> bool:
        """Whether some leg is an option."""
        return any(leg.is_option for leg, _ in self.legs)


def perpetual(coin: str, quantity: float) -> tuple[Leg, float]:
    """A perpetual and its quantity."""
    return Leg("perpetual", coin), quantity


def future(coin: str, days: float, quantity: float) -> tuple[Leg, float]:
    """A dated future and its quantity."""
    return Leg("future", coin, days), quantity


def call(coin: str, days: float, moneyness: float, quantity: float) -> tuple[Leg, float]:
    """A call and its quantity."""
    return Leg("call", coin, days, moneyness), quantity


def put(coin: str, days: float, moneyness: float, quantity: float) -> tuple[Leg, float]:
    """A put and its quantity."""
    return Leg("put", coin, days, moneyness), quantity


def delta_one() -> list[Book]:
    """Books of perpetuals and dated futures."""
    books: list[Book] = []
    for coin in ("BTC", "ETH", "SOL"):
        books.append(Book(f"long {coin}", "outright", (perpetual(coin, 1.0),)))
        books.append(Book(f"short {coin}", "outright", (perpetual(coin, -1.0),)))
    for here, there in (("BTC", "ETH"), ("ETH", "BTC"), ("BTC", "SOL"), ("SOL", "ETH")):
        legs = (perpetual(here, 0.5), perpetual(there, -0.5))
        books.append(Book(f"long {here} short {there}", "pair", legs))
    for sign, word in ((1.0, "long"), (-1.0, "short")):
        legs = (perpetual("BTC", 0.5 * sign), perpetual("ETH", 0.5 * sign))
        books.append(Book(f"{word} BTC and ETH", "basket", legs))
    three = tuple(perpetual(coin, 1.0 / 3.0) for coin in ("BTC", "ETH", "SOL"))
    books.append(Book("long three coins", "basket", three))
    for coin in ("BTC", "ETH"):
        carry = (perpetual(coin, 0.5), future(coin, 90.0, -0.5))
        books.append(Book(f"cash and carry {coin}", "basis", carry))
        reverse = (perpetual(coin, -0.5), future(coin, 90.0, 0.5))
        books.append(Book(f"reverse carry {coin}", "basis", reverse))
    big = (perpetual("SOL", 1.0),)
    books.append(Book("concentrated SOL", "concentrated", big, CONCENTRATED_SIZE_USD))
    return books


def option_books(coin: str) -> list[Book]:
    """Option strategies on one coin, with one month to expiry unless the name says otherwise."""

    def book(name: str, family: str, *legs: tuple[Leg, float], hedged: bool = False) -> Book:
        return Book(f"{name} {coin}", family, legs, hedged=hedged)

    def straddle(days: float, size: float) -> tuple[tuple[Leg, float], ...]:
        return call(coin, days, 1.0, size), put(coin, days, 1.0, size)

    strangle = put(coin, 30.0, 0.85, -0.5), call(coin, 30.0, 1.15, -0.5)
    wings = put(coin, 30.0, 0.75, 0.5), call(coin, 30.0, 1.25, 0.5)
    return [
        book("covered call", "covered call", perpetual(coin, 1.0), call(coin, 30.0, 1.1, -1.0)),
        book("protective put", "covered call", perpetual(coin, 1.0), put(coin, 30.0, 0.9, 1.0)),
        book("short put", "naked option", put(coin, 30.0, 0.9, -1.0)),
        book("short strangle", "strangle", *strangle),
        book("short straddle", "straddle", *straddle(30.0, -0.5)),
        book("long straddle", "straddle", *straddle(30.0, 0.5)),
        book("iron condor", "condor", *strangle, *wings),
        book(
            "short butterfly",
            "butterfly",
            call(coin, 30.0, 0.9, -0.5),
            call(coin, 30.0, 1.0, 1.0),
            call(coin, 30.0, 1.1, -0.5),
        ),
        book("calendar", "calendar", call(coin, 30.0, 1.0, -1.0), call(coin, 90.0, 1.0, 1.0)),
        book("hedged short straddle", HEDGED, *straddle(30.0, -0.5), hedged=True),
        book("hedged short week", HEDGED, *straddle(7.0, -0.5), hedged=True),
        book("hedged condor", HEDGED, *strangle, *wings, hedged=True),
    ]


def random_books(rng: np.random.Generator) -> list[Book]:
    """Books of three to six legs drawn from tenors, strikes, coins and signs."""
    books: list[Book] = []
    for number in range(1, RANDOM_BOOKS + 1):
        legs: dict[Leg, float] = {}
        for _ in range(int(rng.integers(3, 7))):
            coin = str(rng.choice(["BTC", "ETH"]))
            kind = str(rng.choice(["call", "put", "perpetual"], p=[0.4, 0.4, 0.2]))
            size = float(np.round(rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 0.5), 2))
            days, strike = float(rng.choice([7, 30, 90])), float(rng.choice([0.85, 0.9, 1.0, 1.1]))
            made = {"call": call(coin, days, strike, size), "put": put(coin, days, strike, size)}
            leg, quantity = made.get(kind, perpetual(coin, size))
            legs[leg] = legs.get(leg, 0.0) + quantity
        books.append(Book(f"random {number}", "random", tuple(legs.items())))
    return books


def all_books() -> list[Book]:
    """Every book of the benchmark."""
    concentrated = Book(
        "concentrated short puts BTC",
        "concentrated",
        (put("BTC", 7.0, 0.9, -1.0),),
        CONCENTRATED_SIZE_USD,
    )
    drawn = random_books(np.random.default_rng(SEED))
    return [*delta_one(), *option_books("BTC"), *option_books("ETH"), concentrated, *drawn]


def six_books() -> list[Book]:
    """The delta-one set-up: BTC and ETH long and short, both long, and one against the other."""
    wanted = ("long BTC", "short BTC", "long ETH", "short ETH")
    books = [book for book in delta_one() if book.name in wanted]
    more = ("long BTC and ETH", "long BTC short ETH")
    return books + [book for book in delta_one() if book.name in more]


def legs_of(books: Sequence[Book]) -> tuple[Leg, ...]:
    """Every leg that a book holds, perpetuals of hedges included, in a fixed order."""
    held = {leg for book in books for leg, _ in book.legs}
    hedges = {Leg("perpetual", leg.coin) for book in books if book.hedged for leg, _ in book.legs}
    return tuple(sorted(held | hedges))
