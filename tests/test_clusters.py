"""Kernels that order positions and add up buckets and clusters, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.kernels.clusters import most_crowded, sum_over_buckets
from seawall.kernels.ordering import ordered
from tests.naive import clusters as naive


@pytest.mark.parametrize(("positions", "keys"), [(0, 3), (1, 1), (40, 1), (500, 7), (30, 400)])
def test_order_is_that_of_a_stable_sort(positions: int, keys: int) -> None:
    rng = np.random.default_rng(positions)
    key, order = rng.integers(0, keys, positions), rng.permutation(positions)
    out = np.full(positions, -1)
    ordered(key, keys, order, out)
    assert out.tolist() == sorted(order.tolist(), key=lambda place: key[place])


class Drawn:
    """Segments over 24 instruments in 5 buckets, in each clusters side by side; some are empty."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.bucket = np.sort(rng.integers(0, 5, 24))
        self.cluster = np.cumsum(rng.random(24) < 0.5)
        # Between clusters lie rows that are in none.
        self.cluster[self.cluster % 4 == 3] = -1
        self.delta = rng.normal(0.0, 1.0, 24)
        by_cluster = rng.choice([0.0, 3.0, 40.0], 30)
        self.listed = by_cluster[self.cluster]
        sizes = rng.integers(0, 12, 40)
        rows = [np.sort(rng.choice(24, size, replace=False)) for size in sizes]
        self.row = np.concatenate(rows).astype(np.uint32)
        self.quantity = rng.integers(-4, 5, self.row.size) * 0.5
        self.stop = np.cumsum(sizes)
        self.start = self.stop - sizes
        self.earned = rng.choice([0.0, 1.25, -0.75], 40)
        self.least = rng.choice([0.0, 0.5, 20.0], 40)

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        return self.row, self.quantity, self.start, self.stop

    def held(self, g: int) -> list[tuple[int, float]]:
        where = slice(self.start[g], self.stop[g])
        return list(zip(self.row[where].tolist(), self.quantity[where].tolist(), strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_sums_over_buckets_are_those_of_a_dictionary(seed: int) -> None:
    given = Drawn(seed)
    weight, net = np.random.default_rng(seed).random((3, 5)), np.array([False, True, False])
    out = np.full((40, 3), np.nan)
    sum_over_buckets(
        *(given.delta, given.bucket, weight, net, *given.columns, given.earned, out),
    )
    for g in range(40):
        expected = naive.over_buckets(
            *(given.held(g), given.delta, given.bucket.tolist(), given.earned[g], weight, net)
        )
        assert out[g] == pytest.approx(expected, rel=1e-13, abs=1e-13)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("free_share", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("has_array", [True, False])
@pytest.mark.parametrize("is_listed", [True, False])
def test_the_most_crowded_cluster_is_that_of_a_dictionary(
    seed: int, free_share: float, has_array: bool, is_listed: bool
) -> None:
    given, rng = Drawn(seed), np.random.default_rng(seed)
    # Levels: all contracts, the bucket of each, and clusters that lie anywhere.
    contract = given.cluster >= 0
    levels = [np.zeros(24), 1 + given.bucket, np.where(contract, 6 + given.cluster, -1)]
    cluster = np.where(contract, levels, -1).T.astype(np.int64).copy()
    open_interest = rng.choice([0.0, 3.0, 40.0], 50)
    listed = open_interest[cluster]
    known, least_share = (30.0 if is_listed else np.nan), 0.1
    limits = np.array([known, least_share, free_share, 1.5, 50.0])
    worst, out = rng.choice([0.0, 5.0, 500.0], 40), np.full(40, np.nan)
    array = rng.normal(0.0, 10.0, (24, 2, 16)) if has_array else np.zeros((24, 0, 0))
    damping = rng.choice([0.5, 1.0], array.shape[2])
    inside = rng.random((2, array.shape[2])) < 0.5
    if has_array:
        inside[:, 0] = True
    least, once = np.zeros(2, dtype=np.int8), np.ones(2, dtype=np.int64)
    most_crowded(
        *(cluster, listed, limits, *given.columns, worst),
        *(array, damping, least, inside, once, out),
    )
    for g in range(40):

        def lone_loss(positions: list[tuple[int, float]], g: int = g) -> float:
            if not has_array:
                return worst[g]
            cells = damping * sum(quantity * array[row] for row, quantity in positions).min(axis=0)
            return max(0.0, *(-cells[side].min() for side in inside))

        expected = naive.most_crowded(
            *(given.held(g), cluster.tolist(), open_interest, limits, worst[g], lone_loss)
        )
        assert out[g] == pytest.approx(1.5 * expected, rel=1e-12, abs=1e-12)
    assert out.max() > 0.0 if free_share < 1.0 else not out.any()
