"""The margin report: one stable value per account, the same in Python and in JSON.

What an account is told at once is a :class:`Document`. Amounts are exact Decimals of ``currency``
and are written as JSON numbers. ``rows`` add exactly
to ``initial`` and ``maintenance``; ``collateral_rows`` add exactly to ``equity`` (values) and,
less their haircuts, to ``margin_value``. PnL is + gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from seawall.basics.errors import InputError
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.basics.time import UtcTime
from seawall.margin.fold import Direction
from seawall.margin.status import State
from seawall.report.parts import Part
from seawall.report.tail import Tail


class Document(Part, frozen=True, kw_only=True, tag_field="schema"):
    """Base of what stands by itself: a report, a comparison, an explanation and the like.

    Its tag is the first key of its JSON and says what the others mean, ``seawall.NAME/VERSION``.
    A new key that may be left out keeps the version, anything else raises it. The schema of each
    is in docs/schema.
    """

    @property
    def schema(self) -> str:
        """Name and version of the document's form, such as ``seawall.margin-report/1``."""
        return str(self.__struct_config__.tag)

    def to_json(self) -> bytes:
        """The document as JSON (UTF-8); amounts are numbers, instants ISO 8601 UTC."""
        return to_json(self)

    def _repr_html_(self) -> str:
        """The document as a notebook shows it: tables that fit light and dark, no scripts."""
        from seawall.report.html import html_of  # which knows every kind of document

        return html_of(self)


class ModelInfo(Part, frozen=True, kw_only=True):
    """Which numbers the account was margined under."""

    name: str
    as_of: date
    source: str


class RequirementRow(Part, frozen=True, kw_only=True):
    """One step of the waterfall, e.g. ``scanning_risk/BTC``; both amounts ≥ 0."""

    path: str
    initial: Decimal
    maintenance: Decimal


class CollateralRow(Part, frozen=True, kw_only=True):
    """One holding's market value (rounded down) and the haircut on it (rounded up, ≥ 0)."""

    path: str
    value: Decimal
    haircut: Decimal


class Cell(Part, frozen=True, kw_only=True):
    """One scenario: price move and volatility move, the instant at which it is worst, its PnL.

    ``pnl`` is the net PnL of the underlying in the report's currency after damping;
    ``undamped_pnl`` before it (they differ in tails only).
    """

    price_move_rel: float
    vol_move: str
    instant: str
    damping: float
    pnl: float
    undamped_pnl: float


class RiskMatrix(Part, frozen=True, kw_only=True):
    """Net PnL of one underlying over its scenario grid.

    ``pnl[i][j]`` belongs to ``price_moves_rel[i]`` and ``vol_moves[j]`` and is the worse of the
    evaluated instants. ``surface_cells`` are the skew and term twists at zero price move,
    ``tails`` the damped extremes. ``direction`` is the active one of its correlation group and
    ``worst`` the worst cell in that direction. ``loss_up`` and ``loss_down`` (≥ 0) are the worst
    losses in either direction, before floors.
    """

    underlying: str
    direction: Direction
    loss_up: float
    loss_down: float
    worst: Cell
    price_moves_rel: tuple[float, ...]
    vol_moves: tuple[str, ...]
    pnl: tuple[tuple[float, ...], ...]
    surface_cells: tuple[Cell, ...]
    tails: tuple[Cell, ...]

    def is_worst(self, price_move_rel: float, vol_move: str) -> bool:
        """Whether that cell of the grid is the worst one."""
        # A tail can share its price move with the grid's edge; it is marked among the tails.
        return (self.worst.price_move_rel, self.worst.vol_move) == (price_move_rel, vol_move) and (
            self.worst not in self.tails
        )


class WorstScenario(Part, frozen=True, kw_only=True):
    """What loses most in its group's active direction, and in which cell: an underlying, or where
    positions do not net the one of its positions that ``position`` names.
    """

    underlying: str
    position: str | None
    direction: Direction
    cell: Cell


class GreekRow(Part, frozen=True, kw_only=True):
    """Sensitivities of one expiry bucket of an underlying, or of its ``total``.

    ``delta_coin`` in coin, ``delta_usd`` its USD value, ``gamma_coin_per_usd`` change of
    ``delta_coin`` per 1 USD of index, ``vega_usd_per_point`` per volatility point (0.01),
    ``theta_usd_per_day`` per day (negative for longs).
    """

    underlying: str
    bucket: str
    delta_coin: float
    delta_usd: float
    gamma_coin_per_usd: float
    vega_usd_per_point: float
    theta_usd_per_day: float


class UnknownRow(Part, frozen=True, kw_only=True):
    """A coefficient of the model that no source gives: what was chosen, the end that asks less and
    the end that asks more.
    """

    key: str
    chosen: float
    lower: float
    upper: float
    why: str


