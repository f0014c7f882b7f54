"""Small files that would unpack, nest or multiply beyond any memory are refused, each in a line."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from msgspec import structs

from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    InputError,
    SeawallError,
    UnknownInstrument,
    UnreadableFile,
    UnrecognisedFile,
)
from seawall.basics.time import parse_utc
from seawall.feeds import book_rows, files, parquet, snapshots
from seawall.feeds.books import read_portfolios
from seawall.feeds.market import read_market
from seawall.feeds.models import MAX_LINE, MAX_MODEL_BYTES, read_model
from seawall.products.names import MAX_NAME_LENGTH, parse_name, parse_venue_name
from seawall.products.portfolio import portfolio
from tests.tables import chain, curve, listing, write

MILLION = 1_000_000


@pytest.fixture
def written(tmp_path):
    def write_bytes(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_bytes


def bomb(mib: int) -> bytes:
    return gzip.compress(bytes(mib * 1024**2), 1)


# ----------------------------------------------------------------------------- unpacking


@pytest.mark.parametrize("read", [read_market, read_portfolios])
def test_a_gzip_bomb_is_refused(written, read):
    path = written("bomb.csv.gz", bomb(80))
    assert path.stat().st_size < 0.4 * 1024**2
    with pytest.raises(UnreadableFile, match=r"unpacks to more than 200 times|larger than 64 MiB"):
        read(path)


def test_what_is_packed_well_but_small_is_read(written, monkeypatch):
    """The bound is the greater of a multiple and a size: each alone lets a file through."""
    text = (chain().write_csv() + 200 * ("," * (len(chain().columns) - 1) + "\n")).encode()
    path = written("chain.csv.gz", gzip.compress(text))
    size = path.stat().st_size
    for ratio, least, stays in (
        (1, len(text), True),
        (len(text) // size + 1, 1, True),
        (len(text) // size, len(text) - 1, False),
    ):
        monkeypatch.setattr(files, "MAX_UNPACKING", ratio)
        monkeypatch.setattr(files, "UNPACKED_BYTES", least)
        if stays:
            assert read_market(path).slices
            continue
        with pytest.raises(UnreadableFile, match="times its size"):
            read_market(path)


def test_a_csv_book_is_bounded_in_bytes(written, monkeypatch):
    path = written("book.csv", b"instrument,quantity\nBTC,1\n")
    monkeypatch.setattr(book_rows, "MAX_BOOK_BYTES", path.stat().st_size)
    assert read_portfolios(path)
    monkeypatch.setattr(book_rows, "MAX_BOOK_BYTES", path.stat().st_size - 1)
    with pytest.raises(UnreadableFile, match="larger than"):
        read_portfolios(path)


# ------------------------------------------------------------------------------- columns


def test_a_book_of_a_million_columns_is_refused(written):
    names = ",".join(f"c{i}" for i in range(MILLION))
    for header in (names, "instrument,quantity," + "quantity," * MILLION):
        with pytest.raises(UnrecognisedFile) as caught:
            read_portfolios(written("book.csv", header.encode() + b"\n"))
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize("packed", [False, True], ids=["csv", "gzip"])
def test_a_market_of_a_million_columns_is_refused(written, packed):
    header = "timestamp,instrument_name,mark_price," + ",".join(f"c{i}" for i in range(MILLION))
    content = f"{header}\n{',' * header.count(',')}\n".encode()
    path = written("market.csv", gzip.compress(content, 1) if packed else content)
    with pytest.raises(UnreadableFile, match="longer than 1,000 columns or 64 KiB"):
        read_market(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
@pytest.mark.parametrize("extra", [0, 1])
def test_a_thousand_columns_are_read_and_one_more_is_refused(tmp_path, suffix, extra):
    frame = listing()
    more = files.MAX_COLUMNS - len(frame.columns) + extra
    frame = frame.with_columns(pl.lit(1).alias(f"c{i}") for i in range(more))
    path = tmp_path / f"market{suffix}"
    if suffix == ".json":
        rows = frame.with_columns(pl.col("timestamp").dt.strftime("%+")).to_dicts()
        path.write_text(json.dumps(rows))
    else:
        write(frame, path)
    if not extra:
        assert read_market(path).futures
        return
    with pytest.raises(UnreadableFile, match=r"1,00[01]"):
        read_market(path)


@pytest.mark.parametrize("start", [b"\n", b"\r\n", b"\xef\xbb\xbf\n", b"\n\n"])
def test_a_table_that_begins_with_an_empty_line_has_no_header(written, start):
    with pytest.raises(UnreadableFile, match="first row is empty"):
        read_market(written("chain.csv", start + chain().write_csv().encode()))


# ------------------------------------------------------------------------------- parquet


def nested(levels: int) -> pl.DataFrame:
    kind: pl.DataType = pl.Float64()
    for _ in range(levels):
        kind = pl.List(kind)
    return listing().with_columns(pl.Series("deep", [None, None], dtype=kind))


@pytest.mark.parametrize("levels", [1, 2])
def test_a_column_of_lists_that_nobody_asks_for_is_read_over(tmp_path, levels):
    assert read_market(write(nested(levels), tmp_path / "x.parquet")).futures


@pytest.mark.parametrize("levels", [5, 100, 300])
def test_deeply_nested_parquet_is_refused_before_its_reader_sees_it(tmp_path, levels):
    """Its reader would follow some thousand levels down until the process ends."""
    with pytest.raises(UnreadableFile, match="nested too deeply"):
        read_market(write(nested(levels), tmp_path / "x.parquet"))


def test_parquet_of_more_columns_than_its_footer_may_tell_is_refused(tmp_path, monkeypatch):
    path = write(listing(), tmp_path / "x.parquet")
    monkeypatch.setattr(parquet, "MAX_FOOTER_BYTES", 100)
    with pytest.raises(UnreadableFile, match="its footer takes more than"):
        read_market(path)


def test_parquet_of_many_equal_rows_is_refused(tmp_path):
    """Forty kilobytes hold millions of rows that are one and the same."""
    rows = 4_000_000
    frame = pl.select(
        timestamp=pl.repeat(1_770_307_200, rows, dtype=pl.Int64),
        instrument_name=pl.repeat("BTC-PERPETUAL", rows),
        mark_price=pl.repeat(70_000.0, rows),
    )
    path = tmp_path / "x.parquet"
    frame.write_parquet(path, row_group_size=rows, statistics=False)
    assert path.stat().st_size < 0.3 * 1024**2
    with pytest.raises(UnreadableFile, match="unpacks to more than 200 times"):
        read_market(path)


def test_parquet_of_too_many_rows_is_refused(tmp_path, monkeypatch):
    path = write(listing(), tmp_path / "x.parquet")
    for most, stays in ((2, True), (1, False)):
        monkeypatch.setattr(parquet, "MAX_ROWS", most)
        if stays:
            assert read_market(path).futures
            continue
        with pytest.raises(UnreadableFile, match="it has 2 rows, more than 1"):
            read_market(path)


@pytest.mark.parametrize("frame", [chain(), curve(), listing()], ids=["chain", "curve", "listing"])
def test_a_footer_is_damaged_or_read_whatever_byte_of_it_changes(tmp_path, frame):
    content = write(frame, tmp_path / "x.parquet").read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    path, refused = tmp_path / "y.parquet", 0
    for place in range(len(content) - 8 - length, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        try:
            read_market(path)
        except SeawallError:
            refused += 1
    assert refused > 20


# In the head of a page the number of values stands behind these, twice as large and two for a sign.
VALUES_OF_A_PAGE = b"\x2c\x15"


@pytest.mark.parametrize("told", [0x7F, 0x03, 0x05, 0x08, 0x02, 0x00])
def test_a_page_of_other_values_than_its_column_has_is_refused(written, told):
    """Of a negative number its reader would make 2^61 bytes, and end the process with them."""
    whole = io.BytesIO()
    pl.DataFrame({"T": [0.0, 0.1, 1.0], "DF": [1.0, 0.996, 0.96]}).write_parquet(whole)
    content = whole.getvalue()
    assert content.count(VALUES_OF_A_PAGE + b"\x06") == 2
    changed = content.replace(VALUES_OF_A_PAGE + b"\x06", VALUES_OF_A_PAGE + bytes([told]), 1)
    with pytest.raises(UnreadableFile, match="its pages are not what its footer tells"):
        read_market(written("rates.parquet", changed))


def test_pages_are_counted(tmp_path, monkeypatch):
    path = write(listing(), tmp_path / "x.parquet")
    for most, stays in ((3 * len(listing().columns), True), (len(listing().columns) - 1, False)):
        monkeypatch.setattr(parquet, "MAX_PAGES", most)
        if stays:
            assert read_market(path).futures
            continue
        with pytest.raises(UnreadableFile, match="its pages"):
            read_market(path)


@pytest.mark.parametrize("packing", ["uncompressed", "zstd", "snappy"])
def test_parquet_of_many_pages_and_groups_is_read(tmp_path, packing):
    path = tmp_path / "x.parquet"
    chain().write_parquet(path, compression=packing, row_group_size=3, data_page_size=40)
    assert len(read_market(path).option_rows) == len(chain())


def test_a_snapshot_is_bounded_in_rows(tmp_path, monkeypatch):
    path = write(listing(), tmp_path / "x.parquet")
    for most, stays in ((2, True), (1, False)):
        monkeypatch.setattr(snapshots, "MAX_SNAPSHOT_ROWS", most)
        if stays:
            assert read_market(path).futures
            continue
        with pytest.raises(UnreadableFile, match="the snapshot has 2 rows, more than 1"):
            read_market(path)


# -------------------------------------------------------------------------------- models


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a = " + "[\n" * 20_000, "nested too deeply"),
        ("a = " + "[" * 900 + "]" * 900, "nested too deeply"),
        ("a = " + "{a=" * 600, "nested too deeply"),
        ("a = " + "9" * 1_900 + "\n" + "b = " + "[" * 900, "nested too deeply"),
        ("name = 1" + "0" * 1_500 + ".5", "cannot be used"),
        (".".join(["a"] * 900) + " = 1", "has no part .a."),
    ],
)
def test_a_model_nested_beyond_its_parser_is_refused(written, content, said):
    with pytest.raises(BadParameter, match=said):
        read_model(written("m.toml", content.encode()))


def test_a_model_has_lines_and_a_size(written):
    """Of one key nested by points its parser would keep the square of the levels."""
    keys = ".".join(["a"] * (MAX_LINE // 2)) + " = 1"
    with pytest.raises(UnreadableFile, match="row 2 has more than 2,000 characters"):
        read_model(written("m.toml", f"b = 1\n{keys}".encode()))
    with pytest.raises(UnreadableFile, match="larger than 1 MiB"):
        read_model(written("m.toml", b"# a line\n" * (MAX_MODEL_BYTES // 9 + 1)))


def test_a_number_of_thousands_of_digits_is_no_toml(monkeypatch, written):
    monkeypatch.setattr("seawall.feeds.models.MAX_LINE", 10_000)
    with pytest.raises(BadParameter, match="not TOML"):
        read_model(written("m.toml", b"a = " + b"9" * 5_000))


# ------------------------------------------------------------------------- names and times


def test_a_name_is_bounded_in_characters():
    longest = "-".join(["A" * 15 + chr(ord("A") + i) for i in range(11)]) + "-LP"
    assert parse_name(longest).name == longest
    assert len(longest) <= MAX_NAME_LENGTH
    components = "-".join(f"A{i:07d}" for i in range(MILLION // 10))
    for name in (f"{components}-LP", "A" * (MAX_NAME_LENGTH + 1), "B" * MILLION):
        for parse in (parse_name, lambda name: parse_venue_name(name, "okx")):
            with pytest.raises(UnknownInstrument, match="more than 200 characters") as caught:
                parse(name)
            assert len(str(caught.value)) < 600


AT = datetime(2026, 2, 5, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-05T16:00",
        "2026-02-05 16:00",
        "2026-02-05t16",
        "20260205T1600",
        "2026-W06-4T16:00",
        "2026-02-05T16:00Z",
        "2026-02-05 17:00 +01:00",
        "2026-02-05T17:00:00.000+0100",
        "2026-02-05T16:00:00,000",
        "2026-02-05T11:00-05",
    ],
)
def test_an_instant_has_a_t_or_a_space_between_day_and_hour(text):
    assert parse_utc(text) == AT


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-05716:00",
        "2026-02-05x16:00",
        "2026-02-05\u200f16:00",
        "2026-02-05\u066316:00",
        "2026-02-05_16:00",
        "2026-02-05\n16:00",
        "2026-02-05T16:00+00:00:00.000001",
        "٢٠٢٦-02-05T16:00",
        "2026-02-05T１６:00",
        "2026-02-05" * 1_000,
    ],
)
def test_a_text_that_is_nearly_an_instant_is_none(text):
    with pytest.raises(BadNumber, match="is not a time") as caught:
        parse_utc(text)
    assert len(str(caught.value)) < 300


# ------------------------------------------------------------------------------- messages


def test_no_message_hands_a_terminal_what_it_must_not_show():
    error = InputError("a\x1b[2Jb\nc\u202ed\ud800e", where="x" * 5_000, remedy="Give é, − and 中.")
    assert error.what == r"a\x1b[2Jb\nc\u202ed\ud800e"
    assert error.where == "x" * 999 + "…"
    assert error.remedy == "Give é, − and 中."
    assert str(error).isprintable()
    str(error).encode()


def test_no_warning_hands_a_terminal_what_it_must_not_show(written):
    """What an activity table names and nothing prices is repeated in a warning."""
    told = "timestamp,underlying,adv_usd\n2026-02-05T16:00:12.345Z,\x1b[2JBTC,1e9\n"
    prices = written("chain.csv", chain().write_csv().encode())
    market = read_market([prices, written("\x1b]0;x.csv", told.encode())])
    [warning] = market.warnings
    assert warning == r"\x1b]0;x.csv tells of \x1b[2JBTC, which has no price here."
    held = portfolio([("BTC-27MAR26", 1)])
    assert structs.replace(held, warnings=("a\nb",)).warnings == (r"a\nb",)


@pytest.mark.parametrize("part", ["name", "title", "source"])
def test_a_model_is_named_in_letters_that_a_terminal_shows(written, part):
    fields = {"name": "mine", "title": "x", "source": "x", part: "x\\u001b[2J"}
    told = "".join(f'{key} = "{value}"\n' for key, value in fields.items())
    path = written("m.toml", f'from = "prbm"\nas_of = 2026-02-05\n{told}'.encode())
    with pytest.raises(BadParameter, match="cannot be printed") as caught:
        read_model(path)
    assert str(caught.value).isprintable()
