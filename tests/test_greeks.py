"""The report's Greeks against bump and reprice: the market is moved and the positions valued again.

The market's numbers are written here, read as files, and the account is valued by the textbook
formula on the same numbers; nothing of the engine's own valuation is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seawall as sw
from seawall.products.names import parse_name
from tests.naive.black76 import price
from tests.tables import write

AS_OF = datetime(2026, 2, 5, 16, 0, 12, 345_000, tzinfo=UTC)
YEAR, DAY = timedelta(days=365), timedelta(days=1)
USDC = 0.98
INDEX_USD = {"BTC": 70_500.0, "ETH": 2_100.0}
# In the quote currency; far enough from the index that a forgotten slope F / S is seen.
FORWARDS = {
    "BTC-13FEB26": 71_000.0,
    "BTC-27MAR26": 75_500.0,
    "BTC-25SEP26": 84_000.0,
    "BTC_USDC-27MAR26": 76_500.0,
    "ETH-27MAR26": 2_250.0,
    "ETH_USDC-25SEP26": 1_900.0,
}
FUTURES = {
    "BTC-PERPETUAL": 70_650.0,
    "BTC_USDC-PERPETUAL": 73_100.0,
    "BTC-27MAR26": 75_000.0,
    "BTC_USDC-27MAR26": 76_000.0,
    "ETH-PERPETUAL": 2_080.0,
    "ETH-25SEP26": 2_450.0,
}
# Of the forward: strikes on both sides of it.
MONEYNESS = (0.85, 0.95, 1.0, 1.1, 1.25)


@dataclass(frozen=True)
class State:
    """A market in which positions are valued: moved prices, volatilities and time."""

    price_move_rel: float = 0.0
    vol_move: float = 0.0
    elapsed: timedelta = timedelta(0)


@dataclass(frozen=True)
class Leg:
    """A position as the test sees it; ``entry`` of futures only."""

    name: str
    quantity: float
    entry: float | None = None


def vol_of(forward: float, strike: float) -> float:
    return 0.55 + 0.2 * (strike / forward - 0.9) ** 2


OPTIONS = {
    f"{listed}-{round(forward * moneyness)}-{right}": (
        listed,
        float(round(forward * moneyness)),
        vol_of(forward, round(forward * moneyness)),
    )
    for listed, forward in FORWARDS.items()
    for moneyness in MONEYNESS
    for right in "CP"
}


def is_inverse(name: str) -> bool:
    return "_" not in name


def underlying_of(name: str) -> str:
    return name.split("-", maxsplit=1)[0].split("_", maxsplit=1)[0]


def expiry_of(name: str) -> datetime:
    day = datetime.strptime(f"{name.split('-')[1]} +0000", "%d%b%y %z")
    return day.replace(hour=8)


def tenor_years(name: str, elapsed: timedelta) -> float:
    return (expiry_of(name) - AS_OF - elapsed) / YEAR


def option_value(name: str, state: State) -> float:
    """Model value in the quote currency of one option."""
    listed, strike, vol = OPTIONS[name]
    forward = FORWARDS[listed] * (1.0 + state.price_move_rel)
    tenor = tenor_years(name, state.elapsed)
    return price(forward, strike, vol + state.vol_move, tenor, name.endswith("C"))


def quote_rows() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The chain and the futures listing that say these numbers."""

    def index(name: str) -> float:
        return INDEX_USD[underlying_of(name)] / (1.0 if is_inverse(name) else USDC)

    options = [
        {
            "timestamp": AS_OF,
            "instrument_name": name,
            "underlying_price": FORWARDS[listed],
            "index_price": index(name),
            "mark_price": option_value(name, State())
            / (FORWARDS[listed] if is_inverse(name) else 1.0),
            "mark_iv": vol,
        }
        for name, (listed, _, vol) in OPTIONS.items()
    ]
    futures = [
        {
            "timestamp": AS_OF,
            "instrument_name": name,
            "mark_price": mark,
            "index_price": index(name),
        }
        for name, mark in FUTURES.items()
    ]
    return pl.DataFrame(options), pl.DataFrame(futures)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> sw.MarketSnapshot:
    folder: Path = tmp_path_factory.mktemp("greeks")
    chain, listing = quote_rows()
    files = [write(chain, folder / "chain.parquet"), write(listing, folder / "futures.parquet")]
    return sw.read_market(files, prices={"USDC": USDC})