class Bounds(Part, frozen=True, kw_only=True):
    """Between what the requirement lies while some coefficients of the model are unknown: with all
    of them at the end that asks less, and at the end that asks more.
    """

    initial_lower: Decimal
    initial_upper: Decimal
    maintenance_lower: Decimal
    maintenance_upper: Decimal
    unknowns: tuple[UnknownRow, ...]

    def lines(self) -> tuple[str, ...]:
        """The bounds in words, then every coefficient that they follow from."""
        between = (
            f"with unknown coefficients: initial {self.initial_lower:,} to {self.initial_upper:,}, "
            f"maintenance {self.maintenance_lower:,} to {self.maintenance_upper:,}"
        )
        rows = (
            f"{row.key} is taken as {row.chosen:g}, between {row.lower:g} and {row.upper:g}: "
            f"{row.why}"
            for row in self.unknowns
        )
        return between, *rows


class MarginReport(Document, frozen=True, kw_only=True, tag="seawall.margin-report/1"):
    """The margin of one account under one model at one instant, explained.

    ``excess_* = margin_value − requirement``; ``mm_ratio = maintenance / margin_value``, None
    standing for infinity when the margin value is not positive; 1.0 is liquidation. ``bounds`` are
    there where coefficients of the model are unknown, ``tail`` where the requirement, or
    that of a hybrid's second model, is a tail measure.
    """

    account: str
    model: ModelInfo
    currency: str
    as_of: UtcTime
    initial: Decimal
    maintenance: Decimal
    margin_value: Decimal
    equity: Decimal
    excess_initial: Decimal
    excess_maintenance: Decimal
    mm_ratio: float | None
    state: State
    worst_scenario: WorstScenario | None
    rows: tuple[RequirementRow, ...]
    collateral_rows: tuple[CollateralRow, ...]
    risk_matrices: tuple[RiskMatrix, ...] = msgspec.field(name="risk_matrix")
    greek_rows: tuple[GreekRow, ...] = msgspec.field(name="greeks")
    warnings: tuple[str, ...]
    bounds: Bounds | None = None
    tail: Tail | None = None

    def risk_matrix(self, underlying: str | None = None) -> RiskMatrix | tuple[RiskMatrix, ...]:
        """All risk matrices, or the one of an underlying. Raises InputError if it has none."""
        if underlying is None:
            return self.risk_matrices
        for matrix in self.risk_matrices:
            if matrix.underlying == underlying:
                return matrix
        has = [matrix.underlying for matrix in self.risk_matrices]
        remedy = "Name an underlying of the book, under a model with scenarios."
        raise InputError(
            f"the report has no risk matrix of {underlying}",
            where=f"account {self.account}, model {self.model.name}",
            remedy=did_you_mean(nearest_name(str(underlying), has), remedy),
        )

    def greeks(self) -> tuple[GreekRow, ...]:
        """Sensitivities by underlying and expiry, each underlying closed by its total."""
        return self.greek_rows

    def explain(self) -> str:
        """The requirement as a plain-text table of rows that add up."""
        width = max(len(row.path) for row in (*self.rows, *self.collateral_rows)) + 2
        heading = (
            f"{self.account}: {self.model.name} as of {self.model.as_of}, "
            f"market of {self.as_of:%Y-%m-%d %H:%M:%S} UTC, {self.currency}"
        )
        lines = [
            heading,
            f"{'requirement':<{width}}{'initial':>18}{'maintenance':>18}",
            *(f"{r.path:<{width}}{r.initial:>18,}{r.maintenance:>18,}" for r in self.rows),
            f"{'total':<{width}}{self.initial:>18,}{self.maintenance:>18,}",
            f"{'collateral':<{width}}{'value':>18}{'haircut':>18}",
            *(f"{r.path:<{width}}{r.value:>18,}{r.haircut:>18,}" for r in self.collateral_rows),
            f"{'equity, margin value':<{width}}{self.equity:>18,}{self.margin_value:>18,}",
            f"{'excess':<{width}}{self.excess_initial:>18,}{self.excess_maintenance:>18,}",
            f"state: {self.state}",
        ]
        if self.bounds is not None:
            lines += self.bounds.lines()
        if self.tail is not None:
            lines += self.tail.lines()
        return "\n".join(lines)


_encoder = msgspec.json.Encoder(decimal_format="number")


def to_json(document: msgspec.Struct | Sequence[msgspec.Struct]) -> bytes:
    """A document, or a list of one, as a JSON object, several as a list; amounts are numbers."""
    if isinstance(document, Sequence) and len(document) == 1:
        [document] = document
    return _encoder.encode(document)
