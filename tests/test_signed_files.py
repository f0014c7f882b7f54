"""WTI on 20 April 2020 from files: read, implied by prices, margined, explained, traded."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
import QuantLib as ql  # noqa: N813

import seawall as sw
from seawall.basics.errors import BadNumber, MissingQuote
from seawall.cli.app import run
from seawall.feeds.market import read_quotes
from seawall.kernels.revalue import CALL_KIND, revalue
from seawall.market.carry import CarryQuotes
from seawall.market.slices import option_slices
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import parse_name
from tests import commands
from tests.naive import bachelier
from tests.signed_books import AS_OF, CL

pytestmark = pytest.mark.usefixtures("in_folder")

TIME = "2020-04-20T18:30:00Z"
SPOT = -37.63
# Forward and normal volatility (USD per √year) of each expiry of options, and its strikes.
EXPIRIES: dict[str, tuple[float, float, tuple[float, ...]]] = {
    "21APR20": (SPOT, 300.0, (-60, -50, -45, -40, -37.5, -35, -30, -20, -5, 0, 5)),
    "14MAY20": (20.43, 75.0, (-20, -10, -5, 0, 5, 10, 15, 20, 25, 30, 40)),
}
FUTURES = {"21APR20": SPOT, "19MAY20": 20.43, "22JUN20": 26.28}
BOOK = """\
account,instrument,quantity,entry_price
wti,CL.CME_USD-21APR20,10000,18.27
wti,CL.CME_USD-19MAY20,-4000,-2.5
wti,CL.CME_USD-21APR20-M40-P,-20000,
wti,CL.CME_USD-21APR20-0-C,5000,
wti,CL.CME_USD-14MAY20-M5-P,30000,
wti,CL.CME_USD-14MAY20-25-C,-10000,
wti,USD,2000000,
"""
MARKET = ("--market", "chain.csv")
MODELS = ("prbm", "risk-based-collateral", "cross", "isolated", "hybrid", "collateral-factor")


def tenor_years(day: str) -> float:
    expiry = parse_name(f"CL.CME_USD-{day}").expiry
    return (expiry - AS_OF).total_seconds() / 31_536_000.0


def normal_vol(day: str, strike: float) -> float:
    forward, vol, _ = EXPIRIES[day]
    return vol * (1.0 + 0.002 * abs(strike - forward))


def rows(**changed: Any) -> list[dict[str, Any]]:
    """A row for each contract, as a vendor would write them."""
    found: list[dict[str, Any]] = [
        {"instrument_name": f"CL.CME_USD-{day}", "mark_price": mark}
        for day, mark in FUTURES.items()
    ]
    for day, (forward, _, strikes) in EXPIRIES.items():
        for strike in strikes:
            for right in "CP":
                text = f"{strike:g}".replace("-", "M").replace(".", "D")
                vol = normal_vol(day, strike)
                worth = bachelier.value(forward, strike, vol, tenor_years(day), right == "C")
                found.append(
                    {
                        "instrument_name": f"CL.CME_USD-{day}-{text}-{right}",
                        "mark_price": round(worth, 6),
                        "underlying_price": forward,
                        "mark_iv": vol,
                    }
                )
    told = {"timestamp": TIME, "index_price": SPOT}
    return [told | {"underlying_price": None, "mark_iv": None} | row | changed for row in found]


def write_csv(path: Path, table: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0])
        writer.writeheader()
        writer.writerows(table)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chain in several forms, and the book as rows and as a map."""
    folder = tmp_path_factory.mktemp("wti")
    table = rows()
    write_csv(folder / "chain.csv", table)
    write_csv(folder / "later.csv", rows(timestamp="2020-04-20T19:30:00Z"))
    (folder / "chain.csv.gz").write_bytes(gzip.compress((folder / "chain.csv").read_bytes()))
    (folder / "chain.json").write_text(json.dumps(table))
    pl.DataFrame(table, infer_schema_length=None).write_parquet(folder / "chain.parquet")
    (folder / "book.csv").write_text(BOOK)
    held = dict(line.split(",")[1:3] for line in BOOK.splitlines()[1:])
    (folder / "book.json").write_text(json.dumps({n: float(q) for n, q in held.items()}))
    return folder


