"""Nothing of a book is left out without a word: what is malformed is one error that names it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from seawall.basics.errors import BadNumber, UnreadableFile, UnrecognisedFile
from seawall.feeds.books import read_portfolio, read_portfolios
from seawall.feeds.market import read_market
from tests.formats import dump, fetched, fetched_chain
from tests.positions import deribit_position, held, okx_position, unified_position

SHORT = unified_position("BTC_USDT-PERPETUAL", side="short")
BIG = {"USDC": "1000000"}


# ------------------------------------------------------------------------------ envelopes


@pytest.mark.parametrize("name", ["data", "result", "error", "code", "time", "retExtInfo"])
def test_an_account_may_be_called_like_a_part_of_a_reply(tmp_path, name):
    book = {"maker": {"BTC-PERPETUAL": -500}, name: BIG}
    for content in (book, dict(reversed(book.items()))):
        found = read_portfolios(dump(content, tmp_path / "x.json"))
        assert {p.account: p.positions[0].quantity for p in found} == {
            "maker": Decimal(-500),
            name: Decimal(1_000_000),
        }


def test_an_account_called_error_is_no_refusal(tmp_path):
    [portfolio] = read_portfolios(dump({"error": {"BTC-PERPETUAL": -1}}, tmp_path / "x.json"))
    assert (portfolio.account, portfolio.positions[0].quantity) == ("error", Decimal(-1))


@pytest.mark.parametrize(
    "content",
    [
        {"BTC-PERPETUAL": -1, "data": BIG},
        {"data": BIG, "BTC-PERPETUAL": -1},
        {"simPos": [okx_position("BTC_USDT-PERPETUAL")], "data": [SHORT]},
        {"result": [SHORT], "positions": [SHORT]},
        {"result": [SHORT], "data": [SHORT]},
        {"data": [SHORT], "time": [SHORT]},
        {"data": [SHORT], "error": {"BTC-PERPETUAL": -1}},
        {"code": "0", "msg": "", "data": BIG, "error": {"BTC-PERPETUAL": -1}},
    ],
)
def test_what_stands_beside_a_replys_content_is_not_taken_off_with_it(tmp_path, content):
    with pytest.raises(UnreadableFile, match=r"stands beside '(data|result)'.*x\.json"):
        read_portfolios(dump(content, tmp_path / "x.json"))


@pytest.mark.parametrize(
    "envelope",
    [
        {"jsonrpc": "2.0", "id": 1, "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False},
        {"code": "0", "msg": "", "inTime": "1", "outTime": "2"},
        {"retCode": 0, "retMsg": "OK", "retExtInfo": {}, "time": 1},
        {"error": None},
    ],
)
@pytest.mark.parametrize("key", ["data", "result"])
def test_the_envelopes_of_venues_are_taken_off(tmp_path, envelope, key):
    found = held(dump({**envelope, key: [SHORT]}, tmp_path / "x.json"))
    assert found["BTC_USDT-PERPETUAL"][0] == Decimal("-0.35")


# ------------------------------------------------------------------- lists that are none


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"positions": [SHORT, None]}, "positions is not a list of objects"),
        ({"positions": "x"}, "positions is not a list of objects"),
        ({"positions": {"a": SHORT}}, "positions is not a list of objects"),
        ({"positions": None}, "positions is not a list of objects"),
        ({"balances": [{"USDC": "-100000"}]}, "balances is not an object"),
        ({"balances": None}, "balances is not an object"),
        ({"markets": []}, "markets is not an object"),
        ({"balance": {"USDC": "-100000"}}, "'balance' is no key"),
    ],
)
def test_what_was_fetched_is_read_whole_or_not_at_all(tmp_path, parts, said):
    content = {**fetched(kind="positions", positions=[SHORT], balances=BIG), **parts}
    with pytest.raises(UnreadableFile) as caught:
        read_portfolio(dump(content, tmp_path / "x.json"))
    assert said in caught.value.what
    assert caught.value.where == "x.json"


def test_tickers_that_are_no_map_are_not_left_out(tmp_path):
    path = fetched_chain(tmp_path / "x.json")
    content = json.loads(path.read_text())
    for key in ("options", "tickers"):
        with pytest.raises(UnreadableFile, match=f"{key} is not an object"):
            read_market(dump({**content, key: []}, path))


@pytest.mark.parametrize(
    ("request_of", "said"),
    [
        ({"simAsset": {"ccy": "USDC", "amt": "-100000"}}, "simAsset is not a list of objects"),
        ({"simAsset": "x"}, "simAsset is not a list of objects"),
        ({"simAsset": [None]}, "simAsset is not a list of objects"),
        ({"simPos": {"a": {}}}, "simPos is not a list of objects"),
        ({"simAssets": [{"ccy": "USDC", "amt": "-100000"}]}, "'simAssets' stands beside"),
    ],
)
def test_a_request_to_the_position_builder_is_read_whole_or_not_at_all(tmp_path, request_of, said):
    content = {"simPos": [okx_position("BTC_USDT-PERPETUAL")], **request_of}
    with pytest.raises(UnreadableFile) as caught:
        read_portfolio(dump(content, tmp_path / "x.json"))
    assert said in caught.value.what


# -------------------------------------------------------------------------- OKX's rows


@pytest.mark.parametrize("row", [{"pos": None}, {"pos": ""}, {"pos": " "}, {"foo": 1}])
def test_a_row_without_a_count_is_named(tmp_path, row):
    whole = okx_position("BTC_USDT-PERPETUAL")
    bad = {"instId": whole["instId"], **row}
    for content, part in (([whole, bad], "row"), ({"simPos": [whole, bad]}, "simPos")):
        with pytest.raises(BadNumber) as caught:
            read_portfolio(dump(content, tmp_path / "x.json"))
        assert caught.value.where == f"x.json {part} 2"


@pytest.mark.parametrize("side", ["sell", "shorts", True, ["short"], 0, " "])
def test_a_side_that_is_none_is_not_net(tmp_path, side):
    row = okx_position("BTC_USDT-PERPETUAL", posSide=side)
    with pytest.raises(BadNumber, match="with posSide"):
        read_portfolio(dump([row], tmp_path / "x.json"))


@pytest.mark.parametrize(
    ("side", "sign"),
    [("SHORT", -1), ("Short ", -1), ("LONG", 1), ("Net", 1), ("", 1), (None, 1)],
)
def test_a_side_counts_in_any_case(tmp_path, side, sign):
    row = okx_position("BTC_USDT-PERPETUAL", posSide=side)
    found = held(dump([row], tmp_path / "x.json"))["BTC_USDT-PERPETUAL"][0]
    assert found == sign * Decimal("0.35")


def test_a_list_with_anything_but_objects_is_no_book(tmp_path):
    with pytest.raises(UnrecognisedFile):
        read_portfolio(dump([SHORT, None], tmp_path / "x.json"))


# --------------------------------------------------------- ccxt's rows and the venues' in them


def unified(symbol, **other):
    return {"symbol": symbol, "contracts": 10, "side": "short", "contractSize": 1, **other}


@pytest.mark.parametrize(
    ("row", "name", "quantity"),
    [
        (unified("ETH/USDT:USDT", info={"instId": "ETH-USDT"}), "ETH_USDT-PERPETUAL", "-10"),
        (unified("ETH/USDT:USDT", info={"instId": "ETHUSDT"}), "ETH_USDT-PERPETUAL", "-10"),
        (unified("ETH/USDT:USDT", contractSize=0.1, info={"instId": "ETH-USDT-SWAP"}),
         "ETH_USDT-PERPETUAL", "-1"),
        (unified("ETH/USDT:USDT", contractSize=None, info={"instId": "ETH-USDT-SWAP"}),
         "ETH_USDT-PERPETUAL", "-1"),
        (unified("ETH/USDT:USDT", contractSize=0.01, info={"positionIdx": 0, "symbol": "ETH-X"}),
         "ETH_USDT-PERPETUAL", "-0.1"),
    ],
)  # fmt: skip
def test_a_row_is_okxs_or_bybits_only_with_a_name_of_theirs(tmp_path, row, name, quantity):
    assert held(dump([row], tmp_path / "x.json")) == {name: (Decimal(quantity), None)}


OF_DERIBIT = {"symbol": "BTC/USD:BTC", "contracts": 141_000, "side": "short"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (unified("ETH/USDT:USDT", info={"instId": "ETH-USDT-SWAP"}), "contractSize 1"),
        (unified("ETH/USDT:USDT", info={"instId": "BTC-USDT-SWAP"}), "instId BTC-USDT-SWAP"),
        (unified("ETH/USDT:USDT", info={"positionIdx": 0, "symbol": "BTCUSDT"}), "symbol BTCUSDT"),
        (
            unified(
                "ETH/USDT:USDT", contractSize=0.1, info={"positionIdx": 0, "symbol": "ETHUSDT"}
            ),
            "contractSize 0.1",
        ),
        (
            unified("ETH/USDT:USDT", contracts=0, info={"instId": "ETH-USDT-SWAP", "pos": "-10"}),
            "contracts 0 and pos -10",
        ),
        ({**OF_DERIBIT, "symbol": "ETH/USD:ETH"}, "instrument_name BTC-PERPETUAL"),
        ({**OF_DERIBIT, "side": "long"}, "side long and direction sell"),
        ({**OF_DERIBIT, "contracts": 0}, "contracts 0 and size"),
    ],
)
def test_a_row_that_the_venues_own_contradicts_is_not_believed(tmp_path, row, said):
    row = {"info": deribit_position("BTC-PERPETUAL"), **row}
    with pytest.raises(BadNumber) as caught:
        read_portfolio(dump([row], tmp_path / "x.json"))
    assert said in caught.value.what
    assert caught.value.where == "x.json row 1"


@pytest.mark.parametrize(
    "other",
    [{"size": 0}, {"size_currency": 0}, {"direction": "buy", "size_currency": 0.35, "size": -1}],
)
def test_value_and_coins_of_a_linear_future_tell_the_same(tmp_path, other):
    row = deribit_position("BTC_USDT-PERPETUAL", **other)
    with pytest.raises(BadNumber, match="is no position"):
        read_portfolio(dump([row], tmp_path / "x.json"))


def test_a_flat_future_needs_no_coins(tmp_path):
    flat = deribit_position("BTC_USDT-PERPETUAL", size=0, direction="zero", size_currency=None)
    found = held(dump([deribit_position("BTC-PERPETUAL"), flat], tmp_path / "x.json"))
    assert list(found) == ["BTC-PERPETUAL"]
