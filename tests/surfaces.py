"""Surfaces and markets with something left out, and how far off surfaces are about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from seawall.market.slices import vol_at_forward
from seawall.market.smiles import Smile
from seawall.market.snapshot import MarketSnapshot, SliceKey
from seawall.market.surface import ForwardCurve, VolSurface
from seawall.pricing.svi_fit import MIN_STRIKES
from seawall.products.names import contract_name


def without_strike(smile: Smile, row: int) -> Smile:
    kept = np.arange(smile.strike.size) != row
    return replace(smile, strike=smile.strike[kept], vol=smile.vol[kept])


def without_expiry(surface: VolSurface, row: int) -> VolSurface:
    tenor = surface.smiles[row].tenor_years
    kept = surface.curve.tenor_years != tenor
    curve = ForwardCurve(surface.curve.tenor_years[kept], surface.curve.forward[kept])
    return replace(surface, smiles=surface.smiles[:row] + surface.smiles[row + 1 :], curve=curve)


def strike_errors(surface: VolSurface) -> dict[str, np.ndarray]:
    """|error| in vol points at each strike that its smile is made without.

    ``between``: with listed strikes on both sides; ``slice``: there, by the fitted slice alone;
    ``linear``: there, by a line in total variance; ``beyond``: the outermost, within reach.
    """
    found: dict[str, list[float]] = {"between": [], "slice": [], "linear": [], "beyond": []}
    for smile in surface.smiles:
        for row in range(smile.strike.size if smile.strike.size > MIN_STRIKES else 0):
            rest, strike = without_strike(smile, row), smile.strike[row : row + 1]
            k, vol = np.log(strike / smile.forward), float(smile.vol[row])
            if not rest.reach[0] <= k[0] <= rest.reach[1]:
                continue
            error = 100.0 * abs(float(rest.vols(strike)[0]) - vol)
            if not 0 < row < smile.strike.size - 1:
                found["beyond"].append(error)
                continue
            found["between"].append(error)
            fitted = rest.fit().slice
            assert fitted is not None
            others = (
                ("slice", float(fitted.total_variance(k)[0]) / smile.tenor_years),
                ("linear", float(np.interp(k[0], rest.log_moneyness, rest.vol**2))),
            )
            for name, variance in others:
                found[name].append(100.0 * abs(variance**0.5 - vol))
    return {name: np.array(errors) for name, errors in found.items()}


def expiry_errors(surface: VolSurface) -> dict[str, np.ndarray]:
    """Per expiry with listed ones on both sides, that the surface is made without.

    ``vol``: |error| in vol points at its strikes within reach; ``within``: whether they are, over
    all its strikes; ``forward``: |error| of the forward in basis points.
    """
    found: dict[str, list[float]] = {"vol": [], "within": [], "forward": []}
    for row in range(1, len(surface.smiles) - 1):
        left, smile = without_expiry(surface, row), surface.smiles[row]
        forward = left.forward(smile.expiry)
        found["forward"].append(1e4 * abs(forward / smile.forward - 1.0))
        before, after = surface.smiles[row - 1], surface.smiles[row + 1]
        roots = np.sqrt([before.tenor_years, after.tenor_years])
        ends = zip(before.reach, after.reach, strict=True)
        low, high = (np.interp(np.sqrt(smile.tenor_years), roots, end) for end in ends)
        k = np.log(smile.strike / forward)
        within = (k >= low) & (k <= high)
        found["within"].extend(within.tolist())
        vols, _ = left.vols(smile.expiry, smile.strike[within])
        found["vol"].extend((100.0 * np.abs(vols - smile.vol[within])).tolist())
    return {name: np.array(errors) for name, errors in found.items()}


def without_options(market: MarketSnapshot, names: Iterable[str]) -> MarketSnapshot:
    """The market as if these options were not listed; their expiries keep some."""
    gone, slices, rows = set(names), dict(market.slices), {}
    for key, s in market.slices.items():
        keep = np.array([name not in gone for name in s.names])
        if not keep.all():
            columns = ("strike", "is_call", "vol", "mark", "observed_s")
            kept = {c: getattr(s, c)[keep] for c in columns}
            s = slices[key] = replace(
                s,
                names=tuple(n for n, k in zip(s.names, keep, strict=True) if k),
                atm_vol=vol_at_forward(s.forward, kept["strike"], kept["vol"]),
                **kept,
            )
        rows |= {name: (key, row) for row, name in enumerate(s.names)}
    return replace(market, slices=slices, option_rows=rows)


def without_expiries(market: MarketSnapshot, keys: Iterable[SliceKey]) -> MarketSnapshot:
    """The market as if nothing of these expiries were listed."""
    gone = set(keys)
    futures = {contract_name(*key) for key in gone}
    return replace(
        market,
        forwards={key: f for key, f in market.forwards.items() if key not in gone},
        futures={name: f for name, f in market.futures.items() if name not in futures},
        slices={key: s for key, s in market.slices.items() if key not in gone},
        option_rows={n: at for n, at in market.option_rows.items() if at[0] not in gone},
    )
