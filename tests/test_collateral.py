"""Collateral of every kind: the oracle, the laws of docs/collateral.md, and its numbers by hand."""

from __future__ import annotations

from decimal import Decimal

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import assume, given, settings

from seawall.margin.caps import Capped, Caps
from seawall.margin.charges.size_notional import SizeNotionalCharge
from seawall.margin.collateral import in_array
from seawall.margin.euler import euler_contributions
from seawall.margin.factors import CollateralFactors
from seawall.margin.marginal import marginal_contributions
from seawall.margin.offsets import TailMeasure
from seawall.margin.presets import load_preset, preset_names
from seawall.margin.requirement import margin_requirement
from seawall.report.build import margin
from seawall.risk.book import join
from tests.collateral_books import (
    COIN_WRAPPERS,
    NEVER_IN_ARRAY,
    OTHERS,
    holdings,
    margin_value,
    mixed_accounts,
    with_held,
    with_prices,
)
from tests.naive.parameters import PRBM as NUMBERS
from tests.strategies import accounts, between
from tests.test_oracle import NOISE, ORACLES, assert_steps_agree, close, rounding_usd

PRBM = load_preset("prbm")
every_model = pytest.mark.parametrize("model", preset_names())
# Of which values are cut by factors, neither inside nor outside an array.
FACTORS = {m for m in preset_names() if isinstance(load_preset(m).collateral, CollateralFactors)}
every_oracle = pytest.mark.parametrize("model", ORACLES)
ASSET_HEADS = ("cash", "stablecoin", "spot", "wrapper", "lp_share", "rwa", "outside")


# ---- the oracle


@every_oracle
def test_the_preset_holds_the_documented_numbers(model):
    cuts = load_preset(model).collateral
    for numbers, key in ((cuts.foreign_cash, "foreign_cash"), (cuts.real_world_asset, "rwa")):
        found = (numbers.floor_rel, numbers.daily_vol_rel, numbers.liquidity_rel)
        assert found == NUMBERS[key]
    assert cuts.other_floor_rel == NUMBERS["other_min"]
    assert (cuts.lp_share_rel, cuts.depeg_rel) == (NUMBERS["lp_share"], NUMBERS["depeg"])
    caps = (cuts.caps.value_share, cuts.caps.supply_share, cuts.caps.default_supply_usd)
    assert caps == tuple(NUMBERS["caps"].values())


@every_oracle
@settings(max_examples=50)
@given(account=mixed_accounts())
def test_every_row_of_assets_agrees_with_the_oracle(model, account):
    held, market = account
    slack = rounding_usd(held, market)
    expected = ORACLES[model](held, market, NUMBERS)
    wanted = expected["collateral_rows"]
    found = holdings(held, market, load_preset(model))
    for path, (value, haircut) in found.items():
        head, name = path.split("/")
        if head in ASSET_HEADS:
            want = wanted.get(path if head == "outside" else name, (0.0, 0.0))
            assert close(value, want[0], slack), path
            assert close(haircut, want[1], slack), path
    for path, (_, cut) in wanted.items():
        if "/" in path:
            assert close(found.get(path, (0.0, 0.0))[1], cut, slack), path
    assert close(sum(v for v, _ in found.values()), expected["equity"], slack)
    assert close(sum(h for _, h in found.values()), expected["haircuts"], slack)


@every_oracle
@settings(max_examples=40)
@given(account=mixed_accounts())
def test_every_step_agrees_with_the_oracle(model, account):
    assert_steps_agree(account, load_preset(model), ORACLES[model], NUMBERS)


