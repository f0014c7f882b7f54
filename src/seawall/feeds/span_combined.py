"""Combined commodities and credit spreads of SPAN's XML, for one class of account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from xml.etree.ElementTree import Element

from seawall.basics.errors import BadParameter
from seawall.feeds.span_house import AccountClass, Places, contract_period, refuse
from seawall.feeds.span_xml import needed, number, text
from seawall.margin import span

__all__ = ["Combined", "Pass", "Rates", "combined", "credit", "rates_of"]

Pass: TypeAlias = Literal["super", "inter"]
_LETTERS: Mapping[AccountClass, str] = {"member": "M", "hedger": "H", "speculator": "S"}
_LAST = "99999999"
_OVERALL = ("", "0")
"""Tier numbers that mean all periods."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Identifiers of the maintenance and the initial rate of one class of account."""

    maintenance: str
    initial: str


@dataclass(frozen=True, slots=True)
class Combined:
    """A commodity without contracts, the rate that its numbers are of, its product families with
    what a delta of each counts, and its tiers for credits.
    """

    commodity: span.CombinedCommodity
    base_rate: str
    families: dict[tuple[str, str], float]
    credit_tiers: dict[str, span.Tier | None]


def rates_of(bonds: Sequence[Element], account: AccountClass, where: str) -> Rates:
    """The customer's core rates of a class of account; the first rate where a file names none.

    Raises BadParameter where it names others only.
    """
    if not bonds:
        return Rates("1", "1")
    core = [each for each in bonds if text(each, "pbc") in ("", "CORE", "Core", "1")] or bonds
    own = [each for each in core if text(each, "acctType") == _LETTERS[account]]
    own = [each for each in own if _true(text(each, "isCust"))] or own
    found = {_true(text(each, "isM")): text(each, "r") for each in reversed(own)}
    if not found:
        types = sorted({text(each, "acctType") for each in bonds})
        raise BadParameter(
            f"it has rates of accounts {', '.join(types)}, none of a {account}",
            where=where,
            remedy="Ask for another class of account.",
        )
    maintenance = found.get(True, found.get(False, ""))
    return Rates(maintenance, found.get(False, maintenance))


def _true(flag: str) -> bool:
    return flag in ("1", "true", "Y")


def combined(part: Element, rates: Rates, file: str) -> Combined:
    """A combined commodity of its element. Raises BadParameter for what the algorithm has not."""
    code = text(part, "cc")
    where = f"{file}, {code}"
    _check_methods(part, where)
    base, adjustment, ratio = _adjusted(part, rates, where)
    spread_tiers = _tiers(part, "intraTiers", where)
    spreads = [_spread(each, base, where) for each in part.findall("dSpread")]
    scan = [tier for tier in _tiers(part, "scanTiers", where).values() if tier is not None]
    return Combined(
        commodity=span.CombinedCommodity(
            code=code,
            currency=text(part, "currency"),
            contracts=(),
            scan_tiers=tuple(scan),
            spread_tiers=tuple(
                tier or span.Tier(number=int(n), first="", last=_LAST)
                for n, tier in spread_tiers.items()
                if n not in _OVERALL
            ),
            tier_spreads=tuple(s for s in spreads if isinstance(s, span.TierSpread)),
            series_spreads=tuple(s for s in spreads if isinstance(s, span.SeriesSpread)),
            spot_charges=tuple(_spot(part, base, where)),
            short_option_minimum=_short_option(part, base, where),
            limits_option_value=_true(text(part, "capAnov")),
            adjustment=adjustment,
            initial_ratio=ratio,
        ),
        base_rate=base,
        families={
            (text(link, "exch"), text(link, "pfId")): number(link, "sc", where) or 1.0
            for link in part.findall("pfLink")
        },
        credit_tiers=_tiers(part, "interTiers", where),
    )


def _check_methods(part: Element, where: str) -> None:
    known = {
        "procMeth": ("", "NORMAL"),
        "wfprMeth": ("", "NORMAL"),
        "spotMeth": ("", "NORMAL"),
        "somMeth": ("", "GROSS", "MAX"),
        "cmbMeth": ("", "NONE", "SPLIT"),
        "marginMeth": ("", "SPAN"),
    }
    for name, codes in known.items():
        if text(part, name) not in codes:
            raise refuse(f"{name} {text(part, name)!r:.20} is not known", where)
    if number(part, "riskExponent", where):
        raise refuse("a riskExponent, of which no page says what it scales", where)


def _adjusted(part: Element, rates: Rates, where: str) -> tuple[str, float, float]:
    """The rate that numbers are of, what makes maintenance of it, and initial of maintenance."""
    steps = {
        text(each, "r"): (text(each, "baseR"), needed(each, "val", where))
        for each in part.findall("adjRate")
    }

    def walk(rate: str) -> Iterator[tuple[str, float]]:
        """Each rate on the way down with the product of the factors before it."""
        factor, seen = 1.0, set[str]()
        yield rate, factor
        while rate in steps and rate not in seen:
            seen.add(rate)
            base, value = steps[rate]
            factor *= value
            if base != rate:
                rate = base
            yield rate, factor

    *_, (base, adjustment) = walk(rates.maintenance)
    if rates.initial == rates.maintenance:
        return base, adjustment, 1.0
    way = list(walk(rates.initial))
    through = [factor for rate, factor in way if rate == rates.maintenance]
    if through:
        return base, adjustment, through[0]
    if way[-1][0] != base:
        raise refuse(f"initial rate {rates.initial} has numbers of its own", where)
    return base, adjustment, way[-1][1] / adjustment


