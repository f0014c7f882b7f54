"""Tables of many accounts, their margin all at once and one account after another.

The market of :func:`wide_market` lists or prices something of every kind; quantities are drawn on a
coarse grid, so that no total stands on the edge between two cents by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from seawall.margin.accounts.requirement import AccountsMargin, ModelArrays, margin_of_accounts
from seawall.margin.model import MarginModel
from seawall.margin.status import MarginStatus, margin_status
from seawall.market.carry import Dividend, carry_of
from seawall.market.liquidity import Liquidity
from seawall.market.slices import vol_at_forward
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.products.contracts import expiry_of, future, option
from seawall.products.instruments import Derivative, Future, Instrument
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.accounts import Accounts, Columns, Instruments, joined_accounts
from seawall.risk.book import join
from tests.collateral_books import COIN_WRAPPERS, NEVER_IN_ARRAY, OTHERS
from tests.histories import history_until
from tests.naive import bachelier
from tests.naive.black76 import price

AS_OF = datetime(2026, 3, 2, 6, tzinfo=UTC)
"""Two hours before crypto's first expiry."""
COINS_USD = {"BTC": 80_000.0, "ETH": 2_500.0, "SOL": 120.0, "TRX": 0.25, "XRP": 2.2}
SHARES_USD = {"KO.US": 70.0, "NVDA.US": 150.0, "SPX.US": 6_000.0, "NIFTY.IN": 290.0}
CL, CL_USD, CL_STRIKES = "CL.CME", -37.0, (-60.0, -45.0, -35.5, 0.0, 20.0)
INR_USD = 0.0115
STABLE_USD = {"USDC": 0.9998, "USDT": 1.0004}
MONEYNESS = (0.7, 0.9, 1.0, 1.1, 1.4)
# Underlying, settlement, days to its expiries.
CHAINS = (
    ("BTC", "BTC", (0, 1, 25, 116)),
    ("BTC", "USDC", (25,)),
    ("ETH", "ETH", (0, 25)),
    ("SOL", "USDC", (25,)),
    ("TRX", "USDT", (4, 25)),
    ("KO.US", "USD", (18,)),
    ("SPX.US", "USD", (18, 109)),
    ("NIFTY.IN", "INR", (28,)),
    (CL, "USD", (15, 46)),
)
PERPETUALS = (
    *("BTC", "BTC_USDC", "ETH", "ETH_USDT", "SOL_USDC"),
    *("TRX", "TRX_USDT", "XRP", "XRP_USDC", "UNI_USDT"),
)


def wide_market(liquidity: Liquidity | None = None) -> MarketSnapshot:
    """Coins, shares, an Indian index, oil below zero, wrappers, pools, funds and foreign cash."""
    index = {**COINS_USD, **SHARES_USD, **OTHERS, CL: CL_USD, "INR": INR_USD}
    for name, (wraps, units) in COIN_WRAPPERS.items():
        index[name] = index[wraps] * units
    unit = {"INR": INR_USD, **STABLE_USD}
    slices = {}
    for underlying, settlement, days in CHAINS:
        for day in days:
            spot = index[underlying] / unit.get(settlement, 1.0)
            made = _slice(underlying, settlement, spot, day)
            slices[made.key] = made
    forwards = {key: column.forward for key, column in slices.items()}
    futures = {f"{pair}-PERPETUAL": _perpetual_mark(pair, index, unit) for pair in PERPETUALS}
    futures |= {future(*key).name: 1.001 * forward for key, forward in forwards.items()}
    return MarketSnapshot(
        as_of=AS_OF,
        index_usd=index,
        stable_usd=STABLE_USD,
        forwards=forwards,
        futures=futures,
        slices=slices,
        option_rows={n: (key, row) for key, s in slices.items() for row, n in enumerate(s.names)},
        liquidity=liquidity or Liquidity(),
        history=history_until(set(index) - {"INR"}, AS_OF),
    )


def _perpetual_mark(pair, index, unit):
    underlying, _, settlement = pair.partition("_")
    return 1.002 * index[underlying] / unit.get(settlement, 1.0)


