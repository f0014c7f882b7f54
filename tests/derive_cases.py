"""Published cases of Derive's portfolio margin (PM2), as a market, a book and parts of a model."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np

from seawall.margin.discounts import StaticDiscount
from seawall.margin.fold import NetByUnderlying
from seawall.market.slices import OptionSlice
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import parse_name
from seawall.products.portfolio import portfolio
from seawall.risk.scenarios import ListedCell, ListedCells, SkewStretch, TenorLaw
from seawall.risk.shocks import Shock

PERPETUAL = "ETH_USDC-PERPETUAL"
MOVES = {
    "Up": "up",
    "None": "none",
    "Down": "down",
    "LINEAR": "skew-linear",
    "ABS": "skew-absolute",
}
MOST_MONEYNESS_SD, MOST_VARIANCE = 4.0, 20.0
"""The wings of a slice are flat beyond so many deviations, and total variance ends there: of the
cases only 45 is so steep."""
NOWHERE = datetime(2025, 2, 1, tzinfo=UTC)


def market_and_book(scenario):
    """What the case is about, everything in units of its stablecoin."""
    feeds = {feed["FeedExpiry"]: feed for feed in scenario["OptionFeeds"]}
    options = scenario["Options"]
    ends = {option["ExiryTs"] - option["Expiry"] for option in options}
    as_of = datetime.fromtimestamp(ends.pop(), UTC) if ends else NOWHERE
    assert not ends, "all expiries are seen from one time"
    held, by_expiry = defaultdict(float), defaultdict(dict)
    for option in options:
        name = _name(option, as_of + timedelta(seconds=option["Expiry"]))
        held[name] += option["Amount"]
        by_expiry[option["Expiry"]][name] = option
    slices = [_slice(feeds[seconds], listed) for seconds, listed in by_expiry.items()]
    futures = {}
    if scenario["NumPerps"]:
        held[PERPETUAL], futures[PERPETUAL] = scenario["NumPerps"], scenario["PerpPrice"]
    cancelling = [each for each in scenario["Collaterals"] if each["IsRiskCancelling"]]
    coins = sum(each["Amount"] * each["Price"] / scenario["StablePrice"] for each in cancelling)
    if coins:
        held["ETH"] = coins / scenario["SpotPrice"]
    market = MarketSnapshot(
        as_of=as_of,
        index_usd={"ETH": scenario["SpotPrice"]},
        stable_usd={"USDC": 1.0},
        forwards={each.key: each.forward for each in slices},
        futures=futures,
        slices={each.key: each for each in slices},
        option_rows={n: (each.key, row) for each in slices for row, n in enumerate(each.names)},
    )
    book = [(name, quantity) for name, quantity in held.items() if quantity]
    return market, portfolio(book) if book else None


def scenarios(parameters):
    """The case's own scenarios."""
    vol, skew = parameters["VolShock"], parameters["SkewShock"]
    return ListedCells(
        vol_up=Shock(kind="relative", size=vol["VOLRANGEUP"]),
        vol_down=Shock(kind="relative", size=-vol["VOLRANGEDOWN"]),
        vol_up_floor=vol["MIN_VOL_EVAL_SHOCKED"],
        tenor_law=TenorLaw(
            reference_days=30.0,
            floor_days=vol["DTE_FLOOR"],
            short_power=vol["SHORTTERMPOWER"],
            long_power=vol["LONGTERMPOWER"],
        ),
        horizon_days=0.0,
        cells=tuple(
            ListedCell(
                price_rel=cell["SpotShock"] - 1.0,
                vol=MOVES[cell["VolShockDirection"]],
                damping=cell["DampeningFactor"],
            )
            for cell in parameters["Scenarios"]
        ),
        skew=SkewStretch(
            linear_cap_base=skew["LINEAR_SCALE_CAP"],
            linear_cap_per_root_year=skew["LINEAR_CBASE"],
            absolute_cap_base=skew["ABS_SCALE_CAP"],
            absolute_cap_per_root_year=skew["ABS_CBASE"],
            least_k=skew["MIN_K_STAR"],
            width=skew["MIN_WIDTH_SCALE"],
            vol_base=skew["VOL_PARAM_STATIC"],
            vol_per_root_year=skew["VOL_PARAM_SCALE"],
        ),
    )


def fold(parameters):
    """The case's own static discount; skews may be either way round."""
    margin = parameters["Margin"]
    return NetByUnderlying(
        discount=StaticDiscount(
            long_base=margin["BASE_STATIC_DISCOUNT"],
            long_rate_mult=margin["LONG_RATE_MULTSCALE"],
            long_rate_add=margin["LONG_RATE_ADDSCALE"],
            short_base=margin["BASE_STATIC_DISCOUNT_NEG"],
            short_rate_mult=margin["SHORT_RATE_MULTSCALE"],
            short_rate_add=margin["SHORT_RATE_ADDSCALE"],
        ),
        either_way=("skew-linear", "skew-absolute"),
    )


def published(result):
    """The profit in every scenario, in the order of the scenarios."""
    rows = (*result["reg_losses"], *result["tail_losses"], *result["skew_losses"])
    return np.array([float(row[-1]) for row in rows])


def _name(option, expiry):
    day = f"{expiry.day}{expiry:%b%y}".upper()
    return f"ETH_USDC-{day}-{option['Strike']:.10g}-{'C' if option['IsCall'] else 'P'}"


def _slice(feed, listed):
    """An expiry's options by strike, at the volatilities of its slice."""
    options = sorted(listed.items(), key=lambda item: item[1]["Strike"])
    first = parse_name(options[0][0])
    strike = np.array([float(option["Strike"]) for _, option in options])
    tenor = feed["FeedExpiry"] / 31_536_000.0
    vol = np.array([_vol(feed, k) for k in strike])
    return OptionSlice(
        key=(first.underlying, first.settlement, first.expiry),
        forward=feed["Forward"],
        names=tuple(name for name, _ in options),
        strike=strike,
        is_call=np.array([bool(option["IsCall"]) for _, option in options]),
        vol=vol,
        mark=np.full(vol.size, np.nan),
        observed_s=np.full(vol.size, np.nan),
        atm_vol=_vol(feed, feed["Forward"]),
        discount=math.exp(-feed["Rate"] * tenor),
    )


def _vol(feed, strike):
    a, b, rho, m, sigma, forward, tenor = map(float, feed["SVIparam"])
    most = MOST_MONEYNESS_SD * math.sqrt(a + b * sigma)
    k = max(-most, min(most, math.log(strike / forward))) - m
    variance = a + b * (rho * k + math.hypot(k, sigma))
    return math.sqrt(min(variance, MOST_VARIANCE) / tenor)
