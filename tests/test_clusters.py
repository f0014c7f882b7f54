"""Kernels that order positions and add up buckets and clusters, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from seawall.kernels.clusters import crowded_ranges, sum_over_buckets
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
def test_crowded_clusters_are_those_of_a_dictionary(seed: int, free_share: float) -> None:
    given = Drawn(seed)
    segment, start, stop = np.full((3, given.row.size), -1)
    share = np.full(given.row.size, np.nan)
    found = crowded_ranges(
        *(given.cluster, given.listed, *given.columns, given.least, free_share),
        *(segment, start, stop, share),
    )
    ranges = zip(segment.tolist(), start.tolist(), stop.tolist(), share.tolist(), strict=True)
    by_segment = [set() for _ in range(40)]
    for g, first, last, part in list(ranges)[:found]:
        assert first < last
        by_segment[g].add((first - given.start[g], last - given.start[g], round(part, 12)))
    for g in range(40):
        expected = naive.crowded(
            given.held(g), given.cluster.tolist(), given.listed, given.least[g], free_share
        )
        assert by_segment[g] == {
            (places[0], places[-1] + 1, round(part, 12)) for places, part in expected.values()
        }
    assert (segment[found:] == -1).all()
    assert found > 0 if free_share < 1.0 else found == 0
