"""SPAN's algorithm on arrays made from the market: scan, calendar spreads, short option minimum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from seawall.basics.errors import BadParameter
from seawall.margin import span
from seawall.margin.charges.base import ChargeAmount, Charged, ChargeShares, NamedCharge
from seawall.margin.charges.by_class import of_class
from seawall.margin.parameters import Rates
from seawall.margin.span.rounding import rounded
from seawall.margin.span.scenarios import DELTA_POINTS
from seawall.market.needs import Need
from seawall.risk.book import CALL, UnderlyingBook
from seawall.risk.revaluation import Black76Revaluation
from seawall.risk.scenarios import PriceVolGrid, ScenarioSet, TenorLaw
from seawall.risk.shocks import Shock, VolMove

Floats = NDArray[np.float64]

# A future's price after the largest fall: not below 0, where no option has a value by logarithms.
_LEAST_MOVE_REL = -0.999999
# Deltas are differences over this part of the scan range, on either side.
_BUMP = 0.01
_NO_EXPIRY, _LAST = "00000000", "99999999"
_LEVEL_LAW = TenorLaw(reference_days=30.0, floor_days=1.0, short_power=0.0, long_power=0.0)


class ScanNumbers(Rates, frozen=True, kw_only=True):
    """Scan ranges of a class, and what stands beside the scan, as shares of the index.

    ``price_scan_rel`` of the price; ``vol_scan`` decimal points of volatility or, relative, a share
    of it; ``spread_charge_rel`` for each delta long in one expiry and short in another;
    ``short_option_rel`` for each option held short. Raises BadParameter for a scan of nothing.
    """

    price_scan_rel: float
    vol_scan: float
    vol_scan_in: Literal["absolute", "relative"]
    spread_charge_rel: float
    short_option_rel: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0.0 < self.price_scan_rel < 1.0 and 0.0 < self.vol_scan < 10.0):
            raise BadParameter(
                f"a scan of {self.price_scan_rel} of the price and {self.vol_scan} of volatility",
                where="scan-ranges",
                remedy="Give a price scan between 0 and 1 and a volatility scan above 0.",
            )


class ScanRangesCharge(NamedCharge, frozen=True, kw_only=True, tag="scan-ranges"):
    """The risk of each underlying as one combined commodity under a clearing house's policy.

    Arrays of 16 scenarios and composite deltas are made from the market after ``lookahead_days``
    and handed to :func:`seawall.margin.span.requirement`: scan risk, a charge per calendar spread
    of deltas, the short option minimum. Coins held are collateral and not scanned, those owed are.
    Equity holds option values, so that the net option value is not taken off again.
    ``classes`` are the numbers by class of the underlying. Source: docs/models/span.md.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    policy: span.ClearingPolicy
    lookahead_days: float
    classes: Mapping[str, ScanNumbers]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.policy.extreme is None:
            raise BadParameter(
                f"{self.policy.name} has no extreme move: its published arrays are final",
                where="scan-ranges.policy",
                remedy="Give an extreme move, or use the house's own file.",
            )

    def amounts(self, on: Charged) -> tuple[ChargeAmount, ...]:
        """Scan, spreads and what the minimum adds. Raises BadParameter for a class without
        numbers.
        """
        found = self._found(on)
        if found is None:
            return ()
        _, _, risk = found
        scan = min(risk.scan_risk, risk.risk)
        spreads = min(risk.intra_charge, risk.risk - scan)
        parts = {"scan": scan, "spreads": spreads, "minimum": risk.risk - scan - spreads}
        return tuple(
            ChargeAmount(f"span_{name}/{on.book.underlying}", amount, amount)
            for name, amount in parts.items()
        )

    def shares(self, on: Charged, worst_shares: Floats) -> ChargeShares:
        """Each leg's loss in the active scenario and its deltas in spreads; where the minimum is
        more its short options, where long options are capped their value.
        """
        share, found = np.zeros(on.book.quantity.size), self._found(on)
        if found is not None:
            rows, contracts, risk = found
            quantity = on.book.quantity[rows]
            if risk.capped:
                own = quantity * on.book.mark_usd[rows]
            elif risk.risk > risk.scan_risk + risk.intra_charge:
                short = np.where(on.book.is_option[rows], np.maximum(-quantity, 0.0), 0.0)
                own = risk.option_minimum * short / short.sum()
            else:
                own = _spread_shares(contracts, quantity, risk.intra_charge)
                if risk.scan_risk > 0.0:
                    active = risk.scans[0].active - 1
                    own += quantity * np.array([each.array[active] for each in contracts])
            share[rows] = own
        return ChargeShares.of_degree_one(share, share)

    def _found(
        self, on: Charged
    ) -> tuple[NDArray[np.intp], tuple[span.Contract, ...], span.CommodityRisk] | None:
        """The rows that are scanned, their contracts and what they require; None without any."""
        book = on.book
        rows = np.flatnonzero((~book.is_spot | (book.quantity < 0.0)) & (book.quantity != 0.0))
        if not rows.size:
            return None
        numbers = of_class(self.classes, on.numbers.name, "scan-ranges.classes")
        scanned = book.rows(rows.tolist())
        contracts = self.contracts(scanned, numbers)
        return rows, contracts, self._risk(scanned, contracts, numbers)

    def _risk(
        self, book: UnderlyingBook, contracts: tuple[span.Contract, ...], numbers: ScanNumbers
    ) -> span.CommodityRisk:
        commodity = span.CombinedCommodity(
            code=book.underlying,
            currency="USD",
            contracts=contracts,
            spread_tiers=(span.Tier(number=1, first="", last=_LAST),),
            tier_spreads=(
                span.TierSpread(
                    priority=1,
                    charge=numbers.spread_charge_rel * book.level_usd,
                    legs=(
                        span.TierLeg(tier=1, ratio=1.0, side="A"),
                        span.TierLeg(tier=1, ratio=1.0, side="B"),
                    ),
                ),
            ),
            short_option_minimum=span.ShortOptionMinimum(
                rate=numbers.short_option_rel * book.level_usd
            ),
        )
        holdings = [
            span.Holding(contract=contract.name, quantity=quantity)
            for contract, quantity in zip(contracts, book.quantity.tolist(), strict=True)
        ]
        parameters = span.SpanParameters(policy=self.policy, commodities=(commodity,))
        [risk] = span.requirement(holdings, parameters).commodities
        return risk

    def contracts(self, book: UnderlyingBook, numbers: ScanNumbers) -> tuple[span.Contract, ...]:
        """One unit of each row as a contract in USD, named by its place."""
        loss, delta = self._arrays(book, numbers)
        decimals = self.policy.decimals
        return tuple(
            span.Contract(
                name=str(row),
                kind=_kind(book, row),
                period=_period(book, row),
                array=tuple(rounded(value, decimals.array) for value in loss[row].tolist()),
                delta=rounded(float(delta[row]), decimals.delta),
                price=float(book.mark_usd[row]),
                value_factor=1.0,
            )
            for row in range(book.quantity.size)
        )

    def _arrays(self, book: UnderlyingBook, numbers: ScanNumbers) -> tuple[Floats, Floats]:
        """Losses of one unit [M, 16] in USD, weighted, and composite deltas [M]."""
        extreme, reach = self.policy.extreme, numbers.price_scan_rel
        assert extreme is not None  # checked when it was made
        cells = [
            (
                reach * each.price * (extreme.multiplier if each.extreme else 1.0),
                VolMove.NONE if each.extreme else VolMove.UP if each.vol > 0.0 else VolMove.DOWN,
            )
            for each in span.SCENARIOS
        ]
        cells += [
            (reach * (point + side * _BUMP), VolMove.NONE)
            for point, _ in DELTA_POINTS
            for side in (1.0, -1.0)
        ]
        moves = [(max(move, _LEAST_MOVE_REL), vol, 1.0) for move, vol in cells]
        scenarios = ScenarioSet.of(moves, (0, 0), 0)
        kind = numbers.vol_scan_in
        grid = PriceVolGrid(
            price_steps=(-1.0, 0.0, 1.0),
            vol_up=Shock(kind=kind, size=numbers.vol_scan),
            vol_down=Shock(kind=kind, size=-numbers.vol_scan),
            vol_up_floor=0.0,
            tenor_law=_LEVEL_LAW,
            horizon_days=self.lookahead_days,
        )
        array = Black76Revaluation(smile="sticky-strike").array(book, grid, scenarios)
        later = array.unit_pnl_usd[:, scenarios.price_rel.size : 2 * scenarios.price_rel.size]
        count = len(span.SCENARIOS)
        weights = np.array([extreme.cover if each.extreme else 1.0 for each in span.SCENARIOS])
        up, down = later[:, count::2], later[:, count + 1 :: 2]
        step_usd = 2.0 * _BUMP * reach * book.unit_notional_usd
        shares = np.array([weight for _, weight in DELTA_POINTS])
        # A wrapper is as many coins as it is worth.
        coins = np.where(book.is_spot, book.unit_coins, 1.0)
        return -later[:, :count] * weights, coins * ((up - down) @ shares) / step_usd


def _spread_shares(contracts: tuple[span.Contract, ...], quantity: Floats, charge: float) -> Floats:
    """The charge by the deltas of the side that has fewer, which are all in spreads; shape [M]."""
    delta = quantity * np.array([each.delta for each in contracts])
    _, period = np.unique([each.period for each in contracts], return_inverse=True)
    net = np.bincount(period, delta)
    side = 1.0 if np.maximum(net, 0.0).sum() <= np.maximum(-net, 0.0).sum() else -1.0
    own = np.where(side * net[period] > 0.0, side * delta, 0.0)
    return charge * own / own.sum() if charge > 0.0 else np.zeros(delta.size)


def _kind(book: UnderlyingBook, row: int) -> Literal["future", "call", "put"]:
    if not book.is_option[row]:
        return "future"
    return "call" if book.kind[row] == CALL else "put"


def _period(book: UnderlyingBook, row: int) -> str:
    """The day of expiry; what has none comes before all."""
    expiry = getattr(book.positions[row].instrument, "expiry", None)
    return _NO_EXPIRY if expiry is None else f"{expiry:%Y%m%d}"
