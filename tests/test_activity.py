"""What files tell beside prices: read exactly, of one time, no charge lowered by damage."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from seawall.basics.errors import BadNumber, StaleQuote, UnreadableFile, UnrecognisedFile
from seawall.feeds.market import read_market
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from tests.market_quotes import name
from tests.tables import AS_OF, INDEX, chain, listing, write

HELD = name(70_000.0, "C")


def activity(as_of=AS_OF, **numbers: float | str) -> pl.DataFrame:
    told = {column: [value] for column, value in numbers.items()}
    return pl.DataFrame({"timestamp": [as_of], "underlying": ["BTC"]} | told)


@pytest.fixture
def read(tmp_path: Path):
    """The market of a chain and of tables beside it."""

    def market(*frames: pl.DataFrame, prices: pl.DataFrame | None = None) -> MarketSnapshot:
        paths = [write(chain() if prices is None else prices, tmp_path / "chain.csv")]
        paths += [write(f, tmp_path / f"activity{i}.csv") for i, f in enumerate(frames)]
        return read_market(paths)

    return market


def test_numbers_beside_prices_are_read_by_underlying(read):
    told = read(
        activity(adv_usd=2e9, depth_usd=5e6, confidence=0.97, pool_utilisation=0.4)
    ).liquidity
    assert (told.adv_usd, told.depth_usd) == ({"BTC": 2e9}, {"BTC": 5e6})
    assert (told.confidence, told.pool_utilisation) == ({"BTC": 0.97}, {"BTC": 0.4})


def test_open_interest_is_in_coins_and_funding_a_day(read):
    """Inverse futures are counted in USD; the index converts them, not a doubtful mark."""
    marks = listing().with_columns(
        mark_price=pl.Series([1.0, 70_990.0]),
        open_interest=pl.Series([INDEX * 40.0, INDEX * 10.0]),
        funding_8h=pl.Series([0.0001, None]),
    )
    options = chain().with_columns(open_interest=pl.lit(12.5))
    told = read(prices=pl.concat([options, marks], how="diagonal")).liquidity
    assert told.open_interest["BTC-PERPETUAL"] == pytest.approx(40.0)
    assert told.open_interest["BTC-27MAR26"] == pytest.approx(10.0)
    assert told.open_interest[HELD] == 12.5
    assert told.funding_per_day == {"BTC-PERPETUAL": pytest.approx(0.0003)}


def test_damaged_open_interest_is_left_out_and_said(read):
    odd = chain().with_columns(
        open_interest=pl.when(pl.col("instrument_name") == HELD).then(-1.0).otherwise(5.0)
    )
    market = read(prices=odd)
    assert HELD not in market.liquidity.open_interest
    warnings = margin(portfolio([(HELD, -1)]), market).warnings
    assert f"Left out: open_interest -1 of {HELD} in chain.csv." in warnings


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("pool_utilisation", "1.02"), ("pool_utilisation", "95"), ("confidence", "98"),
        ("confidence", "-0.1"), ("adv_usd", "0"), ("adv_usd", "1e13"), ("adv_usd", "nan"),
        ("adv_usd", "10,000"), ("adv_usd", "ten"), ("depth_usd", "-5"),
    ],
)  # fmt: skip
def test_an_impossible_number_is_refused_with_its_row(read, column, cell):
    with pytest.raises(BadNumber, match=column) as caught:
        read(activity(**{column: cell}))
    assert caught.value.where == "activity0.csv row 2"


def test_an_underlying_twice_and_a_table_of_nothing_are_refused(read):
    with pytest.raises(UnreadableFile, match="BTC stands twice") as caught:
        read(pl.concat([activity(adv_usd=1e9), activity(adv_usd=2e9)]))
    assert caught.value.where == "activity0.csv row 2 and activity0.csv row 3"
    with pytest.raises(UnrecognisedFile, match="none of 1 rows has a number"):
        read(activity(adv_usd=None))


def test_tables_that_disagree_leave_the_number_out_in_either_order(read):
    for pair in itertools.permutations([activity(adv_usd=1e10), activity(adv_usd=1e8)]):
        market = read(*pair)
        assert not market.liquidity.adv_usd
        assert any("adv_usd of BTC left out" in warning for warning in market.warnings)


def test_the_later_table_counts_in_either_order(read):
    earlier = activity(AS_OF - timedelta(hours=1), adv_usd=1e8)
    for pair in itertools.permutations([activity(adv_usd=1e10), earlier]):
        assert read(*pair).liquidity.adv_usd == {"BTC": 1e10}


def test_volumes_may_be_of_last_week(read):
    told = {"adv_usd": 1e9, "depth_usd": 5e6, "supply": 2e7}
    found = read(activity(AS_OF - timedelta(days=7), **told)).liquidity
    assert {name: getattr(found, name)["BTC"] for name in told} == told


@pytest.mark.parametrize("told", ["confidence", "pool_utilisation"])
@pytest.mark.parametrize("gap", [timedelta(minutes=-15, milliseconds=-1), timedelta(days=-6)])
def test_trust_of_another_moment_is_an_error_and_lowers_nothing(read, told, gap):
    """An oracle that has gone silent must not earn its account the default."""
    assert getattr(read(activity(AS_OF - timedelta(minutes=15), **{told: 0.5})).liquidity, told)
    with pytest.raises(StaleQuote, match=rf"^{told} of activity0.csv is of 2") as caught:
        read(activity(AS_OF + gap, adv_usd=1e9, **{told: 0.5}))
    assert caught.value.remedy.endswith("or leave out this column.")
    # An empty column tells nothing that could be stale.
    assert read(activity(AS_OF + gap, adv_usd=1e9, **{told: ""})).liquidity.adv_usd
    with pytest.raises(StaleQuote, match=r"confidence and pool_utilisation of .* are"):
        read(activity(AS_OF + gap, confidence=1.0, pool_utilisation=0.0))


@pytest.mark.parametrize("time", ["", "yesterday", "12", "2026-02-30T08:00"])
def test_a_row_without_a_time_is_an_error_that_names_it(read, time):
    """A confidence of one half that is dropped would lower the margin."""
    whole = activity(adv_usd=1e9, confidence=0.9).cast({"timestamp": pl.String})
    odd = whole.with_columns(timestamp=pl.lit(time), underlying=pl.lit("ETH"))
    with pytest.raises(BadNumber, match=time or "timestamp is empty") as caught:
        read(pl.concat([whole, odd]))
    assert caught.value.where == "activity0.csv row 3"
    empty = odd.select(pl.lit("").alias(name) for name in odd.columns)
    blank = pl.concat([whole.cast(pl.String), empty])
    assert read(blank).liquidity.confidence == {"BTC": 0.9}


def test_a_row_of_parquet_without_a_time_is_named_too(tmp_path):
    told = pl.concat([activity(adv_usd=1e9), activity(adv_usd=2e9)])
    told = told.with_columns(
        timestamp=pl.Series([AS_OF, None]), underlying=pl.Series(["BTC", "ETH"])
    )
    paths = [write(chain(), tmp_path / "chain.csv"), write(told, tmp_path / "activity.parquet")]
    with pytest.raises(BadNumber, match="timestamp is empty") as caught:
        read_market(paths)
    assert caught.value.where == "activity.parquet row 2"


def test_numbers_of_no_underlying_are_refused(read):
    odd = activity(adv_usd=1e9).with_columns(underlying=pl.lit(""))
    with pytest.raises(UnreadableFile, match="names no underlying") as caught:
        read(pl.concat([activity(adv_usd=1e9), odd]))
    assert caught.value.where == "activity0.csv row 3"


@pytest.mark.parametrize("gap", [timedelta(days=-7, milliseconds=-1), timedelta(minutes=16)])
def test_a_table_too_old_or_of_a_later_time_is_stale(read, gap):
    with pytest.raises(StaleQuote, match=r"activity0.csv is of"):
        read(activity(AS_OF + gap, adv_usd=1e9))


def test_an_underlying_without_a_price_is_said_to_be_one(read):
    odd = activity(adv_usd=1e9).with_columns(underlying=pl.lit("XBT"))
    assert "activity0.csv tells of XBT, which has no price here." in read(odd).warnings


@pytest.mark.parametrize("name", ["btc", "Btc"])
def test_an_underlying_in_another_case_is_refused_with_the_right_spelling(read, name):
    odd = activity(confidence=0.5).with_columns(underlying=pl.lit(name))
    with pytest.raises(BadNumber, match=f"{name} is not how BTC is written") as caught:
        read(odd)
    assert (caught.value.where, caught.value.remedy) == ("activity0.csv", "Write BTC.")


@pytest.mark.parametrize(
    ("told", "paths"),
    [
        ({"adv_usd": 1e6}, {"liquidity/BTC"}),
        ({"confidence": 0.5}, {"oracle/BTC"}),
        ({"pool_utilisation": 1.0}, {"utilisation/BTC"}),
        # Never the depth of the moment, which may widen initial margin and no more.
        ({"depth_usd": 1.0}, set()),
    ],
)
def test_the_house_model_hears_of_each_number_in_its_own_charge(read, told, paths):
    held = portfolio([(HELD, -50)])
    bare, with_it = margin(held, read()), margin(held, read(activity(**told)))
    assert {row.path for row in set(with_it.rows) ^ set(bare.rows)} == paths
    assert with_it.initial >= bare.initial


def test_what_circulates_is_told_of_any_asset_that_has_a_price(tmp_path):
    """A pool's share stands under ``underlying`` as a coin does, and its supply lifts its cap."""
    told = activity(supply=10_000).with_columns(underlying=pl.lit("ETH-USDC-LP"))
    paths = [write(chain(), tmp_path / "chain.csv"), write(told, tmp_path / "activity.csv")]
    market = read_market(paths, prices={"ETH-USDC-LP": 200.0})
    assert market.liquidity.supply == {"ETH-USDC-LP": 10_000.0}
    held = portfolio([("USD", 10**9), ("ETH-USDC-LP", 600)])
    report = margin(held, market)
    rows = {row.path: float(row.haircut) for row in report.collateral_rows}
    assert rows["supply_cap/ETH-USDC-LP"] == pytest.approx(0.7 * 200.0 * (600 - 500))
    [younger] = report.warnings
    assert younger.startswith("The numbers of prbm are of")
