"""The margin of every account of a file, however large, written to a file.

Accounts are margined shard by shard, so that memory is bounded by the shard. Finished shards are
kept in a folder beside the result until it is written (:mod:`seawall.feeds.batch.parts`); a run
that ended before goes on with them. The result has the accounts in the order of their first rows,
whatever the shards.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

import seawall
from seawall.basics.errors import InputError, SeawallError, UnwritableFile
from seawall.feeds.account_margins import (
    REFUSALS,
    failing_accounts,
    fault_frame,
    fault_of_account,
    held_under,
    margin_table,
)
from seawall.feeds.assumed import assumed
from seawall.feeds.batch.explained import reports_of, rows_of
from seawall.feeds.batch.files import BatchFiles, require_apart
from seawall.feeds.batch.parts import (
    Inputs,
    ShardTotals,
    dealt_folder,
    done_rejected,
    done_rows,
    empty_dealt,
    empty_folder,
    held_folder,
    open_folder,
    read_cut,
    read_totals,
    write_cut,
    write_shard,
)
from seawall.feeds.batch.totals import doubts_of, shard_totals, summed
from seawall.feeds.digests import digest_of, digest_of_file
from seawall.feeds.files import as_path, unreadable
from seawall.feeds.position_tables import (
    Fault,
    HeldInstruments,
    read_positions,
)
from seawall.feeds.shards import (
    SHARD_POSITIONS,
    Cut,
    PositionFile,
    Say,
    cut_of,
    deal,
    heap_rows,
    open_positions,
    shard,
    stamp_of,
)
from seawall.feeds.table_files import refusals_of_polars, write_table
from seawall.feeds.writing import refusals, unwritable, write_files
from seawall.margin.accounts.requirement import ModelArrays
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import CASH
from seawall.report.batch import BatchSummary
from seawall.report.build import model_info, require

if TYPE_CHECKING:
    import polars as pl

MOST_FAULTS = 1_000
"""So many bad rows are counted before a file is given up."""

_FIRST_ROW = "first_row"
_ORDERED_ACCOUNTS = 100_000


def margin_file(
    positions: str | Path,
    market: MarketSnapshot,
    model: str | MarginModel,
    files: BatchFiles,
    *,
    threads: int | None = None,
    restart: bool = False,
    say: Say = lambda step, done, rows: None,
    shard_positions: int = SHARD_POSITIONS,
) -> BatchSummary:
    """Margin every account of a file of positions and write the result; what came of it.

    A bad row ends it before any of ``files`` is written, unless they have a list of such rows; then
    the accounts that hold them are left out. Finished shards stay where a run is interrupted or the
    disk refuses, and are taken up by the next one with the same inputs; ``restart`` throws them
    away.

    Raises what the first bad row would raise by itself, InputError for shards of other inputs,
    UnreadableFile, UnrecognisedFile, EmptyPortfolio, UnwritableFile (also while another batch
    writes the same result), and what the model raises.
    """
    began = time.monotonic()
    chosen = load_preset(model) if isinstance(model, str) else model
    require(market, MarketSnapshot)
    require(chosen, MarginModel)
    if not isinstance(files, BatchFiles):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            f"{files!r:.60} does not say where to write",
            where="margin_file",
            remedy="Give batch_files(RESULT).",
        )
    path = as_path(positions)
    require_apart(files, path)
    stamp = stamp_of(path)
    folder = files.unfinished
    with held_folder(folder):
        inputs = Inputs(
            seawall=seawall.__version__,
            positions=digest_of_file(path),
            market=digest_of(market),
            model=digest_of(chosen),
            shard_positions=shard_positions,
            keep_going=files.rejected is not None,
        )
        open_folder(folder, inputs, restart=restart)
        try:
            file, warnings = open_positions(path, folder, stamp)
            cut = _known_cut(file, folder) or _cut(file, folder, shard_positions, warnings, say)
            done = _margin_all(file, cut, market, chosen, files, threads, say)
        except UnwritableFile:
            raise  # it may be mended, and then the shards that are done stay done
        except REFUSALS:
            empty_folder(folder)  # the same inputs would end in the same way
            raise
        empty_folder(folder)
    seconds = time.monotonic() - began
    sums = summed(done.totals)
    return BatchSummary(
        model=model_info(chosen),
        currency=CASH,
        as_of=market.as_of,
        **sums,
        resumed_accounts=done.resumed,
        seconds=round(seconds, 3),
        accounts_per_s=round((sums["accounts"] - done.resumed) / seconds, 1),
        result=str(files.result),
        rejected=None if files.rejected is None else str(files.rejected),
        explained=done.explained,
        warnings=done.warnings,
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What is written: totals of all shards, accounts that were done before, and reports."""

    totals: Sequence[ShardTotals]
    resumed: int
    explained: tuple[str, ...]
    warnings: tuple[str, ...]


