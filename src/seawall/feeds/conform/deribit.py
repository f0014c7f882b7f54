"""Cases of Deribit's portfolio margin: answers of private/pme/simulate.

An answer tells its own parameters, positions and prices. Its vectors are in coin: 27 numbers, price
by price from the lowest, and 8 of the tails. What orders ask is no part of a book and is added as
told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, cast

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import (
    charge_of,
    read_as,
    with_charge,
)
from seawall.margin.charges import DeltaShockCharge, RollShockCharge
from seawall.margin.charges.delta_shocks import DeltaShockNumbers, RollNumbers
from seawall.margin.classes import class_of
from seawall.margin.combinations import Combination
from seawall.margin.currencies import CurrencyNumbers, CurrencyUnits
from seawall.margin.fold import NetByUnderlying, Unit, net, worst_cells
from seawall.margin.model import Levels, MarginModel
from seawall.margin.requirement import MarginRequirement, margin_requirement
from seawall.market.snapshot import MarketSnapshot
from seawall.products.names import parse_name
from seawall.products.portfolio import Portfolio, Position
from seawall.risk.book import Book, join
from seawall.risk.scenarios import PriceVolGrid
from seawall.risk.shocks import Shock

Floats = NDArray[np.float64]

# What is told is rounded to nine decimals of a coin, vectors to all digits.
_COIN = 1e-9


class _Pair(msgspec.Struct, frozen=True):
    extended_table_factor: float
    m_inc: float
    min_volatility_for_shock_up: float
    max_delta_shock: float
    delta_total_liq_shock_threshold: float
    volatility_range_down: float
    volatility_range_up: float
    long_term_vega_power: float
    short_term_vega_power: float
    price_range: float


class _Currency(msgspec.Struct, frozen=True):
    max_offsetable_pnl: float
    annualised_move_risk: float
    extended_dampener: float
    min_annualised_move: float
    pnl_offset: float


class _General(msgspec.Struct, frozen=True):
    mm_factor: float
    timestamp: int | None = None


class _Parameters(msgspec.Struct, frozen=True):
    currency_pair: dict[str, _Pair]
    currency: dict[str, _Currency]
    general: _General


class _Vectors(msgspec.Struct, frozen=True):
    standard: list[float]
    extended: list[float]


class _Ticker(msgspec.Struct, frozen=True):
    mark_price: float


class _Portfolio(msgspec.Struct, frozen=True):
    position: dict[str, float]


class _Answer(msgspec.Struct, frozen=True):
    model_params: _Parameters
    portfolio: _Portfolio
    index_price: dict[str, float]
    ticker: dict[str, _Ticker]
    initial_risk_vectors: dict[str, _Vectors]
    aggregated_risk_vectors: dict[str, _Vectors]
    margins: dict[str, dict[str, Any]]
    pre_aggregated_risk_vectors: dict[str, _Vectors] = {}
    timestamp_ms: int | None = None

    @property
    def as_of(self) -> datetime:
        """When it was given."""
        at = self.model_params.general.timestamp or self.timestamp_ms
        if at is None:
            raise BadParameter(
                "an answer without its time",
                where="model_params.general",
                remedy="Take it as the venue gave it, with its timestamp.",
            )
        return datetime.fromtimestamp(at / 1e3, UTC)


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict):
        return None
    table = cast("dict[str, Any]", document)
    if isinstance(table.get("result"), dict):
        table = cast("dict[str, Any]", table["result"])
    if {"model_params", "initial_risk_vectors", "portfolio"} <= table.keys():
        return _of_answer(table, model, where)
    return None


def _of_answer(table: dict[str, Any], model: MarginModel, where: str) -> Iterator[Case]:
    # Copies of an answer keep its margins flat, under another name.
    margins = table.get("margins", table.get("expected"))
    answer = read_as(_Answer, {**table, "margins": margins}, where)
    options = [name for name in answer.portfolio.position if name.endswith(("-C", "-P"))]
    skipped = f"no volatility of {options[0]} in the answer" if options else None
    yield Case(
        name=f"simulate {' '.join(answer.margins)}",
        expected=_expected(answer),
        compute=partial(_computed, answer, model),
        tolerance_abs=_COIN,
        skipped=skipped,
    )


def _expected(answer: _Answer) -> dict[str, float]:
    found: dict[str, float] = {}
    for kind, told in (
        ("initial", answer.initial_risk_vectors),
        ("pre-aggregated", answer.pre_aggregated_risk_vectors),
        ("aggregated", answer.aggregated_risk_vectors),
    ):
        for name, own in told.items():
            found |= _numbered(f"{kind} {name}", [*own.standard, *own.extended])
    for currency, told in answer.margins.items():
        for name, value in _flat(told).items():
            coded = _CODES.get(value, value) if isinstance(value, str) else value
            found[f"{currency} {name}"] = float(coded)
    return found


# Words of the place of the worst case, as numbers.
_CODES = {"left": -1.0, "middle": 0.0, "right": 1.0, "standard": 1.0, "extended": 0.0}


def _numbered(name: str, values: Iterable[float]) -> dict[str, float]:
    return {f"{name} {place}": value for place, value in enumerate(values, 1)}


def _flat(told: Mapping[str, Any]) -> dict[str, Any]:
    """The margins of a currency without nesting; those of the worst bucket with its name."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        if not isinstance(value, dict):
            found[name] = value
            continue
        inner = _flat(cast("dict[str, Any]", value))
        bucket = name == "worst_case_bucket"
        found |= {f"{name}.{key}": own for key, own in inner.items()} if bucket else inner
    return found


