"""Laws that every requirement obeys, whatever the book and the market."""

from __future__ import annotations

import dataclasses
import math
from decimal import Decimal
from itertools import pairwise

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import assume, given, settings

from seawall.margin.classes import class_of
from seawall.margin.combinations import Combination, combine
from seawall.margin.fold import NetByUnderlying
from seawall.margin.model import MarginModel
from seawall.margin.offsets import TailMeasure
from seawall.margin.presets import load_preset, preset_names
from seawall.margin.requirement import MarginRequirement, margin_requirement
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Option
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.report.build import margin
from seawall.report.schema import MarginReport
from seawall.risk.book import join
from tests.naive.market import legs
from tests.numeraires import model_elsewhere
from tests.strategies import (
    accounts,
    books,
    in_other_numeraire,
    listed_options,
    markets,
    markets_with_options,
    positions,
)

PRBM = load_preset("prbm")
every_model = pytest.mark.parametrize("model", preset_names())


def requirement(
    portfolio: Portfolio, market: MarketSnapshot, model: MarginModel = PRBM
) -> MarginRequirement:
    return margin_requirement(join(portfolio, market), model)


def scanning_risk(groups: tuple[Combination, ...]) -> float:
    return sum(group.risk for group in groups)


def rounding_usd(market: MarketSnapshot, *portfolios: Portfolio) -> float:
    """What float64 may get wrong: a share of the gross value of everything in the array."""
    held = [leg for each in portfolios for leg in legs(each, market) if "underlying" in leg]
    return sum(1e-11 * abs(leg["q"]) * leg["S"] for leg in held)


def settled(portfolio: Portfolio) -> Portfolio:
    """The same positions without entry prices, so that two of them add up to one."""
    positions = tuple(msgspec.structs.replace(p, entry_price=None) for p in portfolio.positions)
    return msgspec.structs.replace(portfolio, positions=positions)


def merged(*portfolios: Portfolio) -> Portfolio:
    """One account with the sums of the positions; what nets to nothing is gone."""
    net: dict[str, Position] = {}
    for position in (p for portfolio in portfolios for p in portfolio.positions):
        name = position.instrument.name
        before = net[name].quantity if name in net else Decimal(0)
        net[name] = Position(instrument=position.instrument, quantity=before + position.quantity)
    kept = tuple(p for p in net.values() if p.quantity != 0)
    assume(kept)
    return Portfolio(account="merged", positions=kept)


def floats_of(value: object) -> list[float]:
    """Every float anywhere in a report."""
    if isinstance(value, float):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(parts, str | bytes) or not hasattr(parts, "__iter__"):
        return []
    return [number for part in parts for number in floats_of(part)]


def without_warnings(report: MarginReport) -> MarginReport:
    return msgspec.structs.replace(report, warnings=tuple(sorted(report.warnings)))


@every_model
@settings(max_examples=12)
@given(data=st.data(), account=accounts())
def test_order_of_positions_changes_nothing_at_all(model, data, account):
    portfolio, market = account
    shuffled = tuple(data.draw(st.permutations(portfolio.positions)))
    other = Portfolio(account=portfolio.account, positions=shuffled)
    assert without_warnings(margin(other, market, model)) == without_warnings(
        margin(portfolio, market, model)
    )


