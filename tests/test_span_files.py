"""Expanded unpacked SPAN files: columns, a round trip of a described house, and what is refused."""

from __future__ import annotations

import gzip
import json

import msgspec
import pytest

from seawall.basics.errors import BadNumber, UnknownInstrument, UnreadableFile, UnrecognisedFile
from seawall.feeds.span_files import read_span
from seawall.feeds.span_layout import LAYOUT
from seawall.feeds.span_records import records
from seawall.margin import span
from tests import span_writer
from tests.span_parameters import CORN, OATS, WHEAT, WORKED, WORKED_BOOK, holdings

NAMES = {
    "W-H": "DEX W FUT 202703",
    "W-K": "DEX W FUT 202705",
    "W-N": "DEX W FUT 202707",
    "W-K-C600": "DEX W OOF C 202705 202705 600",
    "C-H": "DEX C FUT 202703",
    "C-N": "DEX C FUT 202707",
    "O-H": "DEX O FUT 202703",
}
# Which of a clearing house's spreads are those between houses no file of one house says.
DESCRIBED = msgspec.structs.replace(
    WORKED,
    credit_spreads=tuple(s for s in WORKED.credit_spreads if s.pass_name != "exchange"),
)


def renamed(parameters):
    """The parameters with contracts named as a file names them; futures have no option value."""
    commodities = tuple(
        msgspec.structs.replace(
            own,
            contracts=tuple(
                msgspec.structs.replace(
                    each, name=NAMES[each.name], style="premium" if each.is_option else "futures"
                )
                for each in own.contracts
            ),
        )
        for own in parameters.commodities
    )
    return msgspec.structs.replace(parameters, commodities=commodities)


def saved(folder, lines, name="day.pa2", end="\n"):
    path = folder / name
    content = "".join(line.rstrip() + end for line in lines).encode("ascii")
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def test_columns_are_the_published_ones(shared):
    path = shared / "vectors" / "tradfi" / "formats" / "pa2_expanded_layout.json"
    published = json.loads(path.read_text(encoding="utf-8"))["records"]
    for kind, fields in LAYOUT.items():
        name = "4(method 10)" if kind == "4 " else kind.strip()
        known = {(each["frm"], each["to"]): each for each in published[name]}
        for own, field in fields.items():
            # Days of spot months are on the present page only, in what was filler.
            if kind == "4 " and own.startswith("day"):
                continue
            assert (field.first, field.last) in known, f"{kind}{own}"
            picture = known[field.first, field.last]["pic"]
            if field.decimals is not None and "V9" in picture:
                assert f"V9({field.decimals})" in picture, f"{kind}{own}: {picture}"


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("name", "end"), [("day.pa2", "\n"), ("day.pa2.gz", "\r\n")])
def test_a_described_house_comes_back(tmp_path, wide, name, end):
    found = read_span(saved(tmp_path, span_writer.whole(DESCRIBED, wide=wide), name, end), span.CME)
    assert found.left_out == ()
    assert (found.complex, found.business_date) == ("DEMO", "20260102")
    assert found.parameters == renamed(DESCRIBED)


def test_a_book_is_asked_the_same_of_a_file(tmp_path):
    found = read_span(saved(tmp_path, span_writer.whole(DESCRIBED)), span.CME)
    book = {NAMES[name]: quantity for name, quantity in WORKED_BOOK.items()}
    asked = span.requirement(holdings(book), found.parameters)
    assert asked.totals == span.requirement(holdings(WORKED_BOOK), DESCRIBED).totals


def test_exponents_and_decimals(tmp_path):
    """A risk exponent of 2 makes hundreds of all money; array decimals lessen arrays alone."""
    lines = span_writer.whole(DESCRIBED, exponent=2, array_decimals=1)
    wheat = read_span(saved(tmp_path, lines), span.CME).parameters.commodities[0]
    assert wheat.contracts[0].array == tuple(10.0 * loss for loss in WHEAT.contracts[0].array)
    assert wheat.tier_spreads[0].charge == 100.0 * WHEAT.tier_spreads[0].charge
    assert wheat.short_option_minimum.rate == 100.0 * WHEAT.short_option_minimum.rate
    assert wheat.contracts[3].price == WHEAT.contracts[3].price


