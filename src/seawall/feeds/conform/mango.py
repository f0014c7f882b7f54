"""Cases of Mango's initial health: tokens, open orders, a perpetual market and limits of pools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from seawall.basics.errors import BadNumber
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import (
    charge_of,
    market_of_perpetuals,
    perpetual,
    read_as,
    with_charge,
)
from seawall.margin.charges import StablePriceCharge
from seawall.margin.charges.stable_price import HealthWeights, StablePriceWeights
from seawall.margin.factors import CollateralFactors
from seawall.margin.model import MarginModel
from seawall.margin.requirement import margin_requirement
from seawall.products.instruments import SpotAsset
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join

_UNDERLYING = "BTC"
# What an asset's gain counts for where no market of it has a weight: a token has none.
_FULL = 1.0


class _Token(msgspec.Struct, frozen=True):
    """A price and the weights of what is held and owed, before a pool's limits."""

    price: float
    aw: float
    lw: float


class _Perp(msgspec.Struct, frozen=True):
    """A perpetual's price, the weights of its base, held and owed, and of its gain; coins a lot."""

    price: float
    baw: float
    blw: float
    oaw: float
    lot: float


class _Bank(msgspec.Struct, frozen=True):
    """A pool: deposits and borrows in tokens, the amounts in quote above which weights turn, and
    tokens that orders may bring.
    """

    deposits: float = 0.0
    borrows: float = 0.0
    dstart: float | None = None
    bstart: float | None = None
    pot: float = 0.0

    def turned(self, token: _Token) -> _Token:
        """The token with weights times start over deposits, and times borrows over start, where
        the pool is above it.
        """
        deposits, borrows = (n * token.price for n in (self.deposits + self.pot, self.borrows))
        aw, lw = token.aw, token.lw
        if self.dstart is not None and deposits > self.dstart:
            aw *= self.dstart / deposits
        if self.bstart is not None and borrows > self.bstart:
            lw *= borrows / self.bstart
        return replace(token, aw=aw, lw=lw)


class _Inputs(msgspec.Struct, frozen=True):
    """Balances by token; reserved quote and base of the open orders of token 2 and of token 3 in
    token 1, with the extremes of their prices where these are known; base lots, quote, and lots of
    bids and asks of the perpetual; pools by token.
    """

    t: tuple[float, ...] = ()
    oo12: tuple[float, float] = (0.0, 0.0)
    oo13: tuple[float, float] = (0.0, 0.0)
    perp: tuple[int, float, int, int] = (0, 0.0, 0, 0)
    bank: tuple[_Bank, ...] = ()
    lowest_ask_12: float | None = None
    lowest_ask_13: float | None = None
    highest_bid_inv_12: float | None = None
    highest_bid_inv_13: float | None = None


class _Entry(msgspec.Struct, frozen=True):
    index: int
    inputs: _Inputs
    expected_init_health: float


class _Fixture(msgspec.Struct, frozen=True):
    tokens: tuple[_Token, ...]
    perp: _Perp


class _Document(msgspec.Struct, frozen=True):
    fixture: _Fixture
    cases: tuple[_Entry, ...]


class _Reserved(msgspec.Struct, frozen=True):
    """What the orders of a market reserve, all of it as quote (token 1) or as the base token."""

    token: int
    as_base: float
    as_quote: float


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict):
        return None
    table = cast("dict[str, Any]", document)
    listed: Any = table.get("cases")
    first: Any = cast("list[Any]", listed)[0] if isinstance(listed, list) and listed else None
    if not isinstance(first, dict) or "expected_init_health" not in first:
        return None
    read = read_as(_Document, table, where)
    return (
        Case(
            name=f"health {entry.index + 1}",
            expected={"init_health": entry.expected_init_health},
            compute=partial(_computed, entry.inputs, read.fixture, model, where),
        )
        for entry in read.cases
    )


def _computed(
    inputs: _Inputs, fixture: _Fixture, model: MarginModel, where: str
) -> Mapping[str, float]:
    """Health of balances, with the perpetual settled in token 1, and what orders surely bring."""
    count = len(fixture.tokens)
    if len(inputs.t) > count or len(inputs.bank) > count or count < 1:
        raise BadNumber(
            f"a case has more balances or pools than its {count} tokens",
            where=where,
            remedy="Give at most one of each a token.",
        )
    banks = (*inputs.bank, *[_Bank()] * (count - len(inputs.bank)))
    tokens = tuple(b.turned(t) for b, t in zip(banks, fixture.tokens, strict=True))
    held = [*inputs.t, *[0.0] * (count - len(inputs.t))]
    held[0] += _settled(inputs.perp, fixture.perp, model) / tokens[0].price
    markets = _reserved(inputs, tokens)
    most = [0.0] * count
    for market in markets:
        most[0] += market.as_quote
        most[market.token] += market.as_base
    health = sum(_token_health(held[i], tokens[i], model) for i in range(count))
    for market in markets:
        # Whichever token the orders end in, they are taken to come in last, where they bring least.
        health += min(
            _token_health(held[i] + most[i], tokens[i], model)
            - _token_health(held[i] + most[i] - own, tokens[i], model)
            for i, own in ((market.token, market.as_base), (0, market.as_quote))
        )
    return {"init_health": health}


