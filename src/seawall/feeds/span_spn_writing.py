"""Lines of SPAN's XML (``.spn``), in the order of CME's published schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias
from xml.sax.saxutils import escape

from seawall.feeds.span_house import ContractKey, SpanFile
from seawall.margin import span

__all__ = ["spn_lines"]

Family: TypeAlias = tuple[str, str, str]
"""Exchange, product and type."""
Listed: TypeAlias = list[tuple[ContractKey, span.Contract]]

_TAGS = {"PHY": "phyPf", "FUT": "futPf", "OOF": "oofPf", "OOP": "oopPf"}
_ACCOUNTS = ("H", "M", "S")
_MAINTENANCE, _INITIAL, _BASE = "2", "3", "1"


def _leaf(name: str, value: str | float) -> str:
    return f"<{name}>{escape(value) if isinstance(value, str) else repr(value)}</{name}>"


def _within(name: str, *lines: str) -> str:
    return f"<{name}>{''.join(lines)}</{name}>"


def _rated(value: float, name: str = "rate") -> str:
    return _within(name, _leaf("r", _BASE), _leaf("val", value))


def spn_lines(house: SpanFile) -> Iterator[str]:
    """The file of a house, a line for each contract and commodity."""
    keys = {key.name: key for key in house.keys}
    families: dict[Family, Listed] = {}
    for own in house.parameters.commodities:
        for contract in own.contracts:
            key = keys[contract.name]
            family = (key.exchange, key.product, key.type)
            families.setdefault(family, []).append((key, contract))
    numbers = {family: str(n) for n, family in enumerate(families, 1)}
    yield '<?xml version="1.0" encoding="ISO-8859-1"?>'
    yield f"<spanFile>{_leaf('fileFormat', '4.00')}<definitions/><pointInTime>"
    yield _leaf("date", house.business_date) + _leaf("isSetl", "1")
    yield f"<clearingOrg>{_leaf('ec', house.complex)}{_leaf('name', house.complex)}"
    for account in _ACCOUNTS:
        for rate, flag in ((_MAINTENANCE, "1"), (_INITIAL, "0")):
            told = [_leaf("r", rate), _leaf("isCust", "1"), _leaf("acctType", account)]
            yield _within("pbRateDef", *told, _leaf("isM", flag), _leaf("pbc", "CORE"))
    yield from _exchanges(families, numbers)
    for own in house.parameters.commodities:
        yield _commodity(own, keys, numbers, house.parameters.credit_spreads)
    for name, tag in (("super", "superSpreads"), ("inter", "interSpreads")):
        spreads = [s for s in house.parameters.credit_spreads if s.pass_name == name]
        yield _within(tag, *map(_credit, spreads))
    yield "</clearingOrg></pointInTime></spanFile>"


def _exchanges(families: dict[Family, Listed], numbers: dict[Family, str]) -> Iterator[str]:
    """Futures before the options on them, as the schema has them."""
    order = list(_TAGS)
    for exchange in dict.fromkeys(family[0] for family in families):
        yield f"<exchange>{_leaf('exch', exchange)}"
        own = [family for family in families if family[0] == exchange]
        for family in sorted(own, key=lambda each: order.index(each[2])):
            yield from _family(family, families[family], numbers)
        yield "</exchange>"


def _family(family: Family, listed: Listed, numbers: dict[Family, str]) -> Iterator[str]:
    exchange, code, kind = family
    tag, styles = _TAGS[kind], {contract.style for _, contract in listed}
    # A family has one way of valuing; the reader gives it to all contracts.
    value = "FUT" if styles == {"futures"} else "EQTY"
    yield f"<{tag}>{_leaf('pfId', numbers[family])}{_leaf('pfCode', code)}"
    yield _leaf("valueMeth", value)
    if kind in ("PHY", "FUT"):
        for key, contract in listed:
            told = [_leaf("cId", key.future or "0"), _leaf("pe", key.future or "000000")]
            yield _within(
                kind.lower(),
                *told,
                _leaf("p", contract.price),
                _leaf("cvf", contract.value_factor),
                _leaf("sc", contract.delta_scaling),
                _array(contract),
            )
    else:
        yield from _series(exchange, code, listed, numbers)
    yield f"</{tag}>"


def _series(exchange: str, code: str, listed: Listed, numbers: dict[Family, str]) -> Iterator[str]:
    by_series: dict[tuple[str, str], Listed] = {}
    for each in listed:
        by_series.setdefault((each[0].expiry, each[0].future), []).append(each)
    for (expiry, future), own in by_series.items():
        yield f"<series>{_leaf('pe', expiry)}"
        if future:
            yield _underlying(exchange, code, future, numbers)
        for number, (key, contract) in enumerate(own, 1):
            yield _within(
                "opt",
                _leaf("cId", f"{expiry}{future}{number}"),
                _leaf("o", key.right),
                _leaf("k", key.strike),
                _leaf("p", contract.price),
                _leaf("cvf", contract.value_factor),
                _leaf("sc", contract.delta_scaling),
                _array(contract),
            )
        yield "</series>"


def _array(contract: span.Contract) -> str:
    losses = "".join(_leaf("a", loss) for loss in contract.array)
    return _within("ra", _leaf("r", _BASE), losses, _leaf("d", contract.delta))


def _commodity(
    own: span.CombinedCommodity,
    keys: dict[str, ContractKey],
    numbers: dict[Family, str],
    credits_of_house: Sequence[span.CreditSpread],
) -> str:
    own_keys = [keys[contract.name] for contract in own.contracts]
    families = dict.fromkeys((key.exchange, key.product, key.type) for key in own_keys)
    rule = own.short_option_minimum
    legs = [leg for spread in credits_of_house for leg in spread.legs]
    tiered = any(leg.commodity == own.code and leg.tier is not None for leg in legs)
    return _within(
        "ccDef",
        _leaf("cc", own.code),
        _leaf("currency", own.currency),
        _leaf("riskExponent", "0"),
        _leaf("capAnov", "1" if own.limits_option_value else "0"),
        *(_leaf(name, "NORMAL") for name in ("procMeth", "wfprMeth", "spotMeth")),
        _leaf("somMeth", "MAX" if rule.counts == "greater" else "GROSS"),
        *(
            _within(
                "pfLink",
                _leaf("exch", family[0]),
                _leaf("pfId", numbers[family]),
                _leaf("pfCode", family[1]),
                _leaf("pfType", family[2]),
                _leaf("sc", 1.0),
            )
            for family in families
        ),
        _adjustment(_MAINTENANCE, _BASE, own.adjustment),
        _adjustment(_INITIAL, _MAINTENANCE, own.initial_ratio),
        _tiers("scanTiers", own.scan_tiers),
        _tiers("intraTiers", own.spread_tiers),
        _tiers("interTiers", own.scan_tiers if tiered else ()),
        _within("rateTiers"),
        _within("somTiers", _within("tier", _leaf("tn", "0"), _rated(rule.rate))),
        *(_spread(own.code, each) for each in (*own.tier_spreads, *own.series_spreads)),
        *(
            _within(
                "spotRate",
                _leaf("r", _BASE),
                _leaf("pe", each.period),
                _leaf("sprd", each.in_spreads),
                _leaf("outr", each.outright),
            )
            for each in own.spot_charges
        ),
    )


def _adjustment(rate: str, base: str, value: float) -> str:
    return _within("adjRate", _leaf("r", rate), _leaf("baseR", base), _leaf("val", value))


def _tiers(name: str, tiers: Sequence[span.Tier]) -> str:
    told = [
        _within(
            "tier", _leaf("tn", str(each.number)), _leaf("sPe", each.first), _leaf("ePe", each.last)
        )
        for each in tiers
    ]
    return _within(name, *told)


def _spread(code: str, spread: span.TierSpread | span.SeriesSpread) -> str:
    legs = [
        _within(
            "tLeg" if isinstance(leg, span.TierLeg) else "pLeg",
            _leaf("cc", code),
            _place(leg),
            _leaf("rs", leg.side),
            _leaf("i", leg.ratio),
        )
        for leg in spread.legs
    ]
    head = _leaf("spread", str(spread.priority)) + _leaf("chargeMeth", "F")
    return _within("dSpread", head, _rated(spread.charge), *legs)


def _place(leg: span.TierLeg | span.SeriesLeg) -> str:
    if isinstance(leg, span.TierLeg):
        return _leaf("tn", str(leg.tier))
    return _leaf("pe", leg.period)


def _credit(spread: span.CreditSpread) -> str:
    legs = [
        _within(
            "tLeg",
            _leaf("cc", leg.commodity),
            _leaf("tn", str(leg.tier or 0)),
            _leaf("rs", leg.side),
            _leaf("i", leg.ratio),
            "" if leg.rate is None else _rated(leg.rate),
        )
        for leg in spread.legs
    ]
    head = _leaf("spread", str(spread.priority)) + _leaf("chargeMeth", "W")
    return _within("dSpread", head, _rated(spread.rate), *legs)


def _underlying(exchange: str, code: str, future: str, numbers: dict[Family, str]) -> str:
    """The future of a period, which bears its period for a number too."""
    family = numbers.get((exchange, code, "FUT"), "0")
    return _within("undC", _leaf("exch", exchange), _leaf("pfId", family), _leaf("cId", future))