def _slice(underlying, settlement, spot, days):
    """An expiry with a smile; every fourth option has no mark."""
    expiry = expiry_of(underlying, (AS_OF + timedelta(days=days)).date())
    tenor = (expiry - AS_OF).total_seconds() / 31_536_000.0
    signed = underlying == CL
    forward = spot + 1.5 if signed else spot * (1.0 + 0.08 * tenor)
    vol_unit = abs(spot) if signed else None
    strikes = CL_STRIKES if signed else [float(f"{forward * m:.3g}") for m in MONEYNESS]
    listed = [
        option(underlying, settlement, expiry, strike, right)
        for strike in strikes
        for right in ("call", "put")
    ]
    strike = np.array([o.strike for o in listed])
    is_call = np.array([o.is_call for o in listed])
    distance = (strike - forward) / (100.0 if signed else forward)
    vol = 0.6 - 0.15 * distance + 0.3 * distance**2
    discount = 0.99 if "." in underlying else 1.0
    coin = forward if underlying == settlement else 1.0
    values = [
        (
            bachelier.value(forward, k, v * vol_unit, tenor, bool(call))
            if signed
            else price(forward, k, v, tenor, bool(call)) / coin
        )
        for k, v, call in zip(strike, vol, is_call, strict=True)
    ]
    mark = 1.01 * discount * np.maximum(np.array(values), 0.0)
    mark[::4] = np.nan
    dividends = (Dividend(AS_OF + timedelta(days=9), 0.5),)
    american = underlying == "KO.US"
    return OptionSlice(
        key=(underlying, settlement, expiry),
        forward=forward,
        names=tuple(o.name for o in listed),
        strike=strike,
        is_call=is_call,
        vol=vol,
        mark=mark,
        observed_s=np.full(vol.size, np.nan),
        atm_vol=vol_at_forward(forward, strike, vol, vol_unit),
        vol_unit=vol_unit,
        discount=discount,
        carry=carry_of(forward, spot, discount, expiry, dividends, AS_OF) if american else None,
    )


def told(market: MarketSnapshot, crowd: float = 1e4) -> Liquidity:
    """What such a market could tell beside prices, of most things.

    ``crowd`` USD of open interest in each contract, of every fifth none; a third of the perpetuals
    has no funding rate, the others −, 0 and +.
    """
    contracts = sorted({*market.futures, *market.option_rows})
    usd = {
        name: max(abs(market.index_usd[parse_name(name).underlying]), 20.0) for name in contracts
    }
    rates = (None, -0.0004, 0.0, 0.0007, None, None, 0.001, 0.0, -0.002, 0.0003)
    funding = zip((f"{pair}-PERPETUAL" for pair in PERPETUALS), rates, strict=True)
    return Liquidity(
        adv_usd={"BTC": 2e9, "TRX": 3e6, CL: 5e8},
        open_interest={n: crowd / usd[n] * (i % 5) for i, n in enumerate(contracts)},
        funding_per_day={name: rate for name, rate in funding if rate is not None},
        confidence={"BTC": 0.99, "SOL": 0.9, CL: 0.97},
        index_age_s={"BTC": 59.0, "ETH": 3_600.0, "TRX": 100_000.0},
        pool_utilisation={"BTC": 0.7, "ETH": 0.93, "KO.US": 1.0},
        stable_price_usd={"BTC": 69_000.0, "ETH": 2_600.0, CL: 30.0, "SOL": 80.0},
        supply={name: 1e5 * place for place, name in enumerate(NEVER_IN_ARRAY)},
    )


def instruments_of(market: MarketSnapshot) -> list[Instrument]:
    """All that a market lists and prices, but its indices."""
    assets = {*market.index_usd, *market.stable_usd, "USD"} - {"SPX.US", "NIFTY.IN", CL}
    return [parse_name(name) for name in (*market.option_rows, *market.futures, *sorted(assets))]


def unit_usd(instrument: Instrument, market: MarketSnapshot) -> float:
    """What one unit is of, in USD: the level of an underlying, the price of an asset."""
    if isinstance(instrument, Derivative):
        return market.level_usd(instrument.underlying)
    return market.asset_usd(instrument)


def drawn_position(
    rng: np.random.Generator, instrument: Instrument, market: MarketSnapshot
) -> Position:
    """Lots worth 10 to 1,000,000 USD held or owed, one time in ten none at all; futures with or
    without an entry price.
    """
    # A power of ten that is worth 1 to 10 USD, and times ten to the power of up to 5.
    unit = 10.0 ** -np.floor(np.log10(unit_usd(instrument, market)))
    lots = 0 if rng.random() < 0.1 else int(rng.integers(-99, 100))
    quantity = Decimal(f"{lots * unit * 10.0 ** int(rng.integers(0, 5)):.6g}")
    entry = None
    if isinstance(instrument, Future) and rng.random() < 0.6:
        mark, times = market.forward(instrument), float(rng.choice([0.7, 0.95, 1.0, 1.1, 1.4]))
        entry = Decimal(f"{mark * times:.5g}")
    return Position(instrument=instrument, quantity=quantity, entry_price=entry)


