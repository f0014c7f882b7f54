"""A short made-up history, a table of it, and books in relative terms: for tests of backtests."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from seawall.basics.time import epoch_ns
from seawall.lab.backtest.books import Composition, Leg, WalkBook
from seawall.lab.backtest.walk import FixedModel, Walk, WalkPlan
from seawall.margin.presets import load_preset
from seawall.market.history import MarketHistory, PriceBars, TimeSeries
from tests.naive import black76

HOUR_NS = 3_600 * 10**9
START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 24 * 20

RELATIVE = """book,kind,underlying,quantity,unit,tenor_days,moneyness,delta,rule
long,perp,BTC,2,coin,,,,
pair,perp,BTC,100000,usd,,,,
pair,perp,ETH,-100000,usd,,,,
strangle,put,BTC,-1,coin,5,,-0.25,roll
strangle,call,BTC,-1,coin,5,1.05,,roll
"""

IN_COIN = """book,kind,underlying,settlement,quantity,tenor_days,moneyness,rule
strangle,put,BTC,BTC,-1,12,0.9,roll
strangle,call,BTC,BTC,-1,12,1.1,roll
"""


def made_up(hours: int = HOURS, seed: int = 3) -> MarketHistory:
    """Hourly BTC and ETH with fat tails, volatilities of BTC daily, its funding 8-hourly."""
    rng = np.random.default_rng(seed)
    ends = epoch_ns(START) + HOUR_NS * np.arange(1, hours + 1)
    bars: dict[str, PriceBars] = {}
    for name, level in (("BTC", 90_000.0), ("ETH", 3_000.0)):
        close = level * np.exp(np.cumsum(0.012 * rng.standard_t(3, hours)))
        opened = np.append(level, close[:-1])
        reach = np.exp(np.abs(0.006 * rng.standard_t(3, (2, hours))))
        high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
        bars[name] = PriceBars(name, HOUR_NS, ends, opened, high, low, close)
    days = epoch_ns(START) + 24 * HOUR_NS * np.arange(hours // 24 + 1)
    vols = 0.5 * np.exp(np.cumsum(0.05 * rng.standard_normal(days.size)))
    paid = epoch_ns(START) + 8 * HOUR_NS * np.arange(hours // 8)
    rates = 3e-4 * rng.standard_normal(paid.size)
    return MarketHistory(
        bars=bars,
        vols={"BTC": TimeSeries("BTC", days, vols)},
        funding_per_day={"BTC": TimeSeries("BTC", paid, rates)},
        basis_per_year={"BTC": TimeSeries("BTC", days[:1], np.array([0.04]))},
    )


def write_history(folder: Path, history: MarketHistory) -> Path:
    """Its bars as a table, with volatilities of BTC; times are those at which bars began."""
    vols = dict(zip(history.vols["BTC"].at_ns.tolist(), history.vols["BTC"].value, strict=True))
    rows: list[dict[str, object]] = []
    for name, bars in history.bars.items():
        began = (bars.end_ns - bars.bar_ns).tolist()
        rows += [
            {"timestamp": _text(at), "symbol": f"{name}USDT"}
            | {c: float(getattr(bars, c)[place]) for c in ("open", "high", "low", "close")}
            | {"atm_vol": vols.get(at) if name == "BTC" else None}
            for place, at in enumerate(began)
        ]
    file = folder / "history.csv"
    pl.DataFrame(rows, infer_schema_length=None).write_csv(file)
    return file


CHAIN_EXPIRIES = ("9JAN26", "16JAN26", "23JAN26", "30JAN26", "27FEB26")


def recorded_vol(strike: float, day: int) -> float:
    """The smile that is recorded on the nth day, at every expiry."""
    return 0.55 + 0.12 * math.sin(1.3 * day) + 0.2 * (strike / 90_000.0 - 1.0) ** 2


def write_chains(folder: Path, history: MarketHistory, days: range = range(1, 19)) -> Path:
    """Chains of BTC settled in coin, once a day at 15:30, with 3 % a year of carry."""
    rows: list[dict[str, object]] = []
    bars = history.bars["BTC"]
    for day in days:
        at = START + timedelta(days=day, hours=15, minutes=30)
        place = int(np.searchsorted(bars.end_ns, epoch_ns(at), side="right")) - 1
        spot = float(bars.close[place])
        for expiry in CHAIN_EXPIRIES:
            ends = datetime.strptime(expiry, "%d%b%y").replace(hour=8, tzinfo=UTC)
            tenor = (ends - at) / timedelta(days=365)
            if tenor <= 0.0:
                continue
            forward = spot * math.exp(0.03 * tenor)
            for strike in range(40_000, 180_000, 5_000):
                if not 0.6 < strike / spot < 1.6:
                    continue
                vol = recorded_vol(strike, day)
                for right in "CP":
                    value = black76.price(forward, strike, vol, tenor, right == "C")
                    rows.append(
                        {
                            "timestamp": _text(epoch_ns(at)),
                            "instrument_name": f"BTC-{expiry}-{strike}-{right}",
                            "mark_price": value / forward,
                            "mark_iv": vol,
                            "underlying_price": forward,
                            "index_price": spot,
                        }
                    )
    file = folder / "chains.csv"
    pl.DataFrame(rows).write_csv(file)
    return file


def _text(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"


def books() -> tuple[WalkBook, ...]:
    """Delta-one, and options that are rolled, restruck, and settled in coin."""
    perp = Leg(kind="perp", underlying="BTC", quantity=2.0)
    put = Leg(kind="put", underlying="BTC", quantity=-1.0, tenor_days=3.0, delta=-0.3, rule="roll")
    call = Leg(
        kind="call",
        underlying="BTC",
        settlement="BTC",
        quantity=-1.5,
        tenor_days=2.0,
        moneyness=1.02,
    )
    dated = Leg(
        kind="future",
        underlying="BTC",
        settlement="BTC",
        quantity=-1.0,
        tenor_days=4.0,
        rule="roll",
    )
    return (
        WalkBook(name="perp", compositions=(Composition(legs=(perp,)),)),
        WalkBook(name="options", compositions=(Composition(legs=(put, call, dated)),)),
    )


def walk(history: MarketHistory | None = None, **plan: object) -> Walk:
    """The books every eight hours for a week under two presets."""
    wanted = {
        "start": START + timedelta(days=2),
        "end": START + timedelta(days=9),
        "every": timedelta(hours=8),
        "horizons": (timedelta(hours=4), timedelta(hours=24)),
    }
    models = tuple(FixedModel(load_preset(name)) for name in ("prbm", "isolated"))
    return Walk(history or made_up(), books(), models, WalkPlan(**(wanted | plan)))  # type: ignore[arg-type]
