"""Derive's portfolio margin, first version: published cases and by hand."""

from __future__ import annotations

import json
import math

import pytest

import seawall as sw
from seawall.basics.errors import BadNumber
from seawall.feeds.conform.derive_pmrm import cases
from seawall.margin.presets import load_preset
from tests.derive_books import PERPETUAL, amounts, market, option, required

MODEL = load_preset("derive-pmrm")


@pytest.mark.parametrize(
    ("file", "held", "disabled"),
    [("pmrm1_testAndVerifyScenarios.json", 21, 0), ("pmrm1_liquidationTests.json", 10, 3)],
)
def test_published_cases_agree(shared, file, held, disabled):
    document = json.loads((shared / "vectors/derive" / file).read_text(encoding="utf-8"))
    found = list(cases(document, MODEL, file))
    assert len(found) == held + disabled
    assert sum(case.skipped is not None for case in found) == disabled
    for case in found:
        if case.skipped is None:
            expected = dict(case.expected)
            assert case.compute() == pytest.approx(expected, rel=1e-12, abs=1e-9), case.name


@pytest.mark.parametrize("document", [{}, [], 3, {"x": {"Scenario": {"Cash": 0}}}, {"x": 1}])
def test_a_document_of_another_shape_is_nobodys_case(document):
    assert cases(document, MODEL, "x") is None


def test_a_broken_case_is_named_with_its_key():
    entry = {"Scenario": {"OptionStrikes": []}, "Result": {}}
    with pytest.raises(BadNumber, match=r"OptionExpiries.*Test9|Test9.*OptionExpiries"):
        list(cases({"Test9": entry}, MODEL, "f.json"))


def test_a_perpetual_by_hand():
    """2 short at 100: 20 % is 40, and 3 % of 200; 1.25 times both."""
    found = required((PERPETUAL, -2), model=MODEL)
    assert found.maintenance == pytest.approx(46.0)
    assert found.initial == pytest.approx(1.25 * 46.0)


def test_coins_pay_the_contingency_too():
    found = required((PERPETUAL, -2), ("ETH", 2), model=MODEL)
    assert found.maintenance == pytest.approx(12.0)
    assert found.initial == pytest.approx(15.0)


def test_a_low_stablecoin_multiplies_the_contingency_as_well():
    low = required((PERPETUAL, -2), model=MODEL, at=market(usdc=0.94))
    assert amounts(low, "contingency/depeg") == (pytest.approx(0.2 * 46.0 * 0.94), 0.0)


def test_a_perpetual_in_doubt_makes_coins_doubtful():
    told = {"ETH": 1.0, PERPETUAL: 0.4}
    found = required((PERPETUAL, 1), ("ETH", 1), model=MODEL, at=market(confidence=told))
    assert amounts(found, "confidence/") == (pytest.approx(120.0), 0.0)


def test_options_that_are_owed_count_for_what_they_are_worth():
    """Nothing moves: a long option loses 5 % and time, a short one nothing."""
    for held in (1, -1):
        [array] = required(option(100, "P", held), model=MODEL).arrays
        [still] = [
            cell
            for cell in range(array.cells)
            if array.scenarios.price_rel[cell] == 0.0 and array.scenarios.vol_move(cell) == "none"
        ]
        gain = held * float(MODEL.fold.effective(array).unit_pnl_usd[0, still])
        kept = 0.95 * math.exp(-0.12 * 30.0 / 365.0) if held > 0 else 1.0
        assert gain == pytest.approx((kept - 1.0) * held * array.book.mark_usd[0], abs=1e-12)


def test_the_demo_book_is_margined():
    report = sw.margin(sw.synthetic_portfolio(), sw.synthetic_market(), MODEL)
    assert report.initial > report.maintenance > 0
    assert sum(row.initial for row in report.rows) == report.initial
