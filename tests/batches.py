"""Files of accounts, written, spoilt and margined in small shards."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from seawall.feeds.account_margins import margin_of_positions
from seawall.feeds.batch.files import batch_files
from seawall.feeds.batch.run import margin_file
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.report.batch import BatchSummary
from tests.many_positions import MARKET, many_positions

ROWS = many_positions(60, 9)


def run(
    source: Path, out: Path, model: str | MarginModel = "prbm", *, size: int = 100, **options
) -> BatchSummary:
    files = batch_files(out, **options)
    return margin_file(source, MARKET, model, files, shard_positions=size)


def written(rows: pl.DataFrame, path: Path) -> Path:
    writers = {".parquet": rows.write_parquet, ".csv": rows.write_csv, ".arrow": rows.write_ipc}
    writers[path.suffix](path)
    return path


def whole(rows: pl.DataFrame, model: str = "prbm") -> pl.DataFrame:
    return margin_of_positions(rows, MARKET, load_preset(model))


def spoilt(rows: pl.DataFrame, place: int, **cells: object) -> pl.DataFrame:
    """The rows with some cells of one of them changed."""
    here = pl.int_range(len(rows)) == place
    changed = [
        pl.when(here).then(pl.lit(v)).otherwise(pl.col(k)).alias(k) for k, v in cells.items()
    ]
    return rows.with_columns(changed)
