"""Changes of bytes and of texts: signs, numbers, lines, cells, columns, the whole.

Everything follows from the generator that is passed in, so that an input can be made again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

MAX_BYTES = 64 * 1024
"""Longer ones are cut: what size alone does is held by tests/test_file_bounds.py."""

TOKENS: tuple[bytes, ...] = tuple(
    token.encode("utf-8", "surrogatepass")
    for token in (
        *(
            "",
            " ",
            "\t",
            "\r",
            "\n",
            "\r\n",
            "\0",
            "\ufeff",
            '"',
            '""',
            "'",
            ",",
            ";",
            "\\",
            "=",
            "@",
        ),
        *("NaN", "nan", "inf", "-inf", "Infinity", "null", "None", "true", "n/a", "#DIV/0!"),
        *(
            "0",
            "-0",
            "-0.0",
            "+1",
            "-1",
            "1e400",
            "-1e400",
            "1e-400",
            "1e15",
            "1E+14",
            "1e999999999",
        ),
        *("1_000", "1,000", "1 000", "1'000", "0x10", "0b1", "1e", "e5", ".5", "5.", ".", "1.2.3"),
        *("9" * 30, "9" * 400, "0." + "3" * 70, "1e-31", "4294967296", "18446744073709551616"),
        *("１２", "٣", "½", "−1", "1٫5", "\u200f1", "\u202e1", "\u00a01", "1\u2009000", "\x1c1"),
        *("=1+1", "=cmd|'/c calc'!A1", "+SUM(A1)", "@x", "\x1b[2J", "\x7f", "é", "\ud800", "𝟙"),
        *("2026-02-05", "2026-02-05T16:00Z", "1770307200", "1770307200000", "1770307200000000"),
        *("9999-12-31", "0001-01-01", "1e12", "27MAR26", "29FEB27", "00JAN00", "2026-W06-4"),
        *("BTC", "btc", "USDC", "BTC-PERPETUAL", "BTC-27MAR26-70000-C", "okx:BTC-USD-SWAP"),
        *("account", "instrument", "quantity", "entry_price", "contracts", "venue", "okx", "bybit"),
        *("timestamp", "instrument_name", "mark_price", "bid_price", "exchange", "symbol"),
        *("{", "}", "[", "]", "{}", "[]", "[[", ":", "from", "prbm", "[[charges]]", "[status]"),
        *("[" * 500, '{"a":' * 500, "(" * 50, "a." * 200, "A" * 300),
        *("\\u001b[2J", "\\u202e", "\\ud800", "\\x1b", "\\n", "[red]x[/red]", "{0}", "%s%n"),
    )
)

_CELL_ENDS = b',\n"=:@ \t{}[]<>'


def text(content: bytes, rng: Random) -> bytes:
    """One to four changes of a text, among them of its lines and cells."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        content = rng.choice(_TEXT_CHANGES)(content, rng)[:MAX_BYTES]
    return content