@every_model
@settings(max_examples=20)
@given(account=mixed_accounts())
def test_rows_of_the_report_add_and_legs_share_the_requirement(model, account):
    """Euler shares of wrappers too, and no leg is what no scenario moves."""
    held, market = account
    chosen, book = load_preset(model), join(held, market)
    if any(isinstance(charge, SizeNotionalCharge) for charge in chosen.charges):
        # A rate that grows with the coins of a size is beyond all amounts for a trillion of them.
        assume(all(abs(each.quantity) < 10**9 for each in held.positions))
    report = margin(held, market, chosen)
    assert report.equity == sum(row.value for row in report.collateral_rows)
    cut = sum(row.haircut for row in report.collateral_rows)
    assert report.margin_value == report.equity - cut
    assert all(row.haircut >= 0 for row in report.collateral_rows)
    shares = euler_contributions(book, chosen)
    whole = margin_requirement(book, chosen)
    slack = rounding_usd(held, market) + 4.0 * NOISE * len(held.positions)
    left = sum(step.initial for step in shares.unallotted)
    assert sum(leg.initial for leg in shares.legs) + left == pytest.approx(
        whole.initial, rel=1e-9, abs=slack
    )
    inside = in_array(book, chosen.classes).underlyings
    assert [leg.instrument for leg in shares.legs] == [
        position.instrument.name for part in inside for position in part.positions
    ]
    marginal = [leg.instrument for leg in marginal_contributions(book, chosen)]
    assert marginal == [leg.instrument for leg in shares.legs]


# ---- laws


@pytest.mark.parametrize("model", sorted(set(preset_names()) - FACTORS))
@settings(max_examples=20)
@given(account=accounts(), data=st.data())
def test_a_wrapper_is_its_underlying_and_its_peg(model, account, data):
    """The requirement is that of as many coins as it is worth; the depeg row is all the rest."""
    held, market = account
    name, (coin, units) = data.draw(st.sampled_from(sorted(COIN_WRAPPERS.items())))
    assume(coin in market.index_usd)
    ratio = Decimal(str(units)) * data.draw(st.sampled_from((Decimal("0.8"), Decimal("1.1"))))
    market = with_prices(market, {name: market.index_usd[coin] * float(ratio)})
    quantity = data.draw(st.sampled_from((-40, 3, 500)))
    wrapped = with_held(held, (coin, 0), (name, quantity))
    plain = with_held(held, (coin, quantity * ratio))
    chosen = load_preset(model)
    slack = rounding_usd(wrapped, market) + NOISE
    one, other = (margin_requirement(join(each, market), chosen) for each in (wrapped, plain))
    assert one.initial == pytest.approx(other.initial, rel=1e-9, abs=slack)
    assert one.maintenance == pytest.approx(other.maintenance, rel=1e-9, abs=slack)
    rows, bare = holdings(wrapped, market, chosen), holdings(plain, market, chosen)
    value, cut = rows.pop(f"depeg/{name}")
    assert (value, cut) == (0.0, pytest.approx(0.05 * abs(rows[f"wrapper/{name}"][0])))
    assert rows.pop(f"wrapper/{name}") == pytest.approx(bare.pop(f"spot/{coin}"), rel=1e-9)
    share = chosen.collateral.caps.value_share
    for path in rows.keys() | bare.keys():  # a cap that just does or does not bind is dust
        row, alike = rows.get(path, (0.0, 0.0)), bare.get(path, (0.0, 0.0))
        # A cap is a share of all else, of which the peg has cut something off.
        less = cut * share / (1.0 - share) if path.startswith("cap/") else 0.0
        assert row == pytest.approx(alike, rel=1e-9, abs=less + slack), path


@every_model
@settings(max_examples=20)
@given(account=mixed_accounts(), name=st.sampled_from(NEVER_IN_ARRAY), lots=between(0.0, 1e6))
def test_adding_an_outside_asset_helps_no_requirement_and_never_hurts(model, account, name, lots):
    held, market = account
    chosen = load_preset(model)
    # A coin that a model names is in its array.
    assume(not any(name in each.members for each in chosen.classes))
    less = with_held(held, (name, 0))
    more = with_held(less, (name, Decimal(repr(lots))))
    before, after = (margin_requirement(join(each, market), chosen) for each in (less, more))
    assert (after.initial, after.maintenance) == (before.initial, before.maintenance)
    gain = margin_value(more, market, chosen) - margin_value(less, market, chosen)
    slack = 1e-9 * (abs(margin_value(less, market, chosen)) + lots * market.index_usd[name])
    assert gain >= -slack


