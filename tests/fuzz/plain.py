"""An independent and obvious reading of texts: numbers digit by digit, CSV sign by sign."""

from __future__ import annotations

from fractions import Fraction

DIGITS = "0123456789"
MOST_DIGITS = 4_000
"""Before or after the point; numbers of more are none that anything is compared with."""


def number(text: str) -> Fraction | None:
    """The number that a text writes, exactly; None for what is none, or beyond all bounds.

    A sign, digits with at most one point among them, an exponent: nothing else. What is smaller
    than any float is zero.
    """
    sign, rest = (-1 if text[:1] == "-" else 1), text.removeprefix("-")
    if rest == text:
        rest = text.removeprefix("+")
    mantissa, marked, exponent = rest.replace("E", "e").partition("e")
    if marked and not _is_whole(exponent):
        return None
    whole, point, part = mantissa.partition(".")
    if not (whole or part) or not all(sign_ in DIGITS for sign_ in whole + part):
        return None
    digits = (whole + part).lstrip("0")
    if not digits:
        return Fraction(0)
    if len(digits) > MOST_DIGITS or len(exponent) > MOST_DIGITS:
        return None
    scale = int(exponent or "0") - (len(part) if point else 0)
    if abs(scale) > MOST_DIGITS:
        return Fraction(0) if scale < -2 * MOST_DIGITS else None
    return sign * int(digits) * Fraction(10) ** scale


def _is_whole(written: str) -> bool:
    digits = written[1:] if written[:1] in ("+", "-") else written
    return bool(digits) and all(digit in DIGITS for digit in digits)


def rows(text: str) -> list[list[str]]:
    """The cells of a CSV, line by line, blank lines left out; quoted ones without their marks."""
    found: list[list[str]] = []
    row: list[str] = []
    cell, quoted = "", False
    signs = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if not signs.endswith("\n"):
        signs += "\n"
    at = 0
    while at < len(signs):
        sign = signs[at]
        if quoted and signs[at : at + 2] == '""':
            cell, at = cell + '"', at + 1
        elif sign == '"' and (quoted or not cell):
            quoted = not quoted
        elif quoted or sign not in ",\n":
            cell += sign
        else:
            row.append(cell.strip())
            cell = ""
            if sign == "\n":
                if any(row):
                    found.append(row)
                row = []
        at += 1
    return found


def table(text: str) -> list[dict[str, str]]:
    """The rows below the first as cells by the names of the first."""
    header, *others = rows(text) or [[]]
    return [dict(zip(header, row, strict=False)) for row in others]
