"""Tables written to files in pieces, so that they may exceed memory: parquet, CSV, Arrow IPC."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seawall.feeds.files import as_path
from seawall.feeds.reports import FORMULA_STARTS
from seawall.feeds.writing import require_free, unwritable, written_whole

if TYPE_CHECKING:
    import polars as pl


def writable_table(path: str | Path, *, overwrite: bool = False) -> Path:
    """The path, if a table can be written there by its suffix and no file is in the way.

    Raises UnwritableFile.
    """
    target = as_path(path)
    if target.suffix.lower() not in _SINKS:
        raise unwritable(target, "its suffix names no format", f"End it in {', '.join(_SINKS)}.")
    require_free(target, overwrite=overwrite)
    return target


def write_table(rows: pl.LazyFrame, file: Path) -> None:
    """Write rows to a file by its suffix, whole or not at all.

    In CSV a text that a program for tables would take for a formula has ``'`` in front, as in
    :func:`seawall.feeds.reports.write_report`. Raises UnwritableFile.
    """
    with written_whole(file) as part, refusals_of_polars(file):
        _SINKS[file.suffix.lower()](rows, part)


@contextmanager
def refusals_of_polars(file: Path) -> Generator[None]:
    """Turn what polars says while it writes a file into UnwritableFile."""
    import polars as pl

    try:
        yield
    except pl.exceptions.PolarsError as error:
        why = str(error).strip().split("\n", 1)[0][:160]
        raise unwritable(file, why, "Check the space and permissions there.") from None


def _parquet(rows: pl.LazyFrame, file: Path) -> None:
    rows.sink_parquet(file)


def _arrow(rows: pl.LazyFrame, file: Path) -> None:
    rows.sink_ipc(file)


def _csv(rows: pl.LazyFrame, file: Path) -> None:
    import polars as pl

    texts = [name for name, kind in rows.collect_schema().items() if kind == pl.String]
    starts = list(FORMULA_STARTS)
    as_text = [
        pl.when(pl.col(name).str.head(1).is_in(starts))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    ]
    rows.with_columns(as_text).sink_csv(file)


_SINKS: Mapping[str, Callable[[Any, Path], None]] = MappingProxyType(
    {".parquet": _parquet, ".csv": _csv, ".arrow": _arrow}
)
