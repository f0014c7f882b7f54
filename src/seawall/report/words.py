"""Numbers and cells in words, as terminals and notebooks alike show them."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from seawall.report.backtest import Backtest
from seawall.report.batch import BatchSummary
from seawall.report.conformance import Conformance
from seawall.report.schema import Cell, MarginReport, RiskMatrix, WorstScenario

WORST_MARK = "*"

_INSTANTS = {"now": "now", "horizon": "after the horizon", "post-expiry": "after expiry"}
_GREY, _RED, _GREEN = (68, 68, 68), (178, 24, 43), (0, 104, 55)


def cents(amount: Decimal) -> str:
    """An amount to the cent."""
    return signless_zero(f"{amount:,.2f}")


def whole_up(amount: Decimal) -> str:
    """An amount in whole units, rounded up: what burdens the account is not shown smaller."""
    return signless_zero(f"{amount.to_integral_value(ROUND_CEILING):,}")


def whole(measure: float) -> str:
    """A measure in whole units."""
    return f"{round(measure):,}"


def signed(amount: Decimal) -> str:
    """A change with its sign; nothing has none."""
    return f"{amount:+,.2f}" if amount else "0.00"


def signless_zero(text: str) -> str:
    """``-0.000`` as ``0.000``: a rounded nothing has no direction."""
    return text if any(digit in text for digit in "123456789") else text.removeprefix("-")


def instant_text(instant: datetime) -> str:
    """The instant to the second."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def ratio_sentence(report: MarginReport) -> str:
    """How much of the margin value maintenance takes."""
    if report.mm_ratio is None:
        return "the margin value is not positive"
    return f"maintenance takes {report.mm_ratio:.1%} of the margin value"


def accounts_sentence(summary: BatchSummary) -> str:
    """How many accounts were margined, and how fast."""
    text = f"accounts margined: {summary.accounts:,}, with positions: {summary.positions:,}"
    if summary.resumed_accounts:
        text += f", by a run before this one: {summary.resumed_accounts:,}"
    return f"{text}; {summary.seconds:,.1f} s, {summary.accounts_per_s:,.0f} accounts/s"


def rejected_sentence(summary: BatchSummary) -> str:
    """How many accounts were left out, and where they are listed."""
    return (
        f"accounts left out: {summary.rejected_accounts:,}, for bad rows: "
        f"{summary.rejected_rows:,}, listed in {summary.rejected}"
    )


def cases_sentence(held: Conformance) -> str:
    """How many published cases pass under a model."""
    tried = [case for case in held.cases if case.skipped is None]
    passed, skipped = sum(case.passed for case in tried), len(held.cases) - len(tried)
    if not tried:
        return f"no case could be computed under {held.model.name}, {skipped} skipped"
    return f"{passed} of {len(tried)} cases pass, {skipped} skipped, under {held.model.name}"


def backtest_sentence(walked: Backtest) -> str:
    """What margins are held against, how often, and whether volatilities were recorded."""
    *shorter, longest = walked.horizons
    more = f" ({', '.join(shorter)} beside it)" if shorter else ""
    cost = walked.close_out_rel
    spent = f", with {cost:.2%} of notional to close out" if cost else ""
    shared = " Windows overlap: counts and tests are corrected." if walked.overlapping else ""
    modelled = (
        " Option volatilities are MODELLED where no recorded chain tells them."
        if walked.modelled
        else ""
    )
    return (
        f"Initial margin every {walked.every} against the path-worst loss of the {longest} after "
        f"it{more}{spent}; margins are to cover {walked.coverage:.4g} of losses.{shared}{modelled}"
    )


def matrix_title(matrix: RiskMatrix, currency: str) -> str:
    """What a risk matrix shows, and its worst losses, in two lines."""
    return (
        f"{matrix.underlying} net PnL in {currency}, active: {matrix.direction}\n"
        f"worst loss {whole(matrix.loss_up)} up, {whole(matrix.loss_down)} down"
    )


def worst_sentence(worst: WorstScenario, currency: str) -> str:
    """The worst scenario of the account in words."""
    what = worst.position or worst.underlying
    return f"Worst: {what} {cell_sentence(worst.cell, currency)}."


def cell_sentence(cell: Cell, currency: str) -> str:
    """A scenario and its PnL in words."""
    damped = "" if cell.damping == 1.0 else f", damped from {whole(cell.undamped_pnl)}"
    return (
        f"{cell.price_move_rel:+.1%}, vol {cell.vol_move}, "
        f"{_INSTANTS.get(cell.instant, cell.instant)}: {whole(cell.pnl)} {currency}{damped}"
    )


def shade(pnl: float, scale: float) -> str:
    """From grey at zero to red at the largest loss and green at the largest gain shown.

    ``scale`` is the larger of the two. White text can be read on all of them.
    """
    share = min(1.0, abs(pnl) / scale) if scale > 0.0 else 0.0
    end = _RED if pnl < 0.0 else _GREEN
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(_GREY, end, strict=True))
    return f"rgb({red},{green},{blue})"


def scale_of(matrix: RiskMatrix) -> float:
    """The largest loss or gain of a grid, as :func:`shade` takes it."""
    return max((abs(pnl) for row in matrix.pnl for pnl in row), default=0.0)
