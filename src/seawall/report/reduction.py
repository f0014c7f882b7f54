"""Trades that lower an account's initial margin, proposed and confirmed by the full model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadParameter
from seawall.basics.money import requirement_money
from seawall.basics.time import UtcTime
from seawall.margin.model import MarginModel
from seawall.margin.reduction.candidates import TradingCosts
from seawall.margin.reduction.search import Limits, Method, Proposal, propose
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import CASH, Expiring, Instrument
from seawall.products.portfolio import Portfolio
from seawall.report.build import checked_inputs, margin
from seawall.report.schema import Document, MarginReport, ModelInfo
from seawall.report.words import instant_text
from seawall.risk.trades import mark_of, with_trades

# Names of contracts without a lot that a warning lists.
_SHOWN = 3
# A contract that ends as soon as this saves for so long only.
_SOON = timedelta(days=7)


class ReductionTrade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One proposed trade: ``quantity`` in units of the underlying, + bought, in ``lots``.

    ``price`` is its mark in quote units, ``cost`` half-spread and fee, ``premium`` what an option
    is bought for, + paid, − received, 0 of anything else; ``expiry`` None of a perpetual.
    ``initial`` and ``maintenance`` are the margin with all the trades less that without this one:
    negative, it saves.
    """

    instrument: str
    quantity: Decimal
    lots: int
    expiry: UtcTime | None
    price: Decimal
    premium: Decimal
    cost: Decimal
    initial: Decimal
    maintenance: Decimal


class Reduction(Document, frozen=True, kw_only=True, tag="seawall.reduction/1"):
    """An account before and after the trades that lower its initial margin most for their cost.

    ``before`` and ``after`` are full reports, trades done at their marks; ``cost`` is beside them.
    ``saving`` is initial margin before less after, ``saving_per_cost`` that per unit of ``cost``,
    None where nothing is proposed or it costs nothing. ``premium`` is that of all trades, + paid:
    it is no part of ``cost``, as what is bought for it is held. ``method`` says how trades were
    found: ``scenario-programme`` or ``what-ifs``; ``tried`` how many sets of trades were margined
    in full.
    """

    account: str
    model: ModelInfo
    currency: str
    as_of: UtcTime
    method: Method
    tried: int
    cost: Decimal
    premium: Decimal
    saving: Decimal
    saving_per_cost: float | None
    maintenance_saving: Decimal
    trades: tuple[ReductionTrade, ...]
    before: MarginReport
    after: MarginReport
    warnings: tuple[str, ...]


def reduce_margin(
    portfolio: Portfolio,
    market: MarketSnapshot,
    model: str | MarginModel = "prbm",
    *,
    max_cost: float | None = None,
    max_trades: int = 5,
    min_saving_per_cost: float = 1.0,
    costs: TradingCosts | None = None,
    lots: Mapping[str, object] | None = None,
) -> Reduction:
    """Trades in listed contracts, in whole lots, that lower initial margin most for their cost.

    ``max_cost`` USD for all of them, ``max_trades`` contracts; a USD of cost must save at least
    ``min_saving_per_cost`` USD. ``lots`` tells units of the underlying in a lot, by contract or by
    underlying. What is proposed has been margined in full, and no saving is told that the model
    does not confirm; where none is found, there are no trades, which says that none of those
    ``tried`` saves, not that no listed contract does. Raises BadParameter for limits that
    are none, and what :func:`seawall.report.build.margin` raises.
    """
    limits = _limits(max_cost, max_trades, min_saving_per_cost)
    chosen, market = checked_inputs(portfolio, market, model)
    sizes = {
        name: parse_decimal(str(size), "lot", f"lot of {name}")
        for name, size in (lots or {}).items()
    }
    before = margin(portfolio, market, chosen)
    found = propose(portfolio, market, chosen, limits, costs or TradingCosts(), sizes)
    trades = [each.trade for each in found.trades]
    after = margin(with_trades(portfolio, trades, market), market, chosen) if trades else before
    if after.initial >= before.initial:  # cents may take what was a saving before rounding
        found, after = _nothing_of(found), before
    return _told(portfolio, market, chosen, found, before, after)


