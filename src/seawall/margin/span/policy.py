"""What clearing houses do differently with the same algorithm, as data.

Sources. CME: its public description of the SPAN calculation. KDPW: the rules of kdpw_CCP as a
public calculator of 2014 has them, whose author states identical results. JSCC: Reference Material
3, calculation examples. NSE: the risk parameter file of NSE Clearing and its array values. What
stands on which is in docs/models/span.md.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from seawall.basics.errors import BadParameter

__all__ = ["CME", "JSCC", "KDPW", "NSE", "POLICIES", "ClearingPolicy", "Decimals", "Extreme"]


class Extreme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scenarios 15 and 16: a move of ``multiplier`` price scan ranges, ``cover`` of its loss.

    Raises BadParameter unless the multiplier is at least 1 and the cover between 0 and 1.
    """

    multiplier: float
    cover: float

    def __post_init__(self) -> None:
        if not (1.0 <= self.multiplier <= 100.0 and 0.0 < self.cover <= 1.0):
            raise BadParameter(
                f"extreme moves of {self.multiplier} scan ranges of which {self.cover} is covered",
                where="extreme",
                remedy="Give a multiplier of at least 1 and a cover above 0 and up to 1.",
            )


class Decimals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Places to which each figure is rounded, half away from zero; None is not at all.

    ``array`` values of generated risk arrays, ``delta`` composite deltas, ``scan`` the scan risk of
    a tier, ``charge`` the intra-commodity charges of a currency in all, ``credit_leg`` and
    ``credit`` the credits of a leg and of a currency in all, ``value`` the value of one option.
    """

    array: int | None = None
    delta: int | None = 4
    scan: int | None = None
    charge: int | None = None
    credit_leg: int | None = None
    credit: int | None = None
    value: int | None = None


class ClearingPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clearing house's way with the algorithm.

    ``extreme`` for arrays that are made here; None where the house's published arrays alone are
    right, and then making one is refused. No array is ever weighted after it is made.

    ``floor`` where credits and the short option minimum meet the charges:
    ``commodity`` Σ max(scan + intra + spot − credit, SOM);
    ``currency`` max(Σ(scan + intra + spot), ΣSOM) − Σcredit.

    ``caps_long_options`` the risk of a commodity in which only options are held, all long, is at
    most their value.
    ``credits_need_price_risk`` a credit spread is formed only where each leg's weighted price risk
    is above 0. ``decimals`` of each figure.
    """

    name: str
    extreme: Extreme | None
    floor: Literal["commodity", "currency"] = "commodity"
    caps_long_options: bool = True
    credits_need_price_risk: bool = False
    decimals: Decimals = Decimals()


CME = ClearingPolicy(name="CME", extreme=Extreme(multiplier=3.0, cover=0.33))
KDPW = ClearingPolicy(
    name="KDPW",
    extreme=Extreme(multiplier=3.0, cover=0.32),
    floor="currency",
    caps_long_options=False,
    credits_need_price_risk=True,
    decimals=Decimals(array=2, scan=0, charge=0, credit_leg=4, credit=0, value=2),
)
JSCC = ClearingPolicy(
    name="JSCC", extreme=Extreme(multiplier=3.0, cover=0.33), caps_long_options=False
)
NSE = ClearingPolicy(name="NSE", extreme=None)

POLICIES = {policy.name: policy for policy in (CME, KDPW, JSCC, NSE)}
"""The policies that ship, by name."""
