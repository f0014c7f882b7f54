"""What was read, margined: the requirement is finite and not negative, the report sound JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from seawall.basics.errors import SeawallError
from seawall.feeds.market import read_quotes
from seawall.margin.model import MarginModel
from seawall.market.assemble import assemble_snapshot
from seawall.market.quotes import FutureQuotes, OptionQuotes, Quotes
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio, portfolio
from seawall.report.build import margin
from seawall.report.schema import MarginReport
from seawall.report.what_if import what_if
from seawall.risk.trades import Trade
from tests.fuzz.refusals import check_printable, check_refusal
from tests.tables import AS_OF, INDEX, chain, listing, write

MODEL = "prbm"
PRICES = {"ETH-USDC-LP": 61.5, "ETH": 2_100.0, "EUR": 1.16}
MOST_HELD = 12
"""Contracts of a market that are held."""


@cache
def own_quotes() -> tuple[Quotes, ...]:
    """A chain, and a listing of a perpetual, a dated future and a linear perpetual."""
    linear = pl.DataFrame(
        {
            "timestamp": [AS_OF],
            "instrument_name": ["BTC_USDT-PERPETUAL"],
            "mark_price": [70_450.0],
            "index_price": [INDEX],
        }
    )
    listed = {"options": chain(), "futures": pl.concat([listing(), linear])}
    with TemporaryDirectory() as folder:
        files = [write(frame, Path(folder) / f"{name}.csv") for name, frame in listed.items()]
        return tuple(quotes for file in files for quotes in read_quotes(file))


@cache
def own_market() -> MarketSnapshot:
    """The market in which books and models are tried."""
    return market_with([], {})


@cache
def own_book() -> Portfolio:
    """The book on which models are tried: both futures, options of either sign, collateral."""
    return portfolio(
        [
            ("BTC-PERPETUAL", -2, 70_000),
            ("BTC-27MAR26", 1),
            ("BTC-27MAR26-80000-C", -12.5),
            ("BTC-27MAR26-60000-P", 4),
            ("ETH-USDC-LP", 100),
            ("EUR", 1_000),
            ("USDC", 250_000),
            ("BTC", 1.5),
        ]
    )


def market_with(
    quotes: Sequence[Quotes], prices: Mapping[str, float] | None = None
) -> MarketSnapshot:
    """The market of the quotes; of options and futures, those that are not among them are ours.

    A curve alone has no option, a chain of tardis no index, an activity table no price. With
    ``prices`` come those of the other assets of our book.
    """
    lacking = [
        own
        for own in own_quotes()
        if isinstance(own, OptionQuotes | FutureQuotes)
        and not any(isinstance(given, type(own)) for given in quotes)
    ]
    return assemble_snapshot([*quotes, *lacking], None if prices is None else PRICES | prices)


def book_of(market: MarketSnapshot) -> Portfolio:
    """Some of each contract that the market prices, by turns long and short, and cash."""
    names = [name for each in market.slices.values() for name in each.names]
    futures = sorted(market.futures)
    step = max(1, len(names) // MOST_HELD)
    held = [*names[::step][:MOST_HELD], *futures[:MOST_HELD]]
    contracts = [(name, (-1) ** place * (1 + place / 4)) for place, name in enumerate(held)]
    return portfolio([*contracts, ("USD", 100_000)])


def is_margined(book: Portfolio, market: MarketSnapshot, model: str | MarginModel = MODEL) -> bool:
    """Whether there is a margin, which is sound then; False where it is refused with a reason."""
    try:
        check_report(margin(book, market, model))
    except SeawallError as error:
        check_refusal(error)
        return False
    return True


def is_margined_after(book: Portfolio, trade: Trade, market: MarketSnapshot) -> bool:
    """Whether a trade changes the margin from one that is sound to another, or is refused."""
    try:
        effect = what_if(book, trade, market, MODEL)
    except SeawallError as error:
        check_refusal(error)
        return False
    for report in (effect.before, effect.after):
        check_report(report)
    assert effect.initial_change == effect.after.initial - effect.before.initial
    return True


def check_report(report: MarginReport) -> None:
    """Its requirement is finite and not negative, its rows add up, its JSON holds no NaN."""
    for amount in (report.initial, report.maintenance):
        assert amount.is_finite(), "a requirement that is not finite"
        assert amount >= 0, f"a requirement of {amount}"
    assert sum(row.initial for row in report.rows) == report.initial, "rows that do not add up"
    assert sum(row.value for row in report.collateral_rows) == report.equity
    check_printable(report.warnings)
    json.loads(report.to_json(), parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"a report with {constant} in it")
