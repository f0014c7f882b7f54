"""What trades would do to an account's margin: before, after, each leg's part, and by model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import cast

import msgspec

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import InputError
from seawall.basics.time import UtcTime
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.margin.status import State
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio
from seawall.report.build import checked_inputs, margin, require_once
from seawall.report.schema import Document, MarginReport, ModelInfo
from seawall.risk.trades import Trade, mark_of, with_trades

TradeLike = str | tuple[str, object] | tuple[str, object, object] | Trade
"""``"BTC-27MAR26-80000-P:-5"``, ``"BTC-PERPETUAL:1@71250"``, ``(name, quantity[, price])``."""


class LegEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one of several trades adds: the margin with all of them less that without this one.

    ``price`` in quote units is the one it was taken at. Negative amounts: the trade saves margin.
    """

    instrument: str
    quantity: Decimal
    price: Decimal
    initial: Decimal
    maintenance: Decimal


class ModelEffect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Totals of one model before and after the trades."""

    model: str
    initial_before: Decimal
    initial_after: Decimal
    maintenance_before: Decimal
    maintenance_after: Decimal
    excess_initial_before: Decimal
    excess_initial_after: Decimal
    state_before: State
    state_after: State


class LegByModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one of several trades adds under one model: the margin with all of them, that without
    this one, and the difference, which is negative where the trade saves margin.
    """

    instrument: str
    quantity: Decimal
    model: str
    initial_with: Decimal
    initial_without: Decimal
    initial: Decimal
    maintenance_with: Decimal
    maintenance_without: Decimal
    maintenance: Decimal


class WhatIf(Document, frozen=True, kw_only=True, tag="seawall.what-if/1"):
    """An account before and after trades, under one model first and under others beside it.

    ``warnings`` are those of all models, before and after.
    """

    account: str
    model: ModelInfo
    currency: str
    as_of: UtcTime
    initial_change: Decimal
    maintenance_change: Decimal
    margin_value_change: Decimal
    excess_initial_change: Decimal
    legs: tuple[LegEffect, ...]
    by_model: tuple[ModelEffect, ...]
    before: MarginReport
    after: MarginReport
    warnings: tuple[str, ...]
    legs_by_model: tuple[LegByModel, ...] = ()
    """Each trade under each model, trade by trade."""


def what_if(
    portfolio: Portfolio,
    trades: TradeLike | Iterable[TradeLike],
    market: MarketSnapshot,
    model: str | MarginModel = "prbm",
    *,
    models: Sequence[str | MarginModel] = (),
) -> WhatIf:
    """The margin of an account before and after trades at their marks or stated prices.

    ``trades`` is one, as text, a tuple or a Trade, or a list of such, which are done in that order.
    ``models`` are compared beside ``model``, which may be among them. Raises InputError for what is
    no trade or for none, BadParameter for a model that is named twice, and what
    :func:`seawall.risk.trades.with_trades` and :func:`seawall.report.build.margin` raise.
    """
    legs = _trades(trades)
    others = [models] if isinstance(models, str | MarginModel) else models
    if not isinstance(others, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            f"{others!r:.60} are no models", where="what-if", remedy='Give ["cross", "isolated"].'
        )
    first, market = checked_inputs(portfolio, market, model, [leg.instrument for leg in legs])
    named = [load_preset(each) if isinstance(each, str) else each for each in others]
    # It stands first whether or not it is asked for among the others.
    chosen = (first, *(each for each in named if each != first))
    befores = [margin(portfolio, market, each) for each in chosen]
    require_once([report.model.name for report in befores])
    traded = with_trades(portfolio, legs, market)
    afters = [margin(traded, market, each) for each in chosen]
    before, after = befores[0], afters[0]
    withouts = [_without(portfolio, legs, place, market, chosen) for place in range(len(legs))]
    return WhatIf(
        account=portfolio.account,
        model=before.model,
        currency=before.currency,
        as_of=before.as_of,
        initial_change=after.initial - before.initial,
        maintenance_change=after.maintenance - before.maintenance,
        margin_value_change=after.margin_value - before.margin_value,
        excess_initial_change=after.excess_initial - before.excess_initial,
        legs=tuple(
            _leg(leg, mark_of(leg.instrument, market), after, without[0] if without else before)
            for leg, without in zip(legs, withouts, strict=True)
        ),
        by_model=tuple(map(_effect, befores, afters)),
        before=before,
        after=after,
        warnings=tuple(dict.fromkeys(w for each in (*befores, *afters) for w in each.warnings)),
        legs_by_model=tuple(
            _leg_by_model(leg, full, rest)
            for leg, without in zip(legs, withouts, strict=True)
            for full, rest in zip(afters, without or befores, strict=True)
        ),
    )


