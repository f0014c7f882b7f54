"""SPAN against published numbers, against plain loops, and by what must always hold."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, BadParameter, EmptyPortfolio, UnknownInstrument
from seawall.margin import span
from seawall.margin.span.scenarios import DELTA_POINTS, PAIRED, SCENARIOS
from seawall.pricing import black76
from tests.naive.span import naive_span
from tests.span_parameters import WHEAT, WORKED, accounts, holdings


@pytest.fixture(scope="module")
def published(shared):
    path = shared / "vectors" / "tradfi" / "span_vectors.json"
    return json.loads(path.read_text(encoding="utf-8"))


def single(policy, contract, **more):
    own = span.CombinedCommodity(code="X", currency="USD", contracts=(contract,), **more)
    return span.SpanParameters(policy=policy, commodities=(own,))


def fraction(text):
    top, _, bottom = str(text).partition("/")
    return float(top) / float(bottom or 1)


# ---------------------------------------------------------------- published


def test_the_grid_is_the_published_one(published):
    table = published["scenario_definition_standard_16"]
    extreme = {"+M": 1.0, "-M": -1.0}
    prices = [extreme[u] if u in extreme else fraction(u) for u in table["price"]]
    assert [s.price for s in SCENARIOS] == pytest.approx(prices)
    assert [s.vol for s in SCENARIOS] == table["vol"]
    assert [s.extreme for s in SCENARIOS] == [w == "C" for w in table["weight"]]
    assert list(PAIRED) == table["paired_point"]
    points = table["delta_points"]
    assert [p for p, _ in DELTA_POINTS] == pytest.approx([fraction(p) for p in points["price"]])
    assert [w for _, w in DELTA_POINTS] == points["weight"]
    assert math.fsum(points["weight"]) == pytest.approx(1.0)
    kdpw = table["extreme_M_C"]["KDPW 2014"]
    assert [span.KDPW.extreme.multiplier, span.KDPW.extreme.cover] == kdpw
    later = table["extreme_M_C"]["CME later / many"]
    assert [span.CME.extreme.multiplier, span.CME.extreme.cover] == later


def in_force_in_1992(published):
    multiplier, cover = published["scenario_definition_standard_16"]["extreme_M_C"]["CME historic"]
    return msgspec.structs.replace(
        span.CME, extreme=span.Extreme(multiplier=multiplier, cover=cover)
    )


def test_a_published_option_array_is_made_again(published):
    """S&P 500 December 410 call: rows 1–14 to two of its roundings of 10, row 15 is a misprint."""
    printed = published["mcmillan_sp500"]["long_dec410_call_pl"]
    # Volatility, time and future are not printed: those that fit best.
    forward, sigma, tenor = 413.79, 0.169, 0.0571
    made = span.contract(
        span.Quote(
            name="call",
            kind="call",
            period="199212",
            forward=forward,
            price=float(black76.price(forward, 410.0, sigma, tenor, True)),
            value_factor=500.0,
            strike=410.0,
            sigma=sigma,
            tenor_years=tenor,
        ),
        span.ScanRange(price=20.0, vol=0.0288, lookahead_years=1.0 / 365.0),
        in_force_in_1992(published),
    )
    profits = [-loss for loss in made.array]
    assert profits[:14] == pytest.approx(printed[:14], abs=25.0)
    assert profits[15] == pytest.approx(printed[15], abs=25.0)
    assert profits[14] == pytest.approx(6145.0, abs=25.0)


def test_a_published_future_array_is_made_again(published):
    made = span.contract(
        span.Quote(
            name="future",
            kind="future",
            period="199212",
            forward=413.0,
            price=413.0,
            value_factor=500.0,
        ),
        span.ScanRange(price=20.0),
        in_force_in_1992(published),
    )
    printed = published["mcmillan_sp500"]["long_future_pl"]
    assert [-loss for loss in made.array] == pytest.approx(printed, abs=5.0)


def test_the_published_covered_write(published):
    case = published["mcmillan_sp500"]
    common = {"period": "199212", "value_factor": 500.0, "price": 0.0}
    pair = [
        span.Contract(
            name=kind, kind=kind, delta=delta, array=tuple(-x for x in case[key]), **common
        )
        for kind, key, delta in (
            ("future", "long_future_pl", 1.0),
            ("call", "long_dec410_call_pl", 0.58),
        )
    ]
    own = span.CombinedCommodity(code="SP", currency="USD", contracts=tuple(pair))
    parameters = span.SpanParameters(policy=span.JSCC, commodities=(own,))
    for book, risk in (
        ({"future": 1.0}, case["expected"]["long_future"]),
        ({"call": 1.0}, case["expected"]["long_call"]),
        ({"future": 1.0, "call": -1.0}, case["expected"]["long_future_short_call"]),
    ):
        found = span.requirement(holdings(book), parameters)
        assert found.commodities[0].scan_risk == risk
        assert found.total("USD").requirement == risk
    assert found.commodities[0].scans[0].active == case["expected"]["active_scenario_covered_write"]


def test_published_nse_arrays_are_final(published):
    """The extreme rows enter as they are: 0.35 of a double move is in them already."""
    case = published["nse_nifty_fut_20260625"]
    nifty = span.Contract(
        name="NIFTY",
        kind="future",
        period="20260630",
        array=tuple(case["ra"]),
        delta=case["composite_delta"],
        price=case["fut_price"],
        value_factor=case["cvf"],
    )
    parameters = single(span.NSE, nifty)
    for quantity, side in ((1.0, "scan_long"), (-1.0, "scan_short")):
        found = span.requirement([span.Holding(contract="NIFTY", quantity=quantity)], parameters)
        assert found.total("USD").requirement == case["expected"][side]
        assert found.commodities[0].scans[0].losses == tuple(quantity * x for x in case["ra"])
    affine = [
        (0.35 if s.extreme else 1.0)
        * (8.7216 - 1.0007267 * case["price_scan"] * s.price * (2.0 if s.extreme else 1.0))
        for s in SCENARIOS
    ]
    assert list(nifty.array) == pytest.approx(affine, abs=0.0051)


def test_nse_makes_no_arrays():
    quote = span.Quote(
        name="NIFTY", kind="future", period="202606", forward=1.0, price=1.0, value_factor=1.0
    )
    with pytest.raises(BadParameter, match="published arrays are final"):
        span.contract(quote, span.ScanRange(price=1.0), span.NSE)


def test_a_short_nse_option_adds_its_value(published):
    """Risk before option value and the value that the report of a broker's screen states."""
    case = published["nse_vs_broker_20260529"]["cases"][1]
    call = span.Contract(
        name="CE",
        kind="call",
        period="20260630",
        array=(-case["risk_before_nov"] / 65.0,) * 16,
        delta=0.5,
        price=case["premium"] / 65.0,
        value_factor=1.0,
    )
    found = span.requirement([span.Holding(contract="CE", quantity=-65.0)], single(span.NSE, call))
    assert found.total("USD").requirement == pytest.approx(case["span"])


