"""Books held along a history: struck, rolled, changed at times, and read from files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from seawall.basics.errors import SeawallError
from seawall.basics.time import epoch_ns
from seawall.lab.backtest.book_files import read_walk_books
from seawall.lab.backtest.books import Composition, Leg, WalkBook
from seawall.market.history import MarketHistory
from seawall.products.instruments import DatedFuture, Option
from seawall.products.portfolio import portfolio
from tests.naive import walk as naive
from tests.walks import RELATIVE, made_up, walk


@pytest.fixture(scope="module")
def history() -> MarketHistory:
    return made_up()


def test_a_rolled_contract_is_held_to_its_expiry_and_then_struck_anew(
    history: MarketHistory,
) -> None:
    one = walk(history)
    put = Leg(kind="put", underlying="BTC", quantity=-1, tenor_days=3, moneyness=0.9, rule="roll")
    book = WalkBook(name="b", compositions=(Composition(legs=(put,)),))
    held = book.portfolios(one.plan.times, one.markets)
    for (before, at_before), (after, at) in zip(
        list(zip(held, one.plan.times, strict=True))[:-1],
        list(zip(held, one.plan.times, strict=True))[1:],
        strict=True,
    ):
        assert before is not None
        assert after is not None
        option = before.positions[0].instrument
        assert isinstance(option, Option)
        assert option.expiry > at_before
        assert (after == before) == (option.expiry > at)
    assert len({str(each) for each in held}) == 3


def test_a_restruck_leg_keeps_its_delta_and_its_size_in_usd(history: MarketHistory) -> None:
    one = walk(history)
    leg = Leg(kind="put", underlying="BTC", quantity=-1e5, unit="usd", tenor_days=7, delta=-0.25)
    for at in one.plan.times[:5]:
        position = leg.struck(at, one.markets)
        option = position.instrument
        assert isinstance(option, Option)
        spot = one.markets.spot_usd("BTC", epoch_ns(at))
        assert float(position.quantity) * spot == pytest.approx(-1e5)
        forward = one.markets.forward("BTC", at, option.expiry)
        atm = naive.last_told(history.vols["BTC"], epoch_ns(at))
        tenor = (option.expiry - at) / timedelta(days=365)
        sd = atm * np.sqrt(tenor)
        d1 = np.log(forward / option.strike) / sd + 0.5 * sd
        # A strike of four digits is no exact one.
        assert naive.black76.norm_cdf(float(d1)) - 1.0 == pytest.approx(-0.25, abs=0.005)


def test_a_named_contract_is_rolled_at_its_first_tenor_and_moneyness(
    history: MarketHistory,
) -> None:
    one = walk(history)
    named = portfolio([("BTC-7JAN26-95000-C", 1), ("BTC_USDC-5JAN26", 2), ("USDC", 10)])
    book = WalkBook(name="b", compositions=(Composition(positions=named.positions),))
    held = book.portfolios(one.plan.times, one.markets)
    first, last = held[0], held[-1]
    assert first is not None
    assert last is not None
    assert {p.instrument.name for p in first.positions} == {
        p.instrument.name for p in named.positions
    }
    assert [p.quantity for p in first.positions] == [p.quantity for p in last.positions]
    option, future = last.positions[0].instrument, last.positions[1].instrument
    assert isinstance(option, Option)
    assert isinstance(future, DatedFuture)
    assert option.expiry > one.plan.times[-1]
    assert future.expiry > one.plan.times[-1]
    assert book.underlyings == ("BTC",)


def test_a_dynamic_book_holds_each_composition_from_its_timestamp(tmp_path: Path) -> None:
    file = tmp_path / "moving.csv"
    file.write_text(
        "timestamp,account,instrument,quantity\n"
        "2026-01-04,desk,BTC_USDC-PERPETUAL,1\n"
        "2026-01-06,desk,BTC_USDC-PERPETUAL,-2\n"
        "2026-01-06,desk,ETH_USDC-PERPETUAL,5\n",
        encoding="utf-8",
    )
    one = replace(walk(), books=read_walk_books([file]))
    rows = [row for row in one.rows(one.plan.times) if row.model == "prbm"]
    assert rows[0].at == datetime(2026, 1, 4, tzinfo=UTC)
    bars = one.history.bars["BTC"]
    first = rows[0].gross_notional
    assert first == bars.close[bars.end_ns.tolist().index(epoch_ns(rows[0].at))]
    assert any(row.gross_notional > 2.0 * first for row in rows if row.at.day >= 6)


def test_relative_books_are_read_with_their_legs(tmp_path: Path) -> None:
    file = tmp_path / "relative.csv"
    file.write_text(RELATIVE, encoding="utf-8")
    long, pair, strangle = read_walk_books([file])
    assert (long.name, pair.underlyings, strangle.has_memory) == ("long", ("BTC", "ETH"), True)
    assert pair.compositions[0].legs[1].unit == "usd"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("put,BTC,-1,,,", "tenor_days None"),
        ("put,BTC,-1,5,,", "no strike, or two"),
        ("put,BTC,-1,5,0.9,-0.2", "no strike, or two"),
        ("put,BTC,-1,5,,0.2", "delta 0.2"),
        ("call,BTC,0,5,1,", "quantity 0"),
        ("call,BTC,nan,5,1,", "quantity nan"),
        ("perp,BTC,1,5,,", "a tenor or strike"),
        ("future,BTC,1,5,1.1,", "a strike"),
        ("swap,BTC,1,5,1.1,", "Invalid enum value"),
        ("call,BTC,many,5,1,", "is no number"),
    ],
)
def test_a_leg_that_is_none_is_named_with_its_row(tmp_path: Path, row: str, said: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(
        f"kind,underlying,quantity,tenor_days,moneyness,delta\n{row}\n", encoding="utf-8"
    )
    with pytest.raises(SeawallError, match=r"bad\.csv, row 2") as raised:
        read_walk_books([file])
    assert said in str(raised.value)
