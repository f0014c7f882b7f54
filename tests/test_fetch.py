"""What venues answer, in one form: the same market and account, told by three of them."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from seawall.basics.errors import EmptyPortfolio, InputError, UnknownInstrument, VenueError
from seawall.feeds.fetch import fetch_chain, fetch_positions
from seawall.feeds.fetched import Fetched
from seawall.feeds.venues import Part, Venue
from tests.tables import FORWARD, INDEX, smile
from tests.venues import bybit, deribit, okx
from tests.venues.account import AT_ONCE, KEY, PASSPHRASE, SECRET, VENUES, account_of, environment
from tests.venues.fixtures import at_once  # noqa: F401
from tests.venues.market import (
    AS_OF_MS,
    EXPIRY_MS,
    FUTURE_MARK,
    OPTIONS,
    PERPETUAL_MARK,
    coin_price,
    usd_price,
)
from tests.venues.server import Reply, Request, Server, serving

pytestmark = pytest.mark.usefixtures("at_once")
ALL = pytest.mark.parametrize("venue", list(Venue))

# How each venue's option chains settle, in ccxt's symbols.
CHAINS = {
    "deribit": ("BTC/USD:BTC", "BTC/USDC:USDC"),
    "okx": ("BTC/USD:BTC",),
    "bybit": ("BTC/USD:USDC", "BTC/USDT:USDT"),
}


def chain_of(venue: Venue, *coins: str) -> tuple[Fetched, Server]:
    with serving(VENUES[venue].chain_answers()) as server:
        env = {f"SEAWALL_{venue.upper()}_URL": server.url}
        return fetch_chain(venue, coins or ("BTC",), env, patience=AT_ONCE), server


# ---- chains


@ALL
def test_every_option_has_its_mark_volatility_forward_and_index(venue: Venue) -> None:
    fetched, _ = chain_of(venue)
    assert (fetched.kind, fetched.venue, fetched.source) == (Part.CHAIN, venue, "ccxt")
    assert len(fetched.options) == len(CHAINS[venue]) * len(OPTIONS)
    for pair in CHAINS[venue]:
        for strike, right in OPTIONS:
            row = fetched.options[f"{pair}-260327-{strike:.0f}-{right[0].upper()}"]
            inverse = pair.endswith("USD:BTC")
            mark = coin_price(strike, right) if inverse else usd_price(strike, right)
            assert float(row["markPrice"]) == pytest.approx(mark, rel=1e-5, abs=1e-8)
            assert float(row["impliedVolatility"]) == pytest.approx(smile(strike), abs=1e-6)
            assert float(row["underlyingPrice"]) == FORWARD
            assert float(row["indexPrice"]) == INDEX
            assert float(row["askPrice"]) == pytest.approx(1.02 * mark, rel=0.02, abs=1e-4)
            assert not float(row["bidPrice"] or 0)
            assert row["timestamp"] == AS_OF_MS


@ALL
def test_every_option_has_its_contract(venue: Venue) -> None:
    fetched, _ = chain_of(venue)
    for pair in CHAINS[venue]:
        for strike, right in OPTIONS:
            market = fetched.markets[f"{pair}-260327-{strike:.0f}-{right[0].upper()}"]
            assert (market["type"], market["optionType"]) == ("option", right)
            assert float(market["strike"]) == strike
            assert market["expiry"] == EXPIRY_MS
            assert market["inverse"] is pair.endswith("USD:BTC")
            assert market["linear"] is not market["inverse"]
            assert market["settle"] == pair.partition(":")[2]
            # OKX counts contracts of a hundredth of a coin, which ccxt gives as a whole one.
            assert Decimal(market["contractSize"]) == (Decimal("0.01") if venue == "okx" else 1)


@pytest.mark.parametrize(
    ("venue", "symbol", "size_usd", "open_interest"),
    [
        ("deribit", "BTC/USD:BTC", 10, 987_654_320.0 / PERPETUAL_MARK),
        ("okx", "BTC/USD:BTC", 100, 15.0),
        ("bybit", "BTC/USD:BTC", 1, 5300.5),
    ],
)
def test_inverse_perpetual_has_a_size_in_usd_and_open_interest_in_coins(
    venue: str, symbol: str, size_usd: int, open_interest: float
) -> None:
    fetched, _ = chain_of(Venue(venue))
    row, market = fetched.tickers[symbol], fetched.markets[symbol]
    assert (float(row["markPrice"]), float(row["indexPrice"])) == (PERPETUAL_MARK, INDEX)
    assert float(row["bid"]) < PERPETUAL_MARK < float(row["ask"])
    assert (market["type"], market["expiry"]) == ("swap", None)
    assert Decimal(market["contractSize"]) == size_usd
    assert float(row["openInterest"]) == pytest.approx(open_interest, rel=1e-12)


@pytest.mark.parametrize(
    ("venue", "symbol", "open_interest"),
    [
        ("deribit", "BTC/USDC:USDC", "321.5"),
        ("okx", "BTC/USDT:USDT", "15"),
        ("bybit", "BTC/USDT:USDT", "52345.678"),
    ],
)
def test_linear_perpetual_is_counted_in_coins(venue: str, symbol: str, open_interest: str) -> None:
    fetched, _ = chain_of(Venue(venue))
    assert fetched.tickers[symbol]["openInterest"] == open_interest


@ALL
def test_open_interest_of_options_is_in_coins(venue: Venue) -> None:
    fetched, _ = chain_of(venue)
    told = {row["openInterest"] for row in fetched.options.values()}
    # 1,500 contracts of a hundredth of a coin.
    assert told == {{"deribit": "364.1", "okx": "15", "bybit": "15.25"}[venue]}


@ALL
def test_funding_is_told_for_eight_hours(venue: Venue) -> None:
    """OKX and Bybit tell the rate of four hours."""
    fetched, _ = chain_of(venue)
    eight = {"deribit": deribit.FUNDING_8H, "okx": okx.FUNDING_4H, "bybit": bybit.FUNDING_4H}
    expected = Decimal(str(eight[venue])) * (1 if venue == "deribit" else 2)
    assert Decimal(fetched.tickers["BTC/USD:BTC"]["fundingRate8h"]) == expected
    [dated] = [s for s in fetched.tickers if s.startswith("BTC/USD:BTC-")]
    assert float(fetched.tickers[dated]["markPrice"]) == FUTURE_MARK
    assert fetched.tickers[dated]["fundingRate8h"] is None


@ALL
def test_only_contracts_on_the_coins_asked_for_are_kept(venue: Venue) -> None:
    fetched, _ = chain_of(venue)
    assert fetched.coins() == ["BTC"]
    both, _ = chain_of(venue, "btc", " ETH ", "BTC")
    assert both.markets.keys() >= fetched.markets.keys()
    assert set(both.coins()) <= {"BTC", "ETH"}
    # A combination, a spot pair and a contract settled in a basket of coins are none of ours.
    assert all(market["linear"] or market["inverse"] for market in both.markets.values())
    assert not [m for m in both.markets.values() if "_UM" in m["id"] or "FS" in m["id"]]


@ALL
def test_every_symbol_has_a_market_and_every_market_a_row(venue: Venue) -> None:
    fetched, _ = chain_of(venue)
    assert fetched.markets.keys() == {*fetched.options, *fetched.tickers}


@ALL
def test_a_chain_takes_no_keys_along(venue: Venue) -> None:
    with serving(VENUES[venue].chain_answers()) as server:
        fetch_chain(venue, ("BTC",), environment(venue, server.url), patience=AT_ONCE)
    assert server.requests
    for request in server.requests:
        assert request.method == "GET"
        for secret in (KEY, SECRET, PASSPHRASE):
            assert secret not in request.everything


@ALL
def test_unknown_coin_names_its_nearest(venue: Venue) -> None:
    with pytest.raises(UnknownInstrument, match=rf"{venue} lists no .*'BCT'.*Did you mean BTC\?"):
        chain_of(venue, "BCT")


def test_chain_without_coins_is_refused() -> None:
    with pytest.raises(InputError, match="no coin"):
        fetch_chain(Venue.DERIBIT, (" ",), {})


@ALL
def test_ages_and_counts_are_of_the_rows(venue: Venue) -> None:
    fetched, _ = chain_of(venue)
    assert fetched.expiries() == 1
    age = fetched.oldest_price_s()
    assert age == pytest.approx(max(0.0, fetched.fetched_at.timestamp() - AS_OF_MS / 1000.0))


def test_numbers_keep_their_digits() -> None:
    """Text from the wire to the file: a float between them would change the last digits."""
    long = "0.123456789012345678901234"

    answers = {**okx.chain_answers(), f"{okx.API}/market/tickers": _with_bid(long)}
    with serving(answers) as server:
        env = {"SEAWALL_OKX_URL": server.url}
        fetched = fetch_chain(Venue.OKX, ("BTC",), env, patience=AT_ONCE)
    assert {row["bidPrice"] for row in fetched.options.values()} == {long}


def _with_bid(bid: str):
    def answer(request: Request) -> Reply:
        body = okx.chain_answers()[f"{okx.API}/market/tickers"](request).body
        return Reply({**body, "data": [{**row, "bidPx": bid} for row in body["data"]]})

    return answer


# ---- positions


def quantity(fetched: Fetched, symbol: str, mark: float) -> float:
    """Coins, + long, as docs/fetch.md says: contracts times size, over the mark if in USD."""
    [row] = [row for row in fetched.positions if row["symbol"] == symbol]
    size = Decimal(row["contracts"]) * Decimal(row["contractSize"])
    assert size > 0
    coins = float(size) / mark if fetched.markets[symbol]["inverse"] else float(size)
    return coins if row["side"] == "long" else -coins


@pytest.mark.parametrize(
    ("venue", "symbol", "coins"),
    [
        ("deribit", "BTC/USD:BTC", 70_000.0 / PERPETUAL_MARK),
        ("deribit", "BTC/USDC:USDC", -0.5),
        ("okx", "BTC/USD:BTC", -490_000.0 / PERPETUAL_MARK),
        ("okx", "BTC/USDT:USDT", 0.25),
        ("bybit", "BTC/USD:BTC", -490_000.0 / PERPETUAL_MARK),
        ("bybit", "BTC/USDT:USDT", 0.25),
        ("bybit", "BTC/USDC:USDC", -0.75),
        ("bybit", "BTC/USDT:USDT-260327", -0.5),
    ],
)
def test_sizes_of_futures(venue: str, symbol: str, coins: float) -> None:
    fetched, _ = account_of(Venue(venue))
    assert quantity(fetched, symbol, PERPETUAL_MARK) == pytest.approx(coins, rel=1e-12)


@ALL
def test_sizes_of_options_are_coins(venue: Venue) -> None:
    fetched, _ = account_of(venue)
    [symbol] = [s for s in fetched.markets if s.endswith("-80000-P")]
    [row] = [row for row in fetched.positions if row["symbol"] == symbol]
    assert row["side"] == "short"
    assert Decimal(row["contracts"]) * Decimal(row["contractSize"]) == Decimal("12.5")
    assert row["entryPrice"] is None


@ALL
def test_what_is_closed_is_left_out(venue: Venue) -> None:
    fetched, _ = account_of(venue)
    assert len(fetched.positions) == len(fetched.markets) == (5 if venue == "bybit" else 3)


def test_entry_price_on_deribit_is_that_of_the_profit_not_settled_yet() -> None:
    """The trades' average is 20,000: its profit has long been paid out, every morning."""
    fetched, _ = account_of(Venue.DERIBIT)
    entries = {row["symbol"]: row["entryPrice"] for row in fetched.positions}
    assert float(entries["BTC/USD:BTC"]) == pytest.approx(70_000.0, rel=1e-9)
    # Sold at 71,020: half a coin has won 255 USDC at a mark of 70,510.
    assert float(entries["BTC/USDC:USDC"]) == pytest.approx(71_020.0, rel=1e-12)


