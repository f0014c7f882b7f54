"""What moved a number, in one line: with the numbers that an account's notice needs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall.lab.calibration.shocks import ShockEstimate
from seawall.report.calibration import ParameterMove

_VOL = ".daily_vol_rel"


def with_vols_before(moves: Sequence[ParameterMove], *, given: bool) -> tuple[ParameterMove, ...]:
    """Moves that say what the class's volatility was in the model ``given`` before, and is now."""
    if not given:
        return tuple(moves)
    vols = {move.key.removesuffix(_VOL): move for move in moves if move.key.endswith(_VOL)}
    return tuple(
        msgspec.structs.replace(
            move,
            cause=f"{move.cause}; in force {vol.before:.2%} before, {vol.after:.2%} after",
        )
        if (vol := vols.get(move.key.rpartition(".")[0])) and _by_volatility(move.key)
        else move
        for move in moves
    )


def _by_volatility(key: str) -> bool:
    return key.endswith(_VOL) or ".price_range_" in key


def shock_cause(
    name: str, recent: float, long_run: float, levels: Sequence[tuple[ShockEstimate, float]]
) -> str:
    """Why a shock is as large as it is: moves of late and in the long run, at which quantile."""
    quantiles = " and ".join(f"{each.confidence:.1%}" for each, _ in levels)
    sizes = f"{recent:.4g} of late, {long_run:.4g} in the long run"
    return f"moves of {name}: {sizes}, quantile {quantiles}"
