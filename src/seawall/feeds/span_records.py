"""SPAN's expanded unpacked files read record by record: a file is never held whole.

A line begins with its record identifier. Records that nothing here uses are passed over; one that
the format does not have is no such file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seawall.basics.errors import BadNumber, UnrecognisedFile
from seawall.feeds.files import WRITE_AGAIN, file_size, opened
from seawall.feeds.span_layout import LAYOUT, PASSED_OVER

__all__ = ["Record", "records"]

MAX_LINE_BYTES = 4096
"""No record has 200 columns; a file without line ends is none of these."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line: its identifier (two columns), its fields by name, and where it stands."""

    kind: str
    line: str
    where: str

    def text(self, name: str) -> str:
        """A field without blanks around it."""
        field = LAYOUT[self.kind][name]
        return self.line[field.first - 1 : field.last].strip()

    def number(self, name: str) -> float | None:
        """A number with its implied decimals, signed where the layout has ``name_sign``.

        None where it is blank. Raises BadNumber for what is no number.
        """
        text = self.text(name)
        if not text:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise BadNumber(
                f"{name} is {text!r}, which is no number", where=self.where, remedy=WRITE_AGAIN
            )
        negative = len(digits) < len(text)
        if f"{name}_sign" in LAYOUT[self.kind]:
            negative = negative or self.text(f"{name}_sign") == "-"
        value = int(digits) / 10 ** (LAYOUT[self.kind][name].decimals or 0)
        return -value if negative else value

    def needed(self, name: str) -> float:
        """The number; raises BadNumber where it is blank."""
        found = self.number(name)
        if found is None:
            raise BadNumber(f"{name} is blank", where=self.where, remedy=WRITE_AGAIN)
        return found

    def scaled(self, name: str, exponent: float) -> float:
        """The needed number times a power of ten, exact where that is below 1."""
        value = self.needed(name)
        power = math.pow(10.0, abs(exponent))
        return value * power if exponent >= 0 else value / power


def records(path: Path) -> Iterator[Record]:
    """The file's records in its order, those that are not used left out; gzip is unpacked.

    Raises UnrecognisedFile unless it begins with a header record of format U2, and for a record
    that the format does not have; UnreadableFile where the file cannot be read.
    """
    file_size(path)
    with opened(path) as lines:
        head = lines.readline(MAX_LINE_BYTES)
        first = Record("0 ", head.decode("latin-1").rstrip("\r\n"), f"{path.name} line 1")
        if head[:2] != b"0 " or first.text("format") != "U2":
            raise UnrecognisedFile(
                "it does not begin with a header of SPAN's expanded unpacked format",
                where=path.name,
                remedy="Give a .pa2 file of format U2.",
            )
        yield first
        rest = iter(lambda: lines.readline(MAX_LINE_BYTES), b"")
        for number, line in enumerate(rest, start=2):
            text = line.decode("latin-1").rstrip("\r\n")
            if text[:2] in LAYOUT:
                yield Record(text[:2], text, f"{path.name} line {number}")
            elif text.strip() and text[:2] not in PASSED_OVER:
                raise UnrecognisedFile(
                    f"the format has no record {text[:2]!r}",
                    where=f"{path.name} line {number}",
                    remedy=WRITE_AGAIN,
                )
