"""An independent and obvious reading of texts: numbers digit by digit, CSV sign by sign."""

from __future__ import annotations

from fractions import Fraction

DIGITS = "0123456789"


def number(text: str) -> Fraction | None:
    """The number that a text writes, exactly; None for what is none.

    A sign, digits with at most one point among them, an exponent: nothing else.
    """
    sign, rest = (-1 if text[:1] == "-" else 1), text.removeprefix("-")
    if rest == text:
        rest = text.removeprefix("+")
    mantissa, _, exponent = rest.replace("E", "e").partition("e")
    if "e" in rest.replace("E", "e") and not _is_whole(exponent.lstrip("+-"), exponent):
        return None
    whole, point, part = mantissa.partition(".")
    if not (whole or part) or not all(sign_ in DIGITS for sign_ in whole + part):
        return None
    scale = (int(exponent) if exponent else 0) - (len(part) if point else 0)
    if abs(scale) > 5_000:
        return None
    return sign * int(whole + part or "0") * Fraction(10) ** scale


def _is_whole(digits: str, written: str) -> bool:
    signs = len(written) - len(digits)
    return bool(digits) and signs <= 1 and len(digits) < 10 and all(d in DIGITS for d in digits)


def rows(text: str) -> list[list[str]]:
    """The cells of a CSV, line by line, blank lines left out; quoted ones without their marks."""
    found: list[list[str]] = []
    row: list[str] = []
    cell, quoted = "", False
    signs = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
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
