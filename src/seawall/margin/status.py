"""Where an account stands: requirement and collateral as exact money, excess, ratio and state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal, NamedTuple, get_args

from seawall.basics.money import Money, collateral_money, requirement_money
from seawall.margin.collateral import in_array, outside_array
from seawall.margin.model import MarginModel
from seawall.margin.requirement import MarginRequirement, margin_requirement
from seawall.market.needs import Need
from seawall.products.instruments import CASH, Perpetual
from seawall.risk.book import Book, UnderlyingBook

# Share of margin value taken by maintenance from which an account is warned.
WARNING_RATIO = 0.70

State = Literal["healthy", "warning", "reduce-only", "liquidation"]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Row:
    """A requirement step in money, rounded up."""

    path: str
    initial: Money
    maintenance: Money


@dataclass(frozen=True, slots=True)
class Holding:
    """A holding in money: its value rounded down, its haircut rounded up."""

    path: str
    value: Money
    haircut: Money


@dataclass(frozen=True, slots=True)
class MarginStatus:
    """Requirement and collateral of one account; every total is the exact sum of its rows.

    ``initial`` and ``maintenance`` margin; ``equity`` the market value of everything held and
    ``margin_value`` equity less haircuts. ``warnings`` says everything that was assumed for want
    of a number.
    """

    requirement: MarginRequirement
    rows: tuple[Row, ...]
    holdings: tuple[Holding, ...]
    warnings: tuple[str, ...]
    initial: Money = field(init=False)
    maintenance: Money = field(init=False)
    equity: Money = field(init=False)
    margin_value: Money = field(init=False)

    def __post_init__(self) -> None:
        equity = Money.total((holding.value for holding in self.holdings), CASH)
        haircuts = Money.total((holding.haircut for holding in self.holdings), CASH)
        totals = {
            "initial": Money.total((row.initial for row in self.rows), CASH),
            "maintenance": Money.total((row.maintenance for row in self.rows), CASH),
            "equity": equity,
            "margin_value": equity - haircuts,
        }
        for name, total in totals.items():
            object.__setattr__(self, name, total)

    @property
    def mm_ratio(self) -> float | None:
        """Maintenance over margin value; None for infinity, when the margin value is ≤ 0."""
        return mm_ratio_of(self.maintenance.amount, self.margin_value.amount)

    @property
    def state(self) -> State:
        """As :func:`state_of` says."""
        amounts = self.initial.amount, self.maintenance.amount, self.margin_value.amount
        return state_of(*amounts)


def mm_ratio_of(maintenance: Decimal, margin_value: Decimal) -> float | None:
    """Maintenance over margin value; None for infinity, when the margin value is ≤ 0."""
    return float(maintenance / margin_value) if margin_value > 0 else None


def state_of(initial: Decimal, maintenance: Decimal, margin_value: Decimal) -> State:
    """``liquidation`` from a ratio of 100 %, ``reduce-only`` below the initial margin, ``warning``
    from a ratio of 70 %, ``healthy`` otherwise.
    """
    if margin_value < 0 or 0 < maintenance >= margin_value:
        return "liquidation"
    if margin_value < initial:
        return "reduce-only"
    ratio = mm_ratio_of(maintenance, margin_value)
    return "warning" if ratio is not None and ratio >= WARNING_RATIO else "healthy"


def margin_status(book: Book, model: MarginModel) -> MarginStatus:
    """The account's requirement and collateral under a model, in USD.

    Raises what :func:`seawall.margin.requirement.margin_requirement` raises.
    """
    return status_of(margin_requirement(book, model), book, model)


def status_of(requirement: MarginRequirement, book: Book, model: MarginModel) -> MarginStatus:
    """Where the account stands with a requirement, its collateral that of the model."""
    declared = model.offsets.notices(book.as_of) if model.offsets else ()
    warnings = (*book.warnings, *dated_after(book, model), *declared, *defaults_taken(book, model))
    rows = (
        Row(
            step.path,
            requirement_money(step.initial, CASH, step.path),
            requirement_money(step.maintenance, CASH, step.path),
        )
        for step in requirement.steps
        if step.initial or step.maintenance
    )
    holdings = tuple(
        Holding(
            holding.path,
            collateral_money(holding.value, CASH, holding.path),
            requirement_money(holding.haircut, CASH, holding.path),
        )
        for holding in model.collateral.holdings(book, model.classes)
    )
    # A step that adds nothing, or only noise of float64, has no row.
    shown = tuple(row for row in rows if row.initial.amount or row.maintenance.amount)
    status = MarginStatus(requirement, shown, holdings, warnings)
    if model.eligibility is None:
        return status
    notice = model.eligibility.notice(model.name, status.margin_value.amount)
    return replace(status, warnings=(*warnings, *notice)) if notice else status


def dated_after(book: Book, model: MarginModel) -> tuple[str, ...]:
    """That the model's numbers are younger than the market: nobody could have used them then."""
    at = book.as_of.date()
    if model.as_of <= at:
        return ()
    return (f"The numbers of {model.name} are of {model.as_of}, after the market of {at}.",)


