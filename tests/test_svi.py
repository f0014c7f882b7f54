"""SVI slices: published values, a textbook oracle, and the exact tests for arbitrage."""

from __future__ import annotations

import json
import math
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seawall.basics.errors import BadParameter
from seawall.pricing.svi import (
    JumpWings,
    SviSlice,
    calendar_violations,
    durrleman_g,
    raw_svi,
    ssvi_slice,
)
from tests.naive import svi as naive

VOGT = SviSlice(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    return json.loads((shared / "vectors" / "quant" / "svi_ssvi.json").read_text("utf-8"))


def raw(numbers: dict[str, str]) -> SviSlice:
    return SviSlice(**{name: float(value) for name, value in numbers.items()})


@st.composite
def slices(draw: st.DrawFn) -> SviSlice:
    """Any slice within Lee's bound, of least variance 1e-4 or more; many admit butterflies."""
    left, right = draw(st.floats(1e-3, 2.0)), draw(st.floats(1e-3, 2.0))
    m, sigma = draw(st.floats(-1.0, 1.0)), draw(st.floats(0.01, 2.0))
    b, rho = 0.5 * (left + right), (right - left) / (right + left)
    least = draw(st.floats(1e-4, 1.0))
    return SviSlice(a=least - b * sigma * math.sqrt(1.0 - rho**2), b=b, rho=rho, m=m, sigma=sigma)


# ---------------------------------------------------------------- published values


def test_vogt_slice_and_its_g(vectors: dict[str, Any]) -> None:
    vogt = vectors["vogt"]
    assert raw(vogt["raw"]) == VOGT
    for name, values in (("w", VOGT.total_variance), ("g", VOGT.g)):
        assert len(vogt[name]) == 13
        for k, expected in vogt[name].items():
            assert float(values(float(k))) == pytest.approx(float(expected), abs=2e-15, rel=1e-14)


def test_vogt_slice_has_a_butterfly_exactly_between_the_published_roots(
    vectors: dict[str, Any],
) -> None:
    vogt = vectors["vogt"]
    [(start, end)] = VOGT.butterfly_violations()
    assert [start, end] == pytest.approx([float(k) for k in vogt["g_roots"]], abs=1e-14)
    worst = float(vogt["argmin_k"])
    assert float(VOGT.g(worst)) == pytest.approx(float(vogt["min_g"]), abs=1e-15)
    around = VOGT.g(np.linspace(start, end, 1001))
    assert float(around.min()) >= float(vogt["min_g"])


def test_third_party_values_of_the_vogt_slice(vectors: dict[str, Any]) -> None:
    checks = {name: float(v) for name, v in vectors["vogt"]["third_party_checks"].items()}
    wings = VOGT.jump_wings(1.0)
    ours = {
        "w(-1.5)": VOGT.total_variance(-1.5),
        "w(0.4)": VOGT.total_variance(0.4),
        "implied_variance(-0.8)": VOGT.total_variance(-0.8),
        "implied_variance(0.8)": VOGT.total_variance(0.8),
        "g(-1.5)": VOGT.g(-1.5),
        "g(0)": VOGT.g(0.0),
        "g(0.9)": VOGT.g(0.9),
        "call_slope c": wings.c,
        "put_slope p": wings.p,
    }
    assert {name: float(v) for name, v in ours.items()} == pytest.approx(checks, rel=5e-9)


def test_jump_wings_there_and_back(vectors: dict[str, Any]) -> None:
    vogt = vectors["vogt"]
    wings = VOGT.jump_wings(float(vogt["t"]))
    expected = [float(vogt["jump_wings"][name]) for name in ("v", "psi", "p", "c", "v_tilde")]
    assert list(astuple(wings))[1:] == pytest.approx(expected, rel=1e-14)
    printed = [float(value) for value in vogt["jump_wings_published"]]
    assert list(astuple(wings))[1:] == pytest.approx(printed, rel=5e-6)
    assert astuple(wings.raw()) == pytest.approx(astuple(VOGT), rel=1e-13)


@pytest.mark.parametrize("which", [0, 1])
def test_published_repairs_of_the_vogt_slice(vectors: dict[str, Any], which: int) -> None:
    vogt = vectors["vogt"]
    fix = vogt["published_fixes"][which]
    v, psi, p = (float(value) for value in vogt["jump_wings_published"][:3])
    wings = JumpWings(1.0, v, psi, p, c=float(fix["c"]), v_tilde=float(fix["v_tilde"]))
    assert astuple(wings.raw()) == pytest.approx(astuple(raw(fix["raw"])), rel=1e-12)
    assert wings.raw().butterfly_violations() == ()
    lowest = float(wings.raw().g(float(fix["argmin"])))
    assert lowest == pytest.approx(float(fix["min_g_on_grid"]), abs=1e-11)


def test_the_first_repair_is_derived_not_given(vectors: dict[str, Any]) -> None:
    fix = vectors["vogt"]["published_fixes"][0]
    repaired = VOGT.jump_wings(1.0).repaired()
    assert repaired.c == pytest.approx(float(fix["c"]), abs=5e-8)
    assert repaired.v_tilde == pytest.approx(float(fix["v_tilde"]), abs=1e-8)
    assert repaired.raw().butterfly_violations() == ()


def test_ssvi_slices(vectors: dict[str, Any]) -> None:
    assert len(vectors["ssvi"]) == 6
    for case in vectors["ssvi"]:
        theta, rho, phi = (float(case[name]) for name in ("theta", "rho", "phi"))
        if case["kind"].startswith("heston"):
            scaled = 1.2 * theta
            assert phi == pytest.approx((1.0 + math.expm1(-scaled) / scaled) / scaled, rel=1e-11)
        else:
            assert phi == pytest.approx(1.2 / math.sqrt(theta * (1.0 + theta)), rel=1e-14)
        fitted = ssvi_slice(theta, rho, phi)
        for k, expected in case["w"].items():
            assert float(fitted.total_variance(float(k))) == pytest.approx(
                float(expected), rel=1e-14
            )
        conditions = [float(v) for name, v in case.items() if name.startswith("butterfly_cond")]
        # Theorem 4.2's two numbers; the first is twice Lee's slope.
        assert conditions == pytest.approx(
            [2.0 * fitted.wing_slope, theta * phi**2 * (1.0 + abs(rho))], rel=1e-13
        )
        assert conditions[0] < 4.0
        assert conditions[1] <= 4.0
        assert fitted.butterfly_violations() == ()


def test_calendar_cross(vectors: dict[str, Any]) -> None:
    cross = vectors["calendar_cross"]
    one, two = (SviSlice(*map(float, cross[name])) for name in ("slice_T1", "slice_T2"))
    crossing = float(cross["crossing_k_left"])
    [(start, end)] = calendar_violations(one, two)
    assert start == -math.inf
    assert end == pytest.approx(crossing, abs=1e-15)
    [(start, end)] = calendar_violations(two, one)
    assert start == pytest.approx(crossing, abs=1e-15)
    assert end == math.inf
    at = float(cross["at_k"])
    shortfall = float(one.total_variance(at) - two.total_variance(at))
    assert shortfall == pytest.approx(float(cross["max_violation"]), abs=1e-12)


def test_derive_library_slices(shared: Path) -> None:
    """None of its cases reaches its clamps on k and w: the shared formula."""
    text = (shared / "vectors" / "derive" / "lyra_utils_black76_svi.json").read_text("utf-8")
    cases = json.loads(text)["svi"]
    assert sum(len(case["vols"]) for case in cases) == 9
    for case in cases:
        fitted = SviSlice(*(case[name] for name in ("a", "b", "rho", "m", "sigma")))
        for strike, vol in case["vols"].items():
            k = math.log(float(strike) / case["fwd"])
            ours = math.sqrt(float(fitted.total_variance(k)) / case["tau"])
            assert ours == pytest.approx(vol, abs=1e-14)


# ---------------------------------------------------------------- against the oracle


@given(slices(), st.floats(-3.0, 3.0))
def test_slice_equals_the_textbook(fitted: SviSlice, k: float) -> None:
    numbers = astuple(fitted)
    ours = [float(value) for value in raw_svi(k, *numbers)]
    theirs = [
        naive.total_variance(k, numbers),
        naive.first_derivative(k, numbers),
        naive.second_derivative(k, numbers),
    ]
    assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-14)
    assert float(fitted.g(k)) == pytest.approx(naive.g(k, numbers), rel=1e-9, abs=1e-9)