def test_the_published_jscc_examples(published):
    first, second = published["jscc_examples"]["cases"]
    future = span.Contract(
        name="NK-Jun", kind="future", period="201406", delta=1.0, price=0.0, value_factor=1000.0,
        array=tuple(first["psr"] * x for x in (0, 0, -1 / 3, -1 / 3, 1 / 3, 1 / 3, -2 / 3, -2 / 3,
                                               2 / 3, 2 / 3, -1, -1, 1, 1, -0.99, 0.99)),
    )  # fmt: skip
    book = [
        span.Holding(contract="NK-Jun", quantity=5.0),
        span.Holding(contract="NK-Jun", quantity=-2.0),
    ]
    found = span.requirement(book, single(span.JSCC, future))
    assert found.total("USD").requirement == first["margin"]
    put = span.Contract(
        name="P18000", kind="put", period="201404", delta=-0.9, price=3200.0, value_factor=1000.0,
        array=(0.0,) * 10 + (-second["scan"] / 10.0,) * 6,
    )  # fmt: skip
    book = [
        span.Holding(contract="P18000", quantity=-13.0),
        span.Holding(contract="P18000", quantity=3.0),
    ]
    minimum = span.ShortOptionMinimum(rate=second["som"] / 10.0)
    found = span.requirement(book, single(span.JSCC, put, short_option_minimum=minimum))
    [risk] = found.commodities
    assert (risk.option_minimum, risk.option_value) == (second["som"], second["nov"])
    assert found.total("USD").requirement == second["margin"]


