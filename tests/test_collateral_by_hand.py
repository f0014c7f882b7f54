"""Collateral of every kind worked out by hand, and what is outside the array."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from seawall.basics.errors import BadParameter
from seawall.margin.caps import Caps
from seawall.margin.collateral import in_array, outside_array
from seawall.margin.euler import euler_contributions
from seawall.margin.marginal import marginal_contributions
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.risk.book import join
from tests.collateral_books import WORKED, holdings, margin_value, with_prices, worked_market
from tests.test_golden_books import market as golden_market
from tests.test_oracle import ORACLES

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "collateral.md"
PRBM = load_preset("prbm")
every_oracle = pytest.mark.parametrize("model", ORACLES)


def table_of(text):
    return [tuple(line.split()) for line in text.strip().splitlines()]


def test_the_worked_book_to_the_cent():
    held, wanted = (table_of(block) for block in WORKED.strip().split("\n\n"))
    report = margin(portfolio(held), worked_market())
    rows = [(r.path, str(r.value), str(r.haircut)) for r in report.collateral_rows]
    haircuts = sum(row.haircut for row in report.collateral_rows)
    assert [*rows, ("equity", str(report.equity), str(haircuts))] == wanted
    assert not any("circulating supply" in warning for warning in report.warnings)


def test_the_document_shows_the_worked_book():
    """The tables of docs/collateral.md, "Worked by hand", cell by cell."""
    section = DOCUMENT.read_text(encoding="utf-8").split("\n## Worked by hand\n")[1]
    tables = re.findall(r"(?:^\|.*\n)+", section.split("\n## ")[0], re.MULTILINE)
    shown = [
        tuple(cell.strip(" `").replace(",", "").replace("−", "-") for cell in row)
        for table in tables[:2]
        for row in (line.strip("|\n").split("|") for line in table.splitlines()[2:])
    ]
    held, wanted = (table_of(block) for block in WORKED.strip().split("\n\n"))
    assert shown == [*held, *wanted]


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("ETH-USDC-LP", 0.20 + 0.10),  # the range of ETH
        ("USDC-USDT-LP", 0.005 + 0.10),
        ("ETH-STETH-LP", 0.20 + 0.05 + 0.10),  # a wrapper's peg beside
        ("SDAI-USDC-LP", 0.005 + 0.05 + 0.10),
        ("BUIDL-USDC-LP", 0.15 + 0.10),
        ("EUR-USD-LP", 0.02 + 0.10),
        ("UNI-USDC-LP", 0.38 + 0.10),  # 3 · 10 % + 8 % is more than the range of 35 %
        ("BTC-ETH-SOL-LP", 0.24 + 0.10),  # 3 · 7 % + 3 % is as much as the range
        ("UNI", 0.38),
        ("BUIDL", 0.15),
    ],
)
@every_oracle
def test_rates_of_what_no_scenario_moves(name, rate, model):
    """The same under every model, whatever it does with coins."""
    market = with_prices(golden_market(), {name: 2.0})
    book = portfolio([("USD", 100_000), (name, 1_000)])
    rows = holdings(book, market, load_preset(model))
    [(value, cut)] = [row for path, row in rows.items() if path.endswith(f"/{name}")]
    assert (value, cut) == (2_000.0, pytest.approx(2_000.0 * rate))
    assert margin_requirement(join(book, market), load_preset(model)).initial == 0.0


@pytest.mark.parametrize("euros", [10_000, -10_000])
def test_foreign_cash_is_cut_held_or_owed(euros):
    market = with_prices(golden_market(), {"EUR": 1.16})
    assert holdings(portfolio([("EUR", euros)]), market) == {
        "cash/EUR": (1.16 * euros, pytest.approx(232.0))
    }


def test_an_owed_wrapper_is_shocked_and_its_peg_cut():
    """5 % of it: its peg may come back as well as go."""
    market = with_prices(golden_market(), {"STETH": 3_800.0})
    book = portfolio([("USD", 100_000), ("STETH", -10)])
    assert holdings(book, market)["wrapper/STETH"] == (-38_000.0, 0.0)
    assert holdings(book, market)["depeg/STETH"] == (0.0, pytest.approx(1_900.0))
    found = margin_requirement(join(book, market), PRBM)
    assert found.scanning_risk == pytest.approx(0.20 * 38_000.0)
    row = margin_requirement(join(book, market), load_preset("cross")).steps[0]
    assert (row.path, row.maintenance) == ("notional/STETH", pytest.approx(7_600.0))


def test_a_staked_coin_against_its_perpetual_is_hedged():
    market = with_prices(golden_market(), {"WSTETH": 5_000.0})
    book = join(portfolio([("WSTETH", 8), ("ETH-PERPETUAL", -10), ("USD", 5_000)]), market)
    assert margin_requirement(book, PRBM).scanning_risk == pytest.approx(0.0, abs=1e-9)
    [part] = book.underlyings
    assert part.coin_balance == pytest.approx(10.0)


# ---- in the array or outside


def outside(book, market, model=PRBM, both=False):
    """The underlyings with a part outside; none is on both sides but where ``both``."""
    joined = join(book, market)
    away = {p.underlying for p in outside_array(joined, model.classes)}
    kept = {p.underlying for p in in_array(joined, model.classes).underlyings}
    assert away | kept == {p.underlying for p in joined.underlyings}
    assert both or not away & kept
    return away


def test_what_is_outside_the_array():
    market = with_prices(golden_market(), {"UNI": 8.0, "SOL": 100.0, "BUIDL": 1.0})
    market = with_prices(market, {"ETH-USDC-LP": 10.0})
    held = [("BTC", 1), ("SOL", 1), ("UNI", 1), ("BUIDL", 1), ("ETH-USDC-LP", 1)]
    assert outside(portfolio(held), market) == {"UNI", "BUIDL", "ETH-USDC-LP"}
    owed = [("UNI", -1), ("BUIDL", -1), ("ETH-USDC-LP", -1)]
    assert outside(portfolio(owed), market) == set()
    assert outside(portfolio([("UNI", 1), ("UNI-PERPETUAL", -1)]), market) == set()
    assert outside(portfolio([("UNI", 1), ("UNI-PERPETUAL", 1)]), market, both=True) == {"UNI"}
    assert outside(portfolio([("BUIDL", 1), ("BUIDL-PERPETUAL", -1)]), market, both=True) == {
        "BUIDL"
    }
    listed = replace(market, futures={**market.futures, "UNI_USDC-PERPETUAL": 8.0})
    assert outside(portfolio([("UNI", 1), ("BUIDL", 1)]), listed) == {"UNI", "BUIDL"}


def uni_market(supply=None):
    return with_prices(golden_market(), {"UNI": 8.0}, {"UNI": 1e9} if supply is None else supply)


@every_oracle
def test_a_dust_contract_lifts_no_cap(model):
    """Alone 1,000,000 UNI count nothing, since nothing is beside them; with dust they still do."""
    chosen, market = load_preset(model), uni_market()
    alone = portfolio([("UNI", 1_000_000)])
    dust = portfolio([("UNI", 1_000_000), ("UNI_USDC-PERPETUAL", -0.001)])
    assert margin_value(alone, market, chosen) == pytest.approx(0.0, abs=1e-6)
    # 0.001 coins of 8 USD are free, and as much of the rest counts beside them.
    assert 0.0 <= margin_value(dust, market, chosen) < 2.0 * 0.008
    asked = margin_requirement(join(dust, market), chosen)
    assert asked.initial < 0.01


def test_a_half_hedged_coin_is_half_in_the_array():
    """10,000 UNI at 8, of which 5,000 are sold."""
    market = uni_market({"UNI": 40_000.0})
    book = portfolio([("USD", 50_000), ("UNI", 10_000), ("UNI_USDC-PERPETUAL", -5_000, 8)])
    rows = holdings(book, market)
    assert rows["spot/UNI"] == (40_000.0, pytest.approx(0.08 * 40_000.0))
    assert rows["outside/UNI"] == (40_000.0, pytest.approx(0.38 * 40_000.0))
    # 5 % of 40,000 units count of the 5,000 outside: 3,000 units less, after their haircut.
    assert rows["supply_cap/UNI"] == (0.0, pytest.approx(0.62 * 8.0 * 3_000.0))
    scanned = margin_requirement(join(book, market), PRBM).scanning_risk
    assert scanned == pytest.approx(0.0, abs=1e-9)
    # Sold short beyond what is held, the rest is shocked; bought, nothing of what is held.
    short = portfolio([("UNI", 10_000), ("UNI_USDC-PERPETUAL", -15_000)])
    assert "outside/UNI" not in holdings(short, market)
    scanned = margin_requirement(join(short, market), PRBM).scanning_risk
    assert scanned == pytest.approx(0.35 * 40_000.0)
    long = portfolio([("UNI", 10_000), ("UNI_USDC-PERPETUAL", 5_000)])
    assert "spot/UNI" not in holdings(long, market)
    scanned = margin_requirement(join(long, market), PRBM).scanning_risk
    assert scanned == pytest.approx(0.35 * 40_000.0)


def test_a_coin_paid_contract_hedges_with_its_profit():
    """A loss in coin is coin owed: settled or not, as much of what is held is in the array."""
    market = uni_market()
    # Sold at 4, now 8: F/entry − 1 = 1, so that each of 1,000 contracts owes one coin more.
    held = portfolio([("UNI", 10_000), ("UNI-PERPETUAL", -1_000, 4)])
    assert holdings(held, market)["spot/UNI"][0] == pytest.approx(8.0 * 2_000.0)
    scanned = margin_requirement(join(held, market), PRBM).scanning_risk
    assert scanned == pytest.approx(0.0, abs=1e-9)


def test_legs_and_rows_of_a_split_coin_add_up():
    market = uni_market()
    book = portfolio([("USD", 50_000), ("UNI", 10_000), ("UNI_USDC-PERPETUAL", -4_000)])
    for name in ORACLES:
        chosen, joined = load_preset(name), join(book, market)
        whole = margin_requirement(joined, chosen)
        shares = euler_contributions(joined, chosen)
        assert [leg.instrument for leg in shares.legs] == ["UNI", "UNI_USDC-PERPETUAL"]
        left = sum(step.maintenance for step in shares.unallotted)
        total = sum(leg.maintenance for leg in shares.legs) + left
        assert total == pytest.approx(whole.maintenance, abs=1e-9)
        report = margin(book, market, chosen)
        assert report.equity == 130_000
        totals = [row.delta_coin for row in report.greek_rows if row.bucket == "total"]
        assert totals == [pytest.approx(6_000.0)]
    # The hedge gone, what it hedged stays in the array: the marginal says what it saves there.
    legs = {leg.instrument: leg for leg in marginal_contributions(join(book, market), PRBM)}
    assert legs["UNI_USDC-PERPETUAL"].maintenance < -0.3 * 32_000.0


def test_supply_is_asked_for_what_is_outside_alone():
    market = uni_market({})
    for sold, asked in ((-10_000, False), (-9_999, True), (-20_000, False)):
        book = portfolio([("UNI", 10_000), ("UNI_USDC-PERPETUAL", sold)])
        warnings = margin(book, market).warnings
        assert any("UNI: " in w and "circulating supply" in w for w in warnings) == asked


def test_a_debt_in_what_is_listed_nowhere_is_shocked():
    market = with_prices(golden_market(), {"UNI": 8.0})
    found = margin_requirement(join(portfolio([("UNI", -1_000), ("USD", 9_000)]), market), PRBM)
    assert found.scanning_risk == pytest.approx(0.35 * 8_000.0)


def test_missing_supply_takes_a_default_and_says_so():
    market = with_prices(golden_market(), {"UNI": 8.0}, {})
    book = portfolio([("USD", 10**9), ("UNI", 10**6), ("BTC-PERPETUAL", 1)])
    assert holdings(book, market)["supply_cap/UNI"][1] == pytest.approx(0.62 * 3_000_000.0)
    said = margin(book, market).warnings
    assert "Defaults of prbm for UNI: circulating supply." in said
    assert [w for w in said if "BTC" in w and "supply" in w] == []
    bare = margin(portfolio([("BTC", 1), ("USDC", 5)]), golden_market())
    assert not any("supply" in warning for warning in bare.warnings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value_share": 1.0},
        {"value_share": float("nan")},
        {"supply_share": 1.01},
        {"default_supply_usd": -1.0},
    ],
)
def test_impossible_caps_are_refused(wrong):
    right = {"value_share": 0.5, "supply_share": 0.05, "default_supply_usd": 1e8}
    with pytest.raises(BadParameter):
        Caps(**right | wrong)


def test_units_beyond_a_share_of_the_supply_count_nothing():
    market = with_prices(golden_market(), {"UNI": 8.0}, {"UNI": 1_000_000.0})
    values = {
        units: margin_value(portfolio([("USD", 10**7), ("UNI", units)]), market) - 10**7
        for units in (49_999, 50_000, 50_001, 900_000)
    }
    assert values[50_000] == pytest.approx(0.62 * 8 * 50_000)
    assert values[50_000] - values[49_999] == pytest.approx(0.62 * 8)
    assert values[50_001] == pytest.approx(values[50_000])
    assert values[900_000] == pytest.approx(values[50_000])


def test_one_model_of_a_hybrid_decides_what_is_outside():
    """The second one names no coin, so that alone it would leave a staked coin outside."""
    market = with_prices(golden_market(), {"STETH": 3_960.0, "UNI": 8.0})
    market = replace(market, forwards={}, futures={}, slices={}, option_rows={})
    book = portfolio([("STETH", 10), ("UNI", 100), ("USD", 10**6)])
    nameless = tuple(
        msgspec.structs.replace(c, members=()) for c in PRBM.classes if c.name == "other"
    )
    second = msgspec.structs.replace(
        load_preset("risk-based-collateral"), name="nameless", classes=nameless
    )
    hybrid = msgspec.structs.replace(PRBM, second=second)
    joined = join(book, market)
    assert margin_requirement(joined, second).initial == 0.0
    whole = margin_requirement(joined, hybrid)
    assert whole.maintenance == pytest.approx(0.35 * 39_600.0)
    shares = euler_contributions(joined, hybrid)
    assert [leg.instrument for leg in shares.legs] == ["STETH"]
    left = sum(step.maintenance for step in shares.unallotted)
    assert shares.legs[0].maintenance + left == pytest.approx(whole.maintenance)
    [alone] = marginal_contributions(joined, hybrid)
    assert alone.maintenance == pytest.approx(whole.maintenance)
    said = margin(book, market, hybrid).warnings
    assert sum("circulating supply" in warning for warning in said) == 1
