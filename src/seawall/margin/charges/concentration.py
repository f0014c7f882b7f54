"""The charge for holding so much of what there is that it cannot be closed out in a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seawall.kernels.clusters import crowded_ranges
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
from seawall.risk.accounts import UnderlyingAccounts
from seawall.risk.book import UnderlyingBook
from seawall.risk.sums import PerUnit, Total, greater, lesser

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Less than any contract: who holds none has no share of none.
_NO_CONTRACTS = 1e-300


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

    def terms(self, on: Holder) -> tuple[PerUnit, ...]:
        """Contracts of either side, in coins."""
        return (PerUnit.gross(np.where(on.book.is_spot, 0.0, 1.0)),)

    def amounts_of_accounts(self, on: ChargedAccounts, sums: Sequence[Floats]) -> ChargeAmounts:
        """One amount per account."""
        held, listed, contracts = on.held, self._listed(on), sums[0]
        known = np.full(contracts.size, listed[WHOLE]) if listed else contracts
        least = self.least_cluster_share * known
        most = on.worst_loss * self._beyond_free(contracts, known)
        clusters = [clusters_of(position.instrument) for position in on.book.positions]
        for level in (1, 2):  # expiries, and strikes in them
            own = [each[level] if len(each) > level else None for each in clusters]
            crowds = self._crowds(held, own, listed, least)
            loss = on.worst_loss[crowds.segment]
            if on.array is not None:
                loss = np.minimum(loss, on.array.lone_losses(held, crowds.start, crowds.stop))
            np.maximum.at(most, crowds.segment, loss * (crowds.share - self.free_share))
        cost = self.factor * most
        return ChargeAmounts(held.account, cost, cost)

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

    def crowd_limits(self, on: Holder) -> CrowdLimits:
        """When an account is crowded in the expiries and the strikes of an underlying."""
        listed = self._listed(on)
        clusters = [clusters_of(position.instrument) for position in on.book.positions]
        own = np.full((len(clusters), 2), -1, dtype=np.int64)
        coins = np.zeros(own.shape)
        number: dict[Cluster, int] = {}
        for row, each in enumerate(clusters):
            for level, cluster in enumerate(each[1:]):
                own[row, level] = number.setdefault(cluster, len(number))
                coins[row, level] = listed.get(cluster, 0.0)
        return CrowdLimits(
            cluster=own,
            listed=coins,
            known=listed[WHOLE] if listed else None,
            least_share=self.least_cluster_share,
            free_share=self.free_share,
        )

    def uncrowded_usd(self, worst_loss: Total, contracts: Total, known: float | None) -> Total:
        """The amount where no expiry or strike is crowded: that of all contracts of the underlying,
        of which ``known`` are listed.
        """
        beyond = self._beyond_free(contracts, contracts if known is None else known)
        return self.factor * (worst_loss * beyond)

    def _beyond_free(self, contracts: Total, known: Total) -> Total:
        """The share of all contracts held beyond the free one, 0 of none."""
        whole = greater(greater(known, self.least_cluster_share * known), _NO_CONTRACTS)
        return greater(0.0, lesser(contracts / whole, 1.0) - self.free_share)

    def _crowds(
        self,
        held: UnderlyingAccounts,
        own: Sequence[Cluster | None],
        listed: Mapping[Cluster, float],
        least: Floats,
    ) -> _Crowds:
        """Where an account holds too much of the cluster that a row is of, if any."""
        number = {cluster: place for place, cluster in enumerate(dict.fromkeys(own))}
        segment, start, stop = np.empty((3, held.row.size), dtype=np.int64)
        share = np.empty(held.row.size)
        found = crowded_ranges(
            np.array([-1 if each is None else number[each] for each in own]),
            np.array([0.0 if each is None else listed.get(each, 0.0) for each in own]),
            held.row,
            held.quantity,
            held.start,
            held.stop,
            least,
            self.free_share,
            segment,
            start,
            stop,
            share,
        )
        return _Crowds(segment[:found], start[:found], stop[:found], share[:found])

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
class CrowdLimits:
    """When an account is crowded: where it holds more than ``free_share`` of a cluster.

    ``cluster`` [M, 2] numbers the expiry and the strike of each row, −1 for none, ``listed`` [M, 2]
    is their open interest in coins, which counts as at least ``least_share`` of that of all
    contracts, ``known`` (None: of those that the account holds).
    """

    cluster: Integers
    listed: Floats
    known: float | None
    least_share: float
    free_share: float


@dataclass(frozen=True, slots=True)
class _Crowd:
    """A cluster: its rows, the account's share of its open interest and the loss that counts.

    ``loss_shares`` [M] of the rows in that loss, None where it is M.
    """

    inside: NDArray[np.bool_]
    share: float
    loss: float
    loss_shares: Floats | None


@dataclass(frozen=True, slots=True)
class _Crowds:
    """Clusters of many accounts: the segment, the range of positions and the share of each."""

    segment: Integers
    start: Integers
    stop: Integers
    share: Floats


def _contracts(book: UnderlyingBook) -> Floats:
    """Coins of each row that is a contract; shape [M]."""
    return np.where(book.is_spot, 0.0, np.abs(book.quantity))