def parse_trade(given: TradeLike) -> Trade:
    """A trade from text ``NAME:QUANTITY[@PRICE]`` or from a tuple of the same; price None the mark.

    Raises InputError for another form, UnknownInstrument, BadNumber.
    """
    if isinstance(given, Trade):
        return given
    parts: object = _split(given) if isinstance(given, str) else given
    # Programs hand in what they have.
    if not isinstance(parts, tuple) or not 2 <= len(parts) <= 3:
        raise InputError(
            f"{given!r:.60} is no trade",
            where="what-if",
            remedy='Write "NAME:QUANTITY" or "NAME:QUANTITY@PRICE", for example '
            '"BTC-PERPETUAL:-1", or give (name, quantity[, price]).',
        )
    name, price = parts[0], parts[2] if len(parts) == 3 else None
    where = f"trade in {name}"
    return Trade(
        instrument=parse_name(name),
        quantity=parse_decimal(str(parts[1]), "quantity", where),
        price=None if price is None else parse_decimal(str(price), "price", where),
    )


def _split(text: str) -> tuple[str, ...] | None:
    """Name, quantity and price of ``NAME:QUANTITY[@PRICE]``; None for another form."""
    name, _, rest = text.rpartition(":")
    quantity, at, price = rest.partition("@")
    found = tuple(part.strip() for part in ((name, quantity, price) if at else (name, quantity)))
    return found if all(found) else None


def _trades(given: TradeLike | Iterable[TradeLike]) -> list[Trade]:
    """Text, a tuple or a Trade is one trade; several come in a list or any other iterable."""
    if isinstance(given, str | tuple | Trade):
        return [parse_trade(cast("TradeLike", given))]
    # Programs hand in what they have; what cannot be gone through is then told to be no trade.
    several = given if isinstance(given, Iterable) else [given]  # pyright: ignore[reportUnnecessaryIsInstance]
    trades = [parse_trade(one) for one in several]
    if not trades:
        raise InputError(
            "no trade is given", where="what-if", remedy="Give one, for example BTC-PERPETUAL:-1."
        )
    return trades


def _without(
    portfolio: Portfolio,
    legs: Sequence[Trade],
    place: int,
    market: MarketSnapshot,
    models: Sequence[str | MarginModel],
) -> list[MarginReport]:
    """The account after all trades but one, under each model; none where no other is left."""
    rest = [*legs[:place], *legs[place + 1 :]]
    if not rest:
        return []
    traded = with_trades(portfolio, rest, market)
    return [margin(traded, market, each) for each in models]


def _leg(trade: Trade, mark: Decimal, after: MarginReport, without: MarginReport) -> LegEffect:
    """One trade's part: all of them against all the others."""
    return LegEffect(
        instrument=trade.instrument.name,
        quantity=trade.quantity,
        price=mark if trade.price is None else trade.price,
        initial=after.initial - without.initial,
        maintenance=after.maintenance - without.maintenance,
    )


def _leg_by_model(trade: Trade, after: MarginReport, without: MarginReport) -> LegByModel:
    return LegByModel(
        instrument=trade.instrument.name,
        quantity=trade.quantity,
        model=after.model.name,
        initial_with=after.initial,
        initial_without=without.initial,
        initial=after.initial - without.initial,
        maintenance_with=after.maintenance,
        maintenance_without=without.maintenance,
        maintenance=after.maintenance - without.maintenance,
    )


def _effect(before: MarginReport, after: MarginReport) -> ModelEffect:
    return ModelEffect(
        model=before.model.name,
        initial_before=before.initial,
        initial_after=after.initial,
        maintenance_before=before.maintenance,
        maintenance_after=after.maintenance,
        excess_initial_before=before.excess_initial,
        excess_initial_after=after.excess_initial,
        state_before=before.state,
        state_after=after.state,
    )
