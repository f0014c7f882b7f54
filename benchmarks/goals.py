"""The goals, each held against what the run found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.growth import ACCOUNTS, OURS
from benchmarks.record import Curve, Goal, Section, number
from benchmarks.sections import (
    accounts,
    implied_vols,
    latency,
    margin_book,
    one_account,
    processes,
    risk_arrays,
    scaling,
    svi_slices,
)

SMALL, LARGE = accounts.ACCOUNTS
# Ten times the accounts may take so much more than ten times as long.
LINEAR = 1.25

Figure = float | None


class Found:
    """Figures of a run by the section's key and the row's name; None for what was not measured."""

    def __init__(self, sections: Sequence[Section], curves: Sequence[Curve]) -> None:
        self._sections = {section.key: section for section in sections}
        self._curves = curves

    def figure(self, key: str, row: str, column: str | None = None) -> Figure:
        section = self._sections.get(key)
        return section.figure(row, column) if section else None

    def fact(self, key: str, name: str) -> Figure:
        section = self._sections.get(key)
        return section.facts.get(name) if section else None

    def times(self, key: str, peer: str, ours: str, ours_key: str | None = None) -> Figure:
        """A peer's figure over ours."""
        return _over(self.figure(key, peer), self.figure(ours_key or key, ours))

    def growth(self) -> tuple[Figure, str]:
        """Seconds per account at the most accounts over those at 100,000, and how many."""
        curve = next((curve for curve in self._curves if curve.title.startswith(ACCOUNTS)), None)
        points = dict(curve.lines.get(OURS, ())) if curve else {}
        most = max(points, default=0.0)
        if float(SMALL) not in points or most <= SMALL:
            return None, ""
        return _over(points[most] / most, points[float(SMALL)] / SMALL), f"{most:,.0f} accounts"


def _over(value: Figure, other: Figure) -> Figure:
    return value / other if value is not None and other else None


def _scaled(value: Figure, factor: float) -> Figure:
    return value * factor if value is not None else None


def _less(value: Figure, other: Figure) -> Figure:
    return value - other if value is not None and other is not None else None


def goals(sections: Sequence[Section], curves: Sequence[Curve]) -> list[Goal]:
    """Every goal of the specification, in its order."""
    found = Found(sections, curves)
    return [*_arrays(found), *_accounts(found), *_latency(found), *_others(found)]


def _arrays(found: Found) -> list[Goal]:
    key, ours = risk_arrays.KEY, risk_arrays.OURS
    return [
        _at_least(
            8, "x", "J1 over broadcast numpy + scipy", found.times(key, risk_arrays.BROADCAST, ours)
        ),
        _at_least(
            20, "x", "J1 over fast-vollib, numba", found.times(key, risk_arrays.FAST_VOLLIB, ours)
        ),
        _at_least(
            100, "x", "J1 over py_vollib_vectorized", found.times(key, risk_arrays.VECTORIZED, ours)
        ),
        _at_most(1e-14, "of the price", "J1 error", found.fact(key, risk_arrays.ERROR)),
        _at_most(
            0,
            "arrays of other bits",
            "J1 under AVX-512, AVX2 and neither",
            found.fact(key, risk_arrays.OTHER_BITS),
        ),
    ]


def _accounts(found: Found) -> list[Goal]:
    ours = accounts.OURS
    small, large = (accounts.key(size, "underlying") for size in (SMALL, LARGE))
    whole = [accounts.key(size, "account") for size in (SMALL, LARGE)]
    positions = LARGE * accounts.POSITIONS
    two = _scaled(found.figure(large, accounts.TWO_THREADS), positions / 1e9)
    return [
        _at_least(
            4,
            "x",
            "J2 over scipy.sparse (one matrix), 100k accounts",
            found.times(whole[0], accounts.SCIPY, ours, small),
        ),
        _at_least(
            4,
            "x",
            "J2 over scipy.sparse (a matrix an underlying), 100k accounts",
            found.times(small, accounts.SCIPY, ours),
        ),
        _at_least(
            10,
            "x",
            "J2 over scipy.sparse (one matrix), 1M accounts",
            found.times(whole[1], accounts.SCIPY, ours, large),
        ),
        _at_least(
            10,
            "x",
            "J2 over scipy.sparse (a matrix an underlying), 1M accounts",
            found.times(large, accounts.SCIPY, ours),
        ),
        _at_least(
            15, "x", "J2 over duckdb, 100k accounts", found.times(small, accounts.DUCKDB, ours)
        ),
        _at_most(0.2, "s", "J2 1M accounts x 30 positions, two threads", two),
        _at_most(450, "bytes", "J2 per account", found.fact(large, accounts.BYTES)),
        _at_most(
            LINEAR,
            "x",
            "J2 time per account at the most accounts over 100k",
            *found.growth(),
        ),
    ]


