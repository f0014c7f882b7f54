"""Cases of SPAN by house: arrays, scans of published arrays, and totals of stated scans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.shapes import charge_of, read_as
from seawall.margin import span
from seawall.margin.charges import ScanRangesCharge
from seawall.margin.model import MarginModel

_FAMILIES = {"mcmillan_sp500", "nse_nifty_fut_20260625", "jscc_examples", "kdpw_20141031"}
_FLAT = (0.0,) * len(span.SCENARIOS)
# Row 15 of the call as printed is about half of what the definition gives.
_MISPRINT = "row 15 as printed contradicts the definition of the extreme move: a misprint"


class _McMillanExpected(msgspec.Struct, frozen=True):
    long_future: float
    long_call: float
    long_future_short_call: float
    active_scenario_covered_write: int


class _McMillan(msgspec.Struct, frozen=True):
    long_future_pl: tuple[float, ...]
    long_dec410_call_pl: tuple[float, ...]
    expected: _McMillanExpected


class _NseExpected(msgspec.Struct, frozen=True):
    scan_long: float
    scan_short: float
    calendar_spread_charge: float


class _Nse(msgspec.Struct, frozen=True):
    fut_price: float
    price_scan: float
    cvf: float
    ra: tuple[float, ...]
    expected: _NseExpected


class _JsccCase(msgspec.Struct, frozen=True):
    pos: str
    scan: float
    nov: float
    som: float
    margin: float


class _Jscc(msgspec.Struct, frozen=True):
    cases: tuple[_JsccCase, ...]


class _Kdpw(msgspec.Struct, frozen=True):
    cases: tuple[dict[str, Any], ...]


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has none of these families.

    Raises BadNumber for a case that cannot be read.
    """
    if not isinstance(document, dict) or not _FAMILIES & cast("dict[str, Any]", document).keys():
        return None
    return _cases(cast("dict[str, Any]", document), model, where)


def _cases(table: dict[str, Any], model: MarginModel, where: str) -> Iterator[Case]:
    policy = charge_of(model, ScanRangesCharge).policy
    if "mcmillan_sp500" in table:
        yield from _mcmillan(read_as(_McMillan, table["mcmillan_sp500"], where), policy)
    key = "nse_nifty_fut_20260625"
    if key in table:
        yield from _nse(read_as(_Nse, table[key], f"{where}, {key}"), key, policy)
    if "nse_banknifty_fut_20260625" in table:
        yield _skipped("nse_banknifty_fut_20260625", "one row of its array alone is told")
    if "nse_vs_broker_20260529" in table:
        for each in table["nse_vs_broker_20260529"]["cases"]:
            yield _skipped(f"broker, {each['pos']}", "the day's arrays are not in the file")
    if "jscc_examples" in table:
        for each in read_as(_Jscc, table["jscc_examples"], where).cases:
            yield Case(
                name=f"JSCC, {each.pos}",
                expected={"margin": each.margin},
                compute=partial(_stated_scan, each),
            )
    if "kdpw_20141031" in table:
        for each in read_as(_Kdpw, table["kdpw_20141031"], where).cases:
            yield _skipped(f"KDPW {each['id']}", "the day's parameter file is not published")
    for each in table.get("prisma_aggregation", {}).get("cases", ()):
        yield _skipped(
            f"Prisma, {', '.join(each)[:40]}", "sums of another house's method, no part of SPAN"
        )


def _skipped(name: str, why: str) -> Case:
    return Case(name=name, expected={}, compute=dict, skipped=why)


def _contract(name: str, kind: str, losses: Sequence[float], value: float = 0.0) -> span.Contract:
    return span.Contract(
        name=name,
        kind="put" if kind == "put" else "call" if kind == "call" else "future",
        period="202612",
        array=tuple(losses),
        delta=1.0,
        price=value,
        value_factor=1.0,
    )


def _asked(
    book: Mapping[str, float],
    contracts: Sequence[span.Contract],
    policy: span.ClearingPolicy,
    minimum: float = 0.0,
) -> span.SpanRequirement:
    commodity = span.CombinedCommodity(
        code="C",
        currency="USD",
        contracts=tuple(contracts),
        short_option_minimum=span.ShortOptionMinimum(rate=minimum),
    )
    held = [span.Holding(contract=name, quantity=q) for name, q in book.items()]
    return span.requirement(held, span.SpanParameters(policy=policy, commodities=(commodity,)))


