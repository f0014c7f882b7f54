"""SPAN parameters from expanded unpacked records (``.pa2``, format U2).

Money of a combined commodity is in units of ten to its risk exponent; array values have the
decimals that its product states beside. Charges, ratios and adjustments are those of one class of
account; a blank or zero ratio or adjustment is 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Literal

from seawall.basics.errors import BadNumber
from seawall.feeds.files import WRITE_AGAIN
from seawall.feeds.span_house import (
    AccountClass,
    ContractKey,
    Places,
    SpanFile,
    Wanted,
    contract_period,
    house,
    or_left_out,
    refuse,
    strike_text,
)
from seawall.feeds.span_records import Record, records
from seawall.margin import span

__all__ = ["read_pa2"]

_SIDES = ("A", "B")


@dataclass(slots=True)
class _Gathered:
    """Records by what they belong to, until the file ends."""

    headers: dict[str, Record] = field(default_factory=dict[str, Record])
    products: dict[tuple[str, str, str], Record] = field(
        default_factory=dict[tuple[str, str, str], Record]
    )
    of_commodity: dict[tuple[str, str], list[Record]] = field(
        default_factory=dict[tuple[str, str], list[Record]]
    )
    scaling: dict[tuple[str, ...], float] = field(default_factory=dict[tuple[str, ...], float])
    halves: dict[tuple[str, ...], Record] = field(default_factory=dict[tuple[str, ...], Record])
    contracts: dict[tuple[str, str, str], list[tuple[Record, Record]]] = field(
        default_factory=dict[tuple[str, str, str], list[tuple[Record, Record]]]
    )
    credits: list[Record] = field(default_factory=list[Record])
    with_arrays: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])


def read_pa2(
    path: Path, policy: span.ClearingPolicy, account: AccountClass, wanted: Wanted | None
) -> SpanFile:
    """Read a ``.pa2`` file; arguments and errors as :func:`seawall.feeds.span_files.read_span`."""
    stream = records(path)
    head = next(stream)
    found = _Gathered()
    for record in stream:
        _gather(record, found, wanted)
    for record in found.halves.values():
        raise BadNumber(
            "the second half of a risk array is missing", where=record.where, remedy=WRITE_AGAIN
        )
    left_out: list[str] = []
    made = [
        or_left_out(partial(_commodity, code, header, found, account, wanted), code, left_out)
        for code, header in found.headers.items()
    ]
    parameters, keys = house(
        [each for each in made if each is not None],
        [(record.where, partial(_credit, record)) for record in found.credits],
        policy,
        left_out,
    )
    return SpanFile(
        complex=head.text("complex"),
        business_date=head.text("business_date"),
        parameters=parameters,
        keys=keys,
        left_out=tuple(left_out),
    )


def _key(record: Record, *names: str) -> tuple[str, ...]:
    return tuple(record.text(name) for name in names)


_PERIODS = ("future_month", "future_day", "option_month", "option_day")


def _gather(record: Record, found: _Gathered, wanted: Wanted | None) -> None:
    kind = record.kind
    if kind == "2 ":
        found.headers[record.text("commodity")] = record
    elif kind == "P ":
        found.products[_product(record)] = record
    elif kind in ("3 ", "4 ", "S ", "C ", "E "):
        found.of_commodity.setdefault((kind, record.text("commodity")), []).append(record)
    elif kind == "B ":
        scaling = record.number("scaling")
        if scaling:
            found.scaling[_product(record) + _key(record, *_PERIODS)] = scaling
    elif kind == "6 ":
        found.credits.append(record)
    elif kind in ("81", "83"):
        found.halves[_contract_key(record)] = record
    elif kind in ("82", "84"):
        first = found.halves.pop(_contract_key(record), None)
        if first is None:
            raise BadNumber(
                "the first half of a risk array is missing", where=record.where, remedy=WRITE_AGAIN
            )
        found.with_arrays.add(_product(record))
        product = found.products.get(_product(record))
        # A product that is told after its contracts is asked for when all is read.
        if wanted is None or product is None or wanted(_contract_id(record, product)):
            found.contracts.setdefault(_product(record), []).append((first, record))


def _product(record: Record) -> tuple[str, str, str]:
    return record.text("exchange"), record.text("product"), record.text("type")


def _contract_key(record: Record) -> tuple[str, ...]:
    return _product(record) + _key(record, "right", *_PERIODS, "strike")


def _method(record: Record, name: str, known: tuple[str, ...]) -> str:
    code = record.text(name)
    if code not in known:
        raise refuse(f"{name} code {code!r} is not known ({record.where})", record.where)
    return code


def _commodity(
    code: str, header: Record, found: _Gathered, account: AccountClass, wanted: Wanted | None
) -> tuple[span.CombinedCommodity, tuple[ContractKey, ...]]:
    exponent = header.number("exponent") or 0.0
    kinds = ("3 ", "4 ", "S ", "C ", "E ")
    own = {kind: found.of_commodity.get((kind, code), []) for kind in kinds}
    for kind in ("3 ", "4 ", "S "):
        if len(own[kind]) > 1:
            raise refuse(f"several records {kind.strip()}", own[kind][1].where)
    intra, spot, scan = ((own[kind] or [None])[0] for kind in ("3 ", "4 ", "S "))
    tiers = scan is not None and _method(scan, "method", ("01", "10", "21")) != "01"
    if scan is not None:
        _method(scan, "weighted_method", ("", "1"))
    if intra is not None:
        _method(intra, "method", ("01", "10"))
    made = _contracts(header, found, exponent, wanted)
    commodity = span.CombinedCommodity(
        code=code,
        currency=header.text("currency"),
        contracts=tuple(contract for _, contract in made),
        scan_tiers=_tiers(scan, 5) if scan is not None and tiers else (),
        spread_tiers=_tiers(intra, 4) if intra is not None else (),
        tier_spreads=tuple(_tier_spread(record, exponent) for record in own["C "]),
        series_spreads=tuple(_series_spread(record, exponent) for record in own["E "]),
        spot_charges=_spot(spot, exponent) if spot is not None else (),
        short_option_minimum=_short_option(spot, exponent),
        limits_option_value=_method(header, "limit", ("", "N", "Y")) == "Y",
        adjustment=(spot.number(f"adjustment_{account}") or 1.0) if spot is not None else 1.0,
        initial_ratio=(intra.number(f"ratio_{account}") or 1.0) if intra is not None else 1.0,
    )
    return commodity, tuple(key for key, _ in made)


def _contracts(
    header: Record, found: _Gathered, exponent: float, wanted: Wanted | None
) -> list[tuple[ContractKey, span.Contract]]:
    made: list[tuple[ContractKey, span.Contract]] = []
    with_arrays = False
    futures_style = _method(header, "option_style", ("", "P", "F")) == "F"
    for n in range(1, 7):
        name = header.text(f"product{n}")
        if not name:
            continue
        key = (header.text("exchange"), name, header.text(f"type{n}"))
        product = found.products.get(key)
        if product is None:
            raise refuse(f"{' '.join(key)} has no product record", header.where)
        decimals = header.number(f"array_decimals{n}") or 0.0
        if header.text(f"array_decimals_sign{n}") == "-":
            decimals = -decimals
        with_arrays = with_arrays or key in found.with_arrays
        for pair in found.contracts.get(key, ()):
            own = _contract_id(pair[1], product)
            if wanted is None or wanted(own):
                contract = _contract(own, pair, product, found, exponent - decimals, futures_style)
                made.append((own, contract))
    if not with_arrays:
        raise refuse(f"it has no risk array ({header.where})", header.where)
    return made


def _contract_id(record: Record, product: Record) -> ContractKey:
    right, strike = record.text("right"), ""
    if right:
        digits = record.needed("strike")
        places = product.number("strike_decimals") or 0.0
        strike = strike_text(Decimal(int(digits)).scaleb(-int(places)))
    future = contract_period(record.text("future_month"), record.text("future_day"))
    expiry = contract_period(record.text("option_month"), record.text("option_day"))
    exchange, code, kind = _product(record)
    return ContractKey(
        exchange=exchange,
        product=code,
        type=kind,
        right=right,
        future=future,
        expiry=expiry if right else "",
        strike=strike,
    )


def _contract(
    key: ContractKey,
    pair: tuple[Record, Record],
    product: Record,
    found: _Gathered,
    exponent: float,
    futures_style: bool,
) -> span.Contract:
    first, second = pair
    kind = {"": "future", "C": "call", "P": "put"}.get(key.right)
    if kind not in ("future", "call", "put"):
        raise refuse(f"option right {key.right!r} is not known", second.where)
    factor = product.number("value_factor_exponent") or 0.0
    if product.text("value_factor_sign") == "-":
        factor = -factor
    losses = [first.scaled(f"loss{n}", exponent) for n in range(1, 10)]
    losses += [second.scaled(f"loss{n}", exponent) for n in range(10, 17)]
    valued_daily = product.text("valuation") in ("FUT", "FUTDA")
    return span.Contract(
        name=key.name,
        kind=kind,
        # A future on its own month, an option on its future's: where that is blank on its own.
        period=key.future or key.expiry,
        array=tuple(losses),
        delta=second.needed("delta"),
        price=second.scaled("price", -(product.number("price_decimals") or 0.0)),
        value_factor=product.scaled("value_factor", factor),
        delta_scaling=found.scaling.get(_product(second) + _key(second, *_PERIODS), 1.0),
        style="futures" if futures_style or valued_daily else "premium",
    )


def _tiers(record: Record, most: int) -> tuple[span.Tier, ...]:
    found: list[span.Tier] = []
    for n in range(1, most + 1):
        number = record.number(f"tier{n}")
        if number:
            first = record.text(f"from{n}") + record.text(f"from_day{n}")
            last = record.text(f"to{n}") + record.text(f"to_day{n}")
            found.append(span.Tier(number=int(number), first=first, last=last))
    return tuple(found)


def _side(record: Record, name: str) -> Literal["A", "B"]:
    return "A" if _method(record, name, _SIDES) == "A" else "B"


def _tier_spread(record: Record, exponent: float) -> span.TierSpread:
    return span.TierSpread(
        priority=int(record.needed("priority")),
        charge=record.scaled("charge", exponent),
        legs=tuple(
            span.TierLeg(
                tier=int(record.needed(f"tier{n}")),
                ratio=record.needed(f"ratio{n}"),
                side=_side(record, f"side{n}"),
            )
            for n in range(1, int(record.needed("legs")) + 1)
        ),
    )


def _series_spread(record: Record, exponent: float) -> span.SeriesSpread:
    return span.SeriesSpread(
        priority=int(record.needed("priority")),
        charge=record.scaled("charge", exponent),
        legs=tuple(
            span.SeriesLeg(
                period=f"20{record.text(f'month{n}')}{record.text(f'rest{n}')}",
                ratio=record.needed(f"ratio{n}"),
                side=_side(record, f"side{n}"),
            )
            for n in range(1, 5)
            if record.text(f"month{n}").strip("0")
        ),
    )


def _spot(record: Record, exponent: float) -> tuple[span.SpotCharge, ...]:
    if _method(record, "method", ("", "01", "10")) != "10":
        return ()
    return tuple(
        span.SpotCharge(
            period=record.text(f"period{n}") + record.text(f"day{n}"),
            in_spreads=record.scaled(f"in_spreads{n}", exponent),
            outright=record.scaled(f"outright{n}", exponent),
        )
        for n in (1, 2)
        if record.text(f"period{n}").strip("0")
    )


def _short_option(record: Record | None, exponent: float) -> span.ShortOptionMinimum:
    if record is None:
        return span.ShortOptionMinimum(rate=0.0)
    greater = _method(record, "short_option_method", ("", "1", "2")) == "1"
    return span.ShortOptionMinimum(
        rate=record.scaled("short_option", exponent), counts="greater" if greater else "sum"
    )


def _credit(record: Record, places: Places) -> span.CreditSpread:
    tiered = _method(record, "method", ("", "01", "20")) == "20"
    _method(record, "credit_method", ("", "W"))
    by_leg = record.text("rate_by_leg") == "Y"
    legs: list[span.CreditLeg] = []
    for n in range(1, 5):
        code = record.text(f"commodity{n}")
        if not code:
            continue
        tier = int(record.needed(f"tier{n}")) if tiered else None
        if code not in places or (tier is not None and tier not in places[code]):
            raise refuse(f"{code} tier {tier or 'all'} is not in it", record.where)
        legs.append(
            span.CreditLeg(
                commodity=code,
                ratio=record.needed(f"ratio{n}"),
                side=_side(record, f"side{n}"),
                tier=tier,
                rate=record.needed(f"rate{n}") / 100.0 if by_leg else None,
            )
        )
    return span.CreditSpread(
        pass_name="super" if record.text("group") == "S" else "inter",
        priority=int(record.needed("priority")),
        rate=record.needed("rate") / 100.0,
        legs=tuple(legs),
    )