def _latency(found: Found) -> list[Goal]:
    key, book = latency.KEY, margin_book.KEY
    return [
        _at_most(1, "us", "J3 what-if, kernel, p99", _p99(found, key, latency.KERNEL)),
        _at_most(20, "us", "J3 MarginBook.what_if, p99", _p99(found, book, margin_book.WHAT_IF)),
        _at_most(
            1,
            "ms",
            "J3 50 positions, objects to explained requirement",
            found.figure(one_account.KEY, one_account.WHOLE),
        ),
        _at_most(
            6, "ns", "J3 tick per affected position", found.figure(latency.TICK_KEY, latency.TICK)
        ),
        _at_most(
            1.3,
            "x",
            "J3 what-if kernel p99 beside a fold, over idle",
            _over(_p99(found, key, latency.UNDER_LOAD), _p99(found, key, latency.IDLE)),
        ),
        _at_most(
            1.3,
            "x",
            "J3 MarginBook.what_if p99 beside margin_accounts, over idle",
            _over(
                _p99(found, book, margin_book.UNDER_LOAD), _p99(found, book, margin_book.WHAT_IF)
            ),
        ),
    ]


def _p99(found: Found, key: str, row: str) -> Figure:
    return found.figure(key, row, "p99")


def _others(found: Found) -> list[Goal]:
    key = processes.KEY
    imported = _less(found.figure(key, processes.IMPORT), found.figure(key, processes.NOTHING))
    vols = implied_vols.KEY
    return [
        _at_least(
            20,
            "x",
            "implied vol over py_vollib_vectorized",
            found.times(vols, risk_arrays.VECTORIZED, implied_vols.OURS),
        ),
        _at_most(1e-11, "per year^0.5", "implied vol error", found.fact(vols, implied_vols.ERROR)),
        _at_most(25, "us", "SVI fit of a slice", found.figure(svi_slices.KEY, svi_slices.OURS)),
        _at_most(1.5, "s", "CLI, warm, to the first number", found.figure(key, processes.MARGIN)),
        _at_most(0.3, "s", "import seawall", imported),
        *(
            _at_least(
                1.7, "x", f"Ray, two workers over one, 1M accounts, {column}", _ray(found, column)
            )
            for column in (scaling.TICK, scaling.BATCH)
        ),
    ]


def _ray(found: Found, column: str) -> Figure:
    """One worker's seconds over those of two."""
    one, two = (found.figure(scaling.KEY, name, column) for name in (scaling.ONE, scaling.TWO))
    return _over(one, two)


def _at_least(limit: float, unit: str, what: str, found: Figure, remark: str = "") -> Goal:
    return _goal(">=", limit, unit, what, found, lambda value: value >= limit, remark)


def _at_most(limit: float, unit: str, what: str, found: Figure, remark: str = "") -> Goal:
    return _goal("<=", limit, unit, what, found, lambda value: value <= limit, remark)


def _goal(
    sign: str,
    limit: float,
    unit: str,
    what: str,
    found: Figure,
    holds: Callable[[float], bool],
    remark: str,
) -> Goal:
    said = f"{number(found)} {unit}".strip() if found is not None else None
    wanted = f"{what}: {sign} {limit:g} {unit}".strip()
    return Goal(wanted, said, None if found is None else holds(found), remark)
