"""Deribit's portfolio and standard margin: published answers, by hand, what counts."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

import seawall as sw
from seawall.basics.errors import BadNumber, BadParameter
from seawall.feeds.conform import deribit, deribit_sm
from seawall.margin.charges import DeltaShockCharge, SizeNotionalCharge
from seawall.margin.charges.size_notional import SizeRates
from seawall.margin.currencies import CurrencyNumbers, CurrencyUnits
from seawall.margin.fold import NetByUnderlying
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.risk.book import join
from seawall.risk.shocks import VolMove

OLD, NEW = load_preset("deribit-pm-2024-06"), load_preset("deribit-pm-2026-02")
AS_OF = datetime(2026, 2, 15, 8, tzinfo=UTC)
EXPIRY = datetime(2026, 3, 27, 8, tzinfo=UTC)

# An answer of private/pme/simulate of 15 February 2026, as far as it is told of here.
ETH_UP = [-0.04304011233014354, -0.08252645391743119, -0.11888171996035243, -0.15246412672881357]
ETH_DOWN = [0.21939959699999997, 0.155989308849711, 0.09885036787912087, 0.04709624857068063]
ETH_GAINS = [0.13163975819999998, 0.09359358530982659, 0.05931022072747252, 0.028257749142408375]


def eth_vector(down):
    return [each for price in (*down, 0.0, *ETH_UP) for each in [price] * 3]


ETH_ANSWER = {
    "jsonrpc": "2.0",
    "result": {
        "ticker": {"ETH-PERPETUAL": {"index_price": 1949.34, "mark_price": 1949.49}},
        "index_price": {"eth_usd": 1949.34},
        "portfolio": {"position": {"ETH-PERPETUAL": -0.999487053}, "currency": {}},
        "margins": {
            "eth": {
                "maintenance_margin": 0.125969249812,
                "initial_margin": 0.157461562,
                "initial_margin_details": {
                    "open_orders_margin": 0,
                    "mmp_margin": 0,
                    "spot_margin": 0,
                    "risk_matrix_margin": 0.157461562265,
                    "risk_matrix_margin_details": {
                        "correlation_contingency": 0,
                        "worst_case": 0.15246412672881357,
                        "worst_case_bucket": {
                            "index": 25,
                            "source": "standard",
                            "bucket": 9,
                            "side": "right",
                        },
                        "roll_shock": 0.004997435265,
                        "delta_shock": 0,
                    },
                },
            }
        },
        "initial_risk_vectors": {
            "ETH-PERPETUAL": {
                "standard": eth_vector(ETH_DOWN),
                "extended": [ETH_DOWN[0]] * 2 + [ETH_UP[-1]] * 6,
            }
        },
        "pre_aggregated_risk_vectors": {
            "eth_eth": {
                "standard": eth_vector(ETH_DOWN),
                "extended": [ETH_DOWN[0]] * 2 + [ETH_UP[-1]] * 6,
            }
        },
        "aggregated_risk_vectors": {
            "eth_eth": {"standard": eth_vector(ETH_GAINS), "extended": [0.0] * 8}
        },
        "model_params": {
            "general": {"timestamp": 1771197609587, "mm_factor": 0.8},
            "currency": {
                "eth": {
                    "min_annualised_move": 0.005,
                    "annualised_move_risk": 0.05,
                    "pnl_offset": 0.6,
                    "extended_dampener": 200000,
                    "max_offsetable_pnl": 20000000,
                }
            },
            "currency_pair": {
                "eth_usd": {
                    "price_range": 0.18,
                    "m_inc": 0.000004,
                    "delta_total_liq_shock_threshold": 20000000,
                    "max_delta_shock": 0.1,
                    "min_volatility_for_shock_up": 0.5,
                    "volatility_range_up": 0.4,
                    "volatility_range_down": 0.25,
                    "extended_table_factor": 1,
                    "short_term_vega_power": 0.3,
                    "long_term_vega_power": 0.13,
                }
            },
        },
    },
}


def market(**futures) -> MarketSnapshot:
    """BTC at 100,000 and ETH at 2,000 with futures at them and BTC calls of one expiry, paid in
    coin and in USDC.
    """
    slices, rows = {}, {}
    strikes = (90_000.0, 100_000.0, 250_000.0)
    for settlement, pair in (("BTC", "BTC"), ("USDC", "BTC_USDC")):
        key = ("BTC", settlement, EXPIRY)
        names = tuple(f"{pair}-27MAR26-{strike:.0f}-C" for strike in strikes)
        slices[key] = OptionSlice(
            key=key,
            forward=100_000.0,
            names=names,
            strike=np.array(strikes),
            is_call=np.ones(3, dtype=np.bool_),
            vol=np.full(3, 0.6),
            mark=np.full(3, np.nan),
            observed_s=np.full(3, np.nan),
            atm_vol=0.6,
        )
        rows.update({name: (key, row) for row, name in enumerate(names)})
    perpetuals = {
        "BTC-PERPETUAL": 100_000.0,
        "BTC_USDC-PERPETUAL": 100_000.0,
        "ETH_USDC-PERPETUAL": 2_000.0,
        "ETH-PERPETUAL": 2_000.0,
        "BTC-27MAR26": 100_000.0,
    }
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd={"BTC": 100_000.0, "ETH": 2_000.0},
        stable_usd={"USDC": 1.0},
        forwards=dict.fromkeys(slices, 100_000.0),
        futures=perpetuals | futures,
        slices=slices,
        option_rows=rows,
    )


def required(*held, model=OLD, at=None):
    return margin_requirement(join(sw.portfolio(held), at or market()), model)


def test_an_answer_of_2026_comes_out_number_by_number() -> None:
    [case] = deribit.cases(ETH_ANSWER, NEW, "eth")
    computed = case.compute()
    assert len(case.expected) == 119
    for name, expected in case.expected.items():
        assert computed[name] == pytest.approx(expected, rel=1e-9, abs=1e-9), name


def test_the_presets_have_the_numbers_of_the_answers(shared) -> None:
    """With the model's own numbers as with those that the answers bring along."""
    found = required(("BTC-PERPETUAL", Decimal("0.314538364")))
    told = 0.05991206933333334 + 0.01 * 0.314538364
    assert found.initial / 100_000.0 == pytest.approx(told, rel=1e-12)
    assert found.maintenance == pytest.approx(0.8 * found.initial, rel=1e-12)
    found = required(("ETH-PERPETUAL", Decimal("-0.999487053")), model=NEW)
    assert found.initial / 2_000.0 == pytest.approx(0.157461562265, abs=1e-9)
    document = json.loads((shared / "vectors/cefi/deribit_pme_simulate_btc_docs.json").read_text())
    [case] = deribit.cases(document, OLD, "btc")
    assert case.compute()["btc worst_case_bucket.index"] == 1.0


