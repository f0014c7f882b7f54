"""What was read, margined: the requirement is finite and not negative, the report sound JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from seawall.basics.errors import SeawallError
from seawall.feeds.market import read_quotes
from seawall.margin.model import MarginModel
from seawall.market.assemble import assemble_snapshot
from seawall.market.carry import CarryQuotes
from seawall.market.quotes import FutureQuotes, OptionQuotes, Told
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio, portfolio
from seawall.report.build import margin
from seawall.report.schema import MarginReport
from seawall.report.what_if import what_if
from seawall.risk.trades import Trade
from tests.equity_tables import INR_USD, cboe
from tests.fuzz.refusals import check_printable, check_refusal
from tests.histories import history_until
from tests.naive.black76 import price
from tests.tables import AS_OF, INDEX, chain, listing, write

MODEL = "prbm"
PRICES = {"ETH-USDC-LP": 61.5, "ETH": 2_100.0, "EUR": 1.16}
NVDA = 170.0
NEAR = timedelta(days=1)
"""What is quoted further from our quotes is on shares or commodities, and stands for itself."""

MOST_HELD = 12
"""Contracts of a market that are held."""


@cache
def own_quotes() -> tuple[Told, ...]:
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


def index_chain() -> pl.DataFrame:
    """European options on an index, as Cboe lays them out."""
    return cboe().filter(pl.col("strike").is_in([5_400.0, 6_000.0, 6_600.0]))


def share_chain() -> pl.DataFrame:
    """American options on a share, as Cboe lays them out: two, as each takes its time."""
    index = index_chain().head(2)
    value = {True: price(NVDA, NVDA, 0.45, 108 / 365, True)}
    value[False] = value[True] + 0.1
    return index.with_columns(
        pl.lit("NVDA").alias("underlying"),
        pl.lit("NVDA").alias("root"),
        pl.lit(NVDA).alias("underlying_price"),
        pl.lit(NVDA).alias("strike"),
        pl.Series("instrument_name", [f"NVDA260618{right}00170000" for right in "CP"]),
        pl.Series("bid_price", [round(value[call] - 0.05, 2) for call in (True, False)]),
        pl.Series("ask_price", [round(value[call] + 0.05, 2) for call in (True, False)]),
    )


@cache
def own_shares(frame: Callable[[], pl.DataFrame]) -> tuple[Told, ...]:
    """What a table of rates, or of dividends, is tried with."""
    with TemporaryDirectory() as folder:
        return tuple(read_quotes(write(frame(), Path(folder) / "shares.csv")))


@cache
def own_market() -> MarketSnapshot:
    """The market in which books and models are tried, with a past."""
    return replace(market_with([], {}), history=history_until(("BTC", "ETH"), AS_OF))


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
    quotes: Sequence[Told], prices: Mapping[str, float] | None = None
) -> MarketSnapshot:
    """The market of the quotes; of options and futures, those that are not among them are ours.

    A curve alone has no option, a chain of tardis no index, an activity table no price, rates and
    dividends are of shares. With ``prices`` come those of the other assets of our book.
    """
    priced = [given for given in quotes if isinstance(given, OptionQuotes | FutureQuotes)]
    if any(abs(given.as_of - AS_OF) > NEAR for given in priced):
        return assemble_snapshot(quotes, {"INR": INR_USD})
    own = own_quotes()
    for given in quotes:
        if isinstance(given, CarryQuotes):
            own = own_shares(share_chain if given.dividends else index_chain)
    lacking = [
        each
        for each in own
        if isinstance(each, OptionQuotes | FutureQuotes)
        and not any(isinstance(given, type(each)) for given in priced)
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