class Default(NamedTuple):
    """A need of a model that the market does not tell, and of which underlyings."""

    model: str
    need: str
    underlyings: tuple[str, ...]


def defaults_taken(book: Book, model: MarginModel) -> list[str]:
    """What the model asks of the market and nobody told: its written defaults stand in."""
    return [
        f"Defaults of {name} for {', '.join(names)}: {', '.join(needs)}."
        for name, missing in _by_model(untold(book, model)).items()
        for names, needs in missing.items()
    ] + funding_taken(book, model)


def joined_defaults(defaults: Iterable[Default]) -> list[str]:
    """Those of several books in one sentence a model; an underlying is named once a need."""
    told: list[str] = []
    for name, missing in _by_model(defaults).items():
        parts = [f"for {', '.join(names)}: {', '.join(needs)}" for names, needs in missing.items()]
        told.append(f"Defaults of {name} {'; '.join(parts)}.")
    return told


def _by_model(defaults: Iterable[Default]) -> dict[str, dict[tuple[str, ...], list[str]]]:
    """Needs of each model by the underlyings that miss them, in the order of the needs."""
    names: dict[tuple[str, str], dict[str, None]] = {}
    for one in defaults:
        names.setdefault((one.model, one.need), {}).update(dict.fromkeys(one.underlyings))
    found: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for (model, need), missing in names.items():
        found.setdefault(model, {}).setdefault(tuple(missing), []).append(need)
    return found


def untold(book: Book, model: MarginModel) -> list[Default]:
    """What the model, and the second that it is the greater of, ask of the market in vain."""
    told: dict[Need, Callable[[UnderlyingBook], bool]] = {
        Need.VOLUME: lambda part: part.underlying in book.liquidity.adv_usd,
        Need.SPREAD: lambda _: False,
        Need.OPEN_INTEREST: lambda part: bool(book.liquidity.listed(part.underlying)),
        Need.CONFIDENCE: lambda part: part.underlying in book.liquidity.confidence,
        Need.UTILISATION: lambda part: part.underlying in book.liquidity.pool_utilisation,
        Need.STABLE_PRICE: lambda part: part.underlying in book.liquidity.stable_price_usd,
        Need.SUPPLY: lambda part: all(
            position.instrument.name in book.liquidity.supply for position in part.positions
        ),
    }
    needs = model.requirements()
    inside = in_array(book, model.classes)
    shocked, outside = inside.underlyings, outside_array(book, model.classes)
    found: list[Default] = []
    for need in sorted(needs & told.keys(), key=list(Need).index):
        asked = outside if need is Need.SUPPLY else shocked
        names = tuple(part.underlying for part in asked if not told[need](part))
        if names:
            found.append(Default(model.name, need.value, names))
    if model.second is not None:
        # Its collateral has no say, so that it asks nothing of what is collateral alone.
        found += untold(inside, model.second)
    return found


def funding_taken(book: Book, model: MarginModel) -> list[str]:
    """Which perpetuals are taken as paying funding, since no rate is told."""
    found: list[str] = []
    if model.second is not None:
        found += funding_taken(in_array(book, model.classes), model.second)
    if Need.FUNDING in model.requirements():
        perpetuals = [
            position.instrument.name
            for part in book.underlyings
            for position in part.positions
            if isinstance(position.instrument, Perpetual)
            and position.instrument.name not in book.liquidity.funding_per_day
        ]
        if perpetuals:
            found.append(f"No funding rate of {', '.join(perpetuals)}: taken as paying.")
    return found