@every_model
@settings(max_examples=12)
@given(account=accounts(), factor=st.sampled_from((0.5, 4.0, 0.0063, 152.3)))
def test_another_numeraire_scales_every_step(model, account, factor):
    """With the volumes and open interest of the classes, caps on open interest and the price from
    which a peg counts as lost, minima of contracts, which are in USD, scaled as well.

    Strikes are scaled and names are not, so open interest by name would lose its strikes.
    """
    portfolio, market = account
    unlisted = dataclasses.replace(market.liquidity, open_interest={})
    market = dataclasses.replace(market, liquidity=unlisted)
    other = in_other_numeraire(portfolio, market, factor)
    chosen = load_preset(model)
    elsewhere = model_elsewhere(chosen, factor)
    steps = requirement(portfolio, market, chosen).steps
    scaled = requirement(*other, elsewhere).steps
    # Below a thousandth of a cent a value is noise of Black-76 far from the money.
    slack = factor * (rounding_usd(market, portfolio) + 1e-5)
    assert [step.path for step in scaled] == [step.path for step in steps]
    for before, after in zip(steps, scaled, strict=True):
        assert after.initial == pytest.approx(factor * before.initial, rel=1e-9, abs=slack)
        assert after.maintenance == pytest.approx(factor * before.maintenance, rel=1e-9, abs=slack)


@every_model
@settings(max_examples=12)
@given(account=accounts())
def test_rows_add_exactly_and_none_is_zero(model, account):
    report = margin(*account, model)
    assert report.initial == sum(row.initial for row in report.rows)
    assert report.maintenance == sum(row.maintenance for row in report.rows)
    assert report.equity == sum(row.value for row in report.collateral_rows)
    haircuts = sum(row.haircut for row in report.collateral_rows)
    assert report.margin_value == report.equity - haircuts
    assert all(row.initial or row.maintenance for row in report.rows)


@every_model
@settings(max_examples=12)
@given(account=accounts())
def test_rows_add_exactly_as_written_in_json(model, account):
    """Amounts are JSON numbers, and summing them as decimals gives the written totals."""
    report = margin(*account, model)
    written = msgspec.json.decode(report.to_json(), type=_Written)
    assert written.initial == sum(row.initial for row in written.rows)
    assert written.maintenance == sum(row.maintenance for row in written.rows)


class _WrittenRow(msgspec.Struct):
    path: str
    initial: Decimal
    maintenance: Decimal


class _Written(msgspec.Struct):
    initial: Decimal
    maintenance: Decimal
    rows: list[_WrittenRow]


@every_model
@settings(max_examples=12)
@given(account=accounts())
def test_amounts_have_their_signs_and_nothing_is_nan(model, account):
    report = margin(*account, model)
    # A second model may ask more at one level than at the other; the sums are in order.
    # An offset takes away, and a factor of maintenance below 1; by no more than there is.
    away = ("hybrid/", "offset/", "mm_factor")
    # Units that are taken in the same cells may gain there what others lose.
    fold, offsets_of = load_preset(model).fold, load_preset(model).offsets
    in_one_currency = isinstance(fold, NetByUnderlying) and fold.by_currency is not None
    if in_one_currency or isinstance(offsets_of, TailMeasure):
        away = (*away, "scanning_risk/")
    signed = [row for row in report.rows if not row.path.startswith(away)]
    assert all(row.initial >= row.maintenance >= 0 for row in signed)
    offsets = [row for row in report.rows if row.path.startswith("offset/")]
    assert all(row.initial == row.maintenance < 0 for row in offsets)
    assert report.initial >= report.maintenance >= 0
    assert all(row.haircut >= 0 for row in report.collateral_rows)
    assert report.margin_value <= report.equity
    assert all(math.isfinite(number) for number in floats_of(msgspec.to_builtins(report)))


@settings(max_examples=60)
@given(account=accounts())
def test_group_risk_lies_between_its_worst_member_and_their_sum(account):
    found = requirement(*account)
    for group in (*found.combinations, *found.floored):
        worst = [unit.worst for unit in group.units]
        slack = 1e-12 * sum(worst)
        assert max(worst) <= group.direction_sum + slack
        assert group.direction_sum <= group.risk + slack
        assert group.risk <= group.worst_sum + slack
        assert group.worst_sum == pytest.approx(sum(worst), rel=1e-12, abs=0.0)