def _margin_all(
    file: PositionFile,
    cut: Cut,
    market: MarketSnapshot,
    model: MarginModel,
    files: BatchFiles,
    threads: int | None,
    say: Say,
) -> _Done:
    """Margin what is not done yet, and write everything."""
    held, arrays = held_under(cut.instruments, market, model)
    batch = _Batch(file, files, cut, held, arrays)
    asked = rows_of(file, files.reports)
    totals, resumed = _margin_shards(batch, threads, say)
    reports = reports_of(asked, files, market, model)
    _write(batch, reports, sum(each.accounts for each in totals))
    warnings = (*cut.warnings, *assumed(held, model, doubts_of(totals)))
    return _Done(totals, resumed, tuple(map(str, reports)), warnings)


@dataclass(frozen=True, slots=True)
class _Batch:
    """A file cut into shards, and what its accounts are margined by."""

    file: PositionFile
    files: BatchFiles
    cut: Cut
    held: HeldInstruments
    arrays: ModelArrays

    @property
    def folder(self) -> Path:
        return self.files.unfinished

    @property
    def keep_going(self) -> bool:
        return self.files.rejected is not None

    def shard(self, number: int) -> pl.DataFrame:
        rows = shard(self.file, self.cut, dealt_folder(self.folder), number)
        _require_whole(self.folder, len(rows), self.cut.rows[number])
        return rows


def _cut(
    file: PositionFile, folder: Path, shard_positions: int, warnings: tuple[str, ...], say: Say
) -> Cut:
    """Cut the file anew, its rows dealt where that is needed."""
    cut = cut_of(file, shard_positions, warnings, say)
    rows = tuple(np.diff(cut.stops, prepend=0).tolist())
    if cut.dealt:
        dealt = empty_dealt(folder)
        deal(file, cut, dealt, say)
        rows = heap_rows(dealt, len(cut.stops))
    cut = structs.replace(cut, rows=rows)
    _require_whole(folder, sum(rows), file.rows)
    write_cut(folder, cut)
    return cut


def _known_cut(file: PositionFile, folder: Path) -> Cut | None:
    """The cut that is kept; None where rows of it are missing, which are then dealt anew."""
    cut = read_cut(folder)
    return None if cut is None or sum(cut.rows) != file.rows else cut


def _require_whole(folder: Path, found: int, rows: int) -> None:
    if found != rows:
        why = f"it has {found:,} of {rows:,} rows"
        raise unreadable(folder, why, "Give the same command again, which begins anew.")


def _require_accounts(batch: _Batch, found: int, accounts: int) -> None:
    """Raise UnwritableFile where an account would be missing, or there twice."""
    if found != accounts:
        why = f"it would have {found:,} of {accounts:,} accounts"
        remedy = "Begin anew with --restart (restart=True in Python)."
        raise unwritable(batch.files.result, why, remedy)


# ---- shards


def _margin_shards(batch: _Batch, threads: int | None, say: Say) -> tuple[list[ShardTotals], int]:
    """Margin every shard that is not done yet; what each comes to, and the accounts that were done.

    From the first bad row on the others are only looked for. Raises what that row would raise.
    """
    totals: list[ShardTotals] = []
    faults: list[Fault] = []
    resumed = 0
    for number, stop in enumerate(batch.cut.stops):
        done = None if faults else read_totals(batch.folder, number)
        if done is not None:
            resumed += done.accounts
        elif faults:
            faults += read_positions(batch.shard(number), batch.held, MOST_FAULTS)[1]
        else:
            done = _margin_shard(batch, number, threads, faults)
        if done is not None:
            totals.append(done)
        if len(faults) >= MOST_FAULTS:
            break
        say("margining", stop, batch.file.rows)
    if faults:
        raise _refusal(batch.file, faults)
    return totals, resumed


