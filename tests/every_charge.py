"""The house model with every charge there is, as a preset would write it.

Its numbers stand once more, keyed in by hand, in tests/naive/parameters.py.
"""

from __future__ import annotations

import msgspec

from seawall.margin.charges import (
    ConcentrationCharge,
    FundingCharge,
    OracleCharge,
    UtilisationCharge,
)
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset

OPEN_INTEREST_USD = {"btc": 10e9, "eth": 10e9, "large": 1e9, "equity-index": 1e9, "other": 50e6}


def every_charge() -> MarginModel:
    """``prbm`` with concentration, funding, oracle and utilisation."""
    house = load_preset("prbm")
    return msgspec.structs.replace(
        house,
        name="every-charge",
        classes=tuple(
            msgspec.structs.replace(c, open_interest_usd=OPEN_INTEREST_USD[c.name])
            for c in house.classes
        ),
        charges=(
            *house.charges,
            ConcentrationCharge(factor=4.0, free_share=0.05),
            FundingCharge(shock_per_day=0.003, horizon_days=1.0),
            OracleCharge(default_confidence=1.0, stale_sd=1.0, grace_s=60.0),
            UtilisationCharge(knee=0.80, factor_when_full=0.50),
        ),
    )