def test_extended_rows_only_count_volatility_up() -> None:
    """No tail has volatility as it is or down: a far call is worth most, and lost most, with it up,
    whatever the grid holds beside.
    """
    [array] = required(("BTC-27MAR26-250000-C", -10)).arrays
    scenarios = array.scenarios
    moves, vols = scenarios.grid_shape
    assert (moves, vols, scenarios.tail_count) == (9, 3, 8)
    tails = range(moves * vols, scenarios.price_rel.size)
    assert {scenarios.vol_move(cell) for cell in tails} == {VolMove.UP}
    assert scenarios.price_rel[list(tails)].tolist() == [-0.66, -0.33, 0.5, 1, 2, 3, 4, 5]
    calm = replace(OLD, scenarios=replace(OLD.scenarios, vol_down=replace(
        OLD.scenarios.vol_down, size=-0.9)))  # fmt: skip
    [other] = required(("BTC-27MAR26-250000-C", -10), model=calm).arrays
    cells = list(tails)
    assert np.array_equal(array.unit_pnl_usd[:, cells], other.unit_pnl_usd[:, cells])


def test_a_tail_is_a_loss_in_usd_less_the_dampener_at_the_end_of_the_range() -> None:
    """Short 2,000 far calls at +100 %, step by step from Black's formula."""
    found = required(("BTC-27MAR26-250000-C", -2_000))
    [unit] = found.combinations[0].units
    cell = int(np.flatnonzero(unit.cells.scenarios.price_rel == 1.0)[0])
    tenor = (EXPIRY - AS_OF).total_seconds() / 31_536_000.0
    vol = max(0.6 * (1.0 + 0.5 * (30.0 / (365.0 * tenor)) ** 0.13), 0.5)
    before, after = black(100_000.0, 250_000.0, 0.6, tenor), black(2e5, 250_000.0, vol, tenor)
    coin = -2_000.0 * (after / 2e5 - before / 1e5)
    shrunk = coin * (0.16 / 1.0) * 2.0 / 1.16
    assert unit.cells.undamped[cell] * 0.16 / 1e5 == pytest.approx(shrunk, rel=1e-9)
    left = shrunk + min(abs(shrunk), (1.0 / 0.16 - 1.0) * 100_000.0 / (1.16 * 1e5))
    assert shrunk < left < 0.0
    assert unit.cells.damped[cell] / 1e5 == pytest.approx(left, rel=1e-9)


