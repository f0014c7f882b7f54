"""Whole reports of single accounts of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seawall.basics.errors import InputError
from seawall.feeds.account_margins import REFUSALS
from seawall.feeds.batch.files import BatchFiles
from seawall.feeds.position_tables import portfolio_of
from seawall.feeds.shards import PositionFile
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot
from seawall.report.build import margin

if TYPE_CHECKING:
    import polars as pl


def rows_of(file: PositionFile, accounts: Iterable[str]) -> dict[str, pl.DataFrame]:
    """All rows of some accounts. Raises InputError for one that has none."""
    import polars as pl

    asked = list(accounts)
    found = {account: list[pl.DataFrame]() for account in asked}
    for start, stop in file.slices() if asked else ():
        names = file.names(start, stop)[0].cast(pl.String)
        here = names.is_in(asked)
        if here.any():
            for (account,), rows in (
                file.between(start, stop)
                .filter(here)
                .with_columns(name=pl.col("account").cast(pl.String))
                .partition_by("name", as_dict=True, include_key=False)
                .items()
            ):
                found[account].append(rows)
    for account, parts in found.items():
        if not parts:
            raise InputError(
                f"no position is of account {account!r}",
                where=str(file.path),
                remedy="Name accounts to explain as the file does.",
            )
    return {account: pl.concat(parts) for account, parts in found.items()}


def reports_of(
    asked: Mapping[str, pl.DataFrame],
    files: BatchFiles,
    market: MarketSnapshot,
    model: MarginModel,
) -> dict[Path, bytes]:
    """The report of each account that was asked for, as JSON; one that is left out has none."""
    found: dict[Path, bytes] = {}
    for account, rows in asked.items():
        try:
            report = margin(portfolio_of(rows), market, model)
        except REFUSALS:
            if files.rejected is None:
                raise
            continue
        found[files.reports[account]] = report.to_json() + b"\n"
    return found
