"""Full collateral: published cases exactly, prices searched one by one, and accounts by hand."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, UnrecognisedFile
from seawall.feeds.conform import grappa
from seawall.feeds.synthetic import synthetic_market
from seawall.margin.charges.payoff_bound import Side, full_collateral
from seawall.margin.presets import load_preset
from seawall.margin.requirement import margin_requirement
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.risk.book import join

MODEL = load_preset("full-collateral")
PRBM = load_preset("prbm")
MARKET = synthetic_market()
# Beyond the horizon: what settles in coin before a move is coins, no option any more.
COLUMN = [s for k, s in sorted(MARKET.slices.items()) if k[0] == k[1] == "BTC"][2]
SPOT = MARKET.spot_usd("BTC")


# ---- published cases


def test_every_published_case_comes_out_to_the_last_digit(shared):
    path = shared / "vectors/defi/grappa/cross_margin_cash_math.json"
    found = list(grappa.cases(json.loads(path.read_text()), MODEL, path.name))
    assert len(found) == 35
    for case in found:
        assert case.skipped is None
        assert case.compute() == case.expected, case.name


def published(expected=None, **inputs):
    """A short call spread of 10 and 12, two of them, in millionths."""
    legs = {
        "putWeights": [],
        "putStrikes": [],
        "callWeights": [-2_000_000, 2_000_000],
        "callStrikes": [10_000_000, 12_000_000],
        "numeraire_is_underlying": False,
    }
    told = {"expected": {"numeraire": 4_000_000, "underlying": 0}} if expected is None else expected
    return {"cases": [{"test": "by hand", "inputs": legs | inputs} | told]}


def only(document, model=MODEL):
    (case,) = grappa.cases(document, model, "f")
    return case


def test_a_case_in_that_shape_is_computed():
    case = only(published())
    assert case.compute() == case.expected
    in_coin = {"expected": {"underlying": 333_333}}
    case = only(published(in_coin, numeraire_is_underlying=True))
    assert case.compute() == case.expected, "4 at a price of 12, rounded down"


def test_other_decimals_of_the_money_are_digits_of_the_same_amount():
    case = only(published({"expected": {"numeraire": 400}}, nd=2))
    assert case.compute() == case.expected


@pytest.mark.parametrize(
    ("inputs", "name"),
    [
        ({"callWeights": [-1, 0]}, "CMM_InvalidCallWeight"),
        ({"callWeights": [-1]}, "CMM_InvalidCallLengths"),
        ({"putWeights": [0], "putStrikes": [1]}, "CMM_InvalidPutWeight"),
        ({"putWeights": [1]}, "CMM_InvalidPutLengths"),
    ],
)
def test_a_refusal_is_a_case_and_fails_where_nothing_is_refused(inputs, name):
    case = only(published({"expected_error": name}, **inputs))
    assert case.compute() == case.expected == {name: 1.0}
    fine = only(published({"expected_error": name}))
    assert fine.compute() != fine.expected


def test_a_model_without_the_charge_skips_and_another_shape_is_not_taken():
    assert "payoff-bound" in only(published(), load_preset("cross")).skipped
    for other in ([], {}, {"cases": []}, {"cases": [{"inputs": {}}]}, {"cases": [1]}):
        assert grappa.cases(other, MODEL, "f") is None


@pytest.mark.parametrize(
    "document",
    [published({}), published(putStrikes=["a"]), published(callStrikes=None)],
)
def test_a_broken_case_is_refused_with_its_place(document):
    with pytest.raises(UnrecognisedFile, match=r"f, case 0"):
        list(grappa.cases(document, MODEL, "f"))


# ---- the bound itself


sides = st.lists(st.tuples(st.integers(1, 40), st.integers(-5, 5).filter(bool)), max_size=4).map(
    lambda pairs: tuple(zip(*pairs, strict=True)) if pairs else ((), ())
)


@settings(max_examples=200)
@given(calls=sides, puts=sides)
def test_no_price_asks_for_more(calls, puts):
    """Every price in steps of a half, far beyond the last strike, by payoffs written out."""
    need = full_collateral(Side("calls", *calls), Side("puts", *puts))
    coin = full_collateral(Side("calls", *calls), Side("puts", *puts), "underlying")
    losses = []
    for price in (Fraction(step, 2) for step in range(200)):
        pays = sum(w * max(price - k, 0) for k, w in zip(*calls, strict=True))
        pays += sum(w * max(k - price, 0) for k, w in zip(*puts, strict=True))
        assert pays + need.numeraire + need.underlying * price >= 0
        assert pays + coin.numeraire + coin.underlying * price >= -Fraction(1, 10**9)
        if price <= 40:
            losses.append(-pays)
    last = max((*calls[0], *puts[0]), default=0)
    kinks = [loss for step, loss in enumerate(losses) if step <= 2 * last]
    assert need.numeraire == max(0, *kinks, 0)
    assert need.underlying == max(0, -sum(calls[1]))


def test_lists_that_are_no_options_are_refused():
    with pytest.raises(BadNumber, match="2 strikes and 1 weights"):
        Side("calls", (1, 2), (1,))
    with pytest.raises(BadNumber, match="weight of 0"):
        Side("puts", (1,), (0,))


# ---- in an account


def amount(*legs):
    rows = {r.path: float(r.initial) for r in margin(portfolio(legs), MARKET, MODEL).rows}
    assert set(rows) <= {"payoff_bound/BTC"}
    return rows.get("payoff_bound/BTC", 0.0)


def marks(*rows):
    book = join(portfolio([(COLUMN.names[row], 1) for row in rows]), MARKET).underlyings[0]
    by_name = {
        p.instrument.name: float(m) for p, m in zip(book.positions, book.mark_usd, strict=True)
    }
    return [by_name[COLUMN.names[row]] for row in rows]


def test_a_short_put_covers_its_strike_and_a_short_call_a_coin():
    put, call = int((~COLUMN.is_call).argmax()), int(COLUMN.is_call.argmax())
    value_put, value_call = marks(put, call)
    strike = float(COLUMN.strike[put])
    assert amount((COLUMN.names[put], -1)) == pytest.approx(strike - value_put, abs=0.02)
    assert amount((COLUMN.names[call], -1)) == pytest.approx(SPOT - value_call, abs=0.02)
    # Money to the amount of the strike is full collateral: nothing is left and nothing is short.
    report = margin(portfolio([("USD", f"{strike:.2f}"), (COLUMN.names[put], -1)]), MARKET, MODEL)
    assert float(report.excess_initial) == pytest.approx(0.0, abs=0.02)


def test_a_long_option_can_lose_its_value_alone():
    call = int(COLUMN.is_call.argmax())
    assert amount((COLUMN.names[call], 2)) == pytest.approx(2 * marks(call)[0], abs=0.02)


def test_contracts_and_coins_owed():
    mark = margin_requirement(join(portfolio([("BTC-PERPETUAL", 1)]), MARKET), MODEL)
    (on,) = mark.charged
    at = float(on.book.forward[0] * on.book.unit_usd[0])
    assert amount(("BTC-PERPETUAL", 1)) == pytest.approx(at, abs=0.02)
    assert amount(("BTC-PERPETUAL", -1)) == pytest.approx(SPOT, abs=0.02)
    assert amount(("BTC", -0.5)) == pytest.approx(0.5 * SPOT, abs=0.02)
    assert amount(("BTC", 1)) == 0.0


def test_a_coin_covers_a_short_call_whatever_its_price():
    call = int(COLUMN.is_call.argmax())
    report = margin(portfolio([("BTC", 1), (COLUMN.names[call], -1)]), MARKET, MODEL)
    assert float(report.excess_initial) == pytest.approx(0.0, abs=0.05)


@settings(max_examples=60)
@given(
    held=st.dictionaries(
        st.integers(0, len(COLUMN.names) - 1),
        st.integers(-9, 9).filter(bool),
        min_size=1,
        max_size=6,
    )
)
def test_no_scenario_of_one_expiry_loses_more(held):
    """Under every scenario of the house model, tails of −66 % to +500 % among them."""
    held = {row: abs(q) if COLUMN.is_call[row] else q for row, q in held.items()}
    (part,) = join(portfolio([(COLUMN.names[r], q) for r, q in held.items()]), MARKET).underlyings
    house = margin_requirement(
        join(portfolio([(COLUMN.names[r], q) for r, q in held.items()]), MARKET), PRBM
    )
    (array,) = house.arrays
    worst = float((part.quantity @ array.unit_pnl_usd).min())
    bound = amount(*((COLUMN.names[r], q) for r, q in held.items()))
    tick = 0.0001 * SPOT  # of the marks that equity holds; a scenario measures from the model's
    assert -worst <= bound + tick * sum(map(abs, held.values()))
