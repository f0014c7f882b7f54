"""What commands are given, read: books, markets and names of models.

Rooms are imported inside the functions, so that ``seawall --help`` loads none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seawall.margin.model import MarginModel
    from seawall.market.snapshot import MarketSnapshot
    from seawall.products.portfolio import Portfolio


def model_of(name: str) -> str | MarginModel:
    """The model of a file that ends in .toml, or a hybrid with such a second model.

    Any other name stays, to be looked up. Raises what read_model and with_second raise.
    """
    from seawall.feeds.models import SUFFIX, read_model
    from seawall.margin.presets import load_preset, with_second

    if not name.endswith(SUFFIX):
        return name
    first, colon, second = name.partition(":")
    return with_second(load_preset(first), read_model(second)) if colon else read_model(name)


def models_of(models: str) -> list[str | MarginModel]:
    """Names and files of models separated by commas. Raises BadParameter if there is none."""
    from seawall.basics.errors import BadParameter

    names = [model_of(name.strip()) for name in models.split(",") if name.strip()]
    if not names:
        raise BadParameter(
            "no models to compare", where="--models", remedy="Name some, for example cross,prbm."
        )
    return names


def inputs(
    book: str, market: list[str], at: str | None, given: list[str] | None
) -> tuple[Sequence[Portfolio], MarketSnapshot]:
    """The accounts of a book and the market to value them in."""
    from seawall.feeds.books import read_portfolios

    # Sizes in USD are counted in coins at the market's marks.
    snapshot = market_of(market, at, given)
    return read_portfolios(book, market=snapshot), snapshot


def market_of(market: list[str], at: str | None, given: list[str] | None) -> MarketSnapshot:
    """The market of one instant."""
    from seawall.cli.prices import parse_prices
    from seawall.feeds.market import read_market

    return read_market(market, at=at, prices=parse_prices(given or []))