def _computed(answer: _Answer, model: MarginModel) -> Mapping[str, float]:
    market = MarketSnapshot(
        as_of=answer.as_of,
        index_usd={pair.split("_")[0].upper(): usd for pair, usd in answer.index_price.items()},
        stable_usd={"USDC": 1.0, "USDT": 1.0},
        forwards={},
        futures={name: own.mark_price for name, own in answer.ticker.items()},
        slices={},
        option_rows={},
    )
    held = tuple(
        Position(instrument=parse_name(name), quantity=Decimal(repr(quantity)))
        for name, quantity in answer.portfolio.position.items()
    )
    book = join(Portfolio(account="case", positions=held), market)
    own = _with_parameters(answer.model_params, model)
    found = _single_vectors(book, own)
    whole = margin_requirement(book, own)
    for group in whole.combinations:
        coin = market.index_usd.get(group.group, 1.0)
        for unit in group.units:
            name = f"{group.group.lower()}_{unit.book.underlying.lower()}"
            before = unit.cells.undamped * unit.cells.scenarios.damping
            found |= _numbered(f"pre-aggregated {name}", (before / coin).tolist())
            found |= _numbered(f"aggregated {name}", (unit.cells.damped / coin).tolist())
        currency = group.group.lower()
        told = _flat(answer.margins.get(currency, {}))
        margins = _margins(group, whole, own.levels, told, coin)
        found |= {f"{currency} {name}": value for name, value in margins.items()}
    return found


def _single_vectors(book: Book, model: MarginModel) -> dict[str, float]:
    """The cells of each position by itself, before dampener and offset, in what it settles in."""
    found: dict[str, float] = {}
    for array in margin_requirement(book, model).arrays:
        for row, position in enumerate(array.book.positions):
            alone = array.rows([row])
            cells = worst_cells(alone, net(alone))
            coin = array.book.spot_usd if array.book.inverse[row] else 1.0
            pnl = cells.undamped * cells.scenarios.damping / coin
            found |= _numbered(f"initial {position.instrument.name}", pnl.tolist())
    return found


def _margins(
    group: Combination,
    whole: MarginRequirement,
    levels: Levels,
    told: Mapping[str, Any],
    coin: float,
) -> dict[str, float]:
    """The margins of a settlement currency, in it; what orders ask is as told."""
    orders = {
        name: float(told.get(name, 0.0))
        for name in ("spot_margin", "mmp_margin", "open_orders_margin")
    }
    paths = [unit.path for unit in group.units]
    roll = _step(whole, "roll_shock", paths) / coin
    delta = _step(whole, "delta_shock", paths) / coin
    worst = group.risk / coin
    matrix = worst + roll + delta
    return {
        **orders,
        **_bucket(group.units[0], int(group.taken.cells[0]) if group.taken is not None else 0),
        "worst_case": worst,
        "roll_shock": roll,
        "delta_shock": delta,
        # Of currencies in a set of correlated ones, of which the answers have none.
        "correlation_contingency": 0.0,
        "risk_matrix_margin": matrix,
        "initial_margin": levels.im_factor * matrix + sum(orders.values()),
        "maintenance_margin": levels.mm_factor * matrix,
    }