def market(name: str = "chain.csv", price: float | None = None) -> MarketSnapshot:
    return sw.read_market(name, prices={} if price is None else {CL: price})


# ---- reading


@pytest.mark.parametrize("name", ["chain.csv", "chain.csv.gz", "chain.json", "chain.parquet"])
def test_a_chain_below_zero_is_read_from_every_form_of_table(name):
    found = market(name)
    assert found.index_usd == {CL: SPOT}
    assert found.futures == {f"CL.CME_USD-{day}": mark for day, mark in FUTURES.items()}
    assert not found.dropped
    assert not found.refused
    for key, listed in found.slices.items():
        forward, _, strikes = EXPIRIES[f"{key[2]:%d%b%y}".upper()]
        assert listed.forward == pytest.approx(forward, abs=1e-5)
        assert sorted({*listed.strike.tolist()}) == sorted(map(float, strikes))


def test_volatilities_come_from_prices_and_the_files_own_are_not_used():
    found, half = market(), "half.csv"
    write_csv(Path(half), [row | {"mark_iv": (row["mark_iv"] or 0) / 2} for row in rows()])
    for key, listed in found.slices.items():
        day = f"{key[2]:%d%b%y}".upper()
        out = listed.is_call == (listed.strike >= listed.forward)
        expected = np.array([normal_vol(day, strike) for strike in listed.strike])
        assert listed.vol_unit == -SPOT
        np.testing.assert_allclose(listed.vol[out] * -SPOT, expected[out], rtol=2e-3)
        assert any("are not used" in text for text in listed.warnings)
        np.testing.assert_array_equal(market(half).slices[key].vol, listed.vol)


def test_normal_volatilities_have_no_say_on_what_is_in_percent():
    coin = [
        {
            "timestamp": TIME,
            "instrument_name": f"BTC-26JUN20-7000-{right}",
            "index_price": 7_000.0,
            "underlying_price": 7_000.0,
            "mark_price": mark,
            "mark_iv": 0.7,
        }
        for right, mark in (("C", 0.119), ("P", 0.119))
    ]
    write_csv(Path("both.csv"), [*rows(), *coin])
    found = market("both.csv")
    listed, row = found.option_row(parse_name("BTC-26JUN20-7000-C"))
    assert listed.vol[row] == 0.7


def test_a_futures_curve_may_go_below_zero():
    curve = [
        {
            "timestamp": TIME,
            "currency": CL,
            "expiry": f"2020-{day}T18:30:00Z",
            "futures_price": price,
            "underlying_name": f"CL.CME_USD-{name}",
            "index_price": SPOT,
        }
        for day, name, price in (("04-21", "21APR20", SPOT), ("05-19", "19MAY20", 20.43))
    ]
    write_csv(Path("curve.csv"), curve)
    found = market("curve.csv")
    assert found.futures == {"CL.CME_USD-21APR20": SPOT, "CL.CME_USD-19MAY20": 20.43}


def test_calls_less_puts_are_forward_less_strike_at_every_strike():
    book = [(f"CL.CME_USD-14MAY20-{k}-{r}", 1) for k in ("M20", "0", "25") for r in "CP"]
    found = market()
    for name, _ in book[::2]:
        call, put = (found.option_row(parse_name(name[:-1] + right)) for right in "CP")
        strike = parse_name(name).strike
        assert call[0].mark[call[1]] - put[0].mark[put[1]] == pytest.approx(
            20.43 - strike, abs=1e-5
        )


def test_prices_in_cents_tell_the_discount_factor_at_strikes_of_either_sign():
    table = rows()
    for row in table[len(FUTURES) :]:
        row["mark_price"] = round(0.996 * row["mark_price"], 2)
    write_csv(Path("cents.csv"), table)
    found = market("cents.csv")
    listed, _ = found.option_row(parse_name("CL.CME_USD-14MAY20-25-C"))
    assert listed.discount == pytest.approx(0.996, abs=2e-4)
    assert listed.forward == pytest.approx(20.43, abs=0.01)
    assert not any("No discount factor" in text for text in listed.warnings)


