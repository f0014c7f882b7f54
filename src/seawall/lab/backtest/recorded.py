"""Recorded option chains of many times: the market at a time, and what their surfaces tell later.

At a time the newest snapshot counts that is not later. It is the market by which margins are taken.
Along the bars that follow each option has the volatility that the newest snapshot told by then has
at its strike and expiry, and its forward the carry of that snapshot on the bars' prices: between
snapshots nothing but prices and time moves. What a later snapshot cannot value keeps what was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import SeawallError, UnrecognisedFile
from seawall.basics.time import epoch_ns, instant_of_ns, tenor_years
from seawall.feeds.chains import LISTING_COLUMNS
from seawall.feeds.digests import digest_of_file
from seawall.feeds.files import as_path, form_of
from seawall.feeds.market import read_market
from seawall.feeds.recognise import missing
from seawall.feeds.snapshots import SPAN, snapshot_times
from seawall.feeds.tables import open_table
from seawall.lab.backtest.markets import HistoricalMarkets, tenors_years
from seawall.market.history import MarketHistory, Times
from seawall.market.snapshot import MarketSnapshot
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import Derivative, Expiring, Instrument, Option, Perpetual

Floats = NDArray[np.float64]

_KEPT = 64
"""So many snapshots are held at once; one of some 1,300 options is about half a megabyte."""

_MICROSECOND = timedelta(microseconds=1)
_SPAN_NS = SPAN // _MICROSECOND * 1000


@dataclass(frozen=True, slots=True)
class ChainFile:
    """A file of chains: the ``times_ns`` of its snapshots, ascending, and the digest of its bytes.

    Where it lies is no part of what it tells.
    """

    path: Path = field(compare=False)
    times_ns: tuple[int, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class RecordedChains:
    """The chains of some files, each read when it is first asked for.

    Files tell one snapshot together where their times are no further apart than its rows may be.
    """

    files: tuple[ChainFile, ...]
    times_ns: Times = field(init=False)
    _held: dict[tuple[int, tuple[str, ...]], MarketSnapshot] = field(
        default_factory=dict[tuple[int, tuple[str, ...]], MarketSnapshot],
        init=False,
        repr=False,
        compare=False,
    )

    def __post_init__(self) -> None:
        told = [np.array(each.times_ns, dtype=np.int64) for each in self.files]
        times = np.unique(np.concatenate(told)) if told else np.empty(0, dtype=np.int64)
        object.__setattr__(self, "times_ns", times)
        freeze(self, times.size)

    def newest(self, times_ns: Times) -> NDArray[np.intp]:
        """The place of the newest snapshot that is not later than each time, −1 for none; [n]."""
        return np.searchsorted(self.times_ns, times_ns, side="right") - 1

    def market(self, place: int, instruments: Iterable[Instrument] = ()) -> MarketSnapshot:
        """The snapshot in a place, with the instruments that its surface tells.

        Raises what :func:`seawall.feeds.market.read_market` raises.
        """
        asked = {each.name: each for each in instruments if isinstance(each, Expiring)}
        key = place, tuple(sorted(asked))
        if key not in self._held:
            market = with_unlisted(self.market(place), asked.values()) if asked else None
            found = market or self._read(int(self.times_ns[place]))
            while len(self._held) >= _KEPT:
                del self._held[next(iter(self._held))]
            self._held[key] = found
        return self._held[key]

    def _read(self, at_ns: int) -> MarketSnapshot:
        paths = [
            each.path
            for each in self.files
            if any(at_ns - _SPAN_NS <= told <= at_ns for told in each.times_ns)
        ]
        return read_market(paths, at=instant_of_ns(at_ns))

    def markets(
        self,
        base: HistoricalMarkets,
        instruments: Iterable[Instrument],
        at: datetime,
        most_age: timedelta,
    ) -> RecordedMarkets | None:
        """The markets from an instant on; None where no snapshot of at most an age tells every
        option and future among the instruments, or there is no option.
        """
        asked = tuple(each for each in instruments if isinstance(each, Expiring))
        at_ns = epoch_ns(at)
        [place] = self.newest(np.array([at_ns])).tolist()
        fresh = place >= 0 and at_ns - int(self.times_ns[place]) <= most_age // _MICROSECOND * 1000
        if not (fresh and any(isinstance(each, Option) for each in asked)):
            return None
        found = RecordedMarkets(base, self, place, asked)
        return found if all(found.tells(each) for each in asked) else None


@dataclass(frozen=True, slots=True)
class RecordedMarkets:
    """The markets of ``contracts`` from the snapshot in ``place`` on; prices are those of ``base``.

    Every contract is one that the snapshot tells.
    """

    base: HistoricalMarkets
    chains: RecordedChains
    place: int
    contracts: tuple[Expiring, ...]

    @property
    def history(self) -> MarketHistory:
        """The history of prices."""
        return self.base.history

    def tells(self, contract: Expiring) -> bool:
        """Whether the snapshot in ``place`` tells a contract."""
        return _told(_number(contract), self.chains.market(self.place, self.contracts)) is not None

    def snapshot(self, at: datetime, instruments: Iterable[Instrument]) -> MarketSnapshot:
        """The recorded market, with the history until an instant.

        Prices of underlyings and funding that it does not tell are those of the history. Raises
        PoorHistory where one is nowhere told.
        """
        told, asked = self.chains.market(self.place, self.contracts), [*instruments]
        at_ns = epoch_ns(at)
        lacking = {
            each.underlying
            for each in asked
            if isinstance(each, Derivative) and each.underlying not in told.index_usd
        }
        index = {name: self.base.spot_usd(name, at_ns) for name in sorted(lacking)}
        funding = self.base.funding_per_day(asked, at_ns)
        known = {**funding, **told.liquidity.funding_per_day}
        return replace(
            told,
            index_usd={**index, **told.index_usd},
            liquidity=replace(told.liquidity, funding_per_day=known),
            history=self.base.until(at_ns).history,
        )

    def log_carries(self, contract: Derivative, times_ns: Times) -> Floats:
        """ln(F / S) at each time by the carry a year last told, 0 of a perpetual; shape [n]."""
        if isinstance(contract, Perpetual):
            return np.zeros(times_ns.size)
        rates = self._last_told(partial(_carry_per_year, contract), times_ns)
        return rates * tenors_years(contract.expiry, times_ns)

    def option_vols(self, option: Option, log_moneyness: Floats, times_ns: Times) -> Floats:
        """Volatility at each time, that last told at the strike whatever the price is; the shape
        of ``log_moneyness``, [3, n].
        """
        return np.broadcast_to(self._last_told(_number(option), times_ns), log_moneyness.shape)

    def _last_told(self, number: _Number, times_ns: Times) -> Floats:
        """A number by the newest snapshot that tells it at each time; shape [n]."""
        places = self.chains.newest(times_ns)
        found = np.full(times_ns.size, np.nan)
        for place in range(self.place, int(places.max(initial=self.place)) + 1):
            value = _told(number, self.chains.market(place, self.contracts))
            if value is not None:
                found[places >= place] = value
        return found


_Number = Callable[[MarketSnapshot], float]


def _told(number: _Number, market: MarketSnapshot) -> float | None:
    """A number by a snapshot, None where that does not tell it, or refuses it."""
    try:
        return number(market)
    except SeawallError:
        return None


def _number(contract: Expiring) -> _Number:
    """What a snapshot must tell of a contract: an option's volatility, a future's carry."""
    return partial(_vol if isinstance(contract, Option) else _carry_per_year, contract)


def _vol(option: Option, market: MarketSnapshot) -> float:
    _carry_per_year(option, market)  # without a forward no volatility counts
    listed, row = market.option_row(option)
    return float(listed.vol[row])


def _carry_per_year(contract: Expiring, market: MarketSnapshot) -> float:
    """ln(F / S) over the tenor, F in USD per coin."""
    inverse = contract.settlement == contract.underlying
    unit = 1.0 if inverse else market.currency_usd(contract.settlement)
    ratio = market.forward(contract) * unit / market.spot_usd(contract.underlying)
    return float(np.log(ratio)) / tenor_years(market.as_of, contract.expiry)


def read_chains(sources: Iterable[str | Path]) -> RecordedChains:
    """The chains of some tables of many times (CSV, parquet, Excel).

    Their columns are those of an option chain (docs/files.md). Raises UnreadableFile and
    UnrecognisedFile.
    """
    return RecordedChains(tuple(_file(as_path(source)) for source in sources))


def _file(path: Path) -> ChainFile:
    lacking = ["a table"]
    if form_of(path) != "json":
        table = open_table(path)
        lacking = missing(LISTING_COLUMNS, table.schema.names())
        if not lacking:
            times = tuple(epoch_ns(at) for at in snapshot_times(table))
            return ChainFile(path, times, digest_of_file(path))
    raise UnrecognisedFile(
        f"it is no table of option chains; it lacks {', '.join(lacking)}",
        where=path.name,
        remedy=f"Give a table with the columns {', '.join(LISTING_COLUMNS)}.",
    )
