"""OKX's and Bybit's portfolio margin: their rules by hand, and the parts that they brought."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from msgspec.structs import replace

from seawall.basics.errors import BadParameter
from seawall.margin.charges import AtLeastCharge, StablecoinHedgeCharge, VegaAcrossExpiriesCharge
from seawall.margin.charges.tiers import Tier, by_tiers
from seawall.margin.fold import net_by_expiry
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.portfolio import portfolio
from seawall.risk.book import join
from seawall.risk.scenarios import RangeTail, lay_out
from seawall.risk.shocks import Instant, Shock, VolMove
from seawall.risk.vol_laws import TenorLaw
from tests.strategies import accounts

OKX, BYBIT = load_preset("okx-pm"), load_preset("bybit-pm")
AS_OF = datetime(2026, 3, 1, 8, tzinfo=UTC)
EXPIRY = datetime(2026, 4, 15, 8, tzinfo=UTC)  # 45 days, midway between two knots
CALL, LATER = "BTC_USDT-15APR26-100000-C", datetime(2026, 8, 28, 8, tzinfo=UTC)
LATER_CALL = "BTC_USDT-28AUG26-100000-C"


def market() -> MarketSnapshot:
    """BTC at 100,000, its perpetuals at 101,000, an at-the-money call of each of two expiries."""
    slices, rows = {}, {}
    for name, expiry in ((CALL, EXPIRY), (LATER_CALL, LATER)):
        key = ("BTC", "USDT", expiry)
        rows[name] = (key, 0)
        slices[key] = OptionSlice(
            key=key,
            forward=100_000.0,
            names=(name,),
            strike=np.array([100_000.0]),
            is_call=np.array([True]),
            vol=np.array([0.5]),
            mark=np.array([np.nan]),
            observed_s=np.array([np.nan]),
            atm_vol=0.5,
        )
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd={"BTC": 100_000.0, "LTC": 100.0, "DOT": 10.0},
        stable_usd={"USDT": 1.0, "USDC": 1.0},
        forwards={key: each.forward for key, each in slices.items()},
        futures={"BTC_USDT-PERPETUAL": 101_000.0, "BTC_USDC-PERPETUAL": 100_000.0,
                 "BTC-PERPETUAL": 100_000.0},
        slices=slices,
        option_rows=rows,
    )  # fmt: skip


def required(model, *held):
    return margin_requirement(join(portfolio(list(held)), market()), model)


def steps(found):
    return {step.path: step.maintenance for step in found.steps if round(step.maintenance, 9)}


def test_a_perpetual_at_okx_by_hand() -> None:
    """The index moves by 12 %, the basis is of the mark, and closing out is less than both."""
    found = required(OKX, ("BTC_USDT-PERPETUAL", -2, None))
    assert steps(found) == pytest.approx(
        {"scanning_risk/BTC": 0.12 * 200_000, "expiry_basis/BTC": 0.002 * 202_000}
    )
    assert found.maintenance == pytest.approx(24_404.0)
    assert found.initial == pytest.approx(1.3 * 24_404.0)


def test_what_hedges_itself_still_pays_to_be_closed_out() -> None:
    """Long and short of one expiry: no risk, no basis between marks, and MR7 is all there is."""
    held = (("BTC_USDC-PERPETUAL", 3, None), ("BTC-PERPETUAL", -3, None))
    found = required(OKX, *held)
    raw = 0.0045 * 600_000
    assert steps(found) == pytest.approx(
        {"closing_cost/BTC": raw, "stablecoin_hedge/BTC": 0.0075 * 300_000}
    )
    large = required(OKX, *((name, 100 * size, None) for name, size, _ in held))
    # 270,000 of raw cost, of which what is above 250,000 counts twice.
    assert steps(large)["closing_cost/BTC"] == pytest.approx(250_000 + 2 * 20_000)
    assert steps(large)["stablecoin_hedge/BTC"] == pytest.approx(
        0.0075 * 1e6 + 0.0175 * 4e6 + 0.025 * 25e6
    )


def test_moves_are_whole_percents_of_each_class_and_tails_twice_the_range() -> None:
    for rel, moves in ((0.12, (4, 8, 12)), (0.18, (6, 12, 18)), (0.25, (8, 16, 25))):
        cells = lay_out(OKX.scenarios, rel, rel)
        assert cells.grid_shape == (7, 3)
        grid = cells.price_rel[:21:3]
        assert grid == pytest.approx(
            [*(-m / 100 for m in moves[::-1]), 0.0, *(m / 100 for m in moves)]
        )
        assert cells.price_rel[-2:] == pytest.approx([-2 * rel, 2 * rel])
        assert cells.damping[-2:].tolist() == [0.5, 0.5]
        assert {cells.vol_move(cell) for cell in range(21, 35)} == {
            VolMove.UP_OTHER,
            VolMove.DOWN_OTHER,
        }


def test_a_volatility_goes_by_points_or_by_a_share_and_the_worse_counts() -> None:
    """At 45 days 22.5 points, or 30 %: of 50 % volatility the points are more."""
    points, share = OKX.scenarios.shocks("vol_up")
    days = np.array([0.0, 30.0, 45.0, 60.0, 400.0])
    assert points.sizes(days) == pytest.approx([0.30, 0.25, 0.225, 0.20, 0.20])
    assert share.sizes(days) == pytest.approx([0.50, 0.35, 0.30, 0.25, 0.25])
    short = required(OKX, (CALL, -1, None))
    [array] = short.arrays
    cells = short.combinations[0].units[0].cells
    worst = {
        move: min(
            cells.undamped[cell] for cell in range(35) if cells.scenarios.vol_move(cell) is move
        )
        for move in VolMove
        if move in (VolMove.UP, VolMove.UP_OTHER)
    }
    assert worst[VolMove.UP] < worst[VolMove.UP_OTHER]
    assert short.scanning_risk == pytest.approx(-worst[VolMove.UP])
    assert array.instants[:2] == (Instant.NOW, Instant.HORIZON)


def test_a_day_passes_alone() -> None:
    """A long call loses its theta where nothing moves, and nothing of it elsewhere."""
    found = required(OKX, (CALL, 1, None))
    [array] = found.arrays
    now, later = array.unit_pnl_usd[0].reshape(2, -1)
    base = array.scenarios.base
    assert base.sum() == 1
    assert later[base] == pytest.approx(array.book.theta_usd[0], rel=0.02)
    assert (later[~base] == now[~base]).all()
    assert now[base] == [0.0]


def test_shocks_and_grids_that_contradict_themselves_are_refused() -> None:
    one = OKX.scenarios.shocks("vol_up")[0]
    for amiss in (
        {"vol_up": one},
        {"vol_up": (one, replace(one, size=((0.0, 0.1), (30.0, -0.1))))},
        {"step_unit_rel": -0.01},
        {"range_tails": (RangeTail(step=0.0, vol="none", damping=0.5),)},
    ):
        with pytest.raises(BadParameter):
            replace(OKX.scenarios, **amiss)
    for size in ((), ((30.0, 0.1), (0.0, 0.2)), ((0.0, float("nan")),)):
        with pytest.raises(BadParameter, match="a shock of"):
            Shock(kind="absolute", size=size)
    deep = replace(OKX.scenarios, range_tails=(RangeTail(step=-5.0, vol="none", damping=0.5),))
    with pytest.raises(BadParameter, match="zero or below"):
        lay_out(deep, 0.25, 0.25)


def test_a_day_that_has_begun_counts_whole() -> None:
    law = BYBIT.scenarios.tenor_law
    assert law.weight(np.array([185.2, 186.0])) == pytest.approx([(30 / 186) ** 0.3] * 2)
    part = TenorLaw(reference_days=30.0, floor_days=1.0, short_power=0.3, long_power=0.3)
    assert part.weight(np.array([185.2])) > law.weight(np.array([185.2]))


def test_a_book_at_bybit_by_hand() -> None:
    """A perpetual against a later one in another currency: risk of the marks, and contingencies."""
    found = required(BYBIT, ("BTC_USDT-PERPETUAL", 2, None), ("BTC_USDC-PERPETUAL", -1, None))
    assert steps(found) == pytest.approx(
        {
            "scanning_risk/BTC": 0.10 * (202_000 - 100_000),
            "index_notional/BTC": 0.0003 * 300_000,
            "stablecoin_hedge/BTC": 0.005 * 100_000,
        }
    )
    assert found.initial == pytest.approx(1.2 * found.maintenance)


def test_short_options_pay_net_of_long_ones_of_their_right() -> None:
    lone = steps(required(BYBIT, (CALL, -2, None)))
    assert lone["index_notional/BTC"] == pytest.approx(0.005 * 200_000)
    hedged = steps(required(BYBIT, (CALL, -2, None), (LATER_CALL, 2, None)))
    assert "index_notional/BTC" not in hedged
    assert hedged["vega_across_expiries/BTC"] > 0.0


def test_only_vega_of_the_other_sign_in_another_expiry_pays() -> None:
    charge = VegaAcrossExpiriesCharge(points=2.0)
    [on] = required(BYBIT, (CALL, -3, None), (LATER_CALL, 1, None)).charged
    vega = on.book.quantity * on.book.vega_usd
    [amount] = charge.amounts(on)
    assert amount.maintenance == pytest.approx(2.0 * min(abs(vega)))
    [same] = required(BYBIT, (CALL, 3, None), (LATER_CALL, 1, None)).charged
    assert charge.amounts(same)[0].maintenance == pytest.approx(0.0, abs=1e-9)


def test_tiers_take_each_part_at_its_own_rate_and_must_rise() -> None:
    tiers = (Tier(above_usd=0.0, rate=1.0), Tier(above_usd=10_000.0, rate=2.0))
    assert by_tiers(30_000.0, tiers) == 50_000.0
    assert by_tiers(np.array([0.0, 10_000.0, 10_001.0]), tiers).tolist() == [0.0, 1e4, 10_002.0]
    for amiss in (tiers[::-1], tiers[1:], (), (*tiers, Tier(above_usd=2e4, rate=1.0))):
        with pytest.raises(BadParameter, match="tiers"):
            StablecoinHedgeCharge(tiers=amiss)


@given(account=accounts())
def test_what_closing_out_costs_is_the_least_that_each_coin_comes_to(account) -> None:
    held, prices = account
    found = margin_requirement(join(held, prices), OKX)
    [charge] = [each for each in OKX.charges if isinstance(each, AtLeastCharge)]
    for on in found.charged:
        amounts = [amount.maintenance for amount in charge.amounts(on)]
        assert on.worst_loss + sum(amounts) >= charge.closing.cost_usd(on) * (1.0 - 1e-12)
        assert amounts[-1] == 0.0 or on.worst_loss + sum(amounts) == pytest.approx(
            charge.closing.cost_usd(on), rel=1e-9
        )
        worst = np.zeros(on.book.quantity.size)
        worst[0] = on.worst_loss  # however it is shared out
        shares = charge.shares(on, worst).maintenance
        assert shares.sum() == pytest.approx(sum(amounts), rel=1e-9, abs=1e-6)


def test_futures_may_move_by_the_index_or_by_their_own_price() -> None:
    by_index = required(OKX, ("BTC_USDT-PERPETUAL", 1, None)).arrays[0]
    own = replace(OKX, revaluation=replace(OKX.revaluation, futures="by-own-price"))
    by_own = required(own, ("BTC_USDT-PERPETUAL", 1, None)).arrays[0]
    moves = by_index.scenarios.price_rel
    assert net_by_expiry(by_index)[1][0] == pytest.approx(100_000 * moves)
    assert net_by_expiry(by_own)[1][0] == pytest.approx(101_000 * moves)
