"""How inputs are mutated: as texts, as values of JSON, as parts of what is packed, as columns.

Everything follows from the generator that is passed in, so that an input can be made again.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import polars as pl

from tests.fuzz.texts import MAX_BYTES, TOKENS, magnitude, raw, text


def mutated(content: bytes, form: str, rng: Random) -> bytes:
    """Another input, from one of a form: csv, gzip, parquet, excel, json, toml, text or bytes.

    Parquet must be sound.
    """
    return _MUTATORS[form](content, rng)[:MAX_BYTES]


# ---------------------------------------------------------------------------------- JSON

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e308, 1e-320, 10**400, -0.0, "", [], {}, [[]], [None]),
    *(float("nan"), float("inf"), float("-inf"), {"a": 1}, ["BTC"], "\ud800", "\x00", "buy"),
    *(-1e-9, 1e-9, 1e9, 1e11, 99.0, 10**15, -(2**63), 2**64, "BTC-PERPETUAL", "9" * 5_000),
    *(token.decode("utf-8", "replace") for token in TOKENS),
)


def value_of_json(content: bytes, rng: Random) -> bytes:
    """A value is replaced, left out, doubled or nested; text that is no JSON is changed as text."""
    try:
        root = json.loads(content)
    except (ValueError, RecursionError):
        return text(content, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        root = _changed(root, rng)
    written = json.dumps(root, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    return rng.choice(_JSON_SIGNS)(written, rng) if rng.random() < 0.3 else written


def _changed(node: Any, rng: Random) -> Any:
    """The same with one value below it, or itself, replaced."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node) if _is_list(node) else 0))
    if not keys or rng.random() < 0.15:
        return rng.choice((*_VALUES, [node], {"result": node}))
    key = rng.choice(keys)
    how = rng.random()
    if how < 0.1:
        del node[key]
    elif how < 0.2 and _is_list(node):
        node.append(node[key])
    elif how < 0.2:
        node[rng.choice(("size", "contracts", "timestamp", "error", str(key) * 2))] = node[key]
    else:
        node[key] = _changed(node[key], rng)
    return node


_PAIR = re.compile(rb'"[^"\\\\]*": *(?:"[^"\\\\]*"|[0-9.eE+-]+|true|false|null)')
_SCALAR = re.compile(rb'(?<=: )(?:"[^"\\\\]*"|[0-9.eE+-]+|true|false|null)')
_LITERALS = (b"1e400", b"-1e400", b"NaN", b"-Infinity", b"1" * 5_000, b"0.1e-5000", b"1E+2", b"01")
_MORE_LITERALS = (b"-", b".5", b"+1", b"0x1", b"'a'", b"undefined", b"1_0", b"\xff", b'"\\ud800"')


def _twice(content: bytes, rng: Random) -> bytes:
    """A key stands twice in its object, with the value of another."""
    pairs = [*_PAIR.finditer(content)]
    if not pairs:
        return content
    one, other = rng.choice(pairs), rng.choice(pairs)
    key, value = one[0].partition(b":")[0], other[0].partition(b":")[2]
    return content[: one.start()] + key + b":" + value + b", " + content[one.start() :]


def _literal(content: bytes, rng: Random) -> bytes:
    """A value that no writer of JSON writes."""
    scalars = [*_SCALAR.finditer(content)]
    if not scalars:
        return content
    found = rng.choice(scalars)
    written = rng.choice(_LITERALS + _MORE_LITERALS)
    return content[: found.start()] + written + content[found.end() :]


def _deep(content: bytes, rng: Random) -> bytes:
    """It, or a value of it, stands at the bottom of many lists or objects."""
    levels = rng.choice((10, 400, 990, 1_010, 20_000))
    opens, closes = rng.choice(((b"[", b"]"), (b'{"result":', b"}"), (b'[{"a":', b"}]")))
    scalars = [*_SCALAR.finditer(content)]
    start, end = rng.choice([(0, len(content)), *(each.span() for each in scalars[:20])])
    return content[:start] + opens * levels + content[start:end] + closes * levels + content[end:]


_JSON_SIGNS = (_twice, _literal, _deep)


def _is_list(node: Any) -> bool:
    return isinstance(node, list)