def test_tiers_scaling_and_style(tmp_path):
    wheat = msgspec.structs.replace(
        WHEAT,
        scan_tiers=WHEAT.spread_tiers,
        adjustment=1.25,
        short_option_minimum=span.ShortOptionMinimum(rate=30.0, counts="greater"),
        contracts=tuple(msgspec.structs.replace(c, delta_scaling=0.2) for c in WHEAT.contracts),
    )
    described = msgspec.structs.replace(DESCRIBED, commodities=(wheat, CORN, OATS))
    found = read_span(saved(tmp_path, span_writer.whole(described, style="F", limit="Y")), span.CME)
    [own, *_] = found.parameters.commodities
    assert own.contracts[3].style == "futures"
    assert own.scan_tiers == wheat.scan_tiers
    assert own.limits_option_value
    assert own.contracts[0].delta_scaling == 0.2
    assert (own.adjustment, own.short_option_minimum.counts) == (1.25, "greater")


def test_accounts_of_another_class(tmp_path):
    """Ratios of members are blank here: nothing is multiplied."""
    found = read_span(saved(tmp_path, span_writer.whole(DESCRIBED)), span.CME, "member")
    assert [own.initial_ratio for own in found.parameters.commodities] == [1.0, 1.0, 1.0]


def test_what_is_not_understood_is_left_out_with_its_credits(tmp_path):
    tiered = msgspec.structs.replace(WHEAT, scan_tiers=WHEAT.spread_tiers)
    lines = [
        span_writer.scanning(tiered, "22") if line.startswith("S W") else line
        for line in span_writer.whole(DESCRIBED)
    ]
    found = read_span(saved(tmp_path, lines), span.CME)
    assert [own.code for own in found.parameters.commodities] == ["C", "O"]
    assert found.parameters.credit_spreads == ()
    assert found.left_out[0].startswith("W: method code '22' is not known")
    assert len(found.left_out) == 3
    with pytest.raises(UnknownInstrument):
        span.requirement(holdings({NAMES["W-H"]: 1.0}), found.parameters)


def test_scanning_based_credits_are_left_out(tmp_path):
    lines = [
        span_writer.credit(DESCRIBED.credit_spreads[0], 1, method="04")
        if line.startswith("6 ") and line[109] == "S"
        else line
        for line in span_writer.whole(DESCRIBED)
    ]
    found = read_span(saved(tmp_path, lines), span.CME)
    assert [each.pass_name for each in found.parameters.credit_spreads] == ["inter"]
    assert "method code '04' is not known" in found.left_out[0]


def test_tiered_credits(tmp_path):
    wheat = msgspec.structs.replace(WHEAT, scan_tiers=WHEAT.spread_tiers)
    legs = (
        span.CreditLeg(commodity="W", ratio=1.0, side="A", tier=2),
        span.CreditLeg(commodity="W", ratio=1.5, side="B", tier=1),
    )
    spread = span.CreditSpread(pass_name="inter", priority=7, rate=0.625, legs=legs)
    described = msgspec.structs.replace(DESCRIBED, commodities=(wheat,), credit_spreads=())
    lines = [*span_writer.whole(described), span_writer.credit(spread, 7, method="20")]
    found = read_span(saved(tmp_path, lines), span.CME)
    assert found.parameters.credit_spreads == (spread,)


def test_records_are_read_one_by_one(tmp_path):
    """The first record is there before a damaged end is reached."""
    path = saved(tmp_path, span_writer.whole(DESCRIBED), "day.pa2.gz")
    path.write_bytes(path.read_bytes()[:-12])
    stream = records(path)
    assert next(stream).text("complex") == "DEMO"
    with pytest.raises(UnreadableFile):
        list(stream)


def without(lines, prefix):
    return [line for line in lines if not line.startswith(prefix)]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda lines: lines[1:], UnrecognisedFile, "begins neither with a header"),
        (lambda lines: [*lines, "Q what"], UnrecognisedFile, "has no record 'Q '"),
        (lambda lines: without(lines, "8"), UnrecognisedFile, "it has no risk array"),
        (lambda _: [span_writer.header(form="UP")], UnrecognisedFile, "does not begin"),
        (lambda lines: without(lines, "2 "), UnrecognisedFile, "no combined commodity"),
        (lambda lines: without(lines, "P "), UnrecognisedFile, "has no product record"),
        (lambda lines: without(lines, "82"), BadNumber, "second half"),
        (lambda lines: without(lines, "81"), BadNumber, "first half"),
        (lambda lines: [x.replace("00300", "0O300") for x in lines], BadNumber, "0O300"),
        (lambda lines: [x[:80] if x[:2] == "81" else x for x in lines], BadNumber, "is blank"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, change, error, says):
    with pytest.raises(error, match=says):
        read_span(saved(tmp_path, change(span_writer.whole(DESCRIBED))), span.CME)
