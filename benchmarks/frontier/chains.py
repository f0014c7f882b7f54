"""Option books on recorded chains: their own volatilities when struck and at every later record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.frontier.data import DAY_NS, HOUR_NS
from benchmarks.frontier.legs import Table, table_of, worth
from benchmarks.frontier.portfolios import Book, Leg, legs_of
from seawall.basics.time import DAYS_PER_YEAR

Floats = NDArray[np.float64]

FILES = (
    "options/deribit_chain_daily_2025-12-30_2026-04-15_BTC_ETH.parquet",
    "options/deribit_chain_intraday_2026-01-29_2026-02-01_BTC_ETH.parquet",
    "options/deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet",
)
# Expiries nearer than this are not read: their volatilities are of hours.
LEAST_TENOR_DAYS = 1.0
# A day's end is the record nearest to 24 hours on, and no further from it than this.
SLACK_NS = 5 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Record:
    """One coin's chain at one time: the index price, and by expiry strikes and volatilities.

    Each of ``smiles`` is years to expiry, log-moneyness in rising order and total variance there.
    """

    at_ns: int
    price_usd: float
    smiles: tuple[tuple[float, Floats, Floats], ...]

    def vol(self, log_moneyness: float, tenor_years: float) -> float:
        """The volatility at a strike and tenor.

        Straight lines in log-moneyness, flat beyond the strikes, and in total variance between
        expiries; beyond the first and the last the volatility is theirs.
        """
        tenors = np.array([years for years, _, _ in self.smiles])
        variance = np.array([np.interp(log_moneyness, k, w) for _, k, w in self.smiles])
        if tenor_years <= tenors[0]:
            return float(np.sqrt(variance[0] / tenors[0]))
        if tenor_years >= tenors[-1]:
            return float(np.sqrt(variance[-1] / tenors[-1]))
        return float(np.sqrt(np.interp(tenor_years, tenors, variance) / tenor_years))


def read_records(folder: Path) -> dict[str, list[Record]]:
    """Every recorded chain of BTC and ETH, in order of time."""
    import polars as pl

    columns = ["timestamp", "currency", "option_type", "strike", "expiry", "underlying_price"]
    columns += ["index_price", "mark_iv"]
    frame = pl.concat([pl.read_parquet(folder / name, columns=columns) for name in FILES])
    days = (pl.col("expiry") - pl.col("timestamp")).dt.total_seconds() / 86_400
    frame = frame.with_columns(days.alias("days")).filter(
        pl.col("days") >= LEAST_TENOR_DAYS, pl.col("mark_iv") > 0.0
    )
    # The out-of-the-money side of each strike is the one that is traded.
    call = pl.col("option_type") == "call"
    out = pl.when(call).then(pl.col("strike") >= pl.col("underlying_price"))
    frame = frame.filter(out.otherwise(pl.col("strike") < pl.col("underlying_price")))
    found: dict[str, list[Record]] = {"BTC": [], "ETH": []}
    for (coin, at), rows in frame.group_by("currency", "timestamp"):
        smiles: list[tuple[float, Floats, Floats]] = []
        for _, own in rows.sort("days", "strike").group_by("expiry", maintain_order=True):
            years = float(own["days"][0]) / DAYS_PER_YEAR
            k = np.log(own["strike"].to_numpy() / own["underlying_price"].to_numpy())
            order = np.argsort(k)
            smiles.append((years, k[order], own["mark_iv"].to_numpy()[order] ** 2 * years))
        at_ns = int(np.datetime64(at.replace(tzinfo=None), "ns").astype(np.int64))
        price = float(rows["index_price"].median())
        smiles.sort(key=lambda each: each[0])
        found[str(coin)].append(Record(at_ns, price, tuple(smiles)))
    for records in found.values():
        records.sort(key=lambda record: record.at_ns)
    return found


def windows(records: dict[str, list[Record]]) -> list[tuple[int, list[int]]]:
    """For each record its place and those of the later ones that end within a day of it.

    Windows begin a day apart or more, so that none overlap, and end by a record 24 hours on.
    """
    times = np.array([record.at_ns for record in records["BTC"]])
    found: list[tuple[int, list[int]]] = []
    free = 0
    for place, at in enumerate(times.tolist()):
        later = np.flatnonzero((times > at) & (times <= at + DAY_NS + SLACK_NS)).tolist()
        if at < free or not later or times[later[-1]] < at + DAY_NS - SLACK_NS:
            continue
        found.append((place, later))
        free = int(times[later[-1]])
    return found


def recorded(records: dict[str, list[Record]], books: Sequence[Book]) -> tuple[Table, Floats]:
    """The table of books struck on each window's chain, and their path-worst losses [D, B].

    Losses are at the chain's own times and hold no close-out cost. Days are the midnights at or
    before the windows' starts, by which margins of known history are looked up.
    """
    legs = legs_of(books)
    found = windows(records)
    starts = np.array([records["BTC"][place].at_ns for place, _ in found])
    sigma, basis = np.ones((starts.size, len(legs))), np.zeros((starts.size, len(legs)))
    for row, (place, _) in enumerate(found):
        for column, leg in enumerate(legs):
            if leg.is_option:
                years = leg.tenor_days / DAYS_PER_YEAR
                record = records[leg.coin][place]
                sigma[row, column] = record.vol(float(np.log(leg.moneyness)), years)
    known = np.ones(sigma.shape, dtype=np.bool_)
    table = table_of(starts // DAY_NS * DAY_NS, legs, books, sigma, basis, known)
    losses = np.zeros((starts.size, len(books)))
    for row, (place, later) in enumerate(found):
        for then in later:
            gains = np.empty(len(legs))
            for column, leg in enumerate(legs):
                both = records[leg.coin][place], records[leg.coin][then]
                gains[column] = _worth_after(leg, *both) - table.value[row, column]
            losses[row] = np.maximum(losses[row], -(table.quantity[row] @ gains))
    return table, losses


def _worth_after(leg: Leg, before: Record, after: Record) -> float:
    price = after.price_usd / before.price_usd
    elapsed = (after.at_ns - before.at_ns) / DAY_NS
    sigma = 1.0
    if leg.is_option:
        left = (leg.tenor_days - elapsed) / DAYS_PER_YEAR
        sigma = after.vol(float(np.log(leg.moneyness / price)), left)
    price_rel, vol, none, days = (np.asarray(x) for x in (price, sigma, 0.0, elapsed))
    return float(worth(leg, price_rel, vol, none, none, days))


def among(days_ns: NDArray[np.int64], table: Table, losses: Floats) -> tuple[Table, Floats]:
    """A table and losses of some days laid out over all days; books of other days are unknown."""
    place = np.searchsorted(days_ns, table.days_ns)
    inside = (place < days_ns.size) & np.isin(table.days_ns, days_ns)
    place = place[inside]

    def over(values: NDArray[np.generic], rest: float) -> NDArray[np.generic]:
        whole = np.full((days_ns.size, *values.shape[1:]), rest, dtype=values.dtype)
        whole[place] = values[inside]
        return whole

    names = {"sigma": 1.0, "basis": 0.0, "quantity": 0.0, "value": 1.0}
    arrays = {name: over(getattr(table, name), rest) for name, rest in names.items()}
    flags = {name: over(getattr(table, name), rest=False) for name in ("leg_known", "known")}
    # A book of no day has a size all the same, so that shares of it are numbers.
    arrays["quantity"][~np.isin(np.arange(days_ns.size), place)] = 1.0
    return replace(table, days_ns=days_ns, **arrays, **flags), over(losses, np.nan)