def _margin_shard(
    batch: _Batch, number: int, threads: int | None, refused: list[Fault]
) -> ShardTotals | None:
    """Margin a shard and keep it; None where its faults, added to ``refused``, end the batch."""
    import polars as pl

    most = None if batch.keep_going else MOST_FAULTS
    frame = batch.shard(number)
    table, faults = read_positions(frame, batch.held, most)
    if faults and not batch.keep_going:
        refused += faults
        return None
    try:
        margins = margin_table(table, batch.held, batch.arrays, threads)
    except REFUSALS:
        found = failing_accounts(table, batch.held, batch.arrays)
        failing = dict(islice(found, most))
        faults += [fault_of_account(frame, table, *each) for each in failing.items()]
        if not failing:
            raise
        if not batch.keep_going:
            refused += faults
            return None
        stays = np.ones(len(table.accounts), dtype=np.bool_)
        stays[list(failing)] = False
        table = table.only(stays)
        margins = margin_table(table, batch.held, batch.arrays, threads)
    totals = shard_totals(margins, table, faults, batch.held)
    read = frame["account"].drop_nulls().cast(pl.String)
    known = read.filter(read != "").n_unique()
    _require_accounts(batch, totals.accounts + totals.rejected_accounts, known)
    if batch.cut.dealt:
        margins = _with_first_rows(margins, frame)
    write_shard(batch.folder, number, margins, fault_frame(faults), totals)
    return totals


def _refusal(file: PositionFile, faults: Sequence[Fault]) -> SeawallError:
    """The error of the first bad row, and how many there are."""
    first = min(faults, key=lambda fault: fault.row).error
    others = len(faults) - 1
    least = "at least " if len(faults) >= MOST_FAULTS else ""
    more = f"; {least}{others:,} more rows are bad" if others else ""
    counted = "the header is row 1" if file.first_row == 2 else "the first position is row 1"
    return type(first)(
        first.what,
        where=f"{file.path.name} {first.where}; {counted}",
        remedy=f"{first.remedy} Or leave out the accounts of bad rows with --keep-going "
        f"(keep_going=True in Python), which lists them{more}.",
    )


# ---- what is written


def _with_first_rows(margins: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Margins with the number of the first row of each account."""
    import polars as pl

    rows = frame.select("account", pl.col("row").alias(_FIRST_ROW))
    first = rows.unique("account", keep="first", maintain_order=True)
    return margins.join(first, on="account", how="left", maintain_order="left")


def _in_order(batch: _Batch) -> Iterator[Path]:
    """The files of margins, those of a dealt file anew in the order of first rows."""
    import polars as pl

    shards = done_rows(batch.folder, len(batch.cut.stops))
    if not batch.cut.dealt:
        yield from shards
        return
    parts = [pl.scan_parquet(part, glob=False) for part in shards]
    first = pl.concat([part.select(_FIRST_ROW) for part in parts]).collect().to_series().sort()
    for number, place in enumerate(range(0, max(first.len(), 1), _ORDERED_ACCOUNTS)):
        own = first[place : place + _ORDERED_ACCOUNTS]
        here = pl.col(_FIRST_ROW).is_between(own.min(), own.max())
        found = pl.concat([part.filter(here) for part in parts])
        ordered = batch.folder / "ordered" / f"{number:06}.parquet"
        with refusals(ordered), refusals_of_polars(ordered):
            ordered.parent.mkdir(exist_ok=True)
            found.collect().sort(_FIRST_ROW).drop(_FIRST_ROW).write_parquet(ordered)
        yield ordered


def _write(batch: _Batch, reports: Mapping[Path, bytes], accounts: int) -> None:
    """Write the list of bad rows and the reports, and the result, of so many accounts, last."""
    import polars as pl

    files = batch.files
    margins = pl.scan_parquet(list(_in_order(batch)), glob=False)
    _require_accounts(batch, int(margins.select(pl.len()).collect().item()), accounts)
    if files.rejected is not None:
        parts = done_rejected(batch.folder, len(batch.cut.stops))
        rejected = pl.concat([pl.read_parquet(part) for part in parts]).sort("row")
        write_table(rejected.lazy(), files.rejected)
    for report, content in reports.items():
        with refusals(report):
            report.parent.mkdir(exist_ok=True)
        write_files({report: content})
    write_table(margins, files.result)
