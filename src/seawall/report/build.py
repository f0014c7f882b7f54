"""From a portfolio, a market and a model to the report."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.fold import Direction
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.margin.status import MarginStatus, margin_status
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import (
    CASH,
    DatedFuture,
    EuropeanOption,
    Perpetual,
    Stablecoin,
)
from seawall.products.portfolio import Portfolio, Position
from seawall.report.schema import (
    Cell,
    CollateralRow,
    GreekRow,
    MarginReport,
    ModelInfo,
    RequirementRow,
    RiskMatrix,
    WorstScenario,
)
from seawall.risk.book import UnderlyingBook, join
from seawall.risk.revaluation import RiskArray


def margin(
    portfolio: Portfolio, market: MarketSnapshot, model: str | MarginModel = "prbm"
) -> MarginReport:
    """The margin of one account under one model, explained.

    ``model`` is a preset's name or a MarginModel. Raises UnknownModel, MissingQuote,
    ExpiredInstrument, BadNumber, BadParameter; nothing is skipped or assumed in silence.
    """
    chosen = load_preset(model) if isinstance(model, str) else model
    book = join(portfolio, market)
    status = margin_status(book, chosen)
    matrices = risk_matrices(status)
    return MarginReport(
        account=portfolio.account,
        model=ModelInfo(name=chosen.name, as_of=chosen.as_of, source=chosen.source),
        currency=CASH,
        as_of=market.as_of,
        initial=status.initial.amount,
        maintenance=status.maintenance.amount,
        margin_value=status.margin_value.amount,
        equity=status.equity.amount,
        excess_initial=(status.margin_value - status.initial).amount,
        excess_maintenance=(status.margin_value - status.maintenance).amount,
        mm_ratio=status.mm_ratio,
        state=status.state,
        worst_scenario=_worst_scenario(matrices),
        rows=tuple(
            RequirementRow(
                path=row.path, initial=row.initial.amount, maintenance=row.maintenance.amount
            )
            for row in status.rows
        ),
        collateral_rows=tuple(
            CollateralRow(path=h.path, value=h.value.amount, haircut=h.haircut.amount)
            for h in status.holdings
        ),
        risk_matrices=matrices,
        greek_rows=tuple(row for part in book.underlyings for row in _greek_rows(part)),
        warnings=_warnings(portfolio, market, chosen),
    )


def risk_matrices(status: MarginStatus) -> tuple[RiskMatrix, ...]:
    """One matrix per underlying, with the worst cell in its group's active direction.

    Where positions do not net, an underlying is in several groups and the greatest one speaks.
    """
    active: dict[str, Direction] = {}
    for group in sorted(status.requirement.combinations, key=lambda g: g.risk):
        for unit in group.units:
            active[unit.book.underlying] = group.direction
    return tuple(
        _risk_matrix(array, active[array.book.underlying]) for array in status.requirement.arrays
    )


def _risk_matrix(array: RiskArray, direction: Direction) -> RiskMatrix:
    cells, net = array.scenarios, array.net()
    # Without float64 noise ties stay ties, and the first of equal cells or instants is named.
    instant: NDArray[np.intp] = net.round(NOISE_DECIMALS).argmin(axis=0)
    undamped = net.min(axis=0)
    damped = undamped * cells.damping

    def cell(index: int) -> Cell:
        return Cell(
            price_move_rel=float(cells.price_rel[index]),
            vol_move=cells.vol_move(index).value,
            instant=array.instants[int(instant[index])].value,
            damping=float(cells.damping[index]),
            pnl=float(damped[index]),
            undamped_pnl=float(undamped[index]),
        )

    moves, vols = cells.grid_shape
    centre, last = moves * vols, cells.price_rel.size
    side = cells.up if direction == "up" else cells.down
    worst = int(np.where(side, damped.round(NOISE_DECIMALS), np.inf).argmin())
    grid = undamped[:centre].reshape(moves, vols)
    return RiskMatrix(
        underlying=array.book.underlying,
        direction=direction,
        worst=cell(worst),
        price_moves_rel=tuple(float(x) for x in cells.price_rel[:centre:vols]),
        vol_moves=tuple(cells.vol_move(i).value for i in range(vols)),
        pnl=tuple(tuple(float(x) for x in row) for row in grid),
        surface_cells=tuple(cell(i) for i in range(centre, last - cells.tail_count)),
        tails=tuple(cell(i) for i in range(last - cells.tail_count, last)),
    )


def _worst_scenario(matrices: tuple[RiskMatrix, ...]) -> WorstScenario | None:
    if not matrices:
        return None
    worst = min(matrices, key=lambda matrix: matrix.worst.pnl)
    return WorstScenario(underlying=worst.underlying, direction=worst.direction, cell=worst.worst)


def _greek_rows(book: UnderlyingBook) -> tuple[GreekRow, ...]:
    columns = (book.gamma, book.vega_usd, book.theta_usd)
    held = np.stack([book.quantity * column for column in columns])
    deltas = book.net_delta_by_bucket
    sums = np.stack([held[:, book.bucket == i].sum(axis=1) for i in range(len(book.buckets))])
    sums = np.column_stack([deltas, sums])
    by_bucket = [(n, row) for n, row in zip(book.buckets, sums, strict=True) if row.any()]
    return tuple(
        GreekRow(
            underlying=book.underlying,
            bucket=name,
            delta_coin=float(delta),
            delta_usd=float(delta) * book.spot_usd,
            gamma_coin_per_usd=float(gamma),
            vega_usd_per_point=float(vega),
            theta_usd_per_day=float(theta),
        )
        for name, (delta, gamma, vega, theta) in [*by_bucket, ("total", sums.sum(axis=0))]
    )


def _warnings(portfolio: Portfolio, market: MarketSnapshot, model: MarginModel) -> tuple[str, ...]:
    """Everything that was assumed for want of a number, in the order of the positions."""
    found = dict.fromkeys(market.warnings)
    for position in portfolio.positions:
        for warning in _position_warnings(position, market):
            found.setdefault(warning)
    if any(charge.uses_class_liquidity for charge in model.charges):
        underlyings = sorted(
            {getattr(p.instrument, "underlying", "") for p in portfolio.positions} - {""}
        )
        if underlyings:
            found.setdefault(
                f"No traded volume or spread in the snapshot for {', '.join(underlyings)}: the "
                f"class defaults of {model.name} are used."
            )
    return tuple(found)


def _position_warnings(position: Position, market: MarketSnapshot) -> list[str]:
    instrument, warnings = position.instrument, list[str]()
    currency = (
        instrument.name
        if isinstance(instrument, Stablecoin)
        else getattr(instrument, "settlement", CASH)
    )
    inverse = getattr(instrument, "is_inverse", False)
    if not inverse and currency != CASH and currency not in market.stable_usd:
        warnings.append(f"No price of {currency}: taken as 1 USD; give --price {currency}=VALUE.")
    future = isinstance(instrument, Perpetual | DatedFuture)
    if position.entry_price is not None and not future:
        warnings.append(f"Entry price of {instrument.name} is not used: it counts at its mark.")
    if isinstance(instrument, EuropeanOption):
        listed, row = market.option_row(instrument)
        if np.isnan(listed.mark[row]):
            warnings.append(f"No mark of {instrument.name}: valued at its implied volatility.")
    if isinstance(instrument, Perpetual) and instrument.name not in market.futures:
        warnings.append(f"No mark of {instrument.name}: taken at its index.")
    if isinstance(instrument, DatedFuture) and instrument.name not in market.futures:
        warnings.append(
            f"No mark of {instrument.name}: taken at the forward implied for its expiry."
        )
    if future and position.entry_price is None:
        warnings.append(
            f"No entry price of {instrument.name}: its unrealised profit is taken as 0."
        )
    return warnings
