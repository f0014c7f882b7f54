"""Quotes as venues and programs write them: the same numbers make the same market."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import seawall as sw
from seawall.basics.errors import (
    AmbiguousSnapshot,
    MissingQuote,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.feeds import messages
from seawall.feeds.market import read_market, read_quotes
from seawall.market.quotes import FutureQuotes, OptionQuotes
from tests.formats import (
    TARDIS_HEADER,
    chain_and_tickers,
    csv_listing,
    deribit_through_ccxt,
    dump,
    fetched,
    fetched_chain,
    gzipped_summary,
    json_rows,
    micros,
    options,
    summary,
    tardis,
    tardis_and_perpetual,
    tardis_row,
    unified_chain,
    unified_tickers,
    workbook,
)
from tests.tables import AS_OF, FORWARD, INDEX

BOOK = sw.portfolio(
    [
        ("BTC-PERPETUAL", "-3", "70000"),
        ("BTC-27MAR26-80000-C", -10),
        ("BTC-27MAR26-60000-P", 4),
        ("BTC", 1),
        ("USD", 500_000),
    ]
)


@pytest.mark.parametrize(
    "written",
    [
        lambda path: dump(summary(), path),
        lambda path: dump(summary()["result"], path),
        gzipped_summary,
        workbook,
        json_rows,
        tardis_and_perpetual,
        chain_and_tickers,
        deribit_through_ccxt,
        fetched_chain,
    ],
    ids=[
        "Deribit reply",
        "Deribit bare list",
        "Deribit gzipped",
        "Excel",
        "JSON rows",
        "tardis",
        "ccxt",
        "ccxt of Deribit",
        "seawall fetch",
    ],
)
def test_the_same_chain_in_every_format_asks_the_same_margin(tmp_path, written):
    plain = read_market(csv_listing(tmp_path / "chain.csv"))
    # A name that says nothing: the content decides.
    same = read_market(written(tmp_path / "data"))
    expected, found = sw.margin(BOOK, plain), sw.margin(BOOK, same)
    assert found.as_of == expected.as_of
    assert found.initial == expected.initial > 0
    assert found.maintenance == expected.maintenance
    assert found.equity == expected.equity


# ------------------------------------------------------------------------------------- pitfalls


def only(quotes, kind):
    [found] = [table for table in quotes if isinstance(table, kind)]
    return found


def test_deribits_volatilities_are_percent_even_where_they_look_decimal(tmp_path):
    """Of a market so calm that its median is 2 % nobody would guess it."""
    reply = summary()
    for row in reply["result"]:
        if "mark_iv" in row:
            row.update(mark_iv=2.0, mark_price=None, bid_price=None, ask_price=None)
    found = only(read_quotes(dump(reply, tmp_path / "x.json")), OptionQuotes)
    assert set(found.iv) == {0.02}


def test_decimal_volatilities_of_a_storm_are_not_taken_for_percent(tmp_path):
    chain = unified_chain()
    for row in chain.values():
        row["impliedVolatility"] = 4.5
    [found] = read_quotes(dump(chain, tmp_path / "x.json"))
    assert set(found.iv) == {4.5}


def test_open_interest_in_usd_of_an_inverse_future_is_counted_in_coins(tmp_path):
    reply = summary()
    for row in reply["result"]:
        row["open_interest"] = 141_000.0 if row["instrument_name"] == "BTC-PERPETUAL" else 12.5
    found = read_market(dump(reply, tmp_path / "x.json")).liquidity.open_interest
    assert found["BTC-PERPETUAL"] == 141_000.0 / INDEX
    assert found["BTC-27MAR26-80000-C"] == 12.5


def test_open_interest_that_was_fetched_is_in_coins_already(tmp_path):
    tickers = {
        "BTC/USD:BTC": {
            "markPrice": "70510",
            "indexPrice": "70500",
            "openInterest": "2",
            "fundingRate8h": "0.0001",
        }
    }
    path = dump(fetched(kind="chain", tickers=tickers), tmp_path / "x.json")
    liquidity = read_market(path).liquidity
    assert liquidity.open_interest == {"BTC-PERPETUAL": 2.0}
    assert liquidity.funding_per_day == {"BTC-PERPETUAL": pytest.approx(0.0003)}


def test_counts_of_contracts_are_not_open_interest_in_coins(tmp_path):
    tickers = unified_tickers()
    for row in tickers.values():
        row["info"] = {"instId": "BTC-USD-SWAP", "openInterest": "100000"}
    assert not read_market(dump(tickers, tmp_path / "x.json")).liquidity.open_interest


def test_the_index_of_a_book_summary_is_its_estimated_delivery_price(tmp_path):
    found = read_market(dump(summary(), tmp_path / "x.json"))
    assert found.spot_usd("BTC") == INDEX


def test_the_time_of_a_reply_serves_rows_without_one(tmp_path):
    reply = summary()
    for row in reply["result"]:
        row["creation_timestamp"] = None
    reply["result"][0]["creation_timestamp"] = micros(AS_OF) // 1000
    found = read_market(dump(reply, tmp_path / "x.json"))
    assert abs(found.as_of - AS_OF) < timedelta(milliseconds=2)
    assert len(found.option_rows) == len(options())


def test_quotes_of_no_time_need_one(tmp_path):
    chain = unified_chain()
    for row in chain.values():
        row["timestamp"] = None
    path = dump(chain, tmp_path / "x.json")
    with pytest.raises(AmbiguousSnapshot, match=r"of what time.*--at"):
        read_market(path)
    assert read_market(path, at=AS_OF).as_of == AS_OF


def test_rows_of_a_message_are_named_by_their_number(tmp_path):
    reply = summary()
    reply["result"][2]["mark_iv"] = -1
    market = read_market(dump(reply, tmp_path / "x.json"))
    name = reply["result"][2]["instrument_name"]
    assert market.dropped[name] == "x.json row 3 gives mark_iv -0.01"


def test_spot_pairs_among_tickers_are_left_aside(tmp_path):
    found = only(read_quotes(dump(unified_tickers(), tmp_path / "x.json")), FutureQuotes)
    assert [future.name for future in found.instruments] == ["BTC-PERPETUAL", "BTC-27MAR26"]


# --------------------------------------------------------------------------------------- tardis

ROW = options()[9]
NAME = ROW["instrument_name"]


def tardis_quotes(tmp_path: Path, *rows: str, at: datetime | None = None) -> OptionQuotes:
    path = tmp_path / "options_chain.csv"
    path.write_text(tardis(*rows))
    [found] = read_quotes(path, at)
    assert isinstance(found, OptionQuotes)
    return found


def marks(quotes: OptionQuotes) -> dict[str, float]:
    return {o.name: m for o, m in zip(quotes.instruments, quotes.mark.tolist(), strict=True)}


def update(seconds: float, mark: float = 0.01, **other: object) -> str:
    moment = AS_OF + timedelta(seconds=seconds)
    return tardis_row(ROW, moment, mark_price=mark, bid_price="", ask_price="", **other)


def test_a_snapshot_of_updates_is_the_last_of_each_option_at_or_before_the_time(tmp_path):
    rows = [update(0, 0.010), update(60, 0.011), update(120, 0.012), update(3600, 0.013)]
    for seconds, mark in ((0, 0.010), (119, 0.011), (120, 0.012), (300, 0.012), (9e4, 0.013)):
        found = tardis_quotes(tmp_path, *rows, at=AS_OF + timedelta(seconds=seconds))
        assert marks(found) == {NAME: mark}


def test_updates_need_not_stand_in_the_order_of_their_times(tmp_path):
    found = tardis_quotes(tmp_path, update(60, 0.011), update(90, 0.012), update(0, 0.010))
    assert marks(found) == {NAME: 0.012}


def test_an_option_without_an_update_for_five_minutes_is_left_out_with_its_reason(tmp_path):
    other, third = options()[3], options()[4]
    rows = [
        tardis_row(other, AS_OF),
        tardis_row(third, AS_OF + timedelta(seconds=1)),
        tardis_row(ROW, AS_OF + timedelta(seconds=301)),
    ]
    path = tmp_path / "options_chain.csv"
    path.write_text(tardis(*rows))
    market = read_market(path, at=AS_OF + timedelta(hours=1), prices={"BTC": INDEX})
    assert set(market.option_rows) == {NAME, third["instrument_name"]}
    stale = other["instrument_name"]
    assert market.dropped[stale] == "its last update in options_chain.csv is 5.0 minutes old"
    assert any("1 options of options_chain.csv are left out" in w for w in market.warnings)
    with pytest.raises(MissingQuote, match=r"options_chain\.csv is 5\.0 minutes old"):
        sw.margin(sw.portfolio([(stale, 1)]), market)


def test_what_has_expired_before_the_time_is_not_said_to_be_stale(tmp_path):
    gone = {**ROW, "instrument_name": "BTC-6FEB26-70000-C"}
    late = datetime.fromisoformat("2026-02-06T09:00:00+00:00")
    found = tardis_quotes(tmp_path, tardis_row(gone, AS_OF), tardis_row(ROW, late), at=late)
    assert not found.dropped
    assert not found.warnings


def test_updates_of_hours_need_a_time(tmp_path):
    with pytest.raises(AmbiguousSnapshot) as caught:
        tardis_quotes(tmp_path, update(0), update(301))
    assert "from 2026-02-05T16:00:12.345Z to 2026-02-05T16:05:13.345Z" in caught.value.what
    assert "--at 2026-02-05T16:05:13.345Z" in caught.value.remedy
    with pytest.raises(MissingQuote, match=r"The first is of 2026-02-05T16:00:12\.345Z"):
        tardis_quotes(tmp_path, update(0), at=AS_OF - timedelta(seconds=1))


def test_of_updates_of_one_microsecond_the_last_to_arrive_counts(tmp_path):
    arrived = [micros(AS_OF) + n for n in (7, 9, 8)]
    rows = [update(0, 0.01 + n, local_timestamp=arrived[n]) for n in range(3)]
    assert marks(tardis_quotes(tmp_path, *rows)) == {NAME: 1.01}


def test_updates_that_differ_in_nothing_but_their_price_settle_nothing(tmp_path):
    rows = [update(0, 0.01), update(0, 0.02), tardis_row(options()[3], AS_OF)]
    found = tardis_quotes(tmp_path, *rows)
    assert NAME not in marks(found)
    assert found.dropped[NAME] == "options_chain.csv rows 2 and 3 quote it differently at one time"


def test_a_damaged_last_update_does_not_bring_an_older_one_back(tmp_path):
    rows = [update(0, 0.01), update(60, -1.0), tardis_row(options()[3], AS_OF)]
    found = tardis_quotes(tmp_path, *rows)
    assert found.dropped == {NAME: "options_chain.csv row 3 gives mark_price -1"}


@pytest.mark.parametrize(
    ("exchange", "symbol", "name", "iv", "has_forward"),
    [
        ("deribit", "BTC-27MAR26-75000-C", "BTC-27MAR26-75000-C", 0.0055, True),
        ("okex-options", "BTC-USD-260327-75000-C", "BTC-27MAR26-75000-C", 0.55, False),
        ("bybit-options", "BTC-27MAR26-75000-C", "BTC_USDC-27MAR26-75000-C", 0.55, True),
        ("binance-european-options", "BTC-260327-75000-C", "BTC_USDT-27MAR26-75000-C", 0.55, False),
    ],
)
def test_each_exchange_has_its_names_and_units(tmp_path, exchange, symbol, name, iv, has_forward):
    row = update(0, exchange=exchange, symbol=symbol, mark_iv=0.55)
    found = tardis_quotes(tmp_path, row)
    assert [option.name for option in found.instruments] == [name]
    assert found.iv == pytest.approx(iv)
    price = (found.forward if has_forward else found.index).tolist()
    assert price == [FORWARD]
    assert np.isnan(found.index if has_forward else found.forward).all()


@pytest.mark.parametrize("exchange", ["huobi-dm-options", "binance-options", "Deribit"])
def test_an_exchange_that_is_not_known_is_not_read_as_another(tmp_path, exchange):
    """Nor are its rows left out: a position in them would be valued by what is left."""
    rows = [update(0, exchange=exchange), tardis_row(options()[3], AS_OF)]
    with pytest.raises(UnrecognisedFile, match=f"exchange '{exchange}' is none") as caught:
        tardis_quotes(tmp_path, *rows)
    assert "deribit, okex-options, bybit-options" in caught.value.remedy


def test_a_tardis_file_without_times_says_so(tmp_path):
    with pytest.raises(UnrecognisedFile, match="microseconds since 1970"):
        tardis_quotes(tmp_path, update(0, timestamp="yesterday"))


# ---------------------------------------------------------------------------------- recognition


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"instrument_name": "BTC-PERPETUAL", "mark_price": 1}]', "lacks creation_timestamp"),
        ('{"BTC/USD:BTC-260327-80000-C": {"symbol": 1, "bidPrice": 2, "askPrice": 3}}', "ccxt's"),
        ('{"source": "ccxt", "kind": "positions", "options": {}}', "lacks kind 'chain'"),
        ("[]", "it is of no kind that can be read"),
        ("{}", "it is of no kind that can be read"),
        ('["BTC"]', "it is of no kind that can be read"),
    ],
)
def test_json_of_no_known_kind_names_the_nearest_and_what_it_lacks(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UnrecognisedFile) as caught:
        read_market(path)
    assert said in caught.value.what
    assert caught.value.where == "x.json"


def test_a_table_that_lacks_one_column_of_tardis_is_told_so(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(TARDIS_HEADER.replace("mark_iv", "iv") + "\n" + "," * 23 + "\n")
    with pytest.raises(UnrecognisedFile, match=r"a tardis options_chain, .* lacks mark_iv"):
        read_market(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1, "a": 2}', "'a' stands twice in one object"),
        ("[NaN]", "NaN is no number"),
        ('[{"x": -Infinity}]', "-Infinity is no number"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": [1, 2', "not JSON at row 1"),
        ('["\\ud800"]', "half a character"),
        ('{"jsonrpc": "2.0", "error": {"code": 13009, "message": "no"}}', "error, '13009, no'"),
        ('{"code": "50113", "msg": "Invalid Sign", "data": []}', "error, '50113, Invalid Sign'"),
        ('{"retCode": 10003, "retMsg": "bad key", "result": {}}', "error, '10003, bad key'"),
    ],
)
def test_json_that_cannot_be_read_says_why(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_text(content)
    for read in (read_market, sw.read_portfolio):
        with pytest.raises(UnreadableFile) as caught:
            read(path)
        assert said in caught.value.what


def test_json_beyond_the_bound_is_refused(tmp_path, monkeypatch):
    path = dump(summary(), tmp_path / "x.json")
    packed = tmp_path / "x.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setattr(messages, "MAX_JSON_BYTES", 1000)
    for each in (path, packed):
        with pytest.raises(UnreadableFile, match="larger than"):
            read_market(each)


def test_numbers_of_a_message_are_the_text_that_stands_there(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"BTC": 0.1000000000000000055511151231257827, "ETH": "1e-8"}')
    quantities = [p.quantity for p in sw.read_portfolio(path).positions]
    assert quantities == [Decimal("0.1000000000000000055511151231257827"), Decimal("1e-8")]
