"""The venues that can be asked: what each is asked, and how its answers are put into one form.

In: connections through ccxt with their errors, and one file of requests for each venue.
Not in: the form in which answers are kept (feeds/fetched.py) and its reader.
"""

from enum import StrEnum


class Venue(StrEnum):
    """A venue that can be asked."""

    DERIBIT = "deribit"
    OKX = "okx"
    BYBIT = "bybit"


class Part(StrEnum):
    """What a venue can be asked for."""

    CHAIN = "chain"
    POSITIONS = "positions"
