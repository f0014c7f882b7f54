"""Where the fields of SPAN's expanded unpacked records stand (``.pa2``, format U2).

Columns are counted from 1, both ends in, as CME's public pages on the format give them. Only fields
that an algorithm of ours uses are listed. Lines may be longer or shorter than a record: what is
missing is blank.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LAYOUT", "PASSED_OVER", "Field"]


@dataclass(frozen=True, slots=True)
class Field:
    """Columns ``first`` to ``last``; a number with ``decimals`` implied, or text where None."""

    first: int
    last: int
    decimals: int | None = None


def _repeated(
    times: int, step: int, fields: dict[str, tuple[int, int, int | None]]
) -> dict[str, Field]:
    """Fields ``name1``, ``name2`` … of a group that stands ``times`` times, ``step`` columns
    apart.
    """
    return {
        f"{name}{n + 1}": Field(first + n * step, last + n * step, decimals)
        for n in range(times)
        for name, (first, last, decimals) in fields.items()
    }


def _array(first: int, values: range, digits: int) -> dict[str, Field]:
    """Array values and their signs, which stand behind each."""
    found: dict[str, Field] = {}
    for n, value in enumerate(values):
        at = first + n * (digits + 1)
        found[f"loss{value}"] = Field(at, at + digits - 1, 0)
        found[f"loss{value}_sign"] = Field(at + digits, at + digits)
    return found


_CONTRACT = {
    "exchange": Field(3, 5),
    "product": Field(6, 15),
    "type": Field(26, 28),
    "right": Field(29, 29),
    "future_month": Field(30, 35),
    "future_day": Field(36, 37),
    "option_month": Field(39, 44),
    "option_day": Field(45, 46),
    "strike": Field(48, 54),
}


def _second_half(digits: int, delta: int, price: int) -> dict[str, Field]:
    return {
        **_CONTRACT,
        **_array(55, range(10, 17), digits),
        "delta": Field(delta, delta + 4, 4),
        "delta_sign": Field(delta + 5, delta + 5),
        "price": Field(price, price + 6, 0),
        "price_sign": Field(price + 7, price + 7),
        "strike_sign": Field(price + 8, price + 8),
    }


LAYOUT: dict[str, dict[str, Field]] = {
    "0 ": {
        "complex": Field(3, 8),
        "business_date": Field(9, 16),
        "format": Field(36, 37),
    },
    "2 ": {
        "exchange": Field(3, 5),
        "commodity": Field(7, 12),
        "exponent": Field(13, 13, 0),
        "currency": Field(14, 16),
        "option_style": Field(18, 18),
        "limit": Field(19, 19),
        **_repeated(
            6,
            16,
            {
                "product": (23, 32, None),
                "type": (33, 35, None),
                "array_decimals": (36, 36, 0),
                "array_decimals_sign": (37, 37, None),
            },
        ),
    },
    "3 ": {
        "commodity": Field(3, 8),
        "method": Field(9, 10),
        **_repeated(4, 14, {"tier": (11, 12, 0), "from": (13, 18, None), "to": (19, 24, None)}),
        **_repeated(4, 4, {"from_day": (81, 82, None), "to_day": (83, 84, None)}),
        "ratio_member": Field(69, 72, 3),
        "ratio_hedger": Field(73, 76, 3),
        "ratio_speculator": Field(77, 80, 3),
    },
    "4 ": {
        "commodity": Field(3, 8),
        "method": Field(9, 10),
        **_repeated(
            2, 22, {"period": (15, 20, None), "in_spreads": (21, 27, 0), "outright": (28, 34, 0)}
        ),
        **_repeated(2, 2, {"day": (57, 58, None)}),
        "short_option": Field(63, 69, 0),
        "adjustment_member": Field(70, 72, 2),
        "adjustment_hedger": Field(73, 75, 2),
        "adjustment_speculator": Field(76, 78, 2),
        "short_option_method": Field(79, 79),
    },
    "6 ": {
        "priority": Field(6, 9, 0),
        "rate": Field(10, 16, 4),
        **_repeated(
            4, 18, {"commodity": (21, 26, None), "ratio": (27, 33, 4), "side": (34, 34, None)}
        ),
        **_repeated(4, 2, {"tier": (102, 103, 0)}),
        **_repeated(4, 7, {"rate": (123, 129, 4)}),
        "method": Field(89, 90),
        "credit_method": Field(101, 101),
        "group": Field(110, 110),
        "rate_by_leg": Field(122, 122),
    },
    "81": {**_CONTRACT, **_array(55, range(1, 10), 5)},
    "82": _second_half(5, 97, 111),
    "83": {**_CONTRACT, **_array(55, range(1, 10), 8)},
    "84": _second_half(8, 118, 132),
    "B ": {
        "exchange": Field(3, 5),
        "product": Field(6, 15),
        "type": Field(16, 18),
        "future_month": Field(19, 24),
        "future_day": Field(25, 26),
        "option_month": Field(28, 33),
        "option_day": Field(34, 35),
        "scaling": Field(86, 91, 4),
    },
    "C ": {
        "commodity": Field(3, 8),
        "priority": Field(11, 12, 0),
        "legs": Field(13, 14, 0),
        "charge": Field(15, 21, 0),
        **_repeated(8, 7, {"tier": (24, 25, 0), "ratio": (26, 27, 0), "side": (28, 28, None)}),
    },
    "E ": {
        "commodity": Field(3, 8),
        "priority": Field(9, 13, 0),
        "charge": Field(14, 20, 0),
        **_repeated(
            4,
            14,
            {
                "month": (21, 24, None),
                "rest": (25, 27, None),
                "ratio": (28, 33, 4),
                "side": (34, 34, None),
            },
        ),
    },
    "P ": {
        "exchange": Field(3, 5),
        "product": Field(6, 15),
        "type": Field(16, 18),
        "price_decimals": Field(34, 36, 0),
        "strike_decimals": Field(37, 39, 0),
        "value_factor": Field(42, 55, 7),
        "value_factor_sign": Field(73, 73),
        "value_factor_exponent": Field(74, 75, 0),
        "valuation": Field(117, 121),
    },
    "S ": {
        "commodity": Field(3, 8),
        "method": Field(9, 10),
        **_repeated(5, 14, {"tier": (13, 14, 0), "from": (15, 20, None), "to": (21, 26, None)}),
        **_repeated(5, 4, {"from_day": (84, 85, None), "to_day": (86, 87, None)}),
        "weighted_method": Field(83, 83),
    },
}
"""Fields by record identifier, two columns wide."""

PASSED_OVER = frozenset(
    ("1 ", "5 ", "91", "92", "R ", "T ", "V ", "X ", "Y ", "Z "),
)
"""Identifiers of published records that nothing here uses."""
