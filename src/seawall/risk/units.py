"""One unit of each instrument as it stands in a market: its terms, what it is worth, its Greeks.

None of it depends on who holds it, so that it is worked out once a snapshot and kept there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seawall.basics.time import isoformat_utc, tenor_years
from seawall.kernels.revalue import CALL_KIND
from seawall.market.early import EarlyExercise
from seawall.market.snapshot import MarketSnapshot, OptionSlice, SliceKey
from seawall.market.terms import terms_at
from seawall.products.instruments import (
    DatedFuture,
    Expiring,
    Instrument,
    Option,
    Perpetual,
)
from seawall.products.markets import is_signed
from seawall.risk.sensitivities import UnitTerms, option_values, unit_greeks

Floats = NDArray[np.float64]

SPOT, PERPETUAL, FUTURE = range(CALL_KIND)
CALL, PUT = CALL_KIND, CALL_KIND + 1
"""Codes of the ``kind`` column, as the kernel reads them."""

SPOT_BUCKET, PERPETUAL_BUCKET = "spot", "perpetual"

NUMBERS = (
    "forward",
    "strike",
    "vol",
    "atm_vol",
    "vol_unit",
    "tenor_years",
    "discount",
    "unit_usd",
    "mark_usd",
    "delta",
    "gamma",
    "vega_usd",
    "theta_usd",
)
"""Columns of :class:`seawall.risk.book.UnderlyingBook` that are of one unit in a market."""


@dataclass(frozen=True, slots=True)
class UnitQuote:
    """One unit of an instrument; fields as in :class:`seawall.risk.book.UnderlyingBook`.

    ``order`` is its place among those of its underlying: expiry in seconds since 1970 (0 where
    there is none), then name. ``numbers`` are the :data:`NUMBERS`; ``listed`` and ``early`` are
    None where it has none.
    """

    order: tuple[float, str]
    kind: int
    bucket: str
    inverse: bool
    physical: bool
    listed: OptionSlice | None
    early: EarlyExercise | None
    numbers: tuple[float, ...]


def unit_quotes(
    underlying: str, instruments: Sequence[Instrument], market: MarketSnapshot
) -> list[UnitQuote]:
    """The quotes of instruments of one underlying, in their order.

    Raises MissingQuote, ExpiredInstrument, BadNumber for a refused underlying.
    """
    memo = market.memo(UnitQuote)
    known = [memo.get(instrument) for instrument in instruments]
    missing = [i for i, quote in zip(instruments, known, strict=True) if quote is None]
    found = iter(_quoted(underlying, missing, market) if missing else ())
    return [
        memo.put(instrument, next(found)) if quote is None else quote
        for instrument, quote in zip(instruments, known, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Row:
    """An instrument's terms and quotes, before they become columns."""

    kind: int
    bucket: str
    forward: float
    unit_usd: float
    strike: float = 0.0
    vol: float = 0.0
    atm_vol: float = 0.0
    vol_unit: float = 1.0
    tenor_years: float = 0.0
    discount: float = 1.0
    mark: float = np.nan
    listed: OptionSlice | None = None


_QUOTED = ("forward", "strike", "vol", "vol_unit", "tenor_years", "discount", "unit_usd")


def _quoted(
    underlying: str, instruments: Sequence[Instrument], market: MarketSnapshot
) -> Iterable[UnitQuote]:
    """Looked up and valued, all of them at once."""
    rows = [_look_up(instrument, market) for instrument in instruments]

    def column(name: str) -> Floats:
        return np.array([getattr(row, name) for row in rows], dtype=np.float64)

    kind = np.array([row.kind for row in rows], dtype=np.int64)
    early = _early_of([row.listed for row in rows], market)
    american = {row: each for row, each in enumerate(early) if each is not None}
    terms = UnitTerms(kind, *map(column, _QUOTED), american=american, signed=is_signed(underlying))
    mark, option = column("mark"), terms.is_option
    mark_usd = np.where(kind == SPOT, mark, 0.0)
    # An option is worth the venue's mark, or the model's value where it has none.
    mark = np.where(np.isfinite(mark), mark, option_values(terms))
    mark_usd[option] = (terms.unit_usd * mark)[option]
    columns = {
        **{name: getattr(terms, name) for name in _QUOTED},
        "atm_vol": column("atm_vol"),
        "mark_usd": mark_usd,
        **unit_greeks(terms, market.spot_usd(underlying)),
    }
    numbers = zip(*(columns[name].tolist() for name in NUMBERS), strict=True)
    return (
        UnitQuote(
            order=_order(instrument),
            kind=row.kind,
            bucket=row.bucket,
            inverse=instrument.is_inverse,
            physical=isinstance(instrument, Expiring) and instrument.delivery == "physical",
            listed=row.listed,
            early=own,
            numbers=each,
        )
        for instrument, row, own, each in zip(instruments, rows, early, numbers, strict=True)
    )


def _order(instrument: Instrument) -> tuple[float, str]:
    expires = isinstance(instrument, Expiring)
    return instrument.expiry.timestamp() if expires else 0.0, instrument.name


def _early_of(
    listed: Iterable[OptionSlice | None], market: MarketSnapshot
) -> list[EarlyExercise | None]:
    """What values the American options of each row's slice; None of all else."""
    of_slice: dict[SliceKey, EarlyExercise | None] = {}
    found: list[EarlyExercise | None] = []
    for each in listed:
        if each is not None and each.key not in of_slice:
            of_slice[each.key] = terms_at(each, market.index_usd, market.as_of).early
        found.append(None if each is None else of_slice[each.key])
    return found


def _look_up(instrument: Instrument, market: MarketSnapshot) -> _Row:
    if isinstance(instrument, Perpetual):
        forward, unit = market.forward(instrument), market.quote_usd(instrument)
        return _Row(PERPETUAL, PERPETUAL_BUCKET, forward, unit)
    if isinstance(instrument, DatedFuture):
        forward, unit = market.forward(instrument), market.quote_usd(instrument)
        tenor = tenor_years(market.as_of, instrument.expiry)
        bucket = isoformat_utc(instrument.expiry)
        return _Row(FUTURE, bucket, forward, unit, tenor_years=tenor)
    if isinstance(instrument, Option):
        listed, row = market.option_row(instrument)
        return _Row(
            kind=CALL if instrument.is_call else PUT,
            bucket=isoformat_utc(instrument.expiry),
            forward=listed.forward,
            unit_usd=market.quote_usd(instrument),
            strike=instrument.strike,
            vol=float(listed.vol[row]),
            atm_vol=listed.atm_vol,
            vol_unit=1.0 if listed.vol_unit is None else listed.vol_unit,
            tenor_years=tenor_years(market.as_of, instrument.expiry),
            discount=listed.discount,
            mark=float(listed.mark[row]) * (listed.forward if instrument.is_inverse else 1.0),
            listed=listed,
        )
    # A wrapper stands at the index in units of what it is worth, so that it moves one to one.
    index, held = market.spot_usd(instrument.underlying), market.asset_usd(instrument)
    return _Row(SPOT, SPOT_BUCKET, index, held / index, mark=held)