@given(slices())
def test_butterflies_are_where_a_scan_finds_them(fitted: SviSlice) -> None:
    found = fitted.butterfly_violations()
    scanned = naive.negative_points(lambda k: naive.g(k, astuple(fitted)) + 1e-9, -4.0, 4.0, 801)
    for k in scanned:
        assert any(low <= k <= high for low, high in found)
    for low, high in found:
        inside = [k for k in np.linspace(max(low, -4.0), min(high, 4.0), 7)[1:-1] if low < k < high]
        assert all(naive.g(k, astuple(fitted)) < 1e-9 for k in inside)


@given(slices(), slices())
def test_calendar_crossings_are_where_a_scan_finds_them(one: SviSlice, two: SviSlice) -> None:
    def difference(k: float) -> float:
        return naive.total_variance(k, astuple(two)) - naive.total_variance(k, astuple(one))

    found = calendar_violations(one, two)
    for k in naive.negative_points(lambda k: difference(k) + 1e-9, -4.0, 4.0, 801):
        assert any(low <= k <= high for low, high in found)
    for low, high in found:
        inside = [k for k in np.linspace(max(low, -4.0), min(high, 4.0), 7)[1:-1] if low < k < high]
        assert all(difference(k) < 1e-9 for k in inside)


# ---------------------------------------------------------------- laws


