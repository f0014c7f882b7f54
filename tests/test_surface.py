"""The volatility surface: nodes kept, plain loops reproduced, arbitrage not added, limits told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber, ExpiredInstrument, MissingQuote
from seawall.market.assemble import assemble_snapshot
from seawall.market.quotes import OptionQuotes
from seawall.market.smiles import MAX_REACH, MAX_VOL_RATIO
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.market.surface import VolSurface, vol_surface
from seawall.pricing.svi import ssvi_slice
from seawall.pricing.svi_fit import FitStatus
from tests.naive import svi as naive
from tests.tables import AS_OF, EXPIRY, INDEX, STRIKES, chain

NOW = datetime(2026, 2, 5, 8, tzinfo=UTC)
DAYS = (2, 9, 30, 90)
SPOT = 70_000.0


def ssvi_vol(k: np.ndarray, tenor_years: float) -> np.ndarray:
    """A surface free of arbitrage: θ = 0.36 T, ρ = −0.3, power law with η = 1."""
    theta = 0.36 * tenor_years
    phi = 1.0 / math.sqrt(theta * (1.0 + theta))
    return np.sqrt(ssvi_slice(theta, -0.3, phi).total_variance(k) / tenor_years)


def market(
    days: tuple[int, ...] = DAYS,
    strikes: int = 15,
    vol: Callable[[np.ndarray, float], np.ndarray] = ssvi_vol,
    index: bool = True,
    settlement: str = "BTC",
) -> MarketSnapshot:
    """Calls only, evenly from −2.5 to 2.5 standard deviations; forwards grow by 5 % a year."""
    slices = {}
    for day in days:
        tenor, expiry = day / 365.0, NOW + timedelta(days=day)
        forward = SPOT * math.exp(0.05 * tenor)
        deviation = 0.6 * math.sqrt(tenor)
        k = np.linspace(-2.5, 2.5, strikes) * deviation if strikes > 1 else np.zeros(1)
        strike = forward * np.exp(k)
        key = ("BTC", settlement, expiry)
        slices[key] = OptionSlice(
            key=key,
            forward=forward,
            names=tuple(f"{day}-{row}" for row in range(strikes)),
            strike=strike,
            is_call=np.ones(strikes, dtype=bool),
            vol=vol(np.log(strike / forward), tenor),
            mark=np.full(strikes, np.nan),
            observed_s=np.full(strikes, np.nan),
            atm_vol=0.6,
        )
    return MarketSnapshot(
        as_of=NOW,
        index_usd={"BTC": SPOT} if index else {},
        stable_usd={"USDC": 0.5},
        forwards={key: s.forward for key, s in slices.items()},
        futures={},
        slices=slices,
        option_rows={},
    )


@pytest.fixture(scope="module")
def surface() -> VolSurface:
    return vol_surface(market(), "BTC", "BTC")


def bumpy(k: np.ndarray, tenor_years: float) -> np.ndarray:
    """No slice follows this smile."""
    return ssvi_vol(k, tenor_years) * (1.0 + 0.03 * np.sin(40.0 * k))


def at(days: float) -> datetime:
    return NOW + timedelta(days=days)


# ---------------------------------------------------------------- listed expiries


def test_listed_strikes_keep_their_own_volatility() -> None:
    for vol in (ssvi_vol, bumpy):
        built = vol_surface(market(vol=vol), "BTC", "BTC")
        for smile in built.smiles:
            vols, forward = built.vols(smile.expiry, smile.strike)
            assert vols.tolist() == smile.vol.tolist()
            assert forward == smile.forward


@given(st.sampled_from(DAYS), st.floats(-3.0, 3.0))
def test_a_smile_is_the_slice_scaled_to_what_is_listed(day: int, deviations: float) -> None:
    built = vol_surface(market(vol=bumpy), "BTC", "BTC")
    smile = built.smile(at(day))
    assert smile is not None
    fitted = smile.fit().slice
    assert fitted is not None
    k = deviations * 0.6 * math.sqrt(smile.tenor_years)
    listed = smile.log_moneyness.tolist()
    variance = (smile.vol**2 * smile.tenor_years).tolist()
    expected = naive.smile_variance(k, astuple(fitted), listed, variance)
    vol, _ = built.vol(at(day), smile.forward * math.exp(k))
    assert vol == pytest.approx(math.sqrt(expected / smile.tenor_years), rel=1e-9)


@given(st.floats(2.0, 90.0), st.floats(-2.5, 2.5))
def test_the_surface_behind_the_quotes_is_found_again(
    surface: VolSurface, days: float, deviations: float
) -> None:
    tenor = days / 365.0
    k = deviations * 0.6 * math.sqrt(tenor)
    expiry = at(days)
    vol, _ = surface.vol(expiry, surface.forward(expiry) * math.exp(k))
    # Exact at the listed expiries; the smile between them is no SSVI but a mean of two.
    near = 1e-5 if days in DAYS else 0.15
    assert vol == pytest.approx(float(ssvi_vol(np.array(k), tenor)), rel=near)


@pytest.mark.parametrize("strikes", [1, 2, 4])
def test_few_strikes_are_joined_by_lines_in_total_variance(strikes: int) -> None:
    built = vol_surface(market(strikes=strikes), "BTC", "BTC")
    smile = built.smiles[1]
    assert smile.fit().status is FitStatus.TOO_FEW_STRIKES
    listed = smile.log_moneyness.tolist()
    variance = (smile.vol**2).tolist()
    for k in np.linspace(*smile.reach, 7).tolist():
        vol, _ = built.vol(smile.expiry, smile.forward * math.exp(0.999 * k))
        expected = naive.interpolate(0.999 * k, listed, variance)
        assert vol == pytest.approx(math.sqrt(expected), rel=1e-9)
    report = built.reports()[1]
    assert (report.strikes, report.max_error_vol_points) == (strikes, None)
    assert (report.butterfly, report.calendar) == ((), ())


def test_a_slice_far_from_its_strikes_is_not_used() -> None:
    """A wing of sixfold volatility that rises at once: no hyperbola does."""

    def stepped(k: np.ndarray, tenor_years: float) -> np.ndarray:
        return np.where(k < -1.5 * 0.6 * math.sqrt(tenor_years), 3.0, 0.5)

    built = vol_surface(market(vol=stepped), "BTC", "BTC")
    smile, report = built.smiles[1], built.reports()[1]
    assert report.status is smile.fit().status is FitStatus.NOT_FITTED
    assert (report.strikes, report.rms_error_vol_points) == (15, None)
    place = 0.5 * float(smile.log_moneyness[2] + smile.log_moneyness[3])
    vol, _ = built.vol(smile.expiry, smile.forward * math.exp(place))
    assert vol == pytest.approx(math.sqrt((3.0**2 + 0.5**2) / 2.0), rel=1e-9)


# ---------------------------------------------------------------- between and beyond expiries


@given(st.floats(0.1, 120.0), st.floats(-0.05, 0.05))
def test_time_is_interpolated_as_plain_loops_do(days: float, k: float) -> None:
    longer = market((*DAYS, 150))
    without = {key: s for key, s in longer.slices.items() if key[2] != at(150)}
    built = vol_surface(replace(longer, slices=without), "BTC", "BTC")
    expiry, tenor = at(days), days / 365.0
    if expiry in {smile.expiry for smile in built.smiles}:
        return
    tenors = [smile.tenor_years for smile in built.smiles]
    variances = [float(smile.total_variance(np.array([k]))[0]) for smile in built.smiles]
    forward = built.forward(expiry)
    # Every node lies on 5 % a year, so the log-linear curve does too.
    assert forward == pytest.approx(SPOT * math.exp(0.05 * tenor), rel=1e-12)
    vol, _ = built.vol(expiry, forward * math.exp(k))
    expected = naive.variance_in_time(tenor, tenors, variances)
    assert vol**2 * tenor == pytest.approx(expected, rel=1e-7)


@given(st.lists(st.floats(0.5, 89.0), min_size=2, max_size=6, unique=True), st.floats(-0.1, 0.1))
def test_total_variance_grows_with_time(surface: VolSurface, days: list[float], k: float) -> None:
    variances = []
    for day in sorted(days):
        expiry = at(day)
        forward = surface.forward(expiry)
        low, high = surface.smiles[0].reach
        vol, _ = surface.vol(expiry, forward * math.exp(np.clip(k, 0.9 * low, 0.9 * high)))
        variances.append(vol**2 * day)
    assert variances == sorted(variances)


def test_interpolation_reaches_the_nodes(surface: VolSurface) -> None:
    smile = surface.smiles[2]
    strike = smile.forward * math.exp(0.0123)
    here, _ = surface.vol(smile.expiry, strike)
    for seconds in (-1, 1):
        vol, _ = surface.vol(smile.expiry + timedelta(seconds=seconds), strike)
        assert vol == pytest.approx(here, rel=1e-5)


def test_one_expiry_is_flat_in_time() -> None:
    one = market((30, 60))
    slices = {key: s for key, s in one.slices.items() if key[2] == at(30)}
    built = vol_surface(replace(one, slices=slices), "BTC", "BTC")
    here, _ = built.vol(at(30), built.forward(at(30)) * 1.01)
    for days in (3.0, 29.0, 50.0):
        vol, _ = built.vol(at(days), built.forward(at(days)) * 1.01)
        assert vol == pytest.approx(here, rel=1e-12)


def test_variance_does_not_shrink_beyond_crossing_slices() -> None:
    def falling(k: np.ndarray, tenor_years: float) -> np.ndarray:
        return np.full(k.shape, 0.9 if tenor_years < 60 / 365 else 0.4)

    crossing = market((30, 90, 150), vol=falling)
    slices = {key: s for key, s in crossing.slices.items() if key[2] != at(150)}
    built = vol_surface(replace(crossing, slices=slices), "BTC", "BTC")
    vol, _ = built.vol(at(120), built.forward(at(120)))
    assert vol**2 * 120 == pytest.approx(0.4**2 * 90, rel=1e-6)
    assert [bool(report.calendar) for report in built.reports()] == [False, True]


def test_a_linear_contracts_curve_starts_at_the_index_in_its_currency() -> None:
    built = vol_surface(market(settlement="USDC"), "BTC", "USDC")
    assert built.curve.forward[0] == SPOT / 0.5


# ---------------------------------------------------------------- reports


def test_reports_tell_errors_and_calendar_crossings(surface: VolSurface) -> None:
    for report in surface.reports():
        assert report.status is FitStatus.FITTED
        assert report.strikes == 15
        assert report.max_error_vol_points < 1e-2
        assert report.butterfly == ()
        assert report.calendar == ()
        assert report.age_s is None
    rough = vol_surface(market(vol=bumpy), "BTC", "BTC")
    for smile, report in zip(rough.smiles, rough.reports(), strict=True):
        fitted = smile.fit().slice
        assert fitted is not None
        errors = [
            100.0 * (math.sqrt(naive.total_variance(k, astuple(fitted)) / smile.tenor_years) - vol)
            for k, vol in zip(smile.log_moneyness.tolist(), smile.vol.tolist(), strict=True)
        ]
        rms = math.sqrt(sum(error**2 for error in errors) / len(errors))
        assert report.rms_error_vol_points == pytest.approx(rms, rel=1e-6)
        assert report.max_error_vol_points == pytest.approx(max(map(abs, errors)), rel=1e-6)


def test_crossings_are_told_with_few_strikes_too() -> None:
    def falling(k: np.ndarray, tenor_years: float) -> np.ndarray:
        return np.full(k.shape, 0.9 if tenor_years < 5 / 365 else 0.3)

    built = vol_surface(market((2, 9), strikes=3, vol=falling), "BTC", "BTC")
    first, second = built.reports()
    assert first.calendar == ()
    assert second.calendar


def test_slices_are_fitted_only_when_needed() -> None:
    built = vol_surface(market(), "BTC", "BTC")
    built.vol(at(9), SPOT)
    assert [bool(smile._fit) for smile in built.smiles] == [False, True, False, False]


def test_ages_and_sides_come_from_the_quotes(options: OptionQuotes) -> None:
    """The oldest row counts; of call and put the out-of-the-money one tells."""
    late = np.array(options.observed_s)
    late[3] -= 90.0
    iv = np.where([o.is_call for o in options.instruments], options.iv, options.iv + 1e-4)
    quotes = replace(options, observed_s=late, iv=iv)
    built = vol_surface(assemble_snapshot([quotes]), "BTC", "BTC")
    [report] = built.reports()
    assert report.age_s == 90.0
    [smile] = built.smiles
    assert (smile.expiry, smile.strike.tolist()) == (EXPIRY, list(STRIKES))
    told = {
        option.strike: vol
        for option, vol in zip(quotes.instruments, quotes.iv.tolist(), strict=True)
        if option.is_call == (option.strike >= smile.forward)
    }
    assert smile.vol.tolist() == [told[strike] for strike in STRIKES]
    assert built.as_of == AS_OF
    assert built.curve.forward[0] == INDEX


# ---------------------------------------------------------------- limits


def test_a_strike_beyond_reach_is_an_error(surface: VolSurface) -> None:
    smile = surface.smiles[1]
    reach = MAX_REACH * 2.5 * 0.6 * math.sqrt(smile.tenor_years)
    assert smile.reach == pytest.approx((-reach, reach))
    for end in smile.reach:
        surface.vol(smile.expiry, smile.forward * math.exp(0.999 * end))
        with pytest.raises(MissingQuote, match=r"beyond the .* to which listed strikes"):
            surface.vol(smile.expiry, smile.forward * math.exp(1.001 * end))


@pytest.mark.parametrize("strikes", [1, 2])
def test_one_or_two_strikes_are_not_extrapolated(strikes: int) -> None:
    built = vol_surface(market(strikes=strikes), "BTC", "BTC")
    smile = built.smiles[1]
    for k, sign in zip(smile.log_moneyness[[0, -1]], (-1.0, 1.0), strict=True):
        built.vol(smile.expiry, smile.forward * math.exp(k))
        with pytest.raises(MissingQuote, match=r"beyond the .* to which listed strikes"):
            built.vol(smile.expiry, smile.forward * math.exp(k + 0.001 * sign))


def test_strikes_far_from_the_forward_tell_nothing_near_it(surface: VolSurface) -> None:
    """As where strikes are given in thousandths."""
    smile = surface.smiles[1]
    far = replace(smile, strike=1_000.0 * smile.strike)
    apart = float(smile.log_moneyness[-1] - smile.log_moneyness[0])
    low, high = far.reach
    assert low == pytest.approx(math.log(1_000.0) + float(smile.log_moneyness[0]) - apart)
    assert high == pytest.approx(math.log(1_000.0) + float(smile.log_moneyness[-1]) + apart)
    with pytest.raises(MissingQuote, match=r"lies \+0 from the forward .* beyond the \+"):
        far.vols(np.array([smile.forward]))
    between = replace(surface, smiles=(surface.smiles[0], far))
    with pytest.raises(MissingQuote, match=r"lies \+0 from the forward .* beyond the \+"):
        between.vol(at(8), between.forward(at(8)) * math.exp(low))


def test_a_volatility_far_from_all_listed_is_an_error() -> None:
    def leaping(k: np.ndarray, tenor_years: float) -> np.ndarray:
        return np.full(k.shape, 0.05 if tenor_years < 85 / 365 else 0.6)

    listed = market((80, 90, 150), vol=leaping)
    slices = {key: s for key, s in listed.slices.items() if key[2] != at(150)}
    built = vol_surface(replace(listed, slices=slices), "BTC", "BTC")
    rate = (0.6**2 * 90 - 0.05**2 * 80) / 10
    vol, forward = built.vol(at(120), built.forward(at(120)))
    assert vol == pytest.approx(math.sqrt((0.6**2 * 90 + rate * 30) / 120), rel=1e-6)
    assert (0.6**2 * 90 + rate * 59) / 149 > (MAX_VOL_RATIO * 0.6) ** 2
    with pytest.raises(MissingQuote, match=r"1\.222, more than a factor of 2 outside .* to 0\.6"):
        built.vol(at(149), forward)


def test_the_reach_of_an_unlisted_expiry_lies_between_its_neighbours(surface: VolSurface) -> None:
    expiry = at(16)
    forward, reach = surface.forward(expiry), MAX_REACH * 2.5 * 0.6 * math.sqrt(16 / 365)
    surface.vol(expiry, forward * math.exp(0.999 * reach))
    with pytest.raises(MissingQuote, match="2026-02-21"):
        surface.vol(expiry, forward * math.exp(1.001 * reach))


def test_an_expiry_outside_the_curve_is_an_error(surface: VolSurface) -> None:
    with pytest.raises(MissingQuote, match=r"the curve goes from 0 to 0\.2466 years"):
        surface.vol(at(91), SPOT)
    no_index = vol_surface(market(index=False), "BTC", "BTC")
    with pytest.raises(MissingQuote, match="no forward for 2026-02-06"):
        no_index.vol(at(1), SPOT)
    with pytest.raises(ExpiredInstrument, match="not after the snapshot"):
        surface.vol(NOW, SPOT)


@pytest.mark.parametrize("strike", [0.0, -1.0, math.nan, math.inf])
def test_a_strike_that_is_none_is_an_error(surface: VolSurface, strike: float) -> None:
    with pytest.raises(BadNumber, match="has no volatility"):
        surface.vol(at(9), strike)


def test_what_is_not_listed_or_refused_has_no_surface() -> None:
    with pytest.raises(MissingQuote, match="no option on ETH"):
        vol_surface(market(), "ETH", "ETH")
    refused = replace(market(), refused={"BTC": "the index of BTC is wrong"})
    with pytest.raises(BadNumber, match="the index of BTC is wrong"):
        vol_surface(refused, "BTC", "BTC")


def test_linear_quotes_have_their_own_surface(quotes: Callable[..., OptionQuotes]) -> None:
    linear = quotes(chain(settlement="USDC"))
    built = vol_surface(assemble_snapshot([linear]), "BTC", "USDC")
    assert built.settlement == "USDC"
    assert built.reports()[0].age_s == 0.0
