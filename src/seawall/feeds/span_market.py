"""A described market turned into what a clearing house publishes of it.

The description is TOML: a house, its combined commodities with futures and options, scan ranges,
tiers and charges, and credits between commodities. Arrays and composite deltas are made by
:func:`seawall.margin.span.contract`; the keys are listed in docs/models/span.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec.structs import replace

from seawall.basics.errors import BadParameter
from seawall.basics.time import DAYS_PER_YEAR
from seawall.feeds.files import as_path, read_text, unreadable
from seawall.feeds.span_house import ContractKey, SpanFile, strike_text
from seawall.margin import span
from seawall.pricing import black76

__all__ = ["SpanMarket", "generated", "policy_named", "read_span_market"]

MAX_MARKET_BYTES = 16 * 1024**2


class MarketFuture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A future of a contract period at its settlement price."""

    period: str
    price: float
    delta_scaling: float = 1.0


class MarketOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls and puts of one expiry on the future of a period, one of each a strike.

    ``vols`` decimal, as many as strikes. Raises BadParameter where they are not.
    """

    future: str
    period: str
    expires: date
    strikes: tuple[float, ...]
    vols: tuple[float, ...]
    discount: float = 1.0
    delta_scaling: float = 1.0

    def __post_init__(self) -> None:
        if len(self.strikes) != len(self.vols):
            raise BadParameter(
                f"{len(self.strikes)} strikes and {len(self.vols)} vols",
                where=f"options of {self.period}",
                remedy="Give a volatility for each strike.",
            )


class MarketCommodity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A combined commodity; all but its contracts as of ``span.CombinedCommodity``.

    Options are on futures and bear the commodity's code. ``array_decimals`` and ``price_decimals``
    are those to which arrays and option prices are rounded.
    """

    code: str
    exchange: str
    currency: str
    value_factor: float
    scan: span.ScanRange
    futures: tuple[MarketFuture, ...]
    options: tuple[MarketOptions, ...] = ()
    array_decimals: int = 2
    price_decimals: int = 2
    scan_tiers: tuple[span.Tier, ...] = ()
    spread_tiers: tuple[span.Tier, ...] = ()
    tier_spreads: tuple[span.TierSpread, ...] = ()
    series_spreads: tuple[span.SeriesSpread, ...] = ()
    spot_charges: tuple[span.SpotCharge, ...] = ()
    short_option_minimum: span.ShortOptionMinimum = span.ShortOptionMinimum(rate=0.0)
    limits_option_value: bool = False
    adjustment: float = 1.0
    initial_ratio: float = 1.0


class SpanMarket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A house on one day. ``policy`` names the extreme move and rounding of its arrays."""

    complex: str
    business_date: date
    commodities: tuple[MarketCommodity, ...]
    policy: str = "cme"
    credit_spreads: tuple[span.CreditSpread, ...] = ()


def policy_named(name: str) -> span.ClearingPolicy:
    """The policy of a name in letters of either case. Raises BadParameter for another name."""
    found = span.POLICIES.get(name.upper())
    if found is None:
        raise BadParameter(
            f"no clearing policy is called {name!r:.40}",
            where="policy",
            remedy=f"Choose from {', '.join(each.lower() for each in span.POLICIES)}.",
        )
    return found


def read_span_market(path: str | Path) -> SpanMarket:
    """The described market of a TOML file. Raises UnreadableFile, and BadParameter naming the
    key.
    """
    file = as_path(path)
    text = read_text(file, "TOML", MAX_MARKET_BYTES)
    try:
        return msgspec.toml.decode(text, type=SpanMarket)
    except msgspec.ValidationError as fault:
        raise BadParameter(
            f"the market is not as it should be: {fault}",
            where=file.name,
            remedy="Correct the key it names; docs/models/span.md lists them.",
        ) from None
    except msgspec.DecodeError as fault:
        raise unreadable(file, f"it is not TOML: {fault!s:.80}", "Correct it.") from None


def generated(market: SpanMarket) -> SpanFile:
    """What the house would publish. Raises BadParameter for what contradicts itself, and under a
    policy whose arrays are final.
    """
    policy = policy_named(market.policy)
    made = [list(_contracts(own, market, policy)) for own in market.commodities]
    taken = set(span.CombinedCommodity.__struct_fields__) - {"contracts"}
    commodities = tuple(
        span.CombinedCommodity(
            contracts=tuple(contract for _, contract in contracts),
            **{name: getattr(own, name) for name in sorted(taken)},
        )
        for own, contracts in zip(market.commodities, made, strict=True)
    )
    return SpanFile(
        complex=market.complex,
        business_date=f"{market.business_date:%Y%m%d}",
        parameters=span.SpanParameters(
            policy=policy, commodities=commodities, credit_spreads=market.credit_spreads
        ),
        keys=tuple(key for contracts in made for key, _ in contracts),
    )


def _contracts(
    own: MarketCommodity, market: SpanMarket, policy: span.ClearingPolicy
) -> Iterator[tuple[ContractKey, span.Contract]]:
    decimals = replace(policy.decimals, array=own.array_decimals)
    policy = replace(policy, decimals=decimals)
    for future in own.futures:
        key = ContractKey(exchange=own.exchange, product=own.code, type="FUT", future=future.period)
        quote = span.Quote(
            name=key.name,
            kind="future",
            period=future.period,
            forward=future.price,
            price=future.price,
            value_factor=own.value_factor,
            delta_scaling=future.delta_scaling,
            style="futures",
        )
        yield key, span.contract(quote, own.scan, policy)
    prices = {future.period: future.price for future in own.futures}
    for options in own.options:
        if options.future not in prices:
            raise BadParameter(
                f"options of {options.period} are on a future of {options.future}",
                where=f"{own.code} options",
                remedy="List that future.",
            )
        for right in ("C", "P"):
            for strike, vol in zip(options.strikes, options.vols, strict=True):
                key = ContractKey(
                    exchange=own.exchange,
                    product=own.code,
                    type="OOF",
                    right=right,
                    future=options.future,
                    expiry=options.period,
                    strike=strike_text(Decimal(repr(strike))),
                )
                quote = _option_quote(key, own, options, market, prices[options.future], vol)
                yield key, span.contract(quote, own.scan, policy)


def _option_quote(
    key: ContractKey,
    own: MarketCommodity,
    options: MarketOptions,
    market: SpanMarket,
    forward: float,
    vol: float,
) -> span.Quote:
    tenor_years = (options.expires - market.business_date).days / DAYS_PER_YEAR
    quote = span.Quote(
        name=key.name,
        kind="call" if key.right == "C" else "put",
        period=options.future,
        forward=forward,
        price=0.0,
        value_factor=own.value_factor,
        strike=float(key.strike),
        sigma=vol,
        tenor_years=tenor_years,
        discount=options.discount,
        delta_scaling=options.delta_scaling,
    )
    value = black76.price(
        forward, quote.strike, vol, tenor_years, key.right == "C", options.discount
    )
    return replace(quote, price=round(float(value), own.price_decimals))