# ------------------------------------------------------------------------------ revaluation


def bucket_of(name: str) -> str:
    if "-" not in name:
        return "spot"
    if name.endswith("PERPETUAL"):
        return "perpetual"
    return f"{expiry_of(name):%Y-%m-%d}T08:00:00Z"


def value_usd(leg: Leg, state: State) -> float:
    """What a position is worth in a moved market; a future is worth its unrealised profit."""
    moved = 1.0 + state.price_move_rel
    index = INDEX_USD[underlying_of(leg.name)] * moved
    if "-" not in leg.name:
        return leg.quantity * index
    if leg.name in OPTIONS:
        value = option_value(leg.name, state)
        # An inverse option pays coins: its price in coin at the index.
        per_unit = (
            index / (FORWARDS[OPTIONS[leg.name][0]] * moved) if is_inverse(leg.name) else USDC
        )
        return leg.quantity * value * per_unit
    mark = FUTURES[leg.name]
    entry = mark if leg.entry is None else leg.entry
    if is_inverse(leg.name):
        contracts_usd = leg.quantity * mark
        return contracts_usd * (1.0 / entry - 1.0 / (mark * moved)) * index
    return leg.quantity * (mark * moved - entry) * USDC


def by_bucket(leg: Leg) -> list[tuple[str, Leg]]:
    """A leg in its bucket; the coins an inverse future has earned so far are spot."""
    if leg.entry is None or not is_inverse(leg.name):
        return [(bucket_of(leg.name), leg)]
    mark = FUTURES[leg.name]
    coins = leg.quantity * mark * (1.0 / leg.entry - 1.0 / mark)
    return [
        (bucket_of(leg.name), replace(leg, entry=None)),
        ("spot", Leg(underlying_of(leg.name), coins)),
    ]


def central(value: Callable[[float], float], step: float) -> float:
    return (value(step) - value(-step)) / (2.0 * step)


STEP_REL, STEP_VOL, STEP_TIME = 2e-4, 1e-4, timedelta(minutes=6)


def sensitivities(leg: Leg) -> dict[str, float]:
    """The columns of a GreekRow by central differences of the leg's value."""
    index = INDEX_USD[underlying_of(leg.name)]

    def at_price(move: float) -> float:
        return value_usd(leg, State(price_move_rel=move))

    def at_vol(move: float) -> float:
        return value_usd(leg, State(vol_move=move))

    def at_time(days: float) -> float:
        return value_usd(leg, State(elapsed=days * DAY))

    slope = central(at_price, STEP_REL)
    bend = (at_price(STEP_REL) - 2.0 * at_price(0.0) + at_price(-STEP_REL)) / STEP_REL**2
    return {
        "delta_coin": slope / index,
        "delta_usd": slope,
        "gamma_coin_per_usd": bend / index**2,
        "vega_usd_per_point": central(at_vol, STEP_VOL) * 0.01,
        "theta_usd_per_day": central(at_time, STEP_TIME / DAY),
    }


# What a difference leaves out or loses in its last digits, relative to the legs' gross figure or,
# where that is less, to a share of what is held.
REL = 2e-5
NOISE_REL = {
    "delta_coin": 1e-11,
    "delta_usd": 1e-11,
    "gamma_coin_per_usd": 1e-7,
    "vega_usd_per_point": 1e-13,
    "theta_usd_per_day": 1e-12,
}


