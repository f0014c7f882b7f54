"""How margins of a walk over history held against the losses that came after them."""

from __future__ import annotations

from seawall.basics.time import UtcTime
from seawall.report.schema import Document, Part


class BacktestModel(Part, frozen=True, kw_only=True):
    """One model over all books at the horizon its margins are held for.

    ``breach_rate`` is the share of ``observations`` whose path-worst loss exceeded initial margin;
    ``worst_book`` that with the greatest share, ``worst_book_rate``; ``mean_margin_rel`` the mean
    of initial margin over gross notional.
    """

    model: str
    observations: int
    exceedances: int
    breach_rate: float
    worst_book: str
    worst_book_rate: float
    mean_margin_rel: float


class BacktestSeries(Part, frozen=True, kw_only=True):
    """One model on one book at one horizon; amounts in the report's currency.

    Beside the share of exceedances stands its exact interval, of so many observations as the
    overlapping windows tell independently. ``mean_shortfall`` and ``worst_shortfall`` are losses
    beyond the margin where it was exceeded. ``zone`` is that of Basel's traffic light;
    ``rejected`` counts the tests that reject at 5 %.
    """

    model: str
    book: str
    horizon: str
    observations: int
    effective_observations: float
    exceedances: int
    breach_rate: float
    breach_rate_lower: float
    breach_rate_upper: float
    mean_margin: float
    mean_margin_rel: float
    mean_shortfall: float
    worst_shortfall: float
    zone: str
    rejected: int


class BacktestTest(Part, frozen=True, kw_only=True):
    """One test of one series. ``statistic`` and ``p_value`` are None where it cannot be made, and
    ``note`` says why; else it may say what to be wary of.
    """

    model: str
    book: str
    horizon: str
    test: str
    hypothesis: str
    statistic: float | None
    p_value: float | None
    note: str | None


class BacktestEvidence(Part, frozen=True, kw_only=True):
    """The e-process of one model on one book at the longest horizon: evidence against coverage.

    It bets against the promise that margins cover, on ``observations`` windows of which none
    overlap. ``e_value`` is what 1 has become, ``highest_e_value`` the most that it ever was (None
    beyond what a float64 holds). A margin that keeps its promise ever reaches
    ``warns_at_e_value`` with a chance of at most one over it; ``warned_at`` is when the window
    ended that first reached it, None if none did.
    """

    model: str
    book: str
    horizon: str
    observations: int
    e_value: float | None
    highest_e_value: float | None
    warns_at_e_value: float
    warned_at: UtcTime | None


class MarginMoves(Part, frozen=True, kw_only=True):
    """How initial margin of one book moved, as a share of its gross notional.

    ``peak_to_trough`` is the greatest over the least; ``rise_5d_rel`` the greatest rise over 5
    days relative to where it began, and so on. None where the history is shorter or margins are
    further apart, and where there is a time without margin.
    """

    model: str
    book: str
    peak_to_trough: float | None
    rise_1d_rel: float | None
    rise_5d_rel: float | None
    rise_20d_rel: float | None
    rise_30d_rel: float | None


class RegulatoryRow(Part, frozen=True, kw_only=True):
    """One rule of a regulator for one model and book: what is asked and what is found.

    ``asked`` and ``passed`` are None where the rule only wants the figure told; ``passed`` is None
    too where a walk does not know what the rule asks, and ``found`` says why.
    """

    model: str
    book: str
    source: str
    rule: str
    asked: str | None
    found: str
    passed: bool | None


class Backtest(Document, frozen=True, kw_only=True, tag="seawall.backtest/1"):
    """Margins of books along a history, held against the path-worst losses that followed.

    ``every`` is the step between margins, ``horizons`` how long losses are watched, the longest
    last: it is the one that ``models``, ``evidence`` and ``regulation`` are of. ``coverage`` is
    what margins promise. ``modelled`` says that volatilities of options are no recorded ones, if
    only in some rows; ``overlapping`` that windows of loss overlap, for which counts and tests are
    corrected. ``times`` were planned; ``result`` is the folder that the rows were written to, None
    where they were not.
    """

    result: str | None
    currency: str
    start: UtcTime
    end: UtcTime
    every: str
    coverage: float
    close_out_rel: float
    modelled: bool
    overlapping: bool
    times: int
    models: tuple[BacktestModel, ...]
    series: tuple[BacktestSeries, ...]
    tests: tuple[BacktestTest, ...]
    procyclicality: tuple[MarginMoves, ...]
    regulation: tuple[RegulatoryRow, ...]
    horizons: tuple[str, ...]
    warnings: tuple[str, ...]
    evidence: tuple[BacktestEvidence, ...] = ()