def _step(whole: MarginRequirement, head: str, paths: Iterable[str]) -> float:
    wanted = {f"{head}/{path}" for path in paths}
    return sum(step.initial for step in whole.steps if step.path in wanted)


def _bucket(unit: Unit, cell: int) -> dict[str, float]:
    """Where the worst case is: its place in its vector, its price from 1, and the side of that."""
    cells = unit.cells.scenarios
    moves, vols = cells.grid_shape
    standard = cell < moves * vols
    place = cell if standard else cell - moves * vols
    return {
        "worst_case_bucket.index": place + 1.0,
        "worst_case_bucket.bucket": (place // vols if standard else place) + 1.0,
        "worst_case_bucket.side": float(np.sign(cells.price_rel[cell])),
        "worst_case_bucket.source": float(standard),
    }


def _with_parameters(told: _Parameters, model: MarginModel) -> MarginModel:
    """The model with the numbers of an answer. Raises BadParameter for one without the parts."""
    charge_of(model, RollShockCharge)
    grid, fold = model.scenarios, model.fold
    if not isinstance(grid, PriceVolGrid) or not isinstance(fold, NetByUnderlying):
        raise BadParameter(
            f"{model.name} has no grid of prices whose net counts by currency",
            where=f"model {model.name}",
            remedy="Ask for the model that the cases were published for.",
        )
    pairs = {name.split("_")[0].upper(): pair for name, pair in told.currency_pair.items()}
    first = next(iter(pairs.values()))
    name_of = {coin: class_of(coin, model.classes).name for coin in pairs}
    ranges = {name_of[coin]: pair.price_range for coin, pair in pairs.items()}
    for charge in (
        RollShockCharge(
            numbers={
                name: RollNumbers(
                    annual_move=own.annualised_move_risk, min_move_rel=own.min_annualised_move
                )
                for name, own in _currencies(told)
            }
        ),
        DeltaShockCharge(
            classes={
                name_of[coin]: DeltaShockNumbers(
                    threshold_usd=pair.delta_total_liq_shock_threshold,
                    increment_per_coin=pair.m_inc,
                    most_rel=pair.max_delta_shock,
                )
                for coin, pair in pairs.items()
            }
        ),
    ):
        model = with_charge(model, charge)
    return replace(
        model,
        classes=tuple(
            replace(
                each,
                price_range_up_rel=ranges.get(each.name, each.price_range_up_rel),
                price_range_down_rel=ranges.get(each.name, each.price_range_down_rel),
            )
            for each in model.classes
        ),
        scenarios=replace(
            grid,
            vol_up=Shock(kind="relative", size=first.volatility_range_up),
            vol_down=Shock(kind="relative", size=-first.volatility_range_down),
            vol_up_floor=first.min_volatility_for_shock_up,
            tenor_law=replace(
                grid.tenor_law,
                short_power=first.short_term_vega_power,
                long_power=first.long_term_vega_power,
            ),
        ),
        fold=replace(fold, by_currency=_units_of(told, first.extended_table_factor)),
        levels=replace(model.levels, mm_factor=told.general.mm_factor),
    )


def _units_of(told: _Parameters, factor: float) -> CurrencyUnits:
    numbers = {
        name: CurrencyNumbers(
            dampener_usd=own.extended_dampener,
            gain_share=own.pnl_offset,
            most_gain_usd=own.max_offsetable_pnl,
        )
        for name, own in _currencies(told)
    }
    return CurrencyUnits(tail_factor=factor, numbers=numbers)


def _currencies(told: _Parameters) -> Iterator[tuple[str, _Currency]]:
    """The numbers of each currency; those of USD are of what settles in no coin of its own."""
    for name, own in told.currency.items():
        yield ("linear" if name == "usd" else name.upper()), own
