"""Prices given by hand: checked before they count, and said where they matter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from seawall.basics.decimals import MAX_PRICE
from seawall.basics.errors import BadNumber, UnknownInstrument
from seawall.products.assets import CURRENCIES, ROUGH_LEVELS_USD
from seawall.products.instruments import CASH, STABLECOINS, Asset
from seawall.products.markets import is_index, is_price, is_signed
from seawall.products.names import NAMED_ASSETS, parse_name

# A stablecoin may lose its peg downwards; above this the price is a slip.
MAX_STABLE_PRICE = 1.10
# A price of a currency further from its rough level than this factor, either way, is a slip.
CASH_FACTOR = 2.5
# A price this far from one dollar is worth a second look.
PEG_TOLERANCE = 0.01


def check_given(prices: Mapping[str, float]) -> dict[str, float]:
    """The prices, each of an asset other than USD and possible. Raises BadNumber."""
    if not isinstance(prices, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadNumber(
            f"{prices!r:.60} are no prices", where="prices", remedy='Give {"USDC": 0.9998}, say.'
        )
    found: dict[str, float] = {}
    for asset, value in prices.items():
        priced, why = False, f"{value} is not a price of {asset} in USD"
        remedy = (
            "Give a positive, finite price in USD of one unit of an asset, such as USDC=0.9998 or "
            "EUR=1.16."
        )
        try:
            unheld = is_index(asset) or is_signed(asset)
            listed = unheld or isinstance(parse_name(asset), Asset)
            priced = listed and asset != CASH
        except UnknownInstrument as error:
            refuse_misspelt({str(asset): value}, ())
            why += f": {error.what}"
        number = _number(value)
        if not (priced and is_price(asset, number) and number < _most(asset)):
            raise BadNumber(why, where=f"price {asset}={value}", remedy=remedy)
        if asset in CURRENCIES:
            _require_near_level(asset, number, why)
        found[asset] = number
    return found


def _require_near_level(currency: str, price_usd: float, why: str) -> None:
    """A price of a currency far from its rough level is a slip; the message says which."""
    level = ROUGH_LEVELS_USD[currency]

    def near(price: float) -> bool:
        return level / CASH_FACTOR <= price <= level * CASH_FACTOR

    if near(price_usd):
        return
    turned = 1.0 / price_usd
    slip = f"{currency} per USD, turned round" if near(turned) else "scaled, or of another currency"
    meant = f", {currency}={turned:.6g} say" if near(turned) else ""
    raise BadNumber(
        f"{why}, which is worth about {level:g}: the price is {slip}",
        where=f"price {currency}={price_usd:g}",
        remedy=f"Give USD per {currency}{meant}.",
    )


def _most(asset: str) -> float:
    """What no price of the asset reaches."""
    return MAX_STABLE_PRICE if asset in STABLECOINS else MAX_PRICE


def _number(value: object) -> float:
    """A number as float, NaN for everything else that a program may hand in."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return math.nan
    return float(value)


def refuse_misspelt(given: Mapping[str, float], index: Iterable[str]) -> None:
    """A price of ``usdc`` would be kept and never used, and USDC silently count as 1."""
    for asset, known in misspelt(given, index):
        value = given[asset]
        raise BadNumber(
            f"{asset} is not how {known} is written",
            where=f"price {asset}={value}",
            remedy=f"Write {known}={value}.",
        )


def misspelt(names: Iterable[str], index: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that are spelt like one of the index, or a known asset, but for their case; each with
    the right spelling.
    """
    meant = {asset.casefold(): asset for asset in (*index, *NAMED_ASSETS)}
    for name in names:
        known = meant.get(name.casefold(), name)
        if known != name:
            yield name, known


def refuse_contradicted(chosen: Mapping[str, float], refused: Mapping[str, str]) -> None:
    """A given price in the wrong unit would scale every requirement on its underlying."""
    for asset, value in chosen.items():
        if asset in refused:
            raise BadNumber(
                refused[asset],
                where=f"price {asset}={value}",
                remedy=f"Correct the given price of {asset}, or the files.",
            )


def warnings_of_given(given: Mapping[str, float], listed: Mapping[str, float]) -> list[str]:
    """What a report must repeat: an index overruled, a stablecoin away from its peg."""
    found: list[str] = []
    for asset, value in given.items():
        if asset in STABLECOINS and abs(value - 1.0) > PEG_TOLERANCE:
            found.append(f"{asset} given as {value:.10g} USD, away from its peg.")
        elif listed.get(asset, value) != value:
            found.append(
                f"Index of {asset} given as {value:.10g}; the files say {listed[asset]:.10g}."
            )
    return found
