"""SPAN: risk arrays of 16 scenarios, spreads that consume deltas, and what clearing houses add.

``scenarios`` and ``arrays`` make risk arrays; ``commodity`` and ``parameters`` are what a house
publishes; ``scanning``, ``spreads`` and ``totals`` are the steps, ``requirement`` their order and
``result`` what they leave behind; ``policy`` is what houses do differently. Formulas, sources and a
worked example: docs/models/span.md. SPAN is a registered trademark of CME Inc.; this is an
independent implementation of its published description.
"""

from __future__ import annotations

from seawall.margin.span.arrays import Quote, ScanRange, contract
from seawall.margin.span.commodity import (
    CombinedCommodity,
    Contract,
    SeriesLeg,
    SeriesSpread,
    ShortOptionMinimum,
    Side,
    SpotCharge,
    Tier,
    TierLeg,
    TierSpread,
)
from seawall.margin.span.parameters import CreditLeg, CreditSpread, Holding, SpanParameters
from seawall.margin.span.policy import (
    CME,
    JSCC,
    KDPW,
    NSE,
    POLICIES,
    ClearingPolicy,
    Decimals,
    Extreme,
)
from seawall.margin.span.requirement import requirement
from seawall.margin.span.result import CommodityRisk, CurrencyTotal, Row, SpanRequirement
from seawall.margin.span.scenarios import SCENARIOS

__all__ = [
    "CME",
    "JSCC",
    "KDPW",
    "NSE",
    "POLICIES",
    "SCENARIOS",
    "ClearingPolicy",
    "CombinedCommodity",
    "CommodityRisk",
    "Contract",
    "CreditLeg",
    "CreditSpread",
    "CurrencyTotal",
    "Decimals",
    "Extreme",
    "Holding",
    "Quote",
    "Row",
    "ScanRange",
    "SeriesLeg",
    "SeriesSpread",
    "ShortOptionMinimum",
    "Side",
    "SpanParameters",
    "SpanRequirement",
    "SpotCharge",
    "Tier",
    "TierLeg",
    "TierSpread",
    "contract",
    "requirement",
]
