"""What may be traded to lower a requirement: listed contracts, their lots and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.arrays import freeze
from seawall.basics.errors import BadParameter, InputError
from seawall.margin.charges import LiquidityCharge
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Derivative, Option
from seawall.products.names import VENUES, contract_spec, parse_name, units_of
from seawall.products.portfolio import Position
from seawall.risk.book import Book, UnderlyingBook, join_underlying

Floats = NDArray[np.float64]

# Whose charge tells half-spreads where neither the market nor the model does.
_HOUSE = "prbm"

FIRST_VENUE = "deribit"
"""Whose contract sizes come first: canonical names are its own."""


class TradingCosts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees: ``fee_rel`` of the notional, of an option at most ``fee_cap_of_mark`` of its price.

    Raises BadParameter for a share that is not between 0 and 1.
    """

    fee_rel: float = 0.0003
    fee_cap_of_mark: float = 0.125

    def __post_init__(self) -> None:
        if not (0.0 <= self.fee_rel < 1.0 and 0.0 <= self.fee_cap_of_mark <= 1.0):
            raise BadParameter(
                f"a fee of {self.fee_rel} of notional, at most {self.fee_cap_of_mark} of the price",
                where="trading costs",
                remedy="Give shares between 0 and 1: 0.0003 is 3 basis points.",
            )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Contracts that may be traded, N of them; arrays have shape [N] and are read-only.

    ``books`` hold one unit of each by underlying, in the order of ``instruments``; ``lot`` units of
    the underlying, ``cost_usd`` half-spread and fee per unit, ``premium_usd`` the mark of a unit of
    an option, 0 of anything else, ``held`` units held now. ``without`` are listed contracts whose
    lot nobody tells, ``assumed`` how many half-spreads are defaults.
    """

    instruments: tuple[Derivative, ...]
    books: tuple[UnderlyingBook, ...]
    lot: Floats
    cost_usd: Floats
    premium_usd: Floats
    held: Floats
    delta: Floats
    without: tuple[str, ...]
    assumed: int

    def __post_init__(self) -> None:
        freeze(self, len(self.instruments))


def candidates_of(
    book: Book,
    market: MarketSnapshot,
    model: MarginModel,
    costs: TradingCosts,
    lots: Mapping[str, Decimal],
) -> Candidates:
    """Every listed option, future and perpetual on what the account has contracts or debts in.

    A lot is what ``lots`` says of the contract or its underlying, else the contract size at
    Deribit, else at the first other venue whose size of it is known. Raises BadParameter for a lot
    that is not positive.
    """
    require_lots(lots)
    parts: list[UnderlyingBook] = []
    lot: list[float] = []
    without: list[str] = []
    for part in book.underlyings:
        if (part.is_spot & (part.quantity >= 0.0)).all():
            continue  # coins alone carry no requirement that a contract is the remedy of
        sized: list[tuple[Derivative, float]] = []
        for contract in listed_on(part.underlying, market):
            size = lot_units(contract, market, lots)
            if size is None:
                without.append(contract.name)
            else:
                sized.append((contract, size))
        if sized:
            units = [Position(instrument=each, quantity=Decimal(1)) for each, _ in sized]
            built = join_underlying(part.underlying, units, market)
            sizes = {each.name: size for each, size in sized}
            parts.append(built)
            lot += [sizes[position.instrument.name] for position in built.positions]
    held = {
        position.instrument.name: float(position.quantity)
        for part in book.underlyings
        for position in part.positions
    }
    instruments = tuple(_contract(position) for part in parts for position in part.positions)
    rates = _half_spread_rates(model)
    cost = [_costs_usd(part, market, rates, costs) for part in parts]
    return Candidates(
        instruments=instruments,
        books=tuple(parts),
        lot=np.array(lot),
        cost_usd=_joined(cost),
        premium_usd=_joined([np.where(part.is_option, part.mark_usd, 0.0) for part in parts]),
        held=np.array([held.get(each.name, 0.0) for each in instruments]),
        delta=_joined([part.delta for part in parts]),
        without=tuple(without),
        assumed=sum(each.name not in market.half_spreads for each in instruments),
    )


def listed_on(underlying: str, market: MarketSnapshot) -> list[Derivative]:
    """Contracts on an underlying that a source lists and that can be margined, by name."""
    names: Iterable[str] = (
        name
        for name in (*market.option_rows, *market.futures)
        if name not in market.unlisted.valued
    )
    found = [parse_name(name) for name in sorted(names)]
    return [
        each
        for each in found
        if isinstance(each, Derivative)
        and each.underlying == underlying
        and each.quanto_rate is None
    ]


def lot_units(
    contract: Derivative, market: MarketSnapshot, lots: Mapping[str, Decimal]
) -> float | None:
    """Units of the underlying in one lot; None where nobody tells."""
    given = lots.get(contract.name, lots.get(contract.underlying))
    if given is not None:
        return float(given)
    for venue in dict.fromkeys((FIRST_VENUE, *VENUES)):
        try:
            spec = contract_spec(contract, venue)
        except InputError:
            continue  # it does not list it, or its size there is not known
        mark = Decimal(repr(float(market.forward(contract))))
        return float(units_of(Decimal(1), spec, mark))
    return None


def require_lots(lots: Mapping[str, Decimal]) -> None:
    """Raise BadParameter for a lot that is none."""
    for name, size in lots.items():
        if not (size.is_finite() and size > 0):
            raise BadParameter(
                f"a lot of {size} {name}",
                where="lots",
                remedy="Give units of the underlying above 0, such as BTC=0.1.",
            )


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.zeros(0)


def _contract(position: Position) -> Derivative:
    instrument = position.instrument
    assert isinstance(instrument, Derivative)
    return instrument


def _half_spread_rates(model: MarginModel) -> LiquidityCharge:
    """Default half-spreads: the model's own charge for them, else the house's."""
    known = (*model.charges, *load_preset(_HOUSE).charges)
    return next(charge for charge in known if isinstance(charge, LiquidityCharge))


def _costs_usd(
    part: UnderlyingBook, market: MarketSnapshot, rates: LiquidityCharge, costs: TradingCosts
) -> Floats:
    """Half-spread and fee of one unit of each row, in USD."""
    default = np.where(part.is_option, rates.option_half_spread_of_mark * part.mark_usd, 0.0)
    default = default + rates.half_spread_rel * part.level_usd
    quoted = np.array(
        [
            _quoted_usd(_contract(position), market, fallback)
            for position, fallback in zip(part.positions, default.tolist(), strict=True)
        ]
    )
    fee = costs.fee_rel * part.level_usd * np.ones(quoted.size)
    capped = np.minimum(fee, costs.fee_cap_of_mark * part.mark_usd)
    return quoted + np.where(part.is_option, capped, fee)


def _quoted_usd(contract: Derivative, market: MarketSnapshot, fallback: float) -> float:
    """The quoted half-spread in USD, else the default."""
    half = market.half_spreads.get(contract.name)
    if half is None:
        return fallback
    if isinstance(contract, Option) and contract.is_inverse:
        return half * market.spot_usd(contract.underlying)
    return half * market.quote_usd(contract)
