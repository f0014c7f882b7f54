"""Lines of an expanded unpacked file (``.pa2``), by the columns that the reader has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from seawall.basics.errors import BadParameter
from seawall.feeds.span_house import ContractKey, SpanFile
from seawall.feeds.span_layout import LAYOUT
from seawall.margin import span

__all__ = ["pa2_lines"]

_WIDTH = 200
_LEVELS = ("member", "hedger", "speculator")
Product = tuple[str, str, str]
Cells = dict[str, str | float]


def pa2_lines(house: SpanFile) -> Iterator[str]:
    """The records of a house. Raises BadParameter for what their columns cannot hold."""
    yield _line("0 ", complex=house.complex, business_date=house.business_date, format="U2")
    keys = {key.name: key for key in house.keys}
    for own in house.parameters.commodities:
        yield from _commodity(own, keys)
    for spread in house.parameters.credit_spreads:
        yield _credit(spread)
    for own in house.parameters.commodities:
        for contracts in _by_product(own, keys).values():
            yield from _contracts(contracts, keys)


def _line(kind: str, **cells: str | float) -> str:
    line = [" "] * _WIDTH
    line[: len(kind)] = kind
    for name, value in cells.items():
        field = LAYOUT[kind][name]
        width = field.last - field.first + 1
        text = value if isinstance(value, str) else _digits(value, field.decimals or 0, width, name)
        if len(text) > width:
            raise BadParameter(
                f"{name} {text!r} has more than {width} columns",
                where=f".pa2 record {kind.strip()}",
                remedy="Give a shorter one, or write a .spn file.",
            )
        line[field.first - 1 : field.first - 1 + len(text)] = text
        if not isinstance(value, str) and f"{name}_sign" in LAYOUT[kind]:
            line[LAYOUT[kind][f"{name}_sign"].first - 1] = "-" if value < 0 else "+"
    return "".join(line).rstrip()


def _digits(value: float, decimals: int, width: int, name: str) -> str:
    """The number's digits with as many implied decimals, zeros in front."""
    scaled = abs(Decimal(repr(float(value))).scaleb(decimals))
    if scaled != scaled.to_integral_value() or scaled >= Decimal(10) ** width:
        raise BadParameter(
            f"{name} {value!r} is no number of {width} digits, {decimals} of them decimals",
            where=".pa2 file",
            remedy="Round it, or write a .spn file.",
        )
    return f"{int(scaled):0{width}d}"


def _decimals(values: Sequence[float]) -> int:
    """The decimals that all of them need: 0 where all are whole, however round they are, for the
    columns of a number of decimals have no sign.
    """
    exponents = [Decimal(repr(float(value))).normalize().as_tuple().exponent for value in values]
    return max((0, *(-each for each in exponents if isinstance(each, int))))


def _product(key: ContractKey) -> Product:
    return key.exchange, key.product, key.type


def _by_product(
    own: span.CombinedCommodity, keys: dict[str, ContractKey]
) -> dict[Product, list[span.Contract]]:
    found: dict[Product, list[span.Contract]] = {}
    for contract in own.contracts:
        found.setdefault(_product(keys[contract.name]), []).append(contract)
    return found


def _commodity(own: span.CombinedCommodity, keys: dict[str, ContractKey]) -> Iterator[str]:
    products = _by_product(own, keys)
    exchanges = {exchange for exchange, _, _ in products}
    _at_most(1, len(exchanges), f"exchanges of {own.code}")
    _at_most(6, len(products), f"products of {own.code}")
    head: Cells = {}
    for n, ((_, code, kind), contracts) in enumerate(products.items(), 1):
        decimals = _decimals([loss for each in contracts for loss in each.array])
        head |= {f"product{n}": code, f"type{n}": kind}
        head |= {f"array_decimals{n}": float(decimals), f"array_decimals_sign{n}": "+"}
    yield _line(
        "2 ",
        exchange=next(iter(exchanges), ""),
        commodity=own.code,
        exponent=0.0,
        currency=own.currency,
        option_style="P",
        limit="Y" if own.limits_option_value else "N",
        **head,
    )
    intra = _tiers(own.spread_tiers, 4)
    intra |= {f"ratio_{level}": own.initial_ratio for level in _LEVELS}
    yield _line("3 ", commodity=own.code, method="10" if own.spread_tiers else "01", **intra)
    scan = _tiers(own.scan_tiers, 5)
    method = "10" if own.scan_tiers else "01"
    yield _line("S ", commodity=own.code, method=method, weighted_method="1", **scan)
    yield _spot(own)
    for spread in own.tier_spreads:
        yield _tier_spread(own, spread)
    for spread in own.series_spreads:
        yield _series_spread(own, spread)
    for product, contracts in products.items():
        yield _product_line(product, contracts, keys)


def _at_most(most: int, count: int, what: str) -> None:
    if count > most:
        raise BadParameter(
            f"{count} {what}, and there is room for {most}",
            where=".pa2 file",
            remedy="Describe fewer, or write a .spn file.",
        )


def _tiers(tiers: Sequence[span.Tier], most: int) -> Cells:
    _at_most(most, len(tiers), "tiers")
    cells: Cells = {}
    for n, tier in enumerate(tiers, 1):
        cells |= {f"tier{n}": float(tier.number), f"from{n}": tier.first[:6]}
        cells |= {f"from_day{n}": tier.first[6:], f"to{n}": tier.last[:6]}
        cells[f"to_day{n}"] = tier.last[6:]
    return cells


