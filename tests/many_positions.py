"""Tables of positions of many accounts, made fast and with entries of every kind."""

from __future__ import annotations

import numpy as np
import polars as pl

from seawall.feeds.synthetic import synthetic_market
from seawall.market.snapshot import MarketSnapshot

MARKET: MarketSnapshot = synthetic_market()
_NAMES = pl.Series([*sorted(MARKET.option_rows), *sorted(MARKET.futures), "BTC", "ETH", "USDC"])


def many_positions(accounts: int, each: int, seed: int = 1) -> pl.DataFrame:
    """Accounts of so many positions each, side by side; every other future has an entry price."""
    rng = np.random.default_rng(seed)
    # Steps that do not divide the number of names never give an account a name twice.
    first = rng.integers(0, len(_NAMES), accounts)
    place = (first[:, None] + 7 * np.arange(each)) % len(_NAMES)
    names = _NAMES.gather(place.ravel())
    mark = names.replace_strict(dict(MARKET.futures), default=None, return_dtype=pl.Float64)
    entry = np.where(rng.random(names.len()) < 0.5, np.round(mark.to_numpy() * 1.01, 1), np.nan)
    quantity = np.round(rng.normal(0.0, 2.0, names.len()), 2)
    return pl.DataFrame(
        {
            "account": pl.Series(np.repeat(np.arange(accounts), each)).cast(pl.String) + "/a",
            "instrument": names,
            "quantity": np.where(quantity == 0.0, 1.0, quantity),
            "entry_price": pl.Series(entry).fill_nan(None),
        }
    )


def shuffled(rows: pl.DataFrame, seed: int = 2) -> pl.DataFrame:
    """The same rows in no order."""
    return rows.sample(fraction=1.0, shuffle=True, seed=seed)
