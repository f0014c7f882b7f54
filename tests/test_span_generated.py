"""Generated files of both formats: the same parameters and margins, and what is refused of XML."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    InputError,
    UnknownInstrument,
    UnreadableFile,
    UnrecognisedFile,
    UnwritableFile,
)
from seawall.feeds.span_books import read_span_book, span_file_margins
from seawall.feeds.span_files import read_span
from seawall.feeds.span_market import generated, policy_named, read_span_market
from seawall.feeds.span_writing import write_span
from seawall.feeds.span_xml import parts
from seawall.margin import span
from tests.commands import document
from tests.span_markets import BOOK, MARKET
from tests.span_parameters import holdings

FORMATS = ("pa2", "spn")
PAGE = Path(__file__).parents[1] / "docs" / "models" / "span.md"


@pytest.fixture
def house(tmp_path):
    (tmp_path / "house.toml").write_text(MARKET, encoding="utf-8")
    return generated(read_span_market(tmp_path / "house.toml"))


@pytest.fixture
def xml(house, tmp_path):
    return write_span(house, tmp_path / "day.spn").read_text("latin-1")


def saved(folder, text, name="changed.spn"):
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


@pytest.mark.parametrize("account", ["member", "hedger", "speculator"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_generated_file_reads_back(house, tmp_path, suffix, account):
    path = write_span(house, tmp_path / f"day.{suffix}")
    assert read_span(path, span.CME, account) == house


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_content_decides_and_gzip_is_unpacked(house, tmp_path, suffix):
    written = write_span(house, tmp_path / f"day.{suffix}")
    other = tmp_path / "unnamed"
    other.write_bytes(gzip.compress(written.read_bytes()))
    assert read_span(other, span.CME).parameters == house.parameters


@pytest.mark.parametrize("policy", [span.CME, span.KDPW, span.JSCC, span.NSE])
def test_both_formats_ask_the_same(house, tmp_path, policy):
    (tmp_path / "book.csv").write_text(BOOK, encoding="utf-8")
    asked = [
        span_file_margins(write_span(house, tmp_path / f"day.{s}"), tmp_path / "book.csv", policy)
        for s in FORMATS
    ]
    assert asked[0] == asked[1]
    held = {
        "DEX W FUT 202703": 12.0,
        "DEX W FUT 202707": -3.0,
        "DEX W OOF C 202705 202705 605.5": -4.0,
        "DEX W OOF P 202705 202705 580": 2.0,
        "DEX C FUT 202703": -12.0,
    }
    direct = span.requirement(holdings(held), replace(house.parameters, policy=policy))
    [total] = [t for t in asked[0][0].totals if t.level == "initial"]
    assert float(total.requirement) == pytest.approx(
        direct.total("USD", "initial").requirement, abs=0.12
    )


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_market_described_on_the_page_is_written_and_read(tmp_path, suffix):
    [block] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "page.toml").write_text(block, encoding="utf-8")
    house = generated(read_span_market(tmp_path / "page.toml"))
    wheat, corn = house.parameters.commodities
    assert wheat.short_option_minimum == span.ShortOptionMinimum(rate=30.0, counts="greater")
    told = (wheat.spread_tiers, wheat.tier_spreads, wheat.series_spreads, wheat.spot_charges)
    assert all((*told, corn.scan_tiers, house.parameters.credit_spreads))
    assert read_span(write_span(house, tmp_path / f"day.{suffix}"), span.CME) == house


@pytest.mark.parametrize("price_decimals", [0, 2])
def test_round_numbers_are_the_same_of_both_formats(tmp_path, price_decimals):
    """Strikes, prices and arrays that all end in zeros: 600 is neither 6 nor 0.06. A short future
    of 600, scan 20, CVF 50 loses 1,000.
    """
    (tmp_path / "round.toml").write_text(ROUND.format(price_decimals), encoding="utf-8")
    house = generated(read_span_market(tmp_path / "round.toml"))
    book = tmp_path / "book.csv"
    told = "product,expiry,strike,right,quantity,account\n"
    book.write_text(
        told + "W,202703,,,1,a\nW,202703,600,P,-2,a\nW,202703,,,-1,b\n", encoding="utf-8"
    )
    files = [write_span(house, tmp_path / f"day.{suffix}") for suffix in FORMATS]
    assert [read_span(file, span.CME) for file in files] == [house, house]
    asked = [span_file_margins(file, book, span.CME) for file in files]
    assert asked[0] == asked[1]
    assert float(asked[0][1].totals[0].requirement) == 1000.0
    put = next(c for c in house.parameters.commodities[0].contracts if c.kind == "put")
    # At the money, 600·(2·N(0.3·√(35/365)/2) − 1), as printed.
    assert put.price == pytest.approx(22.23, abs=0.5 if price_decimals == 0 else 0.006)
    assert asked[0][0].commodities[0].option_value == pytest.approx(-2 * put.price * 50)


ROUND = """\
complex = "CBT"
business_date = 2027-01-15
[[commodities]]
code = "W"
exchange = "CBT"
currency = "USD"
value_factor = 50
short_option_minimum = {{ rate = 30 }}
scan = {{ price = 20.0, vol = 0.05 }}
futures = [{{ period = "202703", price = 600.0 }}, {{ period = "202705", price = 700.0 }}]
array_decimals = -1
price_decimals = {}
[[commodities.options]]
future = "202703"
period = "202703"
expires = 2027-02-19
strikes = [600]
vols = [0.3]
"""


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("row", "near"),
    [
        ("W,202705,600,P,", "Nearest in the file: DEX W OOF P 202705 202705 605.5, "),
        ("W,202706,,,", "Nearest in the file: DEX W FUT 202705, DEX W FUT 202707, "),
        (",,,,DEX W OOF C 202705 202705 605", "in the file: DEX W OOF C 202705 202705 605.5, "),
        ("WW,202705,,,", "Correct the row"),
    ],
)
def test_a_contract_that_is_none_is_told_the_nearest(house, tmp_path, suffix, row, near):
    text = f"quantity,product,expiry,strike,right,contract\n1,{row}\n"
    (tmp_path / "book.csv").write_text(text, encoding="utf-8")
    path = write_span(house, tmp_path / f"day.{suffix}")
    with pytest.raises(UnknownInstrument) as caught:
        span_file_margins(path, tmp_path / "book.csv", span.CME)
    assert near in caught.value.remedy


def test_arrays_are_those_of_prices_and_ranges(house):
    """A future of 606.5, CVF 50, PSR 30: thirds of 500; the extreme 0.33 of 3·1500."""
    future = next(c for c in house.parameters.commodities[0].contracts if "202705" in c.name)
    assert [future.array[n] for n in (0, 2, 4, 6, 10, 12, 14)] == [
        0.0, -500.0, 500.0, -1000.0, -1500.0, 1500.0, -1485.0,
    ]  # fmt: skip


def test_rows_add_up(house, tmp_path):
    (tmp_path / "book.csv").write_text(BOOK, encoding="utf-8")
    path = write_span(house, tmp_path / "day.spn")
    [margin] = span_file_margins(path, tmp_path / "book.csv", span.CME)
    for total in margin.totals:
        rows = [r.amount for r in margin.rows if r.level == total.level]
        assert sum(rows, Decimal(0)) == total.requirement - total.excess


@pytest.mark.parametrize("suffix", FORMATS)
def test_published_arrays_are_never_weighted_again(house, tmp_path, suffix):
    """Extreme rows are taken as they stand, whatever the policy's cover."""
    path = write_span(house, tmp_path / f"day.{suffix}")
    for policy in (span.CME, span.KDPW, span.NSE):
        found = read_span(path, policy)
        assert found.parameters.commodities == house.parameters.commodities
        asked = span.requirement(holdings({"DEX W FUT 202703": 1.0}), found.parameters)
        assert (
            asked.commodities[0].scans[0].losses
            == found.parameters.commodities[0].contracts[0].array
        )