def test_entry_price_elsewhere_is_the_average_or_that_of_the_session() -> None:
    on_okx, on_bybit = account_of(Venue.OKX)[0], account_of(Venue.BYBIT)[0]
    entries = {row["symbol"]: row["entryPrice"] for row in on_okx.positions}
    assert (entries["BTC/USD:BTC"], entries["BTC/USDT:USDT"]) == ("70000", "69500")
    entries = {row["symbol"]: row["entryPrice"] for row in on_bybit.positions}
    assert (entries["BTC/USDT:USDT"], entries["BTC/USDC:USDC"]) == ("69500", "70800")


@pytest.mark.parametrize(
    ("venue", "balances"),
    [
        ("deribit", {"BTC": 3.1, "USDC": 125_000.0}),
        ("okx", {"BTC": 3.1, "USDT": -2500.75}),
        ("bybit", {"BTC": 3.1, "USDT": -2500.75}),
    ],
)
def test_balances_are_cash_less_debts(venue: str, balances: dict[str, float]) -> None:
    """Without options and profits, which positions bring along, and with interest that is due."""
    fetched, _ = account_of(Venue(venue))
    assert {asset: float(cash) for asset, cash in fetched.balances.items()} == pytest.approx(
        balances
    )


def test_positions_of_every_page_are_read() -> None:
    many = [{**bybit.positions_row("BTCUSDT", f"{size}"), "positionIdx": 1} for size in range(1, 8)]
    answers = {
        **bybit.account_answers(),
        f"{bybit.API}/position/list": lambda request: bybit.page(
            request, many if request.params.get("settleCoin") == "USDT" else [], size=2
        ),
    }
    with serving(answers) as server:
        env = environment("bybit", server.url)
        fetched = fetch_positions(Venue.BYBIT, env, patience=AT_ONCE)
    assert [row["contracts"] for row in fetched.positions] == [f"{size}" for size in range(1, 8)]


