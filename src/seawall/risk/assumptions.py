"""What is assumed about a position for want of a number, and what of it cannot be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seawall.basics.errors import BadNumber
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import (
    STABLECOINS,
    DatedFuture,
    Derivative,
    Future,
    Instrument,
    Option,
    Wrapper,
)
from seawall.products.markets import times_apart
from seawall.products.portfolio import Position

# A position of more is a quantity in the wrong unit; no market is this large.
MAX_POSITION_USD = 1e13
# An entry price this many times the mark, or that fraction of it, is worth a second look; beyond
# the second factor it is a slip, and the profit that it claims would be collateral.
ENTRY_WARNING_FACTOR, ENTRY_MAX_FACTOR = 2.0, 10.0
# Ten years of staking at 5 % make 1.6 of what is wrapped, and less than nine tenths is a lost peg;
# more than the one or less than a tenth of the other is the price of something else.
WRAPPER_USUAL_REL, WRAPPER_POSSIBLE_REL = (0.9, 1.6), (0.1, 2.0)


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is assumed of an instrument, whoever holds it.

    ``price_usd`` is what a position's size is judged by, ``mark`` that of a future in quote
    currency (None of all else), ``told`` one sentence for each thing assumed.
    """

    price_usd: float
    mark: float | None
    told: tuple[str, ...]


def assumptions(position: Position, market: MarketSnapshot) -> list[str]:
    """One sentence for each thing that is assumed, empty if all is known.

    Raises BadNumber for a position of more than ``MAX_POSITION_USD``, for an entry price more
    than ``ENTRY_MAX_FACTOR`` away from the mark and for a wrapper's price that cannot be one of a
    claim on what it wraps, and what the snapshot raises.
    """
    instrument, memo = position.instrument, market.memo(Assumed)
    known = memo.get(instrument) or memo.put(instrument, _assumed(instrument, market))
    _require_size(position, known.price_usd)
    found = list(known.told)
    if known.mark is not None:
        found += _of_entry(position, known.mark)
    elif position.entry_price is not None:
        found.append(f"Entry price of {instrument.name} is not used: it counts at its mark.")
    return found


def require_possible_size(position: Position, market: MarketSnapshot) -> None:
    """Raise BadNumber for a position worth more than ``MAX_POSITION_USD``."""
    _require_size(position, _price_usd(position.instrument, market))


def _require_size(position: Position, price_usd: float) -> None:
    worth = abs(float(position.quantity)) * price_usd
    if worth > MAX_POSITION_USD:
        raise BadNumber(
            f"quantity {position.quantity} of {position.instrument.name} is worth {worth:.3g} USD",
            where=position.where,
            remedy=f"Give units of the underlying (coins); {MAX_POSITION_USD:.0E} USD is the most.",
        )


def _price_usd(instrument: Instrument, market: MarketSnapshot) -> float:
    if isinstance(instrument, Derivative):
        return market.level_usd(instrument.underlying)
    return market.asset_usd(instrument)


def _assumed(instrument: Instrument, market: MarketSnapshot) -> Assumed:
    price_usd, mark = _price_usd(instrument, market), None
    told: list[str] = []
    currency = instrument.settlement
    if currency in STABLECOINS and currency not in market.stable_usd:
        told.append(f"No price of {currency}: taken as 1 USD; give --price {currency}=VALUE.")
    if isinstance(instrument, Future):
        told += _of_future(instrument, market)
        mark = market.forward(instrument)
    if isinstance(instrument, Wrapper):
        told += _of_wrapper(instrument, market)
    if isinstance(instrument, Option):
        listed, row = market.option_row(instrument)
        told += listed.warnings
        if instrument.name in market.unlisted.valued:
            told.append(market.unlisted.valued[instrument.name])
        elif np.isnan(listed.mark[row]):
            told.append(f"No mark of {instrument.name}: valued at its implied volatility.")
    return Assumed(price_usd, mark, tuple(told))


def _of_future(contract: Future, market: MarketSnapshot) -> list[str]:
    if contract.name in market.futures:
        return []
    if contract.name in market.unlisted.valued:
        return [market.unlisted.valued[contract.name]]
    why = market.dropped.get(contract.name)
    missing = f"No mark of {contract.name}" + (f" ({why})" if why else "")
    at = "the forward implied for its expiry" if isinstance(contract, DatedFuture) else "its index"
    return [f"{missing}: taken at {at}."]


def _of_wrapper(wrapper: Wrapper, market: MarketSnapshot) -> list[str]:
    """Doubts about a price far from that of what the wrapper is a claim on."""
    name, wraps, price_usd = wrapper.name, wrapper.wraps, market.asset_usd(wrapper)
    stable = wraps in STABLECOINS
    par_usd = market.currency_usd(wraps) if stable else market.spot_usd(wraps)
    units = price_usd / par_usd
    least, most = WRAPPER_POSSIBLE_REL
    if not least <= units <= most:
        raise BadNumber(
            f"{name} at {price_usd:.10g} USD is {units:.3g} {wraps}, of which it is one claim",
            where=market.where,
            remedy=f"Give the price of {name} in USD: --price {name}=VALUE.",
        )
    low, high = WRAPPER_USUAL_REL
    if low <= units <= high:
        return []
    return [f"{name} is at {price_usd:.10g} USD, {units:.3g} {wraps}: check its price."]


def _of_entry(position: Position, mark: float) -> list[str]:
    name, entry = position.instrument.name, position.entry_price
    if entry is None:
        return [f"No entry price of {name}: its unrealised profit is taken as 0."]
    times = times_apart(position.instrument.underlying, float(entry), mark)
    if times > ENTRY_MAX_FACTOR:
        raise BadNumber(
            f"entry price {entry} of {name} is {times:,.0f} times away from its mark {mark:,.10g}",
            where=position.where,
            remedy="Give the price at which it was entered, in USD or its settlement currency per "
            "coin, or leave it empty.",
        )
    if times > ENTRY_WARNING_FACTOR:
        return [f"Entry price of {name} is {entry:.10g}, its mark {mark:,.10g}: check it."]
    return []
