"""What a program hands in, checked at the doors of this room."""

from __future__ import annotations

from seawall.basics.errors import InputError
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.market.snapshot import MarketSnapshot
from seawall.report.build import require


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
