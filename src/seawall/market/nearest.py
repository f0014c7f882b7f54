"""The listed contract nearest to one that is not listed, for whoever mistyped it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from seawall.products.instruments import DatedFuture, Expiring, Option
from seawall.products.names import parse_name

if TYPE_CHECKING:
    from seawall.market.snapshot import MarketSnapshot


def nearest_listed(contract: Expiring, market: MarketSnapshot) -> str | None:
    """The name of the listed contract nearest to one that is not; None where none is like it.

    Like it are those alive on the same underlying: futures for a future, and for an option those
    of its right. Of these one of the same settlement, then of the nearest expiry, then of the
    nearest strike; of equal ones the earlier and lower. No price is looked at.
    """
    if isinstance(contract, Option):
        return _nearest_option(contract, market)
    return _nearest_future(contract, market.futures, market.as_of)


def _nearest_option(option: Option, market: MarketSnapshot) -> str | None:
    keys = market.slices.keys() - market.unlisted.smiles
    same = [key for key in keys if key[0] == option.underlying and key[2] > market.as_of]
    for key in sorted(same, key=lambda key: _distance(option, *key[1:])):
        listed = market.slices[key]
        # What the surface was asked for comes last in a slice, and is listed by nobody.
        alike = listed.is_call[listed.smile_rows] == option.is_call
        rows = np.flatnonzero(alike).tolist()
        if rows:
            strike = listed.strike
            row = min(rows, key=lambda row: (abs(strike[row] - option.strike), strike[row]))
            return listed.names[row]
    return None


def _nearest_future(future: DatedFuture, names: Iterable[str], as_of: datetime) -> str | None:
    listed = (parse_name(name) for name in names)
    alike = [
        each
        for each in listed
        if isinstance(each, DatedFuture)
        and each.underlying == future.underlying
        and each.expiry > as_of
    ]
    nearest = min(
        alike, key=lambda each: _distance(future, each.settlement, each.expiry), default=None
    )
    return None if nearest is None else nearest.name


def _distance(
    contract: Expiring, settlement: str, expiry: datetime
) -> tuple[bool, float, datetime, str]:
    """What settlement and expiry are sorted by: how far they are from the contract's own."""
    away_s = abs((expiry - contract.expiry).total_seconds())
    return settlement != contract.settlement, away_s, expiry, settlement
