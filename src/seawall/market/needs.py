"""What a model may ask of a market beside prices.

Prices, forwards, marks and volatilities of what is held are not on this list: every book is looked
up in full whatever the model, since the report's Greeks and values ask for them too.
"""

from __future__ import annotations

from enum import StrEnum


class Need(StrEnum):
    """A kind of market number for which a model has a written default."""

    VOLUME = "traded volume"
    SPREAD = "half-spread"
    OPEN_INTEREST = "open interest"
    FUNDING = "funding rate"
    CONFIDENCE = "confidence in the index"
    UTILISATION = "pool utilisation"
    SUPPLY = "circulating supply"
    STABLE_PRICE = "stable price"
    HISTORY = "price history"
