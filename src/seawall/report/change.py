"""Why a requirement changed between two instants: rows of change that add up, and what moved.

Each row is the difference that one step makes, by full recomputation of the account before and
after it. The order of the steps is fixed: positions, time, price of each underlying, stablecoins,
volatility, liquidity, model. Source: docs/explain.md, "Change between two instants".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import msgspec

from seawall.basics.errors import ExpiredInstrument, InputError
from seawall.basics.time import UtcTime, isoformat_utc
from seawall.margin.fold import Direction
from seawall.margin.model import MarginModel
from seawall.margin.status import MarginStatus, margin_status
from seawall.market.moved import at_time, with_prices_of
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import CASH, Expiring, Stablecoin, is_money
from seawall.products.portfolio import Portfolio
from seawall.report.build import checked_inputs, model_info, risk_matrices
from seawall.report.schema import Cell, Document, ModelInfo, RiskMatrix
from seawall.risk.book import join, place_of
from seawall.risk.moved import carried_portfolio, resized_portfolio

_SETTLED = (
    "Give the book at the end, in which it is settled, with --to-book (to_portfolio in Python)."
)
_STILL_HELD = "Leave it out of the book at the end and put in what it was settled for."


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one step changes: requirements and margin value after it less before it."""

    step: str
    initial: Decimal
    maintenance: Decimal
    margin_value: Decimal


class RowChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the requirement before and after; zero where there is none."""

    path: str
    initial_before: Decimal
    initial_after: Decimal
    maintenance_before: Decimal
    maintenance_after: Decimal


class WorstCellChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Active direction and worst cell of an underlying before and after.

    None where it is not held, or under a model without scenarios.
    """

    underlying: str
    direction_before: Direction | None
    direction_after: Direction | None
    worst_before: Cell | None
    worst_after: Cell | None


class Change(Document, frozen=True, kw_only=True, tag="seawall.change/1"):
    """One account's margin at two instants, and the steps from the one to the other.

    ``rows`` add exactly to the difference of each total. ``moved_rows`` are the requirement's rows
    that changed.
    """

    account: str
    currency: str
    as_of_before: UtcTime
    as_of_after: UtcTime
    model_before: ModelInfo
    model_after: ModelInfo
    initial_before: Decimal
    initial_after: Decimal
    maintenance_before: Decimal
    maintenance_after: Decimal
    margin_value_before: Decimal
    margin_value_after: Decimal
    rows: tuple[ChangeRow, ...]
    moved_rows: tuple[RowChange, ...]
    worst_cells: tuple[WorstCellChange, ...]
    warnings: tuple[str, ...]


def explain_change(
    portfolio: Portfolio,
    before: MarketSnapshot,
    after: MarketSnapshot,
    model: str | MarginModel = "prbm",
    *,
    to_portfolio: Portfolio | None = None,
    to_model: str | MarginModel | None = None,
) -> Change:
    """Why the margin of an account changed between two snapshots.

    Without ``to_portfolio`` the account holds the same contracts at both: quantities are those of
    ``before``, the USD size of inverse futures stays, and a future without an entry price earns
    from ``before`` on. With it the account is that one at ``after``. ``to_model`` is the model
    after, the same if left out.

    Raises MissingQuote for what is not listed at both instants, ExpiredInstrument for what has
    expired at one of them, InputError if the portfolios are of two accounts, and what
    :func:`seawall.report.build.margin` raises.
    """
    ending = portfolio if to_portfolio is None else to_portfolio
    # The book of the end is counted at the start's prices too.
    last, after = checked_inputs(ending, after, model if to_model is None else to_model)
    at_end = [position.instrument for position in ending.positions]
    first, before = checked_inputs(portfolio, before, model, at_end)
    if to_portfolio is not None and to_portfolio.account != portfolio.account:
        raise InputError(
            f"the books are of two accounts, {portfolio.account!r} and {to_portfolio.account!r}",
            where="explain-change",
            remedy="Give the same account at both times.",
        )
    _require_alive(portfolio, before, "Leave it out of the book or start from an earlier snapshot.")
    for market in (before, after):
        _require_alive(ending, market, _SETTLED if to_portfolio is None else _STILL_HELD)
    stages = tuple(_stages(portfolio, to_portfolio, before, after, first, last))
    # What is not listed at either end is told before anything is computed in between.
    for end in (stages[0], stages[-1]):
        join(end.portfolio, end.market)
    statuses = [stage.status() for stage in stages]
    start, finish = statuses[0], statuses[-1]
    pairs = zip(stages[1:], statuses, statuses[1:], strict=False)
    return Change(
        account=portfolio.account,
        currency=CASH,
        as_of_before=before.as_of,
        as_of_after=after.as_of,
        model_before=model_info(first),
        model_after=model_info(last),
        initial_before=start.initial.amount,
        initial_after=finish.initial.amount,
        maintenance_before=start.maintenance.amount,
        maintenance_after=finish.maintenance.amount,
        margin_value_before=start.margin_value.amount,
        margin_value_after=finish.margin_value.amount,
        rows=tuple(_row(stage.step, one, other) for stage, one, other in pairs),
        moved_rows=_moved_rows(start, finish),
        worst_cells=_worst_cells(start, finish),
        warnings=(
            *_of_times(before, after),
            *_warnings(start, _valued(ending, before), finish, carried=to_portfolio is None),
        ),
    )


