"""Closed-form tail measures against published numbers, quadrature and scipy."""

from __future__ import annotations

import json
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from seawall.basics.errors import BadParameter
from seawall.risk.parametric import (
    CornishFisher,
    cornish_fisher_of,
    lognormal_expected_shortfall,
    normal_expected_shortfall,
    normal_value_at_risk,
    rises_everywhere,
    student_expected_shortfall,
    student_scale,
    student_value_at_risk,
)

NORMAL = NormalDist()


@pytest.fixture(scope="module")
def vectors(shared):
    return json.loads((shared / "vectors" / "quant" / "var_es_closed_form.json").read_text())


def test_normal_and_student_are_the_published_ones(vectors):
    for case in vectors["closed_form"]:
        confidence = 1.0 - float(case["alpha"])
        if case["dist"] == "N(0,1)":
            found = normal_value_at_risk(confidence), normal_expected_shortfall(confidence)
            expected = case["VaR"], case["ES"]
        else:
            df = float(case["dist"][2:].split(")")[0])
            found = (
                student_value_at_risk(confidence, df),
                student_expected_shortfall(confidence, df),
            )
            expected = case["VaR_unit_variance"], case["ES_unit_variance"]
            plain = student_expected_shortfall(confidence, df, deviation=1.0 / student_scale(df))
            assert plain == pytest.approx(float(case["ES"]), rel=1e-11)
        assert found == pytest.approx([float(number) for number in expected], rel=1e-11)


def test_cornish_fisher_is_the_published_one_inside_its_domain_and_refused_outside(vectors):
    outside = 0
    for case in vectors["cornish_fisher"]:
        s, k = float(case["S_param"]), float(case["K_param_excess"])
        if not case["monotone_domain_ok"]:
            outside += 1
            with pytest.raises(BadParameter, match="does not rise everywhere"):
                CornishFisher(s=s, k=k)
            continue
        confidence = 1.0 - float(case["alpha"])
        shape = CornishFisher(s=s, k=k)
        assert shape.value_at_risk(confidence) == pytest.approx(float(case["VaR"]), rel=1e-12)
        expected = float(case["ES_from_CF_quantile"])
        assert shape.expected_shortfall(confidence) == pytest.approx(expected, rel=1e-11)
    assert outside


def test_mean_and_deviation_move_and_stretch_every_measure():
    shape = CornishFisher(s=-0.3, k=2.0)
    moved = CornishFisher(s=-0.3, k=2.0, mean=5.0, deviation=3.0)
    for name in ("value_at_risk", "expected_shortfall"):
        expected = 3.0 * getattr(shape, name)(0.99) - 5.0
        assert getattr(moved, name)(0.99) == pytest.approx(expected)
    for measure in (normal_value_at_risk, normal_expected_shortfall):
        expected = 3.0 * measure(0.99) - 5.0
        assert measure(0.99, mean=5.0, deviation=3.0) == pytest.approx(expected)
    for measure in (student_value_at_risk, student_expected_shortfall):
        expected = 3.0 * measure(0.99, 4.0) - 5.0
        assert measure(0.99, 4.0, mean=5.0, deviation=3.0) == pytest.approx(expected)


@given(
    st.integers(-160, 160).map(lambda n: n / 64.0),
    st.integers(-64, 640).map(lambda n: n / 64.0),
)
def test_the_domain_is_where_the_cubic_rises(s, k):
    z = np.sinh(np.linspace(-20.0, 20.0, 200_001))
    slope = 1.0 + z * s / 3.0 + (z**2 - 1.0) * k / 8.0 - (6.0 * z**2 - 5.0) * s * s / 36.0
    if abs(slope.min()) > 1e-3:
        assert rises_everywhere(s, k) == (slope.min() > 0.0)


@settings(max_examples=15)
@given(st.floats(-0.6, 0.6), st.floats(1.5, 5.0), st.sampled_from([0.95, 0.99, 0.999]))
def test_expected_shortfall_is_the_mean_of_the_quantiles_beyond(s, k, confidence):
    shape = CornishFisher(s=s, k=k)
    total, _ = quad(lambda u: shape.value_at_risk(1.0 - u), 0.0, 1.0 - confidence, limit=200)
    expected = total / (1.0 - confidence)
    assert shape.expected_shortfall(confidence) == pytest.approx(expected, rel=1e-6)


@given(st.floats(-0.4, 0.4), st.floats(0.8, 3.0))
def test_a_cubic_of_given_moments_has_them(skew, excess_kurtosis):
    shape = cornish_fisher_of(skew=skew, excess_kurtosis=excess_kurtosis, deviation=2.0)
    assert shape.moments() == pytest.approx((2.0, skew, excess_kurtosis), abs=1e-7)


def test_the_moments_are_integrals_of_the_quantile():
    shape = CornishFisher(s=-0.5, k=1.5, deviation=2.0)
    first, second, third, fourth = (
        quad(lambda u, n=power: (-shape.value_at_risk(u)) ** n, 0.0, 1.0, limit=500)[0]
        for power in (1, 2, 3, 4)
    )
    deviation, skew, excess_kurtosis = shape.moments()
    assert first == pytest.approx(0.0, abs=1e-6)
    assert deviation == pytest.approx(second**0.5, rel=1e-5)
    assert skew == pytest.approx(third / second**1.5, rel=1e-4)
    assert excess_kurtosis == pytest.approx(fourth / second**2 - 3.0, rel=1e-3)


def test_moments_of_no_cubic_are_refused():
    with pytest.raises(BadParameter, match="Cornish"):
        cornish_fisher_of(skew=-4.0, excess_kurtosis=1.0)


def test_lognormal_factors_are_the_published_ones(shared):
    table = json.loads((shared / "vectors/defi/vega/quant_risk_measures.json").read_text())
    case = table["forward_risk_factors"][0]
    deviation = case["sigma"] * np.sqrt(case["tau"])
    found = lognormal_expected_shortfall(case["lambda_"], deviation=deviation, growth=1.0)
    assert found == pytest.approx((case["long"], case["short"]), abs=1e-8)


def test_lognormal_factors_are_integrals_over_the_tail():
    tail, deviation, growth = 0.01, 0.3, 1.02

    def worth(u):
        return growth * np.exp(deviation * NORMAL.inv_cdf(u) - 0.5 * deviation**2)

    low = quad(worth, 0.0, tail)[0] / tail
    high = quad(lambda u: worth(1.0 - u), 0.0, tail)[0] / tail
    found = lognormal_expected_shortfall(tail, deviation=deviation, growth=growth)
    assert found == pytest.approx((1.0 - low, high - 1.0), rel=1e-6)


def test_impossible_numbers_are_refused():
    with pytest.raises(BadParameter):
        normal_value_at_risk(1.0)
    with pytest.raises(BadParameter):
        normal_expected_shortfall(0.99, deviation=-1.0)
    with pytest.raises(BadParameter, match="degrees of freedom"):
        student_value_at_risk(0.99, 2.0)
    with pytest.raises(BadParameter):
        CornishFisher(s=float("nan"), k=0.0)
