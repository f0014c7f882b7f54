"""Named charges: what a position or a book costs beside its scanning risk.

Each has one formula, one home and a section in docs/charges.md, and declares in ``needs`` what it
asks of the market beside prices. A charge never nets against another and is never negative. In one
class stand its numbers, its amounts and how these are shared out among the legs.

``closing_out`` what it takes to be rid of a book, ``concentration`` that it is too large for the
market, ``conditions`` what the state of the market adds, ``percentages`` rules of single positions,
``by_class`` percentages by class, ``borrowing`` those of debts, ``standard_expiry`` options expiry
by expiry, ``pairing`` of ``strategies``, ``payoff_bound`` of payoffs alone, ``doubt`` penalties for
prices in doubt, ``perpetual_venues`` percentages worked out from the market, ``size_weight`` from
the size of a position, ``contingency`` whatever scenarios say, ``delta_shocks`` charges on net
deltas by settlement currency, ``provisions`` what is put aside for funding and fees, ``expiries``
volatilities, prices and rates that move apart, ``at_least`` the cost of closing out as a least of
risk and charges, ``hedged_currencies`` contracts of several currencies, ``index_notional`` shares
of the index, ``stable_price`` weights on the worse of two
prices; ``tiers`` rates that rise with size, ``base`` what all have in common.
"""

from __future__ import annotations

from seawall.margin.charges.at_least import AtLeastCharge
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares
from seawall.margin.charges.borrowing import BorrowFactorCharge
from seawall.margin.charges.by_class import ClassNotionalCharge, InitialCollateralCharge
from seawall.margin.charges.closing_out import BasisCharge, LiquidityCharge
from seawall.margin.charges.concentration import ConcentrationCharge
from seawall.margin.charges.conditions import FundingCharge, OracleCharge, UtilisationCharge
from seawall.margin.charges.contingency import ContingencyCharge
from seawall.margin.charges.delta_shocks import DeltaShockCharge, RollShockCharge
from seawall.margin.charges.doubt import (
    ConfidenceCharge,
    DepegCharge,
    ExpiryConfidenceCharge,
)
from seawall.margin.charges.expiries import (
    ExpiryBasisCharge,
    RateShiftCharge,
    VegaAcrossExpiriesCharge,
)
from seawall.margin.charges.hedged_currencies import StablecoinHedgeCharge
from seawall.margin.charges.index_notional import IndexNotionalCharge
from seawall.margin.charges.pairing import StrategyPairingCharge
from seawall.margin.charges.payoff_bound import PayoffBoundCharge
from seawall.margin.charges.percentages import NotionalCharge, StandardOptionCharge
from seawall.margin.charges.perpetual_venues import OpenInterestCharge, ShortfallCharge
from seawall.margin.charges.provisions import FeeProvisionCharge, FundingProvisionCharge
from seawall.margin.charges.scan_ranges import ScanRangesCharge
from seawall.margin.charges.size_notional import SizeNotionalCharge
from seawall.margin.charges.size_weight import SizeWeightCharge
from seawall.margin.charges.stable_price import StablePriceCharge
from seawall.margin.charges.standard_expiry import StandardExpiryCharge

__all__ = [
    "AtLeastCharge",
    "BasisCharge",
    "BorrowFactorCharge",
    "Charge",
    "ChargeAmount",
    "ChargeShares",
    "Charged",
    "ClassNotionalCharge",
    "ConcentrationCharge",
    "ConfidenceCharge",
    "ContingencyCharge",
    "DeltaShockCharge",
    "DepegCharge",
    "ExpiryBasisCharge",
    "ExpiryConfidenceCharge",
    "FeeProvisionCharge",
    "FundingCharge",
    "FundingProvisionCharge",
    "IndexNotionalCharge",
    "InitialCollateralCharge",
    "LiquidityCharge",
    "NotionalCharge",
    "OpenInterestCharge",
    "OracleCharge",
    "PayoffBoundCharge",
    "RateShiftCharge",
    "RollShockCharge",
    "ScanRangesCharge",
    "ShortfallCharge",
    "SizeNotionalCharge",
    "SizeWeightCharge",
    "StablePriceCharge",
    "StablecoinHedgeCharge",
    "StandardExpiryCharge",
    "StandardOptionCharge",
    "StrategyPairingCharge",
    "UtilisationCharge",
    "VegaAcrossExpiriesCharge",
]

Charge = (
    LiquidityCharge
    | BasisCharge
    | ConcentrationCharge
    | FundingCharge
    | OracleCharge
    | UtilisationCharge
    | NotionalCharge
    | StandardOptionCharge
    | BorrowFactorCharge
    | ClassNotionalCharge
    | InitialCollateralCharge
    | StandardExpiryCharge
    | ConfidenceCharge
    | DepegCharge
    | ExpiryConfidenceCharge
    | ContingencyCharge
    | OpenInterestCharge
    | ShortfallCharge
    | StrategyPairingCharge
    | PayoffBoundCharge
    | RollShockCharge
    | DeltaShockCharge
    | SizeNotionalCharge
    | FeeProvisionCharge
    | FundingProvisionCharge
    | ScanRangesCharge
    | VegaAcrossExpiriesCharge
    | ExpiryBasisCharge
    | RateShiftCharge
    | AtLeastCharge
    | StablecoinHedgeCharge
    | IndexNotionalCharge
    | StablePriceCharge
    | SizeWeightCharge
)