def black(forward, strike, vol, tenor):
    root = vol * math.sqrt(tenor)
    d = math.log(forward / strike) / root + 0.5 * root
    cdf = [0.5 * math.erfc(-x / math.sqrt(2.0)) for x in (d, d - root)]
    return forward * cdf[0] - strike * cdf[1]


def test_currencies_do_not_net_and_their_rows_say_so() -> None:
    """A perpetual in coin against one in USDC, both in full."""
    found = required(("BTC-PERPETUAL", 1), ("BTC_USDC-PERPETUAL", -1))
    rows = {step.path: step.initial for step in found.steps}
    assert rows["scanning_risk/BTC"] == pytest.approx(100_000 * 0.16 / 0.84)
    assert rows["scanning_risk/BTC/USDC"] == pytest.approx(16_000)
    assert rows["roll_shock/BTC"] == rows["roll_shock/BTC/USDC"] == pytest.approx(1_000)


def test_units_of_a_currency_add_up_cell_by_cell_with_a_share_of_gains() -> None:
    """Long BTC and short ETH, both in USDC: at −16 % of the one and −18 % of the other."""
    held = ("BTC_USDC-PERPETUAL", 1), ("ETH_USDC-PERPETUAL", -25)
    [group] = required(*held, model=NEW).combinations
    # Loses 16,000 on BTC; of the gain of 9,000 on ETH 40 % count.
    assert group.risk == pytest.approx(16_000 - 0.4 * 9_000)
    assert [group.loss_of(unit) for unit in group.units] == pytest.approx([16_000, -3_600])
    [group] = required(*held).combinations
    assert group.risk == pytest.approx(16_000)
    # The same way: both lose in one cell.
    [group] = required(held[0], ("ETH_USDC-PERPETUAL", 25), model=NEW).combinations
    assert group.risk == pytest.approx(16_000 + 9_000)


def test_gains_count_up_to_their_most() -> None:
    numbers = {"linear": CurrencyNumbers(dampener_usd=0.0, gain_share=0.5, most_gain_usd=1_000.0)}
    fold = NetByUnderlying(by_currency=CurrencyUnits(tail_factor=1.0, numbers=numbers))
    held = ("BTC_USDC-PERPETUAL", 1), ("ETH_USDC-PERPETUAL", -25)
    [group] = required(*held, model=replace(NEW, fold=fold)).combinations
    assert group.risk == pytest.approx(16_000 - 1_000)


