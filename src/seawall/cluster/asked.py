"""What a program hands in, checked at the doors of this room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seawall.basics.errors import InputError
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.market.snapshot import MarketSnapshot
from seawall.report.build import require

if TYPE_CHECKING:
    import polars as pl


def asked_model(
    market: MarketSnapshot, model: str | MarginModel, workers: int | None
) -> MarginModel:
    """The model, a preset by its name. Raises InputError for what is no market, model or number of
    workers, and UnknownModel.
    """
    chosen = load_preset(model) if isinstance(model, str) else model
    require(market, MarketSnapshot)
    require(chosen, MarginModel)
    if workers is not None and (not isinstance(workers, int) or workers < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            f"{workers!r} workers",
            where="workers",
            remedy="Give a whole number of at least 1, or none for one a processor.",
        )
    return chosen


def asked_accounts(accounts: Any) -> pl.Series:
    """Names of accounts, text or integers as a table has them; shape [n].

    Raises InputError for what is no sequence of names; one name by itself is none.
    """
    import polars as pl

    given: pl.Series | None = None
    if accounts is not None and not isinstance(accounts, str):
        try:
            given = pl.Series("account", accounts)
        except (TypeError, ValueError, pl.exceptions.PolarsError):
            given = None
    if given is not None and given.is_empty():
        return given.cast(pl.String)
    kind = None if given is None else given.dtype
    if given is None or given.null_count() or not (kind == pl.String or given.dtype.is_integer()):
        raise InputError(
            f"{accounts!r:.60} are no names of accounts",
            where="accounts",
            remedy="Give a list of names: text, or integers where the positions have them.",
        )
    return given
