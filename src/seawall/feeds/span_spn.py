"""SPAN parameters from XML (``.spn``), as CME's published schema lays them out.

Charges and ratios are those of one class of account: its performance bond rate, and where an
adjustment makes that of another one, those of the other and the factor. Only what a future, a
series of options or a combined commodity has is kept, and of contracts those that are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from seawall.basics.errors import BadNumber, UnrecognisedFile
from seawall.feeds.files import WRITE_AGAIN
from seawall.feeds.span_combined import Combined, Pass, combined, credit, rates_of
from seawall.feeds.span_house import (
    AccountClass,
    ContractKey,
    SpanFile,
    Wanted,
    contract_period,
    house,
    or_left_out,
    refuse,
    strike_text,
)
from seawall.feeds.span_xml import as_number, needed, number, parts, text
from seawall.margin import span

__all__ = ["read_spn"]

Keys: TypeAlias = tuple[ContractKey, ...]
_Family: TypeAlias = tuple[str, str]
"""Exchange and number of a product family."""
_MOST = Decimal(10) ** 15
_TYPES = {"phyPf": "PHY", "futPf": "FUT", "oofPf": "OOF", "oopPf": "OOP"}
_PASSES: dict[str, Pass] = {"superSpreads": "super", "interSpreads": "inter"}


@dataclass(frozen=True, slots=True)
class _Found:
    """A contract whose future and commodity are known when all is read."""

    key: ContractKey
    arrays: dict[str, tuple[tuple[float, ...], float]]
    price: float
    value_factor: float
    scaling: float | None
    style: Literal["premium", "futures"]


@dataclass(slots=True)
class _Gathered:
    """What parts have told until the file ends."""

    path: Path
    account: AccountClass
    wanted: Wanted | None
    date: str = ""
    complex: str = ""
    bonds: list[Element] = field(default_factory=list[Element])
    combined: dict[str, Combined] = field(default_factory=dict[str, Combined])
    credits: list[tuple[Pass, Element]] = field(default_factory=list[tuple[Pass, Element]])
    periods: dict[tuple[str, str, str], str] = field(
        default_factory=dict[tuple[str, str, str], str]
    )
    contracts: dict[_Family, list[_Found]] = field(default_factory=dict[_Family, list[_Found]])
    with_arrays: set[_Family] = field(default_factory=set[_Family])
    left_out: list[str] = field(default_factory=list[str])


def read_spn(
    path: Path, policy: span.ClearingPolicy, account: AccountClass, wanted: Wanted | None
) -> SpanFile:
    """Read a ``.spn`` file; arguments and errors as :func:`seawall.feeds.span_files.read_span`."""
    found = _Gathered(path=path, account=account, wanted=wanted)
    for part, around in parts(path):
        _gather(part, around, found)
    made = [
        or_left_out(partial(_whole, own, found), own.commodity.code, found.left_out)
        for own in found.combined.values()
    ]
    parameters, keys = house(
        [each for each in made if each is not None],
        [
            (
                f"{name} spread {text(part, 'spread')}",
                partial(credit, part, name, found.combined, path.name),
            )
            for name, part in found.credits
        ],
        policy,
        found.left_out,
    )
    return SpanFile(
        complex=found.complex,
        business_date=found.date,
        parameters=parameters,
        keys=keys,
        left_out=tuple(found.left_out),
    )


def _gather(part: Element, around: Sequence[Element], found: _Gathered) -> None:
    within, tag = around[-1], part.tag
    if within.tag == "clearingOrg":
        _check_one(around, found)
        if tag == "pbRateDef":
            found.bonds.append(part)
        elif tag == "ccDef":
            _gather_commodity(part, found)
        elif tag in _PASSES:
            found.credits.extend((_PASSES[tag], each) for each in part)
        elif tag in ("interClearSpreads", "superInterClearSpreads"):
            found.left_out.append(f"{tag}: credits between houses, of which one has no arrays")
    elif tag in ("phy", "fut"):
        _gather_contract(part, around, found)
    elif tag == "series":
        _gather_series(part, around, found)


def _check_one(around: Sequence[Element], found: _Gathered) -> None:
    """A file of several houses or days would mix their numbers."""
    date, name = text(around[1], "date"), text(around[2], "ec")
    if found.complex and (found.date, found.complex) != (date, name):
        raise UnrecognisedFile(
            f"it holds {found.complex} of {found.date} and {name} of {date}",
            where=found.path.name,
            remedy="Give a file of one clearing house and one day.",
        )
    found.date, found.complex = date, name


def _gather_commodity(part: Element, found: _Gathered) -> None:
    code, rates = text(part, "cc"), rates_of(found.bonds, found.account, found.path.name)
    own = or_left_out(partial(combined, part, rates, found.path.name), code, found.left_out)
    if own is not None:
        found.combined[code] = own


# ---- contracts


@dataclass(frozen=True, slots=True)
class _Within:
    """What a contract stands in: its product family, and its series where it is an option."""

    family: Element
    exchange: str
    series: Element
    future: str = ""

    @property
    def id(self) -> _Family:
        """By what commodities name the family."""
        return self.exchange, text(self.family, "pfId")

    def key(self, right: str = "", expiry: str = "", strike: str = "") -> ContractKey:
        """The key of a contract in it."""
        return ContractKey(
            exchange=self.exchange,
            product=text(self.family, "pfCode"),
            type=_TYPES[self.family.tag],
            right=right,
            future=self.future,
            expiry=expiry,
            strike=strike,
        )


def _period(part: Element) -> str:
    period = text(part, "pe")
    return contract_period(period[:6], period[6:])


def _gather_contract(part: Element, around: Sequence[Element], found: _Gathered) -> None:
    within = _Within(around[-1], text(around[-2], "exch"), part, _period(part))
    found.periods[(*within.id, text(part, "cId"))] = within.future
    key = within.key()
    # An index or a price that nobody holds has an array of nothing.
    if key.type != "PHY" or any(a.text and a.text.strip("0. -") for a in part.findall("ra/a")):
        _keep(key, part, within, found)


def _gather_series(part: Element, around: Sequence[Element], found: _Gathered) -> None:
    future, named = "", part.find("undC")
    if around[-1].tag == "oofPf" and named is not None:
        # Futures stand before the options on them, by the schema's order within an exchange.
        key = text(named, "exch"), text(named, "pfId"), text(named, "cId")
        future = found.periods.get(key, "")
    within = _Within(around[-1], text(around[-2], "exch"), part, future)
    expiry = _period(part)
    for option in part.findall("opt"):
        strike = _strike(option, f"{found.path.name}, {within.key(expiry=expiry).name}")
        _keep(within.key(text(option, "o"), expiry, strike), option, within, found)


def _strike(option: Element, where: str) -> str:
    found = text(option, "k")
    try:
        strike = Decimal(found)
    except InvalidOperation:
        strike = Decimal("nan")
    if not strike.is_finite() or abs(strike) > _MOST:
        raise BadNumber(f"k is {found!r:.40}, which is no strike", where=where, remedy=WRITE_AGAIN)
    return strike_text(strike)


def _keep(key: ContractKey, part: Element, within: _Within, found: _Gathered) -> None:
    found.with_arrays.add(within.id)
    if found.wanted is not None and not found.wanted(key):
        return
    where = f"{found.path.name}, {key.name}"
    factor, scaling = (_nearest(name, part, within, where) for name in ("cvf", "sc"))
    if factor is None:
        raise BadNumber("it has no cvf", where=where, remedy=WRITE_AGAIN)
    arrays = {text(each, "r"): _array(each, where) for each in part.findall("ra")}
    if not arrays:
        raise BadNumber("it has no risk array", where=where, remedy=WRITE_AGAIN)
    daily = text(within.family, "valueMeth") in ("FUT", "FUTDA")
    found.contracts.setdefault(within.id, []).append(
        _Found(
            key=key,
            arrays=arrays,
            price=needed(part, "p", where),
            value_factor=factor,
            scaling=scaling,
            style="futures" if daily else "premium",
        )
    )


def _nearest(name: str, part: Element, within: _Within, where: str) -> float | None:
    """A number of the contract, else of its series, else of its family."""
    told = (number(each, name, where) for each in (part, within.series, within.family))
    return next((each for each in told if each is not None), None)


def _array(part: Element, where: str) -> tuple[tuple[float, ...], float]:
    """The 16 values of an array and its composite delta."""
    values = tuple(as_number(each.text or "", "a", where) for each in part.findall("a"))
    if len(values) != len(span.SCENARIOS):
        raise BadNumber(
            f"a risk array of {len(values)} values where {len(span.SCENARIOS)} belong",
            where=where,
            remedy=WRITE_AGAIN,
        )
    return values, needed(part, "d", where)


def _whole(own: Combined, found: _Gathered) -> tuple[span.CombinedCommodity, Keys]:
    """The commodity with its contracts. Raises BadParameter where it has no array at all."""
    where = f"{found.path.name}, {own.commodity.code}"
    if not any(family in found.with_arrays for family in own.families):
        raise refuse("it has no risk array", where)
    made = [
        (each.key, _contract(each, own.base_rate, scaling))
        for family, scaling in own.families.items()
        for each in found.contracts.get(family, ())
    ]
    contracts = tuple(contract for _, contract in made)
    return replace(own.commodity, contracts=contracts), tuple(key for key, _ in made)


def _contract(each: _Found, rate: str, family_scaling: float) -> span.Contract:
    kind = {"": "future", "C": "call", "P": "put"}.get(each.key.right)
    if kind not in ("future", "call", "put"):
        raise refuse(f"option right {each.key.right!r} is not known", each.key.name)
    if each.key.type == "OOF" and not each.key.future:
        raise refuse(f"{each.key.name} is on a future that is not before it", each.key.name)
    array = each.arrays.get(rate) or (*each.arrays.values(), None)[0]
    if array is None or (rate not in each.arrays and len(each.arrays) > 1):
        raise refuse(f"{each.key.name} has no array of rate {rate}", each.key.name)
    return span.Contract(
        name=each.key.name,
        kind=kind,
        period=each.key.future or each.key.expiry,
        array=array[0],
        delta=array[1],
        price=each.price,
        value_factor=each.value_factor,
        delta_scaling=family_scaling if each.scaling is None else each.scaling,
        style=each.style,
    )