# ---- XML


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("</clearingOrg>", "", UnreadableFile, "cut off or no XML"),
        ("<a>0.0</a>", "", BadNumber, "15 values|14 values|array of"),
        ("<a>500.0</a>", "<a>much</a>", BadNumber, "no number"),
        ("<a>500.0</a>", "<a>nan</a>", BadNumber, "no number"),
        ("<k>580</k>", "<k>inf</k>", BadNumber, "no strike"),
        ("<spanFile>", "<spamFile>", UnrecognisedFile, "no root spanFile"),
        ("<spanFile>", "<!-- <spanFile> --><x>", UnrecognisedFile, "its root is x"),
        ("<spanFile>", '<!DOCTYPE s [<!ENTITY a "b">]><spanFile>', UnreadableFile, "document type"),
        ("<acctType>S<", "<acctType>Z<", BadParameter, "none of a speculator"),
        ("<definitions/>", "<x>" * 40 + "</x>" * 40, UnreadableFile, "nested"),
    ],
)
def test_xml_that_cannot_be_read(xml, tmp_path, old, new, error, says):
    assert old in xml
    with pytest.raises(error, match=says):
        read_span(saved(tmp_path, xml.replace(old, new)), span.CME)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<wfprMeth>NORMAL", "<wfprMeth>SCANRANGE", "wfprMeth 'SCANRANGE' is not known"),
        ("<riskExponent>0", "<riskExponent>2", "a riskExponent"),
        ("<chargeMeth>F", "<chargeMeth>P", "a charge that is not flat"),
    ],
)
def test_what_xml_asks_that_is_not_known_is_left_out_with_its_credits(
    xml, tmp_path, old, new, says
):
    place = xml.index("<ccDef><cc>W")
    changed = xml[:place] + xml[place:].replace(old, new, 1)
    found = read_span(saved(tmp_path, changed), span.CME)
    assert [own.code for own in found.parameters.commodities] == ["C"]
    assert says in found.left_out[0]
    assert [s.pass_name for s in found.parameters.credit_spreads] == ["inter"]
    with pytest.raises(UnknownInstrument):
        span.requirement(holdings({"DEX W FUT 202703": 1.0}), found.parameters)


