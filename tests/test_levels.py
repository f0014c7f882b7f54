"""Levels: both margins as multiples of the scanning risk, or of everything that has been found."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

import seawall as sw
from seawall.basics.errors import BadParameter
from seawall.margin.model import Levels
from seawall.margin.presets import load_preset
from tests.account_tables import assert_same, drawn_accounts, told, wide_market
from tests.resident_books import assert_as_alone

MARKET = wide_market(told(wide_market()))
ACCOUNTS = drawn_accounts(11, MARKET, 12)
SHIPPED = {name: load_preset(name) for name in ("prbm", "cross", "collateral-factor", "hybrid")}


def scaled(name, im_factor, mm_factor, of):
    levels = Levels(im_factor=im_factor, mm_factor=mm_factor, of=of)
    return msgspec.structs.replace(SHIPPED[name], levels=levels)


def totals(report):
    return report.initial, report.maintenance


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(("im_factor", "mm_factor"), [(1.3, 0.8), (1.0, 0.5), (2.0, 1.5)])
def test_of_the_requirement_both_margins_are_multiples_of_what_was_found(
    name, im_factor, mm_factor
):
    if SHIPPED[name].second is not None:
        pytest.skip("the second model of a hybrid has levels of its own")
    once = scaled(name, 1.0, 1.0, "requirement")
    model = scaled(name, im_factor, mm_factor, "requirement")
    for account in ACCOUNTS:
        found, report = (sw.margin(account, MARKET, each) for each in (once, model))
        rows = Decimal(len(report.rows)) / 100
        for factor, before, after in zip(
            (im_factor, mm_factor), totals(found), totals(report), strict=True
        ):
            assert abs(Decimal(str(factor)) * before - after) <= rows * Decimal(str(factor))
        assert sum(row.initial for row in report.rows) == report.initial
        assert sum(row.maintenance for row in report.rows) == report.maintenance
        taken = [row.maintenance for row in report.rows if row.path == "mm_factor"]
        assert all((amount < 0) == (mm_factor < 1.0) for amount in taken)
        assert report.maintenance <= report.initial


@pytest.mark.parametrize("name", ["prbm", "hybrid"])
def test_of_scanning_risk_charges_stand_beside_the_factors(name):
    plain, model = (
        scaled(name, 1.25, 1.0, "scanning-risk"),
        scaled(name, 1.25, 0.6, "scanning-risk"),
    )
    for account in ACCOUNTS:
        before, after = (sw.margin(account, MARKET, each) for each in (plain, model))
        scanning = sum(
            row.maintenance
            for row in before.rows
            if row.path.split("/")[0] in {"scanning_risk", "decorrelation", "floor"}
        )
        if SHIPPED[name].second is None:
            less = before.maintenance - after.maintenance
            assert abs(less - Decimal("0.4") * scanning) <= Decimal(len(before.rows)) / 100
        assert before.initial == after.initial


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("of", ["scanning-risk", "requirement"])
def test_many_accounts_and_resident_ones_have_the_cents_of_one(name, of):
    model = scaled(name, 1.3, 0.7, of)
    assert_same(ACCOUNTS, MARKET, model)
    book = sw.MarginBook(ACCOUNTS, MARKET, model)
    for account in ACCOUNTS:
        assert_as_alone(book.requirement(account.account), account, MARKET, model, name)


@pytest.mark.parametrize(
    ("im_factor", "mm_factor"), [(1.0, 1.1), (1.0, 0.0), (11.0, 1.0), (float("nan"), 1.0)]
)
def test_initial_margin_is_never_below_maintenance(im_factor, mm_factor):
    with pytest.raises(BadParameter, match="levels"):
        Levels(im_factor=im_factor, mm_factor=mm_factor)
