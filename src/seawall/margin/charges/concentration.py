"""The charge for holding so much of what there is that it cannot be closed out in a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.kernels.clusters import most_crowded
from seawall.margin.accounts.fold import ArrayInRows, Reductions, no_reductions
from seawall.margin.charges.base import (
    ChargeAmount,
    ChargeAmounts,
    Charged,
    ChargedAccounts,
    ChargeShares,
    Holder,
    NamedCharge,
)
from seawall.margin.fold import lone_loss
from seawall.market.liquidity import WHOLE, Cluster, by_cluster, clusters_of
from seawall.market.needs import Need
from seawall.risk.book import UnderlyingBook

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = NDArray[np.uint32]

# All contracts of an underlying, an expiry of these and a strike of one.
_LEVELS = 3


class ConcentrationCharge(NamedCharge, frozen=True, kw_only=True, tag="concentration"):
    """Who holds much of what there is cannot close it out at the price of the day.

    L · ``factor`` · the account's share of a cluster's open interest beyond ``free_share``, for the
    cluster for which that is most: all contracts of the underlying, an expiry or a strike of one. L
    is M, and of an expiry or strike no more than it loses by itself. An expiry or strike counts as
    holding ``least_cluster_share`` of the underlying's open interest where it holds less or nobody
    tells: nobody is concentrated by a few contracts at a strike where there are no others, and no
    strike is out of sight. Open interest of the class stands in for that of the market, and without
    either the account is taken to hold all there is.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({Need.OPEN_INTEREST})
    factor: float
    free_share: float
    least_cluster_share: float

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """One amount per underlying."""
        if not np.any(_contracts(on.book)):
            return ()
        crowd = self._most_crowded(on)
        cost = self.factor * crowd.loss * max(0.0, crowd.share - self.free_share)
        return (ChargeAmount(f"concentration/{on.book.underlying}", cost, cost),)

    def amounts_of_accounts(self, on: ChargedAccounts, sums: Sequence[Floats]) -> ChargeAmounts:
        """One amount per account."""
        if on.array is not None and on.array.has_paths:
            # The kernel knows the largest loss of some cells, and no tail of paths.
            return NamedCharge.amounts_of_accounts(self, on, sums)
        held = on.held
        cost = self.costs_usd(
            self.crowd_table(on, on.array),
            held.row,
            held.quantity,
            held.start,
            held.stop,
            on.worst_loss,
        )
        return ChargeAmounts(held.account, cost, cost)

    def costs_usd(
        self,
        table: CrowdTable,
        row: Rows,
        quantity: Floats,
        start: Integers,
        stop: Integers,
        worst_loss: Floats,
    ) -> Floats:
        """The amounts of segments [start, stop) of positions [P] with losses M; shapes [G]."""
        out = np.empty(start.size)
        most_crowded(*table.limits, row, quantity, start, stop, worst_loss, *table.array, out)
        return out

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Leg times slope of L·k·(s − f), over its degree 1 + s / (s − f), so that it adds up.

        s = held / open interest: q_i·∂s/∂q_i is s·|q_i|/held in the cluster. Who holds all there
        is has s = 1 whatever is added: the degree is one.
        """
        nothing = ChargeShares.of_degree_one(*np.zeros((2, on.book.quantity.size)))
        if not np.any(_contracts(on.book)):
            return nothing
        crowd = self._most_crowded(on)
        excess = crowd.share - self.free_share
        if excess <= 0.0:
            return nothing
        growing = crowd.share if crowd.share < 1.0 else 0.0
        held = np.where(crowd.inside, _contracts(on.book), 0.0)
        losses = worst_shares if crowd.loss_shares is None else crowd.loss_shares
        slope = self.factor * (losses * excess + crowd.loss * growing * held / held.sum())
        part = slope * (excess / (excess + growing))
        return ChargeShares(part, part, slope, slope)

    def _listed(self, on: Holder) -> Mapping[Cluster, float]:
        """Open interest in coins by cluster: the market's, or that of the class; empty without."""
        default_usd = on.numbers.open_interest_usd
        default = {} if default_usd is None else {WHOLE: default_usd / on.book.level_usd}
        return on.liquidity.listed(on.book.underlying) or default

    def crowd_table(self, on: Holder, array: ArrayInRows | None) -> CrowdTable:
        """Of an underlying in which many hold positions; ``array`` is of one unit of each."""
        listed = self._listed(on)
        clusters = [clusters_of(position.instrument) for position in on.book.positions]
        own = np.full((len(clusters), _LEVELS), -1, dtype=np.int64)
        coins = np.zeros(own.shape)
        number: dict[Cluster, int] = {}
        for row, each in enumerate(clusters):
            for level, cluster in enumerate(each):
                own[row, level] = number.setdefault(cluster, len(number))
                coins[row, level] = listed.get(cluster, 0.0)
        known = listed[WHOLE] if listed else np.nan
        limits = [known, self.least_cluster_share, self.free_share, self.factor, len(number)]
        reductions = no_reductions() if array is None else array.reductions
        return CrowdTable((own, coins, np.array(limits)), reductions)

    def _most_crowded(self, on: Charged) -> _Crowd:
        """The cluster that is charged most, of equal ones the first; the book holds a contract."""
        clusters = [clusters_of(position.instrument) for position in on.book.positions]
        held = by_cluster(zip(clusters, np.abs(on.book.quantity).tolist(), strict=True))
        listed = self._listed(on) or {WHOLE: held[WHOLE]}
        least = self.least_cluster_share * listed[WHOLE]
        found: list[_Crowd] = []
        for cluster, size in held.items():
            known = max(listed.get(cluster, 0.0), least)
            share = size / known if size < known else 1.0
            # What is not crowded costs nothing, whatever it loses: of a chain, nearly all of it.
            if cluster != WHOLE and share <= self.free_share:
                continue
            inside = np.array([cluster in own for own in clusters])
            loss, shares = on.worst_loss, None
            if cluster != WHOLE and on.array is not None:
                alone, alone_shares = lone_loss(on.array, np.flatnonzero(inside))
                if alone < loss:
                    loss, shares = alone, alone_shares
            found.append(_Crowd(inside, share, loss, shares))
        return max(found, key=lambda crowd: crowd.loss * max(0.0, crowd.share - self.free_share))


@dataclass(frozen=True, slots=True)
class CrowdTable:
    """What :func:`seawall.kernels.clusters.most_crowded` asks of an underlying: ``cluster`` [M, 3],
    ``listed`` [M, 3] and ``limits`` [5]; and from ``array`` [M, I, W] to ``k`` [R].
    """

    limits: tuple[Integers, Floats, Floats]
    array: Reductions


@dataclass(frozen=True, slots=True)
class _Crowd:
    """A cluster: its rows, the account's share of its open interest and the loss that counts.

    ``loss_shares`` [M] of the rows in that loss, None where it is M.
    """

    inside: NDArray[np.bool_]
    share: float
    loss: float
    loss_shares: Floats | None


def _contracts(book: UnderlyingBook) -> Floats:
    """Coins of each row that is a contract; shape [M]."""
    return np.where(book.is_spot, 0.0, np.abs(book.quantity))
