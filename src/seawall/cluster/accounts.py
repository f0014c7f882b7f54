"""The door to many accounts: one function, whether this machine computes or many do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from seawall.basics.errors import InputError
from seawall.cluster.asked import asked_model
from seawall.cluster.batch import margin_over_ray
from seawall.feeds.account_margins import Progress, margin_of_positions, no_progress
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot

if TYPE_CHECKING:
    import polars as pl

Engine = Literal["local", "ray"]


def margin_accounts(
    positions: Any,
    market: MarketSnapshot,
    model: str | MarginModel,
    *,
    engine: Engine = "local",
    workers: int | None = None,
    address: str | None = None,
    progress: Progress = no_progress,
) -> pl.DataFrame:
    """The margin of every account of a table, one row each, in the order of their first rows.

    ``positions`` has the columns account, instrument, quantity (units of the underlying, + long)
    and, where known, entry_price: a frame of polars, an Arrow table or a mapping of arrays.
    Columns of the result: account, currency (USD), initial, maintenance, margin_value, equity,
    excess_initial, excess_maintenance, mm_ratio (null: infinite), state, to the cent those of each
    account's report. ``engine`` "ray" spreads the accounts over a Ray cluster, at ``address`` or
    as :class:`seawall.cluster.resident.AccountCluster` finds it, with the same numbers to the last
    bit. What is assumed of the positions :func:`seawall.feeds.account_margins.position_warnings`
    tells. ``workers`` are threads here and processes there (None: one a processor). ``progress`` is
    told how many accounts are done, and of how many.

    Raises what the first row that cannot be margined would raise by itself, EmptyPortfolio for a
    table without rows, UnrecognisedFile for other columns, what the model raises, InputError for
    an engine that is none or not installed, and ClusterError.
    """
    chosen = asked_model(market, model, workers)
    if engine == "ray":
        return margin_over_ray(positions, market, chosen, workers, address, progress)
    if engine != "local":
        raise InputError(
            f"{engine!r} is no engine",
            where="engine",
            remedy=f"Give one of {', '.join(get_args(Engine))}.",
        )
    return margin_of_positions(positions, market, chosen, workers, progress)
