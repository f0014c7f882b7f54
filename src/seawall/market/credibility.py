"""Which prices to believe where they contradict each other: an index, marks and forwards.

Every future and forward must lie near its index, and a listed future near the forward that options
of its expiry imply. Where one does not, one of the two is damaged; what many rows stand behind is
believed, and where that does not decide, the underlying is refused rather than margined on a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from seawall.products.markets import is_signed, times_apart

# A future or forward is further from its index than this only if one of the two is damaged: 5 % and
# a quarter of the price a year. The most in the recorded chains and curves of BTC and ETH, a fall
# by a fifth in two days included, is 0.6 % up to a month and 5 % at a year.
MAX_BASIS, MAX_BASIS_PER_YEAR = 0.05, 0.25
# A price that may be negative is as far from its futures as storage costs: on 20 April 2020 WTI's
# second future settled 58.06 USD above its first, 2.84 times the lesser level. More times apart
# than this tells a slip and nothing finer.
MAX_SIGNED_TIMES = 5.0
# A listed future this far from its expiry's option-implied forward is a bad tick.
MAX_FUTURE_ERROR_REL = 0.03


class Quoted(NamedTuple):
    """A mark or forward: USD per coin and the years to its expiry (0 for a perpetual)."""

    usd: float
    tenor_years: float


Prices = dict[str, dict[str, Quoted]]
"""By underlying, then by what it is called in messages."""


def contradictions(
    index: Mapping[str, float],
    sources: Mapping[str, Sequence[Sequence[float]]],
    chosen: Mapping[str, float],
    told: Prices,
    of_options: Prices,
) -> dict[str, str]:
    """Underlyings whose index cannot be told from a bad number, and what contradicts it.

    Forwards of options far from the index contradict it unless more marks and forwards agree with
    it: then their expiries are damaged. A mark far from it is a bad tick, and only that, if at
    least one mark or forward agrees with the index, and these together with the sources of the
    index outnumber the marks that do not. ``told`` and ``of_options`` hold the marks and the
    options' forwards.
    """
    found: dict[str, str] = {}
    for underlying, level in index.items():
        marks, forwards = told.get(underlying, {}), of_options.get(underlying, {})
        near_it = partial(is_near, underlying, index=level)
        far_marks = {what: told for what, told in marks.items() if not near_it(told)}
        far_forwards = {what: told for what, told in forwards.items() if not near_it(told)}
        near = len(marks) + len(forwards) - len(far_marks) - len(far_forwards)
        rows: Sequence[Sequence[float]] = () if underlying in chosen else sources[underlying]
        behind = sum(near_it(Quoted(float(np.median(values)), 0.0)) for values in rows)
        behind += underlying in chosen
        is_tick = near > 0 and near + behind > len(far_marks)
        if (far_forwards and near <= len(far_forwards)) or (far_marks and not is_tick):
            what, quoted = next(iter({**far_forwards, **far_marks}.items()))
            found[underlying] = (
                f"the index of {underlying} is {level:.10g} USD but {what} is {quoted.usd:.10g} USD"
            )
    return found


def is_near(underlying: str, quoted: Quoted, index: float) -> bool:
    """Whether a future or forward can belong to an index in USD per coin."""
    if is_signed(underlying):
        return times_apart(underlying, quoted.usd, index) <= MAX_SIGNED_TIMES
    reach = MAX_BASIS + MAX_BASIS_PER_YEAR * quoted.tenor_years
    # Of numbers far enough apart the ratio is zero or infinite, their logarithms are not.
    return quoted.usd > 0.0 and abs(math.log(quoted.usd) - math.log(index)) <= reach
