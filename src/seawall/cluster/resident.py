"""Accounts that stay with their workers: a market in, every requirement out, fills in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import SeawallError
from seawall.cluster.asked import asked_model
from seawall.cluster.holdings import Fill
from seawall.cluster.pool import MAX_LOSSES, Pool, WorkerLost, lost_again
from seawall.cluster.runtime import connected
from seawall.cluster.shards import shard_of
from seawall.cluster.source import Dealt, deal, fills_of, read_source
from seawall.feeds.account_margins import margin_frame
from seawall.margin.accounts.requirement import AccountsMargin
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot
from seawall.report.build import require

if TYPE_CHECKING:
    import polars as pl


class _Applied(NamedTuple):
    """Fills that a shard has taken: their number, and the market they were applied at."""

    number: int
    fills: list[Fill]
    market: Any


class AccountCluster:
    """Accounts dealt over a Ray cluster to workers that keep them, each worker one shard.

        with AccountCluster(positions, market, "prbm") as cluster:
            table = cluster.tick(next_market)

    ``positions``, counted at the marks of ``market``, are a table as
    :func:`seawall.cluster.accounts.margin_accounts` takes it, or the path of a file of them
    (parquet, CSV, Arrow IPC). Ray is the one that this process is connected to, the one at
    ``address``, or one started here for the while. A worker that is lost is replaced: its accounts
    are taken from ``positions`` again, and the fills since are applied again, each at the market of
    its time, so that no answer differs to the last bit. An error leaves everything as it was.

    Entering raises what margin_accounts raises of ``positions``, and ClusterError; every method
    ClusterError for a shard that loses worker after worker.
    """

    def __init__(
        self,
        positions: Any,
        market: MarketSnapshot,
        model: str | MarginModel,
        *,
        workers: int | None = None,
        address: str | None = None,
    ) -> None:
        self._positions, self._market = positions, market
        self._model = asked_model(market, model, workers)
        self._workers, self._address = workers, address
        self._number = 0
        self._log: list[list[_Applied]] = []
        self._dealt: Dealt | None = None
        self._open = ExitStack()
        self.pool: Pool
        self._first: Any
        self._accounts: pl.Series
        self._order: NDArray[np.int64]

    def __enter__(self) -> AccountCluster:
        # Rows are read, and refused, before any worker has anything to do.
        source = read_source(self._positions, self._market)
        with ExitStack() as stack:
            ray = stack.enter_context(connected(self._address))
            self.pool = stack.enter_context(Pool(ray, self._model, self._workers))
            self._load(deal(source, len(self.pool)))
            self._open = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def tick(self, market: MarketSnapshot) -> pl.DataFrame:
        """Every account's margin in a market, as margin_accounts tells it.

        The market stays for what is asked next. Raises what a book of an instrument held would
        raise in it, naming an account, and what the model raises.
        """
        require(market, MarketSnapshot)
        before = self.pool.held
        self.pool.hold(self.pool.put(market))
        try:
            found = self._each("tick", self._slots, [()] * len(self._slots))
        except BaseException:
            self.pool.hold(before)
            raise
        return margin_frame(self._accounts, _together(found, self._order))

    def requirement(self, accounts: Sequence[str]) -> pl.DataFrame:
        """The margin of the accounts named, in their order, in the market of the last tick.

        Raises InputError for an account that is not among the positions.
        """
        import polars as pl

        names = pl.Series("account", accounts, dtype=pl.String)
        shard = shard_of(names, len(self.pool))
        slots = np.unique(shard).tolist()
        places = [np.flatnonzero(shard == slot) for slot in slots]
        asked = [(names.gather(place).to_list(),) for place in places]
        found = self._each("requirement", slots, asked)
        order = np.argsort(np.concatenate([np.zeros(0, dtype=np.int64), *places]))
        return margin_frame(names, _together(found, order))

    def apply(self, fills: pl.DataFrame) -> None:
        """Let accounts trade in the market of the last tick, row after row; all of it or nothing.

        Columns account, instrument, quantity (units of the underlying, + bought) and price (null:
        the mark), by the rules of :mod:`seawall.risk.trades`. Raises what these raise and
        InputError for an account that is not among the positions, naming the fill.
        """
        told = fills_of(fills)
        shard = shard_of(fills["account"], len(self.pool)).tolist()
        self._number += 1
        number, market = self._number, self.pool.held
        mine: dict[int, list[Fill]] = {slot: [] for slot in sorted(set(shard))}
        for fill, slot in zip(told, shard, strict=True):
            mine[slot].append(fill)
        self._each("check", mine, [(number, own) for own in mine.values()])
        # From here on they have happened: who is lost before it has taken them is told again.
        for slot, own in mine.items():
            self._log[slot].append(_Applied(number, own, market))
        self._each("apply", mine, [(number, own, [market]) for own in mine.values()])

    # ---- workers

    @property
    def _slots(self) -> range:
        return range(len(self.pool))

    def _load(self, dealt: Dealt) -> None:
        """Give each worker its accounts."""
        # Of a file nothing is kept but its path.
        self._dealt = None if isinstance(self._positions, str | Path) else dealt
        self._accounts = dealt.table.accounts
        self._order = np.argsort(np.argsort(dealt.shard, kind="stable"))
        self._log = [[] for _ in self._slots]
        self._first = self.pool.put(self._market)
        self.pool.hold(self._first)
        self._each("load", self._slots, [(*dealt.of(slot), [self._first]) for slot in self._slots])

    def _rebuild(self, slot: int) -> None:
        """A fresh worker with the accounts of a slot as they stand."""
        self.pool.replace(slot)
        dealt = self._dealt
        if dealt is None:
            dealt = deal(read_source(self._positions, self._market), len(self.pool))
        own = dealt.of(slot)
        self.pool.answer(self.pool.ask(slot, "load", *own, [self._first]))
        for number, fills, market in self._log[slot]:
            self.pool.answer(self.pool.ask(slot, "apply", number, fills, [market]))

    def _each(
        self, method: str, slots: Iterable[int], arguments: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """What workers answer to a method, all at work at once.

        Raises the SeawallError of the lowest slot that has one.
        """
        asked = [
            (slot, self.pool.ask(slot, method, *own), own)
            for slot, own in zip(slots, arguments, strict=True)
        ]
        answers, errors = list[Any](), list[SeawallError]()
        for slot, reference, own in asked:
            try:
                answers.append(self._answer(slot, reference, method, own))
            except SeawallError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return answers

    def _answer(self, slot: int, reference: Any, method: str, own: tuple[Any, ...]) -> Any:
        """A worker's answer; where it is lost, that of one that was rebuilt."""
        for _ in range(MAX_LOSSES + 1):
            try:
                if reference is None:
                    self._rebuild(slot)
                    reference = self.pool.ask(slot, method, *own)
                return self.pool.answer(reference)
            except WorkerLost:
                reference = None
        raise lost_again(MAX_LOSSES + 1, slot)


def _together(parts: Sequence[AccountsMargin], order: NDArray[np.int64]) -> AccountsMargin:
    """The accounts of all parts, each at its place: ``order`` has where it stands in the parts."""
    return AccountsMargin.joined(parts).at(order)
