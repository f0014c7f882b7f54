"""The ``--price ASSET=USD`` option as a table of prices."""

from __future__ import annotations

from collections.abc import Iterable

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadNumber


def parse_prices(given: Iterable[str]) -> dict[str, float]:
    """USD prices by asset from texts such as ``USDC=0.9998``.

    Whether a price is possible is checked where the snapshot is assembled. Raises BadNumber for
    a text of another form or an asset given twice.
    """
    prices: dict[str, float] = {}
    for text in given:
        asset, equals, value = (part.strip() for part in text.partition("="))
        if not (asset and equals and value):
            raise BadNumber(
                f"{text!r} is not a price",
                where="--price",
                remedy="Write ASSET=USD, for example --price USDC=0.9998.",
            )
        if asset in prices:
            raise BadNumber(
                f"the price of {asset} is given twice",
                where="--price",
                remedy="Give each asset one price.",
            )
        prices[asset] = float(parse_decimal(value, f"price of {asset}", "--price"))
    return prices
