"""Cases of Bybit's portfolio margin: answers of its endpoint, with the stress table of each asset.

An answer tells marks and profits, but neither forwards and volatilities of options nor the price of
the stablecoin. They are implied by few of the profits, so that all others are held against them:
the stablecoin by one profit of a perpetual, forward and volatility of an option by what it gains
unmoved and at the largest move, volatility as it is. The index is implied by the profit of coins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from seawall.basics.errors import BadNumber
from seawall.basics.time import tenor_years
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import charge_of, matrix_of, read_as
from seawall.margin.charges import (
    IndexNotionalCharge,
    StablecoinHedgeCharge,
    VegaAcrossExpiriesCharge,
)
from seawall.margin.model import MarginModel
from seawall.margin.requirement import (
    MarginRequirement,
    RequirementStep,
    level_steps,
    margin_requirement,
)
from seawall.market.snapshot import MarketSnapshot, OptionSlice
from seawall.pricing import black76
from seawall.pricing.roots import bracketed_roots
from seawall.products.instruments import Derivative, Option
from seawall.products.names import parse_venue_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import join

Floats = NDArray[np.float64]

# What the answer rounds to: profits to 1e-8, those of everything together to 1e-4.
_PROFIT_USD, _TOTAL_USD = 1e-6, 1e-4
# The index is implied by a profit of few digits.
_INDEX_REL = 1e-5
_VOL_MOVES = ("up", "same", "down")


class _Range(msgspec.Struct, frozen=True, rename="camel"):
    price_scale: float
    pnls: list[float]


class _Held(msgspec.Struct, frozen=True, rename="camel"):
    symbol_name: str
    position: float
    pnl_ranges: list[_Range]
    mark_price: float


class _Expiry(msgspec.Struct, frozen=True, rename="camel"):
    option_position_pnl_ranges: list[_Held]


class _Ranges(msgspec.Struct, frozen=True, rename="camel"):
    pnl_ranges: list[_Range]


class _Spot(msgspec.Struct, frozen=True, rename="camel"):
    hedge_spot_size: float
    pnl_ranges: list[_Range]


class _Contingency(msgspec.Struct, frozen=True, rename="camel"):
    option_contingency: float
    future_delta_contingency: float
    option_vega_contingency: float
    usdt_usdc_contingency: float
    future_contingency: float


class _Required(
    msgspec.Struct, frozen=True, rename={"initial": "assetIM", "maintenance": "assetMM"}
):
    initial: float
    maintenance: float


class _Asset(msgspec.Struct, frozen=True, rename="camel"):
    base_coin: str
    total_pnl_ranges: dict[str, _Ranges]
    contingency: _Contingency
    asset: _Required
    spot_hedge_info: _Spot
    perp_position_pnl_ranges: list[_Held] = []
    option_expiry_date_pnl_ranges: list[_Expiry] = []


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, an answer or one kept under ``response``; None of another shape.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict):
        return None
    table = cast("dict[str, Any]", document)
    kept: Any = table.get("response", table)
    answer = cast("dict[str, Any]", kept if isinstance(kept, dict) else {})
    result: Any = answer.get("result")
    if not isinstance(result, dict) or "assetPnlRange" not in result:
        return None
    as_of = datetime.fromtimestamp(read_as(int, answer.get("time"), where) / 1e3, tz=UTC)
    assets = read_as(list[_Asset], cast("Any", result["assetPnlRange"]), where)
    return (case for asset in assets for case in _of_asset(asset, as_of, model))


def _of_asset(asset: _Asset, as_of: datetime, model: MarginModel) -> Iterator[Case]:
    coin = asset.base_coin
    options = [o for e in asset.option_expiry_date_pnl_ranges for o in e.option_position_pnl_ranges]
    for perpetual in asset.perp_position_pnl_ranges:
        yield Case(
            name=f"{coin}, {perpetual.symbol_name}",
            expected={f"{r.price_scale:g}": r.pnls[0] for r in perpetual.pnl_ranges},
            compute=partial(_perpetual_figures, perpetual, asset, as_of, model),
            tolerance_abs=_PROFIT_USD,
        )
    for option in options:
        yield Case(
            name=f"{coin}, {option.symbol_name}",
            expected={
                f"{each.price_scale:g} {vol}": pnl
                for each in option.pnl_ranges
                for vol, pnl in zip(_VOL_MOVES, each.pnls, strict=True)
            },
            compute=partial(_option_figures, option, asset, as_of, model),
            tolerance_abs=_PROFIT_USD,
        )
    spot = {each.price_scale: each.pnls[0] for each in asset.spot_hedge_info.pnl_ranges}
    total = asset.total_pnl_ranges["ALL"].pnl_ranges
    yield Case(
        name=f"{coin}, contracts together",
        expected={f"{r.price_scale:g}": r.pnls[0] - spot.get(r.price_scale, 0.0) for r in total},
        compute=partial(_total_figures, asset, options, as_of, model),
        tolerance_abs=_TOTAL_USD,
    )
    told = asset.contingency
    yield Case(
        name=f"{coin}, contingencies",
        expected={
            "futureContingency": told.future_contingency,
            "optionContingency": told.option_contingency,
            "optionVegaContingency": told.option_vega_contingency,
            "usdtUsdcContingency": told.usdt_usdc_contingency,
        },
        compute=partial(_contingencies, asset, options, as_of, model),
        tolerance_rel=_INDEX_REL,
        skipped=None if _index_usd(asset) else "no coins in it, whose profit would tell the index",
    )
    yield Case(
        name=f"{coin}, initial margin",
        expected={"assetIM": asset.asset.initial},
        compute=partial(_initial, asset.asset.maintenance, model),
    )
    for what, why in (
        (
            "assetMM",
            "it exceeds the largest loss and its contingencies by an amount nobody explains",
        ),
        ("futureDeltaContingency", "no source gives its factors"),
    ):
        yield Case(f"{coin}, {what}", {}, dict[str, float], skipped=why)


def _index_usd(asset: _Asset) -> float | None:
    """The index, as the largest profit of coins has it; None where they have none."""
    told = asset.spot_hedge_info
    best = max(told.pnl_ranges, key=lambda each: abs(each.pnls[0]), default=None)
    if best is None or not best.pnls[0]:
        return None
    return best.pnls[0] / (best.price_scale * told.hedge_spot_size)


def _stable_usd(asset: _Asset) -> float:
    """USD per unit of the settlement currency, as the largest move of a perpetual has it."""
    for held in asset.perp_position_pnl_ranges:
        most = max(held.pnl_ranges, key=lambda each: abs(each.price_scale))
        if held.position and most.price_scale:
            return most.pnls[0] / (most.price_scale * held.position * held.mark_price)
    return 1.0


def _implied(held: _Held, option: Option, as_of: datetime, unit_usd: float) -> tuple[float, float]:
    """Forward and volatility at which the option gains what the answer says.

    Unmoved the model's value differs from the mark by what is gained there; of all forwards with a
    volatility at that value one has the gain of the largest move. Raises BadNumber if none has.
    """
    size = held.position * unit_usd
    same = {each.price_scale: each.pnls[1] for each in held.pnl_ranges}
    value, K = held.mark_price + same[0.0] / size, option.strike
    T, move = tenor_years(as_of, option.expiry), max(same)

    def missed(forward: Floats, rows: object = None) -> Floats:
        vol = black76.implied_vol(value, forward, K, T, np.array(option.is_call)).sigma
        known = np.isfinite(vol)
        moved = np.full(forward.shape, np.nan)
        moved[known] = black76.price(
            forward[known] * (1.0 + move), K, vol[known], T, np.array(option.is_call)
        )
        return moved - held.mark_price - same[move] / size

    least, most = (value, K + value) if option.is_call else (max(K - value, K * 1e-3), 20.0 * K)
    ladder = np.geomspace(least, most, 2_000)[1:-1]
    at = missed(ladder)
    found = np.flatnonzero((at[:-1] < 0.0) & (at[1:] >= 0.0))
    if not found.size:
        raise BadNumber(
            f"no forward and volatility make the profits of {held.symbol_name}",
            where=held.symbol_name,
            remedy="Take the file as its source has it.",
        )
    low = int(found[0])
    ends = [np.array([float(each)]) for each in (*ladder[low : low + 2], *at[low : low + 2])]
    root = bracketed_roots(missed, ends[0], ends[1], ends[2], ends[3], 1e-10)
    vol = black76.implied_vol(value, root, K, T, np.array(option.is_call)).sigma
    return float(root[0]), float(vol[0])


def _required(
    held: Sequence[_Held], asset: _Asset, as_of: datetime, model: MarginModel
) -> tuple[MarginRequirement, float]:
    """The requirement of some contracts, and what the model's values of options are above their
    marks, in USD: the answer gains from the mark, the engine from the model's value.
    """
    unit_usd, above_usd = _stable_usd(asset), 0.0
    contracts = [cast("Derivative", parse_venue_name(each.symbol_name, "bybit")) for each in held]
    slices: dict[Any, OptionSlice] = {}
    rows: dict[str, Any] = {}
    by_expiry: dict[Any, list[tuple[_Held, Option, float, float]]] = {}
    for each, contract in zip(held, contracts, strict=True):
        if isinstance(contract, Option):
            implied = _implied(each, contract, as_of, unit_usd)
            key = contract.underlying, contract.settlement, contract.expiry
            by_expiry.setdefault(key, []).append((each, contract, *implied))
            above_usd += next(r.pnls[1] for r in each.pnl_ranges if r.price_scale == 0.0)
    for key, listed in by_expiry.items():
        slices[key] = OptionSlice(
            key=key,
            forward=listed[0][2],
            names=tuple(option.name for _, option, _, _ in listed),
            strike=np.array([option.strike for _, option, _, _ in listed]),
            is_call=np.array([option.is_call for _, option, _, _ in listed]),
            vol=np.array([vol for _, _, _, vol in listed]),
            mark=np.array([each.mark_price for each, _, _, _ in listed]),
            observed_s=np.full(len(listed), np.nan),
            atm_vol=listed[0][3],
        )
        rows |= {option.name: (key, row) for row, (_, option, _, _) in enumerate(listed)}
    snapshot = MarketSnapshot(
        as_of=as_of,
        index_usd={asset.base_coin: _index_usd(asset) or held[0].mark_price},
        stable_usd={contract.settlement: unit_usd for contract in contracts},
        forwards={key: each.forward for key, each in slices.items()},
        futures={c.name: h.mark_price for h, c in zip(held, contracts, strict=True)
                 if not isinstance(c, Option)},
        slices=slices,
        option_rows=rows,
    )  # fmt: skip
    positions = tuple(
        Position(instrument=contract, quantity=Decimal(repr(each.position)))
        for each, contract in zip(held, contracts, strict=True)
    )
    book = join(Portfolio(account="case", positions=positions), snapshot)
    return margin_requirement(book, model), above_usd


def _table(
    found: MarginRequirement, above_usd: float, model: MarginModel
) -> tuple[list[str], Floats]:
    """Price moves, and profits [moves, 3] with volatility up, as it is and down."""
    cells = matrix_of(found, model)
    moves, vols = cells.scenarios.grid_shape
    pnl = cells.undamped[: moves * vols].reshape(moves, vols) + above_usd
    return [f"{move:g}" for move in cells.scenarios.price_rel[: moves * vols : vols].round(9)], pnl


def _perpetual_figures(
    held: _Held, asset: _Asset, as_of: datetime, model: MarginModel
) -> Mapping[str, float]:
    moves, pnl = _table(*_required([held], asset, as_of, model), model)
    return dict(zip(moves, pnl[:, 1].tolist(), strict=True))


def _option_figures(
    held: _Held, asset: _Asset, as_of: datetime, model: MarginModel
) -> Mapping[str, float]:
    moves, pnl = _table(*_required([held], asset, as_of, model), model)
    return {
        f"{move} {vol}": float(pnl[row, column])
        for row, move in enumerate(moves)
        for column, vol in enumerate(_VOL_MOVES)
    }


def _total_figures(
    asset: _Asset, options: Sequence[_Held], as_of: datetime, model: MarginModel
) -> Mapping[str, float]:
    """Of every price move the worst of the three volatilities, of all contracts netted."""
    held = [*asset.perp_position_pnl_ranges, *options]
    moves, pnl = _table(*_required(held, asset, as_of, model), model)
    return dict(zip(moves, pnl.min(axis=1).tolist(), strict=True))


def _contingencies(
    asset: _Asset, options: Sequence[_Held], as_of: datetime, model: MarginModel
) -> Mapping[str, float]:
    found, _ = _required([*asset.perp_position_pnl_ranges, *options], asset, as_of, model)
    own = charge_of(model, IndexNotionalCharge)
    charges = {
        "futureContingency": replace(own, short_option_rel=0.0),
        "optionContingency": replace(own, future_rel=0.0),
        "optionVegaContingency": charge_of(model, VegaAcrossExpiriesCharge),
        "usdtUsdcContingency": charge_of(model, StablecoinHedgeCharge),
    }
    return {
        name: sum(a.maintenance for on in found.charged for a in charge.amounts(on))
        for name, charge in charges.items()
    }


def _initial(maintenance: float, model: MarginModel) -> Mapping[str, float]:
    """Initial margin of a maintenance margin, by the factors of the levels."""
    step = RequirementStep("assetMM", maintenance, maintenance)
    added = level_steps((), (step,), model.levels)
    return {"assetIM": maintenance + sum(each.initial for each in added)}