def test_without_an_index_the_first_forward_stands_in():
    told = [{k: v for k, v in row.items() if k != "index_price"} for row in rows()]
    write_csv(Path("bare.csv"), told)
    write_csv(Path("futures.csv"), [row for row in told if row["instrument_name"].count("-") == 1])
    for name in ("bare.csv", "futures.csv"):
        found = market(name)
        assert found.index_usd[CL] == pytest.approx(SPOT, abs=1e-5)
        assert any(f"No index price of {CL}" in text for text in found.warnings)
    given_it = market("bare.csv", price=-36.5)
    assert given_it.index_usd[CL] == -36.5


def test_a_slip_of_units_is_still_told_from_a_price():
    found = rows()
    found[1] = found[1] | {"mark_price": 2_043.0}
    write_csv(Path("slip.csv"), found)
    slipped = market("slip.csv")
    assert "far from the index" in slipped.dropped["CL.CME_USD-19MAY20"]
    with pytest.raises(BadNumber, match="the index of CL"):
        market(price=5_000.0)


def test_the_latest_price_of_a_future_counts_below_zero_too():
    first = rows()[0]
    later = [first | {"mark_price": 0.5}, first | {"timestamp": "2020-04-20T18:31:00Z"}]
    write_csv(Path("twice.csv"), later)
    assert market("twice.csv").futures == {"CL.CME_USD-21APR20": SPOT}


def test_premiums_and_other_prices_stay_above_zero():
    found = rows()
    found[3] = found[3] | {"mark_price": -1.0}
    found.append(found[0] | {"instrument_name": "BTC-27MAR26", "mark_price": -5.0})
    write_csv(Path("bad.csv"), found)
    left = market("bad.csv")
    assert "gives mark_price -1" in left.dropped["CL.CME_USD-21APR20-M60-C"]
    assert "gives mark_price -5" in left.dropped["BTC-27MAR26"]
    with pytest.raises(BadNumber, match="is not a price of BTC"):
        sw.read_market("chain.csv", prices={"BTC": -5.0})


def test_american_options_on_it_are_left_out():
    options, _ = read_quotes(Path("chain.csv"))
    american = tuple(
        msgspec.structs.replace(each, exercise="american") for each in options.instruments
    )
    slices, dropped = option_slices(
        [replace(options, instruments=american)], {}, lambda _: SPOT, CarryQuotes("none"), AS_OF
    )
    assert not slices
    assert all("American options on CL.CME" in why for why in dropped.values())


# ---- the kernel against another library


def test_values_in_scenarios_are_those_of_quantlib():
    strikes = np.array([-60.0, -37.63, -5.0, 0.0, 20.0])
    count, move = strikes.size, np.array([-0.66, -0.35, 0.0, 0.35, 5.0])
    for call in (True, False):
        out = np.empty((count, move.size))
        revalue(
            np.full(count, CALL_KIND + (not call)),
            np.zeros(count, dtype=np.bool_),
            np.zeros(count, dtype=np.bool_),
            np.full(count, SPOT),
            np.full(count, -SPOT),
            strikes,
            np.ones(count),
            np.zeros(count),
            np.full((count, 1), 120.0),
            np.full((count, 1), 0.07),
            np.ones((count, 1)),
            np.zeros((count, 1), dtype=np.bool_),
            move,
            np.zeros(move.size, dtype=np.int64),
            out,
        )
        kind, sd = (ql.Option.Call if call else ql.Option.Put), 120.0 * 0.07**0.5
        for i, strike in enumerate(strikes.tolist()):
            today = ql.bachelierBlackFormula(kind, strike, SPOT, sd, 1.0)
            for j, x in enumerate(move.tolist()):
                then = ql.bachelierBlackFormula(kind, strike, SPOT - SPOT * x, sd, 1.0)
                assert out[i, j] == pytest.approx(then - today, rel=1e-12, abs=1e-12)


# ---- from end to end


