"""Accounts that hold every kind of collateral, and the book of docs/collateral.md."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from seawall.margin.presets import load_preset
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join
from tests.histories import history_until
from tests.strategies import accounts, between
from tests.test_golden_books import market as golden_market

# Wrappers with what they wrap and their units of it; others with a USD price.
COIN_WRAPPERS = {"STETH": ("ETH", 0.99), "WSTETH": ("ETH", 1.23), "WBTC": ("BTC", 1.0)}
OTHERS = {
    "SUSDE": 1.2,
    "SDAI": 1.15,
    "EUR": 1.16,
    "JPY": 0.0066,
    "UNI": 8.0,
    "PEPE": 0.00001,
    "BUIDL": 1.0,
    "OUSG": 113.0,
    "ETH-USDC-LP": 150.0,
    "BTC-WBTC-LP": 3_000.0,
    "EUR-SUSDE-LP": 2.0,
    "BUIDL-UNI-LP": 40.0,
}
NEVER_IN_ARRAY = ("UNI", "PEPE", "BUIDL", "OUSG", *(n for n in OTHERS if n.endswith("-LP")))


def with_prices(market, prices, supply=None):
    """The market with more prices of assets, and what circulates of some."""
    told = replace(market.liquidity, supply=supply or {})
    index_usd = {**market.index_usd, **prices}
    # What is owed is moved as well, so that a market with a past has one of every asset.
    past = market.history
    if past.bars:
        names = {*past.bars, *OTHERS, *COIN_WRAPPERS}
        past = history_until(names, market.as_of)
    return replace(market, index_usd=index_usd, liquidity=told, history=past)


def holdings(account, market, model=None):
    """Rows by path: (value, haircut), unrounded; of the house model if none is given."""
    model = load_preset("prbm") if model is None else model
    found = model.collateral.holdings(join(account, market), model.classes)
    rows = {h.path: (h.value, h.haircut) for h in found}
    assert len(rows) == len(found), "a path appears twice"
    return rows


def margin_value(account, market, model=None):
    return sum(value - haircut for value, haircut in holdings(account, market, model).values())


def with_held(account, *held):
    """The account with other quantities of what is named; a quantity of 0 takes it out."""
    names = {name for name, _ in held}
    kept = [p for p in account.positions if p.instrument.name not in names]
    more = [Position(instrument=parse_name(n), quantity=Decimal(q)) for n, q in held if q]
    return Portfolio(account=account.account, positions=(*kept, *more))


@st.composite
def mixed_accounts(draw, max_legs=4, signs=(-1, 1)):
    """A drawn account with one to six assets of all kinds beside, held and owed."""
    portfolio, market = draw(accounts(max_legs=max_legs))
    usd = {name: price * draw(between(0.5, 1.5)) for name, price in OTHERS.items()}
    for name, (wraps, units) in COIN_WRAPPERS.items():
        if wraps in market.index_usd:
            usd[name] = market.index_usd[wraps] * units * draw(between(0.8, 1.2))
    names = draw(st.lists(st.sampled_from(sorted(usd)), min_size=1, max_size=6, unique=True))
    supply = draw(st.dictionaries(st.sampled_from(NEVER_IN_ARRAY), between(0.0, 1e7), max_size=4))
    worth = draw(st.sampled_from((1e3, 1e5, 1e7)))
    held = []
    for name in names:
        sign, lots = draw(st.sampled_from(signs)), draw(st.integers(1, 99))
        quantity = Decimal(f"{sign * lots * worth / usd[name]:.6g}")
        held.append(Position(instrument=parse_name(name), quantity=quantity))
    positions = (*portfolio.positions, *held)
    return Portfolio(account="mixed", positions=positions), with_prices(market, usd, supply)


def worked_market():
    """The market of docs/collateral.md: that of docs/models/prbm.md with more prices."""
    prices = {"STETH": 3_960.0, "SUSDE": 1.2, "EUR": 1.16, "UNI": 8.0}
    prices |= {"ETH-USDC-LP": 150.0, "BUIDL": 1.0}
    supply = {"UNI": 150_000.0, "BUIDL": 2.5e9, "ETH-USDC-LP": 1e6}
    return with_prices(golden_market(), prices, supply)


WORKED = """
    USD 20000
    EUR -10000
    SUSDE 10000
    STETH 10
    BUIDL 300000
    ETH-USDC-LP 200
    UNI 10000
    ETH-PERPETUAL -5

    cash/EUR -11600.00 232.00
    cash/USD 20000.00 0.00
    wrapper/SUSDE 12000.00 60.00
    depeg/SUSDE 0.00 600.00
    wrapper/STETH 39600.00 396.00
    depeg/STETH 0.00 1980.00
    unrealised/ETH 0.00 0.00
    rwa/BUIDL 300000.00 45000.00
    lp_share/ETH-USDC-LP 30000.00 9000.00
    outside/UNI 80000.00 30400.00
    cap/BUIDL 0.00 140068.00
    supply_cap/UNI 0.00 12400.00
    equity 470000.00 240136.00
    """
"""Holdings, and collateral rows under ``prbm`` worked out by hand: value, haircut."""