def _reserved(inputs: _Inputs, tokens: Sequence[_Token]) -> list[_Reserved]:
    """Of each market with orders: at the price, but for no more than its extreme order brings."""
    found: list[_Reserved] = []
    for token, (quote, base), ask, bid_inverse in (
        (1, inputs.oo12, inputs.lowest_ask_12, inputs.highest_bid_inv_12),
        (2, inputs.oo13, inputs.lowest_ask_13, inputs.highest_bid_inv_13),
    ):
        if token >= len(tokens) or not (quote or base):
            continue
        rate = tokens[token].price / tokens[0].price
        sold = base * (rate if ask is None else min(rate, ask))
        bought = quote * (1.0 / rate if bid_inverse is None else min(1.0 / rate, bid_inverse))
        found.append(_Reserved(token=token, as_base=base + bought, as_quote=quote + sold))
    return found


def _token_health(amount: float, token: _Token, model: MarginModel) -> float:
    """Of a balance alone; USD."""
    weights = _weights(token.aw, token.lw, _FULL, _FULL, _FULL)
    return _health(
        [Position(instrument=SpotAsset(name=_UNDERLYING), quantity=Decimal(amount))],
        token.price,
        weights,
        model,
    )


def _settled(perp: tuple[int, float, int, int], market: _Perp, model: MarginModel) -> float:
    """Health of the perpetual where all bids or all asks are filled at its price, the lower."""
    lots, quote, bids, asks = perp
    filled = ((lots + more, quote - more * market.lot * market.price) for more in (bids, -asks))
    return min(_unsettled(base * market.lot, paid, market, model) for base, paid in filled)


def _unsettled(base: float, quote: float, market: _Perp, model: MarginModel) -> float:
    """Health of a position of which so much has been paid, − the cost.

    A quote far from the position's cost at its price can be no entry price of it. The base then is
    taken at its price, and a gain as that of a contract that counts in full.
    """
    price = market.price
    weights = _weights(_FULL, _FULL, market.baw, market.blw, market.oaw)
    if base and 0.5 * price <= -quote / base <= 2.0 * price:
        return _health([_contract(base, -quote / base)], price, weights, model)
    worth = quote + base * price
    if base:
        worth += _health([_contract(base, price)], price, weights, model)
    if worth <= 0.0:
        return worth
    weights = _weights(_FULL, _FULL, _FULL, _FULL, market.oaw)
    return _health([_contract(2.0 * worth / price, 0.5 * price)], price, weights, model)


def _contract(base: float, entry: float) -> Position:
    return Position(
        instrument=perpetual(_UNDERLYING), quantity=Decimal(base), entry_price=Decimal(entry)
    )


def _weights(
    asset: float, liability: float, base_asset: float, base_liability: float, overall: float
) -> StablePriceWeights:
    """The same at both levels: cases are of initial health."""
    level = HealthWeights(
        asset=asset,
        liability=liability,
        base_asset=base_asset,
        base_liability=base_liability,
        overall_asset=overall,
    )
    return StablePriceWeights(initial=level, maintenance=level)


def _health(
    positions: Iterable[Position], price: float, weights: StablePriceWeights, model: MarginModel
) -> float:
    """Value as collateral less initial margin, with these weights of the one underlying; USD."""
    held = tuple(position for position in positions if position.quantity)
    if not held:
        return 0.0
    names = charge_of(model, StablePriceCharge).classes
    charged = with_charge(model, StablePriceCharge(classes=dict.fromkeys(names, weights)))
    counted = dict.fromkeys(names, weights.maintenance.asset) | {"stablecoin": _FULL}
    own = replace(charged, collateral=CollateralFactors(factors=counted))
    book = join(
        Portfolio(account="case", positions=held), market_of_perpetuals({_UNDERLYING: price})
    )
    worth = sum(each.value - each.haircut for each in own.collateral.holdings(book, own.classes))
    return worth - margin_requirement(book, own).initial
