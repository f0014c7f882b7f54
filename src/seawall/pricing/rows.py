"""Arguments of pricing functions as kernels take them: checked, broadcast, contiguous."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike

from seawall.basics.errors import BadNumber
from seawall.pricing.results import Flags, Floats


def numbers(name: str, values: ArrayLike, at_least: float = 0.0) -> Floats:
    """``values`` as float64. Raises BadNumber unless all are finite and not below ``at_least``."""
    given = np.asarray(values, dtype=np.float64)
    bad = ~(np.isfinite(given) & (given >= at_least))
    if np.any(bad):
        at = int(np.argmax(bad))
        bound = f" of at least {at_least:g}" if at_least > -math.inf else ""
        raise BadNumber(
            f"{name} is {given.flat[at]}",
            where=f"{name}, element {at}",
            remedy=f"Supply finite numbers{bound}.",
        )
    return given


def rows(
    is_call: ArrayLike, *, signed: Collection[str] = (), **named: ArrayLike
) -> tuple[list[Floats], Flags, tuple[int, ...]]:
    """The named numbers and the flags as ``any_rows`` gives them.

    Raises BadNumber for one that is not finite, for a negative one whose name is not in ``signed``,
    and when ``is_call`` is not boolean.
    """
    floor = {name: -math.inf if name in signed else 0.0 for name in named}
    return any_rows(is_call, *(numbers(name, named[name], floor[name]) for name in named))


def any_rows(is_call: ArrayLike, *values: ArrayLike) -> tuple[list[Floats], Flags, tuple[int, ...]]:
    """Contiguous rows of one length, the flags alike, and the shape to give results.

    The values are not checked. Raises BadNumber when ``is_call`` is not boolean.
    """
    flags = np.asarray(is_call)
    if flags.dtype != np.bool_:
        raise BadNumber(
            f"is_call holds {flags.dtype}, not booleans",
            where="is_call",
            remedy="Pass True for calls and False for puts.",
        )
    call, *arrays = np.broadcast_arrays(
        flags, *(np.asarray(each, dtype=np.float64) for each in values)
    )
    return [flat(each) for each in arrays], np.ascontiguousarray(call).ravel(), call.shape


def undiscounted_prices(price: ArrayLike, discount: ArrayLike) -> Floats:
    """``price`` over ``discount``, whatever the price is.

    Raises BadNumber when a discount factor is not finite and > 0.
    """
    D = numbers("discount", discount)
    if not np.all(D > 0.0):
        raise BadNumber(
            "a discount factor of 0 leaves no price to invert",
            where=f"discount, element {int(np.argmin(D))}",
            remedy="Supply discount factors above 0, or leave the argument out.",
        )
    with np.errstate(over="ignore"):
        return np.asarray(price, dtype=np.float64) / D


def flat(values: Floats) -> Floats:
    """``values`` as one contiguous row."""
    return np.ascontiguousarray(values).ravel()
