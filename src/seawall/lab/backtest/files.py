"""What a backtest writes into its folder: rows, the document, and a page to look at."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seawall.feeds.writing import write_files
from seawall.report.backtest import Backtest

if TYPE_CHECKING:
    import polars as pl

ROWS, TABLE, DOCUMENT, PAGE = "rows.parquet", "rows.csv", "backtest.json", "backtest.html"


def write_backtest(folder: Path, rows: pl.DataFrame, document: Backtest) -> tuple[Path, ...]:
    """Write ``rows.parquet``, ``rows.csv``, ``backtest.json`` and, where plotly is installed,
    ``backtest.html``; returns the files. Those of an earlier run are replaced.

    Raises UnwritableFile.
    """
    from seawall.lab.backtest.page import page_of

    parquet, text = io.BytesIO(), io.BytesIO()
    rows.write_parquet(parquet)
    rows.write_csv(text)
    files = {
        folder / DOCUMENT: document.to_json() + b"\n",
        folder / ROWS: parquet.getvalue(),
        folder / TABLE: text.getvalue(),
    }
    if find_spec("plotly") is not None:
        files[folder / PAGE] = page_of(document, rows).encode()
    write_files(files)
    return tuple(files)
