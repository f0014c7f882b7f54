"""Simulated joint scenarios against published option prices and the laws they are drawn from."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from seawall.basics.errors import BadParameter
from seawall.risk.correlation import root_of, with_volatilities
from seawall.risk.jumps import KouJumps, MertonJumps, jump_diffusion_moves
from seawall.risk.monte_carlo import Draws, EmpiricalMargin, StudentMargin, t_copula_moves

ONE = np.eye(1)
PAIR = np.array([[1.0, 0.6], [0.6, 1.0]])
COUNT = 200_000


def option_error(case, vol, jumps, rng, points=1):
    """How many standard errors the mean discounted payoff is off the published price."""
    S, K, r, q, T = (float(case[name]) for name in ("S", "K", "r", "q", "T"))
    moves = jump_diffusion_moves(
        rng,
        ("X",),
        Draws(count=COUNT, horizon_days=365.0 * T, points=points),
        vol_per_year=np.array([vol]),
        correlation=ONE,
        jumps=[jumps],
        growth_per_year=r - q,
    )
    side = 1.0 if case.get("cp", "c") == "c" else -1.0
    ends = S * (1.0 + moves.price_rel[:, -1, 0])
    payoff = math.exp(-r * T) * np.maximum(side * (ends - K), 0.0)
    error = payoff.std() / math.sqrt(COUNT)
    return (payoff.mean() - float(case["price"])) / error


def test_merton_prices_are_the_published_ones_within_the_error(shared):
    table = json.loads((shared / "vectors/quant/merton.json").read_text())
    rng = np.random.default_rng(7)
    found = []
    for case in table["haug_table"][::9]:
        law = MertonJumps(
            jumps_per_year=float(case["lam"]),
            log_mean=float(case["jump_log_mean"]),
            log_deviation=float(case["jump_log_std"]),
        )
        found.append(option_error(case, float(case["diffusion_vol"]), law, rng))
    for case in table["dhalluin_forsyth_vetzal_2005"]:
        law = MertonJumps(
            jumps_per_year=float(case["lam"]),
            log_mean=float(case["jump_log_mean"]),
            log_deviation=float(case["jump_log_std"]),
        )
        found.append(option_error(case, float(case["sigma"]), law, rng, points=3))
    assert max(abs(error) for error in found) < 4.0
    assert math.sqrt(np.mean(np.square(found))) < 1.5


def test_kou_prices_are_the_published_ones_within_the_error(shared):
    rng = np.random.default_rng(8)
    for case in json.loads((shared / "vectors/quant/kou.json").read_text()):
        law = KouJumps(
            jumps_per_year=float(case["lam"]),
            up_share=float(case["p_up"]),
            up_rate=float(case["eta_up"]),
            down_rate=float(case["eta_down"]),
        )
        assert abs(option_error(case, float(case["sigma"]), law, rng, points=2)) < 4.0


@pytest.mark.parametrize(
    "law",
    [
        MertonJumps(jumps_per_year=20.0, log_mean=-0.05, log_deviation=0.1),
        KouJumps(jumps_per_year=20.0, up_share=0.4, up_rate=15.0, down_rate=9.0),
    ],
)
def test_jump_paths_have_the_variance_and_third_moment_of_their_law(law):
    draws = Draws(count=COUNT, horizon_days=30.0, points=3)
    moves = jump_diffusion_moves(
        np.random.default_rng(1),
        ("X",),
        draws,
        vol_per_year=np.array([0.4]),
        correlation=ONE,
        jumps=[law],
    )
    logs = np.log1p(moves.price_rel[:, :, 0])
    if isinstance(law, MertonJumps):
        m, s = law.log_mean, law.log_deviation
        second, third = m * m + s * s, m**3 + 3.0 * m * s * s
    else:
        p, up, down = law.up_share, law.up_rate, law.down_rate
        second = 2.0 * (p / up**2 + (1.0 - p) / down**2)
        third = 6.0 * (p / up**3 - (1.0 - p) / down**3)
    for point, days in enumerate((10.0, 20.0, 30.0)):
        years = days / 365.0
        own = logs[:, point] - logs[:, point].mean()
        assert own.var() == pytest.approx(years * (0.16 + 20.0 * second), rel=0.02)
        assert (own**3).mean() == pytest.approx(years * 20.0 * third, rel=0.08)
        assert moves.price_rel[:, point].mean() == pytest.approx(
            0.0, abs=4.0 * moves.price_rel[:, point].std() / math.sqrt(COUNT)
        )


def test_common_jumps_come_together_and_own_jumps_do_not():
    law = KouJumps(jumps_per_year=5.0, up_share=0.3, up_rate=20.0, down_rate=10.0)
    draws = Draws(count=50_000, horizon_days=5.0)
    for common in (True, False):
        moves = jump_diffusion_moves(
            np.random.default_rng(4),
            ("X", "Y"),
            draws,
            vol_per_year=np.full(2, 1e-6),
            correlation=np.eye(2),
            jumps=[law, law],
            common_jumps=common,
        )
        jumped = np.abs(moves.price_rel[:, 0, :]) > 1e-2
        both = (jumped[:, 0] & jumped[:, 1]).mean()
        signs = np.sign(moves.price_rel[jumped.all(axis=1), 0, :]).prod(axis=1)
        if common:
            assert both > 0.04
            assert (signs > 0.0).mean() > 0.95
        else:
            assert both == pytest.approx(jumped.mean() ** 2, rel=0.25)


def joint_tail(q, rho, df):
    """The probability that both of a bivariate t are below their quantile q, by quadrature.

    Given one of them the other is a t with a degree of freedom more.
    """
    level = stats.t.ppf(q, df)

    def density(x):
        spread = math.sqrt((df + x * x) * (1.0 - rho * rho) / (df + 1.0))
        return stats.t.pdf(x, df) * stats.t.cdf((level - rho * x) / spread, df + 1.0)

    return quad(density, -np.inf, level, epsabs=1e-12)[0]


@pytest.mark.parametrize("df", [3.0, 6.0])
def test_the_copula_has_the_rank_correlation_and_tail_dependence_of_its_closed_forms(df):
    moves = t_copula_moves(
        np.random.default_rng(2),
        ("X", "Y"),
        Draws(count=COUNT, points=2),
        correlation=PAIR,
        df=df,
        prices=[StudentMargin(daily_vol_rel=0.03, df=4.0)] * 2,
    )
    logs = np.log1p(moves.price_rel)
    for point in range(2):
        x, y = logs[:, point, 0], logs[:, point, 1]
        tau = stats.kendalltau(x[:20_000], y[:20_000]).statistic
        assert tau == pytest.approx(2.0 / math.pi * math.asin(0.6), abs=0.02)
        # λ is a limit; at a quantile q the joint share is the copula's own, which nears it.
        q = 0.001
        low = (x < np.quantile(x, q)) & (y < np.quantile(y, q))
        limit = 2.0 * stats.t.cdf(-math.sqrt((df + 1.0) * 0.4 / 1.6), df + 1.0)
        at = joint_tail(q, 0.6, df) / q
        error = math.sqrt(at * (1.0 - at) / (q * COUNT))
        assert low.mean() / q == pytest.approx(at, abs=4.0 * error)
        assert limit < at < limit + 0.15


def test_every_point_of_a_path_has_the_margin_asked_for():
    sample = np.random.default_rng(9).standard_gamma(2.0, 400) / 50.0 - 0.03
    moves = t_copula_moves(
        np.random.default_rng(3),
        ("X", "Y"),
        Draws(count=50_000, horizon_days=4.0, points=2),
        correlation=PAIR,
        df=4.0,
        prices=[StudentMargin(daily_vol_rel=0.04, df=5.0), EmpiricalMargin(sample)],
    )
    for point, days in enumerate((2.0, 4.0)):
        logs = np.log1p(moves.price_rel[:, point, :]) / math.sqrt(days)
        scale = 0.04 * math.sqrt(3.0 / 5.0)
        assert stats.kstest(logs[:, 0] / scale, stats.t(5.0).cdf).pvalue > 1e-3
        for share in (0.01, 0.25, 0.75, 0.99):
            expected = np.quantile(sample, share)
            assert np.quantile(logs[:, 1], share) == pytest.approx(expected, abs=2.5e-3)
        assert (moves.elapsed_days[:, point] == days).all()


def test_volatilities_move_against_their_prices_where_asked():
    margin = StudentMargin(daily_vol_rel=0.03, df=4.0)
    moves = t_copula_moves(
        np.random.default_rng(3),
        ("X", "Y"),
        Draws(count=50_000),
        correlation=with_volatilities(PAIR, -0.5),
        df=4.0,
        prices=[margin] * 2,
        vols=[StudentMargin(daily_vol_rel=0.08, df=6.0)] * 2,
    )
    own = stats.spearmanr(moves.price_rel[:, 0, 0], moves.vol_rel[:, 0, 0]).statistic
    cross = stats.spearmanr(moves.price_rel[:, 0, 0], moves.vol_rel[:, 0, 1]).statistic
    assert own == pytest.approx(-0.46, abs=0.03)
    assert cross == pytest.approx(-0.28, abs=0.03)
    assert moves.unmoved == ("funding of X", "funding of Y", "basis of X", "basis of Y")


def test_a_seed_gives_the_same_scenarios_again():
    margin = StudentMargin(daily_vol_rel=0.03, df=4.0)
    one, again, other = (
        t_copula_moves(
            np.random.default_rng(seed),
            ("X",),
            Draws(count=100),
            correlation=ONE,
            df=4.0,
            prices=[margin],
        ).price_rel
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_singular_correlation_has_a_root_and_an_impossible_one_is_refused():
    ones = np.ones((3, 3))
    root = root_of(ones, 3)
    assert root @ root.T == pytest.approx(ones)
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    for matrix in (impossible, 2.0 * np.eye(3), np.eye(2), np.full((3, 3), np.nan)):
        with pytest.raises(BadParameter):
            root_of(matrix, 3)
    askew = np.eye(3)
    askew[0, 1] = 0.5
    with pytest.raises(BadParameter, match="not symmetric"):
        root_of(askew, 3)


def test_impossible_laws_are_refused():
    merton = {"jumps_per_year": 1.0, "log_mean": 0.0, "log_deviation": 0.1}
    kou = {"jumps_per_year": 1.0, "up_share": 0.5, "up_rate": 5.0, "down_rate": 5.0}
    for change in ({"jumps_per_year": -1.0}, {"log_mean": math.nan}, {"log_deviation": -1.0}):
        with pytest.raises(BadParameter):
            MertonJumps(**merton | change)
    for change in ({"up_rate": 1.0}, {"down_rate": 0.0}, {"up_share": 1.5}):
        with pytest.raises(BadParameter):
            KouJumps(**kou | change)
    with pytest.raises(BadParameter):
        StudentMargin(daily_vol_rel=0.1, df=2.0)
    with pytest.raises(BadParameter):
        StudentMargin(daily_vol_rel=-0.1, df=3.0)
    with pytest.raises(BadParameter):
        EmpiricalMargin(np.ones(1))
    with pytest.raises(BadParameter):
        Draws(count=0)


def test_numbers_that_do_not_belong_to_the_underlyings_are_refused():
    rng = np.random.default_rng(0)
    margin = StudentMargin(daily_vol_rel=0.03, df=4.0)
    with pytest.raises(BadParameter, match="margins"):
        t_copula_moves(rng, ("X",), Draws(), correlation=PAIR, df=4.0, prices=[margin] * 2)
    with pytest.raises(BadParameter, match="degrees"):
        t_copula_moves(rng, ("X",), Draws(), correlation=ONE, df=0.0, prices=[margin])
    law = MertonJumps(jumps_per_year=1.0, log_mean=0.0, log_deviation=0.1)
    other = MertonJumps(jumps_per_year=2.0, log_mean=0.0, log_deviation=0.1)
    given = {"vol_per_year": np.full(2, 0.5), "correlation": PAIR}
    with pytest.raises(BadParameter, match="laws of jumps"):
        jump_diffusion_moves(rng, ("X", "Y"), Draws(), jumps=[law], **given)
    with pytest.raises(BadParameter, match="common jumps"):
        jump_diffusion_moves(
            rng, ("X", "Y"), Draws(), jumps=[law, other], common_jumps=True, **given
        )