@pytest.mark.parametrize(("case", "range_"), [(6, 0.074), (7, 0.074 - 0.037)])
def test_kdpw_portfolios_of_one_future(published, case, range_):
    """Eight WIG20 futures, PLN 20 a point, at both published scan ranges; the price fits both."""
    found = published["kdpw_20141031"]["cases"][case]
    quote = span.Quote(
        name="FW20Z1420", kind="future", period="201412", forward=2466.0, price=2466.0,
        value_factor=20.0,
    )  # fmt: skip
    made = span.contract(quote, span.ScanRange(price=range_, price_in="percent"), span.KDPW)
    book = holdings(found["pos"])
    asked = span.requirement(book, single(span.KDPW, made)).total("USD")
    assert asked.requirement == found["margin"]


# ---------------------------------------------------------------- plain loops and properties


@given(accounts())
def test_every_house_agrees_with_plain_loops(account):
    parameters, book = account
    found = span.requirement(holdings(book), parameters)
    naive = naive_span(book, parameters)
    assert {(t.currency, t.level) for t in found.totals} == set(naive)
    for total in found.totals:
        asked = naive[total.currency, total.level]
        assert total.requirement - total.excess == pytest.approx(asked, rel=1e-9, abs=1e-5)
        assert min(total.requirement, total.excess) == 0.0


UNROUNDED = msgspec.structs.replace(span.KDPW, decimals=span.Decimals())


@given(accounts(policies=(UNROUNDED,)))
def test_the_floor_by_currency_agrees_with_plain_loops(account):
    parameters, book = account
    naive = naive_span(book, parameters)
    for total in span.requirement(holdings(book), parameters).totals:
        asked = naive[total.currency, total.level]
        assert total.requirement - total.excess == pytest.approx(asked, rel=1e-9, abs=1e-5)


@given(accounts(policies=tuple(span.POLICIES.values())))
def test_rows_add_up(account):
    parameters, book = account
    for total in span.requirement(holdings(book), parameters).totals:
        assert math.fsum(row.amount for row in total.rows) == total.requirement - total.excess


@given(accounts(policies=tuple(span.POLICIES.values())), st.randoms())
def test_the_order_of_positions_does_not_matter(account, random):
    parameters, book = account
    halves = [*holdings(book), *holdings({name: q / 2.0 for name, q in book.items()})]
    shuffled = random.sample(halves, len(halves))
    assert span.requirement(shuffled, parameters) == span.requirement(halves, parameters)


@given(accounts(policies=tuple(span.POLICIES.values())))
def test_a_higher_credit_rate_never_raises_the_requirement(account):
    parameters, book = account
    more = tuple(
        msgspec.structs.replace(each, rate=each.rate + 0.2) for each in parameters.credit_spreads
    )
    before = span.requirement(holdings(book), parameters)
    after = span.requirement(
        holdings(book), msgspec.structs.replace(parameters, credit_spreads=more)
    )
    for low, high in zip(after.totals, before.totals, strict=True):
        assert low.requirement - low.excess <= high.requirement - high.excess + 1e-6


@given(accounts())
def test_a_risk_is_never_below_the_short_option_minimum(account):
    parameters, book = account
    found = span.requirement(holdings(book), parameters)
    for risk in found.commodities:
        assert risk.risk >= risk.option_minimum
    for total in found.totals:
        own = [risk for risk in found.commodities if risk.currency == total.currency]
        if total.level == "maintenance":
            floor = math.fsum(r.adjustment * r.option_minimum - r.option_value for r in own)
            assert total.requirement >= floor - 1e-6