@every_model
@settings(max_examples=25)
@given(account=mixed_accounts(), size=between(1e-6, 1e-2), sign=st.sampled_from((-1, 1)))
def test_a_dust_contract_changes_margin_by_its_size(model, account, size, sign):
    """However much of the coin is held: nothing changes sides at once."""
    held, market = account
    held = with_held(held, ("UNI", Decimal(500_000)), ("UNI_USDC-PERPETUAL", 0))
    market = with_prices(market, {"UNI": 8.0}, dict(market.liquidity.supply))
    more = with_held(held, ("UNI_USDC-PERPETUAL", Decimal(repr(sign * size))))
    chosen = load_preset(model)
    values = [margin_value(each, market, chosen) for each in (held, more)]
    asked = [margin_requirement(join(each, market), chosen) for each in (held, more)]
    # Ten caps beside lift at most as much each as the dust is worth.
    slack = rounding_usd(more, market) + 4.0 * NOISE + 1e-9 * abs(values[0])
    most = 20.0 * size * 8.0 + slack
    assert abs(values[1] - values[0]) <= most
    assert abs(asked[1].initial - asked[0].initial) <= most
    assert abs(asked[1].maintenance - asked[0].maintenance) <= most


@every_model
@settings(max_examples=25)
@given(account=mixed_accounts(), sold=between(0.0, 2e6))
def test_a_contract_frees_no_more_than_it_hedges(model, account, sold):
    """What stays outside is what is held less what is sold, and no cap leaves it."""
    held, market = account
    market = with_prices(market, {"UNI": 8.0}, dict(market.liquidity.supply))
    held = with_held(held, ("UNI", Decimal(10**6)), ("UNI_USDC-PERPETUAL", Decimal(repr(-sold))))
    rows = holdings(held, market, load_preset(model))
    if model in FACTORS:
        assert rows["spot/UNI"][0] == pytest.approx(8e6)
        return
    out, cut = rows.get("outside/UNI", (0.0, 0.0))
    slack = {"abs": 1e-3, "rel": 1e-9}
    assert out == pytest.approx(8.0 * max(0.0, 1e6 - sold), **slack)
    assert cut == pytest.approx(0.38 * out, **slack)
    assert rows.get("spot/UNI", (0.0, 0.0))[0] == pytest.approx(8e6 - out, **slack)
    supply = market.liquidity.supply.get("UNI")
    most = 0.05 * (1e8 if supply is None else 8.0 * supply)
    over = rows.get("supply_cap/UNI", (0.0, 0.0))[1]
    assert over == pytest.approx(0.62 * max(0.0, out - most), **slack)


@settings(max_examples=100)
@given(
    rest=between(-1e6, 1e6),
    left=st.lists(between(0.0, 1e6), min_size=1, max_size=5),
    share=between(0.0, 0.9),
    step=between(0.0, 1e3),
    data=st.data(),
)
def test_what_counts_after_caps_is_monotone_and_continuous(rest, left, share, step, data):
    """In every asset and in the rest: a dollar more is between 0 and 1 + n·k dollars more."""
    caps = Caps(value_share=share, supply_share=0.05, default_supply_usd=1e6)
    place = data.draw(st.integers(-1, len(left) - 1))

    def counted(rest, left):
        assets = [Capped(str(i), 1.0, 2.0 * x, x, 1e9) for i, x in enumerate(left)]
        cuts = caps.cuts(rest, assets)
        assert all(min(cut) >= 0.0 for cut in cuts)
        assert all(sum(cut) <= x * (1.0 + 1e-12) for cut, x in zip(cuts, left, strict=True))
        return rest + sum(left) - sum(map(sum, cuts))

    grown = [x + step * (i == place) for i, x in enumerate(left)]
    before, after = counted(rest, left), counted(rest + step * (place < 0), grown)
    slack = 1e-9 * (abs(rest) + sum(left) + step)
    most = 1.0 + len(left) * share / (1.0 - share)
    assert before - slack <= after <= before + step * most + slack


