"""What a batch holds to: one name whatever the format, every row margined, inputs left alone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from seawall.feeds.account_margins import margin_of_positions
from seawall.feeds.batch import margin_file
from seawall.feeds.batch_files import batch_files
from seawall.margin.presets import load_preset
from tests.many_positions import MARKET, many_positions

ROWS = many_positions(60, 9)
SIZE = 100


def run(source: Path, out: Path, **options):
    return margin_file(source, MARKET, "prbm", batch_files(out), shard_positions=SIZE, **options)


# ---- names


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow"])
def test_blanks_around_names_are_no_part_of_them(suffix: str, tmp_path: Path) -> None:
    """Whatever the format; the rows of an account that is written in two ways stand apart."""
    rows = pl.concat([ROWS[:4], ROWS[9:], ROWS[4:9]])
    blank = pl.when(pl.int_range(pl.len()) >= 300).then(pl.lit(" ")).otherwise(pl.lit(""))
    padded = rows.with_columns(
        account=blank + pl.col("account"), instrument=pl.col("instrument") + blank
    )
    source = tmp_path / f"positions.{suffix}"
    writers = {"parquet": padded.write_parquet, "csv": padded.write_csv, "arrow": padded.write_ipc}
    writers[suffix](source)
    run(source, tmp_path / "margins.parquet")
    expected = margin_of_positions(rows, MARKET, load_preset("prbm"))
    assert pl.read_parquet(tmp_path / "margins.parquet").equals(expected)
