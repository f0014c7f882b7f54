"""Named charges: what a position or a book costs beside its scanning risk.

Each has one formula, one home and a section in docs/charges.md, and declares in ``needs`` what it
asks of the market beside prices. A charge never nets against another and is never negative. In one
class stand its numbers, its amounts and how these are shared out among the legs.

``closing_out`` what it takes to be rid of a book, ``concentration`` that it is too large for the
market, ``conditions`` what the state of the market adds, ``percentages`` rules of single positions,
``borrowing`` those of debts; ``base`` what all have in common.
"""

from __future__ import annotations

from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares
from seawall.margin.charges.borrowing import BorrowFactorCharge
from seawall.margin.charges.closing_out import BasisCharge, LiquidityCharge
from seawall.margin.charges.concentration import ConcentrationCharge
from seawall.margin.charges.conditions import FundingCharge, OracleCharge, UtilisationCharge
from seawall.margin.charges.percentages import NotionalCharge, StandardOptionCharge

__all__ = [
    "BasisCharge",
    "BorrowFactorCharge",
    "Charge",
    "ChargeAmount",
    "ChargeShares",
    "Charged",
    "ConcentrationCharge",
    "FundingCharge",
    "LiquidityCharge",
    "NotionalCharge",
    "OracleCharge",
    "StandardOptionCharge",
    "UtilisationCharge",
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
)
