"""What can be asked of a market, as the parts of a model declare it before anything is computed."""

from __future__ import annotations

from enum import StrEnum


class Need(StrEnum):
    """A kind of market number."""

    INDEX = "index"
    FORWARD = "forward"
    MARK = "mark"
    IMPLIED_VOL = "implied volatility"
    VOLUME = "traded volume"
    SPREAD = "half-spread"
