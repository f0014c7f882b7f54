"""Operations of IEEE 754 that Python has no word for: on float64, the same bits on every machine.

Kernels run each as one machine instruction; a processor without fused multiply-add runs ``fma`` of
the C library, which is slower and rounds alike. The plain functions beside them serve without
compilation: exact but for ``fma``, which Python has only from 3.13 on and which here rounds the
product too, so that results without compilation may differ in their last digits.
"""

from __future__ import annotations

import math
from typing import Any, cast

from seawall.kernels._jit import operation

EXPONENT_BIAS = 1023
MANTISSA_BITS = 52


def _emit_fma(builder: Any, x: Any, y: Any, z: Any) -> Any:
    return builder.fma(x, y, z)


@operation(_emit_fma)
def fma(x: float, y: float, z: float) -> float:
    """x·y + z, rounded once."""
    return x * y + z


def _bits(builder: Any, x: Any) -> Any:
    """A float64 as the integer of the same 64 bits."""
    from llvmlite import ir

    return builder.bitcast(x, cast(Any, ir).IntType(64))


def _emit_significand(builder: Any, x: Any) -> Any:
    bits = _bits(builder, x)
    fraction = builder.and_(bits, bits.type((1 << MANTISSA_BITS) - 1))
    one = bits.type(EXPONENT_BIAS << MANTISSA_BITS)
    return builder.bitcast(builder.or_(fraction, one), x.type)


@operation(_emit_significand)
def significand(x: float) -> float:
    """The number in [1, 2) that times a power of two is x; x > 0, finite and not subnormal."""
    return 2.0 * math.frexp(x)[0]


def _emit_exponent(builder: Any, x: Any) -> Any:
    bits = _bits(builder, x)
    biased = builder.lshr(bits, bits.type(MANTISSA_BITS))
    # As the last bits of 2^52, whose unit in the last place is one, it is a float without a
    # conversion, which not every instruction set has for whole vectors.
    shifted = builder.or_(biased, bits.type((EXPONENT_BIAS + MANTISSA_BITS) << MANTISSA_BITS))
    offset = x.type(2.0**MANTISSA_BITS + EXPONENT_BIAS)
    return builder.fsub(builder.bitcast(shifted, x.type), offset)


@operation(_emit_exponent)
def exponent(x: float) -> float:
    """The power of two that times ``significand(x)`` is x; x > 0, finite and not subnormal."""
    return float(math.frexp(x)[1] - 1)


POWER_SHIFT = 1.5 * 2.0**MANTISSA_BITS + EXPONENT_BIAS
"""Added to a float it leaves the nearest integer in the last bits, biased as an exponent is."""


def _emit_two_to(builder: Any, x: Any) -> Any:
    bits = _bits(builder, x)
    return builder.bitcast(builder.shl(bits, bits.type(MANTISSA_BITS)), x.type)


@operation(_emit_two_to)
def two_to(shifted: float) -> float:
    """2ⁿ of ``shifted`` = n + ``POWER_SHIFT``, for integers −1022 ≤ n ≤ 1023; 0 for n = −1023."""
    n = shifted - POWER_SHIFT
    return math.ldexp(1.0, int(n)) if n > -EXPONENT_BIAS else 0.0
