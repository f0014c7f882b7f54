"""An option chain as a strategist sees it, and the named strategies that can be built on it.

Every strategy is one coin in size; quantities are + long, − short.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seawall.basics.time import DAYS_PER_YEAR, tenor_years
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.names import contract_name
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.report.schema import MarginReport
from seawall.risk.book import UnderlyingBook, join

Holdings = list[tuple[str, float]]


@dataclass(frozen=True)
class Chain:
    """One expiry: the strikes at which both a call and a put are listed, ascending."""

    market: MarketSnapshot
    slice: OptionSlice
    strikes: list[float]

    @property
    def underlying(self) -> str:
        return self.slice.key[0]

    @property
    def spot(self) -> float:
        return self.market.spot_usd(self.underlying)

    @property
    def days(self) -> float:
        return tenor_years(self.market.as_of, self.slice.key[2]) * DAYS_PER_YEAR

    @property
    def future(self) -> str:
        return contract_name(*self.slice.key)

    @property
    def perpetual(self) -> str:
        return f"{self.underlying}-PERPETUAL"

    def near(self, moneyness: float) -> float:
        """The strike nearest to that multiple of the forward."""
        target = self.slice.forward * moneyness
        return min(self.strikes, key=lambda strike: abs(np.log(strike / target)))

    def call(self, strike: float) -> str:
        return contract_name(*self.slice.key, strike, "call")

    def put(self, strike: float) -> str:
        return contract_name(*self.slice.key, strike, "put")

    def margin(self, held: Holdings, model: str = "prbm") -> MarginReport:
        return margin(portfolio(held), self.market, model)

    def book(self, held: Holdings) -> UnderlyingBook:
        return join(portfolio(held), self.market).underlyings[0]


def chains(market: MarketSnapshot, more_than_days: float = 1.0) -> list[Chain]:
    """The market's expiries with five strikes or more."""
    found = []
    for column in market.slices.values():
        calls = {float(k) for k in column.strike[column.is_call]}
        puts = {float(k) for k in column.strike[~column.is_call]}
        chain = Chain(market, column, sorted(calls & puts))
        if chain.days > more_than_days and len(chain.strikes) >= 5:
            found.append(chain)
    assert found
    return found


def covered_calls(chain: Chain) -> Iterator[Holdings]:
    for strike in {chain.near(m) for m in (1.0, 1.05, 1.2)}:
        yield [(chain.underlying, 1), (chain.call(strike), -1)]


def boxes(chain: Chain) -> Iterator[tuple[float, float, Holdings]]:
    for low, high in {(chain.near(0.9), chain.near(1.1)), (chain.strikes[0], chain.strikes[-1])}:
        if low < high:
            bull = [(chain.call(low), 1), (chain.call(high), -1)]
            yield low, high, [*bull, (chain.put(high), 1), (chain.put(low), -1)]


def conversions(chain: Chain) -> Iterator[tuple[str, Holdings]]:
    """Long future or spot, long put, short call of one strike."""
    for strike in {chain.near(m) for m in (0.8, 1.0, 1.2)}:
        for leg in (chain.future, chain.underlying):
            yield leg, [(leg, 1), (chain.call(strike), -1), (chain.put(strike), 1)]


def butterflies(chain: Chain) -> Iterator[tuple[float, Holdings]]:
    """Long butterflies of equal wings whose body is within a quarter of the forward."""
    count = len(chain.strikes)
    for i in range(1, count - 1):
        for width in range(1, min(i, count - 1 - i, 3) + 1):
            low, body, high = chain.strikes[i - width], chain.strikes[i], chain.strikes[i + width]
            even = np.isclose(high - body, body - low)
            if even and abs(np.log(body / chain.slice.forward)) < 0.25:
                yield body, [(chain.call(low), 1), (chain.call(body), -2), (chain.call(high), 1)]


def calendars(chain: Chain) -> Iterator[tuple[str, str]]:
    """Names of a short option and of the same one of a later expiry."""
    for strike in {chain.near(m) for m in (0.85, 1.0, 1.15)}:
        for near, right in ((chain.call(strike), "call"), (chain.put(strike), "put")):
            for key in chain.market.slices:
                far = contract_name(*key, strike, right)
                later = key[:2] == chain.slice.key[:2] and key[2] > chain.slice.key[2]
                if later and far in chain.market.option_rows:
                    yield near, far


def straddles(chain: Chain) -> Iterator[tuple[Holdings, tuple[str, float]]]:
    """Short straddles and the perpetuals that take their delta away."""
    for strike in {chain.near(m) for m in (0.9, 1.0, 1.1)}:
        short: Holdings = [(chain.call(strike), -1), (chain.put(strike), -1)]
        book = chain.book(short)
        yield short, (chain.perpetual, round(-float(book.quantity @ book.delta), 4))


def basis_trades(chain: Chain) -> Iterator[Holdings]:
    for leg in (chain.perpetual, chain.underlying):
        yield [(leg, 1), (chain.future, -1)]
