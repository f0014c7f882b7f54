"""The risk array kernel against the textbook's formulas, cell by cell, and what must hold of it."""

from __future__ import annotations

import math
import os
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.kernels.elementary import (
    gauss_scalar,
    log_ratio_scalar,
    tail_denominator_scalar,
    tail_numerator_scalar,
)
from tests.naive import black76, revaluation
from tests.naive.bachelier import norm_cdf
from tests.risk_rows import CALL, MOVES, PUT, options, revalued, risk_rows, taken

PLAIN = "1" in (os.environ.get("SEAWALL_DISABLE_JIT"), os.environ.get("NUMBA_DISABLE_JIT"))
# Without compilation products are rounded before they are added.
EXACT = 1e-15 if not PLAIN else 1e-14


def greatest_price(rows):
    """What errors are measured against, [M, I·C]: the greatest of F, F′, K and, if signed, s."""
    size = np.where(rows["level"] > 0.0, rows["level"], np.abs(rows["forward"]))[:, None]
    moved = np.abs(rows["forward"])[:, None] + size * np.abs(rows["price_rel"])
    sd = rows["vol"].max(axis=1) * np.sqrt(rows["tenor_years"][:, 0])
    own = np.maximum(np.abs(rows["strike"]), np.where(rows["level"] > 0.0, sd, 0.0))
    greatest = np.maximum(moved, own[:, None]) * rows["unit_usd"][:, None]
    greatest += np.abs(rows["coin_usd"])[:, None] * np.abs(rows["price_rel"])
    return np.tile(greatest, rows["tenor_years"].shape[1])


# ---------------------------------------------------------------------------- against the oracle


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_cell_is_the_formula_of_its_row(seed, signed):
    rows = risk_rows(seed, signed=signed)
    of_rows = [name for name in rows if name not in {"price_rel", "vol_index"}]
    expected = np.array([
        [
            revaluation.gain(row, t, move, row["vol"][v])
            for t in range(3)
            for move, v in zip(MOVES.tolist(), rows["vol_index"].tolist(), strict=True)
        ]
        for row in ({name: rows[name][i].tolist() for name in of_rows} for i in range(120))
    ])  # fmt: skip
    error = np.abs(revalued(rows) - expected) / greatest_price(rows)
    assert error.max() < 4.0 * EXACT


@pytest.mark.parametrize(
    ("log_strike", "least_sd", "greatest_sd"),
    [(0.5, 1e-2, 1.0), (2.3, 1e-9, 30.0), (0.01, 1e-6, 1e-2), (7.0, 0.5, 10.0)],
)
def test_error_is_a_rounding_of_the_greatest_price(log_strike, least_sd, greatest_sd):
    """Tiny and huge σ√T, at the money and deep in both wings; 1e-14 of S up to a tenfold strike."""
    rng, count = np.random.default_rng(5), 400
    forward = 10.0 ** rng.uniform(-3.0, 5.0, count)
    strike = forward * np.exp(rng.uniform(-log_strike, log_strike, count))
    sd = np.exp(rng.uniform(math.log(least_sd), math.log(greatest_sd), count))
    rows = options(forward, strike, sd, rng.choice([CALL, PUT], count), MOVES)
    expected = np.array([
        [
            black76.price(f * (1.0 + x), k, s, 1.0, kind == CALL)
            - black76.price(f, k, s, 1.0, kind == CALL)
            for x in MOVES.tolist()
        ]
        for f, k, s, kind in zip(
            forward.tolist(), strike.tolist(), sd.tolist(), rows["kind"].tolist(), strict=True
        )
    ])  # fmt: skip
    error = np.abs(revalued(rows) - expected)
    assert (error / greatest_price(rows)).max() < 2.0 * EXACT
    near = strike <= 10.0 * forward
    assert (error[near] / forward[near, None]).max() < 1e-14


# ------------------------------------------------------------------------------------ properties

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, signed=st.booleans(), data=st.data())
def test_a_cell_does_not_depend_on_its_company(seed, signed, data):
    rows = risk_rows(seed, 40, signed=signed)
    keep = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=9), label="rows")
    cells = data.draw(st.lists(st.integers(0, MOVES.size - 1), min_size=1, max_size=9))
    whole = revalued(rows).reshape(40, 3, -1)
    alone = revalued(taken(rows, keep, cells)).reshape(len(keep), 3, -1)
    assert alone.tobytes() == whole[keep][:, :, cells].tobytes()


@given(seed=SEEDS, signed=st.booleans())
def test_nothing_moved_is_nothing_gained(seed, signed):
    rows = risk_rows(seed, 40, signed=signed)
    unmoved = (rows["price_rel"] == 0.0) & (rows["vol_index"] == 0)
    assert unmoved.any()
    now = revalued(rows)[:, : MOVES.size]
    assert np.all(now[:, unmoved] == 0.0)


@given(seed=SEEDS, signed=st.booleans())
def test_gains_are_in_proportion_to_the_unit(seed, signed):
    rows = risk_rows(seed, 40, signed=signed)
    doubled = rows | {name: 2.0 * rows[name] for name in ("unit_usd", "coin_usd")}
    # Exactly, but for numbers so small that they have lost digits.
    assert np.abs(2.0 * revalued(rows) - revalued(doubled)).max() < 1e-300


PRICES = st.floats(1e-3, 1e3)
SDS = st.floats(1e-6, 20.0)


