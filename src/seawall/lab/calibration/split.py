"""What may be used to tune settings: history up to the end of 2022 and nothing after it."""

from __future__ import annotations

from datetime import UTC, datetime

from seawall.basics.errors import BadParameter
from seawall.basics.time import isoformat_utc
from seawall.market.history import MarketHistory

TRAINING_ENDS = datetime(2023, 1, 1, tzinfo=UTC)
"""Settings and multipliers are chosen on what was known by then and tested on what came after."""

TRAINING_ENDS_NS = int(TRAINING_ENDS.timestamp()) * 1_000_000_000


def training_part(history: MarketHistory) -> MarketHistory:
    """What of a history may be used for tuning."""
    return history.until(TRAINING_ENDS_NS)


def require_training(last_ns: int) -> None:
    """For whatever tunes: raises BadParameter if the last time it was given is in the test part."""
    if last_ns > TRAINING_ENDS_NS:
        raise BadParameter(
            f"data after {isoformat_utc(TRAINING_ENDS)}, which is kept for testing",
            where="tuning of settings",
            remedy="Tune on training_part(history) and test on the rest.",
        )
