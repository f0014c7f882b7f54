"""What new numbers do to accounts: margin before and after, and what each number does alone."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from seawall.lab.calibration.calibrate import Calibration
from seawall.margin.bounds import with_numbers
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio
from seawall.report.build import margin
from seawall.report.calibration import AccountMove, AccountNotice, CalibrationReport, ParameterMove
from seawall.report.schema import MarginReport


def with_effects(
    calibration: Calibration,
    accounts: Iterable[Portfolio],
    market: MarketSnapshot,
    *,
    notices: bool = False,
) -> CalibrationReport:
    """The report with every account's margin before and after; ``notices`` with each number alone.

    A number that alone moves nothing of an account gives it no notice. Raises what
    :func:`seawall.report.build.margin` raises.
    """
    report = calibration.report
    alone = [(move, _moved(calibration.before, move)) for move in report.moves] if notices else []
    found: list[AccountMove] = []
    told: list[AccountNotice] = []
    for account in accounts:
        before = margin(account, market, calibration.before)
        after = margin(account, market, calibration.model)
        found.append(
            AccountMove(
                account=account.account,
                currency=before.currency,
                initial_before=before.initial,
                initial_after=after.initial,
                maintenance_before=before.maintenance,
                maintenance_after=after.maintenance,
            )
        )
        each = (_notice(move, before, margin(account, market, model)) for move, model in alone)
        told += [notice for notice in each if notice.initial or notice.maintenance]
    return msgspec.structs.replace(report, accounts=tuple(found), notices=tuple(told))


def _moved(before: MarginModel, move: ParameterMove) -> MarginModel:
    return with_numbers(before, {move.key: move.after}, "a calibrated number", "calibration")


def _notice(move: ParameterMove, before: MarginReport, after: MarginReport) -> AccountNotice:
    return AccountNotice(
        account=before.account,
        key=move.key,
        before=move.before,
        after=move.after,
        cause=move.cause,
        in_force_from=move.in_force_from,
        initial=after.initial - before.initial,
        maintenance=after.maintenance - before.maintenance,
    )