# ---- tiers and spreads


def _tiers(part: Element, name: str, where: str) -> dict[str, span.Tier | None]:
    """Tiers by number; None for one of all periods, which is the only one then."""
    listed = part.findall(f"{name}/tier")
    found: dict[str, span.Tier | None] = {}
    for each in listed:
        number_of, first, last = (text(each, key) for key in ("tn", "sPe", "ePe"))
        first, last = (contract_period(period[:6], period[6:]) for period in (first, last))
        bounded = bool(first and last) and number_of not in _OVERALL
        if not bounded and len(listed) > 1:
            raise refuse(f"{name} of which one has no bounds", where)
        tier = int(needed(each, "tn", where)) if bounded else 0
        found[number_of] = span.Tier(number=tier, first=first, last=last) if bounded else None
    return found


def _rate(part: Element, base: str, where: str) -> float:
    """The value of a rate; of the only one there is, where that is of no other account."""
    listed = part.findall("rate")
    own = [each for each in listed if text(each, "r") == base] or listed
    if len(own) != 1:
        raise refuse(f"{len(listed)} rates, none of them {base}", where)
    return needed(own[0], "val", where)


def _spread(part: Element, base: str, where: str) -> span.TierSpread | span.SeriesSpread:
    where = f"{where}, spread {text(part, 'spread')}"
    tiers, series = part.findall("tLeg"), part.findall("pLeg")
    if text(part, "chargeMeth") != "F" or part.find("rpLeg") is not None or part.find("dSpread"):
        raise refuse(f"{where}: a charge that is not flat, or of legs that are not known", where)
    priority, charge = int(needed(part, "spread", where)), _rate(part, base, where)
    if tiers and not series:
        tier_legs = tuple(
            span.TierLeg(
                tier=int(needed(leg, "tn", where)),
                ratio=needed(leg, "i", where),
                side=_side(leg, where),
            )
            for leg in tiers
        )
        return span.TierSpread(priority=priority, charge=charge, legs=tier_legs)
    if not series or tiers:
        raise refuse(f"{where}: legs of tiers and of periods together, or none", where)
    legs = tuple(
        span.SeriesLeg(
            period=contract_period(text(leg, "pe")[:6], text(leg, "pe")[6:]),
            ratio=needed(leg, "i", where),
            side=_side(leg, where),
        )
        for leg in series
    )
    return span.SeriesSpread(priority=priority, charge=charge, legs=legs)


def _side(leg: Element, where: str) -> span.Side:
    side = text(leg, "rs")
    if side not in ("A", "B"):
        raise refuse(f"{where}: side {side!r:.20} is not known", where)
    return "A" if side == "A" else "B"


def _spot(part: Element, base: str, where: str) -> Iterator[span.SpotCharge]:
    listed = part.findall("spotRate")
    own = [each for each in listed if text(each, "r") == base]
    if listed and not own:
        raise refuse(f"spot rates, none of them {base}", where)
    for each in own:
        yield span.SpotCharge(
            period=contract_period(text(each, "pe")[:6], text(each, "pe")[6:]),
            in_spreads=needed(each, "sprd", where),
            outright=needed(each, "outr", where),
        )


def _short_option(part: Element, base: str, where: str) -> span.ShortOptionMinimum:
    tiers = [each for each in part.findall("somTiers/tier") if each.find("rate") is not None]
    if len(tiers) > 1:
        raise refuse("short option minima by tier", where)
    counts = "greater" if text(part, "somMeth") == "MAX" else "sum"
    rate = _rate(tiers[0], base, where) if tiers else 0.0
    return span.ShortOptionMinimum(rate=rate, counts=counts)


def credit(
    part: Element, name: Pass, known: Mapping[str, Combined], file: str, places: Places
) -> span.CreditSpread:
    """A credit spread of its element, its rate a share. Raises BadParameter for what the algorithm
    has not, and for a commodity that is not in ``places``.
    """
    where = f"{file}, {name} spread {text(part, 'spread')}"
    others = [leg for leg in part if leg.tag in ("pLeg", "rpLeg", "sLeg", "dSpread")]
    if part.tag != "dSpread" or text(part, "chargeMeth") != "W" or others:
        raise refuse(f"{part.tag} by another method than weighted price risk", where)
    legs = part.findall("tLeg")
    missing = sorted({text(leg, "cc") for leg in legs} - places.keys())
    if missing or not legs:
        raise refuse(f"{', '.join(missing) or 'no commodity'} is not in it", where)
    base = known[text(legs[0], "cc")].base_rate
    made = [_credit_leg(leg, known[text(leg, "cc")], where, places) for leg in legs]
    return span.CreditSpread(
        pass_name=name,
        priority=int(needed(part, "spread", where)),
        rate=_rate(part, base, where),
        legs=tuple(made),
    )


def _credit_leg(leg: Element, own: Combined, where: str, places: Places) -> span.CreditLeg:
    code, number_of = own.commodity.code, text(leg, "tn")
    tier = own.credit_tiers.get(number_of)
    if tier is None and number_of not in (*_OVERALL, *own.credit_tiers):
        raise refuse(f"{code} has no tier {number_of} for credits", where)
    if tier is not None and (
        tier.number not in places[code] or tier not in own.commodity.scan_tiers
    ):
        raise refuse(f"{code} tier {number_of} is not scanned by itself", where)
    return span.CreditLeg(
        commodity=code,
        ratio=needed(leg, "i", where),
        side=_side(leg, where),
        tier=None if tier is None else tier.number,
        rate=_rate(leg, own.base_rate, where) if leg.find("rate") is not None else None,
    )
