"""The margin of an account that enters, stays in or leaves a model by its margin value."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from seawall.basics.errors import BadParameter, InputError
from seawall.margin.eligibility import Membership, next_membership, split
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.margin.requirement import MarginRequirement, RequirementStep, margin_requirement
from seawall.margin.status import margin_status, status_of
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio, Position
from seawall.report.build import bounds_of, checked_inputs, margin, report_of
from seawall.report.schema import MarginReport
from seawall.risk.book import Book, join


class MemberMargin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report, and the membership to hand in the next time."""

    report: MarginReport
    membership: Membership


def margin_of_member(
    portfolio: Portfolio,
    market: MarketSnapshot,
    before: Membership,
    model: str | MarginModel = "prbm",
) -> MemberMargin:
    """The margin of an account whose membership so far is ``before``.

    A member is margined under the model, an outsider under the model's ``otherwise``. Of a leaving
    account what it has kept is margined under the model and what it has added under the other, in
    rows ``new_risk/…``; its collateral is the model's and its state no better than ``reduce-only``.
    So leaving changes no requirement. Raises BadParameter for a model without eligibility, and what
    :func:`seawall.report.build.margin` raises.
    """
    chosen, market = checked_inputs(portfolio, market, model)
    if not isinstance(before, Membership):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            f"{before!r:.60} is no Membership",
            where="membership",
            remedy='Give Membership(state="outside") for a new account.',
        )
    rule = chosen.eligibility
    if rule is None:
        raise BadParameter(
            f"model {chosen.name!r} takes every account: it has no eligibility",
            where="model",
            remedy="Use margin, or a model with an eligibility part such as prbm.",
        )
    book = join(portfolio, market)
    status = margin_status(book, chosen)
    after = next_membership(rule, before, status.margin_value.amount, portfolio, market)
    if after.state == "member":
        told = report_of(status, book, chosen, bounds_of(status, book, chosen))
        return MemberMargin(report=told, membership=after)
    other = load_preset(rule.otherwise)
    if after.state == "outside":
        return MemberMargin(report=margin(portfolio, market, other), membership=after)
    kept, added = split(portfolio, after, market)
    requirement = _requirement_of(kept, book, market, chosen)
    new_risk = _requirement_of(added, book, market, other).steps
    steps = (RequirementStep(f"new_risk/{s.path}", s.initial, s.maintenance) for s in new_risk)
    requirement = replace(requirement, steps=(*requirement.steps, *steps))
    report = report_of(status_of(requirement, book, chosen), book, chosen)
    if report.state != "liquidation":
        report = msgspec.structs.replace(report, state="reduce-only")
    return MemberMargin(report=report, membership=after)


def _requirement_of(
    positions: tuple[Position, ...], book: Book, market: MarketSnapshot, model: MarginModel
) -> MarginRequirement:
    """What a part of the account's positions must hold by itself."""
    if not positions:
        return MarginRequirement((), (), (), (), ())
    return margin_requirement(
        join(Portfolio(account=book.account, positions=positions), market), model
    )
