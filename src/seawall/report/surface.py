"""How well the volatility surfaces of a market follow what it lists, and how old that is."""

from __future__ import annotations

from seawall.basics.errors import MissingQuote
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.basics.time import UtcTime
from seawall.market.snapshot import MarketSnapshot
from seawall.market.surface import SliceReport, unfitted_reports, vol_surface
from seawall.products.markets import is_signed
from seawall.report.build import require
from seawall.report.schema import Document

_SHOWN = 8
"""So many underlyings are named to choose from: a day's file of a market lists hundreds."""


class SurfaceReport(Document, frozen=True, kw_only=True, tag="seawall.surface/1"):
    """The surface of one underlying and settlement currency, one row per listed expiry."""

    underlying: str
    settlement: str
    as_of: UtcTime
    expiries: tuple[SliceReport, ...]
    warnings: tuple[str, ...]


def surface(market: MarketSnapshot, underlying: str | None = None) -> tuple[SurfaceReport, ...]:
    """Each surface of the market, or of one underlying, in the order of their names.

    Formulas: docs/surface.md. Raises MissingQuote where no option is listed, BadNumber for an
    underlying whose prices contradict each other, InputError for what is no market.
    """
    require(market, MarketSnapshot)
    pairs = {key[:2] for key in market.slices if key not in market.unlisted.smiles}
    chosen = sorted(pair for pair in pairs if underlying in (None, pair[0]))
    if not chosen:
        listed = sorted({name for name, _ in pairs})
        more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        names = ", ".join(listed[:_SHOWN]) + more
        remedy = f"Choose from {names}." if listed else "Add an option chain."
        raise MissingQuote(
            f"no option{'' if underlying is None else f' on {underlying}'} is listed",
            where=market.where,
            remedy=did_you_mean(nearest_name(underlying or "", listed), remedy),
        )
    return tuple(
        SurfaceReport(
            underlying=coin,
            settlement=paid_in,
            as_of=market.as_of,
            expiries=(
                unfitted_reports(market, coin, paid_in)
                if is_signed(coin)
                else vol_surface(market, coin, paid_in).reports()
            ),
            warnings=market.warnings,
        )
        for coin, paid_in in chosen
    )
