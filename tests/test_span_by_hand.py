"""The worked examples of docs/models/span.md, figure by figure."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seawall.margin import span
from tests.span_parameters import WHEAT, WORKED, WORKED_BOOK, holdings

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "models" / "span.md").read_text("utf-8")


@pytest.fixture
def worked():
    return span.requirement(holdings(WORKED_BOOK), WORKED)


def test_scans(worked):
    found = {risk.code: risk.scans[0] for risk in worked.commodities}
    assert {code: scan.active for code, scan in found.items()} == {"W": 13, "C": 11, "O": 11}
    figures = {
        code: (
            scan.risk,
            scan.volatility_adjusted,
            scan.time_risk,
            scan.price_risk,
            scan.net_delta,
            scan.weighted_price_risk,
        )
        for code, scan in found.items()
    }
    assert figures == {
        "W": (5580.0, 5480.0, -20.0, 5500.0, 5.0, 1100.0),
        "C": (7200.0, 7200.0, 0.0, 7200.0, -12.0, 600.0),
        "O": (1800.0, 1800.0, 0.0, 1800.0, -6.0, 300.0),
    }
    wheat = found["W"].losses
    assert (wheat[0], wheat[1], wheat[8], wheat[13]) == (320.0, -360.0, 3720.0, 5380.0)


def test_passes(worked):
    formed = [
        (each.pass_name, each.count, each.charge, [(x.commodity, x.delta) for x in each.legs])
        for each in worked.spreads
    ]
    assert formed == [
        ("super", 5.0, 0.0, [("W", 5.0), ("C", -10.0)]),
        ("tiers", 4.0, 240.0, [("W", 4.0), ("W", -4.0)]),
        ("series", 1.5, 135.0, [("W", 1.5), ("W", -3.0)]),
        ("inter", 1.5, 0.0, [("W", 1.5), ("O", -1.5)]),
        ("exchange", 2.0, 0.0, [("C", -2.0), ("O", -4.0)]),
    ]
    credited = [[leg.credit for leg in each.legs] for each in worked.spreads]
    assert credited == [
        pytest.approx(each) for each in ([4400, 4800], [0, 0], [0, 0], [825, 225], [480, 480])
    ]
    wheat, corn, oats = worked.commodities
    [spot] = wheat.spot
    assert (spot.in_spreads, spot.outright, spot.charge) == (10.5, 1.5, 285.0)
    assert wheat.deltas_left == {"202703": 0.0, "202705": 0.0, "202707": 0.0}
    assert (corn.deltas_left, oats.deltas_left) == ({"202703": 0.0}, {"202703": -0.5})


def test_the_page_shows_the_rows_of_the_total(worked):
    total = worked.total("USD", "initial")
    lines = [f"    {row.step} | {row.of} | {row.amount:.2f}" for row in total.rows]
    lines.append(f"    requirement | USD | {total.requirement:.2f}")
    assert "\n".join(["    initial, USD", *lines]) in PAGE
    assert total.requirement == pytest.approx(6833.0)
    assert worked.total("USD").requirement == pytest.approx(6430.0)
    [wheat, *_] = worked.commodities
    assert (wheat.option_minimum, wheat.option_value) == (120.0, -2400.0)


@pytest.mark.parametrize(("policy", "asked"), [(span.CME, 2600.0), (span.KDPW, 2340.0)])
def test_where_houses_part(policy, asked):
    wheat = msgspec.structs.replace(WHEAT, short_option_minimum=span.ShortOptionMinimum(rate=400.0))
    parameters = msgspec.structs.replace(
        WORKED, policy=policy, commodities=(wheat, *WORKED.commodities[1:])
    )
    book = {"W-K": 1.0, "W-K-C600": -2.0, "C-H": -1.0}
    found = span.requirement(holdings(book), parameters)
    assert found.commodities[0].scan_risk == 540.0
    assert found.total("USD").requirement == asked


def test_scan_tiers():
    book = {"W-H": 1.0, "W-N": -1.0}
    for tiers, scan in (((), 0.0), (WHEAT.spread_tiers, 1800.0)):
        wheat = msgspec.structs.replace(WHEAT, scan_tiers=tiers)
        parameters = span.SpanParameters(policy=span.CME, commodities=(wheat,))
        assert span.requirement(holdings(book), parameters).commodities[0].scan_risk == scan


def test_arrays():
    terms = {
        "period": "202703",
        "forward": 100.0,
        "value_factor": 10.0,
        "tenor_years": 0.01,
        "strike": 100.0,
        "sigma": 0.2,
    }
    scan = span.ScanRange(price=9.0, lookahead_years=0.01)
    future = span.contract(
        span.Quote(name="f", kind="future", price=100.0, **terms), scan, span.CME
    )
    assert [future.array[n - 1] for n in (1, 3, 5, 11, 13, 15, 16)] == pytest.approx(
        [0.0, -30.0, 30.0, -90.0, 90.0, -89.1, 89.1]
    )
    call = span.contract(span.Quote(name="c", kind="call", price=4.0, **terms), scan, span.CME)
    assert [call.array[n - 1] for n in (1, 2, 5, 6, 9, 10, 13, 14)] == pytest.approx([40.0] * 8)
    assert [call.array[n - 1] for n in (3, 7, 11, 15, 16)] == pytest.approx(
        [10.0, -20.0, -50.0, -75.9, 13.2]
    )
    assert (future.delta, call.delta) == (1.0, 0.5)


@pytest.mark.parametrize("vol_in", ["absolute", "percent"])
def test_ranges_are_absolute_or_relative(vol_in):
    quote = span.Quote(
        name="c",
        kind="put",
        period="202703",
        forward=200.0,
        price=5.0,
        value_factor=1.0,
        tenor_years=0.5,
        strike=190.0,
        sigma=0.25,
    )
    absolute = span.ScanRange(price=16.0, vol=0.05)
    relative = span.ScanRange(
        price=0.08,
        price_in="percent",
        vol=0.2 if vol_in == "percent" else 0.05,
        vol_in=vol_in,
    )
    made = [span.contract(quote, scan, span.CME) for scan in (absolute, relative)]
    assert made[0].array == pytest.approx(made[1].array)
    assert made[0].delta == made[1].delta