def test_coins_held_are_no_risk_in_their_own_currency_and_coins_owed_are_charged() -> None:
    alone = required(("BTC-PERPETUAL", -1))
    assert required(("BTC-PERPETUAL", -1), ("BTC", 5)).initial == alone.initial
    owed = required(("BTC", -2), ("USDC", 500_000))
    assert owed.initial == pytest.approx(2 * 16_000)


def test_an_entry_price_does_not_change_what_is_required() -> None:
    """Profit in coin is coin."""
    here = required(("BTC-PERPETUAL", 3))
    entered = required(("BTC-PERPETUAL", 3, 90_000))
    assert entered.initial == pytest.approx(here.initial, rel=1e-12)


def test_no_expiry_hedges_the_roll_of_another_and_the_curve_grows_with_time() -> None:
    steps = required(("BTC-PERPETUAL", 2), ("BTC-27MAR26", -1)).steps
    roll = next(step.initial for step in steps if step.path == "roll_shock/BTC")
    assert roll == pytest.approx(3 * 100_000 * 0.01)
    charge = replace(OLD.charges[0], numbers={"BTC": replace(
        OLD.charges[0].numbers["BTC"], annual_move=1.0)})  # fmt: skip
    steep = replace(OLD, charges=(charge,))
    steps = required(("BTC-PERPETUAL", 2), ("BTC-27MAR26", -1), model=steep).steps
    tenor = (EXPIRY - AS_OF).total_seconds() / 31_536_000.0
    roll = next(step.initial for step in steps if step.path == "roll_shock/BTC")
    assert roll == pytest.approx(2_000 + 100_000 * (math.exp(tenor) - 1.0))


@pytest.mark.parametrize(
    ("perpetuals", "calls", "coins"),
    [(700, 0, 700), (-700, 0, 700), (700, 10, 700), (200, 0, 200), (-20_000, 0, 20_000)],
)
def test_delta_beyond_the_threshold_costs_more_the_more_there_is(perpetuals, calls, coins) -> None:
    held = [("BTC-PERPETUAL", perpetuals)]
    held += [("BTC-27MAR26-90000-C", calls)] if calls else []
    rate = min(max(0.0, coins - 200.0) * 5e-5, 0.1)
    steps = required(*held).steps
    found = next(step.initial for step in steps if step.path == "delta_shock/BTC")
    assert found == pytest.approx(rate * coins * 100_000.0)


def test_long_options_hedge_the_delta_of_the_rest_and_never_turn_it() -> None:
    [on] = required(("BTC-PERPETUAL", -700), ("BTC-27MAR26-90000-C", 100)).charged
    charge = next(each for each in OLD.charges if isinstance(each, DeltaShockCharge))
    call = 100 * float(on.book.delta[on.book.is_option][0])
    coins = 700.0 - call
    [amount] = charge.amounts(on)
    assert amount.initial == pytest.approx((coins - 200.0) * 5e-5 * coins * 100_000.0)
    [on] = required(("BTC-PERPETUAL", -700), ("BTC-27MAR26-90000-C", 5_000)).charged
    assert charge.amounts(on)[0].initial == 0.0


def test_shares_of_the_shocks_add_up_and_their_slopes_are_slopes() -> None:
    held = [("BTC-PERPETUAL", -700), ("BTC-27MAR26-90000-C", 100), ("BTC-27MAR26", 30)]
    [on] = required(*held).charged
    for charge in OLD.charges[:2]:
        shares = charge.shares(on, np.zeros(3))
        whole = charge.amounts(on)[0].initial
        assert shares.initial.sum() == pytest.approx(whole)
        for row, position in enumerate(on.book.positions):
            grown = [
                (
                    name,
                    Decimal(size)
                    * (Decimal("1.000001") if name == position.instrument.name else 1),
                )
                for name, size in held
            ]
            [more] = required(*grown).charged
            slope = (charge.amounts(more)[0].initial - whole) / 1e-6
            assert shares.slope_initial[row] == pytest.approx(slope, rel=1e-3, abs=1.0)


