"""From a portfolio, a market and a model to the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from seawall.basics.errors import BadParameter, InputError
from seawall.basics.money import NOISE_DECIMALS
from seawall.margin.bounds import SIDES, bounded, chosen_value, unknowns_of
from seawall.margin.fold import Direction, WorstCells, net, worst_cells
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.margin.requirement import MarginRequirement
from seawall.margin.status import MarginStatus, margin_status
from seawall.market.snapshot import MarketSnapshot
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import CASH, Instrument
from seawall.products.portfolio import Portfolio
from seawall.report.schema import (
    Bounds,
    Cell,
    CollateralRow,
    GreekRow,
    MarginReport,
    ModelInfo,
    RequirementRow,
    RiskMatrix,
    UnknownRow,
    WorstScenario,
)
from seawall.report.tail import tail_of, warnings_of
from seawall.risk.book import Book, UnderlyingBook, join
from seawall.risk.paths import Taken


def margin(
    portfolio: Portfolio, market: MarketSnapshot, model: str | MarginModel = "prbm"
) -> MarginReport:
    """The margin of one account under one model, explained.

    ``model`` is a preset's name or a MarginModel. Raises UnknownModel, MissingQuote,
    ExpiredInstrument, BadNumber, BadParameter, and InputError for what is neither portfolio,
    market nor model; nothing is skipped or assumed in silence. What is held and not listed is
    valued by the volatility surface, with a warning.
    """
    chosen, market = checked_inputs(portfolio, market, model)
    book = join(portfolio, market)
    status = margin_status(book, chosen)
    return report_of(status, book, chosen, bounds_of(status, book, chosen))


def report_of(
    status: MarginStatus, book: Book, model: MarginModel, bounds: Bounds | None = None
) -> MarginReport:
    """The report of a status that is already known, with its bounds where there are any."""
    tail = tail_of(status.requirement, model)
    return MarginReport(
        account=book.account,
        model=model_info(model),
        currency=CASH,
        as_of=book.as_of,
        initial=status.initial.amount,
        maintenance=status.maintenance.amount,
        margin_value=status.margin_value.amount,
        equity=status.equity.amount,
        excess_initial=(status.margin_value - status.initial).amount,
        excess_maintenance=(status.margin_value - status.maintenance).amount,
        mm_ratio=status.mm_ratio,
        state=status.state,
        worst_scenario=_worst_scenario(status.requirement),
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
        risk_matrices=risk_matrices(status.requirement),
        greek_rows=tuple(row for part in book.underlyings for row in _greek_rows(part)),
        warnings=warnings_of(status, tail, book, model),
        bounds=bounds,
        tail=tail,
    )


def bounds_of(status: MarginStatus, book: Book, model: MarginModel) -> Bounds | None:
    """Between what the requirement of a book lies; None for a model without unknown coefficients.

    The figure itself is always within, also where more of a coefficient asks less of this book.
    """
    unknowns = unknowns_of(model)
    if not unknowns:
        return None
    ends = [margin_status(book, bounded(model, side)) for side in SIDES]
    initial = [each.initial.amount for each in (status, *ends)]
    maintenance = [each.maintenance.amount for each in (status, *ends)]
    return Bounds(
        initial_lower=min(initial),
        initial_upper=max(initial),
        maintenance_lower=min(maintenance),
        maintenance_upper=max(maintenance),
        unknowns=tuple(
            UnknownRow(
                key=each.key,
                chosen=chosen_value(model, each.key),
                lower=each.lower,
                upper=each.upper,
                why=each.why,
            )
            for each in unknowns
        ),
    )


def checked_inputs(
    portfolio: Portfolio,
    market: MarketSnapshot,
    model: str | MarginModel,
    also: Iterable[Instrument] = (),
) -> tuple[MarginModel, MarketSnapshot]:
    """The model, by name or as it is, and the market with what is held in it or is in ``also``.

    What it does not list is valued by its surface where that reaches. Raises InputError for what is
    neither portfolio, market nor model, UnknownModel, BadParameter.
    """
    chosen = load_preset(model) if isinstance(model, str) else model
    for given, wanted in ((portfolio, Portfolio), (market, MarketSnapshot), (chosen, MarginModel)):
        require(given, wanted)
    held = (position.instrument for position in portfolio.positions)
    return chosen, with_unlisted(market, (*held, *also))


def model_info(model: MarginModel) -> ModelInfo:
    """The model as every report names it."""
    return ModelInfo(name=model.name, as_of=model.as_of, source=model.source)


def require(given: object, wanted: type) -> None:
    """Raise InputError for what a program handed in and is not of the type that is wanted."""
    if not isinstance(given, wanted):
        raise InputError(
            f"{given!r:.60} is no {wanted.__name__}",
            where="portfolio, market and model",
            remedy="Give what read_portfolio and read_market return, and a model or its name.",
        )


def require_once(names: Sequence[str]) -> None:
    """Raise BadParameter when two of the models that are compared have one name."""
    if len(set(names)) != len(names):
        raise BadParameter(
            "a model is named twice",
            where=f"models {', '.join(names)}",
            remedy="Name each model once.",
        )


def risk_matrices(requirement: MarginRequirement) -> tuple[RiskMatrix, ...]:
    """One matrix per underlying, of its net, with the worst cell in its group's active direction.

    Where positions do not net, an underlying is in several groups and the greatest one speaks.
    Points of joint paths are no matrix.
    """
    active: dict[str, Direction] = {}
    netted: dict[str, list[WorstCells]] = {}
    taken: dict[str, Taken | None] = {}
    for group in sorted(requirement.combinations, key=lambda g: g.risk):
        for unit in group.units:
            active[unit.book.underlying] = group.direction
            netted.setdefault(unit.book.underlying, []).append(unit.cells)
            taken[unit.book.underlying] = group.taken
    return tuple(
        _risk_matrix(
            name,
            netted[name][0] if len(netted[name]) == 1 else worst_cells(array, net(array)),
            active[name],
            taken[name],
        )
        for array in requirement.arrays
        if array.scenarios.paths is None
        for name in (array.book.underlying,)
    )


def _risk_matrix(
    underlying: str, worst: WorstCells, direction: Direction, taken: Taken | None
) -> RiskMatrix:
    cells = worst.scenarios
    moves, vols = cells.grid_shape
    centre, last = moves * vols, cells.price_rel.size
    tails = last - cells.tail_count
    first = _first_of(worst, direction, taken)
    found = _cells(worst, [first, *range(centre, last)])
    return RiskMatrix(
        underlying=underlying,
        direction=direction,
        loss_up=worst.loss("up"),
        loss_down=worst.loss("down"),
        worst=found[0],
        price_moves_rel=tuple(cells.price_rel[:centre:vols].tolist()),
        vol_moves=tuple(cells.vol_move(i).value for i in range(vols)),
        pnl=tuple(map(tuple, worst.undamped[:centre].reshape(moves, vols).tolist())),
        surface_cells=found[1 : 1 + tails - centre],
        tails=found[1 + tails - centre :],
    )


def _first_of(worst: WorstCells, direction: Direction, taken: Taken | None) -> int:
    """The worst of the cells in which something is taken, or where it has its own."""
    if taken is None or not taken.cells.size:
        return worst.worst(direction)
    return int(taken.cells[0])


def _cells(worst: WorstCells, places: Sequence[int]) -> tuple[Cell, ...]:
    cells, names = worst.scenarios, [instant.value for instant in worst.instants]
    instants = [names[int(at)] for at in worst.instant[places]]
    columns = (cells.price_rel, cells.damping, worst.damped, worst.undamped)
    numbers = zip(*(column[places].tolist() for column in columns), strict=True)
    return tuple(
        Cell(
            price_move_rel=price_rel,
            vol_move=cells.vol_move(place).value,
            instant=instant,
            damping=damping,
            pnl=damped,
            undamped_pnl=undamped,
        )
        for place, instant, (price_rel, damping, damped, undamped) in zip(
            places, instants, numbers, strict=True
        )
    )


def _worst_scenario(requirement: MarginRequirement) -> WorstScenario | None:
    """Of all units of risk the one that loses most in its group's active direction."""
    units = [(unit, group) for group in requirement.combinations for unit in group.units]
    if not units:
        return None
    unit, group = max(units, key=lambda u: round(u[1].loss_of(u[0]), NOISE_DECIMALS))
    direction, name = group.direction, unit.book.positions[0].instrument.name
    cell = _first_of(unit.cells, direction, group.taken)
    if group.taken is not None:  # a cell of all underlyings, of which some rise and others fall
        direction = "up" if unit.cells.scenarios.price_rel[cell] > 0.0 else "down"
    return WorstScenario(
        underlying=unit.book.underlying,
        position=name if unit.path == f"{unit.book.underlying}/{name}" else None,
        direction=direction,
        cell=_cells(unit.cells, [cell])[0],
    )


def _greek_rows(book: UnderlyingBook) -> tuple[GreekRow, ...]:
    by_position = (book.gamma, book.vega_usd, book.theta_usd)
    count, level_usd = len(book.buckets), book.level_usd
    sums = np.column_stack(
        [
            book.net_delta_by_bucket,
            *(np.bincount(book.bucket, book.quantity * own, count) for own in by_position),
        ]
    )
    rows = zip((*book.buckets, "total"), [*sums.tolist(), sums.sum(axis=0).tolist()], strict=True)
    return tuple(
        GreekRow(
            underlying=book.underlying,
            bucket=name,
            delta_coin=delta,
            delta_usd=delta * level_usd,
            gamma_coin_per_usd=gamma,
            vega_usd_per_point=vega,
            theta_usd_per_day=theta,
        )
        for name, (delta, gamma, vega, theta) in rows
        if name == "total" or any((delta, gamma, vega, theta))
    )