def _json(content: bytes, rng: Random) -> bytes:
    return value_of_json(content, rng) if rng.random() < 0.6 else text(content, rng)


# ---------------------------------------------------------------------------------- TOML

_SETTING = re.compile(rb"(?<== )[^\n]+")
_SETTINGS = (
    *(
        b"nan",
        b"-inf",
        b"1e400",
        b"0",
        b"-0.0",
        b"1e-300",
        b"9223372036854775808",
        b"0x7f",
        b"true",
    ),
    *(b'""', b'"BTC"', b'"none"', b"[]", b"{}", b"[[]]", b"2026-02-30", b"2026-02-05T14:00:00Z"),
)


def _toml(content: bytes, rng: Random) -> bytes:
    """Settings are many times what they were, or another's, or none; or it is changed as a text."""
    if rng.random() < 0.4:
        return text(content, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        found = [*_SETTING.finditer(content)]
        if not found:
            return text(content, rng)
        one, other = rng.choice(found), rng.choice(found)
        written = rng.choice((magnitude(one[0], rng), other[0], rng.choice(_SETTINGS)))
        content = content[: one.start()] + written + content[one.end() :]
    return content


# -------------------------------------------------------------------------------- packed


def _gzip(content: bytes, rng: Random) -> bytes:
    """What is packed is changed, or the bytes of the packing, or how it is packed."""
    how = rng.random()
    if how < 0.2:
        return raw(content, rng)
    try:
        unpacked = gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return raw(content, rng)
    packed = gzip.compress(text(unpacked, rng), rng.choice((0, 1, 9)), mtime=0)
    if how < 0.8:
        return packed
    another = rng.choice(
        (packed, content, b"\0" * 100, b"\x1f\x8b", gzip.compress(b"\n" * 50_000, mtime=0))
    )
    return rng.choice((packed + another, another + packed, gzip.compress(packed, mtime=0)))


def _excel(content: bytes, rng: Random) -> bytes:
    """A part of the workbook is changed, or the bytes of the archive, or how it is packed."""
    if rng.random() < 0.25:
        return raw(content, rng)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [(name, archive.read(name)) for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, RuntimeError):
        return raw(content, rng)
    if not parts:
        return raw(content, rng)
    cells = [at for at, (name, _) in enumerate(parts) if "sheet" in name or "Strings" in name]
    at = rng.choice(cells if cells and rng.random() < 0.8 else range(len(parts)))
    name, part = parts[at]
    if rng.random() < 0.75:
        parts[at] = name, rng.choice((text, text, _cell))(part, rng)
    else:
        parts = _archive_tricks(parts, at, rng)
    return _zipped(parts, rng)


_CELL_TYPES = (b't="s"', b't="str"', b't="b"', b't="e"', b't="d"', b't="inlineStr"', b't="n"', b"")
_ATTRIBUTE = re.compile(rb'[rst]="[^"]*"')
_PLACES = (b'r="A1"', b'r="XFD1048576"', b'r="ZZZ1"', b'r="A0"', b'r="B99999"', b'r="A1048577"')


def _cell(content: bytes, rng: Random) -> bytes:
    """A cell has another type, or stands elsewhere."""
    found = [*_ATTRIBUTE.finditer(content)]
    if not found:
        return text(content, rng)
    one, written = rng.choice(found), rng.choice(_CELL_TYPES + _PLACES)
    return content[: one.start()] + written + content[one.end() :]


def _archive_tricks(
    parts: list[tuple[str, bytes]], at: int, rng: Random
) -> list[tuple[str, bytes]]:
    """A part is missing, stands twice, goes by another's or a foreign name, or unpacks to zeros."""
    name, part = parts[at]
    foreign = rng.choice(("../../x.xml", "/etc/x.xml", "xl\\workbook.xml", "", "A" * 300, "é.xml"))
    return rng.choice(
        (
            [each for each in parts if each[0] != name],
            [*parts, (name, text(part, rng))],
            [*parts[:at], (foreign, part), *parts[at + 1 :]],
            [*parts[:at], (name, rng.choice(parts)[1]), *parts[at + 1 :]],
            [*parts, ("xl/zeros.xml", bytes(rng.choice((1_000, 3_000_000))))],
            [*parts[:at], (name, b""), *parts[at + 1 :]],
            [*parts, *((f"xl/{i}.xml", b"<a/>") for i in range(200))],
        )
    )


def _zipped(parts: list[tuple[str, bytes]], rng: Random) -> bytes:
    methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_LZMA)
    method = rng.choice((*methods, zipfile.ZIP_BZIP2))
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a name that stands twice
        for name, part in parts:
            archive.writestr(zipfile.ZipInfo(name), part, method)
    return whole.getvalue()


