"""Resident books for tests, and what holds their answers to those of a report."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

import seawall as sw
from seawall.margin.presets import load_preset
from seawall.products.instruments import Cash, Stablecoin
from seawall.products.portfolio import portfolio
from seawall.report.margin_book import MarginBook
from tests.account_tables import alone, instruments_of, told, unit_usd, wide_market

MARKET = wide_market(told(wide_market()))
TRADED = [each for each in instruments_of(MARKET) if not isinstance(each, Cash | Stablecoin)]
BTC, USD = ("BTC", 2), ("USD", 100_000)
PUT = next(
    name for name in MARKET.option_rows if name.startswith("BTC-27MAR26") and name[-1] == "P"
)


def cents(margin):
    """Initial, maintenance, equity and margin value, as the tables of accounts count them."""
    value = margin.equity_cents - margin.haircut_cents
    found = (margin.initial_cents, margin.maintenance_cents, margin.equity_cents, value)
    return tuple(map(Decimal, found))


def assert_as_alone(margin, held, market, model, said):
    """Equal to the cent, and unrounded to 1e-9 of what is held."""
    one = alone(held, market, model)
    assert cents(margin) == one.cents, said
    assert margin.state == one.status.state, said
    assert margin.mm_ratio == one.status.mm_ratio, said
    unrounded = one.status.requirement
    tolerance = 1e-9 * max(one.gross_usd, 1.0)
    assert abs(margin.initial_usd - unrounded.initial) <= tolerance, said
    assert abs(margin.maintenance_usd - unrounded.maintenance) <= tolerance, said


def lots(rng, instrument, market=MARKET):
    """A quantity worth 10 to 100,000 USD, long or short."""
    unit = 10.0 ** -np.floor(np.log10(unit_usd(instrument, market)))
    size = int(rng.integers(1, 99)) * unit * 10.0 ** int(rng.integers(0, 4))
    return Decimal(f"{size * rng.choice([-1.0, 1.0]):.6g}")


def stood(held):
    return {p.instrument.name: (p.quantity, p.entry_price) for p in held.positions}


def model_of(name):
    first, _, second = name.partition(":")
    preset = load_preset(first)
    return sw.with_second(preset, load_preset(second)) if second else preset


def book_of(*holdings, account="ann", model="prbm", **options):
    return MarginBook(portfolio(list(holdings), account=account), MARKET, model, **options)