@given(slices(), st.floats(-50.0, 50.0))
def test_total_variance_is_never_below_its_minimum(fitted: SviSlice, k: float) -> None:
    assert float(fitted.total_variance(k)) >= fitted.minimum_variance - 1e-13
    assert fitted.minimum_variance > 0.0


@given(slices())
def test_wings_have_the_slopes_of_lee(fitted: SviSlice) -> None:
    left, right = fitted.derivatives(np.array([-1e7, 1e7]))[0]
    assert -left == pytest.approx(fitted.b * (1.0 - fitted.rho), rel=1e-9, abs=1e-9)
    assert right == pytest.approx(fitted.b * (1.0 + fitted.rho), rel=1e-9, abs=1e-9)
    assert max(-left, right) <= fitted.wing_slope + 1e-9
    assert fitted.wing_slope <= 2.0 + 1e-12


def test_a_wing_beyond_lees_bound_is_a_butterfly_without_end() -> None:
    steep = SviSlice(a=0.04, b=1.3, rho=-0.6, m=0.0, sigma=0.2)
    assert steep.wing_slope > 2.0
    assert steep.butterfly_violations()[0][0] == -math.inf


def test_a_flat_slice_admits_nothing() -> None:
    flat = SviSlice(a=0.04, b=0.0, rho=0.0, m=0.0, sigma=0.1)
    assert flat.butterfly_violations() == ()
    assert calendar_violations(flat, flat) == ()
    higher = SviSlice(a=0.05, b=0.0, rho=0.0, m=0.0, sigma=0.1)
    assert calendar_violations(flat, higher) == ()
    assert calendar_violations(higher, flat) == ((-math.inf, math.inf),)


