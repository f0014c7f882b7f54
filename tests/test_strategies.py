"""Named strategies behave: bounds and order of their margin, on real chains and a synthetic one.

The real chains are Deribit's of a calm day of 2026, of May 2020, and of five days of February 2026
with a fall of a fifth in two days inside. Every rule is held on every expiry that has more than a
day left and enough strikes. *Apart* means: the legs margined as accounts of their own, added up.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from seawall.feeds.market import read_market
from seawall.feeds.synthetic import synthetic_market
from seawall.market.snapshot import MarketSnapshot
from seawall.pricing.black76 import price
from seawall.report.schema import MarginReport
from seawall.risk.book import CALL, UnderlyingBook
from tests.strategy_books import (
    Holdings,
    basis_trades,
    boxes,
    butterflies,
    calendars,
    chains,
    conversions,
    covered_calls,
    straddles,
)

RANGE = {"BTC": 0.16, "ETH": 0.20}
SHORT_OPTION_MINIMUM, GROSS_FLOOR = 0.0075, 0.0025
# Rows are rounded up one by one, so a sum of a few may be this much above its exact value.
ROUNDING = 0.10

WEEK = "deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet"
MOMENTS = {
    "synthetic": None,
    "2020-05-21": ("deribit_chain_2020-05-21_BTC.parquet", None),
    "2026-01-20": ("deribit_chain_full_2026-01-20_BTC.parquet", None),
    "before the fall": (WEEK, "2026-02-03T05:00"),
    "in the fall": (WEEK, "2026-02-05T16:00"),
    "at the bottom": (WEEK, "2026-02-06T00:00"),
    "after the fall": (WEEK, "2026-02-07T22:00"),
}


@pytest.fixture(scope="module", params=MOMENTS)
def market(request: pytest.FixtureRequest) -> MarketSnapshot:
    """One of the moments; the real ones are skipped where their files are not."""
    source = MOMENTS[request.param]
    if source is None:
        return synthetic_market()
    name, at = source
    return read_market(request.getfixturevalue("shared") / "data" / "options" / name, at=at)


def scanning_risk(report: MarginReport) -> float:
    """Scanning risk before floors."""
    return charge(report, "scanning_risk/")


def floored_risk(report: MarginReport) -> float:
    """Scanning risk with floors."""
    return charge(report, "scanning_risk/") + charge(report, "floor/")


def charge(report: MarginReport, path: str) -> float:
    """Sum of the maintenance rows whose path begins so."""
    return float(sum(row.maintenance for row in report.rows if row.path.startswith(path)))


def model_value(book: UnderlyingBook) -> float:
    """USD value of a book of options by the model, which is what scenarios start from."""
    unit = price(book.forward, book.strike, book.vol, book.tenor_years, book.kind == CALL)
    return float(book.quantity @ (book.unit_usd * unit))


def tied_up(report: MarginReport) -> tuple[float, float]:
    """Initial and maintenance with the haircuts: all of its equity that an account cannot use.

    Models differ in where they put a risk: cross cuts spot and long options as collateral and asks
    nothing for them, prbm shocks them. Only the sum compares like with like.
    """
    free = (report.excess_initial, report.excess_maintenance)
    return float(report.equity - free[0]), float(report.equity - free[1])


def less(hedged: MarginReport, *apart: MarginReport) -> bool:
    """Whether both requirements are below the sum of others."""
    return hedged.initial < sum(r.initial for r in apart) and hedged.maintenance < sum(
        r.maintenance for r in apart
    )


def worst(report: MarginReport, sign: int) -> float:
    """M of a one-underlying book upward (+1) or downward (−1), from its risk matrix."""
    (matrix,) = report.risk_matrices
    cells = [(c.price_move_rel, c.pnl) for c in (*matrix.surface_cells, *matrix.tails)]
    for move, row in zip(matrix.price_moves_rel, matrix.pnl, strict=True):
        cells += [(move, pnl) for pnl in row]
    return max(0.0, -min(pnl for move, pnl in cells if sign * move >= 0))


def unmoved_loss(report: MarginReport) -> float:
    """Worst loss of a one-underlying book at the unmoved price, from its risk matrix."""
    (matrix,) = report.risk_matrices
    unmoved = matrix.pnl[matrix.price_moves_rel.index(0.0)]
    return max(0.0, -min(*unmoved, *(cell.pnl for cell in matrix.surface_cells)))


# ---- one rule each


def test_covered_call_needs_less_than_its_legs_apart(market: MarketSnapshot) -> None:
    for chain in chains(market):
        for held in covered_calls(chain):
            apart = [chain.margin([leg]) for leg in held]
            assert less(chain.margin(held), *apart), held


def test_box_is_never_free_and_never_dear(market: MarketSnapshot) -> None:
    """At least the gross floor, at most 1 % of what it holds (notional and option values).

    Its cells cancel but for a call and a put of one strike marked at unlike volatilities.
    """
    for chain in chains(market):
        for *_, held in boxes(chain):
            report, book = chain.margin(held), chain.book(held)
            size = 4 * chain.spot + float(np.abs(book.quantity) @ book.mark_usd)
            assert floored_risk(report) >= GROSS_FLOOR * 4 * chain.spot, held
            assert float(report.initial) <= 0.01 * size, held
            assert scanning_risk(report) <= 0.001 * chain.spot, held


def test_a_box_needs_ten_times_as_much_when_ten_times_as_large(market: MarketSnapshot) -> None:
    chain = chains(market)[0]
    for *_, held in boxes(chain):
        ten = chain.margin([(name, 10 * quantity) for name, quantity in held])
        assert float(ten.maintenance) >= 10 * (float(chain.margin(held).maintenance) - ROUNDING)


def test_conversion_has_no_scanning_risk_and_costs_a_fraction_of_its_outright_leg(
    market: MarketSnapshot,
) -> None:
    """What is left is the floor, close-out, and for spot the basis of a year at most."""
    for chain in chains(market):
        for leg, held in conversions(chain):
            report = chain.margin(held)
            assert scanning_risk(report) <= 0.001 * chain.spot, held
            assert report.maintenance < chain.margin([(leg, 1)]).maintenance / 2, held


def test_conversion_with_spot_is_naked_once_its_options_have_expired(
    market: MarketSnapshot,
) -> None:
    """Options that expire within the horizon leave the coin behind, and their payoff in coin."""
    expiring = [chain for chain in chains(market, 0.0) if chain.days <= 1.0]
    if not expiring:
        pytest.skip("nothing expires within a day of this moment")
    for chain in expiring:
        for leg, held in conversions(chain):
            risk, move = scanning_risk(chain.margin(held)), RANGE[chain.underlying]
            payoff = abs(model_value(chain.book(held[1:])))
            if leg == chain.underlying:
                assert risk >= move * (chain.spot - payoff) - payoff - ROUNDING, held
            else:
                assert risk <= 0.001 * chain.spot + 1.01 * move * payoff, held


def test_long_options_lose_at_most_their_value(market: MarketSnapshot) -> None:
    for chain in chains(market, 0.0):
        held = [(name, 1) for name in chain.slice.names]
        for book in (held, held[: len(held) // 4], held[-1:]):
            value = model_value(chain.book(book))
            assert scanning_risk(chain.margin(book)) <= value + ROUNDING, chain.future


def test_butterfly_risks_at_most_its_debit_and_its_floor(market: MarketSnapshot) -> None:
    for chain in chains(market):
        floor = max(2 * SHORT_OPTION_MINIMUM, 4 * GROSS_FLOOR) * chain.spot
        for _, held in butterflies(chain):
            debit = max(model_value(chain.book(held)), 0.0)
            assert floored_risk(chain.margin(held)) <= debit + floor + ROUNDING, held


def test_delta_hedge_of_a_straddle_adds_no_more_than_its_basis_to_the_two_apart(
    market: MarketSnapshot,
) -> None:
    """Perpetual against expiry is a bet on the curve that neither account alone has made."""
    for chain in chains(market):
        for short, hedge in straddles(chain):
            hedged = chain.margin([*short, hedge])
            apart = (chain.margin(short), chain.margin([hedge]))
            basis = charge(hedged, "basis/")
            assert floored_risk(hedged) <= sum(map(floored_risk, apart)) + ROUNDING, short
            initial = float(hedged.initial - sum(r.initial for r in apart))
            maintenance = float(hedged.maintenance - sum(r.maintenance for r in apart))
            assert max(initial, maintenance) <= basis + ROUNDING, short


def test_delta_hedge_lowers_the_side_it_leans_against_and_raises_the_other(
    market: MarketSnapshot,
) -> None:
    """By at most the hedge's own loss: the wings of a straddle stay open under any hedge."""
    for chain in chains(market):
        for short, hedge in straddles(chain):
            naked, hedged = chain.margin(short), chain.margin([*short, hedge])
            own = RANGE[chain.underlying] * abs(hedge[1]) * chain.spot
            side = 1 if hedge[1] > 0 else -1
            assert worst(naked, side) - own - ROUNDING <= worst(hedged, side), short
            assert worst(hedged, side) <= worst(naked, side) + ROUNDING, short
            assert worst(hedged, -side) <= worst(naked, -side) + own + ROUNDING, short


