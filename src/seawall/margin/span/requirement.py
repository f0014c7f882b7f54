"""The SPAN algorithm from positions to a requirement, in the order in which deltas are consumed.

1. scan each commodity, with time risk and price risk of one delta;
2. super-inter-commodity credits; 3. charges between tiers, then between series; 4. spot charges on
what those took and on what is left; 5. inter-commodity credits; 6. inter-exchange credits;
7. short option minimum, net option value, ratios and totals by currency (``totals``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from seawall.basics.errors import EmptyPortfolio
from seawall.margin.span.commodity import CombinedCommodity, Contract
from seawall.margin.span.parameters import Holding, SpanParameters, net_quantities
from seawall.margin.span.result import CommodityRisk, Scan, SpanRequirement, SpotTaken, SpreadFormed
from seawall.margin.span.scanning import net_deltas, option_minimum, option_value, scans
from seawall.margin.span.spreads import (
    Deltas,
    credit_spreads,
    series_spreads,
    spot_charges,
    tier_spreads,
)
from seawall.margin.span.totals import totals

__all__ = ["requirement"]

Held = list[tuple[Contract, float]]


def requirement(holdings: Iterable[Holding], parameters: SpanParameters) -> SpanRequirement:
    """What the positions require, with every step's figures.

    Holdings of one contract are netted and their order is of no consequence. Raises EmptyPortfolio
    where nothing is held, UnknownInstrument and BadNumber as ``net_quantities``.
    """
    nets = net_quantities(holdings, parameters)
    if not nets:
        raise EmptyPortfolio(
            "no contract is held",
            where=f"{parameters.policy.name} positions",
            remedy="Give at least one position that is not netted to nothing.",
        )
    commodities = {own.code: own for own in parameters.commodities if own.code in nets}
    held = {
        code: [(c, q) for c, q in zip(own.contracts, nets[code], strict=True) if q]
        for code, own in commodities.items()
    }
    scanned = {code: scans(own, held[code], parameters.policy) for code, own in commodities.items()}
    spreads, spot, left = _passes(parameters, commodities, held, scanned)
    risks = tuple(
        _risk(own, held[code], scanned[code], spot[code], spreads, left[code], parameters)
        for code, own in commodities.items()
    )
    return SpanRequirement(
        policy=parameters.policy.name,
        commodities=risks,
        spreads=tuple(spreads),
        totals=totals(risks, parameters.policy),
    )


def _passes(
    parameters: SpanParameters,
    commodities: dict[str, CombinedCommodity],
    held: dict[str, Held],
    scanned: dict[str, tuple[Scan, ...]],
) -> tuple[list[SpreadFormed], dict[str, tuple[SpotTaken, ...]], dict[str, Deltas]]:
    """Spreads in the order in which they are formed, spot charges and the deltas left at the
    end.
    """
    left = {code: net_deltas(held[code]) for code in commodities}
    before = {code: dict(deltas) for code, deltas in left.items()}
    by_pass = {
        name: [each for each in parameters.credit_spreads if each.pass_name == name]
        for name in ("super", "inter", "exchange")
    }
    policy = parameters.policy
    formed = credit_spreads(by_pass["super"], commodities, scanned, left, policy)
    for code, own in commodities.items():
        formed += tier_spreads(own, left[code])
        formed += series_spreads(own, left[code])
    spot = {
        code: spot_charges(own.spot_charges, before[code], left[code])
        for code, own in commodities.items()
    }
    formed += credit_spreads(by_pass["inter"], commodities, scanned, left, policy)
    formed += credit_spreads(by_pass["exchange"], commodities, scanned, left, policy)
    return formed, spot, left


def _risk(
    commodity: CombinedCommodity,
    held: Held,
    scanned: tuple[Scan, ...],
    spot: tuple[SpotTaken, ...],
    spreads: list[SpreadFormed],
    left: Deltas,
    parameters: SpanParameters,
) -> CommodityRisk:
    """max(scan + intra + spot − credit, SOM), at most the value where all is long options."""
    policy = parameters.policy
    legs = [(each, leg) for each in spreads for leg in each.legs]
    intra = math.fsum(
        {id(each): each.charge for each, leg in legs if leg.commodity == commodity.code}.values()
    )
    # Spreads of unequal ratios can leave more delta than the net by which a price risk is divided.
    credit = min(
        math.fsum(leg.credit for _, leg in legs if leg.commodity == commodity.code),
        math.fsum(max(0.0, own.price_risk) for own in scanned),
    )
    scan = math.fsum(own.risk for own in scanned)
    spot_charge = math.fsum(own.charge for own in spot)
    minimum = option_minimum(commodity, held)
    value = option_value(held, policy)
    risk = max(math.fsum((scan, intra, spot_charge, -credit)), minimum)
    long_only = all(contract.has_value and quantity > 0.0 for contract, quantity in held)
    capped = policy.caps_long_options and long_only and risk > max(value, 0.0)
    return CommodityRisk(
        code=commodity.code,
        currency=commodity.currency,
        scans=scanned,
        scan_risk=scan,
        intra_charge=intra,
        spot=spot,
        spot_charge=spot_charge,
        credit=credit,
        option_minimum=minimum,
        option_value=value,
        risk=max(value, 0.0) if capped else risk,
        capped=capped,
        limits_option_value=commodity.limits_option_value,
        adjustment=commodity.adjustment,
        initial_ratio=commodity.initial_ratio,
        deltas_left=dict(left),
    )