def test_slices_that_touch_or_run_parallel() -> None:
    """Where terms of the quartic cancel to rounding, its other roots still stand."""
    lower = SviSlice(a=-0.917, b=2.0, rho=0.0, m=1e-86, sigma=0.5)
    touching = SviSlice(a=-1.917, b=2.0, rho=0.0, m=0.0, sigma=1.0)
    for start, end in calendar_violations(lower, touching):
        assert abs(start) > 700.0 or abs(start) < 1e-5
        assert abs(end) > 700.0 or abs(end) < 1e-5
    assert calendar_violations(touching, lower) == ()
    steep = SviSlice(a=0.9234534455380257, b=1.25, rho=0.2, m=0.0, sigma=0.0625)
    parallel = SviSlice(a=0.0, b=1.0, rho=0.0, m=0.0, sigma=1.0)
    [(start, _), (_, end)] = calendar_violations(steep, parallel)
    assert (start, end) == (-math.inf, math.inf)


@given(slices())
def test_a_slice_and_more_of_it_never_cross(fitted: SviSlice) -> None:
    a, b, rho, m, sigma = astuple(fitted)
    more = SviSlice(1.1 * a + 1e-6, 1.1 * b, rho, m, sigma)
    assert calendar_violations(fitted, more) == ()
    assert calendar_violations(fitted, fitted) == ()


@given(slices(), st.floats(0.01, 3.0))
def test_jump_wings_are_inverse(fitted: SviSlice, tenor_years: float) -> None:
    reach = math.hypot(fitted.m, fitted.sigma)
    # Where the least variance is at the money itself, five wings do not tell m and σ apart.
    assume(abs(fitted.rho - fitted.m / reach) > 1e-2)
    assume(float(fitted.total_variance(0.0)) > 1.001 * fitted.minimum_variance)
    back = fitted.jump_wings(tenor_years).raw()
    k = np.linspace(-2.0, 2.0, 41)
    assert back.total_variance(k) == pytest.approx(fitted.total_variance(k), rel=1e-6, abs=1e-9)


@given(st.floats(1e-3, 1.0), st.floats(-0.95, 0.95), st.floats(0.05, 1.0), st.floats(-2.0, 2.0))
def test_ssvi_within_its_theorem_admits_no_butterfly(
    theta: float, rho: float, share: float, k: float
) -> None:
    tilt = 1.0 + abs(rho)
    phi = share * min(3.99 / (theta * tilt), 2.0 / math.sqrt(theta * tilt))
    fitted = ssvi_slice(theta, rho, phi)
    assert float(fitted.total_variance(k)) == pytest.approx(
        naive.ssvi(k, theta, rho, phi), rel=1e-9
    )
    assert fitted.butterfly_violations() == ()


def test_g_of_a_flat_smile_is_one() -> None:
    k = np.linspace(-1.0, 1.0, 5)
    assert durrleman_g(k, 0.04, 0.0, 0.0) == pytest.approx(np.ones(5))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "change",
    [
        {"a": math.nan},
        {"b": -0.1},
        {"rho": 1.0},
        {"sigma": 0.0},
        {"m": math.inf},
        {"a": -0.06},
    ],
)
def test_numbers_that_are_no_slice_are_refused(change: dict[str, float]) -> None:
    numbers = {"a": -0.041, "b": 0.1331, "rho": 0.306, "m": 0.3586, "sigma": 0.4153}
    with pytest.raises(BadParameter, match="finite and at least 0"):
        SviSlice(**{**numbers, **change})


def test_jump_wings_of_no_slice_are_refused() -> None:
    with pytest.raises(BadParameter, match="no SVI slice"):
        JumpWings(1.0, v=0.04, psi=0.6, p=0.5, c=1.0, v_tilde=0.03)
    with pytest.raises(BadParameter, match="no SVI slice"):
        JumpWings(1.0, v=0.04, psi=0.1, p=0.5, c=1.0, v_tilde=0.05)
    with pytest.raises(BadParameter, match="that at the money"):
        JumpWings(1.0, v=0.04, psi=0.0, p=0.5, c=0.5, v_tilde=0.03).raw()
    with pytest.raises(BadParameter, match="no SSVI slice"):
        ssvi_slice(theta=0.04, rho=-1.0, phi=1.0)