def test_delta_hedged_straddle_has_less_scanning_risk_than_the_naked_one(
    market: MarketSnapshot,
) -> None:
    """Where the hedge leans against the worse side and is no larger than the sides' difference.

    Else it has more, and rightly: a hedge of today's delta adds to the wing it does not face.
    """
    held_on = 0
    for chain in chains(market):
        for short, hedge in straddles(chain):
            naked, hedged = chain.margin(short), chain.margin([*short, hedge])
            side = 1 if hedge[1] > 0 else -1
            own = RANGE[chain.underlying] * abs(hedge[1]) * chain.spot
            if worst(naked, side) - worst(naked, -side) > own > ROUNDING:
                assert scanning_risk(hedged) < scanning_risk(naked), (short, hedge)
                held_on += 1
    assert held_on


def test_calendar_needs_less_than_its_short_leg(market: MarketSnapshot) -> None:
    for chain in chains(market):
        for near, far in calendars(chain):
            assert less(chain.margin([(near, -1), (far, 1)]), chain.margin([(near, -1)])), far


def test_naked_put_lies_between_its_delta_and_its_strike(market: MarketSnapshot) -> None:
    """A put is convex, so a fall of X costs at least |Δ|·X·S; it never costs more than K."""
    for chain in chains(market):
        for strike in chain.strikes:
            held: Holdings = [(chain.put(strike), -1)]
            risk, book = scanning_risk(chain.margin(held)), chain.book(held)
            least = abs(float(book.delta[0])) * RANGE[chain.underlying] * chain.spot
            assert least - ROUNDING <= risk <= float(book.unit_usd[0]) * strike + ROUNDING, held


