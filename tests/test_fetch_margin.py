"""From a venue to a margin: what is fetched is margined as the same book written by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import seawall as sw
from seawall.basics.errors import AmbiguousSnapshot
from seawall.feeds.fetch import fetch_chain, fetch_positions
from seawall.feeds.fetched import write_fetched
from seawall.feeds.venues import Venue
from tests.tables import AS_OF
from tests.venues import okx
from tests.venues.account import AT_ONCE, VENUES, environment
from tests.venues.fixtures import at_once  # noqa: F401
from tests.venues.market import AS_OF_MS, PERPETUAL_MARK
from tests.venues.server import Reply, Request, serving

pytestmark = pytest.mark.usefixtures("at_once")

# Quantities in coins, + long; entry prices from where profit is not in the cash yet.
BOOKS = {
    "deribit": [
        ("BTC-PERPETUAL", 70_000.0 / PERPETUAL_MARK, 70_000.0),
        ("BTC_USDC-PERPETUAL", -0.5, 71_020.0),
        ("BTC-27MAR26-80000-P", -12.5),
        ("BTC", 3.1),
        ("USDC", 125_000.0),
    ],
    "okx": [
        ("BTC-PERPETUAL", -490_000.0 / PERPETUAL_MARK, 70_000.0),
        ("BTC_USDT-PERPETUAL", 0.25, 69_500.0),
        ("BTC-27MAR26-80000-P", -12.5),
        ("BTC", 3.1),
        ("USDT", -2500.75),
    ],
    "bybit": [
        ("BTC-PERPETUAL", -490_000.0 / PERPETUAL_MARK, 70_000.0),
        ("BTC_USDT-PERPETUAL", 0.25, 69_500.0),
        ("BTC_USDC-PERPETUAL", -0.75, 70_800.0),
        ("BTC_USDT-27MAR26", -0.5, 71_200.0),
        ("BTC_USDC-27MAR26-80000-P", -12.5),
        ("BTC", 3.1),
        ("USDT", -2500.75),
    ],
}


@pytest.mark.parametrize("venue", list(Venue))
@pytest.mark.parametrize("model", ["prbm", "cross"])
def test_fetched_files_are_margined_as_the_book_by_hand(
    venue: Venue, model: str, tmp_path: Path
) -> None:
    with serving(VENUES[venue].account_answers()) as server:
        env = environment(venue, server.url)
        chain = fetch_chain(venue, ("BTC",), env, patience=AT_ONCE)
        book = fetch_positions(venue, env, patience=AT_ONCE)
    write_fetched(chain, tmp_path / "chain.json")
    write_fetched(book, tmp_path / "book.json")
    market = sw.read_market(tmp_path / "chain.json", prices={"USDC": 1.0, "USDT": 1.0})
    fetched = sw.margin(sw.read_portfolio(tmp_path / "book.json"), market, model)
    by_hand = sw.margin(sw.portfolio(BOOKS[venue]), market, model)
    assert fetched.initial > 0
    for name in ("initial", "maintenance", "equity", "margin_value"):
        told, expected = float(getattr(fetched, name)), float(getattr(by_hand, name))
        assert told == pytest.approx(expected, abs=0.05), name
    assert [row.path for row in fetched.rows] == [row.path for row in by_hand.rows]
    # What a chain tells beside prices is used: without open interest it would be assumed.
    assert not [said for said in fetched.warnings if "open interest" in said]


def test_a_stale_price_keeps_its_time_and_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    """A mark of an hour ago makes two times of the chain, and one says which is meant."""
    path, stale = f"{okx.API}/public/mark-price", okx.option_id(80_000, "put")
    answers = okx.chain_answers()

    def marks(request: Request) -> Reply:
        reply = answers[path](request)
        for row in reply.body["data"]:
            if row["instId"] == stale:
                row["ts"] = f"{AS_OF_MS - 3_600_000}"
        return reply

    with serving({**answers, path: marks}) as server:
        env = environment("okx", server.url)
        chain = fetch_chain(Venue.OKX, ("BTC",), env, patience=AT_ONCE)
    write_fetched(chain, tmp_path / "chain.json")
    with pytest.raises(AmbiguousSnapshot, match="2 snapshots"):
        sw.read_market(tmp_path / "chain.json")
    market = sw.read_market(tmp_path / "chain.json", at=AS_OF + timedelta(seconds=30))
    book = sw.portfolio([("BTC-27MAR26-80000-P", -12.5), ("USDC", 500_000.0)])
    said = " ".join(sw.margin(book, market).warnings)
    assert "BTC-27MAR26-80000-P" in said