@given(forward=PRICES, strike=PRICES, sds=st.tuples(SDS, SDS), kind=st.sampled_from([CALL, PUT]))
def test_more_volatility_is_never_worth_less(forward, strike, sds, kind):
    rows = options([forward], [strike], [0.0], kind, [0.0, 0.0, 0.3, 0.3])
    rows |= {"vol": np.array([[0.0, *sorted(sds)]]), "vol_index": np.array([1, 2, 1, 2])}
    now_low, now_high, then_low, then_high = revalued(rows)[0]
    noise = EXACT * 1.3 * max(forward, strike)
    assert now_high >= now_low - noise
    assert then_high >= then_low - noise


@given(forward=PRICES, strike=PRICES, sd=SDS, moves=st.lists(st.floats(-0.9, 5.0), min_size=2))
def test_calls_rise_and_puts_fall_with_the_price_and_differ_by_it(forward, strike, sd, moves):
    moves = np.sort(moves)
    both = [forward, forward], [strike, strike], [sd, sd]
    call, put = revalued(options(*both, [CALL, PUT], moves))
    noise = 4.0 * EXACT * max(6.0 * forward, strike)
    assert np.all(np.diff(call) >= -noise)
    assert np.all(np.diff(put) <= noise)
    assert np.abs(call - put - forward * moves).max() <= noise


@given(forward=PRICES, strike=PRICES, move=st.floats(-1.0, 5.0), kind=st.sampled_from([CALL, PUT]))
def test_without_time_or_volatility_an_option_is_its_intrinsic_value(forward, strike, move, kind):
    rows = options([forward], [strike], [0.0], kind, [move])
    now, then = (
        black76.intrinsic(f, strike, kind == CALL) for f in (forward, forward * (1.0 + move))
    )
    assert revalued(rows)[0, 0] == then - now
    rows |= {"vol": np.array([[0.7]]), "tenor_years": np.zeros((1, 1))}
    assert revalued(rows)[0, 0] == then - now


@pytest.mark.parametrize("kind", [CALL, PUT])
@pytest.mark.parametrize(
    ("forward", "strike", "move"),
    [(0.0, 100.0, 0.5), (100.0, 0.0, 0.5), (100.0, 80.0, -1.0), (0.0, 0.0, 0.5)],
)
def test_prices_and_strikes_of_nothing(kind, forward, strike, move):
    moved = forward * (1.0 + move)
    now = black76.intrinsic(forward, strike, kind == CALL)
    if forward > 0.0 and strike > 0.0:
        now = black76.price(forward, strike, 0.4, 1.0, kind == CALL)
    then = black76.intrinsic(moved, strike, kind == CALL)
    found = revalued(options([forward], [strike], [0.4], kind, [move]))[0, 0]
    assert found == pytest.approx(then - now, abs=1e-13)


@pytest.mark.parametrize("name", ["forward", "strike", "unit_usd", "vol", "discount", "price_rel"])
@pytest.mark.parametrize("kind", [CALL, PUT])
@pytest.mark.parametrize("level", [0.0, 10.0])
def test_a_number_that_is_none_does_not_vanish(name, kind, level):
    """What cannot be valued is refused by the room above, which looks for NaN."""
    rows = options([100.0], [90.0], [0.4], kind, [0.1])
    rows |= {name: np.full_like(rows[name], math.nan), "level": np.array([level])}
    assert np.isnan(revalued(rows)).all()


@pytest.mark.parametrize(
    ("name", "value"), [("forward", -1.0), ("strike", -1.0), ("price_rel", -2)]
)
def test_a_price_below_zero_is_none_where_it_has_no_level(name, value):
    rows = options([100.0], [90.0], [0.4], CALL, [0.1])
    rows |= {name: np.full_like(rows[name], value)}
    assert np.isnan(revalued(rows)).all()


# ------------------------------------------------------------------------- elementary functions


@given(a=st.floats(1e-300, 1e300), b=st.floats(1e-300, 1e300))
def test_log_ratio(a, b):
    expected = math.log(a) - math.log(b)
    found = log_ratio_scalar(a, b)
    assert found == pytest.approx(expected, rel=1e-15, abs=3e-16 + 2e-16 * abs(math.log(a)))


@given(ratio=st.floats(0.5, 2.0))
def test_log_near_one_keeps_its_digits(ratio):
    assert log_ratio_scalar(ratio, 1.0) == pytest.approx(math.log(ratio), rel=4e-16, abs=0.0)


@given(square=st.floats(0.0, 2000.0))
def test_gauss(square):
    expected = math.exp(-0.5 * square)
    assert gauss_scalar(square) == pytest.approx(expected, rel=EXACT, abs=3e-308)
    assert gauss_scalar(0.0) == 1.0
    assert gauss_scalar(1e300) == 0.0


@pytest.mark.parametrize("u", [0.0, 1e-12, 0.1, 0.7, 1.5, 2.5, 4.0, 6.0, 8.0])
def test_normal_tail_in_sixty_digits(u):
    ratio = tail_numerator_scalar(u, u * u) / tail_denominator_scalar(u, u * u)
    with localcontext() as context:
        context.prec = 60
        exact = norm_cdf(-Decimal(u))
        density = (-Decimal(u) * Decimal(u) / 2).exp()
        assert abs(Decimal(ratio) * density - exact) < Decimal("3e-17") + Decimal("3e-16") * exact
    assert tail_numerator_scalar(0.0, 0.0) / tail_denominator_scalar(0.0, 0.0) == 0.5