def raw(content: bytes, rng: Random) -> bytes:
    """One to four changes of bytes, near the end more often, where archives keep their tables."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        content = rng.choice(_BYTE_CHANGES)(content, rng)
    return content


# --------------------------------------------------------------------------------- bytes


def _place(content: bytes, rng: Random) -> int:
    if content and rng.random() < 0.4:
        return max(0, len(content) - 1 - rng.randrange(min(len(content), 4_000)))
    return rng.randrange(len(content) + 1)


def _flip(content: bytes, rng: Random) -> bytes:
    changed, at = bytearray(content), _place(content, rng)
    if at < len(changed):
        changed[at] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set(content: bytes, rng: Random) -> bytes:
    changed, at = bytearray(content), _place(content, rng)
    if at < len(changed):
        changed[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    return bytes(changed)


def _cut(content: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _remove(content: bytes, rng: Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + content[at + rng.choice((1, 2, 8, 64)) :]


def _repeat(content: bytes, rng: Random) -> bytes:
    at = _place(content, rng)
    part = content[at : at + rng.choice((1, 4, 32, 512))]
    return content[:at] + part * rng.choice((1, 2, 20)) + content[at:]


def _insert(content: bytes, rng: Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + rng.choice(TOKENS) + content[at:]


def _noise(content: bytes, rng: Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + rng.randbytes(rng.choice((1, 2, 8))) + content[at:]


_BYTE_CHANGES = (_flip, _flip, _set, _set, _cut, _remove, _repeat, _noise)

# ------------------------------------------------------------------------- lines and cells


def _token(content: bytes, rng: Random) -> bytes:
    """A cell, or what stands between two other signs, becomes a token."""
    start = end = rng.randrange(len(content) + 1)
    while start > 0 and content[start - 1] not in _CELL_ENDS:
        start -= 1
    while end < len(content) and content[end] not in _CELL_ENDS:
        end += 1
    return content[:start] + rng.choice(TOKENS) + content[end:]


def _digit(content: bytes, rng: Random) -> bytes:
    """A digit becomes another sign that numbers are written with, or is doubled."""
    places = [at for at, byte in enumerate(content) if 0x30 <= byte <= 0x39]
    if not places:
        return content
    at = rng.choice(places)
    sign = rng.choice((b"0", b"9", b".", b"-", b"e", b"_", b" ", b",", "٣".encode(), b"1" * 40))
    return content[:at] + sign + content[at + rng.randrange(2) :]


_NUMBER = re.compile(rb"[0-9]+(?:\.[0-9]+)?")
_FACTORS = (-1.0, 0.0, 1e-12, 1e-6, 1e-3, 0.01, 0.5, 0.999, 1.001, 2.0, 100.0, 1e3, 1e6, 1e9, 1e12)


def magnitude(content: bytes, rng: Random) -> bytes:
    """A number becomes many times, or a small part, of what it was."""
    numbers = [*_NUMBER.finditer(content)]
    if not numbers:
        return content
    found = rng.choice(numbers)
    changed = repr(float(found[0][:300]) * rng.choice(_FACTORS)).encode()
    return content[: found.start()] + changed + content[found.end() :]


def _lines(content: bytes, rng: Random) -> bytes:
    """A line is doubled, left out, moved or joined with another."""
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    how = rng.randrange(4)
    if how == 0:
        lines.insert(other, lines[one])
    elif how == 1:
        del lines[one]
    elif how == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        half = len(lines[one]) // 2
        lines[one] = lines[one][:half] + lines[other][len(lines[other]) // 2 :]
    return b"".join(lines)


def _columns(content: bytes, rng: Random) -> bytes:
    """A column of every line is doubled, left out or exchanged with another."""
    rows = [line.split(b",") for line in content.split(b"\n")]
    width = max(map(len, rows))
    one, other, how = rng.randrange(width), rng.randrange(width), rng.randrange(3)
    for row in rows:
        if len(row) <= max(one, other):
            continue
        if how == 0:
            row.insert(other, row[one])
        elif how == 1:
            del row[one]
        else:
            row[one], row[other] = row[other], row[one]
    return b"\n".join(b",".join(row) for row in rows)


def _whole(content: bytes, rng: Random) -> bytes:
    """Other delimiters, quotation marks, line ends or another encoding, throughout."""
    how = rng.randrange(6)
    if how == 0:
        return content.replace(b",", rng.choice((b";", b"\t", b"|", b", ", b",,")))
    if how == 1:
        lines = content.split(b"\n")
        return b"\n".join(b",".join(b'"%b"' % cell for cell in line.split(b",")) for line in lines)
    if how == 2:
        return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\0\n", b" \n")))
    if how == 3:
        return content.replace(b".", rng.choice((b",", b"", b"..", b"\xc2\xb7")))
    decoded = content.decode("utf-8", "replace")
    form = rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7"))
    return decoded.encode(form, "replace")


_TEXT_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_token, _token, _token, _digit, _digit, magnitude, magnitude, magnitude),
    *(_lines, _columns, _whole, _insert, _flip, _cut, _remove, _repeat, _noise),
)