# ---- families


def _made(
    policy: span.ClearingPolicy, price: float, reach: float, factor: float, carry: float = 0.0
) -> span.Contract:
    """A future's array under 2× at 35 %, which the published arrays follow."""
    quote = span.Quote(
        name="made",
        kind="future",
        period="202612",
        forward=price - carry,
        price=price,
        value_factor=factor,
    )
    made_by = replace(policy, extreme=span.Extreme(multiplier=2.0, cover=0.35))
    return span.contract(quote, span.ScanRange(price=reach), made_by)


def _mcmillan(case: _McMillan, policy: span.ClearingPolicy) -> Iterator[Case]:
    future = [-profit for profit in case.long_future_pl]
    call = [-profit for profit in case.long_dec410_call_pl]
    made = _made(policy, 410.0, 20.0, 500.0)
    yield Case(
        name="McMillan, array of the future",
        expected={f"row {n}": loss for n, loss in enumerate(future, 1)},
        compute=partial(_rows, made),
        tolerance_abs=5.0,  # printed to 10
    )
    yield _skipped("McMillan, row 15 of the call", _MISPRINT)
    yield _skipped(
        "McMillan, other rows of the call", "its future, volatility and time are not told"
    )
    listed = (_contract("future", "future", future), _contract("call", "call", call))
    books = {
        "long_future": {"future": 1.0},
        "long_call": {"call": 1.0},
        "long_future_short_call": {"future": 1.0, "call": -1.0},
    }
    for name, book in books.items():
        yield Case(
            name=f"McMillan, {name}",
            expected={"scan": getattr(case.expected, name)},
            compute=partial(_scan, book, listed, policy),
        )
    yield Case(
        name="McMillan, active scenario of the covered write",
        expected={"scenario": float(case.expected.active_scenario_covered_write)},
        compute=partial(_scan, books["long_future_short_call"], listed, policy),
    )


def _rows(made: span.Contract) -> Mapping[str, float]:
    return {f"row {n}": loss for n, loss in enumerate(made.array, 1)}


def _scan(
    book: Mapping[str, float], listed: Sequence[span.Contract], policy: span.ClearingPolicy
) -> Mapping[str, float]:
    [scan] = _asked(book, listed, policy).commodities[0].scans
    return {"scan": scan.risk, "scenario": float(scan.active)}


def _nse(case: _Nse, name: str, policy: span.ClearingPolicy) -> Iterator[Case]:
    """Arrays as published, never weighted again; and made again: the carry of a day and what the
    range grows by are no part of the file, so rows 1, 11 and 13 tell them and the others follow.
    """
    carry, reach = case.ra[0], (case.ra[12] - case.ra[10]) / 2.0 / case.cvf
    made = _made(policy, case.fut_price, reach, case.cvf, carry / case.cvf)
    yield Case(
        name=f"{name}, array",
        expected={f"row {n}": loss for n, loss in enumerate(case.ra, 1)},
        compute=partial(_rows, made),
        tolerance_abs=0.01,  # half a unit of the last digit, of a row and of what told the carry
    )
    listed = (_contract("future", "future", case.ra),)
    for side, quantity in (("long", 1.0), ("short", -1.0)):
        yield Case(
            name=f"{name}, scan {side}",
            expected={"scan": getattr(case.expected, f"scan_{side}")},
            compute=partial(_scan, {"future": quantity}, listed, policy),
        )


def _stated_scan(case: _JsccCase) -> Mapping[str, float]:
    """One short option with the stated scan, minimum and value: what JSCC's way makes of them."""
    array = (*_FLAT[:12], -case.scan, *_FLAT[13:])
    value = abs(case.nov)
    kind = "put" if value else "future"
    listed = (_contract("held", kind, array, value),)
    found = _asked({"held": -1.0}, listed, span.JSCC, case.som)
    return {"margin": found.total("USD").requirement}
