"""Accounts that stay with their workers: a market in, every requirement out, fills in between."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import ClusterError, SeawallError, StateError, UnreadableFile
from seawall.cluster.asked import asked_accounts, asked_model
from seawall.cluster.holdings import Fill
from seawall.cluster.pool import MAX_LOSSES, Pool, WorkerLost, lost_again
from seawall.cluster.runtime import connected
from seawall.cluster.shards import shard_of
from seawall.cluster.source import Dealt, deal, fills_of, read_source, source_stamp
from seawall.feeds.account_margins import margin_frame
from seawall.feeds.shards import Stamp
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
    Of several threads one is answered after the other.

    Raises InputError for what is no market, model or number of workers, and UnknownModel. Entering
    raises what margin_accounts raises of ``positions``, UnreadableFile, and ClusterError, and
    begins anew where it was left. Every method raises ClusterError for a shard that loses worker
    after worker, UnreadableFile where one is lost and the file of positions is not the same any
    more, StateError outside the context.
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
        self._lost: set[int] = set()
        self._lock, self._is_open = Lock(), False
        self._open = ExitStack()
        self.pool: Pool
        self._stamp: Stamp | None
        self._first: Any
        self._accounts: pl.Series
        self._order: NDArray[np.int64]

    def __enter__(self) -> AccountCluster:
        with self._lock:
            if self._is_open:
                raise _not_now("it is open already", "Use it where it is, or make another one.")
            # Rows are read, and refused, before any worker has anything to do.
            self._stamp = source_stamp(self._positions)
            source = read_source(self._positions, self._market, self._stamp)
            with ExitStack() as stack:
                ray = stack.enter_context(connected(self._address))
                self.pool = stack.enter_context(Pool(ray, self._model, self._workers))
                self._load(deal(source, len(self.pool)))
                self._open, self._is_open = stack.pop_all(), True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._is_open = False
            self._open.close()

    def tick(self, market: MarketSnapshot) -> pl.DataFrame:
        """Every account's margin in a market, USD: a row each and the columns of margin_accounts,
        in the order of the positions.

        The market stays for what is asked next. Raises what a book of an instrument held would
        raise in it, naming an account, what the model raises, and InputError for what is no market.
        """
        require(market, MarketSnapshot)
        with self._asked():
            before = self.pool.held
            try:
                self.pool.hold(self.pool.put(market))
                found = self._each("tick", self._slots, [()] * len(self._slots))
            except BaseException:
                self.pool.hold(before)
                raise
            return margin_frame(self._accounts, _together(found, self._order))

    def requirement(self, accounts: Sequence[str] | Sequence[int]) -> pl.DataFrame:
        """The margin of the accounts named, a row each in their order, in the market of the last
        tick (before one, that of the positions). Text, or integers where the positions have them.

        Raises InputError for an account that is not among the positions and for what names none.
        """
        import polars as pl

        names = asked_accounts(accounts)
        with self._asked():
            shard = shard_of(names, len(self.pool))
            slots = np.unique(shard).tolist()
            places = [np.flatnonzero(shard == slot) for slot in slots]
            asked = [(names.gather(place).cast(pl.String).to_list(),) for place in places]
            found = self._each("requirement", slots, asked)
            order = np.argsort(np.concatenate([np.zeros(0, dtype=np.int64), *places]))
            return margin_frame(names, _together(found, order))

    def apply(self, fills: Any) -> None:
        """Let accounts trade in the market of the last tick, row after row; all of it or nothing.

        A table, as ``positions`` may be one, of account, instrument, quantity (units of the
        underlying, + bought) and price (USD a unit; null: the mark), by the rules of
        :mod:`seawall.risk.trades`. Raises what these raise and InputError for an account that is
        not among the positions, naming the fill; UnrecognisedFile for other columns.
        """
        import polars as pl

        told = fills_of(fills)
        with self._asked():
            accounts = pl.Series([fill.account for fill in told], dtype=pl.String)
            shard = shard_of(accounts, len(self.pool)).tolist()
            mine: dict[int, list[Fill]] = {slot: [] for slot in sorted(set(shard))}
            for fill, slot in zip(told, shard, strict=True):
                mine[slot].append(fill)
            self._take(mine)

    # ---- workers

    @contextmanager
    def _asked(self) -> Generator[None]:
        """One question at a time: a market must not change under another's. Raises StateError."""
        with self._lock:
            if not self._is_open:
                raise _not_now("it is not open", "Ask inside: with AccountCluster(...) as cluster.")
            yield

    def _take(self, mine: dict[int, list[Fill]]) -> None:
        """Have each shard take its fills, at the market held, once none of them is refused."""
        self._number += 1
        number, market = self._number, self.pool.held
        self._each("check", mine, [(number, own) for own in mine.values()])
        # From here on they have happened: who has not taken them is rebuilt with them when it is
        # asked again, and says then if it cannot.
        for slot, own in mine.items():
            self._log[slot].append(_Applied(number, own, market))
        try:
            self._each("apply", mine, [(number, own, [market]) for own in mine.values()])
        except BaseException as error:
            self._lost.update(mine)
            if not isinstance(error, ClusterError | UnreadableFile):
                raise

    @property
    def _slots(self) -> range:
        return range(len(self.pool))

    def _load(self, dealt: Dealt) -> None:
        """Give each worker its accounts."""
        # Of a file nothing is kept but its path.
        self._dealt = dealt if self._stamp is None else None
        self._accounts = dealt.table.accounts
        self._order = np.argsort(np.argsort(dealt.shard, kind="stable"))
        self._log, self._lost = [[] for _ in self._slots], set()
        self._first = self.pool.put(self._market)
        self.pool.hold(self._first)
        self._each("load", self._slots, [(*dealt.of(slot), [self._first]) for slot in self._slots])

    def _rebuild(self, slot: int) -> None:
        """A fresh worker with the accounts of a slot as they stand.

        The slot counts as lost until it is whole: half of its fills would be other accounts.
        """
        self._lost.add(slot)
        self.pool.replace(slot)
        dealt = self._dealt
        if dealt is None:
            source = read_source(self._positions, self._market, self._stamp)
            dealt = deal(source, len(self.pool))
        own = dealt.of(slot)
        self.pool.answer(self.pool.ask(slot, "load", *own, [self._first]))
        for number, fills, market in self._log[slot]:
            self.pool.answer(self.pool.ask(slot, "apply", number, fills, [market]))
        self._lost.discard(slot)

    def _each(
        self, method: str, slots: Iterable[int], arguments: Sequence[tuple[Any, ...]]
    ) -> list[Any]:
        """What workers answer to a method, all at work at once.

        Raises the SeawallError of the lowest slot that has one.
        """
        asked = [
            (slot, None if slot in self._lost else self.pool.ask(slot, method, *own), own)
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


def _not_now(what: str, remedy: str) -> StateError:
    return StateError(what, where="AccountCluster", remedy=remedy)


def _together(parts: Sequence[AccountsMargin], order: NDArray[np.int64]) -> AccountsMargin:
    """The accounts of all parts, each at its place: ``order`` has where it stands in the parts."""
    return AccountsMargin.joined(parts).at(order)