def _require_alive(portfolio: Portfolio, market: MarketSnapshot, remedy: str) -> None:
    """Raise ExpiredInstrument, which names account and position, for what has expired by then."""
    for position in portfolio.positions:
        contract = position.instrument
        if isinstance(contract, Expiring) and contract.expiry <= market.as_of:
            raise ExpiredInstrument(
                f"{contract.name} expired at {isoformat_utc(contract.expiry)}",
                where=f"{place_of(position, portfolio.account)}, {market.where}",
                remedy=remedy,
            )


def _of_times(before: MarketSnapshot, after: MarketSnapshot) -> list[str]:
    """Said of times that are hardly meant: one snapshot for both, or the clock turned back."""
    start, end = isoformat_utc(before.as_of), isoformat_utc(after.as_of)
    if start == end:
        return [f"Both times are the snapshot of {start}."]
    return [f"The end, {end}, is before the start, {start}."] if end < start else []


def _valued(portfolio: Portfolio, market: MarketSnapshot) -> list[str]:
    """How the market values what it does not list of an account."""
    names = (position.instrument.name for position in portfolio.positions)
    return [market.unlisted.valued[name] for name in names if name in market.unlisted.valued]


def _warnings(
    start: MarginStatus, bought: Iterable[str], finish: MarginStatus, *, carried: bool
) -> tuple[str, ...]:
    """What was assumed at either end, and at the start of what is held at the end. A carried
    future without an entry price has that of the start, so that its profit is not 0 at the end.
    """
    found = dict.fromkeys((*start.warnings, *bought, *finish.warnings))
    if not carried:
        return tuple(found)
    return tuple(
        text.replace("is taken as 0.", "counts from the start.")
        if text.startswith("No entry price of ")
        else text
        for text in found
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    """The account after one step."""

    step: str
    portfolio: Portfolio
    market: MarketSnapshot
    model: MarginModel

    def status(self) -> MarginStatus:
        return margin_status(join(self.portfolio, self.market), self.model)


def _stages(
    portfolio: Portfolio,
    to_portfolio: Portfolio | None,
    before: MarketSnapshot,
    after: MarketSnapshot,
    first: MarginModel,
    last: MarginModel,
) -> Iterator[_Stage]:
    """The account before everything and after each step; the last is the account at the end."""

    def held(market: MarketSnapshot) -> Portfolio:
        if to_portfolio is None:
            return carried_portfolio(portfolio, before, market)
        return resized_portfolio(to_portfolio, after, market)

    yield _Stage("before", portfolio, before, first)
    yield _Stage("positions", held(before), before, first)
    market = at_time(before, after.as_of)
    yield _Stage("time", held(market), market, first)
    for name in _priced(portfolio, to_portfolio):
        market = with_prices_of(market, after, name)
        yield _Stage(f"price/{name}", held(market), market, first)
    if market.stable_usd != after.stable_usd:
        market = replace(market, stable_usd=after.stable_usd)
        yield _Stage("price/stablecoins", held(market), market, first)
    # Volume, open interest, funding and trust are those of the start until their own step.
    market = replace(after, liquidity=before.liquidity)
    yield _Stage("volatility", held(market), market, first)
    yield _Stage("liquidity", held(after), after, first)
    yield _Stage("model", held(after), after, last)


def _priced(*portfolios: Portfolio | None) -> list[str]:
    """Names whose prices are taken over one by one: underlyings, and money that has an index."""
    instruments = [p.instrument for each in portfolios if each for p in each.positions]
    indexed = [i for i in instruments if not isinstance(i, Stablecoin) and i.name != CASH]
    return sorted({i.name if is_money(i) else i.underlying for i in indexed})


def _row(step: str, one: MarginStatus, other: MarginStatus) -> ChangeRow:
    return ChangeRow(
        step=step,
        initial=(other.initial - one.initial).amount,
        maintenance=(other.maintenance - one.maintenance).amount,
        margin_value=(other.margin_value - one.margin_value).amount,
    )


def _moved_rows(start: MarginStatus, finish: MarginStatus) -> tuple[RowChange, ...]:
    """Rows that differ, in the order of the requirement."""
    rows, later = ({row.path: row for row in status.rows} for status in (start, finish))
    zero = Decimal("0.00")
    found = [
        RowChange(
            path=path,
            initial_before=one.initial.amount if one else zero,
            initial_after=other.initial.amount if other else zero,
            maintenance_before=one.maintenance.amount if one else zero,
            maintenance_after=other.maintenance.amount if other else zero,
        )
        for path in dict.fromkeys((*rows, *later))
        for one, other in ((rows.get(path), later.get(path)),)
    ]
    return tuple(
        row
        for row in found
        if (row.initial_before, row.maintenance_before)
        != (row.initial_after, row.maintenance_after)
    )


def _worst_cells(start: MarginStatus, finish: MarginStatus) -> tuple[WorstCellChange, ...]:
    """Direction and worst cell of every underlying that is held before or after."""
    matrices, later = (
        {matrix.underlying: matrix for matrix in risk_matrices(status.requirement)}
        for status in (start, finish)
    )
    return tuple(
        _worst_cell(underlying, matrices.get(underlying), later.get(underlying))
        for underlying in sorted({*matrices, *later})
    )


def _worst_cell(
    underlying: str, one: RiskMatrix | None, other: RiskMatrix | None
) -> WorstCellChange:
    return WorstCellChange(
        underlying=underlying,
        direction_before=one.direction if one else None,
        direction_after=other.direction if other else None,
        worst_before=one.worst if one else None,
        worst_after=other.worst if other else None,
    )