def _spot(own: span.CombinedCommodity) -> str:
    _at_most(2, len(own.spot_charges), "spot charges")
    cells: Cells = {f"adjustment_{level}": own.adjustment for level in _LEVELS}
    for n, charge in enumerate(own.spot_charges, 1):
        cells |= {f"period{n}": charge.period[:6], f"day{n}": charge.period[6:]}
        cells |= {f"in_spreads{n}": charge.in_spreads, f"outright{n}": charge.outright}
    rule = own.short_option_minimum
    return _line(
        "4 ",
        commodity=own.code,
        method="10" if own.spot_charges else "01",
        short_option=rule.rate,
        short_option_method="1" if rule.counts == "greater" else "2",
        **cells,
    )


def _tier_spread(own: span.CombinedCommodity, spread: span.TierSpread) -> str:
    _at_most(8, len(spread.legs), "legs of a spread")
    cells: Cells = {}
    for n, leg in enumerate(spread.legs, 1):
        cells |= {f"tier{n}": float(leg.tier), f"ratio{n}": leg.ratio, f"side{n}": leg.side}
    return _line(
        "C ",
        commodity=own.code,
        priority=float(spread.priority),
        legs=float(len(spread.legs)),
        charge=spread.charge,
        **cells,
    )


def _series_spread(own: span.CombinedCommodity, spread: span.SeriesSpread) -> str:
    _at_most(4, len(spread.legs), "legs of a spread")
    cells: Cells = {}
    for n, leg in enumerate(spread.legs, 1):
        cells |= {f"month{n}": leg.period[2:6], f"rest{n}": leg.period[6:]}
        cells |= {f"ratio{n}": leg.ratio, f"side{n}": leg.side}
    priority = float(spread.priority)
    return _line("E ", commodity=own.code, priority=priority, charge=spread.charge, **cells)


def _credit(spread: span.CreditSpread) -> str:
    _at_most(4, len(spread.legs), "legs of a credit")
    tiered = [leg.tier is not None for leg in spread.legs]
    by_leg = [leg.rate is not None for leg in spread.legs]
    if any(tiered) != all(tiered) or any(by_leg) != all(by_leg):
        raise BadParameter(
            "a credit spread of which some legs alone have a tier or a rate",
            where=f".pa2 record 6, priority {spread.priority}",
            remedy="Give each leg its tier and rate, or write a .spn file.",
        )
    cells: Cells = {}
    for n, leg in enumerate(spread.legs, 1):
        cells |= {f"commodity{n}": leg.commodity, f"ratio{n}": leg.ratio, f"side{n}": leg.side}
        if leg.tier is not None:
            cells[f"tier{n}"] = float(leg.tier)
        if leg.rate is not None:
            cells[f"rate{n}"] = _percent(leg.rate)
    return _line(
        "6 ",
        priority=float(spread.priority),
        rate=_percent(spread.rate),
        method="20" if all(tiered) else "01",
        group="S" if spread.pass_name == "super" else "N",
        rate_by_leg="Y" if all(by_leg) else "N",
        **cells,
    )


def _percent(rate: float) -> float:
    return float(Decimal(repr(rate)) * 100)


# ---- products and contracts


def _product_line(
    product: Product, contracts: Sequence[span.Contract], keys: dict[str, ContractKey]
) -> str:
    exchange, code, kind = product
    styles, factors = ({getattr(c, name) for c in contracts} for name in ("style", "value_factor"))
    if len(styles) > 1 or len(factors) > 1:
        raise BadParameter(
            "contracts of several styles or value factors",
            where=" ".join(product),
            remedy="Give them products of their own.",
        )
    return _line(
        "P ",
        exchange=exchange,
        product=code,
        type=kind,
        price_decimals=float(_decimals([each.price for each in contracts])),
        strike_decimals=float(_strike_decimals(contracts, keys)),
        value_factor=contracts[0].value_factor,
        value_factor_exponent=0.0,
        valuation="FUT" if styles == {"futures"} else "EQTY",
    )


def _contracts(contracts: Sequence[span.Contract], keys: dict[str, ContractKey]) -> Iterator[str]:
    """Scaling and array of each contract of a product, which share their decimals."""
    losses = _decimals([loss for each in contracts for loss in each.array])
    prices = _decimals([each.price for each in contracts])
    strikes = _strike_decimals(contracts, keys)
    for contract in contracts:
        key = keys[contract.name]
        array = [float(Decimal(repr(loss)).scaleb(losses)) for loss in contract.array]
        price = float(Decimal(repr(contract.price)).scaleb(prices))
        yield from _contract(contract, key, array, price, strikes)


def _strike_decimals(contracts: Sequence[span.Contract], keys: dict[str, ContractKey]) -> int:
    return _decimals([float(keys[each.name].strike) for each in contracts if each.is_option])


def _contract(
    contract: span.Contract, key: ContractKey, array: list[float], price: float, strikes: int
) -> Iterator[str]:
    """``array`` and ``price`` in units of their last decimal."""
    cells: Cells = {"exchange": key.exchange, "product": key.product, "type": key.type}
    periods: Cells = {
        "future_month": key.future[:6],
        "future_day": key.future[6:],
        "option_month": key.expiry[:6],
        "option_day": key.expiry[6:],
    }
    yield _line("B ", **cells, **periods, scaling=contract.delta_scaling)
    cells |= periods | {"right": key.right}
    if contract.is_option:
        cells["strike"] = _digits(float(key.strike), strikes, 7, "strike")
    first, second = ("83", "84") if max(map(abs, array)) >= 1e5 else ("81", "82")
    yield _line(first, **cells, **{f"loss{n}": array[n - 1] for n in range(1, 10)})
    sign = {"strike_sign": "-" if key.strike.startswith("-") else "+"}
    tail = {f"loss{n}": array[n - 1] for n in range(10, 17)}
    yield _line(second, **cells, **tail, **sign, delta=contract.delta, price=price)