def test_credits_are_at_most_the_price_risk():
    """March +3, July −2.9: 1.45 spreads of 1 to 2 leave 1.55 deltas of the 0.1 that the net was."""
    book = {"W-H": 3.0, "W-N": -2.9, "O-H": -6.0}
    steep = msgspec.structs.replace(
        WHEAT.contracts[0], array=tuple(2.0 * loss for loss in WHEAT.contracts[0].array)
    )
    wheat = msgspec.structs.replace(WHEAT, contracts=(steep, *WHEAT.contracts[1:]))
    parameters = msgspec.structs.replace(WORKED, commodities=(wheat, *WORKED.commodities[1:]))
    found = span.requirement(holdings(book), parameters)
    risk = found.commodities[0]
    legs = [leg.credit for each in found.spreads for leg in each.legs if leg.commodity == "W"]
    assert risk.scans[0].price_risk == pytest.approx(3.0 * 1800.0 - 2.9 * 900.0)
    assert math.fsum(legs) == pytest.approx(risk.scans[0].price_risk / 0.1 * 1.55 * 0.5)
    assert risk.credit == risk.scans[0].price_risk
    assert risk.risk == pytest.approx(risk.intra_charge + risk.spot_charge)


@given(accounts(policies=tuple(span.POLICIES.values())))
def test_spreads_take_no_more_delta_than_there_is(account):
    """What each commodity's legs took, and what is left, is what was held."""
    parameters, book = account
    found = span.requirement(holdings(book), parameters)
    for risk in found.commodities:
        held = sum(scan.net_delta for scan in risk.scans)
        legs = [leg for each in found.spreads for leg in each.legs if leg.commodity == risk.code]
        left = math.fsum(risk.deltas_left.values())
        assert math.fsum(leg.delta for leg in legs) + left == pytest.approx(held, abs=1e-6)


def test_long_options_alone_cost_no_more_than_their_value():
    call = msgspec.structs.replace(WHEAT.contracts[3], price=2.0)
    for policy, asked in ((span.CME, 0.0), (span.JSCC, 130.0)):
        found = span.requirement(
            [span.Holding(contract=call.name, quantity=1.0)], single(policy, call)
        )
        assert found.commodities[0].capped is (policy is span.CME)
        assert found.total("USD").requirement == asked


def test_ties_go_to_the_lowest_scenario():
    flat = msgspec.structs.replace(WHEAT.contracts[0], array=(5.0,) * 16)
    found = span.requirement(
        [span.Holding(contract=flat.name, quantity=1.0)], single(span.CME, flat)
    )
    assert found.commodities[0].scans[0].active == 1


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("book", "error"),
    [
        ({"W-H": math.nan}, BadNumber),
        ({"no such": 1.0}, UnknownInstrument),
        ({}, EmptyPortfolio),
        ({"W-H": 0.0}, EmptyPortfolio),
    ],
)
def test_positions_that_cannot_be_margined(book, error):
    with pytest.raises(error):
        span.requirement(holdings(book), WORKED)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: msgspec.structs.replace(WHEAT.contracts[0], array=(1.0,) * 15), "15 values"),
        (lambda: msgspec.structs.replace(WHEAT.contracts[0], price=math.inf), "finite"),
        (lambda: msgspec.structs.replace(WHEAT, spread_tiers=WHEAT.spread_tiers[:1] * 2), "over"),
        (lambda: msgspec.structs.replace(WHEAT, spread_tiers=()), "spread of tiers"),
        (lambda: msgspec.structs.replace(WHEAT, scan_tiers=WHEAT.spread_tiers[:1]), "no scan tier"),
        (lambda: msgspec.structs.replace(WHEAT, initial_ratio=0.9), "initial ratio 0.9"),
        (lambda: msgspec.structs.replace(WHEAT, contracts=WHEAT.contracts * 2), "listed twice"),
        (lambda: msgspec.structs.replace(WORKED, commodities=(WHEAT,)), "credit spread of C"),
        (lambda: msgspec.structs.replace(WORKED.credit_spreads[0], rate=1.1), "credit rates"),
        (lambda: span.Extreme(multiplier=0.5, cover=0.3), "extreme moves"),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be(make, says):
    with pytest.raises(BadParameter, match=says):
        make()
