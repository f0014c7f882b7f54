"""Who may be margined under a model: entered at one margin value, left below a lower one.

Leaving changes no requirement. What the account holds at that moment stays under the model and may
only be reduced; what is added afterwards is margined under a simpler model. Source:
docs/models/prbm.md, "Eligibility".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from seawall.basics.errors import BadParameter
from seawall.market.snapshot import MarketSnapshot
from seawall.products.instruments import Derivative, has_usd_size, is_money
from seawall.products.portfolio import Portfolio, Position

# Sizes of one position at two marks differ by what Decimal rounds; a smaller part is no part.
_DUST_REL = Decimal("1e-12")

MembershipState = Literal["outside", "member", "leaving"]


class Eligibility(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A margin value of ``enter_usd`` lets in, and one of ``stay_usd`` lets stay.

    ``otherwise`` names the model of everybody else. Raises BadParameter unless both are finite and
    0 ≤ stay_usd ≤ enter_usd.
    """

    enter_usd: float
    stay_usd: float
    otherwise: str

    def __post_init__(self) -> None:
        if not 0.0 <= self.stay_usd <= self.enter_usd < math.inf:
            raise BadParameter(
                f"an account enters with {self.enter_usd} USD and stays with {self.stay_usd}",
                where="eligibility",
                remedy="Give finite amounts, stay_usd no higher than enter_usd.",
            )

    def notice(self, model: str, margin_value_usd: Decimal) -> tuple[str, ...]:
        """What a report under the model must say of an account with so little margin value."""
        if margin_value_usd >= Decimal(self.enter_usd):
            return ()
        said = (
            f"Margin value below {self.enter_usd:,.0f} USD: {model} takes no new account, and "
            f"keeps one from {self.stay_usd:,.0f}; else {self.otherwise}."
        )
        return (said,)


class Membership(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an account stands with a model; the engine keeps it from one time to the next.

    ``kept`` is what a leaving account still has under the model, by instrument: the signed
    quantity, of inverse futures and perpetuals their USD size, which no price changes.
    """

    state: MembershipState
    kept: Mapping[str, Decimal] = {}

    def __post_init__(self) -> None:
        # What is handed in was stored by somebody; a slip in it would lower a margin.
        leaving = self.state == "leaving"
        known = leaving or self.state in ("outside", "member")
        sizes = all(
            isinstance(size, Decimal) and size.is_finite() and size != 0  # pyright: ignore[reportUnnecessaryIsInstance]
            for size in self.kept.values()
        )
        if not (known and leaving == bool(self.kept) and sizes):
            raise BadParameter(
                f"no membership: state {self.state!r} with {len(self.kept)} kept sizes",
                where="membership",
                remedy="Hand in what margin_of_member returned: outside, member, or leaving with "
                "the sizes that are kept, as Decimals other than 0.",
            )


def next_membership(
    rule: Eligibility,
    before: Membership,
    margin_value_usd: Decimal,
    portfolio: Portfolio,
    market: MarketSnapshot,
) -> Membership:
    """The membership of an account that now has a margin value and holds a portfolio.

    Between ``stay_usd`` and ``enter_usd`` it stays what it was. Raises what the snapshot raises.
    """
    if margin_value_usd >= Decimal(rule.enter_usd):
        return Membership(state="member")
    if before.state == "outside":
        return before
    held = {
        position.instrument.name: position.quantity * _unit(position, market)
        for position in filter(_has_risk, portfolio.positions)
    }
    if before.state == "member":
        if margin_value_usd >= Decimal(rule.stay_usd):
            return before
        kept = held
    else:
        kept = {n: _reduced(size, held.get(n, Decimal(0))) for n, size in before.kept.items()}
    kept = {name: size for name, size in kept.items() if size != 0}
    return Membership(state="leaving", kept=kept) if kept else Membership(state="outside")


def split(
    portfolio: Portfolio, membership: Membership, market: MarketSnapshot
) -> tuple[tuple[Position, ...], tuple[Position, ...]]:
    """What a leaving account has kept and what it has added since, each with its own quantities.

    What is held outright and not owed stays under the model, whose collateral it is: the other
    model asks nothing for it, and cuts it instead. Money is in neither. Raises what the snapshot
    raises.
    """
    kept: list[Position] = []
    added: list[Position] = []
    for position in filter(_has_risk, portfolio.positions):
        whole, unit = position.quantity, _unit(position, market)
        was = membership.kept.get(position.instrument.name, Decimal(0))
        part = _reduced(was, whole * unit)
        if whole > 0 and not isinstance(position.instrument, Derivative):
            part = whole
        own = whole if part == whole * unit else part / unit
        for into, quantity in ((kept, own), (added, whole - own)):
            if quantity:
                into.append(msgspec.structs.replace(position, quantity=quantity))
    return tuple(kept), tuple(added)


def _has_risk(position: Position) -> bool:
    return not is_money(position.instrument)


def _unit(position: Position, market: MarketSnapshot) -> Decimal:
    """What a quantity is multiplied with to become a size that no price changes."""
    instrument = position.instrument
    return Decimal(market.forward(instrument) if has_usd_size(instrument) else 1)


def _reduced(kept: Decimal, held: Decimal) -> Decimal:
    """What is left of a kept size when so much is held: never more, nothing on the other side."""
    if abs(held - kept) <= _DUST_REL * abs(held):
        return held
    return min(kept, max(held, Decimal(0))) if kept > 0 else max(kept, min(held, Decimal(0)))
