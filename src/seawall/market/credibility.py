"""Which prices to believe where they contradict each other: an index, marks and forwards.

Every future and forward must lie near its index. Where one does not, one of the two is damaged;
what many rows stand behind is believed, and where that does not decide, the underlying is refused
rather than margined on a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seawall.basics.errors import BadNumber

# A future or forward further from its index than this factor is a bad number, not a basis.
MAX_BASIS_FACTOR = 2.0

Prices = dict[str, dict[str, float]]
"""By underlying, then by what it is called in messages: USD per coin."""


def contradictions(
    index: Mapping[str, float],
    sources: Mapping[str, Sequence[Sequence[float]]],
    chosen: Mapping[str, float],
    told: Prices,
    of_options: Prices,
) -> dict[str, str]:
    """Underlyings whose index cannot be told from a bad number, and what contradicts it.

    A forward of options far from the index always contradicts it: many rows stand behind it. A
    mark far from it is a bad tick, and only that, if at least one mark or forward agrees with the
    index, and these together with the sources of the index outnumber the marks that do not.
    ``told`` and ``of_options`` hold the marks and the options' forwards.
    """
    found: dict[str, str] = {}
    for underlying, level in index.items():
        marks, forwards = told.get(underlying, {}), of_options.get(underlying, {})
        far_marks = {what: usd for what, usd in marks.items() if not is_near(usd, level)}
        far_forwards = {what: usd for what, usd in forwards.items() if not is_near(usd, level)}
        near = len(marks) + len(forwards) - len(far_marks) - len(far_forwards)
        rows: Sequence[Sequence[float]] = () if underlying in chosen else sources[underlying]
        behind = sum(is_near(float(np.median(values)), level) for values in rows)
        behind += underlying in chosen
        is_tick = near > 0 and near + behind > len(far_marks)
        if far_forwards or (far_marks and not is_tick):
            what, usd = next(iter({**far_forwards, **far_marks}.items()))
            found[underlying] = (
                f"the index of {underlying} is {level:.10g} USD but {what} is {usd:.10g} USD"
            )
    return found


def is_near(usd: float, index: float) -> bool:
    """Whether a future or forward can belong to that index; both USD per coin."""
    return 1.0 / MAX_BASIS_FACTOR <= usd / index <= MAX_BASIS_FACTOR


def refuse_given(chosen: Mapping[str, float], refused: Mapping[str, str]) -> None:
    """A given price in the wrong unit would scale every requirement on its underlying."""
    for asset, value in chosen.items():
        if asset in refused:
            raise BadNumber(
                refused[asset],
                where=f"price {asset}={value}",
                remedy=f"Correct the given price of {asset}, or the files.",
            )