def _nothing_of(found: Proposal) -> Proposal:
    """A proposal of nothing."""
    return Proposal((), found.method, found.tried, found.without, 0)


def _limits(max_cost: float | None, max_trades: int, min_saving_per_cost: float) -> Limits:
    most = math.inf if max_cost is None else float(max_cost)
    if not (most >= 0.0 and max_trades >= 1 and 0.0 <= min_saving_per_cost < math.inf):
        raise BadParameter(
            f"a max_cost of {max_cost}, max_trades of {max_trades} and min_saving_per_cost of "
            f"{min_saving_per_cost}",
            where="reduce",
            remedy="Give a cost and a saving of at least 0, and one trade or more.",
        )
    return Limits(most, int(max_trades), float(min_saving_per_cost))


def _told(
    portfolio: Portfolio,
    market: MarketSnapshot,
    model: MarginModel,
    found: Proposal,
    before: MarginReport,
    after: MarginReport,
) -> Reduction:
    trades = tuple(
        _trade(portfolio, market, model, found, place, before, after)
        for place in range(len(found.trades))
    )
    cost = sum((trade.cost for trade in trades), Decimal("0.00"))
    saving = before.initial - after.initial
    return Reduction(
        account=portfolio.account,
        model=before.model,
        currency=before.currency,
        as_of=before.as_of,
        method=found.method,
        tried=found.tried,
        cost=cost,
        premium=sum((trade.premium for trade in trades), Decimal("0.00")),
        saving=saving,
        saving_per_cost=float(saving / cost) if cost else None,
        maintenance_saving=before.maintenance - after.maintenance,
        trades=trades,
        before=before,
        after=after,
        warnings=tuple(
            dict.fromkeys(
                (*_warnings(found, trades, before.as_of), *before.warnings, *after.warnings)
            )
        ),
    )


def _trade(
    portfolio: Portfolio,
    market: MarketSnapshot,
    model: MarginModel,
    found: Proposal,
    place: int,
    before: MarginReport,
    after: MarginReport,
) -> ReductionTrade:
    """One trade's part: all of them against all the others."""
    one = found.trades[place]
    rest = [each.trade for each in (*found.trades[:place], *found.trades[place + 1 :])]
    without = margin(with_trades(portfolio, rest, market), market, model) if rest else before
    return ReductionTrade(
        instrument=one.trade.instrument.name,
        quantity=one.trade.quantity,
        lots=one.lots,
        expiry=_expiry(one.trade.instrument),
        price=mark_of(one.trade.instrument, market),
        premium=requirement_money(one.premium_usd, CASH, one.trade.where).amount,
        cost=requirement_money(one.cost_usd, CASH, one.trade.where).amount,
        initial=after.initial - without.initial,
        maintenance=after.maintenance - without.maintenance,
    )


def _expiry(instrument: Instrument) -> datetime | None:
    return instrument.expiry if isinstance(instrument, Expiring) else None


def _warnings(
    found: Proposal, trades: tuple[ReductionTrade, ...], as_of: datetime
) -> Iterator[str]:
    for trade in trades:
        if trade.expiry is not None and trade.expiry - as_of <= _SOON:
            yield (
                f"{trade.instrument} expires within {_SOON.days} days, at "
                f"{instant_text(trade.expiry)}: what it saves ends then."
            )
    if found.assumed:
        yield (
            f"{found.assumed} of {len(found.trades)} trades are costed by a default half-spread: "
            "the market has no bid and ask of them."
        )
    if found.without:
        more = ", …" if len(found.without) > _SHOWN else ""
        yield (
            f"{len(found.without)} listed contracts are not considered, as their lot is not known: "
            f"{', '.join(found.without[:_SHOWN])}{more}; give --lot NAME=UNITS."
        )
