"""One run over many accounts: shards dealt to workers as they become free.

Nothing of the accounts stays with the workers, so that shards are cut in the order of the table,
as blocks are on one machine, and go to whoever is free.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from seawall.basics.errors import SeawallError
from seawall.cluster.holdings import Held
from seawall.cluster.pool import MAX_LOSSES, Pool, WorkerLost, lost_again
from seawall.cluster.runtime import connected
from seawall.feeds.account_margins import (
    BLOCK_POSITIONS,
    REFUSALS,
    Progress,
    account_blocks,
    first_refusal,
    margin_frame,
    sound_positions,
)
from seawall.feeds.position_tables import names_by_place
from seawall.margin.accounts.requirement import AccountsMargin
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot

if TYPE_CHECKING:
    import polars as pl

OUTSTANDING = 2
"""Shards that a worker has at a time: one in hand, and one at hand so that it does not wait."""


SHARDS_PER_WORKER = 8
"""At least so many where the table is small: who is slower, or lost, then holds up few accounts."""


def margin_over_ray(
    positions: Any,
    market: MarketSnapshot,
    model: MarginModel,
    workers: int | None,
    address: str | None,
    progress: Progress,
) -> pl.DataFrame:
    """As :func:`seawall.cluster.accounts.margin_accounts` with the engine "ray"."""
    with connected(address) as ray:
        # Rows are read, and refused, before any worker has anything to do.
        table, held = sound_positions(positions, market)
        count, names = len(table.accounts), names_by_place(held)
        with Pool(ray, model, workers) as pool:
            pool.hold(pool.put(market))
            most = -(-table.columns.account.size // (SHARDS_PER_WORKER * len(pool)))
            blocks = account_blocks(table.columns, count, min(most, BLOCK_POSITIONS))
            shards = (Held(names, columns, size) for size, columns in blocks)
            parts, done = dict[int, AccountsMargin](), 0
            try:
                for shard, part in dealt(pool, shards):
                    parts[shard] = part
                    done += part.initial_cents.size
                    progress(done, count)
            except REFUSALS as error:
                # A shard does not know whose rows come first, nor which.
                raise first_refusal(positions, market, model) or error from None
    margin = AccountsMargin.joined([parts[shard] for shard in sorted(parts)])
    return margin_frame(table.accounts, margin)


@dataclass(slots=True)
class _Shard:
    """A shard that is underway or to be dealt again, and how many workers it has lost."""

    number: int
    held: Held
    losses: int = 0


def dealt(pool: Pool, shards: Iterator[Held]) -> Iterator[tuple[int, AccountsMargin]]:
    """Each shard's number with the margin of its accounts, in the order of arrival.

    A worker has at most ``OUTSTANDING`` shards at a time, and the next is taken from ``shards``
    only when there is room: no more than these are ever held. What a lost worker had is dealt
    again. Raises a shard's own SeawallError, of several that of the lowest number, once nothing is
    underway any more; ClusterError for a shard that loses worker after worker.
    """
    fresh = (_Shard(number, held) for number, held in enumerate(shards))
    again: deque[_Shard] = deque()
    underway: dict[Any, tuple[int, _Shard]] = {}
    failed: dict[int, SeawallError] = {}
    while True:
        if not failed:
            _deal(pool, chain(_emptied(again), fresh), underway)
        if not underway:
            break
        reference = pool.first_done(list(underway))
        slot, shard = underway[reference]
        try:
            answer = pool.answer(reference)
        except WorkerLost:
            again.extend(_taken_back(underway, slot))
            pool.replace(slot)
        except SeawallError as error:
            failed[shard.number] = error
            del underway[reference]
        else:
            del underway[reference]
            yield shard.number, answer
    if failed:
        raise failed[min(failed)]


def _emptied(shards: deque[_Shard]) -> Iterator[_Shard]:
    while shards:
        yield shards.popleft()


def _deal(pool: Pool, shards: Iterator[_Shard], underway: dict[Any, tuple[int, _Shard]]) -> None:
    """Give every worker as many shards as it may have, one in turn."""
    load = Counter(slot for slot, _ in underway.values())
    room = [s for n in range(OUTSTANDING) for s in range(len(pool)) if load[s] + n < OUTSTANDING]
    # Room first: a shard that is taken from the iterator is also dealt.
    for slot, shard in zip(room, shards, strict=False):
        underway[pool.ask(slot, "margin", shard.held)] = slot, shard


def _taken_back(underway: dict[Any, tuple[int, _Shard]], slot: int) -> list[_Shard]:
    """What a lost worker had. Raises ClusterError for a shard that has lost too many."""
    references = [reference for reference, (at, _) in underway.items() if at == slot]
    shards = [underway.pop(reference)[1] for reference in references]
    for shard in shards:
        shard.losses += 1
        if shard.losses > MAX_LOSSES:
            raise lost_again(shard.losses, shard.number)
    return shards