def test_linear_perpetuals_come_out_as_published(shared) -> None:
    name = "vectors/cefi/deribit_standard_margin_linear_perp.json"
    document = json.loads((shared / name).read_text())
    model = load_preset("deribit-sm")
    listed = list(deribit_sm.cases(document, model, "sm"))
    assert [len(case.expected) for case in listed] == [2, 1, 2, 1]
    for case in listed:
        found = case.compute()
        told = {level: found[level] for level in case.expected}
        assert told == pytest.approx(dict(case.expected), rel=1e-12)


def test_standard_margin_by_hand() -> None:
    """The preset's own numbers, of both settlements, and a debt beside."""
    model = load_preset("deribit-sm")
    held = ("BTC_USDC-PERPETUAL", 25), ("BTC-PERPETUAL", -25), ("ETH", -10)
    rows = {
        step.path: (step.initial, step.maintenance) for step in required(*held, model=model).steps
    }
    assert rows["notional/BTC_USDC-PERPETUAL"] == pytest.approx((53_125, 28_125))
    assert rows["notional/BTC-PERPETUAL"] == pytest.approx((53_125, 28_125))
    assert rows["notional/ETH"] == pytest.approx((20_000 * 0.02004, 20_000 * 0.01004))


def test_a_case_with_options_is_skipped_and_says_why() -> None:
    result = json.loads(json.dumps(ETH_ANSWER))["result"]
    result["portfolio"]["position"]["ETH-27MAR26-2000-C"] = 1.0
    [case] = deribit.cases(result, NEW, "eth")
    assert case.skipped == "no volatility of ETH-27MAR26-2000-C in the answer"


def test_broken_answers_and_other_models_are_told() -> None:
    broken = json.loads(json.dumps(ETH_ANSWER))
    del broken["result"]["model_params"]["currency_pair"]["eth_usd"]["m_inc"]
    with pytest.raises(BadNumber, match="m_inc"):
        list(deribit.cases(broken, NEW, "eth"))
    [case] = deribit.cases(ETH_ANSWER, load_preset("prbm"), "eth")
    with pytest.raises(BadParameter, match="prbm"):
        case.compute()
    for other in ([], {}, {"cases": []}, {"params": {"x": 1}, "cases": []}):
        assert deribit.cases(other, NEW, "x") is None
        assert deribit_sm.cases(other, NEW, "x") is None


def test_parts_that_contradict_are_refused() -> None:
    with pytest.raises(BadParameter, match="gain_share"):
        CurrencyNumbers(dampener_usd=0.0, gain_share=1.1, most_gain_usd=0.0)
    with pytest.raises(BadParameter, match="tail_factor"):
        CurrencyUnits(tail_factor=math.nan, numbers={})
    with pytest.raises(BadParameter, match="by currency"):
        replace(OLD.fold, either_way=("skew-linear",))
    with pytest.raises(BadParameter, match="scenario-sum"):
        replace(OLD, fold=NetByUnderlying())
    nothing = NetByUnderlying(by_currency=CurrencyUnits(tail_factor=1.0, numbers={}))
    with pytest.raises(BadParameter, match="settle in BTC"):
        required(("BTC-PERPETUAL", 1), model=replace(OLD, fold=nothing))
    with pytest.raises(BadParameter, match="below maintenance"):
        SizeRates(initial_rel=0.01, maintenance_rel=0.02, per_coin_rel=0.0)
    with pytest.raises(BadParameter, match="class eth"):
        required(("ETH-PERPETUAL", 1), model=replace(
            load_preset("deribit-sm"), charges=(SizeNotionalCharge(classes={}),)))  # fmt: skip
