"""One account under several models, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from seawall.basics.errors import BadParameter
from seawall.basics.time import UtcTime
from seawall.margin.model import MarginModel
from seawall.margin.status import State
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio
from seawall.report.build import checked_inputs, margin, require_once
from seawall.report.schema import Document, MarginReport


class ComparisonRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model's answer. ``capital_used`` is initial margin plus haircuts: what the account
    cannot spend. ``saving`` is the share of the first model's capital that this one frees
    (negative if it takes more), None when the first takes nothing.
    """

    model: str
    initial: Decimal
    maintenance: Decimal
    haircuts: Decimal
    capital_used: Decimal
    excess_initial: Decimal
    state: State
    saving: float | None


class Comparison(Document, frozen=True, kw_only=True, tag="seawall.comparison/1"):
    """One account under several models, in the order they were asked for."""

    account: str
    currency: str
    as_of: UtcTime
    equity: Decimal
    rows: tuple[ComparisonRow, ...]
    reports: tuple[MarginReport, ...]


def compare(
    portfolio: Portfolio, market: MarketSnapshot, models: Sequence[str | MarginModel]
) -> Comparison:
    """The same account and market under each model.

    Raises BadParameter without models or when one is named twice, and what
    :func:`seawall.report.build.margin` raises.
    """
    if isinstance(models, str | MarginModel):  # one is a list of one, and a name not its letters
        models = [models]
    if not isinstance(models, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        models = []
    if not models:
        raise BadParameter(
            "no models to compare", where="models", remedy="Name some, for example cross,prbm."
        )
    # What is not listed is valued once for all of them.
    _, market = checked_inputs(portfolio, market, models[0])
    reports = tuple(margin(portfolio, market, model) for model in models)
    require_once([report.model.name for report in reports])
    first = _capital_used(reports[0])
    return Comparison(
        account=portfolio.account,
        currency=reports[0].currency,
        as_of=reports[0].as_of,
        equity=reports[0].equity,
        rows=tuple(_row(report, first) for report in reports),
        reports=reports,
    )


def _capital_used(report: MarginReport) -> Decimal:
    return report.equity - report.excess_initial


def _row(report: MarginReport, first: Decimal) -> ComparisonRow:
    used = _capital_used(report)
    return ComparisonRow(
        model=report.model.name,
        initial=report.initial,
        maintenance=report.maintenance,
        haircuts=report.equity - report.margin_value,
        capital_used=used,
        excess_initial=report.excess_initial,
        state=report.state,
        saving=float(1 - used / first) if first > 0 else None,
    )