@settings(max_examples=200)
@given(
    rest=between(0.0, 1e6),
    left=st.lists(between(0.0, 1e6), min_size=1, max_size=5),
    share=between(0.5, 0.9),
)
def test_no_asset_is_more_than_its_share_of_the_margin_value(rest, left, share):
    """With shares from a half and no net debt beside at most one asset is over, and it is then
    exactly its share of what the account has.
    """
    caps = Caps(value_share=share, supply_share=1.0, default_supply_usd=1e9)
    assets = [Capped(str(i), 1.0, x, x, 1e9) for i, x in enumerate(left)]
    kept = [x - cut for x, (_, cut) in zip(left, caps.cuts(rest, assets), strict=True)]
    whole = rest + sum(kept)
    slack = 1e-9 * (rest + sum(left))
    assert all(x <= share * whole + slack for x in kept)
    over = [i for i, x in enumerate(kept) if x < left[i] - slack]
    assert len(over) <= 1
    assert all(kept[i] == pytest.approx(share * whole, abs=slack) for i in over)


@every_model
@settings(max_examples=20)
@given(account=mixed_accounts(signs=(1,)), data=st.data())
def test_a_debt_never_helps(model, account, data):
    """Owing instead of not holding lowers the margin value by at least what is owed."""
    held, market = account
    name = data.draw(st.sampled_from(sorted(OTHERS)))
    none = with_held(held, (name, 0))
    worth = data.draw(st.sampled_from((1.0, 1e4, 1e6)))
    units = Decimal(f"{worth / market.index_usd[name]:.6g}")
    owed = with_held(none, (name, -units))
    chosen = load_preset(model)
    values = [margin_value(each, market, chosen) for each in (none, owed)]
    debt = float(units) * market.index_usd[name]
    # The account may hold sums that cancel: noise is of their size and not of what is left.
    slack = rounding_usd(owed, market) + 1e-9 * (abs(values[0]) + debt)
    assert values[1] <= values[0] - debt + slack
    rows = holdings(owed, market, chosen)
    assert all(cut >= 0.0 for _, cut in rows.values())
    if isinstance(chosen.offsets, TailMeasure):
        return  # a debt hedges what falls on the same paths
    before, after = (margin_requirement(join(e, market), chosen) for e in (none, owed))
    assert after.initial >= before.initial * (1.0 - 1e-12)
    assert after.maintenance >= before.maintenance * (1.0 - 1e-12)


@settings(max_examples=50)
@given(account=mixed_accounts(), factor=between(1.0, 3.0), data=st.data())
def test_haircuts_rise_with_every_number(account, factor, data):
    """Of floors, volatilities, liquidity and additions a greater one never raises the value."""
    held, market = account
    cuts = PRBM.collateral
    name = data.draw(
        st.sampled_from(
            [
                "z",
                "horizon_days",
                "other_floor_rel",
                "lp_share_rel",
                "depeg_rel",
                "stablecoin",
                "foreign_cash",
                "real_world_asset",
            ]
        )
    )
    value = getattr(cuts, name)
    if isinstance(value, float):
        raised = msgspec.structs.replace(cuts, **{name: value * factor})
    else:
        field = data.draw(st.sampled_from(value.__struct_fields__))
        more = {field: getattr(value, field) * factor * 10.0}
        raised = msgspec.structs.replace(cuts, **{name: msgspec.structs.replace(value, **more)})
    harsher = msgspec.structs.replace(PRBM, collateral=raised)
    before, after = margin_value(held, market), margin_value(held, market, harsher)
    assert after <= before + 1e-9 * (1.0 + abs(before) + rounding_usd(held, market) * 1e13)


@every_model
@settings(max_examples=20)
@given(account=mixed_accounts(signs=(1,)))
def test_no_holding_loses_more_than_its_value_to_its_own_haircuts(model, account):
    rows = holdings(*account, load_preset(model))
    for path, (value, cut) in rows.items():
        head, name = path.split("/")
        if head in ASSET_HEADS:
            lost = cut + rows.get(f"depeg/{name}", (0.0, 0.0))[1]
            lost += rows.get(f"supply_cap/{name}", (0.0, 0.0))[1]
            lost += rows.get(f"cap/{name}", (0.0, 0.0))[1]
            assert lost <= max(abs(value), value) * (1.0 + 1e-12), path