# ------------------------------------------------------------------------------- parquet

_MAGIC = b"PAR1"


def _parquet(content: bytes, rng: Random) -> bytes:
    """Its bytes are changed, those of its footer alone, or the table that it holds."""
    how = rng.random()
    if how < 0.3:
        return raw(content, rng)
    if how < 0.6:
        length = int.from_bytes(content[-8:-4], "little")
        start = max(0, len(content) - 8 - length)
        footer = raw(content[start : len(content) - 8], rng)
        told = len(footer).to_bytes(4, "little") if rng.random() < 0.8 else content[-8:-4]
        return content[:start] + footer + told + _MAGIC
    changed = _frame(pl.read_parquet(io.BytesIO(content)), rng)
    whole = io.BytesIO()
    packing = rng.choice(("uncompressed", "snappy", "gzip", "zstd", "lz4", "brotli"))
    changed.write_parquet(whole, compression=packing, row_group_size=rng.choice((1, 3, None)))
    return whole.getvalue()


_KINDS = (
    *(pl.String, pl.Float32, pl.Float64, pl.Int8, pl.Int64, pl.UInt64, pl.Boolean, pl.Binary),
    *(
        pl.Date,
        pl.Time,
        pl.Categorical,
        pl.Null,
        pl.Datetime("ns"),
        pl.Datetime("ms", "Asia/Tokyo"),
    ),
    *(pl.Duration("us"), pl.Decimal(38, 9), pl.List(pl.String), pl.Struct({"a": pl.Float64})),
)
_CELLS = (None, float("nan"), float("inf"), -1.0, 0.0, 1e-300, 1e300, 1e11, 99.0)


def _frame(frame: pl.DataFrame, rng: Random) -> pl.DataFrame:
    """One to three columns are of another kind, left out, renamed, doubled or of other values."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        if frame.width < 2:
            break
        name, other = rng.choice(frame.columns), rng.choice(frame.columns)
        how = rng.randrange(6)
        if how == 0:
            frame = frame.drop(name)
        elif how == 1:
            written = rng.choice(TOKENS).decode("utf-8", "replace")
            frame = frame.rename({name: written if written not in frame.columns else f"{name} "})
        elif how == 2:
            frame = frame.with_columns(frame[other].alias(name))
        elif how == 3:
            frame = frame.with_columns(_cast(frame[name], rng.choice(_KINDS)))
        elif how == 4:
            frame = frame.with_columns(_with_value(frame[name], rng))
        else:
            frame = frame.head(rng.choice((0, 1, frame.height))).reverse()
    return frame


def _cast(column: pl.Series, kind: Any) -> pl.Series:
    try:
        return column.cast(kind, strict=False)
    except pl.exceptions.PolarsError:
        return pl.Series(column.name, [None] * len(column), dtype=kind)


def _with_value(column: pl.Series, rng: Random) -> pl.Series:
    """One of its values is another: a number among numbers, a token among texts."""
    try:
        values = column.to_list()
    except ValueError:  # an instant that Python has none for
        return column
    if values and column.dtype.is_float():
        values[rng.randrange(len(values))] = rng.choice(_CELLS)
    elif values and column.dtype == pl.String:
        values[rng.randrange(len(values))] = rng.choice(TOKENS).decode("utf-8", "replace")
    elif values:
        values[rng.randrange(len(values))] = None
    return pl.Series(column.name, values, dtype=column.dtype)


_MUTATORS: dict[str, Callable[[bytes, Random], bytes]] = {
    "csv": text,
    "toml": _toml,
    "text": text,
    "json": _json,
    "gzip": _gzip,
    "excel": _excel,
    "parquet": _parquet,
    "bytes": raw,
}