def answer(capfd: pytest.CaptureFixture[str], command: str, *more: str) -> str:
    return commands.answer(capfd, command, "book.csv", *MARKET, *more)


def document(capfd: pytest.CaptureFixture[str], command: str, *more: str) -> Any:
    return commands.document(capfd, command, "book.csv", *MARKET, *more)


def test_margin_of_a_book_below_zero(capfd):
    report = document(capfd, "margin")
    rows = {row["path"]: row for row in report["rows"]}
    assert report["initial"] > report["maintenance"] > rows["scanning_risk/CL.CME"]["maintenance"]
    # 10,000 barrels fell from 18.27 to −37.63, and 4,000 sold at −2.5 rose to 20.43.
    unrealised = {r["path"]: r["value"] for r in report["collateral_rows"]}["unrealised/CL.CME"]
    assert float(unrealised) == pytest.approx(-10_000 * 55.9 - 4_000 * 22.93, abs=0.01)
    total = report["greeks"][-1]
    assert float(total["delta_usd"]) == pytest.approx(37.63 * float(total["delta_coin"]))
    shown = answer(capfd, "margin")
    assert "scanning_risk/CL.CME" in shown
    assert "are not used" in shown


def test_a_map_of_the_same_holdings_needs_the_same_margin(capfd):
    rows = document(capfd, "margin")["rows"]
    assert commands.document(capfd, "margin", "book.json", *MARKET)["rows"] == rows


def test_explain_names_the_prices_below_zero(capfd):
    found = document(capfd, "explain")
    down = next(row for row in found["liquidation_prices"] if row["direction"] == "down")
    assert down["price"] < SPOT
    assert float(down["price"]) == pytest.approx(SPOT * (1.0 + float(down["distance_rel"])))
    shares = sum(leg["euler_initial"] for leg in found["legs"])
    assert float(shares) == pytest.approx(float(found["initial"]), abs=0.2)
    assert f"{float(down['price']):,.2f}" in answer(capfd, "explain")


def test_compare_has_every_model(capfd):
    found = document(capfd, "compare", "--models", ",".join(MODELS))
    assert [row["model"]["name"] for row in found["reports"]] == list(MODELS)
    assert all(row["initial"] >= row["maintenance"] > 0 for row in found["reports"])
    assert "hybrid" in answer(capfd, "compare", "--models", ",".join(MODELS))


def test_what_if_trades_at_a_negative_price(capfd):
    trades = ("--add", "CL.CME_USD-21APR20:-10000@-37", "--add", "CL.CME_USD-21APR20-M40-P:5000")
    found = document(capfd, "what-if", *trades)
    legs = found["legs"]
    assert float(legs[0]["price"]) == -37.0
    # Sold 0.63 above the mark; the put is bought at its mark.
    assert float(found["margin_value_change"]) == pytest.approx(6_300.0, abs=0.05)
    assert "@" not in answer(capfd, "what-if", *trades)


def test_a_change_of_an_hour_is_told(capfd):
    found = commands.document(
        capfd, "explain-change", "book.csv", *MARKET, "--to-market", "later.csv",
        "--from", "2020-04-20T18:30", "--to", "2020-04-20T19:30",
    )  # fmt: skip
    assert "price/CL.CME" in [row["step"] for row in found["rows"]]


def test_the_surface_is_not_fitted(capfd):
    assert commands.answer(capfd, "surface", "chain.csv").count("not fitted") == len(EXPIRIES)


def test_a_price_on_the_command_line_may_be_negative_there_and_nowhere_else(capfd):
    report = document(capfd, "margin", "--price", "CL.CME=-36.5")
    assert any("given as -36.5" in text for text in report["warnings"])
    assert run(["margin", "book.csv", *MARKET, "--price", "BTC=-36.5"]) != 0
    assert "is not a price of BTC" in capfd.readouterr().err


def test_a_strike_that_nobody_lists_names_the_reason():
    with pytest.raises(MissingQuote, match="may be negative"):
        sw.margin(sw.portfolio([("CL.CME_USD-14MAY20-M7-P", 1)]), market())
