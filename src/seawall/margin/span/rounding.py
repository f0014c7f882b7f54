"""Decimals of published figures: half away from zero, as clearing houses round money."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

__all__ = ["rounded"]


def rounded(amount: float, decimals: int | None) -> float:
    """``amount`` to ``decimals`` places, a half away from zero; unchanged where that is None.

    The shortest decimal that names the float is what is rounded, so that 0.285 gives 0.29 though
    the double lies below it.
    """
    if decimals is None:
        return amount
    return float(Decimal(repr(float(amount))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