def drawn_accounts(
    seed: int,
    market: MarketSnapshot,
    count: int,
    instruments: Sequence[Instrument] | None = None,
    most: int = 16,
) -> list[Portfolio]:
    """Accounts of up to ``most`` different instruments, of a few underlyings each."""
    rng = np.random.default_rng(seed)
    pool = instruments_of(market) if instruments is None else instruments
    names = sorted({each.underlying for each in pool})
    found = []
    for place in range(count):
        some = set(rng.choice(names, min(len(names), int(rng.integers(1, 7))), replace=False))
        own = [each for each in pool if each.underlying in some]
        rows = rng.permutation(len(own))[: int(rng.integers(1, most + 1))]
        positions = tuple(drawn_position(rng, own[row], market) for row in rows)
        found.append(Portfolio(account=f"account {place}", positions=positions))
    return found


# ---- all at once


def universe(portfolios: Sequence[Portfolio], market: MarketSnapshot) -> Instruments:
    """Every instrument that one of the accounts holds, in no order of anything."""
    held = {p.instrument.name: p.instrument for each in portfolios for p in each.positions}
    return Instruments.joined([held[name] for name in sorted(held, key=lambda n: n[::-1])], market)


def columns_of(
    portfolios: Sequence[Portfolio | None], instruments: Instruments, order: int | None = None
) -> Columns:
    """The positions of some accounts as columns; None holds nothing. ``order`` seeds a shuffle."""
    book = instruments.book
    place = {}
    for number, (part, row) in enumerate(zip(instruments.part, instruments.row, strict=True)):
        rows = [p for p, _ in book.money] if part < 0 else book.underlyings[part].positions
        place[rows[row].instrument.name] = number
    rows = [
        (account, place[p.instrument.name], float(p.quantity), _entry(p))
        for account, each in enumerate(portfolios)
        for p in (each.positions if each is not None else ())
    ]
    if order is not None:
        rows = [rows[i] for i in np.random.default_rng(order).permutation(len(rows))]
    account, instrument, quantity, entry = zip(*rows, strict=True) if rows else ((),) * 4
    return Columns(
        np.array(account, dtype=np.int64),
        np.array(instrument, dtype=np.int64),
        np.array(quantity, dtype=np.float64),
        np.array(entry, dtype=np.float64),
    )


def _entry(position: Position) -> float:
    return np.nan if position.entry_price is None else float(position.entry_price)


def accounts_of(
    portfolios: Sequence[Portfolio | None], instruments: Instruments, order: int | None = None
) -> Accounts:
    """The accounts over instruments that hold all of theirs."""
    return joined_accounts(columns_of(portfolios, instruments, order), len(portfolios), instruments)


def at_once(
    portfolios: Sequence[Portfolio], market: MarketSnapshot, model: MarginModel
) -> AccountsMargin:
    """The margin of all accounts, their rows in any order."""
    instruments = universe(portfolios, market)
    accounts = accounts_of(portfolios, instruments, order=1)
    return margin_of_accounts(accounts, ModelArrays.of(instruments, model))


# ---- one after another


@dataclass(frozen=True)
class Alone:
    """Where an account stands by itself, and the gross size in USD of what it holds."""

    status: MarginStatus
    gross_usd: float

    @property
    def cents(self) -> tuple[Decimal, ...]:
        """Initial, maintenance, equity and margin value."""
        s = self.status
        return tuple(
            money.amount * 100 for money in (s.initial, s.maintenance, s.equity, s.margin_value)
        )


def alone(portfolio: Portfolio, market: MarketSnapshot, model: MarginModel) -> Alone:
    gross = sum(
        abs(float(p.quantity)) * unit_usd(p.instrument, market) for p in portfolio.positions
    )
    return Alone(margin_status(join(portfolio, market), model), gross)


def assert_same(
    portfolios: Sequence[Portfolio], market: MarketSnapshot, model: MarginModel
) -> AccountsMargin:
    """Holds the margin of many accounts to that of each, and returns it."""
    found = at_once(portfolios, market, model)
    value = found.equity_cents - found.haircut_cents
    columns = (found.initial_cents, found.maintenance_cents, found.equity_cents, value)
    for place, portfolio in enumerate(portfolios):
        one = alone(portfolio, market, model)
        said = f"{portfolio.account} under {model.name}"
        assert tuple(column[place] for column in columns) == one.cents, said
        requirement = one.status.requirement
        for many, single in (
            (found.initial_usd, requirement.initial),
            (found.maintenance_usd, requirement.maintenance),
        ):
            assert abs(many[place] - single) <= 1e-9 * one.gross_usd, said
    return found