def test_a_credit_rate_that_is_no_share_is_left_out(xml, tmp_path):
    changed = xml.replace("<val>0.55</val>", "<val>55.0</val>")
    found = read_span(saved(tmp_path, changed), span.CME)
    assert [s.pass_name for s in found.parameters.credit_spreads] == ["inter"]
    assert "super spread 1" in found.left_out[0]


def test_a_large_file_is_not_held(xml, tmp_path):
    """Of 6 MB of options less than the text itself; all elements at once take many times it."""
    begin, end = xml.index("<series>"), xml.index("</oofPf>")
    large = xml[:begin] + xml[begin:end] * 3000 + xml[end:]
    path = saved(tmp_path, large)
    tracemalloc.start()
    count = sum(1 for _ in parts(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 3000
    assert peak < path.stat().st_size


def test_only_what_is_wanted_is_kept(xml, tmp_path):
    found = read_span(saved(tmp_path, xml), span.CME, wanted=lambda key: key.strike == "580")
    assert [key.strike for key in found.keys] == ["580", "580"]


# ---- books, descriptions, commands


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ("product,quantity\nW,1\n", UnknownInstrument, "means several"),
        ("product,expiry,quantity\nW,209903,1\n", UnknownInstrument, "no contract of the file"),
        ("product,expiry,quantity\nW,202703,many\n", BadNumber, "quantity is 'many'"),
        ("product,expiry,strike,quantity\nW,202705,x,1\n", BadNumber, "strike is 'x'"),
        ("product,size\nW,1\n", UnrecognisedFile, "column 'size'"),
        ("product,quantity\n", UnrecognisedFile, "no row"),
        ("product,quantity\n,1\n", BadNumber, "no contract is named"),
    ],
)
def test_books_that_name_no_contract(xml, tmp_path, rows, error, says):
    (tmp_path / "book.csv").write_text(rows, encoding="utf-8")
    with pytest.raises(error, match=says):
        span_file_margins(saved(tmp_path, xml), tmp_path / "book.csv", span.CME)


def test_accounts_of_a_book(xml, tmp_path):
    rows = "account,contract,quantity\na,DEX W FUT 202703,1\nb,DEX C FUT 202703,-1\n"
    (tmp_path / "book.csv").write_text(rows, encoding="utf-8")
    assert [row.account for row in read_span_book(tmp_path / "book.csv")] == ["a", "b"]
    found = span_file_margins(saved(tmp_path, xml), tmp_path / "book.csv", span.CME)
    assert [margin.commodities[0].commodity for margin in found] == ["W", "C"]


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ('policy = "cme"', 'policy = "nse"', BadParameter, "no extreme move"),
        ('policy = "cme"', 'policy = "xyz"', BadParameter, "no clearing policy"),
        ("0.31, 0.29, 0.30", "0.31", BadParameter, "3 strikes and 1 vols"),
        ('future = "202705"', 'future = "202706"', BadParameter, "on a future of 202706"),
        ("value_factor", "value_faktor", BadParameter, "value_faktor|value_factor"),
        ("complex =", "complex", InputError, "not TOML"),
    ],
)
def test_descriptions_that_contradict_themselves(tmp_path, old, new, error, says):
    (tmp_path / "m.toml").write_text(MARKET.replace(old, new), encoding="utf-8")
    with pytest.raises(error, match=says):
        generated(read_span_market(tmp_path / "m.toml"))


def test_what_a_format_cannot_tell_is_not_written(house, tmp_path):
    own = house.parameters.commodities[1]
    odd = replace(own, short_option_minimum=span.ShortOptionMinimum(rate=0.123))
    odd_house = replace(house, parameters=replace(
        house.parameters, commodities=(house.parameters.commodities[0], odd)))  # fmt: skip
    with pytest.raises(BadParameter, match="short_option 0"):
        write_span(odd_house, tmp_path / "day.pa2")
    assert not (tmp_path / "day.pa2").exists()
    assert read_span(write_span(odd_house, tmp_path / "day.spn"), span.CME) == odd_house
    with pytest.raises(UnwritableFile, match="suffix"):
        write_span(house, tmp_path / "day.txt")


def test_the_command_writes_a_document(xml, tmp_path, capfd):
    (tmp_path / "book.csv").write_text(BOOK, encoding="utf-8")
    path = saved(tmp_path, xml)
    told = document(capfd, "span-file", str(path), "--book", str(tmp_path / "book.csv"))
    assert told["schema"] == "seawall.span-margin/1"
    assert json.dumps(told["totals"][0]["level"]) == '"maintenance"'
    assert policy_named("KDPW") is policy_named("kdpw")
