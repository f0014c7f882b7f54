"""OKX's positions: the request of its position builder (``simPos``), and ``account/positions``.

``pos`` counts contracts: coins of linear swaps and futures and of options, USD of inverse ones, as
many as a contract of the venue is. With ``posSide`` long or short it has no sign of its own. An
inverse position needs a mark, its ``markPx`` or the market's. ``simAsset`` are balances.

Source: OKX's API documentation of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from seawall.basics.errors import BadNumber, InputError
from seawall.feeds.holdings import (
    DEFAULT_ACCOUNT,
    Accounts,
    Holding,
    decimal_of,
    instrument_of,
    netted,
    of_contracts,
    price_of,
)
from seawall.feeds.messages import Entry, Json, Message, text_of
from seawall.products.instruments import Asset, Future, Instrument, has_usd_size
from seawall.products.names import ContractSpec, contract_spec, parse_venue_name

POSITION_KEYS = ("instId", "pos")
"""The keys by which positions are recognised."""

VENUE = "okx"
_SIGNS = {"long": 1, "short": -1}


def read_positions(message: Message) -> Accounts:
    """The positions of one account; those of zero are left out, long and short legs are netted.

    Raises UnknownInstrument, BadNumber, InputError for a contract whose size is not known.
    """
    return _accounts(_positions(message.entries, message.name, "row"), [], ())


def read_simulated(message: Message) -> Accounts:
    """The positions and assets of a request to the position builder. Raises as read_positions."""
    fields = message.fields
    positions = _positions(_objects(fields.get("simPos")), message.name, "simPos")
    assets: list[Holding] = []
    for number, entry in enumerate(_objects(fields.get("simAsset")), 1):
        where = f"{message.name} simAsset {number}"
        asset = instrument_of(text_of(entry, "ccy"), where)
        amount = decimal_of(entry, "amt", where)
        if amount is None or not isinstance(asset, Asset):
            raise BadNumber(
                f"amt {amount} of {asset.name} is no balance",
                where=where,
                remedy="Give a currency and an amount.",
            )
        assets.append(Holding(asset, amount, where))
    real = fields.get("inclRealPosAndEq") in (True, "true")
    warning = (
        f"{message.name} asks for the account's real positions too, which are not in it: "
        "only the simulated ones are counted."
    )
    return _accounts(positions, assets, (warning,) if real else ())


def _accounts(
    positions: Sequence[Holding], assets: Sequence[Holding], warnings: tuple[str, ...]
) -> Accounts:
    held, said = netted(positions, assets)
    return Accounts({DEFAULT_ACCOUNT: held}, (*warnings, *said))


def _positions(entries: Sequence[Entry], file: str, part: str) -> list[Holding]:
    found: list[Holding] = []
    for number, entry in enumerate(entries, 1):
        where = f"{file} {part} {number}"
        count = decimal_of(entry, "pos", where)
        if count is None or count == 0:
            continue
        found.append(_position(entry, count, where))
    return found


def _position(entry: Entry, count: Decimal, where: str) -> Holding:
    name, side = text_of(entry, "instId") or "", text_of(entry, "posSide")
    sign = _SIGNS.get(side or "")
    if sign is not None and count < 0 and sign > 0:
        raise BadNumber(
            f"pos {count} of {name} is said to be long",
            where=where,
            remedy="Give pos with a sign, or posSide.",
        )
    contracts = count if sign is None else abs(count) * sign
    try:
        contract = parse_venue_name(name, VENUE)
        spec = spec_of(contract, entry, where)
    except InputError as error:
        raise type(error)(error.what, where=where, remedy=error.remedy) from None
    return of_contracts(
        contract,
        contracts,
        spec,
        where,
        mark=price_of(entry, "markPx", where),
        entry_price=price_of(entry, "avgPx", where) if isinstance(contract, Future) else None,
    )


def spec_of(contract: Instrument, entry: Entry, where: str) -> ContractSpec:
    """A contract's size as its row tells it (``ctVal``, ``ctMult``), or as it is known here.

    Raises InputError where it is neither.
    """
    size = price_of(entry, "ctVal", where)
    if size is None:
        return contract_spec(contract, VENUE)
    times = price_of(entry, "ctMult", where)
    return ContractSpec(
        size=size * (1 if times is None else times),
        unit="USD" if has_usd_size(contract) else "underlying",
        source="ctVal of the row",
    )


def _objects(content: Json) -> list[Entry]:
    if not isinstance(content, list):
        return []
    return [entry if isinstance(entry, dict) else {} for entry in content]
