"""Hypothesis strategies: small whole markets and books that hold what those markets list.

Markets are built directly as snapshots, so nothing of the readers is needed; forwards, marks
and volatilities are drawn independently of each other, wilder than any venue's.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import numpy as np
from hypothesis import strategies as st

from seawall.market.carry import Carry, Dividend, carry_of
from seawall.market.liquidity import Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.contracts import contract_name, expiry_of, future, option
from seawall.products.instruments import (
    Cash,
    DatedFuture,
    Option,
    Perpetual,
    SpotAsset,
    Stablecoin,
    Stock,
)
from seawall.products.portfolio import Portfolio, Position
from tests.histories import history_until
from tests.naive.black76 import price
from tests.naive.market import forward_of

# TRX is of no named class; XRP shares SOL's class but not its group; SPX.US is an equity index,
# which is not held, NVDA.US a share, on which nothing is listed, KO.US one with American options.
TYPICAL_PRICES = {
    "BTC": 80_000.0,
    "ETH": 2_500.0,
    "SOL": 120.0,
    "XRP": 2.2,
    "TRX": 0.25,
    "SPX.US": 6_000.0,
    "NVDA.US": 150.0,
    "KO.US": 70.0,
    "NIFTY.IN": 290.0,
    "RELIANCE.IN": 16.0,
}
INDICES = ("SPX.US", "NIFTY.IN")
# BTC with ETH comes up often: it is the pair that shares a correlation group.
MIXES = (
    ("BTC", "ETH"),
    ("BTC",),
    ("ETH", "TRX"),
    ("BTC", "ETH", "SOL"),
    ("SOL", "XRP"),
    ("SPX.US", "ETH", "BTC"),
    ("NVDA.US", "BTC"),
)
SHARE_MIXES = (("KO.US",), ("SPX.US", "KO.US"), ("NIFTY.IN", "RELIANCE.IN"), ("KO.US", "NIFTY.IN"))
DAYS_TO_EXPIRY = (0, 1, 2, 7, 30, 31, 91, 365, 730)
CURRENCIES = ("USDC", "USDT", "USD")
YEAR = timedelta(days=365)


def between(low, high):
    """A float of the closed interval, never subnormal, shrinking towards its low end."""
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


@st.composite
def markets(draw, mixes=MIXES):
    """A snapshot of one of several mixes of underlyings, each inverse, linear or both."""
    as_of = datetime(2026, 3, 10, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 1439)))
    names = draw(st.sampled_from(mixes))
    stable = draw(
        st.fixed_dictionaries({}, optional={c: between(0.9, 1.05) for c in ("USDC", "USDT")})
    )
    index = {name: TYPICAL_PRICES[name] * draw(between(0.3, 3.0)) for name in names}
    if any(name.endswith(".IN") for name in names):
        index["INR"] = 0.0115 * draw(between(0.5, 2.0))
    futures, forwards, slices = {}, {}, {}
    for name in names:
        settlements = draw(_settlements(name))
        for settlement in settlements:
            unit = index["INR"] if settlement == "INR" else stable.get(settlement, 1.0)
            _list_contracts(
                draw, (name, settlement), index[name] / unit, as_of, futures, forwards, slices
            )
    return MarketSnapshot(
        as_of=as_of,
        index_usd=index,
        stable_usd=stable,
        forwards=forwards,
        futures=futures,
        slices=slices,
        option_rows={n: (key, row) for key, s in slices.items() for row, n in enumerate(s.names)},
        liquidity=draw(_liquidities(names, futures, slices)),
        history=history_until(names, as_of),
    )


def _settlements(name):
    """What contracts settle in: one or two currencies of a coin's, the market's of a share's or
    index's, of which one has none listed.
    """
    if name == "NVDA.US":
        return st.just(())
    if "." in name:
        return st.just(("USD" if name.endswith(".US") else "INR",))
    return st.lists(st.sampled_from((name, *CURRENCIES)), min_size=1, max_size=2, unique=True)


@st.composite
def _liquidities(draw, names, futures, slices):
    """What such a market tells beside prices, each number or not."""

    def told(keys, numbers):
        return draw(st.fixed_dictionaries({}, optional=dict.fromkeys(keys, numbers)))

    contracts = [*futures, *(name for column in slices.values() for name in column.names)]
    perpetuals = [name for name in futures if name.endswith("PERPETUAL")]
    return Liquidity(
        adv_usd=told(names, between(1e6, 1e9)),
        open_interest=told(contracts, st.just(0.0) | between(1.0, 1e6)),
        funding_per_day=told(perpetuals, between(-0.01, 0.01)),
        confidence=told(names, between(0.5, 1.0)),
        index_age_s=told(names, st.sampled_from((0.0, 59.0, 60.0, 3_600.0, 100_000.0))),
        pool_utilisation=told(names, between(0.0, 1.0)),
        stable_price_usd=told(names, between(1.0, 1e5)),
    )


def _list_contracts(draw, pair, spot, as_of, futures, forwards, slices):
    """Adds a perpetual mark, one to three expiries of one underlying and settlement, or both."""
    days = draw(st.lists(st.sampled_from(DAYS_TO_EXPIRY), min_size=1, max_size=3, unique=True))
    if "." not in pair[0] and draw(st.booleans()):
        futures[_perpetual(*pair).name] = spot * draw(between(0.98, 1.02))
    for day in days:
        expiry = expiry_of(pair[0], (as_of + timedelta(days=day)).date())
        if expiry <= as_of:
            continue
        tenor = (expiry - as_of) / YEAR
        forward = spot * math.exp(draw(between(-0.1, 0.2)) * tenor)
        key = (*pair, expiry)
        forwards[key] = forward
        if draw(st.booleans()):
            futures[contract_name(*key)] = forward * draw(between(0.99, 1.01))
        if draw(st.integers(0, 4)):
            discount, carry = draw(_carries(key, forward, spot, as_of))
            slices[key] = _slice(draw, key, forward, tenor, discount, carry)


@st.composite
def _carries(draw, key, forward, spot, as_of):
    """The discount factor of an expiry, 1 on coins, and the carry of its American options."""
    if "." not in key[0]:
        return 1.0, None
    discount = draw(st.just(1.0) | between(0.9, 1.02))
    if key[0] != "KO.US":
        return discount, None
    days = draw(st.lists(st.sampled_from((0.5, 20.0)), max_size=2, unique=True))
    dividends = tuple(
        Dividend(as_of + timedelta(days=day), 0.01 * spot * draw(between(0.1, 2.0)))
        for day in sorted(days)
    )
    return discount, carry_of(forward, spot, discount, key[2], dividends, as_of)


def _slice(draw, key, forward, tenor, discount: float, carry: Carry | None):
    moneyness = draw(st.lists(between(0.3, 3.0), min_size=1, max_size=3, unique=True))
    strikes = sorted({float(f"{forward * m:.3g}") for m in moneyness})
    vols = [draw(between(0.05, 2.5)) for _ in strikes]
    unit = forward if key[0] == key[1] else 1.0
    names, strike, is_call, vol, mark = [], [], [], [], []
    for level, sigma in zip(strikes, vols, strict=True):
        for right in ("call", "put"):
            names.append(contract_name(*key, level, right))
            strike.append(level)
            is_call.append(right == "call")
            vol.append(sigma)
            model = max(0.0, price(forward, level, sigma, tenor, right == "call") / unit)
            mark.append(draw(st.sampled_from((1.0, 1.0, 0.9, 1.2, math.nan))) * model)
    return OptionSlice(
        key=key,
        forward=forward,
        names=tuple(names),
        strike=np.array(strike),
        is_call=np.array(is_call),
        vol=np.array(vol),
        mark=np.array(mark),
        observed_s=np.full(len(names), np.nan),
        atm_vol=float(np.interp(np.log(forward), np.log(strikes), vols)),
        discount=discount,
        carry=carry,
    )


def _perpetual(underlying, settlement):
    pair = underlying if settlement == underlying else f"{underlying}_{settlement}"
    return Perpetual(name=f"{pair}-PERPETUAL", underlying=underlying, settlement=settlement)


def listed_options(market):
    """Every option of a market, in the order of its slices."""
    return [
        option(*key, float(strike), "call" if is_call else "put")
        for key, column in market.slices.items()
        for strike, is_call in zip(column.strike, column.is_call, strict=True)
    ]


def listed_futures(market):
    """A perpetual of each coin and settlement, and a future of each expiry."""
    coins = [u for u in market.index_usd if "." not in u and u != "INR"]
    perpetuals = [_perpetual(u, s) for u in coins for s in (u, *CURRENCIES)]
    return perpetuals + [future(*key) for key in market.forwards]


def assets(market):
    """Cash, two stablecoins, every coin and share."""
    held = [_asset(u) for u in market.index_usd if u not in INDICES]
    return [Cash(name="USD"), Stablecoin(name="USDC"), Stablecoin(name="USDT"), *held]


def _asset(name):
    if name == "INR":
        return Cash(name=name)
    return Stock(name=name) if "." in name else SpotAsset(name=name)


def quantities(market, instrument, scale_usd):
    """Signed quantities of an underlying worth up to about 100 times ``scale_usd``."""
    name = getattr(instrument, "underlying", instrument.name)
    unit = 10.0 ** -math.floor(math.log10(market.index_usd.get(name, 1.0)))
    lots = st.integers(-99, 99).filter(bool)
    return lots.map(lambda n: Decimal(str(n * scale_usd * unit)).normalize())


@st.composite
def positions(draw, market, instrument, scale_usd=1_000.0):
    """A position in one instrument, futures and perpetuals with or without an entry price."""
    entry = None
    if isinstance(instrument, Perpetual | DatedFuture) and draw(st.booleans()):
        mark = forward_of(instrument, market)
        entry = Decimal(f"{mark * draw(between(0.7, 1.4)):.6g}")
    quantity = draw(quantities(market, instrument, scale_usd))
    return Position(instrument=instrument, quantity=quantity, entry_price=entry)


@st.composite
def books(draw, market, max_legs=8, instruments=None):
    """A portfolio of up to ``max_legs`` contracts and three assets, all of one order of size.

    With ``instruments`` only from those.
    """
    if instruments is None:
        contracts = listed_options(market) + listed_futures(market)
        chosen = draw(_choice(contracts, 0, max_legs))
        chosen += draw(_choice(assets(market), 0 if chosen else 1, 3))
    else:
        chosen = draw(_choice(instruments, 1, max_legs))
    scale_usd = draw(st.sampled_from((1_000.0, 1.0, 1_000_000.0)))
    held = tuple(draw(positions(market, each, scale_usd)) for each in chosen)
    return Portfolio(account="drawn", positions=held)


@st.composite
def _choice(draw, items, least, most):
    """``least`` to ``most`` different ones of the items, any number being as likely."""
    count = draw(st.sampled_from(range(least, min(most, len(items)) + 1)))
    order = draw(st.permutations(range(len(items))))
    return [items[i] for i in order[:count]]


@st.composite
def accounts(draw, max_legs=8, **terms):
    """A portfolio and the market that lists what it holds."""
    market = draw(markets(**terms))
    return draw(books(market, max_legs=max_legs)), market


@st.composite
def markets_with_options(draw, **terms):
    """A market that lists at least one option."""
    return draw(markets(**terms).filter(lambda market: bool(market.slices)))


def in_other_numeraire(portfolio, market, factor):
    """The same account where one USD is counted as ``factor`` units of another currency.

    Everything quoted in USD is multiplied: indices, stablecoins, strikes and prices of inverse
    and cash-settled contracts, cash. What is quoted in coin or in a stablecoin stays, and so do
    the names.
    """

    def multiple(underlying, settlement):
        return factor if settlement in (underlying, "USD") else 1.0

    def converted(contract):
        if not isinstance(contract, Option):
            return contract
        k = multiple(contract.underlying, contract.settlement)
        return msgspec.structs.replace(contract, strike=contract.strike * k)

    pairs = {f.name: (f.underlying, f.settlement) for f in listed_futures(market)}
    slices = {
        key: OptionSlice(
            key=key,
            forward=column.forward * multiple(*key[:2]),
            names=column.names,
            strike=column.strike * multiple(*key[:2]),
            is_call=column.is_call,
            vol=column.vol,
            mark=column.mark * (factor if key[1] == "USD" else 1.0),
            observed_s=column.observed_s,
            atm_vol=column.atm_vol,
            discount=column.discount,
        )
        for key, column in market.slices.items()
    }
    other = MarketSnapshot(
        as_of=market.as_of,
        index_usd={u: price_usd * factor for u, price_usd in market.index_usd.items()},
        stable_usd={c: market.stable_usd.get(c, 1.0) * factor for c in ("USDC", "USDT")},
        forwards={key: f * multiple(*key[:2]) for key, f in market.forwards.items()},
        futures={name: f * multiple(*pairs[name]) for name, f in market.futures.items()},
        slices=slices,
        option_rows=market.option_rows,
        liquidity=Liquidity(
            adv_usd={u: adv * factor for u, adv in market.liquidity.adv_usd.items()},
            open_interest=market.liquidity.open_interest,
            funding_per_day=market.liquidity.funding_per_day,
            confidence=market.liquidity.confidence,
            index_age_s=market.liquidity.index_age_s,
            pool_utilisation=market.liquidity.pool_utilisation,
            stable_price_usd={
                u: usd * factor for u, usd in market.liquidity.stable_price_usd.items()
            },
        ),
        history=market.history,
    )
    held = []
    for position in portfolio.positions:
        instrument, quantity, entry = position.instrument, position.quantity, position.entry_price
        if isinstance(instrument, Cash):
            quantity *= Decimal(str(factor))
        elif not isinstance(instrument, Stablecoin | SpotAsset | Stock):
            if entry is not None:
                k = multiple(instrument.underlying, instrument.settlement)
                entry *= Decimal(str(k))
            instrument = converted(instrument)
        held.append(Position(instrument=instrument, quantity=quantity, entry_price=entry))
    return Portfolio(account=portfolio.account, positions=tuple(held)), other
