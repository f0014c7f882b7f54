"""Risk arrays and composite deltas made from prices, volatilities and scan ranges.

    RA_i = w_i · CVF · [P0 − V(F + u_i·PSR, σ ⊕ v_i·VSR, T − lookahead)]

for one long contract, a loss positive; σ ⊕ x is σ + x or σ·(1 + x) as the range is quoted. V of a
future is its price, of an option Black-76 on it. P0 is the settlement price, so that an array holds
what one lookahead of time costs. The composite delta is the mean of the option's deltas at seven
prices after the lookahead, today's volatility; a future's is 1.

A shocked price below 0 is taken as 0 in an option's value, a shocked volatility likewise.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin.span.commodity import Contract, check
from seawall.margin.span.policy import ClearingPolicy
from seawall.margin.span.rounding import rounded
from seawall.margin.span.scenarios import DELTA_POINTS, SCENARIOS
from seawall.pricing import black76

__all__ = ["Quote", "ScanRange", "contract"]

Floats = NDArray[np.float64]


class ScanRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far price and volatility are scanned, and how much time passes meanwhile.

    ``price`` in the price's unit, or relative to the future's price (``percent``, 0.074 for 7.4 %);
    ``vol`` decimal points of volatility (0.03), or relative to it. Raises BadParameter for a number
    that is not finite and at least 0.
    """

    price: float
    vol: float = 0.0
    price_in: Literal["absolute", "percent"] = "absolute"
    vol_in: Literal["absolute", "percent"] = "absolute"
    lookahead_years: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.price, self.vol, self.lookahead_years)
        check(
            all(0.0 <= number < np.inf for number in numbers),
            f"a scan range of price {self.price}, volatility {self.vol}, {self.lookahead_years} "
            "years",
            "scan_range",
            "Give finite numbers of at least 0.",
        )


class Quote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an array is made of: a future, or an option on one.

    ``forward`` the future's settlement price, ``price`` the contract's own (a future's is both),
    ``sigma`` decimal, ``tenor_years`` from the settlement on, ``discount`` of an option's payoff.
    Raises BadParameter for an option without a strike above 0 or with a negative number.
    """

    name: str
    kind: Literal["future", "call", "put"]
    period: str
    forward: float
    price: float
    value_factor: float
    strike: float = 0.0
    sigma: float = 0.0
    tenor_years: float = 0.0
    discount: float = 1.0
    delta_scaling: float = 1.0
    style: Literal["premium", "futures"] = "premium"

    def __post_init__(self) -> None:
        option = self.kind == "future" or (
            0.0 < self.strike < np.inf
            and 0.0 <= self.forward < np.inf
            and 0.0 <= self.sigma < np.inf
            and 0.0 <= self.tenor_years < np.inf
            and 0.0 < self.discount < np.inf
        )
        check(
            option,
            f"strike {self.strike}, future {self.forward}, volatility {self.sigma}, "
            f"{self.tenor_years} years, discount {self.discount}",
            self.name,
            "Give a strike and a discount factor above 0 and the others at least 0.",
        )


def contract(quote: Quote, scan: ScanRange, policy: ClearingPolicy) -> Contract:
    """The contract with its array and composite delta, rounded as the policy says.

    Raises BadParameter under a policy that takes published arrays only.
    """
    if policy.extreme is None:
        raise BadParameter(
            f"{policy.name} has no extreme move: its published arrays are final",
            where=quote.name,
            remedy="Take the array of the house's own file.",
        )
    extreme = policy.extreme
    steps = np.array([s.price * (extreme.multiplier if s.extreme else 1.0) for s in SCENARIOS])
    vols = np.array([s.vol for s in SCENARIOS])
    weights = np.array([extreme.cover if s.extreme else 1.0 for s in SCENARIOS])
    loss = weights * quote.value_factor * (quote.price - _values(quote, scan, steps, vols))
    return Contract(
        name=quote.name,
        kind=quote.kind,
        period=quote.period,
        array=tuple(rounded(float(value), policy.decimals.array) for value in loss),
        delta=rounded(_composite_delta(quote, scan), policy.decimals.delta),
        price=quote.price,
        value_factor=quote.value_factor,
        delta_scaling=quote.delta_scaling,
        style=quote.style,
    )


def _forwards(quote: Quote, scan: ScanRange, steps: Floats) -> Floats:
    reach = scan.price * (abs(quote.forward) if scan.price_in == "percent" else 1.0)
    return quote.forward + steps * reach


def _values(quote: Quote, scan: ScanRange, steps: Floats, vols: Floats) -> Floats:
    """Prices of one contract at each step, after the lookahead."""
    forwards = _forwards(quote, scan, steps)
    if quote.kind == "future":
        return forwards
    reach = scan.vol * (quote.sigma if scan.vol_in == "percent" else 1.0)
    return np.asarray(
        black76.price(
            np.maximum(forwards, 0.0),
            quote.strike,
            np.maximum(quote.sigma + vols * reach, 0.0),
            max(quote.tenor_years - scan.lookahead_years, 0.0),
            quote.kind == "call",
            quote.discount,
        )
    )


def _composite_delta(quote: Quote, scan: ScanRange) -> float:
    if quote.kind == "future":
        return 1.0
    steps, weights = (np.array(column) for column in zip(*DELTA_POINTS, strict=True))
    greeks = black76.greeks(
        np.maximum(_forwards(quote, scan, steps), 0.0),
        quote.strike,
        quote.sigma,
        max(quote.tenor_years - scan.lookahead_years, 0.0),
        quote.kind == "call",
        quote.discount,
    )
    return float(np.dot(weights, greeks.delta))