@pytest.mark.parametrize("path", ["position/list", "market/instruments-info"])
def test_pages_without_end_are_refused(path: str) -> None:
    def again(request: Request) -> Reply:
        row = bybit.positions_row("BTCUSDT", "1")
        return Reply(
            {"retCode": 0, "result": {"list": [row], "nextPageCursor": "1"}, "time": AS_OF_MS}
        )

    with serving({**bybit.account_answers(), f"{bybit.API}/{path}": again}) as server:
        with pytest.raises(VenueError, match="form that is not understood"):
            fetch_positions(Venue.BYBIT, environment("bybit", server.url), patience=AT_ONCE)
        assert len(server.requests) <= 300


def test_spot_margin_on_okx_is_refused() -> None:
    """Its coins and debts are in no balance, and leaving out a debt would lower the margin."""
    row = {**okx.positions()[0], "instId": "BTC-USDT", "instType": "MARGIN", "pos": "1"}
    with pytest.raises(VenueError, match=r"'BTC-USDT' in spot margin"):
        _with_positions(Venue.OKX, f"{okx.API}/account/positions", row)


@ALL
def test_position_in_what_is_not_listed_is_refused(venue: Venue) -> None:
    paths = {
        "deribit": (f"{deribit.API}/private/get_positions", deribit.positions()[0]),
        "okx": (f"{okx.API}/account/positions", okx.positions()[0]),
        "bybit": (f"{bybit.API}/position/list", bybit.positions_row("BTCUSDT", "1")),
    }
    names = {"deribit": "BTC-FS-27MAR26_PERP", "okx": "XYZ-USD-SWAP", "bybit": "XYZUSDT"}
    path, row = paths[venue]
    key = {"deribit": "instrument_name", "okx": "instId", "bybit": "symbol"}[venue]
    with pytest.raises(VenueError, match=re.escape(names[venue])):
        _with_positions(venue, path, {**row, key: names[venue]})


def _with_positions(venue: Venue, path: str, row: dict[str, object]) -> Fetched:
    bodies = {
        "deribit": {"result": [row]},
        "okx": {"code": "0", "data": [row]},
        "bybit": {"retCode": 0, "result": {"list": [row], "nextPageCursor": ""}},
    }
    answers = {**VENUES[venue].account_answers(), path: lambda _: Reply(bodies[venue])}
    with serving(answers) as server:
        return fetch_positions(venue, environment(venue, server.url), patience=AT_ONCE)


def test_account_that_holds_nothing_is_an_empty_portfolio() -> None:
    answers = {
        **deribit.account_answers(),
        f"{deribit.API}/private/get_positions": lambda _: Reply({"result": []}),
        f"{deribit.API}/private/get_account_summaries": lambda _: Reply(
            {"result": {"summaries": []}}
        ),
    }
    with serving(answers) as server, pytest.raises(EmptyPortfolio, match="holds nothing"):
        fetch_positions(Venue.DERIBIT, environment("deribit", server.url), patience=AT_ONCE)
