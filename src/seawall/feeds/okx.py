"""OKX's positions: the request of its position builder (``simPos``), and ``account/positions``.

``pos`` counts contracts: coins of linear swaps and futures and of options, USD of inverse ones, as
many as a contract of the venue is. With ``posSide`` long or short it has no sign of its own; any
other than these, net or none is an error. An inverse position needs a mark, its ``markPx`` or the
market's. ``simAsset`` are balances.

Source: OKX's API documentation of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from seawall.basics.errors import BadNumber, InputError, UnreadableFile
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
from seawall.feeds.messages import Entry, Message, list_at, text_of
from seawall.products.instruments import Asset, Future, Instrument, has_usd_size
from seawall.products.names import ContractSpec, contract_spec, parse_venue_name

POSITION_KEYS = ("instId", "pos")
"""The keys by which positions are recognised."""

VENUE = "okx"
_LISTS = ("simPos", "simAsset")
# Of a net position the sign is that of its count.
_SIGNS = {"long": 1, "short": -1, "net": 0}


def read_positions(message: Message) -> Accounts:
    """The positions of one account; those of zero are left out, long and short legs are netted.

    Raises UnknownInstrument, BadNumber, InputError for a contract whose size is not known.
    """
    return _accounts(_positions(message, "row"), [], ())


def read_simulated(message: Message) -> Accounts:
    """The positions and assets of a request to the position builder.

    Raises as read_positions, and UnreadableFile where one of the two is no list of objects, or
    another key has positions or assets too.
    """
    for key, value in message.fields.items():
        if key not in _LISTS and isinstance(value, list | Mapping):
            raise UnreadableFile(
                f"{key!r:.40} stands beside {' and '.join(_LISTS)}",
                where=message.name,
                remedy="Give positions and assets under these two.",
            )
    positions = _positions(list_at(message, "simPos"), "simPos")
    assets: list[Holding] = []
    for number, entry in enumerate(list_at(message, "simAsset").entries, 1):
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
    real = message.fields.get("inclRealPosAndEq") in (True, "true")
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


def _positions(message: Message, part: str) -> list[Holding]:
    found: list[Holding] = []
    for number, entry in enumerate(message.entries, 1):
        where = f"{message.name} {part} {number}"
        count = decimal_of(entry, "pos", where)
        if count is None:
            raise BadNumber(
                f"{text_of(entry, 'instId') or 'the row'} has no pos",
                where=where,
                remedy="Give pos, the number of contracts, or leave the row out.",
            )
        if count:
            found.append(_position(entry, count, where))
    return found


def _position(entry: Entry, count: Decimal, where: str) -> Holding:
    name, side = text_of(entry, "instId") or "", entry.get("posSide")
    told = "net" if side is None or side == "" else str(side).strip().lower()
    sign = _SIGNS.get(told)
    if sign is None or (count < 0 and sign > 0):
        raise BadNumber(
            f"pos {count} of {name} with posSide {side!r:.20} is no position",
            where=where,
            remedy="Give pos with a sign, or posSide, long or short.",
        )
    contracts = abs(count) * sign if sign else count
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
