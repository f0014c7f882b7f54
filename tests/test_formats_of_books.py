"""Books as venues and programs write them: the same positions make the same portfolio."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    DuplicatePosition,
    EmptyPortfolio,
    InputError,
    MissingQuote,
    SeawallError,
    UnknownInstrument,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.feeds.books import read_portfolio, read_portfolios
from tests.formats import csv_listing, dump, fetched
from tests.positions import (
    COINS,
    DERIVATIVES,
    EXPECTED,
    ccxt_of_deribit,
    ccxt_positions,
    csv_book,
    deribit,
    deribit_position,
    excel_book,
    fetched_positions,
    gzipped_csv,
    held,
    json_book,
    number_map,
    okx_account,
    okx_position,
    sim_pos,
    unified_position,
)


@pytest.mark.parametrize("written", [csv_book, gzipped_csv, excel_book, json_book])
def test_rows_are_the_same_book_in_every_file(tmp_path, written):
    assert held(written(tmp_path / "data")) == EXPECTED


def test_a_map_is_the_same_book_without_entry_prices(tmp_path):
    found = held(number_map(tmp_path / "data"))
    assert found == {name: (size, None) for name, (size, _) in EXPECTED.items()}


@pytest.mark.parametrize("written", [deribit, ccxt_positions, ccxt_of_deribit, okx_account])
def test_positions_of_venues_are_the_same_book_without_its_cash(tmp_path, written):
    assert held(written(tmp_path / "data")) == DERIVATIVES


def test_what_was_fetched_is_the_same_book_with_its_cash(tmp_path):
    assert held(fetched_positions(tmp_path / "data")) == EXPECTED


def test_simulated_positions_are_the_same_book_at_the_markets_marks(tmp_path):
    market = sw.read_market(csv_listing(tmp_path / "chain.csv"))
    assert held(sim_pos(tmp_path / "data"), market=market) == EXPECTED


# ----------------------------------------------------------------------------- sizes in USD


def test_a_size_in_usd_without_a_mark_is_never_guessed(tmp_path):
    with pytest.raises(MissingQuote) as caught:
        read_portfolio(sim_pos(tmp_path / "x.json"))
    assert "BTC-PERPETUAL is given in USD" in caught.value.what
    assert caught.value.where == "x.json simPos 1"
    assert "market=" in caught.value.remedy


def test_the_markets_mark_counts_before_the_messages(tmp_path):
    """The USD are fixed and the coins follow the mark, so an old message has the wrong coins."""
    old = deribit_position("BTC-PERPETUAL", mark_price=100_000.0)
    path = dump([old], tmp_path / "x.json")
    market = sw.read_market(csv_listing(tmp_path / "chain.csv"))
    assert held(path)["BTC-PERPETUAL"][0] == Decimal("-1.41")
    assert held(path, market=market)["BTC-PERPETUAL"][0] == COINS["BTC-PERPETUAL"]


def test_a_market_without_the_contract_leaves_the_messages_mark(tmp_path):
    market = sw.read_market(csv_listing(tmp_path / "chain.csv"))
    row = deribit_position("BTC-PERPETUAL", instrument_name="ETH-PERPETUAL", mark_price=2000)
    path = dump([row], tmp_path / "x.json")
    assert held(path, market=market)["ETH-PERPETUAL"][0] == Decimal("-70.5")
    path = dump({"simPos": [{"instId": "ETH-USD-SWAP", "pos": "1"}]}, tmp_path / "y.json")
    with pytest.raises(MissingQuote, match="ETH"):
        held(path, market=market)


def test_inverse_options_are_in_coins_and_not_in_usd(tmp_path):
    path = dump([unified_position("BTC-27MAR26-60000-P", markPrice=None)], tmp_path / "x.json")
    assert held(path) == {"BTC-27MAR26-60000-P": (Decimal(4), None)}


# ---------------------------------------------------------------------------------- Deribit


def test_profit_that_deribit_has_paid_is_not_counted_again(tmp_path):
    """Its own published example: 40 USD bought at 112585.87, settled at 109351.31 since."""
    row = {
        "instrument_name": "BTC-PERPETUAL",
        "kind": "future",
        "direction": "buy",
        "size": "40.0",
        "size_currency": "3.66076e-4",
        "average_price": "112585.87",
        "mark_price": "109266.97",
        "settlement_price": "109351.31",
        "floating_profit_loss": "-2.82e-7",
        "total_profit_loss": "-1.0792e-5",
    }
    entry = held(dump([row], tmp_path / "x.json"))["BTC-PERPETUAL"][1]
    assert entry is not None
    assert abs(entry - Decimal("109351.31")) < 4  # the profit is told to three digits


def test_profit_of_a_linear_future_that_is_not_yet_paid_tells_its_entry(tmp_path):
    row = deribit_position(
        "BTC_USDT-PERPETUAL", floating_profit_loss=-35, total_profit_loss=17.5, mark_price=70_450
    )
    assert held(dump([row], tmp_path / "x.json"))["BTC_USDT-PERPETUAL"][1] == Decimal(70_550)


def test_a_profit_that_no_price_explains_is_an_error(tmp_path):
    row = deribit_position("BTC-PERPETUAL", floating_profit_loss=9.0, total_profit_loss=0)
    with pytest.raises(BadNumber, match="floating_profit_loss"):
        read_portfolio(dump([row], tmp_path / "x.json"))


def test_the_size_of_a_linear_future_is_a_value_and_its_coins_stand_beside(tmp_path):
    row = deribit_position("BTC_USDT-PERPETUAL", size=24_657.5, size_currency=0.35)
    assert held(dump([row], tmp_path / "x.json"))["BTC_USDT-PERPETUAL"][0] == Decimal("0.35")
    del row["size_currency"]
    with pytest.raises(BadNumber, match="size_currency None"):
        read_portfolio(dump([row], tmp_path / "x.json"))


@pytest.mark.parametrize(
    ("size", "direction", "sign"),
    [(-141000, "sell", -1), (141000, "sell", -1), (141000, "buy", 1), ("-1.41e5", "sell", -1)],
)
def test_the_direction_gives_the_sign(tmp_path, size, direction, sign):
    row = deribit_position("BTC-PERPETUAL", size=size, direction=direction)
    found = held(dump([row], tmp_path / "x.json"))["BTC-PERPETUAL"][0]
    assert found == sign * abs(COINS["BTC-PERPETUAL"])


@pytest.mark.parametrize(
    ("size", "direction"), [(-141000, "buy"), (1, "zero"), (1, None), (None, "buy"), (True, "buy")]
)
def test_a_size_that_contradicts_its_direction_is_an_error(tmp_path, size, direction):
    row = deribit_position("BTC-PERPETUAL", size=size, direction=direction)
    with pytest.raises(BadNumber) as caught:
        read_portfolio(dump([row], tmp_path / "x.json"))
    assert caught.value.where == "x.json row 1"


# -------------------------------------------------------------------------------- contracts


def test_sizes_that_ccxt_tells_wrongly_are_taken_from_the_venue(tmp_path):
    """OKX's options leave out the multiplier, Bybit's inverse contracts tell the least order."""
    info: dict[str, object] = {"instId": "BTC-USD-260327-60000-P", "pos": "400"}
    option = unified_position("BTC-27MAR26-60000-P", contracts=400, contractSize=1, info=info)
    info = {"positionIdx": 0, "symbol": "BTCUSD", "size": "141000"}
    inverse = unified_position("BTC-PERPETUAL", contracts=141_000, contractSize=5, info=info)
    found = held(dump([option, inverse], tmp_path / "x.json"))
    assert found["BTC-27MAR26-60000-P"][0] == 4
    assert found["BTC-PERPETUAL"][0] == COINS["BTC-PERPETUAL"]


def test_bybits_session_price_is_the_entry_of_what_it_settles_by_session(tmp_path):
    row = unified_position("BTC_USDT-PERPETUAL", info={"sessionAvgPrice": "70300"})
    assert held(dump([row], tmp_path / "x.json"))["BTC_USDT-PERPETUAL"][1] == 70_300


def test_a_contract_of_unknown_size_is_an_error(tmp_path):
    row = unified_position("BTC_USDT-PERPETUAL", contractSize=None)
    with pytest.raises(InputError, match=r"not told \(x\.json row 1\).*contractSize"):
        read_portfolio(dump([row], tmp_path / "x.json"))
    path = dump({"simPos": [{"instId": "PEPE-USDT-SWAP", "pos": "1"}]}, tmp_path / "y.json")
    with pytest.raises(InputError, match=r"not known \(y\.json simPos 1\)"):
        read_portfolio(path)
    told = {"instId": "PEPE-USDT-SWAP", "pos": "3", "ctVal": "1e7", "ctMult": "1"}
    path = dump({"simPos": [told]}, tmp_path / "y.json")
    assert held(path) == {"PEPE_USDT-PERPETUAL": (Decimal(30_000_000), None)}


@pytest.mark.parametrize(
    ("contracts", "side"), [(-5, "long"), (5, None), (5, "buy"), (None, "long"), (False, "long")]
)
def test_contracts_without_a_side_are_an_error(tmp_path, contracts, side):
    row = unified_position("BTC_USDT-PERPETUAL", contracts=contracts, side=side)
    with pytest.raises(BadNumber) as caught:
        read_portfolio(dump([row], tmp_path / "x.json"))
    assert caught.value.where == "x.json row 1"


def test_a_book_may_count_contracts_of_a_venue(tmp_path):
    path = tmp_path / "book.csv"
    path.write_text(
        "instrument,contracts,venue,quantity,entry_price\n"
        "okx:BTC-USDT-SWAP,35,okx,,70400\n"
        "BTC/USD:BTC-260327-60000-P,400,OKX,,\n"
        "USDC,,,5,\n"
        "BTC-PERPETUAL,-1410,okx,,\n"
    )
    market = sw.read_market(csv_listing(tmp_path / "chain.csv"))
    assert held(path, market=market) == {
        "BTC_USDT-PERPETUAL": (Decimal("0.35"), Decimal(70_400)),
        "BTC-27MAR26-60000-P": (Decimal(4), None),
        "USDC": (Decimal(5), None),
        "BTC-PERPETUAL": (COINS["BTC-PERPETUAL"], None),
    }
    with pytest.raises(MissingQuote, match=r"book\.csv row 5"):
        read_portfolio(path)


@pytest.mark.parametrize(
    ("row", "error", "said"),
    [
        ("BTC-PERPETUAL,5,okx,1", UnreadableFile, "both a quantity and contracts"),
        ("okx:BTC-USD-SWAP,-910,bybit,", UnreadableFile, "is a name of okx"),
        ("BTC-USD-SWAP,-910,bybit,", UnreadableFile, "is a name of okx"),
        ("deribit:BTC-PERPETUAL,-910,okx,", UnreadableFile, "is a name of deribit"),
        ("bybit:BTCUSD,-910,,", UnreadableFile, "is a name of bybit"),
        ("BTC-PERPETUAL,,okx,-910", UnreadableFile, "a venue and no contracts"),
        ("BTC-PERPETUAL,5,nowhere,", InputError, "'nowhere' is no venue"),
        ("PEPE_USDT-PERPETUAL,5,okx,", InputError, "is not known"),
        ("BTC,5,okx,", UnknownInstrument, "held outright"),
        ("BTC-PERPETUAL,x,okx,", BadNumber, "contracts of BTC-PERPETUAL is 'x'"),
        ("BTC-PERPETUAL,1e999999,okx,", BadNumber, "larger than anything held"),
    ],
)
def test_a_bad_count_of_contracts_is_named(tmp_path, row, error, said):
    path = tmp_path / "book.csv"
    path.write_text(f"instrument,contracts,venue,quantity\n{row}\n")
    with pytest.raises(error) as caught:
        read_portfolio(path)
    assert said in caught.value.what
    assert caught.value.where == "book.csv row 2"


def test_a_request_that_adds_real_positions_says_that_they_are_not_in_it(tmp_path):
    request = {"simPos": [okx_position("BTC_USDT-PERPETUAL")], "inclRealPosAndEq": True}
    [warning] = read_portfolio(dump(request, tmp_path / "x.json")).warnings
    assert "real positions too, which are not in it" in warning


# ------------------------------------------------------------------------------------- maps


def test_a_map_of_maps_has_accounts(tmp_path):
    path = dump({"maker": {"BTC-PERPETUAL": -1.0}, "fund": {"USDC": 5, "BTC": 0}}, tmp_path / "x")
    assert [(p.account, len(p.positions)) for p in read_portfolios(path)] == [
        ("maker", 1),
        ("fund", 1),
    ]


def test_json_rows_have_accounts(tmp_path):
    rows = [
        {"account": "a", "instrument": "BTC", "quantity": 1},
        {"account": "b", "instrument": "BTC", "quantity": "-2"},
    ]
    found = read_portfolios(dump(rows, tmp_path / "x.json"))
    assert [(p.account, p.positions[0].quantity) for p in found] == [("a", 1), ("b", -2)]


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        ({"BTC-PERPETUAL": 1, "deribit:BTC-PERPETUAL": 2}, DuplicatePosition, "appears twice"),
        ({"BTC": 1, "ETH": True}, BadNumber, "ETH is 'true'"),
        ({"BTC": 1, "ETH": None}, BadNumber, "ETH has no quantity"),
        ({"BTC": 1, "ETH": "1,000"}, BadNumber, "ETH is '1,000'"),
        ({"BTC": 1, "ETH": "NaN"}, BadNumber, "ETH is 'NaN'"),
        ({"BTC": 1, "ETH-NEVER": 2}, UnknownInstrument, "ETH-NEVER"),
        ({"": {"BTC": 1}}, UnreadableFile, "'' is not the name of an account"),
        ({"a": {"BTC": 1}, "b": 2}, UnrecognisedFile, "no kind that can be read"),
        ({"BTC": 0}, EmptyPortfolio, "no position"),
        ([], EmptyPortfolio, "no position"),
        ({"jsonrpc": "2.0", "result": []}, EmptyPortfolio, "no position"),
        ([{"instrument": "BTC", "amount": 1}], UnrecognisedFile, "lacks quantity"),
        ([{"instrument": "BTC", "quantity": 1, "x": 1}], UnrecognisedFile, "unknown 'x'"),
        ([{"instrument": "BTC", "quantity": [1]}], BadNumber, "quantity is ['1']"),
        ([{"instrument": "BTC", "quantity": True}], BadNumber, "quantity is true"),
        (fetched(kind="positions", balances={"BTC-PERPETUAL": "1"}), BadNumber, "no balance"),
        ({"simPos": [], "simAsset": [{"ccy": "BTC"}]}, BadNumber, "amt None of BTC"),
        ({"simPos": [{"instId": "BTC-USDT", "pos": "1"}]}, UnknownInstrument, "spot pair"),
        ({"simPos": ["BTC"]}, UnreadableFile, "simPos is not a list of objects"),
        ([deribit_position("BTC-PERPETUAL", mark_price=-1)], BadNumber, "mark_price -1 is no"),
    ],
)
def test_what_is_no_book_says_why(tmp_path, content, error, said):
    with pytest.raises(error) as caught:
        read_portfolios(dump(content, tmp_path / "x.json"))
    assert said in str(caught.value)
    assert "x.json" in caught.value.where
    assert caught.value.remedy
    assert len(str(caught.value).splitlines()) == 1


def test_a_key_that_stands_twice_would_lose_a_position(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"BTC-PERPETUAL": 1, "BTC-PERPETUAL": 2}')
    with pytest.raises(UnreadableFile, match="'BTC-PERPETUAL' stands twice"):
        read_portfolio(path)


def test_margin_fields_of_a_message_change_nothing(tmp_path):
    plain = held(dump([deribit_position("BTC-PERPETUAL")], tmp_path / "x.json"))
    row = deribit_position("BTC-PERPETUAL", initial_margin="x", maintenance_margin=-1e99)
    assert held(dump([row], tmp_path / "y.json")) == plain


def said(path: Path) -> str:
    """The refusal of a book, empty where it is read."""
    try:
        read_portfolios(path)
    except SeawallError as error:
        return str(error)
    return ""


def test_every_message_survives_having_any_value_replaced(tmp_path):
    """Only the project's own errors come out, one line each."""
    odd = (None, True, [], {}, "", "x", -1, 0, 1e300, "1e999999999", "9" * 70, [[]], {"a": {}})
    written = (deribit, ccxt_positions, fetched_positions, sim_pos, okx_account, json_book)
    for write in written:
        content = json.loads(write(tmp_path / "data").read_text())
        rows = content
        for key in ("result", "data", "positions", "simPos"):
            rows = rows[key] if isinstance(rows, dict) and key in rows else rows
        for key in list(rows[0]):
            before = rows[0][key]
            for value in odd:
                rows[0][key] = value
                assert len(said(dump(content, tmp_path / "odd.json")).splitlines()) < 2
            rows[0][key] = before