def test_naked_out_of_the_money_put_needs_more_at_a_higher_strike(market: MarketSnapshot) -> None:
    for chain in chains(market):
        puts = [k for k in chain.strikes if k <= chain.slice.forward]
        risks = [floored_risk(chain.margin([(chain.put(k), -1)])) for k in puts]
        assert all(a <= b + ROUNDING for a, b in pairwise(risks)), chain.future


def test_basis_trade_costs_its_basis_and_a_small_part_of_its_outright_leg(
    market: MarketSnapshot,
) -> None:
    """At most a fifth of the outright within a month and two fifths within a year."""
    for chain in chains(market):
        outright = float(chain.margin([(chain.perpetual, 1)]).maintenance)
        for held in basis_trades(chain):
            report = chain.margin(held)
            assert scanning_risk(report) <= ROUNDING, held
            share = 0.20 if chain.days <= 31 else 0.40
            assert float(report.maintenance) <= share * outright, held


def test_hedged_books_tie_up_no_more_than_under_cross(market: MarketSnapshot) -> None:
    for chain in chains(market):
        calendar = [[(near, -1), (far, 1)] for near, far in calendars(chain)]
        netted = [
            *(held for *_, held in boxes(chain)),
            *(held for _, held in conversions(chain)),
            *(held for _, held in butterflies(chain)),
            *basis_trades(chain),
        ]
        for held in (*calendar, *netted):
            house, cross = (chain.margin(held, m) for m in ("prbm", "cross"))
            assert tied_up(house)[0] <= tied_up(cross)[0], held
            assert tied_up(house)[1] <= tied_up(cross)[1], held
            # What nets inside the array needs less even before any haircut.
            if held in netted:
                assert house.initial <= cross.initial, held
                assert house.maintenance <= cross.maintenance, held


