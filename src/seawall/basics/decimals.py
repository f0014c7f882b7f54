"""Decimal numbers as people write them, read exactly, and the largest of prices."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from seawall.basics.errors import BadNumber

MAX_PRICE = 1e12
"""No price, strike or volatility is as large; from here on a number is damaged."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[,'_ \u00a0][0-9]{3})+(?:[.,][0-9]+)?")
# Finer than any coin divides (wei is 18), and longer than any float is written.
_MAX_DECIMALS, _MAX_CHARACTERS = 30, 60


def parse_decimal(text: str, what: str, where: str, most_decimals: int = _MAX_DECIMALS) -> Decimal:
    """A decimal number as it is written, exactly; 1e3 is one, NaN and 1,000 are not.

    ``what`` names the number in the message; ``most_decimals`` it may have. Raises BadNumber for
    everything else.
    """
    if len(text) <= _MAX_CHARACTERS and _NUMBER.fullmatch(text):
        try:
            value = Decimal(text)
        except InvalidOperation:  # an exponent beyond what Decimal holds
            value = Decimal("NaN")
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent >= -most_decimals:
            return value
        remedy = f"Give a finite number with at most {most_decimals} decimals."
    elif _NUMBER.fullmatch(text):
        remedy = f"Give at most {_MAX_CHARACTERS} characters."
    elif _GROUPED.fullmatch(text):
        remedy = "Write it without thousands separators, for example 1000000.5."
    else:
        remedy = "Give a decimal number such as 12.5 or -3e2."
    raise BadNumber(f"{what} is {text[:40]!r}, not a number", where=where, remedy=remedy)