def check(legs: list[Leg], market: sw.MarketSnapshot) -> None:
    """Every Greek of every bucket and total equals the sum of the legs' differences."""
    positions = tuple(
        sw.Position(
            instrument=parse_name(leg.name),
            quantity=Decimal(str(leg.quantity)),
            entry_price=None if leg.entry is None else Decimal(str(leg.entry)),
        )
        for leg in legs
    )
    report = sw.margin(sw.Portfolio(account="bumped", positions=positions), market)
    expected: dict[tuple[str, str], list[Leg]] = {}
    for leg in legs:
        expected.setdefault((underlying_of(leg.name), "total"), []).append(leg)
        for bucket, part in by_bucket(leg):
            expected.setdefault((underlying_of(leg.name), bucket), []).append(part)
    assert {(row.underlying, row.bucket) for row in report.greek_rows} == set(expected)
    for row in report.greek_rows:
        held = expected[row.underlying, row.bucket]
        told = [sensitivities(leg) for leg in held]
        size_usd = sum(abs(leg.quantity) for leg in held) * INDEX_USD[row.underlying]
        for greek, noise in NOISE_REL.items():
            unit = {"delta_coin": 1, "gamma_coin_per_usd": 2}.get(greek, 0)
            slack = noise * size_usd / INDEX_USD[row.underlying] ** unit
            gross = sum(abs(part[greek]) for part in told)
            assert getattr(row, greek) == pytest.approx(
                sum(part[greek] for part in told), rel=0.0, abs=REL * gross + slack
            ), f"{greek} of {row.underlying} {row.bucket}"


BOOKS = {
    "spot": [Leg("BTC", 3.5), Leg("ETH", -20.0)],
    "linear perpetual": [Leg("BTC_USDC-PERPETUAL", -4.0, 69_000.0)],
    "inverse perpetual at its mark": [Leg("BTC-PERPETUAL", 4.0)],
    "inverse perpetual in profit": [Leg("BTC-PERPETUAL", 4.0, 35_000.0)],
    "inverse perpetual in loss": [Leg("ETH-PERPETUAL", -60.0, 1_000.0)],
    "inverse future in loss": [Leg("BTC-27MAR26", 2.0, 120_000.0)],
    "linear future": [Leg("BTC_USDC-27MAR26", 2.0, 70_000.0)],
    "mixed": [
        Leg("BTC", -1.0),
        Leg("BTC-PERPETUAL", 2.0, 50_000.0),
        Leg("BTC-27MAR26", -3.0, 60_000.0),
        Leg("BTC-27MAR26-75500-C", 5.0),
        Leg("BTC_USDC-27MAR26-84150-P", -4.0),
        Leg("BTC-13FEB26-67450-P", -8.0),
        Leg("BTC-25SEP26-105000-C", 12.0),
        Leg("ETH-25SEP26", 30.0, 2_000.0),
        Leg("ETH_USDC-25SEP26-1805-C", -40.0),
    ],
}


@pytest.mark.parametrize("book", BOOKS)
def test_greeks_of_a_book_are_the_slopes_of_its_value(book: str, market: sw.MarketSnapshot) -> None:
    check(BOOKS[book], market)


@pytest.mark.parametrize("name", OPTIONS)
def test_greeks_of_an_option_are_the_slopes_of_its_value(
    name: str, market: sw.MarketSnapshot
) -> None:
    check([Leg(name, -7.5)], market)


FUTURE_ENTRIES = st.none() | st.floats(0.2, 5.0).map(lambda ratio: round(ratio, 3))


@st.composite
def books(draw: st.DrawFn) -> list[Leg]:
    """Any positions of the market, with entry prices from a fifth to five times the mark."""
    names = draw(
        st.lists(
            st.sampled_from(["BTC", "ETH", *FUTURES, *OPTIONS]), min_size=1, max_size=8, unique=True
        )
    )
    legs: list[Leg] = []
    for name in names:
        size = draw(st.integers(1, 5_000)) / 100.0
        ratio = draw(FUTURE_ENTRIES) if name in FUTURES else None
        entry = None if ratio is None or ratio == 1.0 else round(FUTURES[name] * ratio, 2)
        legs.append(Leg(name, size if draw(st.booleans()) else -size, entry))
    return legs


@given(legs=books())
def test_greeks_of_any_book_are_the_slopes_of_its_value(
    legs: list[Leg], market: sw.MarketSnapshot
) -> None:
    check(legs, market)


def test_signs_of_a_long_straddle(market: sw.MarketSnapshot) -> None:
    """Long options gain from movement and volatility and lose with time."""
    legs = [("BTC-27MAR26-75500-C", 1), ("BTC-27MAR26-75500-P", 1)]
    report = sw.margin(sw.portfolio(legs), market)
    for row in report.greek_rows:
        assert row.gamma_coin_per_usd > 0.0
        assert row.vega_usd_per_point > 0.0
        assert row.theta_usd_per_day < 0.0