def test_covered_call_needs_more_but_ties_up_less_than_under_cross(market: MarketSnapshot) -> None:
    """The coin's risk is a requirement under prbm and a haircut under cross."""
    for chain in chains(market):
        for held in covered_calls(chain):
            house, cross = (chain.margin(held, m) for m in ("prbm", "cross"))
            assert less(cross, house), held
            assert tied_up(house)[0] < tied_up(cross)[0], held
            assert tied_up(house)[1] < tied_up(cross)[1], held


def test_delta_hedged_straddle_exceeds_cross_at_most_by_what_cross_does_not_see(
    market: MarketSnapshot,
) -> None:
    """Range above percentage, volatility and charges: with f and p of the level,
    house − cross ≤ (f·X − p)·S + f·d·L₀ + liquidity + basis.

    At the unmoved price the book loses at most L₀. A move x then costs at most (1 + |h|)·S·|x|, as
    no straddle's delta is beyond ±1 and the hedge has h coins; damping d takes |x| to X. cross asks
    f·X·|h|·S for the hedge and at least p·S for the options: 7.5 % each, to open 15 % and 10 %.
    """
    for chain in chains(market):
        move = RANGE[chain.underlying]
        for short, hedge in straddles(chain):
            house, cross = (chain.margin([*short, hedge], m) for m in ("prbm", "cross"))
            assert house.worst_scenario is not None
            vol = house.worst_scenario.cell.damping * unmoved_loss(house)
            charges = charge(house, "liquidity/") + charge(house, "basis/")
            initial, maintenance = (
                (f * move - p) * chain.spot + f * vol + charges + ROUNDING
                for f, p in ((1.25, 0.25), (1.0, 0.15))
            )
            assert float(house.initial - cross.initial) <= initial, short
            assert float(house.maintenance - cross.maintenance) <= maintenance, short


def test_delta_hedged_straddle_needs_less_initial_than_under_cross(market: MarketSnapshot) -> None:
    """Where cross asks more to open the two options than to open one coin outright.

    It does for BTC always, and for ETH where the option out of the money still counts for more
    than the least percentage.
    """
    held_on = 0
    for chain in chains(market):
        coin = 1.25 * RANGE[chain.underlying] * chain.spot
        for short, hedge in straddles(chain):
            house, cross = (chain.margin([*short, hedge], m) for m in ("prbm", "cross"))
            if float(cross.initial) - coin * abs(hedge[1]) > coin + ROUNDING:
                assert house.initial < cross.initial, (short, hedge)
                held_on += 1
    assert held_on


def test_lone_short_option_is_not_under_margined_against_risk_based_collateral(
    market: MarketSnapshot,
) -> None:
    """Calls and puts of every expiry, at every third listed strike, each time from another on."""
    for number, chain in enumerate(chains(market, 0.0)):
        for name in chain.slice.names[number % 3 :: 3]:
            house, alone = (
                chain.margin([(name, -1)], m) for m in ("prbm", "risk-based-collateral")
            )
            assert house.initial >= alone.initial, name
            assert house.maintenance >= alone.maintenance, name
