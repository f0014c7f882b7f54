"""Kernels of many accounts against loops over one account at a time."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from seawall.kernels import segments
from seawall.kernels.backends import CPU, implementation
from seawall.kernels.lanes import KTH_LEAST, TAIL_MEAN
from tests.conftest import ROOT
from tests.naive import segments as naive

KINDS = ((0, 1), (0, 1), (1, 1), (1, 4), (2, 1), (2, 5))


@dataclass
class Case:
    """Random segments: some empty, some overlapping, positions that are in none."""

    array: np.ndarray
    row: np.ndarray
    quantity: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    earned_usd: np.ndarray
    price_rel: np.ndarray
    damping: np.ndarray
    kind: np.ndarray
    inside: np.ndarray
    k: np.ndarray

    @property
    def positions(self) -> tuple[np.ndarray, ...]:
        return self.array, self.row, self.quantity, self.start, self.stop

    @property
    def coins(self) -> tuple[np.ndarray, ...]:
        return self.earned_usd, self.price_rel

    @property
    def reductions(self) -> tuple[np.ndarray, ...]:
        return self.damping, self.kind, self.inside, self.k

    def held(self, g: int) -> list[tuple[int, float]]:
        where = slice(self.start[g], self.stop[g])
        return list(zip(self.row[where].tolist(), self.quantity[where].tolist(), strict=True))

    def net(self, g: int) -> list[list[float]]:
        return naive.net(
            self.array.tolist(), self.held(g), float(self.earned_usd[g]), self.price_rel.tolist()
        )

    def reduced(self, g: int) -> list[float]:
        cells = naive.counted(self.net(g), self.damping.tolist())
        rules = zip(self.kind.tolist(), self.inside.tolist(), self.k.tolist(), strict=True)
        return [naive.reduced(cells, *rule) for rule in rules]


def case(instants: int, cells: int, seed: int = 11) -> Case:
    rng = np.random.default_rng(seed)
    wide = -(-cells // 8) * 8
    array = np.zeros((40, instants, wide))
    array[:, :, :cells] = rng.normal(0.0, 300.0, (40, instants, cells))
    start = rng.integers(0, 60, 30)
    start[:2] = 0
    stop = start + rng.integers(0, 25, 30)
    stop[:2] = 0, 90
    inside = np.zeros((len(KINDS), wide), dtype=np.bool_)
    inside[:, :cells] = rng.random((len(KINDS), cells)) < 0.6
    inside[:, :5] = True
    inside[0, :cells] = True
    inside[1, 1:cells] = False
    price_rel, damping = np.zeros(wide), np.ones(wide)
    price_rel[:cells] = np.linspace(-0.5, 1.0, cells)
    damping[:cells] = rng.uniform(0.2, 1.0, cells)
    return Case(
        array=array,
        row=rng.integers(0, 40, 95).astype(np.uint32),
        quantity=rng.normal(0.0, 3.0, 95),
        start=start,
        stop=stop,
        earned_usd=rng.normal(0.0, 1e4, 30),
        price_rel=price_rel,
        damping=damping,
        kind=np.array([kind for kind, _ in KINDS], dtype=np.int8),
        inside=inside,
        k=np.array([k for _, k in KINDS], dtype=np.int64),
    )


SHAPES = [(1, 69), (2, 39), (3, 39), (1, 8), (2, 5), (4, 130)]


def digest() -> str:
    """A hash of every bit that the kernels give for all shapes."""
    found = hashlib.sha256()
    for shape in SHAPES:
        given = case(*shape)
        vectors, reduced = np.empty((30, *given.array.shape[1:])), np.empty((30, len(KINDS)))
        segments.net_segments(*given.positions, *given.coins, vectors)
        segments.fold_segments(*given.positions, *given.coins, *given.reductions, reduced)
        supposed, sums = np.empty(len(KINDS)), np.empty((30, given.array.shape[2]))
        segments.what_if_vector(vectors[4], given.array[7], -2.5, *given.reductions, supposed)
        segments.sum_segments(
            np.ascontiguousarray(given.array[:, 0]),
            np.ascontiguousarray(-2.0 * given.array[:, 0]),
            *given.positions[1:],
            sums,
        )
        for out in (vectors, reduced, supposed, sums):
            found.update(out.tobytes())
    return found.hexdigest()


def test_bits_are_the_same_without_compilation() -> None:
    """On other processors: tests/test_bits.py."""
    there = subprocess.run(
        [sys.executable, "-c", "from tests.test_segments import digest; print(digest())"],
        cwd=ROOT,
        env=os.environ | {"SEAWALL_DISABLE_JIT": "1"},
        capture_output=True,
        check=True,
        text=True,
    ).stdout.strip()
    assert there == digest()


@pytest.mark.parametrize(("instants", "cells"), SHAPES)
def test_every_reduction_of_every_segment_is_that_of_the_loops(instants: int, cells: int) -> None:
    given = case(instants, cells)
    out = np.full((30, len(KINDS)), np.nan)
    segments.fold_segments(*given.positions, *given.coins, *given.reductions, out)
    expected = np.array([given.reduced(g) for g in range(30)])
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-9)
    # What is a minimum or a rank is one of the cells to the last bit.
    np.testing.assert_array_equal(out[:, given.kind != 2], expected[:, given.kind != 2])


@pytest.mark.parametrize(("instants", "cells"), SHAPES)
def test_vectors_are_the_nets_of_the_loops_and_reduce_to_the_same(
    instants: int, cells: int
) -> None:
    given = case(instants, cells)
    vectors = np.full((30, *given.array.shape[1:]), np.nan)
    segments.net_segments(*given.positions, *given.coins, vectors)
    np.testing.assert_array_equal(vectors, [given.net(g) for g in range(30)])
    reduced, folded = np.empty((30, len(KINDS))), np.empty((30, len(KINDS)))
    segments.reduce_vectors(vectors, *given.reductions, reduced)
    segments.fold_segments(*given.positions, *given.coins, *given.reductions, folded)
    np.testing.assert_array_equal(reduced, folded)


def test_results_are_the_same_however_segments_are_cut_into_shards() -> None:
    given = case(2, 39)
    whole = np.empty((30, len(KINDS)))
    segments.fold_segments(*given.positions, *given.coins, *given.reductions, whole)
    for cut in (1, 7, 29):
        parts = []
        for part in (slice(0, cut), slice(cut, 30)):
            out = np.empty((len(range(30)[part]), len(KINDS)))
            segments.fold_segments(
                *(given.array, given.row, given.quantity, given.start[part], given.stop[part]),
                *(given.earned_usd[part], given.price_rel, *given.reductions, out),
            )
            parts.append(out)
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_segment_without_positions_is_what_earned_coins_alone_give() -> None:
    given = case(2, 39)
    out = np.empty((30, len(KINDS)))
    given.stop[:] = given.start
    segments.fold_segments(*given.positions, *given.coins, *given.reductions, out)
    alone = given.earned_usd[:, None] * given.price_rel * given.damping
    np.testing.assert_array_equal(out[:, 0], alone[:, given.inside[0]].min(axis=1))


def test_padding_is_in_no_reduction() -> None:
    given = case(1, 69)
    given.array[:, :, :69] = 1.0
    given.quantity[:] = 1.0
    given.earned_usd[:] = 0.0
    given.damping[:] = 1.0
    out = np.empty((30, len(KINDS)))
    segments.fold_segments(*given.positions, *given.coins, *given.reductions, out)
    # A padded cell would hold 0, less than any sum of gains.
    np.testing.assert_array_equal(out, np.repeat((given.stop - given.start)[:, None], 6, axis=1))


def test_sums_take_the_figures_of_the_side_that_a_position_is_on() -> None:
    given = case(1, 8)
    rng = np.random.default_rng(5)
    long, short = rng.uniform(0.0, 9.0, (2, 40, 3))
    given.quantity[4] = 0.0
    out = np.full((30, 3), np.nan)
    segments.sum_segments(long, short, *given.positions[1:], out)
    expected = [naive.summed(long.tolist(), short.tolist(), given.held(g)) for g in range(30)]
    np.testing.assert_array_equal(out, expected)


def test_ties_count_as_often_as_they_occur() -> None:
    given = case(1, 8)
    given.array[:, 0, :] = [-4.0, -1.0, -4.0, 0.0, -3.0, -4.0, -3.0, 5.0]
    given.quantity[:], given.earned_usd[:], given.damping[:] = 1.0, 0.0, 1.0
    given.start[:], given.stop[:] = 0, 1
    given.inside[:], given.k[:] = True, 5
    for kind, expected in ((KTH_LEAST, -3.0), (TAIL_MEAN, -3.6)):
        given.kind[:] = kind
        out = np.empty((30, len(KINDS)))
        segments.fold_segments(*given.positions, *given.coins, *given.reductions, out)
        np.testing.assert_array_equal(out, expected)


def test_segments_built_anew_are_those_of_the_positions_now_and_no_others() -> None:
    given = case(2, 39)
    vectors, reduced = np.empty((30, *given.array.shape[1:])), np.empty((30, len(KINDS)))
    segments.net_segments(*given.positions, *given.coins, vectors)
    segments.reduce_vectors(vectors, *given.reductions, reduced)
    before = vectors.copy(), reduced.copy()
    given.array *= 1.5
    after = np.empty_like(vectors), np.empty_like(reduced)
    segments.net_segments(*given.positions, *given.coins, after[0])
    segments.reduce_vectors(after[0], *given.reductions, after[1])
    chosen = np.array([0, 28, 3, 29, 11])
    segments.rebuild_segments(
        *given.positions, *given.coins, *given.reductions, chosen, vectors, reduced
    )
    others = np.setdiff1d(np.arange(30), chosen)
    for now, then, expected in zip((vectors, reduced), before, after, strict=True):
        np.testing.assert_array_equal(now[chosen], expected[chosen])
        np.testing.assert_array_equal(now[others], then[others])


@pytest.mark.parametrize(("instants", "cells"), SHAPES)
def test_what_if_is_what_the_vector_reduces_to_after_the_trade_and_leaves_it_alone(
    instants: int, cells: int
) -> None:
    given = case(instants, cells)
    vectors = np.empty((30, *given.array.shape[1:]))
    segments.net_segments(*given.positions, *given.coins, vectors)
    vector, unit = vectors[4].copy(), given.array[7]
    supposed = np.empty(len(KINDS))
    segments.what_if_vector(vector, unit, -2.5, *given.reductions, supposed)
    np.testing.assert_array_equal(vector, vectors[4])

    segments.add_to_vector(unit, -2.5, vector)
    np.testing.assert_array_equal(vector, vectors[4] + -2.5 * unit)
    real = np.empty((1, len(KINDS)))
    segments.reduce_vectors(vector[None], *given.reductions, real)
    np.testing.assert_array_equal(supposed, real[0])


def test_fills_leave_the_vector_of_what_is_then_held() -> None:
    given = case(3, 39)
    rng = np.random.default_rng(3)
    vector = np.zeros(given.array.shape[1:])
    rows, changes = rng.integers(0, 40, 500), rng.normal(0.0, 3.0, 500)
    for place, change in zip(rows.tolist(), changes.tolist(), strict=True):
        segments.add_to_vector(given.array[place], change, vector)
    held = np.bincount(rows, changes, minlength=40)
    expected = np.einsum("m,miw->iw", held, given.array)
    np.testing.assert_allclose(vector, expected, rtol=1e-12, atol=1e-8)


def test_kernels_of_accounts_are_found_by_what_computes_them() -> None:
    assert implementation(CPU).fold_segments is segments.fold_segments
    assert implementation(CPU).sum_segments is segments.sum_segments
    with pytest.raises(KeyError, match="'abacus'; there are: cpu"):
        implementation("abacus")