@settings(max_examples=60)
@given(account=accounts(mixes=(("BTC", "ETH"), ("BTC", "ETH", "SOL"))))
def test_risk_never_rises_with_correlation(account):
    found = requirement(*account)
    units = tuple(unit for group in found.combinations for unit in group.units)
    offsets = (
        msgspec.structs.replace(PRBM.offsets, kappa=kappa, kappa_low=0.0)
        for kappa in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    risks = [scanning_risk(combine(units, each, account[1].as_of)) for each in offsets]
    slack = 1e-12 * risks[0]
    assert all(after <= before + slack for before, after in pairwise(risks))
    assert risks[0] == pytest.approx(sum(unit.worst for unit in units), rel=1e-12, abs=0.0)


@settings(max_examples=60)
@given(data=st.data(), market=markets())
def test_scanning_risk_is_subadditive(data, market):
    """Two books in one account never need more than the two apart, floors or not."""
    one, other = (settled(data.draw(books(market))) for _ in range(2))
    both = requirement(merged(one, other), market)
    apart = [requirement(book, market) for book in (one, other)]
    slack = rounding_usd(market, one, other)
    assert both.scanning_risk <= sum(part.scanning_risk for part in apart) + slack
    floored = sum(scanning_risk(part.floored) for part in apart)
    assert scanning_risk(both.floored) <= floored + slack


@settings(max_examples=50)
@given(data=st.data(), market=markets())
def test_directional_losses_of_an_underlying_are_subadditive(data, market):
    """Where coins held count in the array whatever hedges them, that is."""
    one, other = (settled(data.draw(books(market))) for _ in range(2))
    slack = rounding_usd(market, one, other)

    def losses(portfolio):
        groups = requirement(portfolio, market).combinations
        return {unit.path: unit for group in groups for unit in group.units}

    apart = [losses(book) for book in (one, other)]
    for path, unit in losses(merged(one, other)).items():
        if class_of(path, PRBM.classes).takes_the_rest:
            continue
        for direction in ("up", "down"):
            limit = sum(part[path].toward(direction) for part in apart if path in part)
            assert unit.toward(direction) <= limit + slack


@settings(max_examples=50)
@given(data=st.data(), market=markets_with_options())
def test_a_long_option_adds_at_most_its_value_to_scanning_risk(data, market):
    book = settled(data.draw(books(market)))
    option = data.draw(st.sampled_from(listed_options(market)))
    position = data.draw(positions(market, option))
    bought = Portfolio(
        account="bought",
        positions=(Position(instrument=option, quantity=abs(position.quantity)),),
    )
    (leg,) = legs(bought, market)
    before, after = requirement(book, market), requirement(merged(book, bought), market)
    slack = rounding_usd(market, book, bought)
    assert after.scanning_risk <= before.scanning_risk + leg["q"] * leg["value"] + slack
    sums = [sum(group.direction_sum for group in r.combinations) for r in (before, after)]
    assert sums[1] <= sums[0] + leg["q"] * leg["value"] + slack


@settings(max_examples=50)
@given(data=st.data(), market=markets_with_options(mixes=(("TRX",), ("BTC", "ETH"))))
def test_long_options_alone_lose_at_most_their_value(data, market):
    """Also where the range is wider than the nearest tail, which then must not be amplified."""
    drawn = data.draw(books(market, instruments=listed_options(market)))
    bought = Portfolio(
        account="bought",
        positions=tuple(
            Position(instrument=p.instrument, quantity=abs(p.quantity)) for p in drawn.positions
        ),
    )
    value = sum(leg["q"] * leg["value"] for leg in legs(bought, market))
    limit = value + rounding_usd(market, bought)
    assert requirement(bought, market).scanning_risk <= limit


@settings(max_examples=50)
@given(account=accounts(), factor=st.sampled_from(("0.001", "0.37", "2", "1000")))
def test_scanning_risk_and_floors_scale_with_the_positions(account, factor):
    portfolio, market = account
    scaled = Portfolio(
        account="scaled",
        positions=tuple(
            msgspec.structs.replace(p, quantity=p.quantity * Decimal(factor))
            for p in portfolio.positions
        ),
    )
    before, after = requirement(portfolio, market), requirement(scaled, market)
    slack = float(factor) * rounding_usd(market, portfolio)
    for groups in ("combinations", "floored"):
        want = float(factor) * scanning_risk(getattr(before, groups))
        assert scanning_risk(getattr(after, groups)) == pytest.approx(want, rel=1e-9, abs=slack)


@settings(max_examples=50)
@given(data=st.data(), account=accounts())
def test_more_cells_never_lower_scanning_risk(data, account):
    full = PRBM.scenarios
    sides = [[x for x in full.price_steps if sign * x > 0.0] for sign in (-1, 1)]
    steps = [x for side in sides for x in data.draw(st.sets(st.sampled_from(side), min_size=1))]
    tails = data.draw(st.sets(st.sampled_from(full.tails_rel)))
    fewer = msgspec.structs.replace(
        full,
        price_steps=(0.0, *steps),
        tails_rel=tuple(tails),
        skew_tilt=data.draw(st.sampled_from((None, full.skew_tilt))),
        term_twist=data.draw(st.sampled_from((None, full.term_twist))),
    )
    small = requirement(*account, msgspec.structs.replace(PRBM, scenarios=fewer))
    large = requirement(*account)
    assert small.scanning_risk <= large.scanning_risk * (1.0 + 1e-12)
    for before, after in zip(small.combinations, large.combinations, strict=True):
        for less, more in zip(before.units, after.units, strict=True):
            assert less.up <= more.up
            assert less.down <= more.down


@settings(max_examples=50)
@given(account=accounts())
def test_netting_never_costs_scanning_risk(account):
    """The house model before floors and charges against every position's own worst loss."""
    portfolio, market = account
    alone = requirement(portfolio, market, load_preset("risk-based-collateral"))
    slack = rounding_usd(market, portfolio)
    assert requirement(portfolio, market).scanning_risk <= alone.scanning_risk + slack


@settings(max_examples=50)
@given(data=st.data(), market=markets_with_options())
def test_a_lone_naked_option_is_not_under_margined(data, market):
    option = data.draw(st.sampled_from(listed_options(market)))
    position = data.draw(positions(market, option))
    naked = Portfolio(
        account="naked",
        positions=(Position(instrument=option, quantity=-abs(position.quantity)),),
    )
    assert isinstance(option, Option)
    house, older = margin(naked, market, "prbm"), margin(naked, market, "risk-based-collateral")
    assert house.initial >= older.initial
    assert house.maintenance >= older.maintenance


@settings(max_examples=50)
@given(account=accounts())
def test_settling_a_coin_profit_changes_no_risk(account):
    """An unrealised profit of an inverse future is the coin balance it will be paid as.

    Where coins held count in the array whatever hedges them, that is.
    """
    portfolio, market = account
    coins: dict[str, Decimal] = {}
    for leg in legs(portfolio, market):
        if leg["kind"] in ("perpetual", "future") and leg["inverse"] and leg["entry"] is not None:
            paid = Decimal(leg["q"] * (leg["F"] / leg["entry"] - 1.0))
            coins[leg["underlying"]] = coins.get(leg["underlying"], Decimal(0)) + paid
    if not coins or any(class_of(coin, PRBM.classes).takes_the_rest for coin in coins):
        return  # about half of the drawn accounts have nothing to settle
    paid_out = Portfolio(
        account="paid out",
        positions=tuple(
            Position(instrument=parse_name(coin), quantity=q) for coin, q in coins.items()
        ),
    )
    after = merged(settled(portfolio), paid_out)
    before, now = requirement(portfolio, market), requirement(after, market)
    slack = 10.0 * rounding_usd(market, portfolio, after)
    assert now.initial == pytest.approx(before.initial, rel=1e-9, abs=slack)
    assert now.maintenance == pytest.approx(before.maintenance, rel=1e-9, abs=slack)
