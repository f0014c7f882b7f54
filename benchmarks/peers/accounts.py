"""Many accounts: the least over scenarios of Σ quantity · array[row], for each segment.

Arrays: blocks of consecutive segments, each with a table of its own, ``array`` [B, N, S];
``segments`` [B + 1] counts segments up to each block; ``positions`` [G + 1] counts positions up to
each segment; ``row`` [P] into the block's table; ``quantity`` [P]. The answer has shape [G].
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.prepared import Arrays, Floats, Peers, Prepared

# So many positions take a slow peer less than a second; of a larger job it does the first segments.
SLOW, SLOWEST = 3_000_000, 100_000


class Block(NamedTuple):
    """Segments with one table: positions [p] counted up to each, rows [P], quantities, table."""

    positions: NDArray[np.int64]
    row: NDArray[np.uint32]
    quantity: Floats
    array: Floats


def blocks(given: Arrays) -> Iterator[Block]:
    """The job's blocks."""
    segments, positions = given["segments"], given["positions"]
    for b, array in enumerate(given["array"]):
        counted = positions[segments[b] : segments[b + 1] + 1]
        part = slice(counted[0], counted[-1])
        yield Block(counted - counted[0], given["row"][part], given["quantity"][part], array)


def first_part(given: Arrays, most: int) -> tuple[Arrays, float]:
    """The first segments with at most ``most`` positions, as a job, and their share of all."""
    counted, total = given["positions"], int(given["positions"][-1])
    if total <= most:
        return given, 1.0
    kept = int(np.searchsorted(counted, most, side="right")) - 1
    part = {
        **given,
        "positions": counted[: kept + 1],
        "segments": np.minimum(given["segments"], kept),
        "row": given["row"][: counted[kept]],
        "quantity": given["quantity"][: counted[kept]],
    }
    return part, float(counted[kept]) / total


def scipy_sparse(given: Arrays) -> Prepared:
    """Positions as a sparse matrix, times the table, then the least of each row."""
    from scipy.sparse import csr_matrix

    pairs = [
        (
            csr_matrix(
                (b.quantity, b.row.astype(np.int32), b.positions.astype(np.int32)),
                shape=(b.positions.size - 1, b.array.shape[0]),
            ),
            np.ascontiguousarray(b.array),
        )
        for b in blocks(given)
    ]
    return Prepared(lambda: np.concatenate([(m @ array).min(axis=1) for m, array in pairs]))


def torch_sparse(given: Arrays) -> Prepared:
    """The same with torch's sparse rows."""
    import warnings

    import torch

    warnings.filterwarnings("ignore", message="Sparse CSR")
    torch.set_num_threads(1)
    pairs = [
        (
            torch.sparse_csr_tensor(
                torch.from_numpy(b.positions),
                torch.from_numpy(b.row.astype(np.int64)),
                torch.from_numpy(b.quantity),
                size=(b.positions.size - 1, b.array.shape[0]),
            ),
            torch.from_numpy(np.ascontiguousarray(b.array)),
        )
        for b in blocks(given)
    ]
    return Prepared(lambda: np.concatenate([(m @ a).amin(dim=1).numpy() for m, a in pairs]))


def numpy_loop(given: Arrays) -> Prepared:
    """One product of a vector and a few rows for each segment."""
    part, share = first_part(given, SLOW)
    each = [
        (b.quantity[start:stop], b.row[start:stop], b.array)
        for b in blocks(part)
        for start, stop in pairwise(b.positions.tolist())
    ]
    return Prepared(
        lambda: np.array([(quantity @ array[row]).min() for quantity, row, array in each]), share
    )


def pure_python(given: Arrays) -> Prepared:
    """Lists and loops."""
    part, share = first_part(given, SLOWEST)
    parts = [
        (b.positions.tolist(), b.row.tolist(), b.quantity.tolist(), b.array.tolist())
        for b in blocks(part)
    ]

    def run() -> Floats:
        least = []
        for positions, row, quantity, array in parts:
            for start, stop in pairwise(positions):
                total = [0.0] * len(array[0])
                for r, q in zip(row[start:stop], quantity[start:stop], strict=True):
                    total = [sum_ + q * unit for sum_, unit in zip(total, array[r], strict=True)]
                least.append(min(total))
        return np.array(least)

    return Prepared(run, share)


def _columns(given: Arrays) -> tuple[dict[str, NDArray[np.generic]], Floats, list[str]]:
    """Positions as columns with the number of their segment; one table for all blocks."""
    N, S = given["array"].shape[1:]
    counts = np.diff(given["positions"])
    segment = np.repeat(np.arange(counts.size), counts)
    block = np.searchsorted(given["segments"], segment, side="right") - 1
    columns = {
        "segment": segment,
        "row": block * N + given["row"].astype(np.int64),
        "quantity": given["quantity"],
    }
    return columns, given["array"].reshape(-1, S), [f"s{s}" for s in range(S)]


def polars(given: Arrays) -> Prepared:
    """A join, a sum by segment for each scenario, the least of them."""
    import polars as pl

    part, share = first_part(given, SLOW // 3)
    columns, table, names = _columns(part)
    positions = pl.DataFrame(columns)
    units = pl.DataFrame({name: table[:, s] for s, name in enumerate(names)}).with_row_index("row")
    units = units.with_columns(pl.col("row").cast(pl.Int64))
    query = (
        positions.lazy()
        .join(units.lazy(), on="row")
        .group_by("segment")
        .agg([(pl.col(name) * pl.col("quantity")).sum() for name in names])
        .select("segment", least=pl.min_horizontal(names))
        .sort("segment")
    )

    def run() -> Floats:
        return query.collect()["least"].to_numpy()

    return Prepared(run, share)


def duckdb(given: Arrays) -> Prepared:
    """The same in SQL over tables in memory."""
    import duckdb as library
    import pandas as pd

    part, share = first_part(given, SLOW)
    columns, table, names = _columns(part)
    connection = library.connect(config={"threads": 1})
    frames = {
        "positions": pd.DataFrame(columns),
        "units": pd.DataFrame(table, columns=names).reset_index(names="row"),
    }
    for name, frame in frames.items():
        connection.register("frame", frame)
        connection.execute(f"create table {name} as select * from frame")
        connection.unregister("frame")
    sums = ", ".join(f"sum(quantity * {name})" for name in names)
    query = (
        f"select least({sums}) as least from positions join units using (row) "
        "group by segment order by segment"
    )
    return Prepared(lambda: connection.execute(query).fetchnumpy()["least"], share)


PEERS: Peers = {
    "scipy.sparse": scipy_sparse,
    "torch, sparse rows": torch_sparse,
    "duckdb": duckdb,
    "numpy, loop": numpy_loop,
    "polars": polars,
    "pure Python": pure_python,
}
